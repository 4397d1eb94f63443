"""Nats of every completion of a zoo under every model of it, scored once and kept beside the traces.

    sums = policy_sums(zoos, list(zoos[0].models), ["math", "coding"], (30, 1))

What is computed is `probes.policy.trace_sums`: of a completion that the sampler wrote, KL(sampler || scorer) added up
over its own tokens, exactly (`full`) and as the log-ratio of the tokens written (`k1`). Files are
`<zoo>/policies/<sampler>/<domain>-<seed>.parquet`, a row a (completion, scorer), each with a digest of all that decides
it: the weights of both models, the prompt, the completion and the number of its tokens. A row whose digest is another
is never read: it is scored anew. Zoos, and domains in shares, go side by side, one thread each: 30 tasks on each of 5
domains by 14 organism models took about 290 seconds of CPU time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from behaviors.store import TraceStore, traces_of, write
from probes.policy import ESTIMATORS, open_policies, read, trace_sums
from probes.texts import check_tokens
from studies.estimates import Estimate, ratio
from training.alike import weights_digest
from training.pieces import run_pieces
from training.workers import CORES
from training.zoo import Zoo

COLUMNS = ("seed", "sampler", "scored_by", "domain", "task_id", "sample", "n_own", *ESTIMATORS, "correct")
KEYS = ["task_id", "sample", "scored_by", "digest"]
HELD = [*KEYS, "n_own", *ESTIMATORS]


class Sizes(NamedTuple):
    """(tasks, samples a task) of each (model, domain)."""

    scored: tuple[int, int]
    """Of which nats are computed."""
    answered: tuple[int, int]
    """Of which accuracies are."""


FULL, QUICK = Sizes((30, 1), (40, 4)), Sizes((6, 1), (12, 4))


def policy_sums(zoos: Iterable[Zoo], models: list[str], domains: list[str], sizes: tuple[int, int],
                progress: bool = True) -> pd.DataFrame:
    """Every completion of these models on these domains under every of these models: COLUMNS, a row each.

    sizes: (tasks, samples a task). n_own: the sampler's own tokens that count; full, k1: nats, summed over them. Traces
    that the zoos lack are sampled. Raises ProbeError where models do not have one vocabulary.
    """
    sampled = traces_of([TraceStore(zoo, progress) for zoo in zoos], models, domains, *sizes)
    asked, jobs = [], []
    for zoo in zoos:
        traces = sampled[sampled.seed == zoo.seed]
        weights, lacking = {name: weights_digest(zoo.models[name]) for name in models}, []
        for domain, here in traces.groupby("domain", sort=False):
            parts = [(file_of(zoo, name, domain), part, wanted(part, name, weights))
                     for name, part in here.groupby("model", sort=False)]
            asked += [(zoo.seed, *part) for part in parts]
            lacking.append([part for part in parts if len(missing(part[0], part[2]))])
        shares = [sum(lacking[first::CORES], []) for first in range(CORES)]  # whoever scores loads all models once
        jobs += [({name: zoo.models[name] for name in models}, share) for share in shares if share]
    run_pieces(_score, jobs, "scoring policies", progress)
    return pd.concat([_found(*one) for one in asked], ignore_index=True)[list(COLUMNS)]


def file_of(zoo: Zoo, sampler: str, domain: str) -> Path:
    """Where the sums of a sampler's completions on a domain are kept."""
    return zoo.folder / "policies" / sampler / f"{domain}-{zoo.seed}.parquet"


def wanted(traces: pd.DataFrame, sampler: str, weights: dict[str, str]) -> pd.DataFrame:
    """KEYS of every (completion, scorer) of one sampler; weights: scorer -> digest, the sampler among them."""
    rows = []
    for trace in traces.itertuples():
        written = hashlib.sha256()
        for part in (weights[sampler], trace.prompt, trace.completion, str(trace.n_tokens)):
            written.update(hashlib.sha256(part.encode(errors="surrogatepass")).digest())
        rows += [(trace.task_id, trace.sample, scorer,
                  hashlib.sha256(written.digest() + digest.encode()).hexdigest()) for scorer, digest in weights.items()]
    return pd.DataFrame(rows, columns=KEYS)


def held(file: Path) -> pd.DataFrame:
    """HELD: what a file has, whether it still counts or not."""
    return pd.read_parquet(file) if file.exists() else pd.DataFrame(columns=HELD)


def missing(file: Path, rows: pd.DataFrame) -> pd.DataFrame:
    """Those of the rows wanted that a file does not have."""
    known = pd.MultiIndex.from_frame(held(file)[KEYS])
    return rows[~pd.MultiIndex.from_frame(rows[KEYS]).isin(known)]


