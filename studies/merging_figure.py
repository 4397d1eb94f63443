"""The figure of the merging study: methods, pairs, and how much scale and density matter.

Left: the mean accuracy of every merge over all domains, with its 95 % interval, beside the mixed runs and the anchor.
Middle: what merging another expert (column) into a domain's own (row) changes on that domain. Right: mean accuracy by
scale, one line a density; a ring marks the paper's parameters.
"""

from __future__ import annotations

import textwrap

import numpy as np
import pandas as pd

from studies.figures import COLORS, FAINT, INK, INTERVALS, kind_of, shown, style
from studies.findings import DECIDED, Finding

GREYS = ("#BDBDBD", "#8C8C8C", "#5A5A5A", "#222222")


def draw(tables: dict[str, pd.DataFrame], findings: list[Finding], zoo: str):
    """The figure; `tables` as the study writes them."""
    from matplotlib import pyplot

    style()
    figure, axes = pyplot.subplots(1, 3, figsize=(13.5, 5.4), layout="constrained", width_ratios=(1.15, 1, 1))
    _methods(axes[0], tables["methods"])
    _pairs(axes[1], tables["pairs"], figure)
    _sweeps(axes[2], tables["sweeps"])
    figure.suptitle(textwrap.fill(headline(tables["methods"]), 120), x=0.01, ha="left", fontweight="bold", fontsize=12)
    figure.supxlabel(textwrap.fill(small_print(tables, findings, zoo), 175), x=0.01, ha="left", fontsize=8.5, color=INK)
    return figure


def headline(methods: pd.DataFrame) -> str:
    """The best merge and the mixed run, if there is one."""
    overall = methods[methods.domain == "all"].set_index("model").accuracy
    merges = overall[overall.index.str.startswith("merged-")]
    best, worst = merges.idxmax(), merges.idxmin()
    text = f"Merges reach {merges.min():.1f} ({_method(worst)}) to {merges.max():.1f} % ({_method(best)}) on average"
    return text + (f"; the mixed run {overall['mixed']:.1f} %" if "mixed" in overall else "")


def small_print(tables: dict[str, pd.DataFrame], findings: list[Finding], zoo: str) -> str:
    """What the figure is made of."""
    row = tables["methods"].query("domain == 'all'").iloc[0]
    kind = INTERVALS[row["interval"]]
    decided = sum(one.verdict in DECIDED for one in findings)
    return (f"Zoo {zoo}, {row['n_tasks']} test tasks over all domains, {row['n_seeds']} training seed(s). Bars: 95 % "
            f"{kind}, not adjusted. Of {len(findings)} claims, {decided} are decided after Holm's adjustment. The best "
            "of a sweep is chosen on the tasks it is shown on; findings.json has it chosen on one half and measured on "
            "the other.")


def _methods(axis, methods: pd.DataFrame) -> None:
    overall = methods[(methods.domain == "all") & ~methods.model.str.startswith("expert-")]
    overall = overall.sort_values("accuracy", ignore_index=True)
    for place, row in overall.iterrows():
        color = COLORS[kind_of(row.model)]
        axis.plot([row.ci_low, row.ci_high], [place, place], color=color, lw=2)
        axis.plot(row.accuracy, place, "o", color=color, ms=7)
        axis.annotate(f"{row.accuracy:.1f}", (row.accuracy, place), xytext=(0, 6), textcoords="offset points",
                      ha="center", fontsize=8.5)
    axis.set_yticks(range(len(overall)), [_method(model) for model in overall.model])
    axis.set(title="All experts merged", xlabel="accuracy, mean over domains (%)", ylim=(-0.6, len(overall) - 0.2))
    axis.grid(axis="x", color="#EEEEEE")


def _pairs(axis, pairs: pd.DataFrame, figure) -> None:
    domains = list(dict.fromkeys(pairs.domain))
    table = pairs.pivot(index="domain", columns="other", values="gain").reindex(index=domains, columns=domains)
    limit = np.nanmax(np.abs(table.to_numpy()))
    image = axis.imshow(table, cmap="PuOr_r", vmin=-limit, vmax=limit)
    sure = {(row.domain, row.other): row.ci_low > 0 or row.ci_high < 0 for row in pairs.itertuples()}
    for y, domain in enumerate(domains):
        for x, other in enumerate(domains):
            if domain != other:
                value = table.loc[domain, other]
                axis.text(x, y, f"{value:+.1f}", ha="center", va="center", fontsize=9,
                          fontweight="bold" if sure[domain, other] else "normal",
                          color="white" if abs(value) > 0.65 * limit else INK)
    axis.set_xticks(range(len(domains)), domains, rotation=35, ha="right")
    axis.set_yticks(range(len(domains)), domains)
    axis.set(title="Pairs, by TIES, against the expert alone", xlabel="other expert", ylabel="measured on")
    axis.spines[:].set_visible(False)
    figure.colorbar(image, ax=axis, shrink=0.7, label="points (bold: interval misses 0)")


def _sweeps(axis, sweeps: pd.DataFrame) -> None:
    means = sweeps.groupby(["method", "scale", *(["density"] if "density" in sweeps else [])],
                           dropna=False)["accuracy"].mean().reset_index()
    arithmetic = means[means.method == "task_arithmetic"]
    axis.plot(arithmetic.scale, arithmetic.accuracy, "s--", color=COLORS["mixed"], ms=5, label="task arithmetic")
    ties = means[means.method == "ties"]
    for color, (density, line) in zip(GREYS, ties.groupby("density") if len(ties) else (), strict=False):
        axis.plot(line.scale, line.accuracy, "o-", color=color, ms=4, label=f"TIES, density {density:g}")
    for row in means.itertuples():
        if row.scale == 1 and (row.method == "task_arithmetic" or row.density == 0.2):
            axis.plot(row.scale, row.accuracy, "o", ms=12, mfc="none", mec=COLORS["own"], mew=1.5)
    axis.set(title="Scale and density", xlabel="scale", ylabel="accuracy, mean over domains (%)")
    axis.legend(frameon=False, fontsize=8.5)
    axis.grid(axis="y", color="#EEEEEE")
    axis.spines["left"].set_color(FAINT)


def _method(model: str) -> str:
    return shown(model).removeprefix("merged, ")
