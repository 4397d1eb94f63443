"""Rollouts of a run through vLLM, with the trainer's own engine: colocate, or a server that the trainer sends weights.

TRL's GRPOTrainer holds the engine (`trainer.vllm_generation`) and gives it the current weights before it calls a
rollout function; the turns of a task are played here, as everywhere (`training.rollouts.play`). vLLM draws its own
numbers: a run through it is not repeatable token by token. Its log-probabilities of what it wrote go back to the
trainer, which weighs every token by truncated importance sampling; tokens of an environment have 0 and are masked out.

In colocate mode each process plays its own rows with its own engine. In server mode the main process plays all rows,
because processes whose rows take different numbers of turns cannot ask together, and hands out the results. Start
the server with the anchor, and the flags that TRL's client needs:

    VLLM_SERVER_DEV_MODE=1 vllm serve ANCHOR --weight-transfer-config '{"backend": "nccl"}' \
        --logprobs-mode processed_logprobs --max-logprobs -1
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from training.domains import Task
from training.rollouts import Rollout, play

REQUESTS = 64
"""Asked of a server at once."""
Written = tuple[list[int], list[float]]
"""A turn's token ids, and their log-probabilities."""
Write = Callable[[list[list[int]], list[int]], list[Written]]
"""(what each turn follows, tokens it may have) -> turns."""


def vllm_rollouts(trainer, tasks: list[Task], max_new_tokens: int) -> tuple[list[Rollout], list[list[float]]]:
    """This process's rollouts, and the log-probability of each of their tokens (0 for an environment's)."""
    from accelerate.utils import broadcast_object_list, gather_object

    if trainer.vllm_mode == "colocate":
        return played(trainer.processing_class, tasks, max_new_tokens, _here(trainer))
    everyone, found = gather_object(tasks), [None]
    if trainer.accelerator.is_main_process:
        found = [played(trainer.processing_class, everyone, max_new_tokens, _served(trainer))]
    broadcast_object_list(found)
    first = trainer.accelerator.process_index * len(tasks)
    rollouts, logps = found[0]
    return rollouts[first:first + len(tasks)], logps[first:first + len(tasks)]


def played(tokenizer, tasks: list[Task], max_new_tokens: int, write: Write) -> tuple[list[Rollout], list[list[float]]]:
    """Rollouts whose turns `write` writes, and the log-probability of each token, 0 for an environment's."""
    logps: list[list[float]] = [[] for _ in tasks]

    def turns(rows: list[int], states: list[Rollout]) -> list[list[int]]:
        budgets = [max_new_tokens - state.n_tokens for state in states]
        found = write([state.ids for state in states], budgets)
        for row, allowed, (ids, scores) in zip(rows, budgets, found, strict=True):
            if len(ids) != len(scores):
                raise ValueError(f"vLLM wrote {len(ids)} tokens and scored {len(scores)}")
            logps[row] += scores[:allowed]
        return [ids[:allowed] for allowed, (ids, _) in zip(budgets, found, strict=True)]

    rollouts = play(tokenizer, tasks, max_new_tokens, turns)
    return rollouts, [_spread(done.own, scores) for done, scores in zip(rollouts, logps, strict=True)]


def _spread(own: list[int], scores: list[float]) -> list[float]:
    """The scores at the tokens that the model wrote, 0 at the others."""
    values = iter(scores)
    return [next(values) if mine else 0.0 for mine in own]


def _here(trainer) -> Write:
    """Write with this process's engine; turns that are too long for what is left of a rollout are cut."""
    def write(prompts: list[list[int]], budgets: list[int]) -> list[Written]:
        _, ids, scores, _ = trainer.vllm_generation.generate(prompts=prompts, images=None, num_generations=1)
        return [(list(turn), [score[0] for score in row]) for turn, row in zip(ids, scores, strict=True)]

    return write


def _served(trainer) -> Write:
    """Write with the server, several requests at a time."""
    client = trainer.vllm_generation.vllm_client
    stop = {"stop_token_ids": [trainer.processing_class.eos_token_id]}

    def one(prompt: list[int], allowed: int) -> Written:
        got = client.generate([prompt], temperature=trainer.temperature, max_tokens=allowed, logprobs=0,
                              generation_kwargs=stop)
        return got["completion_ids"][0], [score[0] for score in got["logprobs"][0]]

    def write(prompts: list[list[int]], budgets: list[int]) -> list[Written]:
        with ThreadPoolExecutor(REQUESTS) as pool:
            return list(pool.map(one, prompts, budgets))

    return write
