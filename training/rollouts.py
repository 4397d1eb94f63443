"""Rollouts: a model's completions of tasks, with the turns of those tasks that have an environment.

The model writes a turn; where the task has an environment (agent), the turn's calls are made, the response is appended
as a user message in the model's own chat template, and the model goes on, until it makes no call, the turns are used
up, or its own tokens are. Sampling is plain: temperature, no top-k, no top-p (they bias the importance ratio). Used by
GRPO and by `behaviors.sample` alike, whatever engine writes the tokens, so what is trained is what is measured.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import torch

from training.domains import Task, get_domain
from training.pretrained import in_template, open_model, open_tokenizer

PROBE = "mix-or-merge turn boundary"
KEPT = 0.75
"""A batch is cut down when no more than this share of its rows goes on (cutting copies the cache)."""
BATCH = 64
"""Questions answered side by side."""


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
    def ids(self) -> list[int]:
        """All tokens so far: what the next turn follows."""
        return self.prompt_ids + self.completion_ids

    @property
    def n_tokens(self) -> int:
        """Tokens that the model wrote."""
        return sum(self.own)


def uniforms(names: list[str], seed: int, width: int) -> torch.Tensor:
    """(len(names), width) numbers in [0, 1): row i is a function of (seed, names[i], how often that name came before).

    With these a completion does not depend on what else is in its batch, but for rounding.
    """
    seen: Counter[str] = Counter()
    rows = []
    for name in names:
        digest = hashlib.sha256(f"{seed}/{seen[name]}/{name}".encode(errors="surrogatepass")).digest()
        rows.append(torch.rand(width, generator=torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))))
        seen[name] += 1
    return torch.stack(rows)


def asked(tokenizer, prompt: str) -> str:
    """A prompt as the text of a chat that asks for the assistant's turn."""
    messages = [{"role": "user", "content": prompt}]
    return in_template(tokenizer, messages)


def render(tokenizer, prompt: str) -> list[int]:
    """The ids of `asked`."""
    return tokenizer(asked(tokenizer, prompt), add_special_tokens=False)["input_ids"]


def response_text(tokenizer, response: str) -> str:
    """What stands between an assistant's words and its next turn when the environment answers `response`."""
    messages = [{"role": "user", "content": PROBE}, {"role": "assistant", "content": PROBE},
                {"role": "user", "content": response}]
    return in_template(tokenizer, messages).rpartition(PROBE)[2]


def response_ids(tokenizer, response: str) -> list[int]:
    """The ids of `response_text`, after the token that ends the assistant's turn."""
    between = response_text(tokenizer, response)
    ended = between.removeprefix(tokenizer.eos_token)
    if ended == between:
        raise ValueError(f"the chat template does not end a turn with the eos token {tokenizer.eos_token!r}")
    return tokenizer(ended, add_special_tokens=False)["input_ids"]


@torch.no_grad()
def complete(model, tokenizer, prompts: list[list[int]], budgets: list[int], temperature: float,
             draws: torch.Tensor) -> list[list[int]]:
    """Sample one continuation of each prompt (token ids), at most `budgets[i]` tokens, with its end token if reached.

    `draws`, (prompts, max(budgets)) numbers in [0, 1), decide: token t of row i is where the distribution passes
    draws[i, t]. Temperature 0 is greedy. Rows that are over leave the batch: lengths differ, so carrying all rows to
    the length of the longest costs about twice as much.
    """
    from transformers import DynamicCache

    cache, width = DynamicCache(config=model.config), max(map(len, prompts))
    ids = torch.tensor([[0] * (width - len(row)) + row for row in prompts], device=model.device)
    mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in prompts], device=model.device)
    positions, draws = (mask.cumsum(1) - 1).clamp(min=0), draws.to(model.device)
    rows, written, end = list(range(len(prompts))), [[] for _ in prompts], tokenizer.eos_token_id
    for step in range(max(budgets)):
        out = model(input_ids=ids, attention_mask=mask, position_ids=positions, past_key_values=cache, use_cache=True,
                    logits_to_keep=1)
        drawn = _draw(out.logits[:, -1], temperature, draws[rows, step])
        for row, token in zip(rows, drawn.tolist(), strict=True):
            written[row] += [] if _over(written[row], budgets[row], end) else [token]
        alive = [place for place, row in enumerate(rows) if not _over(written[row], budgets[row], end)]
        if not alive:
            break
        ids, positions = drawn[:, None], positions[:, -1:] + 1
        mask = torch.cat([mask, mask.new_ones(len(rows), 1)], dim=1)
        if len(alive) <= KEPT * len(rows):
            kept = torch.tensor(alive, device=model.device)
            cache.batch_select_indices(kept)
            ids, positions, mask, rows = ids[kept], positions[kept], mask[kept], [rows[k] for k in alive]
    return written


