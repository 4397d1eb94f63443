"""Figures of weights: how many changed, whether experts change the same ones, and whether they move alike."""

from __future__ import annotations

import pandas as pd

from paper.figures.panels import (
    LINE,
    few,
    figure_of,
    foot,
    forest,
    said_of,
)
from paper.published import CHANCE
from paper.saved import Saved
from paper.tables import inside
from studies.figures import FAINT, INK, look_of
from studies.gain_figure import label


def footprints(saved: Saved):
    """Table 5 as a figure: how many weights changed, and do experts change the same ones?"""
    shares, overlaps = inside.footprints(saved), inside.overlaps(saved)
    shares = shares.assign(row=shares.model.map(label))
    overlaps = overlaps.assign(row=_pair(overlaps), model=_kind(overlaps))
    first, cut = few(shares.row)
    second, more = few(overlaps.row)
    figure, axes = figure_of(1, 2, 0.9 + LINE * max(len(first), len(second)))
    forest(axes[0, 0], shares, first)
    axes[0, 0].set(title="Weights changed", xlabel="% of stored weights", xlim=(0, 100))
    forest(axes[0, 1], overlaps, second)
    for row in overlaps[overlaps.row.isin(second)].itertuples():
        axes[0, 1].plot(row.chance, second.index(row.row), "|", color=INK, markersize=7)
    axes[0, 1].set(title="Overlap, by pair", xlabel="Jaccard", xlim=(0, 1))
    foot(figure, f"{cut or more}Grey diamonds: the paper's (Table 5, second-hand [N1]); its Jaccard of random masks is "
         f"{CHANCE}. Ticks: chance here, of independent sets of the same sizes. Left: bars are the range over seeds, "
         f"of {int(shares.n.max()):,} weights. Right: {said_of(overlaps, 'cells (layer, module)')}")
    return figure


def _pair(table: pd.DataFrame) -> pd.Series:
    """Two experts as a row: `math - coding`; a control by its kind."""
    names = {"twin": "second run", "shuffled": "permuted rewards", "steps": "more steps"}
    return pd.Series([f"{a.removeprefix('expert-')} – "
                      + names.get(b.split("-")[0], b.removeprefix("expert-"))
                      for a, b in zip(table.model_a, table.model_b, strict=True)], table.index)


def _kind(table: pd.DataFrame) -> pd.Series:
    """The look of a pair: the experts', or the control's."""
    return table.model_b.where(~table.model_b.str.startswith("expert-"), table.model_a)


def cosines(saved: Saved):
    """Figure 3: the cosine of two updates, exact and after projection."""
    table = inside.cosines(saved)
    table = table.assign(row=_pair(table), model=_kind(table))
    order, cut = few(table.row)
    figure, axes = figure_of(1, 1, 0.95 + LINE * len(order))
    forest(axes[0, 0], table, order, zero=True)
    for row in table[table.row.isin(order)].itertuples():
        place, color = order.index(row.row) + 0.3, look_of(row.model)[0]
        axes[0, 0].plot([row.projected - 2 * row.projected_std, row.projected + 2 * row.projected_std], [place] * 2,
                        color=FAINT, linewidth=0.9)
        axes[0, 0].plot(row.projected, place, "o", color=color, markersize=3, markerfacecolor="white",
                        markeredgewidth=0.8)
    axes[0, 0].set_xlabel("cosine of two updates (anchor to model)")
    axes[0, 0].set_ylim(len(order) - 0.2, -0.6)
    foot(figure, f"{cut}Filled: exact. Open, below it: after a random projection to 256 dimensions, as the paper "
         "measures it; grey: two standard deviations of the projection. The paper (Figure 3, in words [N1][R]): all "
         f"positive, modest; values not found. {said_of(table, 'cells (layer, module)')}")
    return figure
