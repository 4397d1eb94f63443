"""Figures by layer: what moved and what can be read, what a layer brings when grafted, and steering."""

from __future__ import annotations

from paper.figures.panels import (
    bars,
    few,
    figure_of,
    foot,
    key,
    line,
    mark,
    said_of,
    scaled,
    seeds_of,
)
from paper.saved import Saved
from paper.tables import behavior, inside
from paper.tables.rows import in_order, kept
from studies.figures import GREY, INK, look_of

ROWS = ("weights moved", "activations moved", "patching recovers", "answers settled",
        "probe: does a check come next")


def profile(saved: Saved):
    """Layer profile: a row a measure, a column a domain, the expert's line."""
    table = inside.layers(saved)
    table = kept(table, table.layer >= 0, "layer")
    names = [name for name in ROWS if name in set(table.measure)]
    domains, cut = few(in_order(table.domain), 6, "domains")
    kept(table, table.measure.isin(names), "measure of the profile")
    figure, axes = figure_of(len(names), len(domains), 0.6 + 1.0 * len(names), sharex=True, sharey="row")
    for row, name in zip(axes, names, strict=True):
        unit = table[table.measure == name].unit.iloc[0]
        for axis, domain in zip(row, domains, strict=True):
            here = table[(table.domain == domain) & (table.measure == name)].sort_values("layer")
            line(axis, here.layer, here, f"expert-{domain}")
            words = table[(table.domain == domain) & (table.measure == name.replace("probe:", "words:"))]
            if name.startswith("probe:"):
                axis.plot(words.layer, words.ours, ":", color=INK, linewidth=1)
            scaled(axis)
            axis.locator_params(axis="both", nbins=4)
        short = name.replace("probe: does a ", "").replace(" come next", " next")
        row[0].set_ylabel(f"{short}\n({unit})", fontsize=6.8)
    for axis, domain in zip(axes[0], domains, strict=True):
        axis.set_title(domain)
    for axis in axes[-1]:
        axis.set_xlabel("layer")
    foot(figure, f"{cut}Each column is a domain's expert; means over {seeds_of(table)}, "
         "without intervals (findings.json has those of claims). Moved: against the anchor. Check next: "
         "a linear probe (solid) and a bag of the words read so far (dotted). No published values: ours.")
    return figure


def grafts(saved: Saved):
    """Grafting: what each layer brings, and costs, a column a domain."""
    table = inside.grafts(saved)
    table = kept(table, table.measure == "accuracy", "graft measured by accuracy")
    single = kept(table, table.direction.isin(("in", "out")) & (table.layer >= 0), "graft of single layers")
    domains, cut = few(in_order(single.domain), 6, "domains")
    columns = min(3, len(domains))
    figure, axes = figure_of(-(-len(domains) // columns), columns, 0.75 + 1.35 * -(-len(domains) // columns),
                             sharey=True)
    for k, (axis, domain) in enumerate(zip(axes.flat, domains, strict=False)):
        scaled(axis, "accuracy (points)" if k % columns == 0 else "", zero=True)
        for direction, offset, marker in (("in", -0.1, "o"), ("out", 0.1, "s")):
            rows = single[(single.domain == domain) & (single.direction == direction)]
            color = look_of("expert")[0] if direction == "in" else GREY
            bars(axis, rows.layer + offset, rows, color, marker)
        whole = table[(table.domain == domain) & (table.direction == "expert")]
        if len(whole):
            axis.axhline(whole.ours.iloc[0], color=INK, linewidth=0.9, linestyle=(0, (4, 3)))
        axis.set_title("mean over domains" if domain == "all" else domain)
        axis.locator_params(axis="x", integer=True)
        if k + columns >= len(domains):
            axis.set_xlabel("layer")
    key(figure, {"expert's layer put into the anchor": mark("expert", linestyle="-"),
                 "taken out of the expert": {"marker": "s", "color": GREY, "linestyle": "-"},
                 "the whole expert": {"linestyle": "--", "marker": ""}})
    foot(figure, f"{cut}Change in accuracy. Layers interact: what they bring and cost need not add up. "
         f"{said_of(single)}", axes.flat[len(domains):])
    return figure


def steering(saved: Saved):
    """Steering: checks by dose, a panel a layer."""
    table = behavior.steering(saved)
    table = kept(table, table.measure == "self_verification", "steering measured by checks")
    layers, cut = few(sorted(table.layer), 16, "layers")
    columns = min(4, len(layers))
    rows = -(-len(layers) // columns)
    figure, axes = figure_of(rows, columns, 0.75 + 1.2 * rows, sharex=True, sharey=True)
    for k, (axis, layer) in enumerate(zip(axes.flat, layers, strict=False)):
        scaled(axis)
        for direction, color, marker, offset in (("random", GREY, "X", 0.03), ("given", INK, "P", -0.03)):
            here = table[(table.layer == layer) & (table.direction == direction)].sort_values("dose")
            bars(axis, here.dose + offset, here, color, marker)
        axis.set_title(f"layer {layer:g}")
        if k % columns == 0:
            axis.set_ylabel("checks per\n100 sentences")
        if k + columns >= len(layers):
            axis.set_xlabel("dose")
    axes[0, 0].set_xticks(sorted(set(table.dose)), [f"{dose:g}" for dose in sorted(set(table.dose))])
    key(figure, {"the direction before checks": {"marker": "P", "linestyle": "-"},
                 "random directions": {"marker": "X", "color": GREY, "linestyle": "-"}})
    foot(figure, f"{cut}The anchor on {table.domain.iloc[0]} tasks, a direction added to the residual stream at one "
         f"layer; a dose of 1 is the difference of means as measured. No published values: ours. {said_of(table)}",
         axes.flat[len(layers):])
    return figure
