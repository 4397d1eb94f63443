"""Figures of policies: KL to the mixed one and between all, consistency of gains, bits and what they buy."""

from __future__ import annotations

import numpy as np
import pandas as pd

from paper.figures.panels import (
    LINE,
    PANELS,
    few,
    figure_of,
    foot,
    forest,
    forests,
    key,
    mark,
    matrix,
    said_of,
    scaled,
)
from paper.saved import Saved
from paper.tables import inside
from paper.tables.rows import in_order, kept
from studies.figures import look_of
from studies.gain_figure import label


def neighborhoods(saved: Saved):
    """Figure 4: KL from each expert to the mixed policy, by domain."""
    table = inside.neighborhoods(saved)
    rows, cut = few(table.sampler, 16)
    columns, fewer = few(in_order(table.domain), PANELS, "domains")
    values = 1000 * table.pivot_table(index="sampler", columns="domain", values="ours").reindex(rows, columns=columns)
    epsilon = 1000 * table.groupby("domain").epsilon.first().reindex(columns)
    margins = np.log(epsilon / values)
    texts, near = values.map(lambda value: f"{value:.1f}"), values.notna() & False
    for row in rows:
        own = row.removeprefix("expert-")
        near.loc[row] = [values.loc[row, name] < epsilon[name] for name in columns]
        if own in columns:
            texts.loc[row, own] += " (own)"
    figure, axes = figure_of(1, 1, 1.0 + 0.24 * len(rows))
    limit = np.log(8)
    shown = margins.rename(index=label)
    matrix(axes[0, 0], shown, texts, "PuOr_r", (-limit, limit), near)
    axes[0, 0].set(xlabel="tasks of", ylabel="from")
    foot(figure, f"{cut}{fewer}KL to the mixed policy in 1/1000 nats a token, on completions that the row's model "
         "wrote. Epsilon is the KL of the domain's own expert; bold: below it, a neighbor; color: log(epsilon / KL), "
         "from 1/8 to 8. The paper (Figure 4, in words, second-hand [N1]): coding is a neighbor of math, math is none "
         f"of coding, instructions is one of coding. {said_of(table).replace('bars', 'intervals (in the table)')}")
    return figure


def divergences(saved: Saved):
    """Figure 4: KL between all models, mean over domains."""
    table = inside.divergences(saved)
    names, cut = few(pd.concat([table.sampler, table.scored_by]), 16)
    table = kept(table, table.sampler.isin(names) & table.scored_by.isin(names), "pair of models")
    values = 1000 * table.pivot_table(index="sampler", columns="scored_by", values="ours").reindex(names, columns=names)
    logs = np.log(values.where(values > 0))
    known = logs.to_numpy(float)[np.isfinite(logs.to_numpy(float))]
    texts = values.map(lambda value: "" if pd.isna(value) else f"{value:.{0 if value >= 9.95 else 1}f}")
    figure, axes = figure_of(1, 1, 1.5 + 0.22 * len(names))
    span = max(np.ptp(known), 1.0) if known.size else 1.0
    limits = (known.min() - 0.2 * span, known.max() + 0.2 * span) if known.size else (0.0, 1.0)
    matrix(axes[0, 0], logs.rename(index=label, columns=label), texts, "Greys", limits, size=6.5)
    axes[0, 0].set(xlabel="to", ylabel="from (wrote the completions)")
    foot(figure, f"{cut}KL in 1/1000 nats a token, mean over {table.domain.nunique()} domains; shade: its logarithm. "
         f"The paper's values: not found. {said_of(table).replace('bars', 'intervals (in the table)')}")
    return figure


def gains(saved: Saved):
    """Figure 5: consistency of gains with the experts' union, by domain."""
    table = inside.gains(saved)
    combined = ~table.model.str.startswith("expert-")
    table = kept(table, combined & table.ours.notna(), "combined model whose gains can be compared")
    table = table.assign(row=table.model.map(label), ci_low=table.ci_low.clip(lower=-0.5),
                         ci_high=table.ci_high.clip(upper=1.5))
    return forests(table, "domain", 3, "consistency (cosine)", shared=True, titles={"all": "all tasks"},
                   note="Cosine of a model's gains with the union of the experts', noise taken out; no mark: too "
                   "little gain for that. Bars are cut at -0.5 and 1.5. The paper (Figure 5, in words, second-hand "
                   "[N1]): RL-Multi lowest, TIES and MT-OPD higher, math highest; values not found. ")


def information(saved: Saved):
    """What the bits that a model moves buy, and how many it moves."""
    table = inside.information(saved)
    overall = kept(table, table.domain == "all", "mean over domains").sort_values("ours")
    overall = overall.assign(row=overall.model.map(label))
    order, cut = few(overall.row)
    figure, axes = figure_of(1, 2, 1.0 + LINE * max(len(order), 9), width_ratios=(1, 1.05))
    for row in table[(table.domain != "all") & table.model.isin(overall.model)].itertuples():
        color, marker, full = look_of(row.model)
        home = row.model == f"expert-{row.domain}"
        axes[0, 0].plot(row.ours, row.gain, marker, color=color, markersize=6 if home else 3.8, markeredgewidth=0.8,
                        markerfacecolor=color if full and home else "white", zorder=3 if home else 2)
    scaled(axes[0, 0], zero=True)
    axes[0, 0].set(title="What bits buy, by domain", xlabel="bits a completion from the anchor",
                   ylabel="gain in accuracy (points)")
    forest(axes[0, 1], overall.assign(ci_low=overall.ci_low.clip(lower=overall.ours.min() / 4)), order)
    axes[0, 1].set(title="Bits moved, mean over domains", xlabel="bits a completion")
    if (table.ours > 0).all():
        for axis in axes[0]:
            axis.set_xscale("log")
            axis.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
            axis.xaxis.set_minor_formatter(lambda value, _: "")
    models = {"expert": "expert", "mixed": "mixed", "merged": "merged", "distilled": "distilled"}
    there = set(table.model.str.split("-").str[0])
    forms = {name: mark(model, markerfacecolor="white") for name, model in models.items() if model in there}
    key(figure, forms | {"expert at home": mark("expert", markersize=6)})
    foot(figure, f"{cut}Bits: KL to the anchor over the whole vocabulary, summed over a completion that the model "
         f"wrote; grey: controls. The paper names information constraints in its abstract alone. {said_of(overall)}")
    return figure
