"""What the tagger gets wrong on a zoo's own traces, and the rates of the behaviors with that error taken out.

An organism's sentences are known (`behaviors.organism_truth`), so each of its models is audited: precision, recall and
kappa by model, whether the error is the same in all of them (`behaviors.agreement`), and the true rates. A difference
between two models is then no artifact of the instrument. Where every sentence is audited, the correction of Rogan and
Gladen is the true rate itself: sentences that show the behavior by those whose truth is known. Of other zoos nothing is
known without labels by people: their rates stay as tagged.
"""

from __future__ import annotations

import pandas as pd

from behaviors.agreement import agreement, corrected_rates, same_error
from behaviors.metrics import BEHAVIORS, grid
from behaviors.organism_truth import truth
from studies.estimates import Estimate, ratio

KNOWN_PRESETS = ("organism",)
"""Presets whose sentences are known."""
LEAST_KNOWN = 0.9
"""Share of the sentences whose truth must be known for an audit; below it, the models write another grammar."""


def with_truth(tags: pd.DataFrame, preset: str) -> pd.DataFrame:
    """The tags with the true label of each sentence in `gold` (None where it is not known); as they are where the
    traces cannot be audited.
    """
    if preset not in KNOWN_PRESETS:
        return tags
    gold = pd.Series(truth(tags["text"].tolist()), index=tags.index, dtype=object)
    return tags.assign(gold=gold) if gold.notna().mean() >= LEAST_KNOWN else tags


def audited(table: pd.DataFrame, tags: pd.DataFrame) -> pd.DataFrame:
    """The traces with, for each, the sentences whose truth is `known` and, of these, those of either behavior.

    `tags` is `with_truth(tag(table["completion"].tolist()), preset)`. New columns: known, true_self_verification,
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
