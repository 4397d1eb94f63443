"""The figure of the self-verification study: what RLVR, mixing and merging changed, against the anchor.

One row a domain, one column a measure; a dot is a model's change against the anchor on the same tasks, with its 95 %
interval; the vertical line is the anchor, its own level stands in each panel. The title says what was found.
"""

from __future__ import annotations

import textwrap

import pandas as pd

from studies.figures import COLORS, FAINT, INK, INTERVALS, kind_of, shown, style
from studies.findings import ALPHA, Finding
from studies.verification_claims import BEHAVIORS

COLUMNS = {"accuracy": ("Accuracy", "points"), "self_verification": ("Self-verification", "per 100 sentences"),
           "backtracking": ("Backtracking", "per 100 sentences"), "tokens": ("Length", "tokens")}


def headline(findings: list[Finding]) -> str:
    """What happened to the experts on their own domains: how many 95 % intervals lie above, and below, 0."""
    said, still, unknown = [], [], []
    for measure in BEHAVIORS:
        name, found = COLUMNS[measure][0], own_changes(findings, measure)
        up, down = sum(one.ci_low > 0 for one in found), sum(one.ci_high < 0 for one in found)
        moved = [f"{word} in {count}" for word, count in (("rose", up), ("fell", down)) if count]
        if moved:
            said.append(f"{name.lower()} {' and '.join(moved)} of {len(found)}")
        else:
            (still if found else unknown).append(name.lower())
    said += [f"no clear change in {' or '.join(still)}"] if still else []
    said += [f"{' and '.join(unknown)} not measured"] if unknown else []
    return f"RLVR experts on their own domain, against the anchor: {'; '.join(said)}"


def own_changes(findings: list[Finding], *measures: str) -> list[Finding]:
    """The findings about experts on their own domain that were measured."""
    names = tuple(f"{measure}-" for measure in measures)
    return [one for one in findings if one.id.startswith(names) and one.measured is not None]


def standing(table: pd.DataFrame) -> str:
    """Mean change in accuracy over the domains: of each domain's own expert, the mixed model and the merges."""
    rows = table[table["measure"] == "accuracy"]
    own = rows[rows["model"] == "expert-" + rows["domain"]]["change"]
    others = rows[rows["model"].map(kind_of) != "other"].groupby("model", sort=False)["change"].mean()
    said = [f"own expert {own.mean():+.1f}", *(f"{shown(model)} {change:+.1f}" for model, change in others.items())]
    return f"Mean change in accuracy over {rows['domain'].nunique()} domains, in points: {'; '.join(said)}."


def small_print(table: pd.DataFrame, findings: list[Finding], zoo: str) -> str:
    """What the figure is made of: tasks, samples, seeds, kind of interval, model."""
    rows, low_k, high_k = table.iloc[0], table["k"].min(), table["k"].max()
    kind = f"95 % {INTERVALS[rows['interval']]}"
    k = f"{low_k}" if low_k == high_k else f"{low_k} to {high_k}"
    seeds = f"{rows['n_seeds']} training seeds" if rows["n_seeds"] > 1 else "one training seed (only tasks vary)"
    own = own_changes(findings, *BEHAVIORS)
    sure = sum(one.p_adjusted < ALPHA for one in own)
    return (f"Zoo {zoo}. Dot: change against the anchor (line at 0) on the same {rows['n_tasks']} test tasks a domain, "
            f"samples a task: {k}, {seeds}. Bar: {kind}, paired, not adjusted. The title counts bars that miss 0; "
            f"{sure} of its {len(own)} changes have p < {ALPHA} after Holm's adjustment over all claims of the study. "
            f"Grey number: the anchor's own level. {_audit(table)}").rstrip()


def _audit(table: pd.DataFrame) -> str:
    """How much the tagger's own error matters, where it is known."""
    if "corrected_change" not in table.columns:
        return ""
    most = (table["change"] - table["corrected_change"]).abs().max()
    return f"Behaviors are as tagged; without the tagger's known error no change differs by more than {most:.1f}."


