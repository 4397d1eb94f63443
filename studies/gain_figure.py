"""The figure of the gain study: consistency by model and domain; tasks that one route alone solves.

One row a model: the combined ones, then, as references, a control's expert and the controls. Left, a panel for all
tasks and one for each domain: the consistency of a model's gains with the union of the experts', without noise, with
its 95 % interval; under it the plain cosine, with ticks at chance and at its ceiling. Right, tasks a zoo that the model
alone solves, and that experts alone solve: those that fresh samples confirm, under them the candidates and how many
chance gives; what a single expert does not solve says nothing, so that references have no place in the last panel.
"""

from __future__ import annotations

import textwrap

import pandas as pd

from probes.cells import ALL
from studies.figures import COLORS, DOMAINS, GREY, INK, INTERVALS, kind_of, shown, style
from studies.findings import DECIDED, Finding

CONTROLS = {"twin": "second run", "shuffled": "permuted rewards", "steps": "more steps"}
ALONE = {"combined": "solved by the\nmodel alone", "experts": "solved by\nexperts alone"}
RULE, UNDER = "#E4E4E4", 0.3
"""The color of guide lines; how far under a model's row its small marks stand."""
SMALL = {"markersize": 4, "markerfacecolor": "white", "markeredgewidth": 1.1}
LIMITS = (-0.35, 1.4)
"""Of consistencies: longer intervals are cut."""


def draw(tables: dict[str, pd.DataFrame], findings: list[Finding], zoo: str):
    """The figure; `tables` as the study writes them."""
    from matplotlib import pyplot

    style()
    table, counts = tables["consistency"], tables["emergent_counts"]
    order = [ALL, *DOMAINS, *table["domain"]]
    models, domains = rows(table), sorted(set(table["domain"]), key=order.index)
    widths = [1.35, *[1.0] * (len(domains) - 1), 0.95, 0.95]
    size = (2.7 + 1.42 * sum(widths), 0.36 * len(models) + 3.0)
    figure, axes = pyplot.subplots(1, len(widths), figsize=size, sharey=True, width_ratios=widths)
    for axis, domain in zip(axes, domains, strict=False):
        _consistency(axis, table[table["domain"] == domain].set_index("model"), models)
        axis.set_title("all tasks" if domain == ALL else domain, loc="left", fontsize=10.5)
    for axis, (kind, title) in zip(axes[len(domains):], ALONE.items(), strict=True):
        _counts(axis, counts[counts["kind"] == kind].set_index("model"),
                [name for name in models if kind == "combined" or kind_of(name) != "other"])
        axis.set_title(title, loc="left", fontsize=10.5)
    _names(axes, models)
    _frame(figure, headline(tables, findings), small_print(tables, findings, zoo))
    return figure


def rows(table: pd.DataFrame) -> list[str]:
    """The models in order: combined ones, then the controls' experts, and controls."""
    models = list(dict.fromkeys(table["model"]))
    controls = [name for name in models if name.split("-")[0] in CONTROLS]
    theirs = {f"expert-{name.partition('-')[2]}" for name in controls}
    return [*(name for name in models if kind_of(name) != "other"), *(name for name in models if name in theirs),
            *controls]


def label(model: str) -> str:
    """A model's name in the figure: `twin-math` is `math expert, second run`."""
    head, _, domain = model.partition("-")
    return f"{domain} expert, {CONTROLS[head]}" if head in CONTROLS else shown(model)


def headline(tables: dict[str, pd.DataFrame], findings: list[Finding]) -> str:
    """How like the experts the combined models gain, whether that differs, and what mixed and experts alone solve."""
    table, counts = tables["consistency"], tables["emergent_counts"]
    combined = table[(table["domain"] == ALL) & (table["model"].map(kind_of) != "other")]
    known = combined.set_index("model")["corrected"].dropna().sort_values()
    said = ["Too little gain, or too few samples, to compare gains without noise"]
    if len(known):
        ends = dict.fromkeys([known.index[0], *(["mixed"] if "mixed" in known else []), known.index[-1]])
        said = ["Consistency with the experts' gains: " + ", ".join(f"{shown(one)} {known[one]:.2f}" for one in ends)]
        rivals = [one for one in findings if one.id.endswith("-above-mixed") and one.measured is not None]
        sure = [f"{one.claim}: {one.verdict.replace('_', ' ')}" for one in rivals if one.verdict in DECIDED]
        said += sure or (["no difference to the mixed model is decided"] if rivals else [])
    mine = counts[counts["model"] == "mixed"].set_index("kind")
    if len(mine):
        said.append(f"of {mine['n_tasks'].iloc[0]} tasks the mixed model alone solves "
                    f"{mine.loc['combined', 'confirmed']:.1f} a zoo, experts alone "
                    f"{mine.loc['experts', 'confirmed']:.1f}")
    return "; ".join(said)


