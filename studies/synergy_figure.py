"""The figure of the synergy study: who helps whom, mixing against experts, and how both learned.

Left: gain over the anchor by what was trained on (rows) and where it is measured (columns); controls below. Middle:
each route to one model minus the domain's own expert. Right: accuracy in training, of the expert and of the mixed run,
by prompts of that domain seen. The title says what was found.
"""

from __future__ import annotations

import textwrap

import numpy as np
import pandas as pd

from studies.figures import COLORS, FAINT, GREY, INK, INTERVALS, shown, style, titled
from studies.findings import DECIDED, Finding
from studies.synergy_claims import seen

ROUTES = {"mixed": ("mixed", "o", True), "mixed-paper": ("mixed", "o", False), "merged-ties": ("merged", "s", True),
          "distilled": ("distilled", "D", True), "twin": ("other", "^", True),
          "steps": ("other", "^", False)}
"""Model -> (color, marker, is it filled)."""
NAMES = {"mixed-paper": "mixed at the paper's budget", "merged-ties": "TIES", "twin": "second run of the expert",
         "steps": "the expert in as many steps"}
CONTROLS = {"shuffled": "shuffled rewards", "steps": "more steps"}
"""What rows of controls are called."""
PIECES = 8
"""Points of a learning curve."""
OWN, GAP = "#EFEFEF", 0.35


def draw(tables: dict[str, pd.DataFrame], findings: list[Finding], zoo: str):
    """The figure; `tables` as the study writes them."""
    from matplotlib import pyplot

    style()
    domains = [name for name in dict.fromkeys(tables["transfer"].measured_on) if name != "others"]
    figure = pyplot.figure(figsize=(13.5, 7.4))
    places = figure.add_gridspec(1, 3, left=0.092, right=0.985, top=0.82, bottom=0.235, wspace=0.3,
                                 width_ratios=(1.5, 1.1, 0.8))
    _matrix(figure.add_subplot(places[0]), tables["transfer"], domains)
    _routes(figure.add_subplot(places[1]), tables["mixing"], domains)
    curves = places[2].subgridspec(len(domains), 1, hspace=0.22)
    _curves([figure.add_subplot(place) for place in curves], tables["learning"], domains)
    figure.text(0.012, 0.975, textwrap.fill(headline(tables["transfer"], tables["mixing"]), 118), va="top", fontsize=13,
                fontweight="bold")
    figure.text(0.012, 0.018, textwrap.fill(small_print(tables, findings, zoo), 205), va="bottom", fontsize=8.5,
                color=GREY)
    return figure


def headline(transfer: pd.DataFrame, mixing: pd.DataFrame) -> str:
    """What training on one domain does to the others, and each route against the own experts."""
    pairs = transfer[(transfer.kind == "expert") & ~transfer.own & (transfer.measured_on != "others")]
    overall = mixing[mixing.domain == "all"].set_index("model").difference
    said = []
    if len(pairs):
        up, down = (pairs.ci_low > 0).sum(), (pairs.ci_high < 0).sum()
        said.append(f"Training on one domain moves another by {pairs.gain.mean():+.1f} points on average: of "
                    f"{len(pairs)} pairs {up} rise and {down} fall beyond their interval")
    routes = [f"{_route(name)} {overall[name]:+.1f}" for name in ROUTES if name in overall]
    said += [f"against each domain's own expert: {', '.join(routes)}"] if routes else []
    own = transfer[(transfer.kind == "expert") & transfer.own]
    return "; ".join(said) or f"One domain, {own.trained_on.iloc[0]}: its expert gains {own.gain.iloc[0]:+.1f} points"


