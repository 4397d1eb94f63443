"""The figure of the guided-merging study: each rule's merge against the own expert, on each target domain and over all.

One panel a method; a dot is the change against the own expert alone (the line at 0) on the same tasks, with its 95 %
interval.
"""

from __future__ import annotations

import textwrap

import pandas as pd

from studies.figures import INK, INTERVALS, shown, style
from studies.findings import ALPHA, Finding

RULES = {"all": ("#8C8C8C", "all, equal weights"), "nearest": ("#D55E00", "nearest by cosine"),
         "farthest": ("#56B4E9", "farthest by cosine"), "weighted": ("#009E73", "all, weighted by cosine")}


def draw(table: pd.DataFrame, findings: list[Finding], zoo: str):
    """The figure; `table` as guided.csv."""
    from matplotlib import pyplot

    style()
    methods = list(dict.fromkeys(model.rpartition("-")[0] for model in table.model if model != "own"))
    figure, axes = pyplot.subplots(1, len(methods), figsize=(1 + 5.2 * len(methods), 5), layout="constrained",
                                   sharex=True, sharey=True, squeeze=False)
    places = list(dict.fromkeys(table.domain))[::-1]
    for axis, method in zip(axes[0], methods, strict=True):
        _panel(axis, table, method, places)
    axes[0][0].legend(frameon=False, fontsize=8.5, loc="lower left")
    figure.suptitle(textwrap.fill(headline(table, findings), 60 * len(methods)), x=0.01, ha="left", fontweight="bold",
                    fontsize=12)
    figure.supxlabel(textwrap.fill(small_print(table, zoo), 85 * len(methods)), x=0.01, ha="left", fontsize=8.5,
                     color=INK)
    return figure


def headline(table: pd.DataFrame, findings: list[Finding]) -> str:
    """How much each rule costs or gains over all targets, and how many claims are decided."""
    overall = table[(table.domain == "all") & (table.model != "own")]
    means = overall.groupby(overall.model.str.rpartition("-")[2])["against_own"].mean().reindex(list(RULES))
    said = ", ".join(f"{rule} {value:+.1f}" for rule, value in means.items())
    decided = sum(one.p_adjusted is not None and one.p_adjusted < ALPHA for one in findings)
    return (f"Merged for one domain, against its own expert, in points: {said}; {decided} of {len(findings)} claims "
            "decided")


def small_print(table: pd.DataFrame, zoo: str) -> str:
    """What the figure is made of."""
    row = table[table.domain == "all"].iloc[0]
    kind = INTERVALS[row["interval"]]
    return (f"Zoo {zoo}, {row['n_tasks']} test tasks over all domains, {row['n_seeds']} training seed(s). Bars: 95 % "
            f"{kind}, paired, not adjusted. No choice was made on tasks.")


def _panel(axis, table: pd.DataFrame, method: str, places: list[str]) -> None:
    for k, (rule, (color, label)) in enumerate(RULES.items()):
        rows = table[table.model == f"{method}-{rule}"].set_index("domain").loc[places]
        heights = [place + 0.18 * (1.5 - k) for place in range(len(places))]
        axis.hlines(heights, rows.ci_low, rows.ci_high, color=color, lw=2)
        axis.plot(rows.against_own, heights, "o", color=color, ms=6, label=label)
    axis.axvline(0, color=INK, lw=1)
    axis.set_yticks(range(len(places)), places)
    axis.set(title=shown(f"merged-{method}").removeprefix("merged, "), xlabel="points against the own expert alone")
    axis.grid(axis="x", color="#EEEEEE")
