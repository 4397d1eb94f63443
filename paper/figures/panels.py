"""The parts of all figures: values with intervals (forest), matrices, lines over a scale; the frame, key, small print.

Frames are those of `paper.tables`, with a column `row` (its text) and `model` (its look). Every figure is as wide as a
page's text; what a reader needs to know of n, seeds and intervals is at its foot.
"""

from __future__ import annotations

import textwrap

import numpy as np
import pandas as pd

from paper.tables.rows import in_order
from studies.figures import FAINT, GREY, INK, WIDTH, look_of

MOST = 24
"""Rows of a figure; a table has all."""
PANELS = 12
RULE = "#EAEAEA"
LINE = 0.155
"""Inches of a row."""


def few(names, most: int = MOST, what: str = "rows") -> tuple[list, str]:
    """(the first `most` names, each once; what to say where some are left out)."""
    known = list(dict.fromkeys(names))
    cut = f"The first {most} of {len(known)} {what}; all are in the table. " if len(known) > most else ""
    return known[:most], cut


def figure_of(rows: int, columns: int, height: float, **how):
    """(figure, (rows, columns) array of axes) at print width; `height` in inches."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(rows, columns, figsize=(WIDTH, height), layout="constrained", squeeze=False, **how)
    figure.get_layout_engine().set(w_pad=0.03, h_pad=0.03, wspace=0.02, hspace=0.03)
    return figure, axes


def foot(figure, text: str, left_over=()) -> None:
    """Small print under a figure; axes left over in a grid are hidden."""
    for axis in left_over:
        axis.set_axis_off()
    figure.supxlabel(textwrap.fill(text, 142), x=0.005, ha="left", fontsize=6.2, color=GREY, linespacing=1.25)


def said_of(frame: pd.DataFrame, what: str = "test tasks") -> str:
    """n, seeds and intervals of a table's measured rows, as small print."""
    rows = frame[frame.ours.notna()]
    parts = [f"n: {_span(rows.n)} {what}" if what and rows.n.max() > 0 else "", seeds_of(rows)]
    kinds = [kind for kind in dict.fromkeys(rows.interval) if kind != "none"]
    bars = f"bars: {'95 % ' if 'range' not in kinds[0] else ''}{'; '.join(kinds)}, not adjusted" if kinds else ""
    return "; ".join(part for part in (*parts, bars) if part) + ". "


def seeds_of(rows: pd.DataFrame) -> str:
    """How many training seeds rows have: `5 training seeds`, `1 training seed`; empty where none is known."""
    most = rows.seeds.max()
    return f"{_span(rows.seeds)} training seed{'s' if most > 1 else ''}" if most > 0 else ""


def _span(numbers: pd.Series) -> str:
    low, high = int(numbers.min()), int(numbers.max())
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def forest(axis, frame: pd.DataFrame, order: list[str], zero: bool = False, shift: float = 0.0,
           filled: bool | None = None) -> None:
    """A value with its interval a row, in the look of its model; a grey diamond where a published number is known."""
    axis.set_axisbelow(True)
    axis.grid(axis="x", color=RULE, linewidth=0.6)
    if zero:
        axis.axvline(0, color=INK, linewidth=0.7, zorder=1)
    for row in frame[frame.row.isin(order)].itertuples():
        place = order.index(row.row) + shift
        color, marker, full = look_of(row.model)
        full = full if filled is None else filled
        axis.plot([row.ci_low, row.ci_high], [place] * 2, color=color, linewidth=1.2, zorder=2)
        axis.plot(row.ours, place, marker, color=color, markersize=4.2, markeredgewidth=0.9, zorder=3,
                  markerfacecolor=color if full else "white")
        axis.plot(row.published_value, place, "d", color=GREY, markersize=4.6, markerfacecolor="none",
                  markeredgewidth=0.8, zorder=2.5)
    axis.set_yticks(range(len(order)), order)
    axis.set_ylim(len(order) - 0.4, -0.6)
    axis.tick_params(axis="y", length=0)
    axis.spines["left"].set_visible(False)
    axis.locator_params(axis="x", nbins=4)


