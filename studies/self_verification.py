"""Did RLVR, mixing and merging change how a model checks itself, turns back, how long it writes, how well it judges?

M2RL (arXiv 2602.12566), "Locus of Error" and Table 7; the claims and their sources are in `verification_claims.py`.

    python studies/self_verification.py [--zoo NAME_OR_PATH] [--out DIR] [--seeds 0,1,2] [--quick]

Writes accuracy.csv (avg@k), behavior.csv (levels, and changes against the anchor on the same tasks), judge.csv,
corrections.csv, traces.parquet (a few traces to read), findings.json and self_verification.{png,pdf}; where the truth
about the traces is known (an organism's), also tagger_audit.csv and tagger_same_error.csv. `--quick` studies the
anchor, the experts, the mixed model and one merge, on the traces that the zoo holds of these, or, where it lacks some,
on 12 tasks x 4 samples.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd

from behaviors.metrics import avg_at_k
from behaviors.store import Asked, TraceStore, crossed, traces_of
from studies.figures import save
from studies.findings import Finding, settle, write
from studies.harness import StudyError, distinct, domains_of, main, whole
from studies.results import closing
from studies.tagger_audit import audit_table, audited, is_audited, tagged
from studies.verification_claims import Cast, claims
from studies.verification_examples import FILE, examples, write_examples
from studies.verification_figure import draw
from studies.verification_judging import Judging, judge_table, verdicts
from studies.verification_traces import MEASURES, behavior_table, change, correction_table, counted
from training.judging import MODES
from training.zoo import Zoo

STUDY = "self_verification"


@dataclass(frozen=True)
class Sizes:
    """How much is sampled and judged, of each (model, domain)."""

    tasks: int = 60
    samples: int = 4
    """Completions a task."""
    judged: int = 40
    """Tasks whose completions are judged: one a task in each pool."""


QUICK = Sizes(tasks=12, samples=4, judged=8)


def run(zoos: list[Zoo], out: Path, quick: bool = False, progress: bool = True,
        sizes: Sizes | None = None) -> list[Finding]:
    """Study zoos that differ in seed alone, and write the results to `out`, whole or not at all.

    `sizes` overrides those of the full or the quick run. Raises StudyError for zoos that cannot be studied together, or
    that have no experts.
    """
    models = chosen_models(distinct(zoos)[0], quick)
    if sizes is None:
        sizes = quick_sizes(zoos, models) if quick else Sizes()
    with whole(Path(out)) as folder:
        table, tags, judged = collect(zoos, models, sizes, progress)
        behavior = behavior_table(table, tags)
        findings = settle(claims(cast_of(zoos[0], models), Judging(judged), partial(change, table),
                                 partial(change, table, true=True) if is_audited(table) else None))
        avg_at_k(table).to_csv(folder / "accuracy.csv", index=False)
        behavior.to_csv(folder / "behavior.csv", index=False)
        judge_table(judged).to_csv(folder / "judge.csv", index=False)
        correction_table(table).to_csv(folder / "corrections.csv", index=False)
        write_examples(examples(table, judged), folder / FILE)
        if is_audited(table):
            for name, found in zip(("tagger_audit", "tagger_same_error"), audit_table(table, tags), strict=True):
                found.to_csv(folder / f"{name}.csv", index=False)
        save(draw(behavior, findings, ", ".join(zoo.name for zoo in zoos)), folder, STUDY)
        write(findings, folder / "findings.json")
    return findings


def asked(zoo: Zoo, quick: bool) -> list[Asked]:
    """What the study samples."""
    if not zoo.experts:
        return []
    models = chosen_models(zoo, quick)
    sizes = quick_sizes([zoo], models) if quick else Sizes()
    return crossed(models, domains_of(zoo), (sizes.tasks, sizes.samples))


def left(zoo: Zoo, quick: bool) -> float:
    """The share of what the study samples and judges that the zoo does not hold; a judge that was asked is done."""
    if not zoo.experts:
        return 0.0
    store = TraceStore(zoo)
    judged = [store.was_asked(name, mode) for name in chosen_models(zoo, quick) for mode in MODES]
    return (store.left(asked(zoo, quick)) + 1 - sum(judged) / len(judged)) / 2


def chosen_models(zoo: Zoo, quick: bool) -> list[str]:
    """The models studied: all, or for a quick run the anchor, the experts, the mixed model and one merge (TIES)."""
    if not zoo.experts:
        raise StudyError(f"{zoo.folder} has no experts; this study compares experts with the anchor")
    if not quick:
        return list(zoo.models)
    merged = [name for name in zoo.models if name.startswith("merged-")]
    merge = "merged-ties" if "merged-ties" in merged else merged[0]
    return [name for name in zoo.models if name in ("anchor", "mixed", merge) or name.startswith("expert-")]


def quick_sizes(zoos: list[Zoo], models: list[str]) -> Sizes:
    """What the trace stores hold of every model and domain, at most the full sizes; QUICK where one holds nothing."""
    held = [TraceStore(zoo).held(model, domain) for zoo in zoos for model in models for domain in domains_of(zoo)]
    tasks, samples = (min(sizes) for sizes in zip((Sizes.tasks, Sizes.samples), *held, strict=True))
    if tasks == 0:
        return QUICK
    return Sizes(tasks, samples, min(tasks, QUICK.judged))


def cast_of(zoo: Zoo, models: list[str]) -> Cast:
    """Who is studied."""
    return Cast(domains_of(zoo), {domain: f"expert-{domain}" for domain in zoo.experts}, "mixed" in models, zoo.preset,
                "distilled" in models)


def collect(zoos: list[Zoo], models: list[str], sizes: Sizes,
            progress: bool) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """(traces with their counts, their tags, verdicts) of all zoos; sampled and judged where the stores lack them."""
    authors = [name for name in models if name == "anchor" or name.startswith("expert-")]
    stores = [TraceStore(zoo, progress) for zoo in zoos]
    together = traces_of(stores, models, domains_of(zoos[0]), sizes.tasks, sizes.samples)
    judged = [verdicts(store, together[together.seed == store.zoo.seed], models, authors,
                       min(sizes.judged, sizes.tasks)) for store in stores]
    tags = tagged(together["completion"].tolist(), zoos[0].preset, progress)
    return audited(counted(together, tags), tags), tags, pd.concat(judged, ignore_index=True)


def summary(out: Path) -> list[str]:
    """Ten lines, or fewer, about the results in a folder."""
    behavior, findings = pd.read_csv(out / "behavior.csv"), pd.read_json(out / "findings.json")
    first = behavior.iloc[0]
    lines = [f"{behavior['model'].nunique()} models, {behavior['domain'].nunique()} domains, {first['n_tasks']} tasks "
             f"x {first['k']} samples, {first['n_seeds']} seed(s); change against the anchor on the same tasks [95 %]:"]
    lines += [_line(behavior, f"expert-{domain}", domain) for domain in behavior["domain"].unique()
              if f"expert-{domain}" in set(behavior["model"])]
    for name in ("locus-reasoning-common", "locus-instructions-common"):
        one = findings[findings["id"] == name].iloc[0]
        bounds = f" {one['measured']:+.0f} [{one['ci_low']:+.0f}, {one['ci_high']:+.0f}]"
        value = "" if pd.isna(one["measured"]) else bounds
        lines.append(f"judging, {one['claim']}:{value} {one['verdict']}")
    return [*lines, *closing(out)]


def _line(behavior: pd.DataFrame, model: str, domain: str) -> str:
    rows = behavior[(behavior["model"] == model) & (behavior["domain"] == domain)].set_index("measure")
    names = dict(zip(MEASURES, ("accuracy", "checks", "turns back", "tokens"), strict=True))
    parts = [f"{name} {row['change']:+.0f} [{row['change_low']:+.0f}, {row['change_high']:+.0f}]"
             for measure, name in names.items() for row in [rows.loc[measure]]]
    return f"{model}: {', '.join(parts)}"


if __name__ == "__main__":
    raise SystemExit(main(STUDY, __doc__.splitlines()[0], run, summary))
