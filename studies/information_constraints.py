"""Information constraints: how many bits of behavior does each route move away from the anchor, and what do they buy?

The term is in M2RL's abstract (arXiv 2602.12566), without a definition that could be found; what is measured here, and
the claims, are ours: `information_claims.py`.

    python studies/information_constraints.py [--zoo NAME_OR_PATH] [--out DIR] [--seeds 0,1,2] [--quick]

Every model's completions are scored under it and the anchor (`policy_scores.py`; what the study of policy neighborhoods
scored is reused). Writes bits.csv (model x domain, and `all`: KL to the anchor in bits a token and a completion, the
other way round on the anchor's completions, gain in accuracy, points a bit; each with its interval), findings.json and
information_constraints.{png,pdf}. `--quick` uses fewer tasks and models.

Bits a completion grow with its length, so domains are not to be compared by them; `all` is the mean over domains.
Points a bit are means over runs. KL to the anchor is 0 for the anchor itself: its row is there as a check.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from behaviors.store import Asked, TraceStore, crossed, traces_of
from studies.estimates import Estimate, average
from studies.figures import kind_of
from studies.findings import Finding, settle
from studies.harness import StudyError, distinct, domains_of, main
from studies.information_claims import ANCHOR, Moves, cells_of, claims
from studies.information_figure import draw
from studies.policy_scores import FULL, QUICK, Nats, Sizes, chosen_models, policy_sums
from studies.policy_scores import left as unscored
from studies.results import closing, publish
from studies.scores import Scores
from training.zoo import Zoo

STUDY = "information_constraints"


def run(zoos: list[Zoo], out: Path, quick: bool = False, progress: bool = True,
        sizes: Sizes | None = None) -> list[Finding]:
    """Study zoos that differ in seed alone, and write the results to `out`, whole or not at all.

    Raises StudyError for zoos that cannot be studied together, and for those of the anchor alone.
    """
    first, sizes = distinct(zoos)[0], sizes or (QUICK if quick else FULL)
    models, domains = chosen_models(first, quick), domains_of(first)
    if len(models) < 2:
        raise StudyError(f"{first.folder} has the anchor alone; bits are those that another model moved: train experts")
    sums = policy_sums(zoos, models, domains, sizes.scored, progress)
    answers = traces_of([TraceStore(zoo, progress) for zoo in zoos], models, domains, *answered(sizes))
    experts = {domain: f"expert-{domain}" for domain in first.experts}
    moves = Moves(Nats(sums), Scores(answers), models, domains, experts, list(first.controls))
    findings = settle(claims(moves, cells_of(sums, answers, moves)))
    tables = {"bits": bits_table(moves)}
    publish(out, STUDY, tables, findings, draw(tables, findings, ", ".join(zoo.name for zoo in zoos)))
    return findings


def answered(sizes: Sizes) -> tuple[int, int]:
    """(tasks, samples) of accuracies: the tasks that are scored, with as many samples as accuracies have elsewhere."""
    return sizes.scored[0], sizes.answered[1]


def asked(zoo: Zoo, quick: bool) -> list[Asked]:
    """What the study samples."""
    return crossed(chosen_models(zoo, quick), domains_of(zoo), answered(QUICK if quick else FULL))


def left(zoo: Zoo, quick: bool) -> float:
    """The share of what the study samples and scores that the zoo does not hold."""
    scored = (QUICK if quick else FULL).scored
    return float(np.mean([unscored(zoo, chosen_models(zoo, quick), domains_of(zoo), scored),
                          TraceStore(zoo).left(asked(zoo, quick))]))


def bits_table(moves: Moves) -> pd.DataFrame:
    """bits.csv; see the module's docstring. home: is this the expert's own domain?"""
    rows = []
    for model in moves.models:
        for name, place in [*((domain, [domain]) for domain in moves.domains), ("all", moves.domains)]:
            bits = moves.bits(model, place)
            found = {"bits_per_token": _mean(moves.nats.per_token, model, ANCHOR, place), "bits": bits,
                     "back_per_token": _mean(moves.nats.per_token, ANCHOR, model, place),
                     "back": _mean(moves.nats.per_trace, ANCHOR, model, place), "gain": moves.gain(model, place),
                     "points_per_bit": moves.per_bit(model, place)}
            intervals = {column: estimate.interval() for column, estimate in found.items()}
            row = {"model": model, "route": route_of(model, moves), "domain": name,
                   "home": moves.experts.get(name) == model}
            for column, one in intervals.items():
                row |= one.columns(column)
            rows.append({**row, "n_tasks": bits.n_tasks, "n_seeds": bits.n_seeds, "interval": intervals["bits"].kind})
    return pd.DataFrame(rows)


def route_of(model: str, moves: Moves) -> str:
    """What kind of a model it is: anchor, expert, control, or as figures color it (mixed, merged, distilled)."""
    if model in moves.controls:
        return "control"
    return "expert" if model in moves.experts.values() else ANCHOR if model == ANCHOR else kind_of(model)


def _mean(nats: Callable[..., Estimate], sampler: str, scorer: str, domains: list[str]) -> Estimate:
    """In bits, mean over domains."""
    return (1 / np.log(2)) * average([nats(sampler, scorer, domain) for domain in domains])


def summary(out: Path) -> list[str]:
    """A few lines about the results in a folder."""
    table = pd.read_csv(out / "bits.csv")
    rows = table[(table.domain == "all") & (table.model != ANCHOR)]
    lines = [f"bits a completion away from the anchor, and points gained; {rows.n_tasks.iloc[0]} tasks, "
             f"{rows.n_seeds.iloc[0]} seeds [95 %]:"]
    lines += [f"{row.model}: {row.bits:.2f} [{row.bits_low:.2f}, {row.bits_high:.2f}], {row.gain:+.1f} "
              f"[{row.gain_low:+.1f}, {row.gain_high:+.1f}]" for row in rows.itertuples()]
    return [*lines, *closing(out)]


if __name__ == "__main__":
    raise SystemExit(main(STUDY, __doc__.splitlines()[0], run, summary))
