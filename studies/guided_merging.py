"""Which experts to merge for one domain, and with what weights? Asked of the geometry of their updates. Ours: no paper.

For each target domain, its own expert is merged, by task arithmetic averaged over weights and by TIES, with

all         every other expert, weights 1
nearest     the one whose update has the highest cosine to the own expert's (`probes.compare_weights`)
farthest    the one with the lowest: the control; if geometry guides, it does worse than the nearest
weighted    every other, its weight the cosine over the highest one, 0 where negative

    python studies/guided_merging.py [--zoo NAME_OR_PATH] [--out DIR] [--seeds 0,1,2] [--quick]

No choice is made on tasks, so all test tasks are held out. Measured on the target domain alone. Writes guided.csv (each
merge against the own expert), weights.csv (what the geometry said), findings.json and
guided_merging.{png,pdf}. `--quick` uses fewer tasks and TIES alone.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import pandas as pd

from behaviors.store import Asked, TraceStore, crossed
from probes import compare_weights
from studies.estimates import Estimate
from studies.findings import NOT_FOUND, OURS, Claim, Finding, measure, settle
from studies.guided_figure import draw
from studies.harness import StudyError, distinct, main
from studies.merging_models import Merge, made
from studies.results import closing, publish
from studies.scores import Scores
from training.zoo import Zoo

STUDY = "guided_merging"
METHODS = ("ties", "task_arithmetic")
RULES = ("all", "nearest", "farthest", "weighted")
FULL, QUICK = (60, 4), (12, 4)
"""(tasks, samples a task) of each (merge, target domain)."""


def run(zoos: list[Zoo], out: Path, quick: bool = False, progress: bool = True,
        sizes: tuple[int, int] | None = None) -> list[Finding]:
    """Study zoos that differ in seed alone, and write the results to `out`, whole or not at all.

    Raises StudyError for zoos that cannot be studied together or have fewer than three experts.
    """
    domains = list(distinct(zoos)[0].experts)
    if len(domains) < 3:
        raise StudyError(f"{zoos[0].folder} has {len(domains)} experts; choosing among others takes at least three")
    methods = METHODS[:1] if quick else METHODS
    cosines = {zoo.seed: cosine_table(zoo, progress) for zoo in zoos}
    traces = pd.concat([collect(zoo, cosines[zoo.seed], methods, sizes or (QUICK if quick else FULL), progress)
                        for zoo in zoos], ignore_index=True)
    scores = Scores(traces)
    findings = settle([claim for method in methods for claim in claims(scores, domains, method)])
    table = guided_table(scores, domains, methods)
    said = pd.concat([weight_table(table, domains).assign(seed=seed) for seed, table in cosines.items()])
    figure = draw(table, findings, ", ".join(zoo.name for zoo in zoos))
    publish(out, STUDY, {"guided": table, "weights": said}, findings, figure)
    return findings


def asked(zoo: Zoo, quick: bool) -> list[Asked]:
    """What the study samples."""
    merges = [f"{rule}-{method}" for rule in RULES for method in (METHODS[:1] if quick else METHODS)]
    return [one for target in zoo.experts
            for one in crossed([f"expert-{target}", *(f"guided/{target}-{merge}" for merge in merges)], [target],
                               QUICK if quick else FULL)]


def left(zoo: Zoo, quick: bool) -> float:
    """The share of what the study samples that the zoo does not hold."""
    return TraceStore(zoo).left(asked(zoo, quick))


def cosine_table(zoo: Zoo, progress: bool) -> pd.DataFrame:
    """The cosine of every two experts' updates: a square frame by domain, 1 on its diagonal."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of counts in bf16, which are not used here
        pairs = compare_weights(zoo.anchor, dict(zoo.experts), progress=progress).aggregate("model").overlap
    table = pd.DataFrame(1.0, list(zoo.experts), list(zoo.experts))
    for row in pairs.itertuples():
        table.loc[row.model_a, row.model_b] = table.loc[row.model_b, row.model_a] = row.cosine
    return table


def weights_for(target: str, rule: str, cosines: pd.DataFrame) -> dict[str, float]:
    """Domain -> weight of its expert in the merge for a target; those of weight 0 are left out."""
    others = cosines[target].drop(target)
    chosen = {"all": dict.fromkeys(others.index, 1.0), "nearest": {others.idxmax(): 1.0},
              "farthest": {others.idxmin(): 1.0},
              "weighted": (others.clip(lower=0) / max(others.max(), 1e-12)).to_dict()}[rule]
    return {target: 1.0} | {domain: weight for domain, weight in chosen.items() if weight > 0}


