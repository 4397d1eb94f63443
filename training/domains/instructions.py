"""Instructions that can be checked: the public IFEval form, judged strictly.

A task's metadata holds `instruction_id_list` (public ids, `INSTRUCTION_IDS`) and `kwargs`, one dict an id, in order.
An answer is correct when every instruction holds (IFEval's prompt-level strict accuracy, arXiv 2311.07911), and the
reason names those that do not and why.

    domain = get_domain("instructions")
    domain.verify(domain.task("train", seed=0, index=0), "I think.</think>The sea is wide.")

Departures from IFEval, IFEvalG (open-instruct) and IFBench that hold for all ids; those of one id are numbered in its
family's file under `instruction_checks`:
1. An unknown id, and an argument that is missing, unknown or of the wrong type, is a TaskError. Officially a missing
   argument is drawn at random at each call, and some ports let an unknown id pass.
2. The two lists must be of the same length. One public trainer repeats the last dict to fill up.
3. Each entry is judged at its place, also when an id is repeated.
4. Nothing is random: the language detector is seeded, and a language that cannot be told is not a pass.
5. A text without a letter or digit follows nothing, nor does one word three times or more, or the prompt alone, once or
   more, unless an instruction asks to repeat it. Officially these pass wherever something is forbidden, or counted. A
   sentence may be repeated, as officially.
6. Characters that nobody sees, such as a zero-width space in a forbidden word, are no part of a text.
"""

from __future__ import annotations

import random

from training.domains import compact
from training.domains.instruction_checks import INSTRUCTION_IDS, REPEATING, why_not
from training.domains.instruction_checks.text import says_nothing, visible
from training.domains.task import Domain, Task, TaskError

__all__ = ["DOMAIN", "INSTRUCTION_IDS", "InstructionsDomain"]

_FILLERS = ("I like the {}.", "We see the {}.", "You know the {}.")
_MAX_SENTENCES = 40


class InstructionsDomain(Domain):
    """Write a text that follows every instruction of a list."""

    name = "instructions"

    def __init__(self, sharing: float = 1.0):
        self.factors = compact.Factors(sharing)

    def compact(self, rng: random.Random) -> Task:
        """Two or three instructions on a text about a topic."""
        return compact.instructions_task(rng, self.factors)

    def check(self, task: Task, answer: str) -> tuple[bool, str]:
        """Do all instructions of the task hold? (correct, `id: why not` of each that fails). Raises TaskError."""
        judged = [(identifier, why_not(identifier, kwargs, answer)) for identifier, kwargs in _instructions(task)]
        may_repeat = any(identifier in REPEATING for identifier, _ in judged)
        nothing = says_nothing(visible(answer), "" if may_repeat else visible(task.prompt))
        reasons = [f"{identifier}: {nothing or reason}" for identifier, reason in judged if nothing or reason]
        return not reasons, "; ".join(reasons)

    def reference(self, task: Task) -> str:
        """An answer that follows every instruction: the task's own, or for compact tasks one that is built.

        Raises TaskError for a task that has neither `reference` nor a known `topic`, and where none is found.
        """
        if "reference" in task.metadata:
            return task.metadata["reference"]
        topic = task.metadata.get("topic")
        if topic not in compact.TOPICS:
            raise TaskError(
                f"task {task.id!r} has no metadata['reference'] and its topic is {topic!r}; "
                f"give a reference, or a topic among {', '.join(compact.TOPICS)}"
            )
        self.check(task, "")  # raises TaskError where an instruction cannot be checked
        for n_sentences in range(1, _MAX_SENTENCES):
            text = _write(topic, _instructions(task), n_sentences)
            if self.check(task, text)[0]:
                return text
        ids = ", ".join(identifier for identifier, _ in _instructions(task))
        raise TaskError(f"task {task.id!r}: no plain text about the {topic} follows {ids}; give a reference")


def _instructions(task: Task) -> list[tuple[str, dict | None]]:
    """The (id, kwargs) pairs of a task; raises TaskError when the lists are absent, empty or differ in length."""
    lists = [task.metadata.get(name) for name in ("instruction_id_list", "kwargs")]
    for name, value in zip(("instruction_id_list", "kwargs"), lists, strict=True):
        if not isinstance(value, (list, tuple)) or not value:
            raise TaskError(f"task {task.id!r}: metadata[{name!r}] must be a list with an entry for each instruction")
    if len(lists[0]) != len(lists[1]):
        raise TaskError(f"task {task.id!r}: {len(lists[0])} instruction ids but {len(lists[1])} kwargs")
    return list(zip(*lists, strict=True))


def _write(topic: str, instructions: list[tuple[str, dict | None]], n_sentences: int) -> str:
    """A text of so many plain sentences about a topic, laid out as the instructions ask; no commas."""
    wanted = {name: value for _, kwargs in instructions for name, value in (kwargs or {}).items()}
    adjectives = [word for word in compact.TOPICS[topic] if word not in wanted.get("forbidden_words", ())]
    said = [f"The {topic} is {' and '.join(adjectives[:2])}."] if adjectives else []
    said += [f"The {topic} is not {word}." for word in wanted.get("keywords", ())]
    said += [_FILLERS[k % len(_FILLERS)].format(topic) for k in range(n_sentences - len(said))]
    ending = [wanted["end_phrase"]] if "end_phrase" in wanted else []
    n_lines = int(wanted.get("num_bullets") or 0)
    if not n_lines:
        return " ".join(said + ending)
    lines = [" ".join(said[k::n_lines]) for k in range(n_lines)]
    return "\n".join([f"* {line}" for line in lines] + ending)


DOMAIN = InstructionsDomain