def small_print(tables: dict[str, pd.DataFrame], findings: list[Finding], zoo: str) -> str:
    """What the figure is made of."""
    table, counts = tables["consistency"], tables["emergent_counts"].iloc[0]
    overall = table[table["domain"] == ALL].iloc[0]
    sizes = table[table["domain"] != ALL]["n_tasks"]
    a_domain = f" ({sizes.iloc[0]} a domain)" if sizes.nunique() == 1 else ""
    single = table["model"].str.startswith("expert-") & (table["domain"] == ALL)
    union = "the only expert's gains" if single.sum() == 1 else "the largest gain of any expert, task by task"
    unknown = (table["corrected"].isna() & table["model"].isin(rows(table))).sum()
    lacking = f" {unknown} are unknown, for want of gain or samples." if unknown else ""
    decided = sum(one.verdict in DECIDED for one in findings)
    return (f"Zoo {zoo}, {overall['n_tasks']} test tasks{a_domain} x {overall['k']:.0f} samples, {overall['n_seeds']} "
            f"training seed(s). Consistency: cosine of a model's gains over the anchor with {union}. Bars: 95 % "
            f"{INTERVALS[overall['interval']]}, not adjusted, cut at the frame; of counts, at least as wide as exact "
            f"binomial ones.{lacking} Ceiling: two measurements of the same gains, on half of the samples each; the "
            "plain cosine can pass it, for a model and the union share noise. Solved: in at least half of "
            f"{counts['k']} samples, and in none by the others. Confirmed: the same on {counts['k_fresh']} fresh "
            f"samples. Of {len(findings)} claims {decided} decided after Holm's adjustment.")


def _consistency(axis, table: pd.DataFrame, models: list[str]) -> None:
    """The consistencies of one domain."""
    for value in (0, 0.5, 1):
        axis.axvline(value, color=RULE, linewidth=1, zorder=0)
    for place, model in enumerate(models):
        one = table.loc[model]
        _dot(axis, place, model, one["corrected"], one["corrected_low"], one["corrected_high"])
        axis.plot(one["consistency"], place + UNDER, "o", color=COLORS[kind_of(model)], zorder=3, **SMALL)
        axis.plot(one["chance"], place + UNDER, "|", color=GREY, markersize=7)
        axis.plot(one["ceiling"], place + UNDER, "x", color=GREY, markersize=4)
    axis.set_xlim(*LIMITS)
    axis.set_xticks([0, 0.5, 1], ["0", ".5", "1"])
    axis.set_xlabel("consistency")


def _counts(axis, table: pd.DataFrame, models: list[str]) -> None:
    """The tasks of one kind."""
    for place, model in enumerate(models):
        if model in table.index:
            one = table.loc[model]
            _dot(axis, place, model, one["confirmed"], one["confirmed_low"], one["confirmed_high"])
            axis.plot(one["candidates"], place + UNDER, "o", color=COLORS[kind_of(model)], zorder=3, **SMALL)
            axis.plot(one["expected_false"], place + UNDER, "|", color=GREY, markersize=7)
    axis.set_xlabel("tasks a zoo")
    axis.set_xlim(left=-0.04 * axis.get_xlim()[1])
    axis.grid(axis="x", color=RULE)


def _dot(axis, place: int, model: str, value: float, low: float, high: float) -> None:
    axis.plot([low, high], [place] * 2, color=COLORS[kind_of(model)], linewidth=2, zorder=2)
    axis.plot(value, place, "o", color=COLORS[kind_of(model)], markersize=6.5, markeredgecolor="white",
              markeredgewidth=0.7, zorder=4)


def _names(axes, models: list[str]) -> None:
    """Models named at the left, in their colors; a line above the references."""
    axes[0].set_yticks(range(len(models)), [label(model) for model in models])
    axes[0].set_ylim(len(models) - 0.35, -0.6)
    for text, model in zip(axes[0].get_yticklabels(), models, strict=True):
        text.set_color(GREY if kind_of(model) == "other" else COLORS[kind_of(model)])
    combined = sum(kind_of(model) != "other" for model in models)
    for axis in axes:
        axis.tick_params(axis="y", length=0)
        axis.spines["left"].set_visible(False)
        if combined < len(models):
            axis.axhline(combined - 0.32, color=RULE, linewidth=1)


def _frame(figure, title: str, print_: str) -> None:
    """Title above, key and small print below, all wrapped; the panels between."""
    from matplotlib.lines import Line2D

    wide, height = figure.get_size_inches()
    lines, more = textwrap.wrap(title, int(8.4 * wide)), textwrap.wrap(print_, int(12.6 * wide))
    figure.text(0.01, 1 - 0.12 / height, "\n".join(lines), va="top", fontsize=13, fontweight="bold")
    figure.text(0.01, 0.1 / height, "\n".join(more), va="bottom", fontsize=9, color=GREY)
    key = {"without noise, or confirmed": {"marker": "o", "linestyle": "-", "linewidth": 2, "markersize": 6.5},
           "plain cosine, or candidates": {"marker": "o", **SMALL}, "chance": {"marker": "|", "markersize": 8},
           "ceiling of the plain cosine": {"marker": "x", "markersize": 4.5}}
    marks = [Line2D([], [], color=INK, label=name, **{"linestyle": "", **form}) for name, form in key.items()]
    foot = (0.2 + 0.16 * len(more)) / height
    figure.legend(handles=marks, loc="lower left", bbox_to_anchor=(0, foot), ncols=4, frameon=False, fontsize=9.5)
    figure.subplots_adjust(left=2.35 / wide, right=0.99, top=1 - (0.62 + 0.24 * len(lines)) / height,
                           bottom=foot + 0.85 / height, wspace=0.1)
