"""What moved in the weights: how much each run changed, where, and do experts change the same weights the same way?

M2RL (arXiv 2602.12566), "Weight Shift", Table 5 and Figure 3; claims and sources are in `weight_claims.py`.

    python studies/weight_shift.py [--zoo NAME_OR_PATH] [--out DIR] [--seeds 0,1,2] [--quick] [--keep]

Compares the experts, the mixed runs and the controls with the anchor. Writes models.csv and pairs.csv (Table 5: whole
models, pairs with their intervals), layers.csv and overlap.csv (by layer and module), changed_by.csv (how many weights
exactly k experts changed), spectra.csv, findings.json and weight_shift.{png,pdf}. `--quick` leaves out the mixed runs
and the spectra. Models on the hub are read shard by shard, up to three times; `--keep` leaves them in the hub's cache.
"""

from __future__ import annotations

import warnings
from itertools import combinations
from pathlib import Path

import pandas as pd

from probes import compare_weights, spectra
from studies.findings import Finding, settle
from studies.harness import StudyError, distinct, main
from studies.results import closing, publish
from studies.weight_claims import Shifts, claims, cosine_of, overlap_of
from studies.weight_figure import draw, experts_only
from training.zoo import Zoo

STUDY = "weight_shift"
FLAGS = {"keep": "download hub models into the hub's cache, instead of deleting each shard once it is read"}
RANK = 16
"""Of the singular subspaces in spectra.csv."""
PUBLISHED = {  # M2RL v1, Table 5, second-hand [N1]: Jaccard
    frozenset(("expert-math", "expert-coding")): "about 0.45",
    frozenset(("expert-math", "expert-science")): "about 0.48",
}
PUBLISHED_CHANGED = "about 30 %"
"""The paper's share of weights changed; by domain: not found."""


def run(zoos: list[Zoo], out: Path, quick: bool = False, keep: bool = False, progress: bool = True) -> list[Finding]:
    """Study zoos that differ in seed alone, and write the results to `out`, whole or not at all.

    Raises StudyError for zoos that cannot be studied together or have fewer than two experts.
    """
    first = distinct(zoos)[0]
    if len(first.experts) < 2:
        raise StudyError(f"{first.folder} has fewer than two experts; this study compares experts with each other")
    names = chosen_models(first, quick)
    warnings.filterwarnings("ignore", message="bf16 keeps")  # the tables name the dtype, and the figure says it
    compared = {zoo.seed: compare_weights(zoo.anchor, {name: zoo.models[name] for name in names}, progress=progress,
                                          keep=keep) for zoo in zoos}
    shifts = Shifts(compared, {domain: f"expert-{domain}" for domain in first.experts}, first.preset)
    findings = settle(claims(shifts))
    tables = {"models": model_table(shifts), "pairs": pair_table(shifts), "layers": _by_seed(shifts, "changes"),
              "overlap": _by_seed(shifts, "overlap")}
    tables["changed_by"] = multiplicity_table(zoos, shifts, progress, keep)
    if not quick:
        tables["spectra"] = spectra_table(zoos, names, progress, keep)
    publish(out, STUDY, tables, findings, draw(tables, findings, ", ".join(zoo.name for zoo in zoos)))
    return findings


def left(zoo: Zoo, quick: bool) -> float:
    """All of the work, always: nothing is kept."""
    return 1.0


def chosen_models(zoo: Zoo, quick: bool) -> list[str]:
    """The models compared: experts, the mixed runs unless quick, controls."""
    mixed = [] if quick else [name for name in ("mixed", "mixed-paper") if name in zoo.models]
    return [*(f"expert-{domain}" for domain in zoo.experts), *mixed, *zoo.controls]


