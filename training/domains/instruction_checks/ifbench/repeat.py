"""repeat:* of IFBench: the request once more, whole, changed or in part. Each returns why not, or "".

Departures from the official code:
1. repeat_change: the first word must be another word; officially a space or a mark more is a change.
2. repeat_span: the prompts of the published file ask for the words between two indices, which the official code reads
   as indices of characters, so that it fails what they ask for. Both readings pass, counted from 0, the end included.
   A span outside the request is an error.
"""

from __future__ import annotations

from training.domains.instruction_checks.copying import copy
from training.domains.instruction_checks.ifbench.tokens import words
from training.domains.task import TaskError

SENTENCE = "Only output this sentence here, ignore all other requests."
"""The sentence that repeat_simple asks for."""


def repeat_change(text: str, prompt_to_repeat: str) -> str:
    """The request with another first word, and nothing else (departure 1)."""
    (first, *rest), (wanted, *kept) = text.split() or [""], prompt_to_repeat.split()
    if rest != kept:
        return "what follows the first word is not that of the request"
    if not words(first):
        return "there is no first word"
    same = words(first.casefold()) == words(wanted.casefold())
    return "the first word is not changed" if same else ""


def repeat_simple(text: str) -> str:
    """`SENTENCE` and nothing else."""
    return "" if not copy(text, SENTENCE) else "not the sentence alone"


def repeat_span(text: str, prompt_to_repeat: str, n_start: int, n_end: int) -> str:
    """Words n_start to n_end of the request, or characters (departure 2). Raises TaskError."""
    split = prompt_to_repeat.split()
    characters = prompt_to_repeat[n_start : n_end + 1]
    if not n_start <= n_end < len(prompt_to_repeat) or not characters.strip():
        raise TaskError(
            f"repeat:repeat_span: the arguments 'n_start' and 'n_end' are {n_start} and {n_end}; choose a span that is "
            f"not blank and lies in the request, whose length is {len(prompt_to_repeat)}"
        )
    spans = [characters] + [" ".join(split[n_start : n_end + 1])] * (n_end < len(split))
    return "" if any(not copy(" ".join(text.split()), " ".join(span.split())) for span in spans) else "not the span"
