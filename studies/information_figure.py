"""The figure of the study of information constraints: what the bits that a route moves buy, and where it moves them.

Left: gain in accuracy against bits a completion, one point a (model, domain); an expert on its own domain is a star.
Right: the bits of every model on every domain, and their mean.
"""

from __future__ import annotations

import textwrap

import pandas as pd

from studies.figures import COLORS, DOMAINS, FAINT, GREY, INK, INTERVALS, shown, style, titled
from studies.findings import DECIDED, Finding

ROUTES = {  # route -> (color, marker, name)
    "expert": (COLORS["own"], "o", "expert, elsewhere"), "mixed": (COLORS["mixed"], "s", "mixed"),
    "merged": (COLORS["merged"], "^", "merged"), "distilled": (COLORS["distilled"], "D", "distilled"),
    "control": (COLORS["other"], "x", "control"), "other": (INK, "P", "other"),
}


def draw(tables: dict[str, pd.DataFrame], findings: list[Finding], zoo: str):
    """The figure; `tables` as the study writes them."""
    from matplotlib import pyplot

    style()
    bits = tables["bits"][tables["bits"].route != "anchor"]
    figure, axes = pyplot.subplots(1, 2, figsize=(14, 6.6), layout="constrained", width_ratios=(1.1, 1))
    figure.get_layout_engine().set(w_pad=0.12)
    _gains(axes[0], bits[bits.domain != "all"])
    _places(axes[1], bits)
    figure.suptitle(textwrap.fill(headline(bits, findings), 125), x=0.01, ha="left", fontweight="bold", fontsize=12.5)
    figure.supxlabel(textwrap.fill(small_print(bits, findings, zoo), 190), x=0.01, ha="left", fontsize=8.5, color=INK)
    return figure


def headline(bits: pd.DataFrame, findings: list[Finding]) -> str:
    """What the mixed run and TIES move and gain, and whether gains follow bits."""
    rows = bits[bits.domain == "all"].set_index("model")
    said = [f"{shown(name)}: {rows.bits[name]:.1f} bits a completion for {rows.gain[name]:+.1f} points"
            for name in ("mixed", "merged-ties") if name in rows.index]
    follows = {one.id: one for one in findings}["gain-follows-bits"]
    if follows.measured is not None:
        said.append(f"models that move more bits gain more: rank correlation {follows.measured:+.2f} "
                    f"({follows.verdict.replace('_', ' ')})")
    text = "; ".join(said) or f"{shown(rows.index[0])}: {rows.bits.iloc[0]:.1f} bits a completion"
    return text[0].upper() + text[1:]


def small_print(bits: pd.DataFrame, findings: list[Finding], zoo: str) -> str:
    """What the figure is made of."""
    row = bits[bits.domain == "all"].iloc[0]
    decided = sum(one.verdict in DECIDED for one in findings)
    return (f"Zoo {zoo}, {row.n_tasks} tasks over all domains, {row.n_seeds} training seed(s). Bits: full KL to the "
            f"anchor, summed over a completion that the model wrote. Bars: 95 % {INTERVALS[row.interval]}, not "
            f"adjusted. Claims decided after Holm's adjustment: {decided} of {len(findings)}.")


def _gains(axis, bits: pd.DataFrame) -> None:
    from matplotlib.patheffects import Normal, Stroke

    titled(axis, "What bits buy", "one point a model and domain")
    axis.axhline(0, color=FAINT, lw=1, zorder=0)
    for route, here in bits.groupby("route", sort=False):
        color, marker, name = ROUTES[route]
        away = here[~here.home]
        edge = {"mec": color, "mew": 1.4} if marker == "x" else {"mec": "white", "mew": 0.5}
        axis.plot(away.bits, away.gain, marker, color=color, ms=6.5, alpha=0.85, label=name, ls="none", **edge)
    home = bits[bits.home]
    if len(home):
        axis.vlines(home.bits, home.gain_low, home.gain_high, color=COLORS["own"], lw=0.8, alpha=0.5)
        axis.scatter(home.bits, home.gain, c=COLORS["own"], marker="*", s=190, edgecolors="white", linewidths=0.6,
                     label="expert, own domain", zorder=3)
    for k, row in enumerate(home.sort_values("bits").itertuples()):  # right and left by turns, for room
        axis.annotate(row.domain, (row.bits, row.gain), (-11 if k % 2 else 11, 3), textcoords="offset points",
                      ha="right" if k % 2 else "left", fontsize=9.5, color=COLORS["own"], zorder=4,
                      path_effects=[Stroke(linewidth=3, foreground="white"), Normal()])
    _logarithmic(axis, bits)
    axis.set(xlabel="bits a completion away from the anchor", ylabel="gain in accuracy (points)")
    axis.legend(frameon=False, fontsize=9, loc="best")


def _places(axis, bits: pd.DataFrame) -> None:
    titled(axis, "Where they are moved", "by domain; bar and grey: mean over domains and its interval")
    overall = bits[bits.domain == "all"].sort_values("bits", ignore_index=True)
    places = {row.model: row.Index for row in overall.itertuples()}
    for row in overall.itertuples():
        axis.plot([max(row.bits_low, overall.bits.min() / 4), row.bits_high], [row.Index] * 2, color=FAINT, lw=5,
                  solid_capstyle="butt", zorder=1)
        axis.plot(row.bits, row.Index, "|", color=INK, ms=15, mew=2, zorder=2)
    for domain, here in bits[bits.domain != "all"].groupby("domain", sort=False):
        color, marker = DOMAINS.get(domain, (COLORS["other"], "P"))
        rows = [places[model] for model in here.model]
        axis.scatter(here.bits, rows, c=color, marker=marker, s=34, label=domain, zorder=3, edgecolors="white",
                     linewidths=0.5)
        home = here[here.home]
        axis.scatter(home.bits, [places[model] for model in home.model], marker="o", s=150, facecolors="none",
                     edgecolors=COLORS["own"], linewidths=1.5, zorder=4)
    axis.set_yticks(range(len(overall)), [shown(model) for model in overall.model])
    axis.tick_params(axis="y", length=0)
    axis.grid(axis="x", color="#EEEEEE")
    _logarithmic(axis, bits)
    axis.set(xlabel="bits a completion (ringed: an expert's own domain)")
    axis.legend(frameon=False, fontsize=9, loc="lower right")


def _logarithmic(axis, bits: pd.DataFrame) -> None:
    """A logarithmic x axis with plain numbers, where all bits are above 0."""
    if (bits.bits > 0).all():
        axis.set_xscale("log")
        axis.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axis.xaxis.set_minor_formatter(lambda value, _: "")
    axis.tick_params(axis="x", colors=GREY)
