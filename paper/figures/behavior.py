"""Figures of what models do and how they judge: behaviors, verification, the tagger, steering, doses."""

from __future__ import annotations

import textwrap

from paper.figures.panels import bars, few, figure_of, foot, forest, forests, key, said_of, scaled
from paper.saved import Saved
from paper.tables import behavior
from paper.tables.rows import in_order, kept
from studies.dose_figure import GROUPS as NAMES
from studies.figures import COLORS, GREY, INK
from studies.gain_figure import label

MEASURES = {"accuracy": "accuracy\n(points)", "self_verification": "self-verification\n(per 100 sentences)",
            "backtracking": "backtracking\n(per 100 sentences)", "tokens": "length\n(tokens)"}
GROUPS = {"reasoning": (COLORS["own"], "o", "-"), "instructions": (INK, "D", "--"),
          "shuffled": (COLORS["other"], "X", ":"), "mixed": (COLORS["mixed"], "s", "-"),
          "merged": (COLORS["merged"], "^", "-")}
"""Group of a dose-response -> (color, marker, dash)."""
OTHER = (GREY, "o", "-")
RESPONSES = {"transfer": "training on one helps another", "routes": "mixing and merging",
             "overlap": "the same weights change", "cosine": "updates are alike",
             "judging": "process against outcome verification"}
"""Measure of a dose-response -> what it asks."""
SLIPS = ("derivation", "answer")
ROUTES = ("mixed", "mixed-paper", "merged-ties", "distilled")


def behaviors(saved: Saved):
    """What each domain's expert, and the routes to one model, changed against the anchor."""
    table = behavior.behaviors(saved)
    own = table.model == "expert-" + table.domain
    table = kept(table, (own | table.model.isin(ROUTES)) & table.measure.isin(list(MEASURES)), "behavior of a route")
    table = table.assign(row=[f"{row.domain}: {'expert' if row.model.startswith('expert-') else _short(row.model)}"
                              for row in table.itertuples()])
    domains = in_order(table.domain)
    table = table.sort_values("domain", key=lambda names: names.map(domains.index), kind="stable", ignore_index=True)
    order, cut = few(table.row, 30)
    measures = [name for name in MEASURES if name in set(table.measure)]
    figure, axes = figure_of(1, len(measures), 0.95 + 0.13 * len(order), sharey=True)
    for axis, measure in zip(axes[0], measures, strict=True):
        forest(axis, table[table.measure == measure], order, zero=True)
        name, unit = MEASURES[measure].split("\n")
        axis.set(title=name, xlabel=unit.strip("()"))
        for place in range(1, len(order)):
            if order[place].split(":")[0] != order[place - 1].split(":")[0]:
                axis.axhline(place - 0.5, color="#D5D5D5", linewidth=0.7)
    foot(figure, f"{cut}Change against the anchor on the same tasks; behaviors as tagged. Published: DeepSeek-R1 "
         f"says in words that self-verification and length rise under RLVR; of this paper: not found. {said_of(table)}")
    return figure


def _short(model: str) -> str:
    return label(model).replace("merged, ", "").replace("mixed, paper's budget", "mixed, half")


def judging(saved: Saved):
    """Table 7 as a figure: judges by domain, of outcomes and of processes, each on its own trajectories."""
    table = behavior.judging(saved)
    wanted = table.judge.isin(("anchor", *ROUTES)) | table.judge.str.startswith("expert-")
    table = kept(table, (table.pool == "own") & wanted & table.ours.notna() & (table.domain != "all"), "judge")
    table = table.assign(row=table.judge.map(label), model=table.judge)
    order, cut = few(table.row, 16)
    domains, fewer = few(in_order(table.domain), 9, "domains")
    columns = min(3, len(domains))
    figure, axes = figure_of(-(-len(domains) // columns), columns,
                             0.8 + -(-len(domains) // columns) * (0.45 + 0.19 * len(order)), sharey=True)
    for axis, domain in zip(axes.flat, domains, strict=False):
        for mode, shift, filled in (("outcome", -0.17, False), ("process", 0.17, True)):
            rows = table[(table.domain == domain) & (table["mode"] == mode)]
            forest(axis, rows, order, shift=shift, filled=filled)
        axis.set_title(domain)
        axis.set_xlabel("accuracy (%)")
    key(figure, {"sees the answer (outcome)": {"marker": "o", "markerfacecolor": "white"},
                 "sees the whole trace (process)": {"marker": "o"},
                 "published": {"marker": "d", "color": GREY, "markerfacecolor": "none"}})
    foot(figure, f"{cut}{fewer}Agreement with the verifier's verdict on the judge's own trajectories, as the paper "
         "measures it (a pool that all judges see: in the table). Published: Table 7, second-hand [N1][N3], cells "
         f"found. {said_of(table)}", axes.flat[len(domains):])
    return figure


def tagger(saved: Saved):
    """Agreement of the tagger with known labels."""
    table = behavior.tagger(saved)
    table = table.assign(row=table.model.map(label), panel=table.label.str.replace("_", "-") + ", " + table.measure)
    return forests(table, "panel", 2, "agreement", what="traces",
                   note="Against the organism's known labels, sentence by sentence; the axis does not begin at 0. ")


def doses(saved: Saved):
    """Dose-response: each measure by what domains share, and judges by where slips lie."""
    table = behavior.doses(saved)
    measures, cut = few(table.measure, 6, "measures")
    columns = min(3, len(measures))
    rows = -(-len(measures) // columns)
    figure, axes = figure_of(rows, columns, 0.8 + 1.85 * rows)
    for axis, measure in zip(axes.flat, measures, strict=False):
        here = table[table.measure == measure]
        scaled(axis, here.unit.iloc[0], zero=True)
        axis.set(title=textwrap.fill(RESPONSES.get(measure, measure), 27))
        (_judged if measure == "judging" else _shared)(axis, here)
    looks = {group: GROUPS.get(group, OTHER) for group in dict.fromkeys(table.group)}
    key(figure, {NAMES[group][2] if group in NAMES else group: {"color": color, "marker": shape, "linestyle": dash}
                 for group, (color, shape, dash) in looks.items()}, columns=3)
    judged = "Judges: of math and coding (circles), and of instructions alone. " if "judging" in measures else ""
    foot(figure, f"{cut}{judged}Each dose is an anchor of its own with its zoos; intervals do not know how another of "
         f"the same corpus would differ. No published values: ours. {said_of(table)}Overlap and cosine: over layers "
         "and modules instead of tasks.", axes.flat[len(measures):])
    return figure


def _shared(axis, here) -> None:
    """A measure by what domains share."""
    for k, (group, of) in enumerate(here.groupby("group", sort=False)):
        color, shape, dash = GROUPS.get(group, OTHER)
        bars(axis, of.sharing + 0.025 * (k - 1), of, color, shape, dash)
    axis.set(xlabel="what domains share", xticks=sorted(set(here.sharing)))


def _judged(axis, here) -> None:
    """How judges differ by where slips lie, a point a zoo."""
    for place, lie in enumerate(SLIPS):
        of = here[here.slips == lie]
        for k in range(len(of)):
            color, shape, _ = GROUPS.get(of.group.iloc[k], OTHER)
            bars(axis, [place + 0.12 * (k - (len(of) - 1) / 2)], of.iloc[k:k + 1], color, shape, "")
    axis.set(xlabel="where slips lie", xlim=(-0.5, len(SLIPS) - 0.5))
    axis.set_xticks(range(len(SLIPS)), SLIPS)
