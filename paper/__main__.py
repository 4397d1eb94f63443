"""Put the measured results into the README: `python -m paper [--results paper/results/organism] [--readme README.md]`.

Between the README's `<!-- results -->` marks go tables made from `expert_gains/gains.csv` and `runs.csv`, from
`merging_methods/methods.csv` and `costs.csv`, and from the findings.json of all studies. Nothing is typed in.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from pathlib import Path

import pandas as pd

from studies.figures import shown
from studies.findings import DECIDED
from studies.index import COLUMNS, PLACES, findings_in, line_of, place_of

MARKS = ("<!-- results -->", "<!-- /results -->")


def gains_table(results: Path) -> list[str]:
    """Markdown: each expert against the anchor on its own domain."""
    gains, runs = (pd.read_csv(results / "expert_gains" / name) for name in ("gains.csv", "runs.csv"))
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
    methods, costs = (pd.read_csv(results / "merging_methods" / name) for name in ("methods.csv", "costs.csv"))
    overall = methods[(methods.domain == "all") & ~methods.model.str.startswith("expert-")]
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
    """Markdown: how all claims of all studies came out, and those that are decided, the paper's first."""
    findings = findings_in(results)
    count = Counter(one["verdict"] for one in findings)
    decided = [one for one in findings if one["verdict"] in DECIDED]
    lines = [f"Of {len(findings)} claims in {len({one['study'] for one in findings})} studies, "
             f"{count['reproduced']} are reproduced, {count['not_reproduced']} not reproduced, {count['inconclusive']} "
             f"inconclusive and {count['not_measured']} not measured (all of them: `studies/INDEX.md`)."]
    if decided:
        places = list(PLACES)
        ordered = sorted(decided, key=lambda one: places.index(place_of(one["source"])))
        lines += ["", "The decided ones, the paper's first:", "", COLUMNS, *map(line_of, ordered)]
    return lines


def fill(readme: str, lines: list[str]) -> str:
    """The README with the lines between its marks. Raises ValueError when the marks are not there."""
    head, opened, rest = readme.partition(MARKS[0])
    _, closed, tail = rest.partition(MARKS[1])
    if not (opened and closed):
        raise ValueError(f"the README lacks the marks {MARKS[0]} and {MARKS[1]}, between which the results go")
    body = "\n".join(lines)
    return f"{head}{MARKS[0]}\n{body}\n{MARKS[1]}{tail}"


def block(results: Path) -> list[str]:
    """All that stands between the marks."""
    return [*gains_table(results), "", *routes_table(results), "", *findings_table(results)]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m paper", description="Put the measured results into the README.")
    parser.add_argument("--results", type=Path, default=Path("paper/results/organism"))
    parser.add_argument("--readme", type=Path, default=Path("README.md"))
    given = parser.parse_args(arguments)
    try:
        text = fill(given.readme.read_text(encoding="utf-8"), block(given.results))
    except (ValueError, FileNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    aside = given.readme.with_suffix(".partial")
    aside.write_text(text, encoding="utf-8")
    os.replace(aside, given.readme)
    return 0


if __name__ == "__main__":
    sys.exit(main())
