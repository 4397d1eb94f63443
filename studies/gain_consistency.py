"""Do mixing, merging and distilling arrive at the skills of the experts? Consistency of gains; tasks one route solves.

M2RL (arXiv 2602.12566), Figure 5, "Same skills?"; the measure is `probes/skills.py`, tasks that one route alone solves
`probes/emergent.py`, claims and their sources are in `gain_claims.py`.

    python studies/gain_consistency.py [--zoo NAME_OR_PATH] [--out DIR] [--seeds 0,1,2] [--quick]

Every task is sampled k times and, afresh, k times more. Writes consistency.csv (a row a model and domain, from all
samples: the mixed runs, the distilled model, two merges; as references the experts, which are part of the union, and
the controls: a twin says how consistent a second run of the same training is, permuted rewards what is left without
any), emergent.csv (every candidate of every zoo, chosen on the first k samples, with its fresh rates),
emergent_counts.csv (candidates and confirmed tasks a zoo, by model and kind, beside what chance gives), findings.json
and gain_consistency.{png,pdf}. `--quick` takes fewer tasks and samples.

Departure: the paper's vectors have an entry for each task of one run of training, these for each task and seed. With a
single expert the union is that expert.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from behaviors.store import Asked, TraceStore, crossed, traces_of
from probes.cells import ALL
from probes.emergent import KINDS, Emergence, emergence, luck
from probes.skills import Gains, measure_gains
from studies.findings import Finding, settle
from studies.gain_claims import MIXED, Alone, claims, share
from studies.gain_figure import draw
from studies.harness import StudyError, distinct, domains_of, main
from studies.results import closing, publish
from training.zoo import Zoo

STUDY = "gain_consistency"
FULL, QUICK = (60, 8), (12, 2)
"""(tasks of a domain, samples a task); as many fresh samples."""
COMBINED = (MIXED, "mixed-paper", "distilled", "merged-ties", "merged-average")
ANCHOR = "anchor"


def run(zoos: list[Zoo], out: Path, quick: bool = False, progress: bool = True,
        sizes: tuple[int, int] | None = None) -> list[Finding]:
    """Study zoos that differ in seed alone, and write the results to `out`, whole or not at all.

    Raises StudyError for zoos that cannot be studied together or have no experts. (One that has experts has merges.)
    """
    first = distinct(zoos)[0]
    if not first.experts:
        raise StudyError(f"{first.folder} has no experts; this study compares what combined models gain with the gains "
                         "of experts")
    experts, combined = cast(first)
    n_tasks, k = sizes or (QUICK if quick else FULL)
    traces = traces_of([TraceStore(zoo, progress) for zoo in zoos], [ANCHOR, *experts, *combined], domains_of(first),
                       n_tasks, 2 * k)
    gains = measure_gains(traces, ANCHOR, experts, combined)
    found = {(model, seed): asked_again(part, k, experts, model) for seed, part in traces.groupby("seed")
             for model in combined}
    alone = gathered(found, k)
    findings = settle(claims(gains, alone))
    tables = {"consistency": consistency_table(gains), "emergent": emergent_table(found),
              "emergent_counts": count_table(alone, k)}
    publish(out, STUDY, tables, findings, draw(tables, findings, ", ".join(zoo.name for zoo in zoos)))
    return findings


def cast(zoo: Zoo) -> tuple[list[str], list[str]]:
    """(experts, models that are compared with them: the combined ones and the controls)."""
    return ([f"expert-{domain}" for domain in zoo.experts],
            [*(name for name in COMBINED if name in zoo.models), *zoo.controls])


def asked(zoo: Zoo, quick: bool) -> list[Asked]:
    """What the study samples."""
    (n_tasks, k), (experts, combined) = QUICK if quick else FULL, cast(zoo)
    return crossed([ANCHOR, *experts, *combined], domains_of(zoo), (n_tasks, 2 * k))


def left(zoo: Zoo, quick: bool) -> float:
    """The share of what the study samples that the zoo does not hold."""
    return TraceStore(zoo).left(asked(zoo, quick))


def asked_again(traces: pd.DataFrame, k: int, experts: list[str], model: str) -> Emergence:
    """Tasks of one zoo that `model` or experts alone solve: chosen on k samples, asked again on the others."""
    early = traces["sample"] < k
    return emergence(traces[early], traces[~early], ANCHOR, experts, model)


def gathered(found: dict[tuple[str, int], Emergence], k: int) -> dict[tuple[str, str], Alone]:
    """(model, kind) -> its tasks over all seeds; found: (model, seed) -> what was asked again there."""
    alone = {}
    for model in dict.fromkeys(model for model, _ in found):
        mine = {seed: one for (name, seed), one in found.items() if name == model}
        first = next(iter(mine.values()))
        for at, kind in enumerate(KINDS):
            frames = [pd.DataFrame({seed: cells[at] for seed, cells in each.items()}, first.cells.tasks, dtype=float)
                      for each in ({seed: one.candidate for seed, one in mine.items()},
                                   {seed: one.confirmed for seed, one in mine.items()})]
            false = np.mean([one.expected_false[at] for one in mine.values()])
            alone[model, kind] = Alone(*frames, float(false), luck(k, k, first.solvers[at]))
    return alone


def consistency_table(gains: Gains) -> pd.DataFrame:
    """consistency.csv: the rows of `gain_consistency`, and the kind of their intervals."""
    table = gains.table()
    return table.assign(interval="bootstrap" if table["n_seeds"].iloc[0] == 1 else "crossed_t")


def emergent_table(found: dict[tuple[str, int], Emergence]) -> pd.DataFrame:
    """emergent.csv: the candidates of each model in each zoo, as `emergent_tasks` has them."""
    tables = [one.tasks().assign(model=model, seed=seed) for (model, seed), one in found.items()]
    table = pd.concat(tables, ignore_index=True)
    return table[["model", "seed", *table.columns.drop(["model", "seed"])]].sort_values(
        ["model", "kind", "seed"], kind="stable", ignore_index=True)


def count_table(alone: dict[tuple[str, str], Alone], k: int) -> pd.DataFrame:
    """emergent_counts.csv: tasks a zoo (mean over zoos) with intervals, and what chance gives.

    expected_false: candidates that chance gives; luck: confirmed ones, at most.
    """
    rows = []
    for (model, kind), one in alone.items():
        n, seeds = one.candidate.shape
        row = {"model": model, "kind": kind}
        for name, cells in (("candidates", one.candidate), ("confirmed", one.confirmed)):
            part = share(cells)
            row |= {name: part.value * n, f"{name}_low": part.low * n, f"{name}_high": part.high * n}
        rows.append({**row, "expected_false": one.expected_false, "luck": one.luck * n, "n_tasks": n, "n_seeds": seeds,
                     "k": k, "k_fresh": k, "interval": f"{part.kind} or binomial"})
    return pd.DataFrame(rows)


def summary(out: Path) -> list[str]:
    """A few lines about the results in a folder."""
    table, counts = pd.read_csv(out / "consistency.csv"), pd.read_csv(out / "emergent_counts.csv")
    rows = table[(table["domain"] == ALL) & table["model"].isin(COMBINED)]
    first = rows.iloc[0]
    lines = [f"consistency with the experts' gains, {first['n_tasks']} tasks x {first['k']:.0f} samples, "
             f"{first['n_seeds']} seed(s): without noise [95 %], plain:"]
    lines += [f"{row.model}: {row.corrected:.2f} [{row.corrected_low:.2f}, {row.corrected_high:.2f}], "
              f"{row.consistency:.2f}" for row in rows.itertuples()]
    for kind, text in zip(KINDS, ("solved by it alone", "solved by experts alone"), strict=True):
        part = counts[counts["kind"].eq(kind) & counts["model"].isin(COMBINED)]
        lines.append(f"tasks a zoo {text}, confirmed (candidates): " + ", ".join(
            f"{row.model} {row.confirmed:.1f} ({row.candidates:.1f})" for row in part.itertuples()))
    return [*lines, *closing(out)]


if __name__ == "__main__":
    raise SystemExit(main(STUDY, __doc__.splitlines()[0], run, summary))
