r"""Checks with their outcomes, turns with their scope, repetition loops and lengths: what sentence labels add up to.

All of it is computed from a tags frame (`behaviors.tag`) alone: its text_id, sentence, text and label. Positions are
sentence indices, `first` and `last` inclusive. The definitions are this project's own:

check  A maximal run of self_verification sentences. Up to 3 `other` sentences between two of them belong to the check
    (the arithmetic inside it); a backtracking sentence ends it. Its outcome is the last thing found of:
    confirmed    a sentence from its first to its last says that it holds. "That matches.", "Yes.", "It checks out."
    found_error  such a sentence denies it, or one of the 3 sentences after the last is backtracking.
                 "That is not 14.", "So option B is not correct.", "Let me check the sum." + "It is 13." + "Wait, no."
    unresolved   neither.
    Within one sentence, too, the last wording counts. A question, and what is only to be checked, says nothing: "Is
    that right?" and "Let me check that it is correct." are unresolved, "Let me check: 2 * 7 = 14, correct." is not.
    The outcome is the trace's own verdict, right or wrong. A turn to another approach does not undo a confirmation:
    "That matches." + "Alternatively, use a table." is confirmed. `other` sentences after the last one are not read.
turn  A maximal run of backtracking sentences. Its scope is approach or step:
    approach  one of them gives up the whole approach, reading or interpretation, or tries another. "Alternatively, use
              a table.", "Let me start over.", "Wait, the question asks for the area instead."
    step      what is left: a value, a line, a slip. "It is 12, not 11.", "Wait, that is wrong.", "I misread the 3."
loop  The same block of 1 to 8 sentences at least 3 times in immediate succession; a block that is a single sentence of
    fewer than 3 words ("Wait.") at least 6 times. Sentences are the same when they are once lower-cased and their
    white space collapsed. Only whole copies count. Loops do not overlap: from left to right, the first start wins;
    there, the block whose copies cover most sentences; of equal ones, the smallest block.

    summary(tag(traces["completion"].tolist()))

The wordings are those of `behaviors.wordings`, English alone. The time is linear in the number of sentences.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from behaviors.taxonomy import BACKTRACKING, LABELS, OTHER, SELF_VERIFICATION
from behaviors.wordings import CONFIRMED, FOUND_ERROR, gives_up_approach, verdicts

UNRESOLVED = "unresolved"
OUTCOMES = (CONFIRMED, FOUND_ERROR, UNRESOLVED)
STEP, APPROACH = SCOPES = ("step", "approach")
INSIDE = 3
"""So many `other` sentences in a row can belong to a check."""
AFTER = 3
"""A turn decides a check when it starts in so many sentences after it."""
LONGEST_BLOCK, COPIES, SHORT_COPIES, SHORT = 8, 3, 6, 3
"""Of a loop: sentences in a block, its copies, the copies of a single sentence with fewer than SHORT words."""


def checks(tags: pd.DataFrame) -> pd.DataFrame:
    """The checks of every trace, in order: text_id, first, last, n_sentences, outcome, answered_by.

    `n_sentences` counts the `other` sentences inside; `answered_by` is the sentence that decided the outcome, -1 where
    none did. Raises TypeError or ValueError for a frame that is not a whole tags frame (so do the others here).
    """
    return _frame([(text_id, first, last, last - first + 1, *_outcome(texts, labels, first, last))
                   for text_id, texts, labels in _traces(tags)
                   for first, last in _runs(labels, SELF_VERIFICATION, INSIDE)],
                  {"first": int, "last": int, "n_sentences": int, "outcome": str, "answered_by": int})


def turns(tags: pd.DataFrame) -> pd.DataFrame:
    """The turns of every trace, in order: text_id, first, last, n_sentences, scope."""
    return _frame([(text_id, first, last, last - first + 1, _scope(texts[first:last + 1]))
                   for text_id, texts, labels in _traces(tags) for first, last in _runs(labels, BACKTRACKING)],
                  {"first": int, "last": int, "n_sentences": int, "scope": str})


def loops(tags: pd.DataFrame) -> pd.DataFrame:
    """The repetition loops of every trace, in order: text_id, first, last, block (sentences), repeats (copies)."""
    return _frame([(text_id, *loop) for text_id, texts, _ in _traces(tags) for loop in _loops(texts)],
                  {"first": int, "last": int, "block": int, "repeats": int})


def lengths(tags: pd.DataFrame, count_tokens: Callable[[list[str]], list[int]] | None = None) -> pd.DataFrame:
    """How much of each trace is of each label: text_id, label, sentences, characters and, with count_tokens, tokens.

    One row a (text_id, label), zeros kept, labels in the order of `LABELS`. Characters between sentences are in none.
    `count_tokens` is called once, with all sentences: `lambda texts: [len(ids) for ids in tokenizer(texts).input_ids]`.
    Raises ValueError where it does not return one number a sentence.
    """
    rows = _checked(tags)
    texts = rows["text"].tolist()
    measures = {"sentences": [1] * len(texts), "characters": [len(text) for text in texts]}
    if count_tokens is not None:
        measures["tokens"] = list(count_tokens(texts)) if texts else []
        if len(measures["tokens"]) != len(texts):
            raise ValueError(f"count_tokens gave {len(measures['tokens'])} numbers for {len(texts)} sentences")
    table = pd.DataFrame(measures, index=rows.index, dtype="int64")
    sums = table.groupby([rows["text_id"].astype("int64"), rows["label"].astype(str)]).sum()
    cells = pd.MultiIndex.from_product([_ids(rows), pd.Index(LABELS, name="label")])
    return sums.reindex(cells, fill_value=0).reset_index().astype({"label": str})


def summary(tags: pd.DataFrame) -> pd.DataFrame:
    """One row a text_id of the tags: how many checks, of each outcome, turns, of each scope, and loops.

    Columns: text_id, checks, confirmed, found_error, unresolved, turns, step, approach, loops, looped_sentences (those
    inside loops beyond the first copy of the block).
    """
    ids, checked, turned, looped = _ids(_checked(tags)), checks(tags), turns(tags), loops(tags)
    again = looped["block"] * (looped["repeats"] - 1)
    columns = {"checks": _count(checked, ids)}
    columns |= {outcome: _count(checked[checked["outcome"] == outcome], ids) for outcome in OUTCOMES}
    columns |= {"turns": _count(turned, ids)}
    columns |= {scope: _count(turned[turned["scope"] == scope], ids) for scope in SCOPES}
    columns |= {"loops": _count(looped, ids),
                "looped_sentences": again.groupby(looped["text_id"]).sum().reindex(ids, fill_value=0)}
    return pd.DataFrame(columns, index=ids).reset_index()


def _ids(rows: pd.DataFrame) -> pd.Index:
    return pd.Index(rows["text_id"].unique(), dtype="int64", name="text_id")


def _count(episodes: pd.DataFrame, ids: pd.Index) -> pd.Series:
    return episodes.groupby("text_id").size().reindex(ids, fill_value=0)


def _frame(rows: list[tuple], types: dict[str, type]) -> pd.DataFrame:
    """Rows as a frame whose columns have their types, with rows or without."""
    columns = {"text_id": int, **types}
    return pd.DataFrame({name: pd.Series([row[k] for row in rows], dtype="int64" if kind is int else kind)
                         for k, (name, kind) in enumerate(columns.items())})


def _checked(tags: pd.DataFrame) -> pd.DataFrame:
    """The rows in order. Raises ValueError or TypeError naming what makes the frame no whole tags frame."""
    missing = [name for name in ("text_id", "sentence", "text", "label") if name not in tags.columns]
    if missing:
        raise ValueError(f"tags lack the column {', '.join(map(repr, missing))}; give a frame of behaviors.tag")
    rows = tags.sort_values(["text_id", "sentence"], kind="stable", ignore_index=True)
    unknown = rows.loc[~rows["label"].isin(LABELS), "label"]
    if len(unknown):
        raise ValueError(f"tags have the label {unknown.iloc[0]!r}; choose from {', '.join(LABELS)}")
    place = rows.groupby("text_id").cumcount()
    wrong = rows.loc[rows["sentence"] != place, "text_id"]
    if len(wrong):
        raise ValueError(f"text_id {wrong.iloc[0]} is not numbered 0, 1, 2, ...; give every sentence once")
    for text_id, text in zip(rows["text_id"], rows["text"], strict=True):
        if not isinstance(text, str):
            raise TypeError(f"text_id {text_id} has a text of type {type(text).__name__}; give a str")
    return rows


def _traces(tags: pd.DataFrame) -> Iterator[tuple[int, list[str], list[str]]]:
    """(text_id, its sentences, their labels), in order."""
    for text_id, rows in _checked(tags).groupby("text_id"):
        yield text_id, rows["text"].tolist(), rows["label"].tolist()


def _runs(labels: list[str], label: str, inside: int = 0) -> list[tuple[int, int]]:
    """(first, last) of each run of a label; at most `inside` `other` sentences in a row do not end it."""
    found, joins = [], False
    for place, here in enumerate(labels):
        if here == label and joins and place - found[-1][1] <= inside + 1:
            found[-1] = (found[-1][0], place)
        elif here == label:
            found.append((place, place))
        joins = here == label or (joins and here == OTHER)
    return found


def _outcome(texts: list[str], labels: list[str], first: int, last: int) -> tuple[str, int]:
    """A check's outcome and the sentence that decided it."""
    outcome, answered_by = UNRESOLVED, -1
    for place in range(first, last + 1):
        said = verdicts(texts[place])
        outcome, answered_by = (said[-1], place) if said else (outcome, answered_by)
    after = labels[last + 1:last + 1 + AFTER]
    if BACKTRACKING in after:
        turn = last + 1 + after.index(BACKTRACKING)
        if outcome != CONFIRMED or not gives_up_approach(texts[turn]):
            return FOUND_ERROR, turn
    return outcome, answered_by


