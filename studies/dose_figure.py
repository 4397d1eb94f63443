"""The figure of the dose-response study: each measure against how much domains share, and judges by where slips lie."""

from __future__ import annotations

import textwrap

import pandas as pd

from studies.figures import COLORS, FAINT, INK, INTERVALS, style, titled
from studies.findings import DECIDED, Finding

GROUPS = {  # group: color, marker, label
    "reasoning": (COLORS["own"], "o", "math, coding, science"),
    "instructions": (COLORS["mixed"], "D", "these with instructions"),
    "shuffled": (COLORS["other"], "x", "math on permuted rewards"),
    "mixed": (COLORS["mixed"], "s", "mixed"), "merged": (COLORS["merged"], "^", "merged (TIES)"),
}
PANELS = (  # measure, title, unit
    ("transfer", "Training on one helps another", "gain there, % of the own expert's gain"),
    ("cosine", "Experts move alike", "cosine of two updates"),
    ("routes", "Mixing and merging", "points against the own experts"),
)
SHORT = {  # id of a claim: what it is about
    "transfer-follows-sharing": "transfer", "transfer-follows-beyond": "transfer beyond that with instructions",
    "overlap-follows-sharing": "overlap", "cosine-follows-sharing": "cosine",
    "cosine-follows-beyond": "cosine beyond that with instructions", "mixing-follows-sharing": "the gain of mixing",
    "locus-reasoning-follows": "the better judge of math and coding",
    "locus-instructions-follows": "the better judge of instructions",
}
JUDGED = {"reasoning": (COLORS["own"], "o", "math, coding"), "instructions": (COLORS["mixed"], "D", "instructions")}


def draw(tables: dict[str, pd.DataFrame], findings: list[Finding]):
    """The figure; `tables` as the study writes them."""
    from matplotlib import pyplot

    style()
    figure, axes = pyplot.subplots(1, 4, figsize=(16, 5.2), layout="constrained")
    doses = tables["doses"]
    for axis, (measure, title, unit) in zip(axes, PANELS, strict=False):
        titled(axis, title, unit)
        _sharing(axis, doses[doses.measure == measure])
    titled(axes[3], "Which judge is better", "process minus outcome, points of balanced accuracy")
    _judges(axes[3], doses[doses.measure == "judging"])
    table = pd.DataFrame([vars(one) for one in findings])
    figure.suptitle(textwrap.fill(headline(table), 150), x=0.01, ha="left", fontweight="bold", fontsize=12.5)
    figure.supxlabel(textwrap.fill(small_print(doses, findings), 210), x=0.01, ha="left", fontsize=8.5, color=INK)
    return figure


def headline(findings: pd.DataFrame) -> str:
    """Which responses are shown."""
    known = findings[findings.measured.notna()]
    shown = [SHORT[name] for name in known[known.verdict == "reproduced"].id]
    if known.empty:
        return "No response could be measured: the zoos differ in nothing that was varied"
    return (f"What follows from what domains share and where they slip: {', '.join(shown) or 'nothing is decided'} "
            f"({len(shown)} of {len(known)} responses measured)")


def small_print(doses: pd.DataFrame, findings: list[Finding]) -> str:
    """What the figure is made of."""
    seeds, kinds = doses.n_seeds.max(), ", ".join(INTERVALS[kind] for kind in doses.interval.unique())
    decided = sum(one.verdict in DECIDED for one in findings)
    return (f"{doses[['sharing', 'locus']].drop_duplicates().shape[0]} anchors, one a dose, {seeds} training seed(s) "
            f"each. Bars: 95 % {kinds} (weights: over layers and modules), not adjusted; they do not know how another "
            f"anchor of the same corpus would differ. Claims decided after Holm's adjustment: {decided} of "
            f"{len(findings)}.")


def _sharing(axis, rows: pd.DataFrame) -> None:
    """Values by sharing, a line a group."""
    axis.axhline(0, color=FAINT, lw=1)
    for k, (group, of) in enumerate(rows.groupby("group", sort=False)):
        color, marker, label = GROUPS[group]
        x = of.sharing + 0.012 * (k - 1)
        axis.errorbar(x, of.value, [of.value - of.ci_low, of.ci_high - of.value], color=color, marker=marker, lw=1.5,
                      ms=6, label=label)
    axis.set(xlabel="sharing", xticks=sorted(rows.sharing.unique()))
    _legend(axis, rows)


def _judges(axis, rows: pd.DataFrame) -> None:
    """Values by where slips lie, a point a dose."""
    axis.axhline(0, color=FAINT, lw=1)
    for k, (group, of) in enumerate(rows.groupby("group", sort=False)):
        color, marker, label = JUDGED[group]
        x = of.slips.map({"derivation": 0, "answer": 1}) + 0.12 * (k - 0.5) + 0.04 * of.locus.eq("own")
        axis.errorbar(x, of.value, [of.value - of.ci_low, of.ci_high - of.value], color=color, marker=marker, ls="",
                      ms=6, label=label)
    axis.set(xlim=(-0.5, 1.5), xlabel="slips lie in the")
    axis.set_xticks([0, 1], ["derivation", "answer"])
    _legend(axis, rows)


def _legend(axis, rows: pd.DataFrame) -> None:
    """A legend below the panel, or a word where there is nothing to show."""
    if rows.empty:
        axis.annotate("not measured", (0.5, 0.5), xycoords="axes fraction", ha="center", color=INK)
        axis.set_yticks([])
        return
    axis.legend(frameon=False, fontsize=9, loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=1)
