"""Does training on one domain help or hurt the others, and does mixing match experts and merging, at what cost?

M2RL (arXiv 2602.12566), its abstract and Tables 2 and 3; claims and sources are in `synergy_claims.py`. In points of
accuracy on the same tasks:

synergy       training on one domain raises accuracy on another above the anchor's.
interference  training on one domain lowers accuracy on another below the anchor's.
mixing gain   the mixed run minus the domain's own expert, which saw the same number of that domain's prompts.

The mixed run takes as many steps as all experts together and so sees as many prompts of a domain as that domain's
expert (`prompts_ratio` says whether it did): its mixing gain is what the other domains' data, and the steps on it, add.

    python studies/synergy.py [--zoo NAME_OR_PATH] [--out DIR] [--seeds 0,1,2] [--quick]

Writes accuracy.csv (every model on every domain), transfer.csv (trained on, measured on; with the controls and
the anchor scored twice), mixing.csv (every route minus the own expert), costs.csv (tokens, steps
and seconds by route), learning.csv (the training logs with the mixture that came about), findings.json and
synergy.{png,pdf}. `--quick` uses fewer tasks, and TIES alone of the merges.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from behaviors.store import Asked, TraceStore, crossed, traces_of
from studies.findings import Finding, settle
from studies.harness import StudyError, distinct, domains_of, main
from studies.results import closing, publish
from studies.synergy_claims import claims
from studies.synergy_figure import draw, headline
from studies.synergy_tables import (
    Gains,
    accuracy_table,
    cost_table,
    mixing_table,
    prompt_ratios,
    tokens_sampled,
    transfer_table,
)
from studies.training_logs import logs
from training.domains import DOMAINS, is_path
from training.zoo import Zoo

STUDY = "synergy"
FULL, QUICK = (60, 4), (12, 4)
"""(tasks, samples a task) of each (model, domain)."""


def run(zoos: list[Zoo], out: Path, quick: bool = False, progress: bool = True,
        sizes: tuple[int, int] | None = None) -> list[Finding]:
    """Study zoos that differ in seed alone, and write the results to `out`, whole or not at all.

    sizes: (tasks, samples a task), at least two samples, since the anchor is compared with itself. Raises StudyError
    for fewer, and for zoos that cannot be studied together, have no expert, or a domain without tasks.
    """
    zoo, (n_tasks, n) = distinct(zoos)[0], sizes or (QUICK if quick else FULL)
    domains, experts = measured_domains(zoo), list(zoo.experts)
    if n < 2:
        raise StudyError(f"{n} sample a task cannot be halved to compare the anchor with itself; take at least 2")
    traces = collect(zoos, chosen_models(zoo, quick), domains, n_tasks, n, progress)
    gains, again = Gains(traces, domains, experts, zoo.preset), Gains(halves(traces), domains, [], zoo.preset)
    prompts = {run: prompt_ratios(zoos, run) for run in zoo.models if run.startswith(("mixed", "twin-", "steps-"))}
    tables = {"accuracy": accuracy_table(gains), "transfer": transfer_table(gains, list(zoo.controls), again),
              "mixing": mixing_table(gains, prompts), "costs": cost_table(zoos), "learning": logs(zoos)}
    findings = settle(claims(gains, prompts.get("mixed", {}), tokens_sampled(zoos)))
    publish(out, STUDY, tables, findings, draw(tables, findings, ", ".join(zoo.name for zoo in zoos)))
    return findings


def asked(zoo: Zoo, quick: bool) -> list[Asked]:
    """What the study samples."""
    return crossed(chosen_models(zoo, quick), all_domains(zoo), QUICK if quick else FULL) if zoo.experts else []


def left(zoo: Zoo, quick: bool) -> float:
    """The share of what the study samples that the zoo does not hold."""
    return TraceStore(zoo).left(asked(zoo, quick))


def all_domains(zoo: Zoo) -> list[str]:
    """The zoo's domains and its experts'."""
    return list(dict.fromkeys([*domains_of(zoo), *zoo.experts]))


def measured_domains(zoo: Zoo) -> list[str]:
    """The domains of a zoo. Raises StudyError where it has no expert, or for a domain that has no tasks."""
    if not zoo.experts:
        raise StudyError(f"{zoo.folder} has no experts; this study asks what each brings to the other domains")
    domains = all_domains(zoo)
    for name in domains:
        if name not in DOMAINS and not is_path(name):
            raise StudyError(f"{zoo.folder} has a domain {name!r}, of which there are no tasks; known domains are "
                             f"{', '.join(DOMAINS)}, and modules of your own by their dotted paths")
    return domains


def chosen_models(zoo: Zoo, quick: bool) -> list[str]:
    """All models (of one expert there is no merge), or for a quick run those without the merges other than TIES."""
    left_out = [name for name in zoo.models if name.startswith("merged-")
                and (len(zoo.experts) < 2 or (quick and name != "merged-ties"))]
    return [name for name in zoo.models if name not in left_out]


def collect(zoos: list[Zoo], models: list[str], domains: list[str], n_tasks: int, n: int,
            progress: bool) -> pd.DataFrame:
    """The traces of all models on all domains, of all zoos."""
    return traces_of([TraceStore(zoo, progress) for zoo in zoos], models, domains, n_tasks, n)


def halves(traces: pd.DataFrame) -> pd.DataFrame:
    """The anchor's traces: the first half of each task's samples as `anchor`, as many last ones as `anchor again`."""
    anchor = traces[traces["model"] == "anchor"]
    n = int(anchor["sample"].max()) + 1
    last = anchor[anchor["sample"] >= n - n // 2].assign(model="anchor again")
    return pd.concat([anchor[anchor["sample"] < n // 2], last], ignore_index=True)


def summary(out: Path) -> list[str]:
    """A few lines about the results in a folder."""
    transfer, mixing, costs = (pd.read_csv(out / f"{name}.csv") for name in ("transfer", "mixing", "costs"))
    others, overall = transfer[transfer.measured_on == "others"], mixing[mixing.domain == "all"]
    lines = [headline(transfer, mixing), "gain over the anchor on the other domains, in points [95 %]: " + ", ".join(
        f"{row.trained_on} {_points(row.gain, row)}" for row in others.itertuples())]
    spent = costs.groupby("route").tokens_ratio.mean()
    for row in overall.itertuples():
        share = spent["merged" if row.model.startswith("merged-") else row.model]
        cost = "" if pd.isna(share) else f", with {share:.2f} of the experts' tokens"
        lines.append(f"{row.model} minus own expert: {_points(row.difference, row)}{cost}")
    return [*lines, *closing(out)]


def _points(value: float, row) -> str:
    return f"{value:+.1f} [{row.ci_low:+.1f}, {row.ci_high:+.1f}]"


if __name__ == "__main__":
    raise SystemExit(main(STUDY, __doc__.splitlines()[0], run, summary))
