"""The README's tables, made from saved results; nothing is typed in.

Between its `<!-- results -->` marks go tables made from `expert_gains/gains.csv` and `runs.csv`, from
`merging_methods/methods.csv` and `costs.csv`, and from the findings.json of all studies.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pandas as pd

from paper.saved import opened, table_of
from paper.tables.rows import kept
from studies.figures import shown
from studies.findings import DECIDED, NOT_FOUND
from studies.index import COLUMNS, PLACES, line_of, place_of

MARKS = ("<!-- results -->", "<!-- /results -->")


class MarkError(ValueError):
    """A README without the marks between which the results go."""


def gains_table(results: Path) -> list[str]:
    """Markdown: each expert against the anchor on its own domain."""
    gains = table_of(results, "expert_gains", "gains", ("domain", "seeds", "verdict"),
                     ("anchor", "expert", "gain", "ci_low", "ci_high", "n_tasks", "k", "tokens_anchor",
                      "tokens_expert"))
    runs = table_of(results, "expert_gains", "runs", ("run",), ("changed",))
    first = gains.iloc[0]
    lines = [f"Each expert on its own domain: avg@{first.k} on {first.n_tasks} held-out tasks, seeds {first.seeds}; "
             "the gain is paired by task and seed, with its 95 % interval.", "",
             "| domain | anchor | expert | gain | tokens, anchor -> expert | weights changed | verdict |",
             "|---|---|---|---|---|---|---|"]
    for row in gains.itertuples():
        changed = runs[runs.run == f"expert-{row.domain}"].changed.mean()
        lines.append(f"| {row.domain} | {row.anchor:.1f} % | {row.expert:.1f} % | {row.gain:+.1f} [{row.ci_low:+.1f}, "
                     f"{row.ci_high:+.1f}] | {row.tokens_anchor:.0f} -> {row.tokens_expert:.0f} | "
                     f"{100 * changed:.0f} % | {row.verdict.replace('_', ' ')} |")
    return lines


def routes_table(results: Path) -> list[str]:
    """Markdown: every route to one model for all domains, its accuracy over all of them, and what was trained."""
    methods = table_of(results, "merging_methods", "methods", ("model", "domain"),
                       ("accuracy", "ci_low", "ci_high", "n_tasks", "n_seeds"))
    costs = table_of(results, "merging_methods", "costs", ("route",), ("optimizer_steps", "tokens"))
    overall = kept(methods, (methods.domain == "all") & ~methods.model.str.startswith("expert-"), "route to one model")
    spent = costs.groupby("route")[["optimizer_steps", "tokens"]].mean()
    first = overall.iloc[0]
    lines = [f"Mix or merge: mean accuracy over the {methods.domain.nunique() - 1} domains, {first.n_tasks} held-out "
             f"tasks, {first.n_seeds} seeds, with its 95 % interval; steps and tokens of training, the experts' "
             "included where they are needed.", "",
             "| model | accuracy | optimizer steps | tokens |", "|---|---|---|---|"]
    for row in overall.sort_values("accuracy", ascending=False).itertuples():
        route = row.model.removeprefix("merged-")
        cost = spent.loc[route] if route in spent.index else None
        steps, tokens = ("", "") if cost is None else (
            f"{cost.optimizer_steps:.0f}", "" if pd.isna(cost.tokens) else f"{cost.tokens:,.0f}")
        lines.append(f"| {shown(row.model)} | {row.accuracy:.1f} % [{row.ci_low:.1f}, {row.ci_high:.1f}] | {steps} | "
                     f"{tokens} |")
    return lines


def findings_table(results: Path) -> list[str]:
    """Markdown: how all claims of all studies came out, and the paper's that are decided and of a known value."""
    findings = [{"study": study, **one} for (study, _), one in sorted(opened(results).findings.items(), key=_study)]
    count = Counter(one["verdict"] for one in findings)
    known = [one for one in findings if one["verdict"] in DECIDED and one["published"] != NOT_FOUND]
    lines = [f"Of {len(findings)} claims in {len({one['study'] for one in findings})} studies, "
             f"{count['reproduced']} are reproduced, {count['not_reproduced']} not reproduced, {count['inconclusive']} "
             f"inconclusive and {count['not_measured']} not measured."]
    if known:
        places = list(PLACES)
        ordered = sorted(known, key=lambda one: places.index(place_of(one["source"])))
        lines += ["", "Those of the paper's that are decided, and of which something was published (all others, and "
                  "ours: [studies/INDEX.md](studies/INDEX.md)):", "", COLUMNS, *map(line_of, ordered)]
    return lines


def _study(entry: tuple[tuple[str, str], dict]) -> str:
    return entry[0][0]


def fill(readme: str, lines: list[str]) -> str:
    """The README with the lines between its marks. Raises MarkError when the marks are not there."""
    head, opened, rest = readme.partition(MARKS[0])
    _, closed, tail = rest.partition(MARKS[1])
    if not (opened and closed):
        raise MarkError(f"the README lacks the marks {MARKS[0]} and {MARKS[1]}, between which the results go")
    body = "\n".join(lines)
    return f"{head}{MARKS[0]}\n{body}\n{MARKS[1]}{tail}"


def block(results: Path) -> list[str]:
    """All that stands between the marks."""
    return [*gains_table(results), "", *routes_table(results), "", *findings_table(results)]