def _scope(texts: list[str]) -> str:
    return APPROACH if any(map(gives_up_approach, texts)) else STEP


def _loops(texts: list[str]) -> Iterator[tuple[int, int, int, int]]:
    """(first, last, block, repeats) of each loop."""
    keys = [" ".join(text.lower().split()) for text in texts]
    same = {key: number for number, key in enumerate(keys)}
    numbers = np.array([same[key] for key in keys])
    copies = np.stack([_copies(numbers, block) for block in range(1, LONGEST_BLOCK + 1)])
    needed = np.full(copies.shape, COPIES)
    needed[0, [len(key.split()) < SHORT for key in keys]] = SHORT_COPIES
    covered = np.where(copies >= needed, copies * np.arange(1, LONGEST_BLOCK + 1)[:, None], 0)
    free = 0
    for first in np.flatnonzero(covered.max(axis=0)).tolist():
        if first >= free:
            block = int(covered[:, first].argmax()) + 1  # the first of equal ones is the smallest
            free = first + int(covered[block - 1, first])
            yield first, free - 1, block, (free - first) // block


def _copies(numbers: np.ndarray, block: int) -> np.ndarray:
    """How often, from each sentence on, the block that starts there comes in immediate succession."""
    copies = np.ones(len(numbers), dtype=int)
    alike = max(len(numbers) - block, 0)
    differ = np.flatnonzero(numbers[block:] != numbers[:alike])
    places = np.arange(alike)
    copies[:alike] += (np.append(differ, alike)[np.searchsorted(differ, places)] - places) // block
    return copies
