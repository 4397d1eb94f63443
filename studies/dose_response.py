"""Do domains help each other by how much they share, and is the better judge decided by where they slip? Ours.

Synergy, overlap and the better judge hold in the organism because its corpus was made so. Here the corpus is varied:
anchors that learned from domains that share less, or slip elsewhere, each with a zoo trained from it.

    python -m training --anchor paper/anchors/sharing0 --out runs/sharing0/seed0 --controls shuffled
    python studies/dose_response.py runs/organism/seed0 runs/sharing0/seed0 [...] [--out DIR] [--quick] [--ray ADDRESS]

Anchors that are trained lie in paper/anchors; others take an hour (`python -m training.organism --sharing 0.5 --out
DIR`). With `--seeds 0,1`, each zoo is a folder that holds zoos seed0, seed1. Measures and claims are in
`dose_measures.py` and `dose_claims.py`. Writes doses.csv (each measure at each dose), accuracy.csv, findings.json and
dose_response.{png,pdf}. `--quick` uses fewer tasks and verdicts. What a zoo holds is used again.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from contextlib import nullcontext
from pathlib import Path

import pandas as pd

from behaviors.store import TraceStore, traces_of
from probes import compare_weights
from studies.dose_claims import Found, claims
from studies.dose_figure import draw, headline
from studies.dose_measures import Dose, Measures, doses_of, judging, overlaps, routes, transfers
from studies.findings import Finding, settle
from studies.harness import ERRORS, StudyError, distinct, open_zoos, seed_list
from studies.provenance import write_made
from studies.results import closing, publish
from studies.self_verification import QUICK as FEW
from studies.self_verification import Sizes
from studies.synergy_tables import Gains, accuracy_table, row
from studies.verification_judging import Judging, verdicts
from studies.weight_claims import Shifts
from training.domains import DOMAINS, is_path
from training.durable import ready
from training.pieces import on_ray
from training.zoo import Zoo

STUDY = "dose_response"
UNITS = {"transfer": "% of the own expert's gain", "overlap": "Jaccard minus chance", "cosine": "cosine",
         "routes": "points against the own experts", "judging": "points of balanced accuracy"}


def run(groups: list[list[Zoo]], out: Path, quick: bool = False, progress: bool = True,
        sizes: Sizes | None = None) -> list[Finding]:
    """Study zoos of several anchors, each a list of zoos that differ in seed, and write the results to `out`.

    Raises StudyError for fewer than two doses, the same one twice, and zoos that cannot be studied together.
    """
    doses, sizes = doses_of([distinct(zoos) for zoos in groups]), sizes or (FEW if quick else Sizes())
    if len(doses) < 2:
        raise StudyError(f"{doses[0].zoos[0].folder} alone is one dose; give zoos of at least two anchors")
    found, accuracies = [], []
    for dose in doses:
        gains = gains_of(dose, sizes, progress)
        found.append((dose, measured(dose, gains, sizes, progress)))
        accuracies.append(accuracy_table(gains).assign(sharing=dose.sharing, locus=dose.locus or "own"))
    findings, tables = settle(claims(found)), {"doses": dose_table(found), "accuracy": pd.concat(accuracies)}
    publish(out, STUDY, tables, findings, draw(tables, findings))
    return findings


def chosen_models(zoo: Zoo, dose: Dose) -> list[str]:
    """The models that are asked: for a locus, those that judge and the anchor; for sharing, TIES and a control too."""
    names = ["anchor", *(f"expert-{domain}" for domain in zoo.experts), "mixed"]
    if dose.locus is None:
        names += ["merged-ties", "shuffled-math"]
    return [name for name in names if name in zoo.models]


def gains_of(dose: Dose, sizes: Sizes, progress: bool) -> Gains:
    """The traces of a dose's zoos, as differences between models."""
    first = dose.zoos[0]
    domains = list(first.experts)
    if not domains:
        raise StudyError(f"{first.folder} has no experts; this study asks what each brings to the other domains")
    if unknown := [name for name in domains if name not in DOMAINS and not is_path(name)]:
        raise StudyError(f"{first.folder} has an expert of {unknown[0]!r}, of which there are no tasks; known domains "
                         f"are {', '.join(DOMAINS)}, and modules of your own by their dotted paths")
    traces = traces_of([TraceStore(zoo, progress) for zoo in dose.zoos], chosen_models(first, dose), domains,
                       sizes.tasks, sizes.samples)
    return Gains(traces, domains, domains, first.preset)


