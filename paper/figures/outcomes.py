"""Figures of what came out of each route: accuracies, merges, pairs, costs, guided merges, transfer, controls."""

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
    line,
    mark,
    matrix,
    said_of,
    scaled,
    seeds_of,
)
from paper.saved import Saved
from paper.tables import behavior, outcomes
from paper.tables.rows import in_order, kept
from studies.figures import COLORS, INK
from studies.gain_figure import label
from studies.merging_claims import TABLE_6

OTHERS = ("Grey diamonds: the paper's numbers, of other benchmarks and a model of 4 B (mean of a domain's two, "
          "of nine in the last panel). ")
RULES = {"all": "all experts", "nearest": "nearest by cosine", "farthest": "farthest by cosine",
         "weighted": "weighted by cosine"}
DENSITIES = ("-", "--", "-.", ":")


def accuracy(saved: Saved):
    """Table 3 as a figure: a panel a domain."""
    table = outcomes.accuracies(saved)
    table = kept(table, table.ours.notna(), "accuracy").assign(row=lambda rows: rows.model.map(label))
    return forests(table, "domain", 3, "accuracy (%)", note=OTHERS, shared=True,
                   titles={"all": "mean over domains"})


def methods(saved: Saved):
    """Table 4 as a figure: means over the domains; and how much scale and density matter."""
    table = outcomes.methods(saved)
    table = kept(table, (table.domain == "all") & table.ours.notna(), "mean over domains")
    table = table.sort_values("ours", ascending=False).assign(
        row=lambda rows: rows.model.map(label).str.removeprefix("merged, "))
    sweeps = saved.table("merging_methods", "sweeps", ("method",), ("scale", "density", "accuracy"))
    order, cut = few(table.row)
    figure, axes = figure_of(1, 2, max(2.9, 0.9 + LINE * len(order)), width_ratios=(1.15, 1))
    forest(axes[0, 0], table, order)
    axes[0, 0].set(title="All experts in one model", xlabel="accuracy, mean over domains (%)")
    _sweeps(axes[0, 1], sweeps)
    foot(figure, f"{cut}Grey diamonds: the paper's mean of nine benchmarks (Table 4 [R]), a model of 4 B. Right: means "
         f"over seeds and halves of the tasks, no intervals; rings: the paper's parameters. {said_of(table)}")
    return figure


def _sweeps(axis, sweeps: pd.DataFrame) -> None:
    means = sweeps.groupby(["method", "density", "scale"], dropna=False).accuracy.mean().reset_index()
    arithmetic, ties = means[means.method == "task_arithmetic"], means[means.method == "ties"]
    axis.plot(arithmetic.scale, arithmetic.accuracy, "s-", color=INK, markersize=3.5, label="task arithmetic")
    for dash, marker, (density, rows) in zip(DENSITIES, "^v<>", ties.groupby("density"), strict=False):
        axis.plot(rows.scale, rows.accuracy, marker + dash, color=COLORS["merged"], markersize=3.5,
                  label=f"TIES, density {density:g}")
    for row in pd.concat([arithmetic, ties[ties.density == 0.2]]).itertuples():
        if row.scale == 1:
            axis.plot(row.scale, row.accuracy, "o", markersize=9, markerfacecolor="none", color=COLORS["own"])
    scaled(axis)
    axis.set(title="Scale and density", xlabel="scale of the update", ylabel="accuracy, mean over domains (%)")
    axis.legend(loc="best")


def pairs(saved: Saved):
    """Table 6 as a matrix: what the other expert changes."""
    table = outcomes.pairs(saved)
    table = kept(table, table.ours.notna(), "gain of a pair")
    names, cut = few([*table.domain, *table.other], PANELS)
    known = table.assign(known=[TABLE_6.get((row.domain, row.other), "").replace(", ", ",\n")
                                for row in table.itertuples()])
    figure, axes = figure_of(1, 1, 0.8 + 0.4 * len(names))
    _changes(axes[0, 0], known.set_index(["domain", "other"]), names, names)
    axes[0, 0].set(xlabel="the other expert, merged in by TIES", ylabel="measured on")
    foot(figure, f"{cut}Points against the domain's expert alone; bold: the interval misses 0. In parentheses: the "
         "paper's (Table 6, second-hand [N1]), other pairs not found. " + said_of(table).replace("bars", "intervals"))
    return figure


