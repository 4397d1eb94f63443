"""A model behind a server: each turn is a request, and rollouts go on independently of each other (`training.engines`).

Requests run in threads; rendering, environments and tokenizers stay in the caller's, which they are made for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from training.engines import Remote, request_seed
from training.rollouts import begin, goes_on
from training.server import TOGETHER, Completion, Server, ServerError


class Served(Remote):
    """A model that a server serves, by the name or from the folder that it has here."""

    def __init__(self, model: str, url: str):
        super().__init__(model)
        self._server = Server(url)
        self._name, context = served_name(self._server, model)
        self.config.max_position_embeddings = min(context, self.config.max_position_embeddings)

    def rollouts(self, tasks, names, allowed, temperature, seed):
        states, environments = begin(self.tokenizer, tasks)
        requests = Requests(self._server)

        def ask(k: int) -> None:
            own = request_seed(seed, names[k], states[k].n_turns)
            requests.send(k, self._turn, states[k].ids, allowed - states[k].n_tokens, temperature, own)

        try:
            for k in range(len(tasks)):
                ask(k)
            for arrived in requests.answers():
                over = []
                for k, found in arrived:
                    if goes_on(states[k], self._ids(found), environments[k], self.tokenizer, allowed):
                        ask(k)
                    else:
                        over.append((k, states[k]))
                yield over
        finally:
            requests.end()

    def write(self, prompts, budgets, temperature, seeds):
        asked = zip(prompts, budgets, [temperature] * len(prompts), seeds, strict=True)
        return list(map(self._ids, self._server.side_by_side(lambda turn: self._turn(*turn), asked)))

    def logps(self, texts):
        return self._server.score(self._name, texts, self.tokenizer)

    def close(self):
        self._server.stop()

    def _turn(self, prompt: list[int], wanted: int, temperature: float, seed: int) -> Completion:
        """One turn, from the server; an empty one where the context is full."""
        room = self.room(prompt, wanted)
        if room < 1:
            return Completion("", [], "length")
        return self._server.complete(self._name, prompt, temperature=temperature, max_tokens=room, seed=seed)[0]

    def _ids(self, found: Completion) -> list[int]:
        """The tokens of a completion, with the end token where the model ended it."""
        end, text = self.tokenizer.eos_token, found.text.removesuffix(self.tokenizer.eos_token)
        if found.ids is None:
            ids = self.tokenizer(text, add_special_tokens=False)["input_ids"]
            return ids + [self.tokenizer.eos_token_id] * (found.finish == "stop")
        ours = self.tokenizer.decode(found.ids).removesuffix(end)
        if "\ufffd" not in ours and "".join(ours.split()) != "".join(text.split()):
            raise ServerError(f"{self._server.url} has another tokenizer than {self._name} here: what it wrote as "
                              f"{text!r} reads {ours!r}")
        return found.ids


class Requests:
    """Requests under way, TOGETHER of them at once, and their answers as they arrive."""

    def __init__(self, server: Server):
        self._server, self._pool, self._arrived = server, ThreadPoolExecutor(TOGETHER), SimpleQueue()
        self._under_way, self._failed = 0, None

    def send(self, key, work: Callable, *arguments) -> None:
        """Ask for work(*arguments); nothing is asked any more once a request failed."""
        if not self._failed:
            self._under_way += 1
            future = self._pool.submit(work, *arguments)
            future.add_done_callback(lambda future: self._arrived.put((key, future)))

    def answers(self) -> Iterator[list[tuple]]:
        """(key, answer) of all that has arrived, again and again until nothing is under way.

        When a request fails, what others still give comes first; then its error is raised.
        """
        while self._under_way:
            arrived = [self._arrived.get()]
            while not self._arrived.empty():
                arrived.append(self._arrived.get())
            self._under_way -= len(arrived)
            done = [(key, future) for key, future in arrived if not future.cancelled()]
            errors = [future.exception() for _, future in done if future.exception()]
            if errors and not self._failed:
                self._failed = errors[0]
                self.end()
            yield [(key, future.result()) for key, future in done if not future.exception()]
        if self._failed:
            raise self._failed

    def end(self) -> None:
        """Take back what was not sent yet, and try nothing again."""
        if self._under_way:
            self._server.stop()
        self._pool.shutdown(wait=False, cancel_futures=True)


def served_name(server: Server, model: str) -> tuple[str, float]:
    """The name that a server has for a model, and the context it gives it (infinite where it does not say).

    Of a folder, that is the folder it serves, or its name. Raises ServerError with what there is.
    """
    cards, ours = server.models(), {model, str(Path(model).resolve())}
    for name, card in cards.items():
        if ours & {name, card.get("root")}:
            return name, card.get("max_model_len") or float("inf")
    raise ServerError(f"{server.url} does not serve {model}; it serves {', '.join(cards) or 'nothing'} (vllm serve has "
                      "--served-model-name to call a model as it is called here)")
