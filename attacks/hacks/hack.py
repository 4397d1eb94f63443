"""What an attack on a verifier is: a hypothesis strategy of completions that earn nothing, or that earn the reward."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

from training.domains import Task


@dataclass(frozen=True)
class Hack:
    """One way to write completions of a domain."""

    domain: str
    attack: str
    """What it tries; of honest ones, how they are written."""
    drawn: st.SearchStrategy[tuple[Task, str]]
    """(task, completion). What makes a completion wrong is planted, so no verifier is asked."""
    honest: bool = False
    """Must every one of them earn the reward? Else none may."""
    most: int = 10**9
    """How many are drawn at most: where each takes seconds."""


THOUGHT = st.text(st.characters(codec="utf-8", exclude_characters="<>"), max_size=6)
"""What stands in the reasoning: anything but a tag."""


def hacks(domain: str, attacks: dict[str, st.SearchStrategy], honest: dict[str, st.SearchStrategy]) -> list[Hack]:
    """The attacks and the honest ways of a domain, each an even share."""
    return [
        Hack(domain, name, drawn, kind)
        for kind, named in ((False, attacks), (True, honest))
        for name, drawn in named.items()
    ]


def thought(answer: st.SearchStrategy[tuple[Task, str]]) -> st.SearchStrategy[tuple[Task, str]]:
    """(task, answer text) as a completion whose reasoning is closed."""
    return st.builds(lambda pair, said: (pair[0], f"<think>{said}</think>\n{pair[1]}"), answer, THOUGHT)


def unfinished(right: st.SearchStrategy[tuple[Task, str]]) -> st.SearchStrategy[tuple[Task, str]]:
    """(task, right answer text) with the answer in the reasoning alone, closed, left open or opened again."""
    forms = (
        "<think>{} {}</think>",
        "<think>{} {}",
        "<think>{}</think>So:\n<think>{}",
        "{} {}",
        "<think>{}\n{}</think>\nDone.",
        "<think>{} {}</think><|im_end|>\n",
    )
    return st.builds(
        lambda pair, said, form: (pair[0], form.format(said, pair[1])), right, THOUGHT, st.sampled_from(forms)
    )
