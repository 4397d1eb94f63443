"""Layer by layer: where weights moved, what moved in the activations, what can be read there, what carries the gain.

    python studies/layer_probes.py [--zoo NAME_OR_PATH] [--out DIR] [--seeds 0,1,2] [--quick]

For every expert: share changed and L2 of its weights, shift and CKA of its activations, linear probes, the layer at
which final answers are settled, what a layer's activations carry when they are patched into the anchor, and what its
weights carry when they are grafted into the anchor or taken out of the expert; of the anchor, what adding the direction
before checks does. Claims are in `layer_claims.py`, what is measured in `layer_measures.py`. Writes weights.csv,
shift.csv, probes.csv, lens.csv, patching.csv, grafts.csv, steering.csv, layers.csv (one row a (domain, layer), all
lined up), findings.json and layer_probes.{png,pdf}. `--quick` looks into two experts, by fewer traces, grafts whole
layers and steers at two layers.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd

from behaviors.store import Asked, TraceStore
from behaviors.taxonomy import SELF_VERIFICATION
from probes import compare_weights
from studies.findings import Finding, settle
from studies.harness import StudyError, distinct, main
from studies.layer_claims import Layers, claims
from studies.layer_figure import draw
from studies.layer_measures import FULL, QUICK, Expert, Sizes, files_of, measured
from studies.layer_tables import carried_table, steering_table, weight_table
from studies.results import closing, publish
from training.pieces import run_pieces
from training.zoo import Zoo

STUDY = "layer_probes"
QUICK_EXPERTS = 2
STEERED = "math"
"""The domain whose completions are steered: the anchor checks there most."""


def run(zoos: list[Zoo], out: Path, quick: bool = False, progress: bool = True,
        sizes: Sizes | None = None) -> list[Finding]:
    """Study zoos that differ in seed alone, and write the results to `out`, whole or not at all.

    Raises StudyError for zoos that cannot be studied together or have no experts.
    """
    first = distinct(zoos)[0]
    if not first.experts:
        raise StudyError(f"{first.folder} has no experts; this study compares experts with the anchor")
    layers = collect(zoos, quick, sizes or (QUICK if quick else FULL), progress)
    findings = settle(claims(layers))
    tables = {"weights": layers.weights, "shift": layers.shift, "probes": layers.probes, "lens": layers.lens,
              "patching": layers.patching, "grafts": carried_table(layers.grafts),
              "steering": steering_table(layers.steering)}
    tables["layers"] = lined_up(tables)
    publish(out, STUDY, tables, findings, draw(tables, findings, ", ".join(zoo.name for zoo in zoos)))
    return findings


def asked(zoo: Zoo, quick: bool) -> list[Asked]:
    """What the study samples, but for what is written under grafts and steering."""
    sizes = QUICK if quick else FULL
    return [Asked(f"expert-{expert.domain}", expert.domain, sizes.tasks, sizes.samples)
            for expert in experts_of(zoo, quick)]


def left(zoo: Zoo, quick: bool) -> float:
    """The share of the tables that the zoo does not hold."""
    files = [file for expert in experts_of(zoo, quick) for file in files_of(expert, QUICK if quick else FULL).values()]
    return float(np.mean([not file.exists() for file in files] or [0.0]))


def collect(zoos: list[Zoo], quick: bool, sizes: Sizes, progress: bool) -> Layers:
    """Measure the experts of every zoo, side by side."""
    jobs = []
    for zoo in zoos:
        store = TraceStore(zoo, progress)
        jobs += [(zoo.seed, expert, store.traces([f"expert-{expert.domain}"], [expert.domain], sizes.tasks,
                                                 sizes.samples)) for expert in experts_of(zoo, quick)]
    done = run_pieces(measured, [(expert, traces, sizes) for _, expert, traces in jobs], "looking inside", progress,
                      "expert")
    tables = {name: pd.concat([found[name].assign(domain=expert.domain, seed=seed)
                               for (seed, expert, _), found in zip(jobs, done, strict=True) if name in found])
              for name in ("shift", "probes", "lens", "patching", "grafts", "steering")}
    weights = pd.concat([moved(zoo, progress) for zoo in zoos], ignore_index=True)
    controls = {name.removeprefix("shuffled-"): name for name in zoos[0].controls if name.startswith("shuffled-")}
    return Layers(weights, controls=controls, **{name: table.reset_index(drop=True) for name, table in tables.items()})


def experts_of(zoo: Zoo, quick: bool) -> list[Expert]:
    """The experts of a zoo, of a quick run two; what is steered takes longest and goes first."""
    steered = STEERED if STEERED in zoo.experts else next(iter(zoo.experts), None)
    chosen = sorted(zoo.experts, key=lambda name: name != steered)[:QUICK_EXPERTS if quick else None]
    return [Expert(zoo.anchor, zoo.experts[domain], domain, str(zoo.folder / "inside" / f"expert-{domain}"),
                   domain == steered, zoo.manifest.factors) for domain in chosen]


def moved(zoo: Zoo, progress: bool) -> pd.DataFrame:
    """`weight_table` of the experts and their controls; domain is that of the expert, or whose control it is."""
    models = {f"expert-{domain}": zoo.experts[domain] for domain in zoo.experts}
    models |= {name: zoo.controls[name] for name in zoo.controls if name.startswith("shuffled-")}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="bf16 keeps")  # the figure says it
        table = weight_table(compare_weights(zoo.anchor, models, progress=progress))
    return table.assign(seed=zoo.seed, domain=table["model"].str.partition("-")[2])


def lined_up(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """layers.csv: one row a (domain, layer), means over seeds; -1 is outside the blocks."""
    weights, shift = tables["weights"], tables["shift"]
    own = weights[(weights["part"] == "all") & (weights["model"] == "expert-" + weights["domain"])]
    grafts = tables["grafts"].dropna(subset="layer")
    grafts = grafts[(grafts["part"] == "all") & (grafts["domain"] != "all")].astype({"layer": int})
    parts = [_mean(own, ["changed_fraction", "relative_l2"]).add_prefix("weights_"),
             _mean(shift[shift["position"] == "all"], ["cosine", "relative_l2", "cka"]).add_prefix("activations_")]
    for question, rows in tables["probes"].groupby("question"):
        means = _mean(rows[rows["model"] == "expert"], ["auroc", "shuffled", "tokens"])
        parts.append(means.add_prefix(f"probe_{question}_"))
    parts.append(_mean(tables["lens"][tables["lens"]["model"] == "expert"], ["settled"]).add_prefix("lens_"))
    into = tables["patching"][(tables["patching"]["direction"] == "into the anchor")
                              & (tables["patching"]["position"] == "all")]
    parts.append(_mean(into, ["recovered"]).add_prefix("patching_"))
    for (direction, measure), rows in grafts.groupby(["direction", "measure"]):
        parts.append(_mean(rows, ["change"]).rename(columns={"change": f"graft_{direction}_{measure}"}))
    return pd.concat(parts, axis=1).sort_index().reset_index()


def _mean(table: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    return table.groupby(["domain", "layer"])[columns].mean()


def summary(out: Path) -> list[str]:
    """A few lines about the results in a folder."""
    grafts = pd.read_csv(out / "grafts.csv")
    lines = []
    for measure, unit in (("accuracy", "points"), (SELF_VERIFICATION, "checks per 100 sentences")):
        for domain, rows in grafts[(grafts["measure"] == measure) & (grafts["part"] == "all")].groupby("domain"):
            expert = rows[rows["direction"] == "expert"].iloc[0]
            best = rows[rows["direction"] == "in"].nlargest(1, "change").iloc[0]
            lines.append(f"{domain}, {unit}: expert minus anchor {_with_ends(expert)}; layer {best.layer:.0f} alone "
                         f"brings the most, {_with_ends(best)} ({best.n_tasks} tasks, seeds {best.n_seeds})")
    return [*lines, *closing(out)]


def _with_ends(row: pd.Series) -> str:
    return f"{row.change:+.1f} [{row.ci_low:+.1f}, {row.ci_high:+.1f}]"


if __name__ == "__main__":
    raise SystemExit(main(STUDY, __doc__.splitlines()[0], run, summary))
