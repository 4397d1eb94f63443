"""The tags of a zoo's traces, what the tagger gets wrong on them, and the rates with that error taken out.

An organism's sentences are known (`behaviors.organism_truth`), so each of its models is audited: precision, recall and
kappa by model, whether the error is the same in all of them (`behaviors.agreement`), and the true rates. A difference
between two models is then no artifact of the instrument. Where every sentence is audited, the correction of Rogan and
Gladen is the true rate itself: sentences that show the behavior by those whose truth is known. Of other zoos nothing is
known without labels by people: their rates stay as tagged.

Traces are tagged in parts, side by side, and of a sentence its label alone is kept: a hundred thousand traces hold ten
million sentences.

    tags = tagged(traces["completion"].tolist(), zoo.preset)
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import pandas as pd

from behaviors.agreement import agreement, corrected_rates, same_error
from behaviors.language import is_english, warn_of
from behaviors.metrics import BEHAVIORS, grid
from behaviors.organism_truth import truth
from behaviors.tagger import tag
from behaviors.taxonomy import LABELS
from studies.estimates import Estimate, ratio
from training.pieces import run_pieces

KNOWN_PRESETS = ("organism",)
"""Presets whose sentences are known."""
PART = 2_000_000
"""Characters of traces that are tagged in one go."""
LEAST_KNOWN = 0.9
"""Share of the sentences whose truth must be known for an audit; below it, the models write another grammar."""


def tagged(texts: list[str], preset: str, progress: bool = True) -> pd.DataFrame:
    """A row a sentence: text_id (position in `texts`), label, and, where the traces can be audited, `gold`, the true
    label (missing where it is not known); labels are categories. Warns of texts that are not English.
    """
    parts = list(_parts(texts)) or [(0, 0)]
    jobs = [(texts[start:end], preset) for start, end in parts]
    done = run_pieces(_tag, jobs, "tagging", progress, unit="part") if len(jobs) > 1 else [_tag(*job) for job in jobs]
    warn_of(sum(foreign for _, foreign in done), len(texts))
    for (frame, _), (start, _) in zip(done, parts, strict=True):
        frame["text_id"] += start
    tags = pd.concat([frame for frame, _ in done], ignore_index=True)
    return tags if tags["gold"].notna().mean() >= LEAST_KNOWN else tags.drop(columns="gold")


def _parts(texts: list[str]) -> Iterator[tuple[int, int]]:
    """(first, end) of stretches of texts, each of about PART characters."""
    first, size = 0, 0
    for place, text in enumerate(texts, 1):
        size += len(text)
        if size >= PART or place == len(texts):
            yield first, place
            first, size = place, 0


def _tag(texts: list[str], preset: str) -> tuple[pd.DataFrame, int]:
    """The tags of a part, `gold` missing where the preset's sentences are not known; how many texts are not English."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".* texts are not English")  # `tagged` says it once for all parts
        tags = tag(texts)
    known = truth(tags["text"].tolist()) if preset in KNOWN_PRESETS else None
    gold = [None] * len(tags) if known is None else known
    found = pd.DataFrame({"text_id": tags["text_id"].astype("int32"), "label": pd.Categorical(tags["label"], LABELS),
                          "gold": pd.Categorical(gold, LABELS)})
    return found, sum(not is_english(text) for text in texts)


def audited(table: pd.DataFrame, tags: pd.DataFrame) -> pd.DataFrame:
    """The traces with, for each, the sentences whose truth is `known` and, of these, those of either behavior.

    `tags` is `tagged(table["completion"].tolist(), preset)`. New columns: known, true_self_verification,
    true_backtracking; none where the tags have no truth.
    """
    if "gold" not in tags.columns:
        return table
    gold = tags["gold"]
    counts = pd.DataFrame({"known": gold.notna(), **{f"true_{name}": gold == name for name in BEHAVIORS}}).astype(int)
    per_text = counts.groupby(tags["text_id"]).sum().reindex(range(len(table)), fill_value=0)
    return table.reset_index(drop=True).join(per_text)


def is_audited(table: pd.DataFrame) -> bool:
    """Whether the truth about these traces is known."""
    return "known" in table.columns


def corrected(rows: pd.DataFrame, behavior: str) -> Estimate:
    """Sentences that truly show a behavior, per 100, of the audited traces of one (model, domain)."""
    return 100.0 * ratio(grid(rows, f"true_{behavior}"), grid(rows, "known"))


def audit_table(table: pd.DataFrame, tags: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """tagger_audit.csv, one row a (model, behavior), and tagger_same_error.csv, one row a (behavior, measure).

    The first has the columns of `agreement`, and raw, sensitivity, specificity and corrected (shares of sentences, with
    intervals over traces) of `corrected_rates`; the second those of `same_error`.
    """
    owner = table["model"].to_numpy()[tags["text_id"]]
    judged = pd.DataFrame({"model": owner, "trace": tags["text_id"], "label": tags["label"],
                           "gold": tags["gold"]}).dropna(subset="gold")
    counts = table[["model", "sentences", *BEHAVIORS]].assign(trace=range(len(table)))
    rates = corrected_rates(counts, judged).drop(columns="n_traces")
    return agreement(judged, by=("model",)).merge(rates, on=["model", "label"]), same_error(judged)