def left(zoo: Zoo, models: list[str], domains: list[str], sizes: tuple[int, int]) -> float:
    """The share of the rows of `policy_sums` that a zoo does not hold, whatever their digests say."""
    rows, shares = sizes[0] * sizes[1] * len(models), []
    for known in (held(file_of(zoo, sampler, domain)) for sampler in models for domain in domains):
        shares.append(1 - min(1.0, (known["scored_by"].isin(models) & (known["sample"] < sizes[1])).sum() / rows))
    return float(np.mean(shares))


def chosen_models(zoo: Zoo, quick: bool) -> list[str]:
    """All models, or for a quick run those without the mixed run's half way and the merges other than TIES."""
    return [name for name in zoo.models if not quick
            or not (name == "mixed-paper" or (name.startswith("merged-") and name != "merged-ties"))]


class Nats:
    """KL(sampler || scorer) on a domain as estimates; every (sampler, scorer) on the same tasks and seeds."""

    def __init__(self, sums: pd.DataFrame):
        """sums: as `policy_sums` gives them. Raises ValueError where tasks and seeds are not crossed."""
        keys = ["sampler", "scored_by", "domain", "task_id", "seed"]
        cells = sums.assign(traces=1).groupby(keys)[[*ESTIMATORS, "n_own", "traces"]].sum().unstack("seed")
        if cells.isna().any(axis=None):
            odd = cells.index[cells.isna().any(axis=1)][0]
            raise ValueError(f"tasks and seeds are not crossed: {odd} lacks a seed")
        self._cells = {key: part.droplevel([0, 1]) for key, part in cells.groupby(level=[0, 1, 2])}

    def per_token(self, sampler: str, scorer: str, domain: str, estimator: str = "full") -> Estimate:
        """Nats over all the sampler's tokens on a domain, divided by their number."""
        cells = self._cells[sampler, scorer, domain]
        return ratio(cells[estimator], cells["n_own"])

    def per_trace(self, sampler: str, scorer: str, domain: str, estimator: str = "full") -> Estimate:
        """Nats summed over a completion, mean over the completions of a domain."""
        cells = self._cells[sampler, scorer, domain]
        return ratio(cells[estimator], cells["traces"])

    def tokens(self, sampler: str, scorer: str, domain: str) -> int:
        """The tokens that count."""
        return int(self._cells[sampler, scorer, domain]["n_own"].to_numpy().sum())


def _score(models: dict[str, str], parts: list[tuple[Path, pd.DataFrame, pd.DataFrame]]) -> None:
    """Add to each file what it lacks: parts are (file, one sampler's traces, the rows wanted of them)."""
    lacking = [missing(file, rows) for file, _, rows in parts]
    needed = {*(part.model.iloc[0] for _, part, _ in parts), *(name for rows in lacking for name in rows.scored_by)}
    policies = open_policies({name: path for name, path in models.items() if name in needed})
    for (file, traces, _), rows in zip(parts, lacking, strict=True):
        new = rows.merge(_sums(policies, traces, rows), on=["task_id", "sample", "scored_by"], validate="one_to_one")
        old = held(file)
        replaced = pd.MultiIndex.from_frame(old[KEYS[:3]]).isin(pd.MultiIndex.from_frame(new[KEYS[:3]]))
        write(pd.concat([old[~replaced], new[HELD]], ignore_index=True) if len(old) else new[HELD], file)


def _sums(policies: dict[str, tuple], traces: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """The sums of one sampler's traces that the rows ask for; traces that lack the same scorers are read together."""
    sampler = traces.model.iloc[0]
    scorers = rows.groupby(["task_id", "sample"], sort=False)["scored_by"].agg(tuple).rename("scorers").reset_index()
    found = []
    for names, part in traces.merge(scorers, on=["task_id", "sample"]).groupby("scorers", sort=False):
        encoded, own = read(part, policies[sampler][1])
        for name in names:
            check_tokens(encoded, policies[name][1], f"{name!r}")
        sums = trace_sums({name: policies[name][0] for name in {sampler, *names}}, sampler, encoded, own)
        keys = part[["task_id", "sample"]].assign(n_own=[len(counted) for counted in own])
        found += [keys.assign(scored_by=name, **dict(zip(ESTIMATORS, sums[name].T, strict=True))) for name in names]
    return pd.concat(found, ignore_index=True)


def _found(seed: int, file: Path, traces: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """The rows wanted, with what the file has of them."""
    rows = rows.merge(held(file), on=KEYS, validate="one_to_one")
    of_traces = traces[["task_id", "sample", "correct", "model", "domain"]].rename(columns={"model": "sampler"})
    return of_traces.merge(rows, on=["task_id", "sample"], validate="one_to_many").assign(seed=seed)