def guided(target: str, rule: str, method: str, cosines: pd.DataFrame) -> Merge:
    """A merge for a target. Task arithmetic is scaled by the weights' sum, so that it averages."""
    weights = weights_for(target, rule, cosines)
    params = {"weight": weights} | ({"scale": 1 / sum(weights.values())} if method == "task_arithmetic" else {})
    return Merge(f"guided/{target}-{rule}-{method}", method, tuple(weights), params)


def collect(zoo: Zoo, cosines: pd.DataFrame, methods: tuple[str, ...], sizes: tuple[int, int],
            progress: bool) -> pd.DataFrame:
    """The traces of each target's merges and of its own expert, on the target; models named METHOD-RULE, and own."""
    merges = {(target, rule, method): guided(target, rule, method, cosines)
              for target in cosines for rule in RULES for method in methods}
    store, found = TraceStore(zoo, progress, made(zoo, merges.values())), []
    for target in cosines:
        names = {one.name: f"{method}-{rule}" for (place, rule, method), one in merges.items() if place == target}
        traces = store.traces([f"expert-{target}", *names], [target], *sizes)
        found.append(traces.assign(model=traces.model.replace(names | {f"expert-{target}": "own"})))
    return pd.concat(found, ignore_index=True)


def guided_table(scores: Scores, domains: list[str], methods: tuple[str, ...]) -> pd.DataFrame:
    """guided.csv: accuracy of each merge on each target and over all, minus that of the own expert, with intervals."""
    rows = []
    for model in ["own", *(f"{method}-{rule}" for method in methods for rule in RULES)]:
        for place in [*([domain] for domain in domains), domains]:
            found, change = scores.of(model, place), scores.of(model, place) - scores.of("own", place)
            one = change.interval()
            rows.append({"model": model, "domain": place[0] if len(place) == 1 else "all", "accuracy": found.value,
                         "against_own": change.value, "ci_low": one.low, "ci_high": one.high,
                         "n_tasks": found.n_tasks, "n_seeds": found.n_seeds, "interval": one.kind})
    return pd.DataFrame(rows)


def weight_table(cosines: pd.DataFrame, domains: list[str]) -> pd.DataFrame:
    """weights.csv: what each rule makes of the cosines: target, other, cosine, and a weight a rule."""
    return pd.DataFrame([
        {"target": target, "other": other, "cosine": cosines.loc[target, other],
         **{rule: weights_for(target, rule, cosines).get(other, 0.0) for rule in RULES}}
        for target in domains for other in domains if other != target])


def claims(scores: Scores, domains: list[str], method: str) -> list[Claim]:
    """Guided against merging all, and the nearest against the farthest; means over the target domains."""
    def difference(one: str, other: str) -> Estimate:
        return scores.of(f"{method}-{one}", domains) - scores.of(f"{method}-{other}", domains)

    texts = {("nearest", "all"): "merging the nearest expert alone beats merging all",
             ("weighted", "all"): "weighing the others by cosine beats merging all with equal weights",
             ("nearest", "farthest"): "merging the nearest expert beats merging the farthest"}
    found = [Claim(f"{one}-beats-{other}-{method}", f"{method}: {text}, on the target domain", OURS, NOT_FOUND,
                   measure(difference(one, other))) for (one, other), text in texts.items()]
    alone = scores.of(f"{method}-nearest", domains) - scores.of("own", domains)
    return [*found, Claim(f"nearest-beats-own-{method}", f"{method}: merging the nearest expert beats the own alone",
                          OURS, NOT_FOUND, measure(alone))]


def summary(out: Path) -> list[str]:
    """A few lines about the results in a folder."""
    table = pd.read_csv(out / "guided.csv")
    overall = table[table.domain == "all"]
    lines = [f"mean over the target domains, {overall.n_tasks.iloc[0]} tasks, seeds {overall.n_seeds.iloc[0]}; against "
             "the own expert [95 %]:"]
    lines += [f"{row.model}: {row.accuracy:.1f}, {row.against_own:+.1f} [{row.ci_low:+.1f}, {row.ci_high:+.1f}]"
              for row in overall.itertuples()]
    return [*lines, *closing(out)]


if __name__ == "__main__":
    raise SystemExit(main(STUDY, __doc__.splitlines()[0], run, summary))