def measured(dose: Dose, gains: Gains, sizes: Sizes, progress: bool) -> Measures:
    """All that is asked at a dose: of sharing where slips lie where they belong, of judges where sharing is whole."""
    found = {}
    if dose.locus is None:
        found |= transfers(gains) | routes(gains) | overlaps(shifts_of(dose, progress))
    if dose.sharing == 1:
        judges = [name for name in gains.models if name == "mixed" or name.startswith("expert-")]
        found |= judging(Judging(judged(dose, judges, sizes, progress)), judges)
    return found


def shifts_of(dose: Dose, progress: bool) -> Shifts:
    """How the weights of experts and of the control differ from the anchor's."""
    warnings.filterwarnings("ignore", message="bf16 keeps")  # chance is taken out of overlaps
    names = [name for name in dose.zoos[0].models if name.startswith(("expert-", "shuffled-"))]
    compared = {zoo.seed: compare_weights(zoo.anchor, {name: zoo.models[name] for name in names}, progress=progress)
                for zoo in dose.zoos}
    return Shifts(compared, {domain: f"expert-{domain}" for domain in dose.zoos[0].experts}, dose.zoos[0].preset)


def judged(dose: Dose, judges: list[str], sizes: Sizes, progress: bool) -> pd.DataFrame:
    """The judges' verdicts on the pools of self_verification."""
    tables = []
    for zoo in dose.zoos:
        store, authors = TraceStore(zoo, progress), ["anchor", *(name for name in judges if name != "mixed")]
        traces = store.traces(list(dict.fromkeys([*authors, *judges])), list(zoo.experts), sizes.tasks, sizes.samples)
        tables.append(verdicts(store, traces, judges, authors, min(sizes.judged, sizes.tasks)))
    return pd.concat(tables, ignore_index=True)


def dose_table(found: Found) -> pd.DataFrame:
    """doses.csv: each measure, by group, at each dose, with its 95 % interval."""
    return pd.DataFrame([
        {"measure": measure, "group": group, "sharing": dose.sharing, "locus": dose.locus or "own",
         "slips": dose.where(group) if measure == "judging" else "", **row(estimate, "value"), "unit": UNITS[measure]}
        for dose, measures in found for (measure, group), estimate in measures.items()])


def summary(out: Path) -> list[str]:
    """A line a claim, or why it was not measured."""
    findings = pd.read_json(out / "findings.json")
    lines = [headline(findings)]
    for one in findings.itertuples():
        value = (one.note if pd.isna(one.measured) else
                 f"{one.measured:+.3g} [{one.ci_low:+.3g}, {one.ci_high:+.3g}], {one.verdict}")
        lines.append(f"{one.id}: {value}")
    return [*lines, *closing(out)]


def main(argv: list[str] | None = None) -> int:
    """The command line; the status it ends with."""
    parser = argparse.ArgumentParser(prog=f"python studies/{STUDY}.py", description=__doc__.splitlines()[0])
    parser.add_argument("zoos", nargs="+", help="zoos of different anchors: folders, or built-in names")
    parser.add_argument("--out", type=Path, default=Path("results") / STUDY)
    parser.add_argument("--seeds", type=seed_list, help="zoos of these seeds in each folder, as in 0,1,2")
    parser.add_argument("--quick", action="store_true", help="fewer tasks, samples and verdicts")
    parser.add_argument("--ray", metavar="ADDRESS", help="do the work on a Ray cluster: auto, HOST:PORT, or local")
    given, started = parser.parse_args(argv), time.perf_counter()
    try:
        ready(given.out)
        groups = [open_zoos(zoo, given.seeds) for zoo in given.zoos]
        with on_ray(given.ray) if given.ray else nullcontext():
            run(groups, given.out, given.quick)
    except ERRORS as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    command = ["python", f"studies/{STUDY}.py", *(sys.argv[1:] if argv is None else argv)]
    write_made(given.out, [zoo for zoos in groups for zoo in zoos], given.quick, command,
               time.perf_counter() - started)
    print("\n".join(summary(given.out)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
