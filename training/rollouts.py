"""Rollouts: a model's completions of tasks, with the turns of those tasks that have an environment.

The model writes a turn; where the task has an environment (agent), the turn's calls are made, the response is appended
as a user message in the model's own chat template, and the model goes on, until it makes no call, the turns are used
up, or its own tokens are. Sampling is plain: temperature, no top-k, no top-p (they bias the importance ratio). Used by
GRPO and by `behaviors.sample` alike, so what is trained is what is measured.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch

from training.domains import Task, get_domain

PROBE = "mix-or-merge turn boundary"


@dataclass
class Rollout:
    """One completion of a task. Ids are of the whole transcript after the prompt."""

    prompt_ids: list[int]
    completion_ids: list[int] = field(default_factory=list)
    own: list[int] = field(default_factory=list)
    """1 for a token the model wrote, 0 for one that the environment did."""
    text: str = ""
    """The transcript: the model's turns and the environment's responses, without chat markup."""
    n_turns: int = 0
    finished: bool = False
    """Did the model end its last turn itself?"""

    @property
    def n_tokens(self) -> int:
        """Tokens that the model wrote."""
        return sum(self.own)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Random numbers that depend on `seed` alone; the state from before comes back afterwards."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield


def render(tokenizer, prompt: str) -> list[int]:
    """A prompt as the token ids of a chat that asks for the assistant's turn."""
    messages = [{"role": "user", "content": prompt}]
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    return tokenizer(text, add_special_tokens=False)["input_ids"]


def response_ids(tokenizer, response: str) -> list[int]:
    """What stands between an assistant's end of turn and its next turn when the environment answers `response`."""
    messages = [{"role": "user", "content": PROBE}, {"role": "assistant", "content": PROBE},
                {"role": "user", "content": response}]
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    between = text.rpartition(PROBE)[2]
    ended = between.removeprefix(tokenizer.eos_token)
    if ended == between:
        raise ValueError(f"the chat template does not end a turn with the eos token {tokenizer.eos_token!r}")
    return tokenizer(ended, add_special_tokens=False)["input_ids"]


@torch.no_grad()
def complete(model, tokenizer, prompts: list[list[int]], budgets: list[int], temperature: float) -> list[list[int]]:
    """Sample one continuation of each prompt (token ids), at most `budgets[i]` tokens, with its end token if reached.

    Temperature 0 is greedy. Draws from torch's global generator: wrap in `seeded` for repeatable results.
    """
    width = max(map(len, prompts))
    pad = tokenizer.pad_token_id
    ids = torch.tensor([[pad] * (width - len(row)) + row for row in prompts], device=model.device)
    mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in prompts], device=model.device)
    drawn = {"do_sample": True, "temperature": temperature, "top_k": 0, "top_p": 1.0}
    out = model.generate(input_ids=ids, attention_mask=mask, max_new_tokens=max(budgets), pad_token_id=pad,
                         eos_token_id=tokenizer.eos_token_id, **(drawn if temperature else {"do_sample": False}))
    return [_until_end(row, tokenizer.eos_token_id)[:budget]
            for row, budget in zip(out[:, width:].tolist(), budgets, strict=True)]


def _until_end(ids: list[int], end: int) -> list[int]:
    return ids[: ids.index(end) + 1] if end in ids else ids


def rollout(model, tokenizer, tasks: list[Task], max_new_tokens: int, temperature: float = 1.0) -> list[Rollout]:
    """One rollout of each task, as one batch; `max_new_tokens` bounds the model's own tokens over all its turns."""
    rollouts = [Rollout(render(tokenizer, task.prompt)) for task in tasks]
    environments = [get_domain(task.domain).environment(task) for task in tasks]
    active = list(range(len(tasks)))
    while active:
        prompts = [rollouts[i].prompt_ids + rollouts[i].completion_ids for i in active]
        budgets = [max_new_tokens - rollouts[i].n_tokens for i in active]
        turns = complete(model, tokenizer, prompts, budgets, temperature)
        active = [i for i, turn in zip(active, turns, strict=True)
                  if _goes_on(rollouts[i], turn, environments[i], tokenizer, max_new_tokens)]
    return rollouts


def _goes_on(state: Rollout, turn: list[int], environment, tokenizer, max_new_tokens: int) -> bool:
    """Append a turn, and the environment's response to it; False when the rollout is over."""
    state.completion_ids += turn
    state.own += [1] * len(turn)
    state.n_turns += 1
    state.finished = bool(turn) and turn[-1] == tokenizer.eos_token_id
    text = tokenizer.decode(turn[:-1] if state.finished else turn)
    state.text += text
    response = environment.step(text) if environment is not None and state.finished else None
    if response is None or state.n_tokens >= max_new_tokens:
        return False
    ids = response_ids(tokenizer, response)
    state.completion_ids += ids
    state.own += [0] * len(ids)
    state.text += response
    return True


def load(model: str, device: str = "auto", dtype=None):
    """(model in evaluation mode, tokenizer) of a folder or hub id; `device="auto"` is cuda where there is one."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from training.checkpoints import Checkpoint

    path = Checkpoint(model).path
    place = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    network = AutoModelForCausalLM.from_pretrained(path, dtype=dtype or ("auto" if place == "cuda" else torch.float32))
    return network.to(place).eval(), AutoTokenizer.from_pretrained(path)


def budget(model, prompts: list[list[int]], max_new_tokens: int | None) -> int:
    """How many tokens a model may write: as asked, else as its generation config says, else what its context holds."""
    room = model.config.max_position_embeddings - max(map(len, prompts))
    wanted = max_new_tokens or model.generation_config.max_new_tokens or room
    if min(wanted, room) < 1:
        raise ValueError(f"a prompt of {max(map(len, prompts))} tokens fills the model's context of "
                         f"{model.config.max_position_embeddings}")
    return min(wanted, room)
