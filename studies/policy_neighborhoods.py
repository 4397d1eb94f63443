"""Policy neighborhoods: which experts are near the mixed policy on which domain, and does that say who helps whom?

M2RL (arXiv 2602.12566), Figure 4; claims and sources are in `policy_claims.py`, the KL in `probes/policy.py`.

    python studies/policy_neighborhoods.py [--zoo NAME_OR_PATH] [--out DIR] [--seeds 0,1,2] [--quick]

Every model's completions are scored under every model (`policy_scores.py`). Writes divergence.csv (KL of every two
models on every domain, by both estimators), neighbors.csv (every ordered pair of domains: is B a neighbor of A, what
does expert B bring the anchor on A, and what does merging it into expert A), controls.csv (KL between an expert and its
twin, and its control on permuted rewards, beside that between experts), explains.csv (does neighborhood, or the size of
the KL, go with these changes?), findings.json and policy_neighborhoods.{png,pdf}.
`--quick` uses fewer tasks and models, and leaves out the merges of pairs.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from behaviors.store import Asked, TraceStore, crossed
from probes.policy import ESTIMATORS, policy_neighbors
from studies.estimates import average
from studies.findings import Finding, settle
from studies.harness import StudyError, distinct, domains_of, main
from studies.merging_claims import pair_gain
from studies.merging_models import made, pairs
from studies.policy_claims import EXPLAINS, MIXED, Change, Neighborhoods, claims, explain_table
from studies.policy_figure import draw
from studies.policy_scores import FULL, QUICK, Nats, Sizes, chosen_models, policy_sums
from studies.policy_scores import left as unscored
from studies.results import closing, publish
from studies.scores import Scores
from training.zoo import Zoo

STUDY = "policy_neighborhoods"
NEIGHBORS = ("domain", "other", "estimator", "kl", "ci_low", "ci_high", "epsilon", "margin", "margin_low",
             "margin_high", "neighbor", "mutual", "transfer", "transfer_low", "transfer_high", "pair_gain",
             "pair_gain_low", "pair_gain_high", "n_tasks", "n_seeds")
NO_PAIRS = "The merges of pairs are left out of a quick run."


def run(zoos: list[Zoo], out: Path, quick: bool = False, progress: bool = True,
        sizes: Sizes | None = None) -> list[Finding]:
    """Study zoos that differ in seed alone, and write the results to `out`, whole or not at all.

    Raises StudyError for zoos that cannot be studied together, and for those of a single model.
    """
    first, sizes = distinct(zoos)[0], sizes or (QUICK if quick else FULL)
    models, experts = chosen_models(first, quick), {domain: f"expert-{domain}" for domain in first.experts}
    if len(models) < 2:
        raise StudyError(f"{first.folder} has {models[0]!r} alone; KL is between two models: train experts")
    sums = policy_sums(zoos, models, domains_of(first), sizes.scored, progress)
    hood = Neighborhoods(Nats(sums), experts, models, first.preset)
    changes = {} if hood.lacks() else changes_of(experts, with_pairs=not quick)
    answers = collect(zoos, models, "pairs" in changes, sizes.answered, progress) if changes else pd.DataFrame()
    explains = explain_table(sums, answers, experts, changes) if len(experts) > 2 else pd.DataFrame(columns=EXPLAINS)
    tables = {"divergence": divergence_table(hood.nats, models, domains_of(first))}
    tables["neighbors"] = neighbor_table(hood, tables["divergence"], Scores(answers), "pairs" in changes) \
        if changes else pd.DataFrame(columns=NEIGHBORS)
    tables |= {"controls": control_table(hood, domains_of(first)), "explains": explains}
    findings = settle(claims(hood, explains, left_out(experts, changes)))
    publish(out, STUDY, tables, findings, draw(tables, findings, ", ".join(zoo.name for zoo in zoos)))
    return findings


def asked(zoo: Zoo, quick: bool) -> list[Asked]:
    """What the study samples."""
    sizes, models = QUICK if quick else FULL, chosen_models(zoo, quick)
    merges = [] if quick or len(zoo.experts) < 2 else pairs(zoo.experts)
    return [*crossed(models, domains_of(zoo), sizes.scored), *crossed(models, list(zoo.experts), sizes.answered),
            *(one for pair in merges for one in crossed([pair.name], pair.domains, sizes.answered))]


def left(zoo: Zoo, quick: bool) -> float:
    """The share of what the study samples and scores that the zoo does not hold."""
    scored = (QUICK if quick else FULL).scored
    return float(np.mean([unscored(zoo, chosen_models(zoo, quick), domains_of(zoo), scored),
                          TraceStore(zoo).left(asked(zoo, quick))]))


def changes_of(experts: dict[str, str], with_pairs: bool) -> dict[str, Change]:
    """What is to be explained: name -> the change on A of a task, from accuracies by model."""
    merged = {frozenset(one.domains): one.name for one in pairs(experts)}
    changes = {"transfer": lambda right, a, b: right[experts[b]] - right["anchor"]}
    if with_pairs:
        changes["pairs"] = lambda right, a, b: right[merged.get(frozenset((a, b)), experts[a])] - right[experts[a]]
    return changes


def left_out(experts: dict[str, str], changes: dict[str, Change]) -> dict[str, str]:
    """Change -> why it cannot be explained."""
    few = "Partial correlations take at least three experts." if len(experts) < 3 else ""
    return {"transfer": few, "pairs": few or ("" if "pairs" in changes else NO_PAIRS)}


def collect(zoos: list[Zoo], models: list[str], with_pairs: bool, sizes: tuple[int, int],
            progress: bool) -> pd.DataFrame:
    """Traces of all models on the experts' domains, and of the merges of every two experts on their own two."""
    found = []
    for zoo in zoos:
        merges = pairs(zoo.experts) if with_pairs else []
        store = TraceStore(zoo, progress, made(zoo, merges))
        found.append(store.traces(models, list(zoo.experts), *sizes))
        found += [store.traces([one.name], list(one.domains), *sizes) for one in merges]
    return pd.concat(found, ignore_index=True)