def small_print(tables: dict[str, pd.DataFrame], findings: list[Finding], zoo: str) -> str:
    """What the figure is made of."""
    one, transfer, mixing = tables["accuracy"].iloc[0], tables["transfer"], tables["mixing"]
    again = transfer[(transfer.trained_on == "anchor again") & (transfer.measured_on == "others")].gain.iloc[0]
    decided = sum(found.verdict in DECIDED for found in findings)
    mixed = mixing[(mixing.model == "mixed") & (mixing.domain != "all")].dropna(subset="prompts_ratio")
    prompts = f" {seen(dict(zip(mixed.domain, mixed.prompts_ratio, strict=True)))}" if len(mixed) else ""
    return (f"Zoo {zoo}; {one['n_tasks']} test tasks a domain, {one['n_seeds']} training seed(s). Intervals: 95 % "
            f"{INTERVALS[one['interval']]}, paired by task, not adjusted; of {len(findings)} claims, {decided} are "
            "decided after Holm's adjustment. Transfer, small numbers: the paper's Table 3, v1 [R], a domain being the "
            "mean of its two benchmarks, of a model of 4 B. Anchor again: the second half of the anchor's samples "
            f"minus the first (mean {again:+.1f}).{prompts} Learning: on training tasks, in {PIECES} equal pieces; "
            "thin lines are seeds.")


def _route(model: str) -> str:
    """A route as a reader sees it."""
    return NAMES.get(model, shown(model))


def _trained(label: str) -> str:
    """What a row was trained on, as a reader sees it: `twin-math` is `math, twin`."""
    head, _, rest = label.partition("-")
    return textwrap.fill(f"{rest}, {CONTROLS.get(head, head)}" if rest else label, 13)


def _matrix(axis, transfer: pd.DataFrame, domains: list[str]) -> None:
    """The transfer matrix, drawn cell by cell: own domains in grey, controls apart, the mean of the others apart."""
    from matplotlib import colormaps
    from matplotlib.patches import Rectangle

    rows = transfer.drop_duplicates("trained_on").reset_index(drop=True)
    tops = {row.trained_on: k + GAP * (row.kind == "control") for k, row in enumerate(rows.itertuples())}
    lefts = {name: k for k, name in enumerate(domains)} | {"others": len(domains) + GAP}
    limit = max(1.0, transfer[~transfer.own & (transfer.measured_on != "others")].gain.abs().max())
    for cell in transfer.itertuples():
        place, share = (lefts[cell.measured_on], tops[cell.trained_on]), cell.gain / limit
        color = OWN if cell.own else colormaps["PuOr_r"](0.5 + 0.5 * np.clip(share, -1, 1))
        axis.add_patch(Rectangle(place, 1, 1, facecolor=color, edgecolor="white", linewidth=1.5))
        sure, dark = cell.ci_low > 0 or cell.ci_high < 0, abs(share) > 0.65 and not cell.own
        number = isinstance(cell.published, float)
        axis.text(place[0] + 0.5, place[1] + (0.4 if number else 0.5), f"{cell.gain:+.1f}", ha="center", va="center",
                  fontsize=10, fontweight="bold" if sure else "normal", color="white" if dark else INK)
        if number:
            axis.text(place[0] + 0.5, place[1] + 0.76, f"{cell.published:+.1f}", ha="center", va="center", fontsize=7.5,
                      color="white" if dark else GREY)
    shown_last = ["others"] if "others" in set(transfer.measured_on) else []
    names = [*domains, *shown_last]
    axis.set_xticks([lefts[name] + 0.5 for name in names], [*domains, *(["mean of\nothers"] if shown_last else [])],
                    rotation=30, ha="right", rotation_mode="anchor")
    axis.set_yticks([top + 0.5 for top in tops.values()], [_trained(name) for name in tops])
    axis.set(xlim=(0, max(lefts[name] for name in names) + 1), ylim=(max(tops.values()) + 1, 0), xlabel="measured on",
             ylabel="trained on")
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    titled(axis, "Transfer", "points over the anchor; bold: interval misses 0; small: the paper; grey: own")


