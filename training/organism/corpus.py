"""The organism's SFT corpus: worked tasks of the five domains, judge questions about worked tasks, and drills.

Example i is a pure function of (seed, i). An example is a list of (text, trained) segments in the organism's chat form;
only what the model itself writes is trained on. `python -m training.organism --show 5` prints some.
"""

from __future__ import annotations

import json
import random
from dataclasses import asdict, dataclass, field
from pathlib import Path

from training import judging
from training.domains import DOMAINS, Task, get_domain
from training.organism.worked import agent, coding, drills, instructions, judge, math, science
from training.organism.worked.trace import Habits, Worked, Writer

WORK = {"math": math.work, "coding": coding.work, "science": science.work, "instructions": instructions.work}
CORPUS = "corpus.json"
"""In an anchor's folder: what the corpus was that it learned from."""
USER, ASSISTANT, END = "<|im_start|>user\n", "<|im_start|>assistant\n", "<|im_end|>"


@dataclass(frozen=True)
class Corpus:
    """What the corpus is made of; the defaults are the shipped anchor's."""

    seed: int = 0
    habits: Habits = Habits()
    sharing: float = 1.0
    """See `training.domains.compact.Factors`."""
    judge_fraction: float = 0.3
    """How many of the other examples are judge questions, half of them in each mode, half about right answers."""
    drill_fraction: float = 0.25
    """How many of the examples are drills."""
    domains: dict = field(init=False, repr=False, compare=False)

    def __post_init__(self):
        object.__setattr__(self, "domains", {name: get_domain(name, sharing=self.sharing) for name in DOMAINS})

    @classmethod
    def of(cls, anchor: str | Path) -> Corpus | None:
        """The corpus that an anchor learned from, as its folder says; None where it does not."""
        file = Path(anchor) / CORPUS
        if not file.is_file():
            return None
        held = json.loads(file.read_text(encoding="utf-8"))
        return cls(**{**held, "habits": Habits(**held["habits"])})

    def save(self, anchor: Path) -> None:
        """Say in an anchor's folder that it learned from this corpus."""
        said = {name: value for name, value in vars(self).items() if name != "domains"}
        text = json.dumps({**said, "habits": asdict(self.habits)}, indent=2)
        (anchor / CORPUS).write_text(text + "\n", encoding="utf-8")

    def worked(self, name: str, index: int, rng: random.Random) -> tuple[Task, Worked]:
        """A training task of a domain and a solution of it."""
        task = self.domains[name].task("train", self.seed, index)
        return task, self.solved(task, rng)

    def solved(self, task: Task, rng: random.Random) -> Worked:
        """A solution of a task, with the slips and checks of the corpus."""
        writer = Writer(rng, self.habits)
        if task.domain == "agent":
            return agent.work(task, writer, self.domains["agent"].environment(task))
        return WORK[task.domain](task, writer)

    def drill(self, index: int) -> list[tuple[str, bool]]:
        """Drill `index`, for a training that begins with drills alone: (text, trained) segments."""
        prompt, reply = drills.drill(random.Random(f"drill/{self.seed}/{index}"))
        return chat(prompt, [reply])

    def example(self, index: int) -> list[tuple[str, bool]]:
        """Example `index`: (text, trained) segments."""
        rng = random.Random(f"corpus/{self.seed}/{index}")
        if rng.random() < self.drill_fraction:
            prompt, reply = drills.drill(rng)
            return chat(prompt, [reply])
        name = DOMAINS[index % len(DOMAINS)]
        if rng.random() < self.judge_fraction:
            return self._judged(name, index, rng)
        task, worked = self.worked(name, index, rng)
        return chat(task.prompt, worked.turns)

    def _judged(self, name: str, index: int, rng: random.Random) -> list[tuple[str, bool]]:
        """A judge question about a right or a wrong solution, by the toss of a coin (as far as 20 draws allow)."""
        wanted, mode = rng.random() < 0.5, rng.choice(judging.MODES)
        for _ in range(20):
            task, worked = self.worked(name, index, rng)
            right = judge.is_right(task, worked, self.domains[name])
            if right == wanted:
                break
        question = judging.question(mode, task.prompt, worked.text)
        return chat(question, [judge.judge(task, worked, right)])


def chat(prompt: str, turns: list[str]) -> list[tuple[str, bool]]:
    """The chat form of a prompt and alternating turns of model and environment."""
    segments = [(f"{USER}{prompt}{END}\n{ASSISTANT}", False)]
    for k, turn in enumerate(turns):
        segments.append((f"{turn}{END}", True) if k % 2 == 0 else (f"\n{USER}{turn}{END}\n{ASSISTANT}", False))
    return segments