def divergence_table(nats: Nats, models: list[str], domains: list[str]) -> pd.DataFrame:
    """divergence.csv: KL(sampler || scorer), nats a token with its interval, and a trace, by domain and estimator."""
    rows = []
    for sampler in models:
        for scorer in models:
            for domain in domains:
                for how in ESTIMATORS:
                    kl = nats.per_token(sampler, scorer, domain, how)
                    rows.append({"sampler": sampler, "scored_by": scorer, "domain": domain, "estimator": how,
                                 **kl.interval().columns("kl", "ci"),
                                 "nats_per_trace": nats.per_trace(sampler, scorer, domain, how).value,
                                 "n_tasks": kl.n_tasks, "n_seeds": kl.n_seeds,
                                 "n_tokens": nats.tokens(sampler, scorer, domain)})
    return pd.DataFrame(rows)


def neighbor_table(hood: Neighborhoods, divergence: pd.DataFrame, scores: Scores, with_pairs: bool) -> pd.DataFrame:
    """neighbors.csv: a row an ordered pair of domains and estimator; see the module's docstring. Changes in points."""
    rows = []
    for row in policy_neighbors(divergence, MIXED, hood.experts).to_dict("records"):
        a, b = row["domain"], row["other"]
        margin = hood.margin(a, b, row["estimator"])
        transfer = scores.of(hood.experts[b], [a]) - scores.of("anchor", [a])
        row |= margin.interval().columns("margin") | transfer.interval().columns("transfer")
        row |= pair_gain(scores, a, b).interval().columns("pair_gain") if with_pairs else {}
        rows.append({**row, "n_tasks": margin.n_tasks, "n_seeds": margin.n_seeds})
    return pd.DataFrame(rows).reindex(columns=NEIGHBORS)


def control_table(hood: Neighborhoods, domains: list[str]) -> pd.DataFrame:
    """controls.csv: KL between an expert and its controls, the mixed run, the anchor, other experts, mean over domains.

    kl: from the expert to the other, nats a token; back: from the other to the expert.
    """
    rows = []
    for domain, expert in hood.experts.items():
        others = [other for other in hood.experts.values() if other != expert]
        beside = {name: [name] for name in ("anchor", MIXED, f"twin-{domain}", f"shuffled-{domain}")
                  if name in hood.models} | ({"other experts": others} if others else {})
        for name, these in beside.items():
            there = average([hood.nats.per_token(expert, one, place) for one in these for place in domains])
            back = average([hood.nats.per_token(one, expert, place) for one in these for place in domains])
            rows.append({"expert": expert, "other": name, **there.interval().columns("kl"),
                         **back.interval().columns("back"), "n_tasks": there.n_tasks, "n_seeds": there.n_seeds})
    return pd.DataFrame(rows, columns=["expert", "other", "kl", "kl_low", "kl_high", "back", "back_low", "back_high",
                                       "n_tasks", "n_seeds"])


def summary(out: Path) -> list[str]:
    """A few lines about the results in a folder."""
    table, controls, lines = pd.read_csv(out / "neighbors.csv"), pd.read_csv(out / "controls.csv"), []
    full = table[table.estimator == "full"]
    if len(full):
        lines += [f"KL to the mixed policy, in 1/1000 nats a token ({full.n_tasks.iloc[0]} tasks, "
                  f"{full.n_seeds.iloc[0]} seeds):"]
        lines += [f"on {domain}: own expert {1000 * here.epsilon.iloc[0]:.1f}, " + ", ".join(
            f"{row.other} {1000 * row.kl:.1f}{' (neighbor)' * row.neighbor}" for row in here.itertuples())
            for domain, here in full.groupby("domain", sort=False)]
    for row in controls[controls.other.str.startswith(("twin", "shuffled"))].itertuples():
        lines.append(f"{row.expert} and {row.other}: {1000 * row.kl:.1f} and back {1000 * row.back:.1f}")
    lines += [f"{row.change}, {row.statistic.replace('_', ' ')}: {row.value:+.2f} [{row.ci_low:+.2f}, "
              f"{row.ci_high:+.2f}], p {row.p:.2g}" for row in pd.read_csv(out / "explains.csv").itertuples()
              if row.statistic.endswith(("size", "given_margin"))]
    return [*lines, *closing(out)]


if __name__ == "__main__":
    raise SystemExit(main(STUDY, __doc__.splitlines()[0], run, summary))