def draw(table: pd.DataFrame, findings: list[Finding], zoo: str):
    """The figure of `behavior_table`."""
    from matplotlib import pyplot

    style()
    domains, models = list(table["domain"].unique()), [name for name in table["model"].unique() if name != "anchor"]
    height = len(domains) * (0.5 + 0.19 * len(models)) + 2.6
    figure, axes = pyplot.subplots(len(domains), len(COLUMNS), figsize=(11, height), sharex="col", squeeze=False)
    for row, domain in zip(axes, domains, strict=True):
        for axis, measure in zip(row, COLUMNS, strict=True):
            _panel(axis, table[(table["domain"] == domain) & (table["measure"] == measure)], models, domain)
        _names(row, models, domain)
    for axis, measure in zip(axes[0], COLUMNS, strict=True):
        axis.set_title(COLUMNS[measure][0], loc="left", pad=22, fontsize=12)
    for axis, measure in zip(axes[-1], COLUMNS, strict=True):
        axis.set_xlabel(f"change, {COLUMNS[measure][1]}")
        low, high = axis.get_xlim()
        axis.set_xlim(min(low, -1), max(high, 1))
    _frame(figure, height, headline(findings), standing(table), small_print(table, findings, zoo))
    return figure


def _color(model: str, domain: str) -> str:
    return COLORS["own" if model == f"expert-{domain}" else kind_of(model)]


def _panel(axis, rows: pd.DataFrame, models: list[str], domain: str) -> None:
    """The models' changes in one measure on one domain, and the anchor's level."""
    rows = rows.set_index("model")
    axis.axvline(0, color=INK, linewidth=1, zorder=1)
    for place, model in enumerate(models):
        one, color = rows.loc[model], _color(model, domain)
        own = model == f"expert-{domain}"
        bounds = [one["change_low"], one["change_high"]]
        axis.plot(bounds, [place] * 2, color=color, linewidth=3 if own else 1.8, zorder=2)
        axis.plot(one["change"], place, "o", color=color, markersize=7.5 if own else 5, markeredgecolor="white",
                  markeredgewidth=0.7, zorder=3)
    level, unit = rows.loc["anchor", "value"], {"%": " %", "tokens": " tokens"}.get(rows["unit"].iloc[0], " per 100")
    axis.annotate(f"anchor {level:.{0 if level >= 10 else 1}f}{unit}", (0, 1), (0, 3), xycoords="axes fraction",
                  textcoords="offset points", fontsize=9, color="#6A6A6A")
    axis.set_ylim(len(models) - 0.4, -0.6)
    axis.set_yticks(range(len(models)), labels=[])
    axis.tick_params(axis="y", length=0)
    axis.grid(axis="x", color=FAINT, linewidth=0.5, alpha=0.6)
    axis.spines["left"].set_visible(False)
    axis.margins(x=0.06)
    axis.locator_params(axis="x", nbins=5)


def _names(row, models: list[str], domain: str) -> None:
    """Models named at the left of a row, in their colors, under the name of the domain."""
    row[0].set_yticks(range(len(models)), labels=[shown(model) for model in models])
    for label, model in zip(row[0].get_yticklabels(), models, strict=True):
        label.set_color({"other": "#5F5F5F"}.get(kind_of(model), COLORS[kind_of(model)]))
        if model == f"expert-{domain}":
            label.set(color=COLORS["own"], fontweight="bold")
    row[0].annotate(domain, (0, 1), (-8, 3), xycoords="axes fraction", textcoords="offset points", ha="right",
                    fontsize=12, fontweight="bold")


def _frame(figure, height: float, title: str, under: str, print_: str) -> None:
    """Title and what stands under it above, small print below, all wrapped; the panels between."""
    lines, more = textwrap.wrap(title, 92, break_on_hyphens=False), textwrap.wrap(under, 125, break_on_hyphens=False)
    figure.text(0.012, 1 - 0.12 / height, "\n".join(lines), va="top", fontsize=13, fontweight="bold")
    figure.text(0.012, 1 - (0.2 + 0.22 * len(lines)) / height, "\n".join(more), va="top", fontsize=10.5)
    figure.text(0.012, 0.1 / height, "\n".join(textwrap.wrap(print_, 150)), va="bottom", fontsize=9, color="#5A5A5A")
    top = 0.95 + 0.22 * len(lines) + 0.17 * len(more)
    figure.subplots_adjust(left=0.185, right=0.985, top=1 - top / height, bottom=1.3 / height, wspace=0.12,
                           hspace=0.28)
