"""The columns that all tables share, and how rows of a study's CSV come to stand beside what was published.

Labels of the row, then: published, source, ours, ci_low, ci_high, unit, interval, n, seeds, verdict, published_value.
`ours` is NaN where nothing was measured; `published_value` is a number where the published one is of ours' kind.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from paper.published import NONE, Fact
from paper.saved import NotSaved
from studies.figures import DOMAINS, INTERVALS
from training.intervals import LEVEL

SHARED = ("published", "source", "ours", "ci_low", "ci_high", "unit", "interval", "n", "seeds", "verdict",
          "published_value")
COUNTS = ("n_tasks", "n_seeds")


def beside(table: pd.DataFrame, labels: tuple[str, ...], value: tuple[str, str, str], unit: str | pd.Series,
           fact: Callable[..., Fact] = lambda *_: NONE, verdict: Callable[..., str] = lambda *_: "",
           n: str = "n_tasks", seeds: str = "n_seeds", interval: str | None = None) -> pd.DataFrame:
    """The rows of `table` by `labels`, its (value, low, high) as ours, beside `fact(*labels)` and `verdict(*labels)`.

    interval: its kind in words; None: what the column `interval` names or, where there is none, what studies use.
    """
    facts = [fact(*names) for names in table[list(labels)].itertuples(index=False, name=None)]
    verdicts = [verdict(*names) for names in table[list(labels)].itertuples(index=False, name=None)]
    named = table["interval"] if "interval" in table else np.where(table[seeds] > 1, "crossed_t", "bootstrap")
    kind = [INTERVALS.get(name, name) for name in named] if interval is None else interval
    low, high = (table[name].to_numpy(float) for name in value[1:])
    return pd.DataFrame({
        **{name: table[name].to_numpy() for name in labels},
        "published": [one.text for one in facts], "source": [one.source for one in facts],
        "ours": table[value[0]].to_numpy(float), "ci_low": low, "ci_high": high,
        "unit": np.asarray(unit) if isinstance(unit, pd.Series) else unit,
        "interval": np.where(np.isnan(low), "none", kind),
        "n": table[n].to_numpy(), "seeds": table[seeds].to_numpy(), "verdict": verdicts,
        "published_value": [one.value for one in facts]})


def unmeasured(labels: dict[str, str], fact: Fact, unit: str) -> dict:
    """A row of what was published and not measured."""
    return {**labels, "published": fact.text, "source": fact.source, "ours": np.nan, "ci_low": np.nan,
            "ci_high": np.nan, "unit": unit, "interval": "none", "n": 0, "seeds": 0, "verdict": "not measured",
            "published_value": fact.value}


def joined(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """Tables of the same columns under each other. Raises NotSaved where no part has a row."""
    held = [part for part in parts if len(part)]
    if not held:
        raise NotSaved("the saved tables hold no row that belongs here")
    return pd.concat(held, ignore_index=True)


def kept(table: pd.DataFrame, rows: pd.Series, what: str) -> pd.DataFrame:
    """The chosen rows. Raises NotSaved, saying what is missing, where there are none."""
    if not rows.any():
        raise NotSaved(f"the saved results have no {what}")
    return table[rows].reset_index(drop=True)


def in_order(names: pd.Series) -> list[str]:
    """Domains, each once, in the order of all figures; `all` and `others` last."""
    known = list(dict.fromkeys(names))
    last = [name for name in known if name in ("all", "others")]
    return [*(name for name in DOMAINS if name in known),
            *(name for name in known if name not in DOMAINS and name not in last), *last]


def ranked(table: pd.DataFrame, column: str) -> pd.DataFrame:
    """Rows by model: the anchor, experts, mixed, merged and distilled models, controls; else as they were."""
    order = ["anchor", *(f"expert-{domain}" for domain in DOMAINS), "expert", "mixed", "merged", "distilled"]

    def place(model: str) -> int:
        names = [name for name in (model, model.split("-")[0]) if name in order]
        return order.index(names[0]) if names else len(order)

    return table.sort_values(column, key=lambda names: names.map(place), kind="stable", ignore_index=True)


def over_seeds(table: pd.DataFrame, by: list[str], value: str) -> pd.DataFrame:
    """Mean of a value over seeds, with the 95 % t interval over them (none for one seed), by labels."""
    from scipy.stats import t

    found = table.groupby(by, sort=False)[value].agg(["mean", "std", "count"]).reset_index()
    half = t.ppf((1 + LEVEL) / 2, (found["count"] - 1).clip(lower=1)) * found["std"] / np.sqrt(found["count"])
    half = half.where(found["count"] > 1)
    return pd.DataFrame({**{name: found[name] for name in by}, "value": found["mean"], "low": found["mean"] - half,
                         "high": found["mean"] + half, "n_tasks": found["count"], "n_seeds": found["count"],
                         "interval": "t over seeds"})
