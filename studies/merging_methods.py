"""Which way of merging, and does the choice matter? All methods on all domains, pairs, sweeps, DARE's masks, costs.

M2RL (arXiv 2602.12566), Tables 4 and 6; claims and sources are in `merging_claims.py`, the merges in
`merging_models.py`.

    python studies/merging_methods.py [--zoo NAME_OR_PATH] [--out DIR] [--seeds 0,1,2] [--quick]

Writes methods.csv (accuracy by model and domain, beside anchor, experts and mixed runs), pairs.csv (every two experts
against each alone), sweeps.csv (mean accuracy by scale and density, in both halves of the tasks), masks.csv (DARE by
seed), costs.csv (tokens, optimizer steps and seconds of each route, experts included), findings.json and
merging_methods.{png,pdf}.
`--quick` uses fewer tasks, and leaves out the sweep of TIES and other masks of DARE.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from behaviors.store import Asked, TraceStore, crossed
from studies.findings import NOT_FOUND, Finding, settle
from studies.harness import StudyError, distinct, main
from studies.merging_claims import TABLE_4, TABLE_6, claims, pair_gain
from studies.merging_figure import draw
from studies.merging_models import Merge, made, masks, pairs, seconds, standard, sweep
from studies.results import closing, publish
from studies.scores import Scores
from studies.training_logs import routes
from training.zoo import Zoo

STUDY = "merging_methods"
FULL, QUICK = (40, 4), (12, 4)
"""(tasks, samples a task) of each (model, domain)."""
SWEPT = ("task_arithmetic", "ties")
DARE = ("dare_task_arithmetic", "dare_ties")


def run(zoos: list[Zoo], out: Path, quick: bool = False, progress: bool = True,
        sizes: tuple[int, int] | None = None) -> list[Finding]:
    """Study zoos that differ in seed alone, and write the results to `out`, whole or not at all.

    Raises StudyError for zoos that cannot be studied together or have fewer than two experts.
    """
    domains = list(distinct(zoos)[0].experts)
    if len(domains) < 2:
        raise StudyError(f"{zoos[0].folder} has fewer than two experts; this study merges experts")
    swept = sweeps(domains, quick)
    merges = everywhere(domains, swept, quick)
    traces = collect(zoos, domains, merges, sizes or (QUICK if quick else FULL), progress)
    tuned, table = tune(traces, swept)
    scores = Scores(pd.concat([traces, tuned], ignore_index=True))
    findings = settle(claims(scores, domains, {method: f"tuned-{method}" for method in swept}))
    tables = {"methods": method_table(scores, domains, reference(zoos[0])), "pairs": pair_table(scores, domains),
              "sweeps": table, "masks": mask_table(traces, domains), "costs": cost_table(zoos)}
    publish(out, STUDY, tables, findings, draw(tables, findings, ", ".join(zoo.name for zoo in zoos)))
    return findings


def sweeps(domains: list[str], quick: bool) -> dict[str, list[Merge]]:
    """The merges by a method over its parameters, for each method that is swept."""
    return {method: sweep(domains, method) for method in (("task_arithmetic",) if quick else SWEPT)}


def asked(zoo: Zoo, quick: bool) -> list[Asked]:
    """What the study samples."""
    domains, sizes = list(zoo.experts), QUICK if quick else FULL
    if len(domains) < 2:
        return []
    names = [*reference(zoo), *everywhere(domains, sweeps(domains, quick), quick)]
    return crossed(names, domains, sizes) + [one for pair in pairs(domains)
                                             for one in crossed([pair.name], pair.domains, sizes)]


def left(zoo: Zoo, quick: bool) -> float:
    """The share of what the study samples that the zoo does not hold."""
    return TraceStore(zoo).left(asked(zoo, quick))


def reference(zoo: Zoo) -> list[str]:
    """What merges are seen beside: the anchor, the experts, the mixed runs and the distilled model."""
    beside = ("anchor", "mixed", "mixed-paper", "distilled")
    return [name for name in zoo.models if name in beside or name.startswith("expert-")]


def everywhere(domains: list[str], swept: dict[str, list[Merge]], quick: bool) -> dict[str, Merge]:
    """The merges that are measured on all domains, by name; a quick run has DARE's first masks alone."""
    drawn = () if quick else [one for method in DARE for one in masks(domains, method)]
    return {one.name: one for one in (*standard(domains), *(one for method in swept.values() for one in method),
                                      *drawn)}


def collect(zoos: list[Zoo], domains: list[str], merges: dict[str, Merge], sizes: tuple[int, int],
            progress: bool) -> pd.DataFrame:
    """The traces of all models and merges, of all zoos: on every domain, pairs on their own two."""
    found = []
    for zoo in zoos:
        store = TraceStore(zoo, progress, made(zoo, [*merges.values(), *pairs(domains)]))
        found.append(store.traces([*reference(zoo), *merges], domains, *sizes))
        found += [store.traces([pair.name], list(pair.domains), *sizes) for pair in pairs(domains)]
    return pd.concat(found, ignore_index=True)


