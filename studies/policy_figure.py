"""The figure of the study of policy neighborhoods: who is near the mixed policy, and does that say who helps whom?

Above left: KL from every expert (row), and from the controls, to the mixed policy on the tasks of every domain
(column); the own expert is ringed, neighbors are bold, colors are margins. Right: over ordered pairs of domains, the
change in performance against the margin, for experts alone and for merges of two. Below left: KL between all models.
"""

from __future__ import annotations

import textwrap

import numpy as np
import pandas as pd

from studies.figures import COLORS, DOMAINS, FAINT, GREY, INK, shown, style, titled
from studies.findings import DECIDED, Finding

SCATTERS = (("transfer", "What an expert brings on another domain", "points over the anchor"),
            ("pair_gain", "What merging it into the domain's expert brings", "points over the domain's expert"))
LIMIT = np.log(8)
"""The margin at which colors end."""


def draw(tables: dict[str, pd.DataFrame], findings: list[Finding], zoo: str):
    """The figure; `tables` as the study writes them."""
    from matplotlib import pyplot

    style()
    figure, axes = pyplot.subplots(2, 2, figsize=(14, 12.6), layout="constrained", height_ratios=(1, 1.35))
    figure.get_layout_engine().set(h_pad=0.12, w_pad=0.1)
    full = {name: table[table.estimator == "full"] for name, table in tables.items() if "estimator" in table}
    _to_mixed(axes[0, 0], full["divergence"], full["neighbors"])
    _matrix(axes[1, 0], full["divergence"], figure)
    for axis, (column, title, unit) in zip(axes[:, 1], SCATTERS, strict=True):
        _scatter(axis, full["neighbors"], column, title, unit)
    figure.suptitle(textwrap.fill(headline(full["neighbors"], findings), 125), x=0.01, ha="left", fontweight="bold",
                    fontsize=12.5)
    figure.supxlabel(textwrap.fill(small_print(full["divergence"], tables["controls"], findings, zoo), 190), x=0.01,
                     ha="left", fontsize=8.5, color=INK)
    return figure


def headline(neighbors: pd.DataFrame, findings: list[Finding]) -> str:
    """Where the own expert is the nearest, how many neighbors there are, and what neighborhood explains."""
    if neighbors.empty:
        return "KL between the models of the zoo; without a mixed run and two experts there are no neighborhoods"
    own = (~neighbors.groupby("domain")["neighbor"].any()).sum()
    text = (f"The own expert is the nearest to the mixed policy on {own} of {neighbors.domain.nunique()} domains; "
            f"neighbors: {neighbors.neighbor.sum()} of {len(neighbors)} ordered pairs")
    by_id = {one.id: one for one in findings}
    said = [f"{name} {one.measured:+.2f} ({one.verdict.replace('_', ' ')})" for name in ("transfer", "pairs")
            if (one := by_id[f"neighborhood-explains-{name}"]).measured is not None]
    return text + (f". Rank correlation with the margin, given the KL's size: {', '.join(said)}" if said else "")


def small_print(divergence: pd.DataFrame, controls: pd.DataFrame, findings: list[Finding], zoo: str) -> str:
    """What the figure is made of, and how far apart two runs of the same expert are."""
    row = divergence.iloc[0]
    text = (f"Zoo {zoo}: KL on {row.n_tasks} tasks a domain, {row.n_seeds} training seed(s), full over the vocabulary, "
            "nats a token that the sampler wrote. Bars: 95 %, not adjusted. ")
    for one in controls[controls.other.str.startswith(("twin", "shuffled"))].itertuples():
        other = "twin" if one.other.startswith("twin") else "control on permuted rewards"
        text += (f"KL from the {shown(one.expert)} to its {other}, mean over domains: {1000 * one.kl:.1f} "
                 f"[{1000 * one.kl_low:.1f}, {1000 * one.kl_high:.1f}] 1/1000 nats. ")
    decided = sum(one.verdict in DECIDED for one in findings)
    return text + f"Claims decided after Holm's adjustment: {decided} of {len(findings)}."


