"""The anchor's card: what it is, how it was made, and what it can do on held-out tasks, measured when it is written.

Accuracy is that of one sample a task at temperature 1 on test tasks, which share no prompt with the corpus; judge
accuracies are of the anchor's verdicts on those same samples, balanced over right and wrong ones.
"""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from training import judging
from training.domains import DOMAINS, Task, get_domain
from training.rlvr import verify
from training.rollouts import Rollout, budget, load, render, replies, rollout, uniforms

BATCH = 100
WHY_MANY_CHANGE = (
    "GRPO at a rate that learns in a few dozen steps changes most of its bf16 weights, not about 30 % as in the",
    "paper, so overlap of update masks says little from here (measured, with the sweeps that should have changed",
    "fewer, in `paper/LOG.md`).",
)


def measure(model: str, n: int = 300, seed: int = 0, sharing: float = 1.0) -> list[dict]:
    """One row a domain: n, accuracy, formatted, tokens, and the judge's balanced accuracy in both modes."""
    network, tokenizer = load(model)
    return [_domain_row(network, tokenizer, get_domain(name, sharing=sharing).tasks("test", n, seed=1), seed)
            for name in DOMAINS]


def _domain_row(network, tokenizer, tasks: list[Task], seed: int) -> dict:
    n = len(tasks)
    allowed = budget(network, [render(tokenizer, task.prompt) for task in tasks], None)
    draws = uniforms([task.id for task in tasks], seed, allowed)
    done: list[Rollout] = []
    for start in range(0, n, BATCH):
        part = slice(start, start + BATCH)
        done += rollout(network, tokenizer, tasks[part], allowed, draws=draws[part])
    verdicts = verify(tasks, [r.text for r in done])
    right = [v.correct for v in verdicts]
    judged = {mode: balanced(_judge(network, tokenizer, tasks, done, mode, seed), right) for mode in judging.MODES}
    return {"domain": tasks[0].domain, "n": n, "accuracy": sum(right) / n,
            "formatted": sum(v.formatted for v in verdicts) / n, "tokens": sum(r.n_tokens for r in done) / n,
            **{f"judge_{mode}": value for mode, value in judged.items()}}


def _judge(network, tokenizer, tasks: list[Task], done: list[Rollout], mode: str, seed: int) -> list[bool | None]:
    """The model's verdicts on rollouts; None where it gave none."""
    questions = [judging.question(mode, task.prompt, r.text) for task, r in zip(tasks, done, strict=True)]
    return [judging.parse_verdict(text) for text in replies(network, tokenizer, questions, seed)]


def balanced(verdicts: list[bool | None], truth: list[bool]) -> float:
    """Mean of the accuracies on right and on wrong answers; no verdict is a miss; nan if a kind is absent."""
    shares = []
    for kind in (True, False):
        chosen = [verdict is kind for verdict, right in zip(verdicts, truth, strict=True) if right is kind]
        shares.append(sum(chosen) / len(chosen) if chosen else float("nan"))
    return sum(shares) / 2


def write_card(folder: Path, made: list[str], sharing: float = 1.0) -> None:
    """Write `folder/README.md`: `made`, lines on how the anchor was made, then what it can do, measured now."""
    rows = measure(str(folder), sharing=sharing)
    keys = list(rows[0])
    table = ["| " + " | ".join(keys) + " |", "|" + "---|" * len(keys)]
    shown = [[f"{value:.3f}" if isinstance(value, float) else str(value) for value in row.values()] for row in rows]
    table += [f"| {' | '.join(cells)} |" for cells in shown]
    libraries = ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers", "trl"))
    (folder / "README.md").write_text("\n".join([
        "# The organism's SFT anchor", "",
        "A Qwen3 of 8 thin layers, trained from scratch on a generated corpus of five domains: the",
        "starting point of every expert and mixed model.", "",
        *(f"- {line}" for line in made), f"- Libraries: {libraries}. Weights stored in bf16.", "",
        "Measured on held-out tasks, one sample a task at temperature 1; the judge columns are balanced accuracies of",
        "the anchor's own verdicts on those samples:", "", *table, "", *WHY_MANY_CHANGE, ""]))