def _draw(logits: torch.Tensor, temperature: float, numbers: torch.Tensor) -> torch.Tensor:
    """One token id a row of (rows, vocabulary) logits, by inverting the cumulative distribution at (rows) numbers."""
    if not temperature:
        return logits.argmax(-1)
    reached = (logits.double() / temperature).softmax(-1).cumsum(-1)
    found = torch.searchsorted(reached, numbers.double()[:, None] * reached[:, -1:], right=True)
    return found[:, 0].clamp(max=logits.shape[-1] - 1)


def _over(ids: list[int], allowed: int, end: int) -> bool:
    return len(ids) >= allowed or ids[-1:] == [end]


def replies(model, tokenizer, questions: list[str], seed: int, temperature: float = 1.0,
            max_new_tokens: int | None = None) -> list[str]:
    """One reply to each question, in the model's own chat template, decided by (question, seed).

    `max_new_tokens` None: what the model's generation config says, else its context.
    """
    prompts = [render(tokenizer, question) for question in questions]
    allowed = budget(model, prompts, max_new_tokens)
    draws, found = uniforms(questions, seed, allowed), []
    for start in range(0, len(prompts), BATCH):
        part = slice(start, start + BATCH)
        turns = complete(model, tokenizer, prompts[part], [allowed] * len(prompts[part]), temperature, draws[part])
        found += tokenizer.batch_decode(turns)
    return found


def rollout(model, tokenizer, tasks: list[Task], max_new_tokens: int, temperature: float = 1.0,
            draws: torch.Tensor | None = None) -> list[Rollout]:
    """One rollout of each task, as one batch; `max_new_tokens` bounds the model's own tokens over all its turns.

    `draws`, (tasks, max_new_tokens) as `uniforms` gives them, decide the tokens (None: torch's global generator does).
    """
    draws = torch.rand(len(tasks), max_new_tokens) if draws is None else draws

    def write(rows: list[int], states: list[Rollout]) -> list[list[int]]:
        used = torch.tensor([state.n_tokens for state in states])
        budgets = (max_new_tokens - used).tolist()
        columns = (used[:, None] + torch.arange(max(budgets))).clamp(max=max_new_tokens - 1)
        chosen = draws[rows].gather(1, columns)
        return complete(model, tokenizer, [state.ids for state in states], budgets, temperature, chosen)

    return play(tokenizer, tasks, max_new_tokens, write)


def play(tokenizer, tasks: list[Task], max_new_tokens: int,
         write: Callable[[list[int], list[Rollout]], list[list[int]]]) -> list[Rollout]:
    """One rollout of each task, turn by turn, whoever writes the turns.

    `write(rows, states)` gives the next turn (token ids) of each of some rollouts, whose numbers are `rows`: it follows
    `state.ids`, and has at most `max_new_tokens - state.n_tokens` tokens.
    """
    rollouts, environments = begin(tokenizer, tasks)
    active = list(range(len(tasks)))
    while active:
        turns = write(active, [rollouts[i] for i in active])
        active = [i for i, turn in zip(active, turns, strict=True)
                  if goes_on(rollouts[i], turn, environments[i], tokenizer, max_new_tokens)]
    return rollouts


def begin(tokenizer, tasks: list[Task]) -> tuple[list[Rollout], list]:
    """Rollouts of which only the prompt is there, and the environments of the tasks (None where one has none)."""
    return ([Rollout(render(tokenizer, task.prompt)) for task in tasks],
            [get_domain(task.domain).environment(task) for task in tasks])


def goes_on(state: Rollout, turn: list[int], environment, tokenizer, max_new_tokens: int) -> bool:
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
    from training.checkpoints import Checkpoint

    path = Checkpoint(model, keep=True).path
    place = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    network = open_model(path, dtype or ("auto" if place == "cuda" else torch.float32))
    return network.to(place).eval(), open_tokenizer(path)


def budget(model, prompts: list[list[int]], max_new_tokens: int | None) -> int:
    """How many tokens a model may write: as asked, else as its generation config says, else what its context holds."""
    room = model.config.max_position_embeddings - max(map(len, prompts))
    wanted = max_new_tokens or model.generation_config.max_new_tokens or room
    if min(wanted, room) < 1:
        raise ValueError(f"a prompt of {max(map(len, prompts))} tokens fills the model's context of "
                         f"{model.config.max_position_embeddings}")
    return min(wanted, room)