def _to_mixed(axis, divergence: pd.DataFrame, neighbors: pd.DataFrame) -> None:
    titled(axis, "From every expert to the mixed policy", "KL, 1/1000 nats a token; ringed: own expert; bold: neighbor")
    if neighbors.empty:
        _nothing(axis)
        return
    domains, near = list(dict.fromkeys(neighbors.domain)), neighbors.set_index(["domain", "other"]).neighbor
    rows = [f"expert-{domain}" for domain in domains]
    rows += [name for name in dict.fromkeys(divergence.sampler) if name.startswith(("twin-", "shuffled-"))]
    here = divergence[divergence.scored_by == "mixed"].set_index(["sampler", "domain"]).kl
    values = np.array([[here[row, domain] for domain in domains] for row in rows])
    margins = np.log(np.diag(values[:len(domains)]) / values)
    axis.imshow(margins, cmap="PuOr_r", vmin=-LIMIT, vmax=LIMIT, aspect="auto")
    for y, row in enumerate(rows):
        for x, domain in enumerate(domains):
            bold = near.get((domain, row.removeprefix("expert-")), False)
            axis.text(x, y, f"{1000 * values[y, x]:.1f}", ha="center", va="center", fontsize=10,
                      fontweight="bold" if bold else "normal",
                      color="white" if abs(margins[y, x]) > 0.55 * LIMIT else INK)
            if row == f"expert-{domain}":
                axis.plot(x, y, "o", ms=31, mfc="none", mec=COLORS["own"], mew=1.8, zorder=3)
    axis.axhline(len(domains) - 0.5, color="white", lw=5, zorder=2)
    _ticks(axis, domains, [shown(row) for row in rows])
    axis.set(xlabel="tasks of")


def _matrix(axis, divergence: pd.DataFrame, figure) -> None:
    from matplotlib.colors import LogNorm

    names = list(dict.fromkeys(divergence.sampler))
    table = 1000 * divergence.pivot_table(index="sampler", columns="scored_by", values="kl").loc[names, names]
    values = table.where(~np.eye(len(names), dtype=bool)).to_numpy()
    known = values[values > 0]
    if not known.size:
        _nothing(axis)
        return
    norm = LogNorm(known.min(), known.max()) if known.min() < known.max() else None
    axis.imshow(values, cmap="YlGnBu", norm=norm, aspect="auto")
    middle = np.exp((np.log(known.min()) + 1.3 * np.log(known.max())) / 2.3)
    for (y, x), value in np.ndenumerate(values):
        if y != x:
            axis.text(x, y, f"{value:.0f}" if value >= 10 else f"{value:.1f}", ha="center", va="center", fontsize=7.5,
                      color="white" if value > middle else INK)
    _ticks(axis, [shown(name) for name in names], [shown(name) for name in names], 60)
    titled(axis, "Between all models, mean over domains", "KL from the row, which wrote, to the column; 1/1000 nats a "
           "token, colors logarithmic")


def _scatter(axis, neighbors: pd.DataFrame, column: str, title: str, unit: str) -> None:
    titled(axis, title, f"{unit}; letters: the other expert")
    rows = neighbors.dropna(subset=[column, "margin"])
    if rows.empty:
        _nothing(axis)
        return
    axis.axhline(0, color=FAINT, lw=1, zorder=0)
    axis.axvline(0, color=FAINT, lw=1, zorder=0)
    for domain, here in rows.groupby("domain", sort=False):
        color, marker = DOMAINS.get(domain, (COLORS["other"], "P"))
        for row in here.itertuples():
            value = getattr(row, column)
            axis.plot([row.margin] * 2, [getattr(row, f"{column}_low"), getattr(row, f"{column}_high")], color=color,
                      lw=0.8, alpha=0.35, zorder=1)
            axis.plot(row.margin, value, marker, color=color, ms=8, mec="white", mew=0.6)
            axis.annotate(row.other[0].upper(), (row.margin, value), (6, 3), textcoords="offset points", fontsize=9,
                          color=color)
        axis.plot([], [], marker, color=color, ms=8, ls="none", label=domain)
    values = rows[column]
    room = 0.35 * max(values.max() - values.min(), 1.0)
    axis.set(xlabel="margin: log(KL of the own expert / KL of the other); above 0, neighbors",
             ylabel=f"change in accuracy ({unit.split(' ')[0]})", ylim=(values.min() - room, values.max() + room))
    axis.legend(frameon=False, fontsize=9, title="measured on", title_fontsize=9, loc="best")


def _ticks(axis, across: list[str], down: list[str], turned: int = 0) -> None:
    axis.set_xticks(range(len(across)), across, rotation=turned, ha="right" if turned else "center",
                    rotation_mode="anchor" if turned else "default")
    axis.set_yticks(range(len(down)), down)
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)


def _nothing(axis) -> None:
    axis.text(0.5, 0.5, "not measured", ha="center", va="center", color=GREY, transform=axis.transAxes)
    axis.set_axis_off()
