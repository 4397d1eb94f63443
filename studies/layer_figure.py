"""The figure of the layer study: twelve panels over the same layers, a line an expert, means over seeds.

What moved: weights, activations, CKA with the anchor. What can be read: linear probes, settled answers, what patched
activations bring along. What carries the gain: layers grafted in, and taken out; checks that they bring; steering.
"""

from __future__ import annotations

import textwrap

import pandas as pd

from behaviors.taxonomy import SELF_VERIFICATION
from studies.figures import DOMAINS, FAINT, GREY, INK, in_percent, style, titled
from studies.findings import Finding


def draw(tables: dict[str, pd.DataFrame], findings: list[Finding], zoo: str):
    """The figure of the study's tables."""
    from matplotlib import pyplot

    style()
    figure, axes = pyplot.subplots(3, 4, figsize=(16, 13.4))
    figure.subplots_adjust(left=0.05, right=0.99, top=0.845, bottom=0.105, hspace=0.52, wspace=0.25)
    panels = (_weights, _changed, _shift, _cka, _right, _next, _lens, _patching, _brought, _cost, _checks, _steering)
    for axis, panel in zip(axes.flat, panels, strict=True):
        panel(axis, tables)
        axis.set_xlabel("layer")
        axis.margins(x=0.04)
    _ticks(axes.flat, tables)
    _legend(figure, list(tables["layers"]["domain"].unique()))
    figure.text(0.012, 0.985, textwrap.fill(headline(tables, findings), 155), va="top", fontsize=13, fontweight="bold")
    figure.text(0.012, 0.012, textwrap.fill(small_print(tables, zoo), 225), va="bottom", fontsize=8.5, color=GREY)
    return figure


def headline(tables: dict[str, pd.DataFrame], findings: list[Finding]) -> str:
    """What one layer brings, and does the place of the update say where the gain lies?"""
    by_id, said = {one.id: one for one in findings}, []
    for name, what, unit in (("checks", "checks", "per 100 sentences"), ("gain", "accuracy", "points")):
        one = by_id[f"one-layer-carries-{name}"]
        if one.measured is not None:
            said.append(f"the layer that brings most {what} in other domains brings {_value(one, '.1f')} {unit} more "
                        "than the other layers")
    where = by_id["weights-predict-gain-in"]
    if where.measured is not None:
        said.append(f"rank correlation of a layer's update and its gain {_value(where, '.2f')}")
    text = "; ".join(said) or "nothing that the claims need was measured"
    return text[0].upper() + text[1:]


def _value(finding: Finding, form: str) -> str:
    low, high = format(finding.ci_low, f"+{form}"), format(finding.ci_high, f"+{form}")
    return f"{format(finding.measured, f'+{form}')} [{low}, {high}] ({finding.verdict.replace('_', ' ')})"


def small_print(tables: dict[str, pd.DataFrame], zoo: str) -> str:
    """What the figure is made of."""
    grafts, seeds = tables["grafts"], tables["weights"]["seed"].nunique()
    tasks = int(grafts[grafts["domain"] != "all"]["n_tasks"].max())
    return (f"Zoo {zoo}; {seeds} training seed{'s' if seeds > 1 else ''}, lines are means over them; grafts: {tasks} "
            "test tasks of the own domain; bars: 95 % intervals over tasks (and seeds), of the mean over "
            "domains. Activations, probes and lens read the expert's own traces. Out: embeddings, last norm and head. "
            "Probes: dotted, a bag of the tokens read so far; grey band, labels shuffled. Steered: the anchor, on half "
            "of the math tasks; dashed, untouched. Layers interact: what they bring and cost need not add up to the "
            "whole gain (dashed).")


def _lines(axis, table: pd.DataFrame, column: str, dash: str = "-", **how) -> None:
    """A line a domain, means over seeds."""
    for domain, rows in table.groupby("domain", sort=False):
        means = rows.groupby("layer")[column].mean()
        color, marker = DOMAINS.get(domain, (INK, "o"))
        axis.plot(means.index.astype(int), means, dash, color=color, marker=marker if dash == "-" else None,
                  markersize=4.5, linewidth=1.6 if dash == "-" else 1.1, **how)


def _unmeasured(axis) -> None:
    axis.text(0.5, 0.5, "not measured", transform=axis.transAxes, ha="center", color=GREY)


def _weights(axis, tables: dict) -> None:
    weights = tables["weights"]
    whole = weights[(weights["part"] == "all") & (weights["layer"] >= 0)]
    _lines(axis, whole[whole["model"] == "expert-" + whole["domain"]], "relative_l2")
    control = whole[whole["model"].str.startswith("shuffled-")]
    for _, rows in control.groupby("model"):
        axis.plot(rows.groupby("layer")["relative_l2"].mean(), "--", color=GREY, linewidth=1.2)
    dashed = "; grey: permuted rewards" if len(control) else ""
    titled(axis, "How far weights moved", f"relative L2{dashed}")


def _changed(axis, tables: dict) -> None:
    weights = tables["weights"]
    _lines(axis, weights[(weights["part"] == "all") & (weights["layer"] >= 0)
                         & (weights["model"] == "expert-" + weights["domain"])], "changed_fraction")
    in_percent(axis.yaxis)
    titled(axis, "How many weights changed", "share of stored weights")


def _shift(axis, tables: dict) -> None:
    shift = tables["shift"]
    _lines(axis, shift[shift["position"] == "all"], "relative_l2")
    titled(axis, "How far activations moved", "relative L2 of the residual stream")