def _changes(axis, table: pd.DataFrame, down: list[str], across: list[str]) -> None:
    """A matrix of changes in points, `known` in parentheses below them; bold where the interval misses 0."""
    def cells(values: pd.Series) -> pd.DataFrame:
        return values.unstack().reindex(index=down, columns=across)

    said = table.ours.map("{:+.1f}".format) + table.known.map(lambda known: f"\n({known})" if known else "")
    changes, sure = cells(table.ours), cells(((table.ci_low > 0) | (table.ci_high < 0)).astype(float)) == 1
    limit = 1.15 * max(1.0, changes.abs().max(axis=None))
    matrix(axis, changes, cells(said), "PuOr_r", (-limit, limit), sure, 6.5)


def costs(saved: Saved):
    """Table 2 as a figure: what each route took, relative to the experts together."""
    table = outcomes.costs(saved)
    table = kept(table, ~table.route.str.startswith("expert-"), "route")
    table = table.assign(row=table.route.map(label), model=table.route.replace("experts", "expert"))
    note = ("Grey diamonds: the paper's GPU hours (Table 2, v1 [R]), the same in each panel. What a merge itself takes "
            "is not counted. ")
    return forests(table, "measure", 3, "% of all experts together", note=note, what="")


def guided(saved: Saved):
    """Merges for one target: each rule against the own expert alone."""
    table = outcomes.guided(saved)
    table = kept(table, table.domain == "all", "mean over targets")
    table = table.assign(row=table.rule.map(lambda rule: RULES.get(rule, rule)), model="merged-" + table.method,
                         method=table.method.map(lambda name: label(f"merged-{name}").removeprefix("merged, ")))
    return forests(table, "method", 2, "points against the own expert", zero=True,
                   note="Against the expert of the domain that a merge is made for, mean over these domains. ")


def transfer(saved: Saved):
    """What training on one domain changes on the others, the published cell below ours."""
    table = behavior.transfers(saved)
    table = kept(table, table.ours.notna(), "gain of an expert")
    names, cut = few(table.trained_on, PANELS)
    places, fewer = few(table.measured_on, PANELS, "columns")
    known = table.assign(known=["" if np.isnan(value) else f"{value:+.1f}" for value in table.published_value])
    figure, axes = figure_of(1, 1, 0.8 + 0.36 * len(names))
    _changes(axes[0, 0], known.set_index(["trained_on", "measured_on"]), names, places)
    axes[0, 0].set(xlabel="measured on", ylabel="trained on")
    foot(figure, f"{cut}{fewer}Points over the anchor; bold: the interval misses 0. In parentheses: the paper's (Table "
         "3, v1 [R], mean of a domain's two benchmarks), of a model of 4 B. "
         + said_of(table).replace("bars", "intervals"))
    return figure


def controls(saved: Saved):
    """An expert and its controls: gains over the anchor."""
    table = behavior.controls(saved)
    table = table.assign(row=table.model.map(label))
    return forests(table, "measured_on", 3, "points over the anchor", zero=True,
                   note="Anchor again: the second half of the anchor's samples minus the first. ",
                   titles={"others": "mean of the others"})


def learning(saved: Saved):
    """Learning curves: accuracy in training, by prompts of the domain seen."""
    table = behavior.learning(saved)
    own = (table.run == "expert-" + table.domain) | table.run.str.startswith("shuffled-")
    chosen = kept(table, (own | table.run.isin(("mixed", "distilled"))) & table.ours.notna(), "run of its own domain")
    domains, cut = few(in_order(chosen.domain), PANELS, "domains")
    columns = min(3, len(domains))
    figure, axes = figure_of(-(-len(domains) // columns), columns, 0.7 + 1.45 * -(-len(domains) // columns),
                             sharey=True)
    for k, (axis, domain) in enumerate(zip(axes.flat, domains, strict=False)):
        for run, rows in chosen[chosen.domain == domain].groupby("run", sort=False):
            line(axis, rows.prompts, rows, run)
        scaled(axis, "accuracy in training (%)" if k % columns == 0 else "")
        axis.set_title(domain)
        axis.set_xlim(left=0)
        if k + columns >= len(domains):
            axis.set_xlabel("prompts of the domain seen")
    names = {"own expert": "expert", "mixed": "mixed", "distilled": "distilled", "permuted rewards": "shuffled"}
    there = set(chosen.run.str.split("-").str[0])
    key(figure, {name: mark(model, linestyle="-") for name, model in names.items() if model in there})
    foot(figure, f"{cut}Lines: means over seeds, in equal pieces of what the domain's expert saw; shaded: range over "
         f"{seeds_of(chosen)}, no interval. Of sampled training completions, not of test tasks.",
         axes.flat[len(domains):])
    return figure


