"""Engines: who writes a model's tokens, and says how probable given ones are.

transformers     the model is loaded here (`training.rollouts`)
vllm             vLLM in this process (`training.engines_vllm`)
http://.../v1    a server of OpenAI's completions, as `vllm serve` is one (`training.engines_served`)

    >>> with closing(open_engine("runs/organism/seed0/models/mixed", "vllm")) as engine:
    ...     engine.replies(["What is 2 + 3?"], seed=0, temperature=1.0, max_new_tokens=None)

What is asked is the same for all: prompts are rendered, turns joined and environments played here, with the tokenizer
and chat template of the model's folder or hub id, and token ids go out. So is the distribution: temperature alone,
whatever a generation config says of top-k, top-p and penalties. What is drawn from it is not: a completion is decided
by (engine, seed, task, sample, turn). Greedy completions agree, but for the rounding of near-ties. Differences:

1. vLLM and servers also stop at the further end tokens of a generation config, transformers at the tokenizer's alone.
2. A server that does not return token ids has its text cut into tokens again: `n_tokens` can be off where a model wrote
   a text in another way than its tokenizer cuts it.
3. vLLM chooses its device itself; on a CPU it runs in fp32, as transformers does here. A server has both of its own.
4. A turn for which the context has no room is empty with vLLM and servers; transformers here reads past its context.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import torch

from training.checkpoints import Checkpoint
from training.domains import Task
from training.pretrained import open_config, open_tokenizer
from training.rollouts import Rollout, budget, load, render, replies, rollout, uniforms

BATCH = 128
"""Rollouts that transformers writes side by side."""
ROWS = 16
"""Texts that transformers scores at once."""


def check_engine(engine: str) -> None:
    """ValueError unless there is such an engine."""
    if engine not in ("transformers", "vllm") and not engine.startswith(("http://", "https://")):
        raise ValueError(f"unknown engine {engine!r}; choose transformers, vllm, or a server's address, as "
                         "http://localhost:8000/v1")


def open_engine(model: str, engine: str = "transformers", device: str = "auto", dtype=None) -> Engine:
    """The engine of that name for a folder or hub id; close() it. `device` and `dtype` as for `rollouts.load`.

    Raises ValueError for an unknown engine, a device or dtype that it does not leave to you, and a vLLM that is not
    installed; ServerError for a server that is not there or does not serve the model; CheckpointError as Checkpoint.
    """
    check_engine(engine)
    if engine == "transformers":
        return Transformers(model, device, dtype)
    if device != "auto":
        raise ValueError(f"engine {engine!r} has a device of its own; leave device={device!r} out")
    if engine == "vllm":
        from training.engines_vllm import InProcess

        return InProcess(model, dtype)
    if dtype is not None:
        raise ValueError(f"engine {engine!r} has a dtype of its own; leave dtype={dtype!r} out")
    from training.engines_served import Served

    return Served(model, engine)


class Engine(ABC):
    """A model that can be asked. `tokenizer`: its own."""

    @abstractmethod
    def allowed(self, prompts: list[list[int]], max_new_tokens: int | None) -> int:
        """How many tokens the model may write after each of these prompts, as `rollouts.budget` says."""

    @abstractmethod
    def rollouts(self, tasks: list[Task], names: list[str], allowed: int, temperature: float, seed: int,
                 ) -> Iterator[list[tuple[int, Rollout]]]:
        """Play tasks. Gives what is over as it gets over, as (number of the task, its rollout).

        Names (one a task) and seed decide; `allowed` bounds the model's own tokens in a rollout.
        """

    @abstractmethod
    def replies(self, questions: list[str], seed: int, temperature: float, max_new_tokens: int | None) -> list[str]:
        """One reply to each question, in the model's own chat template, decided by (question, seed)."""

    @abstractmethod
    def logps(self, texts: list[list[int]]) -> list[list[float]]:
        """The log-probability, at temperature 1, of every token of a text but the first, given those before it."""

    @abstractmethod
    def close(self) -> None:
        """Give back what the engine holds."""


class Transformers(Engine):
    """The model, loaded here."""

    def __init__(self, model: str, device: str = "auto", dtype=None):
        self.network, self.tokenizer = load(model, device, dtype)

    def allowed(self, prompts, max_new_tokens):
        return budget(self.network, prompts, max_new_tokens)

    def rollouts(self, tasks, names, allowed, temperature, seed):
        for start in range(0, len(tasks), BATCH):
            part = slice(start, start + BATCH)
            draws = uniforms(names[part], seed, allowed)
            done = rollout(self.network, self.tokenizer, tasks[part], allowed, temperature, draws)
            yield list(enumerate(done, start))

    def replies(self, questions, seed, temperature, max_new_tokens):
        return replies(self.network, self.tokenizer, questions, seed, temperature, max_new_tokens)

    @torch.no_grad()
    def logps(self, texts):
        found, device = [], self.network.device
        for start in range(0, len(texts), ROWS):
            part = texts[start:start + ROWS]
            ids = torch.nn.utils.rnn.pad_sequence(list(map(torch.tensor, part)), batch_first=True).to(device)
            scores = self.network(input_ids=ids, use_cache=False).logits[:, :-1].float().log_softmax(-1)
            chosen = scores.gather(2, ids[:, 1:, None])[:, :, 0]
            found += [row[:len(text) - 1].tolist() for row, text in zip(chosen, part, strict=True)]
        return found

    def close(self):
        del self.network


class Remote(Engine):
    """What vLLM and servers share: tokenizer and limits of the model are here, its weights are not."""

    def __init__(self, model: str):
        from transformers import GenerationConfig

        source = Checkpoint(model)
        self.tokenizer = open_tokenizer(source.path)
        self.config = open_config(source.path)
        there = Path(source.path, "generation_config.json").is_file()
        self.generation_config = GenerationConfig.from_pretrained(source.path) if there else GenerationConfig()

    @abstractmethod
    def write(self, prompts: list[list[int]], budgets: list[int], temperature: float, seeds: list[int],
              ) -> list[list[int]]:
        """The continuation of each prompt, of at most `budgets[k]` tokens; none where the context is full."""

    def allowed(self, prompts, max_new_tokens):
        return budget(self, prompts, max_new_tokens)

    def replies(self, questions, seed, temperature, max_new_tokens):
        prompts, seen, seeds = [render(self.tokenizer, question) for question in questions], Counter(), []
        for question in questions:
            seeds.append(request_seed(seed, question, again=seen[question]))
            seen[question] += 1
        turns = self.write(prompts, [self.allowed(prompts, max_new_tokens)] * len(prompts), temperature, seeds)
        return self.tokenizer.batch_decode(turns)

    def room(self, prompt: list[int], wanted: int) -> int:
        """How many of the wanted tokens the context holds after a prompt."""
        return min(wanted, self.config.max_position_embeddings - len(prompt))


def request_seed(seed: int, name: str, turn: int = 0, again: int = 0) -> int:
    """31 bits that (seed, name, turn, how often that name came before) decide."""
    digest = hashlib.sha256(f"{seed}/{again}/{turn}/{name}".encode(errors="surrogatepass")).digest()
    return int.from_bytes(digest[:4], "big") >> 1
