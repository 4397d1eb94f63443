"""Labelled sentences of reasoning traces from several sources, brought to the labels of `behaviors.taxonomy`.

A file is JSON lines, a sentence a row, in reading order: `trace_id`, `text`, `label`. Without `source` the labels are
those of the taxonomy. Two public sources have labels of their own, and each judges what it can; `tier` says who gave
them (human, llm_human_reviewed, or else a language model, whose labels weigh a quarter):

ReasoningFlow (jinulee-v/reasoningflow; Apache-2.0)  `plan:verify` is self-verification, `plan:backtrack` backtracking.
    `reflect:positive` and `reflect:negative` alone are verdicts: self-verification, and backtracking at half weight,
    since not every negative remark gives something up. A derivation or restatement that also reflects or validates
    may be a verdict or not, and is silent. Traces of one problem (`SET/PROBLEM_MODEL`) are held out together.
thought-anchors (interp-reasoning/thought-anchors.com; MIT)  `self_checking` is self-verification; it labels stretches,
    so the arithmetic in a check is in it too. Its `result_consolidation` and `final_answer_emission` hold both verdicts
    and answers, so where a cue marks a check they are silent. `uncertainty_management` mixes hesitation, doubt and
    backtracking: the source is silent about backtracking. Traces of one problem (`group`) are held out together.

Rows of the sources in `UNLICENSED` are never fitted on.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from behaviors.cues import label_of
from behaviors.reading import objects
from behaviors.taxonomy import BACKTRACKING, LABELS, SELF_VERIFICATION

OWN = Path(__file__).with_name("labelled") / "sentences.jsonl"
"""The sentences written for this project."""
REASONINGFLOW, THOUGHT_ANCHORS = "jinulee-v/reasoningflow", "interp-reasoning/thought-anchors.com"
UNLICENSED = ("MingLiiii/Schoenfeld_Reasoning", "cvenhoff/steering-thinking-llms")
"""Public labels that state no licence: good to measure with."""
BY_MODEL = 0.25
"""Weight of a label that a language model gave and nobody reviewed."""


def read_labelled(path: str | Path) -> pd.DataFrame:
    """The rows of a labelled file as a table for `behaviors.tagger.BehaviorTagger.fit`.

    Columns: source, trace, group, text, calibrates (bool: labels that people gave or reviewed), self_verification and
    backtracking (bool), and their weights (weight_self_verification, weight_backtracking; 0 where the source is
    silent). Raises ValueError, in one sentence, for a row that is no such row, or an unknown label or source.
    """
    rows = []
    for number, given in objects(Path(path)):
        try:
            rows += [] if given.get("source") in UNLICENSED else [_row(given)]
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"line {number} of {path} is no labelled sentence ({error}); "
                             "give trace_id, text and label") from error
    if not rows:
        raise ValueError(f"{path} holds no labelled sentence to fit on")
    return pd.DataFrame(rows)


def _row(given: dict) -> dict:
    source, label, text = given.get("source"), given["label"], given["text"]
    by_people = given.get("tier") in ("human", "llm_human_reviewed")
    if source is None:
        judged = taxonomy(label)
    elif source == REASONINGFLOW:
        judged = reasoningflow(label, by_people)
    elif source == THOUGHT_ANCHORS:
        judged = thought_anchors(label, text)
    else:
        raise ValueError(f"source {source!r} has labels of its own; choose {REASONINGFLOW}, {THOUGHT_ANCHORS} or none")
    trace = f"{source or 'own'}/{given['trace_id']}"
    group = trace.rsplit("/", 1)[1].rsplit("_", 1)[0] if source == REASONINGFLOW else given.get("group", trace)
    return {"source": source or "own", "trace": trace, "group": group, "text": text, "calibrates": by_people, **judged}


def _judged(checks: bool, turns: bool, check_weight: float, turn_weight: float) -> dict:
    return {SELF_VERIFICATION: checks, BACKTRACKING: turns, f"weight_{SELF_VERIFICATION}": check_weight,
            f"weight_{BACKTRACKING}": turn_weight}


def taxonomy(label: str) -> dict:
    """A label of the taxonomy: it judges both behaviors."""
    if label not in LABELS:
        raise ValueError(f"unknown label {label!r}; choose one of {', '.join(LABELS)}")
    return _judged(label == SELF_VERIFICATION, label == BACKTRACKING, 1.0, 1.0)


def reasoningflow(label: str, by_people: bool) -> dict:
    """A node label such as `planning|plan:verify`: its type, then the edges that start there."""
    kind, _, edges = label.partition("|")
    held, weight = set(edges.split(",")), 1.0 if by_people else BY_MODEL
    if kind == "planning":
        return _judged("plan:verify" in held, "plan:backtrack" in held, weight, weight)
    if kind == "reflection" and held in ({"reflect:positive"}, {"reflect:negative"}):
        praise = held == {"reflect:positive"}
        return _judged(praise, not praise, weight, weight if praise else weight / 2)
    mixed = any(edge.startswith(("reflect:", "validate:")) for edge in held - {"reflect:uncertain"})
    weight = 0.0 if mixed and kind != "conclusion" else weight
    return _judged(False, False, weight, weight)


def thought_anchors(label: str, text: str) -> dict:
    """A function tag of thought-anchors; silent about backtracking."""
    maybe = label in ("result_consolidation", "final_answer_emission") and label_of(text) == SELF_VERIFICATION
    return _judged(label == "self_checking", False, 0.0 if maybe else BY_MODEL, 0.0)
