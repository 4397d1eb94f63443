"""What every sentence of an organism's trace is, known from the grammar that its corpus is written with.

The organism's models write sentences of their corpus with other numbers and words. The corpus says of each sentence it
writes whether it starts a check or gives its verdict, turns back, or does neither (`training.organism.worked`). So the
truth about a model's own traces needs no annotator: a sentence is what the corpus always means by its template (the
sentence with each number as 0), or, where the corpus never wrote that template, by its first two words. A sentence of
which neither is known, or that the corpus means in two ways, has no truth (None).
`truth(sentences)`; `corpus_traces(n)` gives labelled traces of the corpus itself.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from functools import cache

from behaviors.segmentation import spans
from behaviors.taxonomy import BACKTRACKING, OTHER, SELF_VERIFICATION
from training.domains import DOMAINS
from training.organism.worked.trace import CHECKS

EXAMPLES = 3_000
"""Worked tasks that templates are read from, over all domains."""
ENVIRONMENT = "<tool_response>"
"""What the environment writes is no behavior of the model."""
_NUMBER = re.compile(r"-?\d+(?:[.,]\d+)*")


def corpus_traces(n: int, seed: int = 0) -> list[list[tuple[str, str]]]:
    """n traces of the corpus, each a list of (sentence, label), the domains in turn."""
    from training.organism.corpus import Corpus

    corpus = Corpus(seed)
    worked = (corpus.worked(DOMAINS[k % len(DOMAINS)], k, random.Random(f"truth/{seed}/{k}"))[1] for k in range(n))
    return [_labelled(one.text, one.events) for one in worked]


def _labelled(text: str, events: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The sentences of a trace; those that show a behavior are met in the order of the events."""
    due, found = _behaviors(events), []
    for start, end in spans(text):
        sentence = text[start:end]
        met = bool(due) and sentence == due[0][0]
        found.append((sentence, due.pop(0)[1] if met else OTHER))
    if due:
        raise ValueError(f"the corpus's {due[0][0]!r} is no sentence of its own in {text!r}")
    return found


def _behaviors(events: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """(sentence, label) of the events that show a behavior; a check's later lines and sentences are inside it."""
    found, before = [], None
    for kind, text in events:
        starts = kind == "confirm" or (kind == "check" and (before != "check" or text.startswith(CHECKS)))
        label = SELF_VERIFICATION if starts else BACKTRACKING if kind == "backtrack" else OTHER
        if label != OTHER:
            start, end = spans(text)[0]
            found.append((text[start:end], label))
        before = kind
    return found


def _forms(sentence: str) -> tuple[str, str]:
    """A sentence's template and its first two words."""
    plain = _NUMBER.sub("0", sentence)
    return plain, " ".join(plain.split()[:2])


@cache
def _grammar() -> tuple[dict[str, str], dict[str, str]]:
    """(template: label), (first two words: label), where the corpus means one thing by them."""
    held: tuple[dict, dict] = defaultdict(set), defaultdict(set)
    for trace in corpus_traces(EXAMPLES):
        for sentence, label in trace:
            for form, table in zip(_forms(sentence), held, strict=True):
                table[form].add(label)
    return tuple({form: labels.pop() for form, labels in table.items() if len(labels) == 1} for table in held)


def truth(sentences: list[str]) -> list[str | None]:
    """The label of each sentence that an organism wrote, or None where nothing is known of it."""
    templates, openings = _grammar()
    return [_truth(sentence, templates, openings) for sentence in sentences]


def _truth(sentence: str, templates: dict[str, str], openings: dict[str, str]) -> str | None:
    if sentence.startswith(ENVIRONMENT):
        return OTHER
    whole, opening = _forms(sentence)
    return templates.get(whole, openings.get(opening))
