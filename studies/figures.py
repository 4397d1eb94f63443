"""How the figures of all studies look and are saved: one palette by kind of model, PNG and PDF."""

from __future__ import annotations

from pathlib import Path

COLORS = {  # Okabe and Ito (2008): told apart with any color vision
    "own": "#D55E00", "mixed": "#0072B2", "merged": "#009E73", "distilled": "#CC79A7", "other": "#8C8C8C",
}
DOMAINS = {  # the same palette; each with a marker, so that grey prints tell them apart too
    "math": ("#0072B2", "o"), "coding": ("#D55E00", "s"), "science": ("#009E73", "^"), "instructions": ("#CC79A7", "D"),
    "agent": ("#E69F00", "v"),
}
INTERVALS = {"bootstrap": "bootstrap over tasks", "crossed_t": "t, tasks crossed with seeds"}
"""What the kinds of interval are called in small print."""
ACRONYMS, CONTROLS = ("ties", "dare", "sce"), ("twin", "shuffled", "steps")
INK, FAINT, GREY = "#222222", "#B8B8B8", "#5A5A5A"
MARKERS = {"anchor": "P", "expert": "o", "mixed": "s", "merged": "^", "distilled": "D", "twin": "v", "shuffled": "X",
           "steps": "<"}
"""By kind of model or control, so that grey prints tell them apart."""
DPI = 150
"""Of every PNG."""
WIDTH = 6.9
"""Inches of a page's text; figures for print are as wide."""


def kind_of(model: str) -> str:
    """The kind of a zoo's model, which decides its color: mixed, merged, distilled or other."""
    return next((kind for kind in ("mixed", "merged", "distilled") if model.split("-")[0] == kind), "other")


def look_of(model: str) -> tuple[str, str, bool]:
    """(color, marker, is the marker filled) of a model, the same in all figures for print; experts are `own`."""
    head = model.split("-")[0]
    color = {"expert": COLORS["own"], "anchor": INK}.get(head, COLORS[kind_of(model)])
    return color, MARKERS.get(head, "o"), model != "mixed-paper"


def shown(model: str) -> str:
    """A model's name as a reader sees it: `merged-dare_ties` is `merged, DARE TIES`."""
    head, _, rest = model.partition("-")
    if head == "expert":
        return f"{rest} expert"
    if head in CONTROLS:
        return f"{head}, {rest}"
    name = " ".join(word.upper() if word in ACRONYMS else word for word in rest.split("_"))
    if (head, rest) == ("mixed", "paper"):
        return "mixed, paper's budget"
    return f"{head}, {name}" if rest else head


def style() -> None:
    """Set matplotlib up for a quiet figure that is read at about 1000 pixels width."""
    import matplotlib
    import seaborn

    seaborn.set_theme(style="ticks", font="DejaVu Sans", rc={
        "font.size": 10, "axes.titlesize": 11, "axes.labelsize": 10, "xtick.labelsize": 9.5, "ytick.labelsize": 9.5,
        "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": FAINT, "xtick.color": FAINT,
        "xtick.labelcolor": INK, "ytick.labelcolor": INK, "text.color": INK, "axes.labelcolor": INK,
        "pdf.fonttype": 42, "axes.titleweight": "bold"})
    matplotlib.use("Agg")


def print_style() -> None:
    """Set matplotlib up for a figure that is printed WIDTH inches wide."""
    import matplotlib

    style()
    matplotlib.rcParams.update({
        "figure.dpi": DPI, "font.size": 8, "axes.titlesize": 8, "axes.labelsize": 7.5, "xtick.labelsize": 7,
        "ytick.labelsize": 7.5, "axes.titlepad": 4, "axes.linewidth": 0.8, "xtick.major.width": 0.8,
        "ytick.major.width": 0.8,
        "xtick.major.size": 3, "ytick.major.size": 3, "xtick.major.pad": 2, "ytick.major.pad": 2,
        "axes.labelpad": 2, "legend.fontsize": 7, "legend.frameon": False, "axes.titlelocation": "left"})


def titled(axis, title: str, unit: str) -> None:
    """A panel's title at its left, and under it, in small print, what is shown."""
    axis.set_title(title, loc="left", pad=22, fontsize=12)
    axis.annotate(unit, (0, 1), (0, 7), xycoords="axes fraction", textcoords="offset points", fontsize=9, color=GREY)


def in_percent(axis) -> None:
    """Shares on an x or y axis (`axes.yaxis`) as percent."""
    axis.set_major_formatter(lambda value, _: f"{value:.0%}")


def save(figure, folder: Path, name: str) -> None:
    """Write `name`.png and `name`.pdf, without a date, so that the same figure is the same file; close the figure."""
    from matplotlib import pyplot

    figure.savefig(folder / f"{name}.png", dpi=DPI)
    figure.savefig(folder / f"{name}.pdf", dpi=DPI, metadata={"CreationDate": None})
    pyplot.close(figure)