def tune(traces: pd.DataFrame, swept: dict[str, list[Merge]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(the traces of tuned merges, sweeps.csv): in each zoo, each half of the tasks by what was best on the other."""
    order = traces.drop_duplicates(["domain", "task_id"]).groupby("domain").cumcount()
    half = traces[["domain", "task_id"]].merge(
        traces.drop_duplicates(["domain", "task_id"])[["domain", "task_id"]].assign(half=order % 2))["half"].to_numpy()
    traces, chosen, rows = traces.assign(half=half), [], []
    for method, merges in swept.items():
        params = {one.name: one.params for one in merges}
        group = traces[traces.model.isin(params)]
        means = group.groupby(["seed", "half", "model"], sort=False)["correct"].mean()
        for (seed, tasks), part in means.groupby(["seed", "half"]):
            best = part.idxmax()[2]
            there = group[(group.seed == seed) & (group.half == 1 - tasks) & (group.model == best)]
            chosen.append(there.assign(model=f"tuned-{method}"))
            rows += [{"method": method, "scale": 1.0, **params[name], "seed": seed, "half": tasks,
                      "accuracy": 100 * value, "best": name == best} for (_, _, name), value in part.items()]
    return pd.concat(chosen, ignore_index=True).drop(columns="half"), pd.DataFrame(rows)


def method_table(scores: Scores, domains: list[str], others: list[str]) -> pd.DataFrame:
    """methods.csv: the accuracy of each model on each domain and over all, with its interval; the published mean."""
    rows = []
    for name in [*others, *(one.name for one in standard(domains))]:
        for place in [*([domain] for domain in domains), domains]:
            found = scores.of(name, place)
            one = found.interval()
            rows.append({"model": name, "domain": place[0] if len(place) == 1 else "all", "accuracy": found.value,
                         "ci_low": one.low, "ci_high": one.high, "n_tasks": found.n_tasks, "n_seeds": found.n_seeds,
                         "interval": one.kind,
                         "published": TABLE_4.get(name.removeprefix("merged-"), "") if place == domains else ""})
    return pd.DataFrame(rows)


def pair_table(scores: Scores, domains: list[str]) -> pd.DataFrame:
    """pairs.csv: for every domain, what merging each other expert into the domain's own changes there, and how much
    more that is than what the same merge changes on the other's domain (asymmetry), with intervals."""
    rows = []
    for domain in domains:
        for other in domains:
            if other != domain:
                found = pair_gain(scores, domain, other)
                one, turned = found.interval(), (found - pair_gain(scores, other, domain)).interval()
                rows.append({"domain": domain, "other": other, "gain": found.value, "ci_low": one.low,
                             "ci_high": one.high, "p": one.p, "asymmetry": turned.value, "asymmetry_low": turned.low,
                             "asymmetry_high": turned.high, "asymmetry_p": turned.p, "n_tasks": found.n_tasks,
                             "n_seeds": found.n_seeds,
                             "published": TABLE_6.get((domain, other), NOT_FOUND)})
    return pd.DataFrame(rows)


def mask_table(traces: pd.DataFrame, domains: list[str]) -> pd.DataFrame:
    """masks.csv: the mean accuracy of DARE by the seed of its masks and the zoo's, and their spread over masks."""
    rows = []
    for method in DARE:
        for one in masks(domains, method):
            means = traces[traces.model == one.name].groupby("seed")["correct"].mean()
            rows += [{"method": method, "mask": one.params["seed"], "seed": seed, "accuracy": 100 * value}
                     for seed, value in means.items()]
    table = pd.DataFrame(rows)
    return table.assign(spread=table.groupby(["method", "seed"])["accuracy"].transform(np.std, ddof=1))


def cost_table(zoos: list[Zoo]) -> pd.DataFrame:
    """costs.csv: what each route to one model for all domains cost, in each zoo; NaN where it was not recorded."""
    rows = []
    for zoo in zoos:
        spent = routes(zoo)
        rows += [{"seed": zoo.seed, "route": one.method, **spent["merged"], "merging_seconds": seconds(zoo, one)}
                 for one in standard(zoo.experts)]
        rows += [{"seed": zoo.seed, "route": name, **spent[name], "merging_seconds": 0.0}
                 for name in ("mixed", "mixed-paper", "distilled") if name in spent]
    return pd.DataFrame(rows)


def summary(out: Path) -> list[str]:
    """A few lines about the results in a folder."""
    table = pd.read_csv(out / "methods.csv")
    overall = table[table.domain == "all"]
    lines = [f"mean over {table.domain.nunique() - 1} domains, {overall.n_tasks.iloc[0]} tasks, seeds "
             f"{overall.n_seeds.iloc[0]} [95 %]:"]
    lines += [f"{row.model}: {row.accuracy:.1f} [{row.ci_low:.1f}, {row.ci_high:.1f}]" for row in overall.itertuples()]
    return [*lines, *closing(out)]


if __name__ == "__main__":
    raise SystemExit(main(STUDY, __doc__.splitlines()[0], run, summary))
