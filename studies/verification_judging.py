"""How well each model of a zoo judges: on its own trajectories, and on a pool that is common to all judges.

own     what the judge itself wrote: the first sample of each task
common  one completion a task, of the anchor or an expert, chosen so that as near as possible half are right

Both use the first tasks of a domain, so two judges, two modes and several seeds compare task by task. Scores are in
percent. Balanced accuracy needs right and wrong completions: with fewer than three of either it is missing.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import pandas as pd

from behaviors.judge import judge_scores
from behaviors.metrics import grid
from behaviors.store import TraceStore
from studies.estimates import Estimate, average, ratio
from training.judging import MODES

POOLS = ("own", "common")
LEAST = 3
"""Right, and wrong, completions with a verdict that balanced accuracy needs in a domain."""


def first_tasks(traces: pd.DataFrame, n_tasks: int) -> pd.DataFrame:
    """The traces of the first n_tasks tasks of each domain, in the order given."""
    kept = traces.groupby("domain")["task_id"].transform(lambda ids: ids.isin(ids.drop_duplicates().head(n_tasks)))
    return traces[kept]


def own_pool(traces: pd.DataFrame, model: str, n_tasks: int) -> pd.DataFrame:
    """The first sample of each of a model's first n_tasks tasks a domain."""
    return first_tasks(traces[(traces["model"] == model) & (traces["sample"] == 0)], n_tasks)


def common_pool(traces: pd.DataFrame, authors: list[str], n_tasks: int, seed: int = 0) -> pd.DataFrame:
    """One completion of the authors for each of the first n_tasks tasks a domain, half of them right if they can be.

    A task that all got right, or all wrong, has no choice; the others make up for these, in a seeded random order.
    """
    candidates = first_tasks(traces[traces["model"].isin(authors)], n_tasks)
    return pd.concat([_balanced(group, random.Random(f"{seed}/{domain}"))
                      for domain, group in candidates.groupby("domain", sort=False)], ignore_index=True)


def _balanced(group: pd.DataFrame, rng: random.Random) -> pd.DataFrame:
    """One row a task of one domain."""
    tasks = dict(iter(group.groupby("task_id", sort=False)))
    mixed = [task for task, rows in tasks.items() if rows["correct"].nunique() == 2]
    always = sum(bool(rows["correct"].all()) for rows in tasks.values())
    wanted = min(max(len(tasks) // 2 - always, 0), len(mixed))
    right = set(rng.sample(mixed, wanted))
    chosen = [rows[rows["correct"] == (task in right)] if task in mixed else rows for task, rows in tasks.items()]
    return pd.concat([rows.iloc[[rng.randrange(len(rows))]] for rows in chosen])


def verdicts(store: TraceStore, traces: pd.DataFrame, models: list[str], authors: list[str],
             n_tasks: int) -> pd.DataFrame:
    """Every judge's verdicts in both modes on both pools, with a column `pool`; kept in the zoo's folder."""
    common = common_pool(traces, authors, n_tasks)
    pools = {name: pd.concat([own_pool(traces, name, n_tasks).assign(pool="own"), common.assign(pool="common")],
                             ignore_index=True) for name in models}
    labels = [label for pool in pools.values() for label in pool["pool"]]
    return pd.concat([store.verdicts(pools, mode).assign(pool=labels) for mode in MODES],
                     ignore_index=True)


def score(judged: pd.DataFrame, balanced: bool = True) -> Estimate | None:
    """(Balanced) accuracy, in percent, of the verdicts of one judge on one domain, mode and pool; None if missing.

    Unparsed verdicts are left out, as in `behaviors.judge`.
    """
    parsed, hit = judged["parsed"].astype(bool), judged["agrees"].eq(True)
    kinds = (judged["correct"].astype(bool), ~judged["correct"].astype(bool)) if balanced else (parsed,)
    if min((kind & parsed).sum() for kind in kinds) < (LEAST if balanced else 1):
        return None
    return 100 * average([_share(judged, hit & kind, parsed & kind) for kind in kinds])


def _share(judged: pd.DataFrame, hits: pd.Series, among: pd.Series) -> Estimate:
    counts = judged.assign(hits=hits.astype(int), among=among.astype(int))
    return ratio(grid(counts, "hits", "sum"), grid(counts, "among", "sum"))


@dataclass
class Judging:
    """Scores of judges, looked up and combined."""

    judged: pd.DataFrame

    def __post_init__(self):
        groups = self.judged.groupby(["pool", "mode", "judge", "domain"], sort=False)
        self._scores = {key: score(group) for key, group in groups}

    def balanced(self, pool: str, mode: str, judge: str, domain: str) -> Estimate | None:
        """Balanced accuracy in percent; None if missing."""
        return self._scores.get((pool, mode, judge, domain))

    def contrast(self, plus: list[tuple], minus: list[tuple], domains: list[str]) -> tuple[Estimate | None, str]:
        """(mean over pairs and domains of score(plus) - score(minus), what is missing); keys are (pool, mode, judge).

        A pair is left out where either score is missing; the note names those.
        """
        terms, missing = [], []
        for domain in domains:
            for above, below in zip(plus, minus, strict=True):
                a, b = self.balanced(*above, domain), self.balanced(*below, domain)
                if a is None or b is None:
                    missing.append(f"{above[2]} on {domain}")
                else:
                    terms.append(a - b)
        named = ", ".join(dict.fromkeys(missing))
        note = f"Left out, fewer than {LEAST} right or wrong completions: {named}." if missing else ""
        return (average(terms) if terms else None), note


def judge_table(judged: pd.DataFrame) -> pd.DataFrame:
    """judge.csv: `judge_scores` of each pool, its intervals replaced by those over tasks and seeds.

    `accuracy` and `balanced_accuracy` are shares. Balanced accuracy has no interval where it is missing here.
    """
    tables = [judge_scores(group).assign(pool=pool) for pool, group in judged.groupby("pool", sort=False)]
    table = pd.concat(tables, ignore_index=True).set_index(["pool", "mode", "judge", "domain"])
    for key, group in judged.groupby(list(table.index.names), sort=False):
        for name, balanced in (("accuracy", False), ("balanced_accuracy", True)):
            estimate = score(group, balanced)
            found = None if estimate is None else (0.01 * estimate).interval()
            bounds = (found.low, found.high) if found else (float("nan"), float("nan"))
            table.loc[key, [f"{name}_low", f"{name}_high"]] = bounds
    return table.assign(n_seeds=judged["seed"].nunique()).reset_index()