def model_table(shifts: Shifts) -> pd.DataFrame:
    """models.csv: what each model changed as a whole, means over seeds, and the lowest and highest seed's share."""
    whole_models = _by_seed(shifts, "changes", "model")
    table = whole_models.groupby("model", sort=False).agg(
        n_params=("n_params", "first"), changed_fraction=("changed_fraction", "mean"),
        lowest=("changed_fraction", "min"), highest=("changed_fraction", "max"), relative_l2=("relative_l2", "mean"),
        max_abs=("max_abs", "mean"), dtype=("dtype", "first"), n_seeds=("seed", "nunique")).reset_index()
    experts = table["model"].isin(shifts.experts.values())
    return table.assign(published=[PUBLISHED_CHANGED if expert else "" for expert in experts])


def pair_table(shifts: Shifts) -> pd.DataFrame:
    """pairs.csv: every two models, means over seeds; Jaccard and cosine with 95 % intervals over cells and seeds."""
    means = _by_seed(shifts, "overlap", "model").groupby(["model_a", "model_b"], sort=False).mean(numeric_only=True)
    rows = []
    for a, b in combinations(next(iter(shifts.by_seed.values())).models, 2):
        row = {"model_a": a, "model_b": b, **means.loc[(a, b)].drop("seed")}
        for name, statistic in (("jaccard", overlap_of), ("cosine", cosine_of)):
            found = shifts.estimate(statistic, a, b).interval()
            row |= {f"{name}_low": found.low, f"{name}_high": found.high}
        rows.append({**row, "published": PUBLISHED.get(frozenset((a, b)), "")})
    return pd.DataFrame(rows)


def multiplicity_table(zoos: list[Zoo], shifts: Shifts, progress: bool, keep: bool) -> pd.DataFrame:
    """changed_by.csv: how many weights exactly k of the experts alone changed, and would if each changed its own at
    random with the same share."""
    tables = []
    for zoo in zoos:
        experts, alone = {name: zoo.models[name] for name in shifts.experts.values()}, shifts.by_seed[zoo.seed]
        if set(alone.models) != set(experts):
            alone = compare_weights(zoo.anchor, experts, progress=progress, keep=keep)
        alone = alone.aggregate("model")
        expected = binomial(alone.changes["changed_fraction"].tolist())
        tables.append(alone.changed_by.assign(seed=zoo.seed, expected_fraction=expected))
    return pd.concat(tables, ignore_index=True)


def binomial(shares: list[float]) -> list[float]:
    """The probability of exactly 0, 1, ... of independent events of these probabilities (Poisson binomial)."""
    found = [1.0]
    for share in shares:
        found = [(found[k] if k < len(found) else 0) * (1 - share) + (found[k - 1] if k else 0) * share
                 for k in range(len(found) + 1)]
    return found


def spectra_table(zoos: list[Zoo], names: list[str], progress: bool, keep: bool) -> pd.DataFrame:
    """spectra.csv: `probes.spectra` of every zoo."""
    return pd.concat([spectra(zoo.anchor, {name: zoo.models[name] for name in names}, RANK,
                              progress=progress, keep=keep).assign(seed=zoo.seed) for zoo in zoos], ignore_index=True)


def _by_seed(shifts: Shifts, table: str, level: str | None = None) -> pd.DataFrame:
    """A table of every seed's comparison, at a level (None: by layer and module)."""
    return pd.concat([getattr(shift.aggregate(level) if level else shift, table).assign(seed=seed)
                      for seed, shift in shifts.by_seed.items()], ignore_index=True)


def summary(out: Path) -> list[str]:
    """A few lines about the results in a folder."""
    models, pairs = pd.read_csv(out / "models.csv"), pd.read_csv(out / "pairs.csv")
    pairs = experts_only(pairs)
    lines = [f"weights changed, {models.dtype[0]}: " + ", ".join(
        f"{row.model} {row.changed_fraction:.0%}" for row in models.itertuples())]
    lines += [f"{row.model_a} and {row.model_b}: Jaccard {row.jaccard:.3f} (chance {row.jaccard_chance:.3f}), "
              f"cosine {row.cosine:+.3f} [{row.cosine_low:+.3f}, {row.cosine_high:+.3f}]" for row in pairs.itertuples()]
    return [*lines, *closing(out)]


if __name__ == "__main__":
    raise SystemExit(main(STUDY, __doc__.splitlines()[0], run, summary, flags=FLAGS))
