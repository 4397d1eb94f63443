"""What the traces of a zoo show: accuracy, checks, turns back and length, against the anchor on the same tasks.

`behavior_table` holds every model's level (`behaviors.summarize`) and its paired difference to the anchor;
`correction_table` follows each check: was something corrected after it, and was the answer right then?

A check is a run of self-verification sentences. It led to a correction when a backtracking sentence follows within
three sentences of the run's last one and no other check lies between: a check by running a program states its plan,
what it gave and that this is not what it should be, and only then turns back.
"""

from __future__ import annotations

import pandas as pd

from behaviors.metrics import grid, summarize
from behaviors.taxonomy import BACKTRACKING, SELF_VERIFICATION
from studies.estimates import Estimate, ratio
from studies.tagger_audit import corrected, is_audited

WITHIN = 3
"""Sentences, after a check, in which a correction must begin."""
MEASURES = {  # measure: (its numerator, its denominator or None, unit, factor)
    "accuracy": ("correct", None, "%", 100.0),
    SELF_VERIFICATION: (SELF_VERIFICATION, "sentences", "per 100 sentences", 100.0),
    BACKTRACKING: (BACKTRACKING, "sentences", "per 100 sentences", 100.0),
    "tokens": ("n_tokens", None, "tokens", 1.0),
}
CONDITIONS = ("check, correction", "check, no correction", "no check")


def counted(traces: pd.DataFrame, tags: pd.DataFrame) -> pd.DataFrame:
    """The traces with, for each, its sentences, those of either behavior, its checks and its corrected checks.

    `tags` is `tag(traces["completion"].tolist())`. A trace without sentences counts 0.
    """
    by_text = {text_id: labels.tolist() for text_id, labels in tags.groupby("text_id")["label"]}
    rows = [_counts(by_text.get(text_id, [])) for text_id in range(len(traces))]
    return traces.reset_index(drop=True).join(pd.DataFrame(rows))


def _counts(labels: list[str]) -> dict[str, int]:
    checks, corrected = checks_of(labels)
    return {"sentences": len(labels), SELF_VERIFICATION: labels.count(SELF_VERIFICATION),
            BACKTRACKING: labels.count(BACKTRACKING), "checks": checks, "corrected": corrected}


def checks_of(labels: list[str]) -> tuple[int, int]:
    """(checks, those that led to a correction) in the labels of one trace's sentences, in order."""
    checks, last, corrected = 0, -1, set()
    for place, label in enumerate(labels):
        if label == SELF_VERIFICATION:
            checks += place == 0 or labels[place - 1] != SELF_VERIFICATION
            last = place
        elif label == BACKTRACKING and checks and place - last <= WITHIN:
            corrected.add(checks)
    return checks, len(corrected)


def level(table: pd.DataFrame, measure: str, true: bool = False) -> Estimate:
    """One measure of the counted traces of one (model, domain), in its unit; `true`: without the tagger's error."""
    if true:
        return corrected(table, measure)
    numerator, denominator, _, factor = MEASURES[measure]
    return factor * ratio(grid(table, numerator), None if denominator is None else grid(table, denominator))


def change(table: pd.DataFrame, model: str, domain: str, measure: str, base: str = "anchor",
           true: bool = False) -> Estimate:
    """A model's measure on a domain minus the anchor's, on the same tasks; `true`: without the tagger's error."""
    here = table[table["domain"] == domain]
    return level(here[here["model"] == model], measure, true) - level(here[here["model"] == base], measure, true)


def behavior_table(table: pd.DataFrame, tags: pd.DataFrame) -> pd.DataFrame:
    """behavior.csv: one row a (model, domain, measure) with its level and its difference to the anchor.

    Columns: model, domain, measure, unit, value, ci_low, ci_high, change, change_low, change_high, p (of no change, not
    adjusted), k (samples a task), n_tasks, n_seeds, interval; value and change of a behavior are as tagged, corrected
    and corrected_change (each with _low and _high) have the tagger's error taken out, where the traces are audited. The
    anchor's own changes are NaN.
    """
    traces = table.drop(columns=["sentences", SELF_VERIFICATION, BACKTRACKING])
    levels = summarize(traces, tags).set_index(["model", "domain"])
    return pd.DataFrame([_row(table, levels, model, domain, measure)
                         for domain in table["domain"].unique() for model in table["model"].unique()
                         for measure in MEASURES])


def _row(table: pd.DataFrame, levels: pd.DataFrame, model: str, domain: str, measure: str) -> dict:
    found, factor = levels.loc[(model, domain)], MEASURES[measure][3] if measure == "accuracy" else 1.0
    row = {"model": model, "domain": domain, "measure": measure, "unit": MEASURES[measure][2],
           "value": factor * found[measure], "ci_low": factor * found[f"{measure}_low"],
           "ci_high": factor * found[f"{measure}_high"]}
    if model != "anchor":
        moved = change(table, model, domain, measure).interval()
        row |= {**moved.columns("change"), "p": moved.p}
    if measure in (SELF_VERIFICATION, BACKTRACKING) and is_audited(table):
        here = table[(table["model"] == model) & (table["domain"] == domain)]
        row |= level(here, measure, true=True).interval().columns("corrected")
        if model != "anchor":
            row |= change(table, model, domain, measure, true=True).interval().columns("corrected_change")
    cells = found["n_tasks"] * found["n_seeds"]
    return row | {"k": int(found["n"] / cells), **found[["n_tasks", "n_seeds", "interval"]]}


def correction_table(table: pd.DataFrame) -> pd.DataFrame:
    """corrections.csv: per (model, domain), and over all domains, what came of checks; shares with intervals.

    Rows: rate "corrected | check" (checks that led to a correction), and "correct | CONDITION" (completions with a
    right final answer among those with a corrected check, with checks but no correction, with no check). Columns:
    model, domain, rate, count, of, value, ci_low, ci_high, n_tasks, n_seeds, interval; value is NaN where `of` is 0.
    """
    counts = table[["model", "domain", "task_id", "seed", "correct", "checks", "corrected"]]
    every = pd.concat([counts, counts.assign(domain="all")], ignore_index=True)
    return pd.DataFrame([{"model": model, "domain": domain, **row}
                         for (model, domain), group in every.groupby(["model", "domain"], sort=False)
                         for row in _corrections(group)])


def _corrections(group: pd.DataFrame) -> list[dict]:
    checked, corrected = group["checks"] > 0, group["corrected"] > 0
    rows = [_rate("corrected | check", group, group["corrected"], group["checks"])]
    for name, held in zip(CONDITIONS, (corrected, checked & ~corrected, ~checked), strict=True):
        rows.append(_rate(f"correct | {name}", group, group["correct"].astype(bool) & held, held))
    return rows


def _rate(name: str, group: pd.DataFrame, count: pd.Series, of: pd.Series) -> dict:
    counts = group.assign(count=count.astype(int), of=of.astype(int))
    estimate = ratio(grid(counts, "count", "sum"), grid(counts, "of", "sum"))
    found = estimate.interval()
    return {"rate": name, "count": int(count.sum()), "of": int(of.sum()), "value": found.value, "ci_low": found.low,
            "ci_high": found.high, "n_tasks": estimate.n_tasks, "n_seeds": estimate.n_seeds, "interval": found.kind}