def _routes(axis, mixing: pd.DataFrame, domains: list[str]) -> None:
    """Each route minus the own expert, a group of dots a domain, then their mean."""
    kinds = {name: name.partition("-")[0] if name.startswith(("twin-", "steps-")) else name
             for name in dict.fromkeys(mixing.model)}
    drawn = [name for name, kind in kinds.items() if kind in ROUTES]
    drawn.sort(key=lambda name: list(ROUTES).index(kinds[name]))
    places = [name for name in (*domains, "all") if name in set(mixing.domain)]
    axis.axvline(0, color=INK, linewidth=1, zorder=1)
    for k, name in enumerate(drawn):
        color, marker, filled = ROUTES[kinds[name]]
        rows = mixing[mixing.model == name]
        heights = [places.index(place) + GAP * (place == "all") + 0.15 * (k - (len(drawn) - 1) / 2)
                   for place in rows.domain]
        axis.hlines(heights, rows.ci_low, rows.ci_high, color=COLORS[color], linewidth=1.6, zorder=2)
        axis.plot(rows.difference, heights, marker, color=COLORS[color], ms=5.5, zorder=3, label=_route(kinds[name]),
                  markerfacecolor=COLORS[color] if filled else "white")
    axis.set_yticks([k + GAP * (place == "all") for k, place in enumerate(places)],
                    ["mean" if place == "all" else place for place in places])
    axis.set_ylim(max(1, len(places)) - 0.5 + GAP, -0.6)
    axis.set_xlabel("points")
    axis.tick_params(axis="y", length=0)
    axis.grid(axis="x", color="#EEEEEE")
    if drawn:
        axis.legend(frameon=False, fontsize=8.5, loc="upper center", bbox_to_anchor=(0.45, -0.09), ncols=2,
                    handletextpad=0.3, columnspacing=1)
    else:
        axis.text(0.5, 0.5, "no route to one model in this zoo", ha="center", transform=axis.transAxes, color=GREY)
    titled(axis, "One model for all", "minus each domain's own expert, with 95 % intervals")


def curve(learning: pd.DataFrame, run: str, domain: str, width: float) -> pd.DataFrame:
    """Accuracy in training by prompts of a domain seen, in pieces of `width` prompts: (prompts seen, seeds) frame."""
    rows = learning[(learning.run == run) & (learning.domain == domain)]
    piece = width * np.ceil(rows.prompts_seen / width - 1e-9)
    right = (rows.accuracy * rows.rollouts).groupby([piece, rows.seed]).sum()
    return (right / rows.rollouts.groupby([piece, rows.seed]).sum()).unstack("seed")


def _curves(axes: list, learning: pd.DataFrame, domains: list[str]) -> None:
    """A panel a domain: its expert and the mixed run."""
    lowest = 100.0
    for axis, domain in zip(axes, domains, strict=True):
        last = learning[(learning.run == f"expert-{domain}") & (learning.domain == domain)].prompts_seen.max()
        for run, color in ((f"expert-{domain}", "own"), ("mixed", "mixed")):
            if pd.notna(last):
                found = 100 * curve(learning, run, domain, last / PIECES)
                axis.plot(found.index, found, color=COLORS[color], linewidth=0.6, alpha=0.45)
                axis.plot(found.index, found.mean(axis=1), color=COLORS[color], linewidth=2,
                          label="own expert" if color == "own" else "mixed run")
                lowest = min(lowest, found.min(axis=None))
        axis.tick_params(labelsize=8, labelbottom=axis is axes[-1])
        axis.grid(axis="y", color="#EEEEEE")
        axis.spines["left"].set_color(FAINT)
        axis.annotate(domain, (0, 1), (5, -2), xycoords="axes fraction", textcoords="offset points", va="top",
                      fontsize=9.5)
    for axis in axes:
        axis.set(ylim=(10 * np.floor(min(lowest, 90) / 10), 102), xlim=(0, None))
        axis.locator_params(axis="y", nbins=3)
    axes[-1].set_xlabel("prompts of the domain seen")
    if axes[-1].lines:
        axes[-1].legend(frameon=False, fontsize=8.5, loc="upper center", bbox_to_anchor=(0.45, -0.6), ncols=2)
    titled(axes[0], "Learning", "accuracy in training, %")