def _cka(axis, tables: dict) -> None:
    shift = tables["shift"]
    _lines(axis, shift[shift["position"] == "all"], "cka")
    titled(axis, "How alike activations are", "debiased CKA with the anchor")


def _patching(axis, tables: dict) -> None:
    patching = tables["patching"]
    into = patching[patching["direction"] == "into the anchor"]
    _lines(axis, into[into["position"] == "all"], "recovered")
    _lines(axis, into[into["position"] == "prompt"], "recovered", ":")
    in_percent(axis.yaxis)
    titled(axis, "What activations bring", "KL to the expert recovered; dotted: prompt alone")


def _right(axis, tables: dict) -> None:
    _probe(axis, tables["probes"], "right")
    titled(axis, "Is the answer right?", "AUROC of a linear probe; dotted: words")


def _next(axis, tables: dict) -> None:
    _probe(axis, tables["probes"], "next")
    titled(axis, "Does a check come next?", "AUROC of a linear probe; dotted: words")


def _probe(axis, probes: pd.DataFrame, question: str) -> None:
    """The expert's AUROC of a question, that of its words, and the band of shuffled labels."""
    shown = probes[(probes["question"] == question) & (probes["model"] == "expert")]
    if shown.empty:
        _unmeasured(axis)
        return
    _lines(axis, shown, "auroc")
    _lines(axis, shown, "tokens", ":")
    low, high = (shown.groupby("layer")[name].mean() for name in ("shuffled_low", "shuffled_high"))
    axis.fill_between(low.index, low, high, color=FAINT, alpha=0.5, linewidth=0)


def _lens(axis, tables: dict) -> None:
    lens = tables["lens"]
    _lines(axis, lens[lens["model"] == "expert"], "settled")
    _lines(axis, lens[lens["model"] == "anchor"], "settled", ":")
    in_percent(axis.yaxis)
    titled(axis, "Answers that are settled", "share of tokens, logit lens; dotted: anchor")


def _brought(axis, tables: dict) -> None:
    _grafts(axis, tables["grafts"], "in")
    titled(axis, "What a layer brings", "points, expert's layer put into the anchor")


def _cost(axis, tables: dict) -> None:
    _grafts(axis, tables["grafts"], "out", -1)
    titled(axis, "What a layer costs", "points, expert without its layer")


def _checks(axis, tables: dict) -> None:
    _grafts(axis, tables["grafts"], "in", measure=SELF_VERIFICATION)
    titled(axis, "Checks that a layer brings", "per 100 sentences, put into the anchor")


def _grafts(axis, grafts: pd.DataFrame, direction: str, sign: int = 1, measure: str = "accuracy") -> None:
    """Lines by domain, and their mean with its interval; dashed, the mean of the whole gains."""
    rows = grafts[(grafts["measure"] == measure) & (grafts["part"] == "all")]
    here = rows[rows["direction"] == direction].assign(change=lambda table: sign * table["change"])
    _lines(axis, here[here["domain"] != "all"], "change")
    mean = here[here["domain"] == "all"].sort_values("layer")
    half = (mean["ci_high"] - mean["ci_low"]) / 2
    axis.errorbar(mean["layer"].astype(int), mean["change"], half, color=INK, linewidth=0, elinewidth=1.3, capsize=2.5,
                  zorder=5)
    whole = rows[(rows["direction"] == "expert") & (rows["domain"] == "all")]["change"].iloc[0]
    axis.axhline(whole, color=INK, linewidth=1, linestyle=(0, (4, 3)))
    axis.axhline(0, color=FAINT, linewidth=1)


def _steering(axis, tables: dict) -> None:
    steering = tables["steering"]
    titled(axis, "Steering checks", "per 100 sentences; grey: random directions")
    if steering.empty:
        _unmeasured(axis)
        return
    checks = steering[steering["measure"] == SELF_VERIFICATION]
    axis.axhline(checks[checks["dose"] == 0]["value"].iloc[0], color=INK, linewidth=1, linestyle=(0, (4, 3)))
    for dose, shade in zip(sorted(set(checks["dose"]) - {0.0}), ("#9ECAE1", "#4292C6", "#08306B"), strict=False):
        for kind, color, offset in (("given", shade, -0.08), ("random", GREY, 0.08)):
            rows = checks[(checks["direction"] == kind) & (checks["dose"] == dose)]
            axis.errorbar(rows["layer"] + offset, rows["value"], [rows["value"] - rows["ci_low"],
                          rows["ci_high"] - rows["value"]], color=color, marker="o" if kind == "given" else "x",
                          markersize=4.5, linewidth=1.4 if kind == "given" else 0.6, elinewidth=0.9, capsize=2,
                          label=f"dose {dose:g}" if kind == "given" else None)
    axis.legend(frameon=False, fontsize=8.5)


def _ticks(axes, tables: dict) -> None:
    layers = sorted(set(tables["layers"]["layer"]) - {-1})
    step = 1 if len(layers) <= 12 else 4
    for axis in axes:
        outside = [-1] if axis.get_xlim()[0] < -0.9 else []
        axis.set_xticks([*outside, *layers[::step]], ["out"] * len(outside) + [str(layer) for layer in layers[::step]])


def _legend(figure, domains: list[str]) -> None:
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], color=DOMAINS.get(name, (INK, "o"))[0], marker=DOMAINS.get(name, (INK, "o"))[1],
                      label=f"{name} expert") for name in domains]
    figure.legend(handles=handles, loc="upper left", bbox_to_anchor=(0.005, 0.932), ncols=len(handles), frameon=False)