def forests(frame: pd.DataFrame, panel: str, columns: int, unit: str, zero: bool = False, note: str = "",
            what: str = "test tasks", titles: dict[str, str] | None = None, shared: bool = False):
    """A figure: a forest for each value of the column `panel`, with the same rows (if shared, with the same scale)."""
    order, cut = few(frame.row)
    panels, fewer = few(in_order(frame[panel]), PANELS, "panels")
    rows = -(-len(panels) // columns)
    columns = min(columns, len(panels))
    height = rows * (0.5 + LINE * max(3, len(order))) + 0.35
    figure, axes = figure_of(rows, columns, height, sharey=True, sharex=shared)
    for axis, name in zip(axes.flat, panels, strict=False):
        axis.tick_params(labelbottom=True)
        forest(axis, frame[frame[panel] == name], order, zero)
        title = (titles or {}).get(name, name)
        axis.set_title(textwrap.fill(title, max(12, 70 // columns)))
    for column in range(columns):
        last = max(k for k in range(len(panels)) if k % columns == column)
        axes.flat[last].set_xlabel(unit)
    foot(figure, cut + fewer + note + said_of(frame, what), axes.flat[len(panels):])
    return figure


def matrix(axis, table: pd.DataFrame, texts: pd.DataFrame, colors: str, limits: tuple[float, float],
           bold: pd.DataFrame | None = None, size: float = 7) -> None:
    """A matrix of (rows, columns) values; NaN stays white. `texts` stand in the cells, those of `bold` in bold."""
    from matplotlib import colormaps

    shade = colormaps[colors].with_extremes(bad="white")
    axis.imshow(table.to_numpy(float), cmap=shade, vmin=limits[0], vmax=limits[1], aspect="auto")
    for (y, x), value in np.ndenumerate(table.to_numpy(float)):
        if not np.isnan(value):
            red, green, blue, _ = shade((value - limits[0]) / max(limits[1] - limits[0], 1e-12))
            dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.5
            axis.text(x, y, texts.iloc[y, x], ha="center", va="center", fontsize=size, linespacing=1.05,
                      color="white" if dark else INK,
                      fontweight="bold" if bold is not None and bold.iloc[y, x] else "normal")
    turned = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"} if table.shape[1] > 6 else {}
    axis.set_xticks(range(table.shape[1]), table.columns, **turned)
    axis.set_yticks(range(table.shape[0]), table.index)
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)


def line(axis, x, frame: pd.DataFrame, model: str) -> None:
    """A model's line over a scale, its limits shaded."""
    color, marker, full = look_of(model)
    axis.plot(x, frame.ours, color=color, linewidth=1.3, marker=marker, markersize=3, markeredgewidth=0.7, zorder=3,
              markerfacecolor=color if full else "white")
    if frame.ci_low.notna().any():
        axis.fill_between(x, frame.ci_low, frame.ci_high, color=color, alpha=0.15, linewidth=0, zorder=1)


def bars(axis, x, frame: pd.DataFrame, color: str, marker: str, dash: str = "-", name: str | None = None) -> None:
    """A line over a scale, with its intervals as bars."""
    axis.errorbar(x, frame.ours, [frame.ours - frame.ci_low, frame.ci_high - frame.ours], color=color, marker=marker,
                  linestyle=dash, markersize=3.6, linewidth=1.1, elinewidth=0.8, label=name)


def scaled(axis, unit: str = "", zero: bool = False) -> None:
    """The rules of a panel of lines."""
    axis.grid(axis="y", color=RULE, linewidth=0.6)
    axis.set_axisbelow(True)
    if zero:
        axis.axhline(0, color=FAINT, linewidth=0.8, zorder=0)
    axis.locator_params(axis="y", nbins=4)
    if unit:
        axis.set_ylabel(unit)


def key(figure, marks: dict[str, dict], columns: int = 6) -> None:
    """A key above the panels: name -> form of its mark."""
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], label=name, **{"linestyle": "", "markersize": 4.2, "color": INK, **form})
               for name, form in marks.items()]
    figure.legend(handles=handles, loc="outside upper left", ncols=columns, handletextpad=0.5, columnspacing=1.4,
                  borderaxespad=0.1)


def mark(model: str, **more) -> dict:
    """A model's mark in a key."""
    color, marker, full = look_of(model)
    return {"color": color, "marker": marker, "markerfacecolor": color if full else "white", **more}
