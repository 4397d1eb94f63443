"""Does RLVR work here? Each expert against the anchor on its own domain: same tasks, avg@k, 95 % intervals.

The ground that every other study stands on (M2RL, arXiv 2602.12566, Table 3: every expert beats SFT in its domain).

    python studies/expert_gains.py [--zoo NAME_OR_PATH] [--out DIR] [--seeds 0,1,2] [--quick]

Writes gains.csv (one row a domain), runs.csv (what each run cost, and what share of the stored weights it changed) and
findings.json. The logs of the runs are in the results of `synergy.py` (learning.csv).
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from behaviors.metrics import paired_bootstrap
from behaviors.store import Asked, TraceStore, crossed, traces_of
from studies.findings import NOT_FOUND, TESTS, Claim, Finding, Measured, settle, write
from studies.harness import StudyError, distinct, main, whole
from studies.training_logs import run_table
from training.zoo import Zoo

STUDY = "expert_gains"
FULL, QUICK = (60, 16), (40, 4)
"""(tasks, samples a task); the full ones are those of `gain_consistency`, sampled once."""
PUBLISHED = {  # SFT -> expert on that domain's benchmarks, paper v1 Table 3 as its README gives it [R]
    "math": "AIME'24 54.90 -> 71.51, AIME'25 51.30 -> 63.54", "coding": "LCB v5 51.27 -> 59.40, v6 53.43 -> 55.43",
    "science": "GPQA-D 46.09 -> 56.19, HLE 5.24 -> 5.28",
    "instructions": "IFEval 79.48 -> 88.17, IFBench 38.44 -> 56.12",
    "agent": NOT_FOUND,
}


def run(zoos: list[Zoo], out: Path, quick: bool = False, progress: bool = True,
        sizes: tuple[int, int] | None = None) -> list[Finding]:
    """Compare every expert of the zoos (which differ in seed alone) with the anchor; write the results to `out`."""
    if not distinct(zoos)[0].experts:
        raise StudyError(f"{zoos[0].folder} has no experts; this study compares experts with the anchor")
    n_tasks, n = sizes or (QUICK if quick else FULL)
    rows = [_gain(zoos, domain, n_tasks, n, progress) for domain in zoos[0].experts]
    findings = settle([_claim(row) for row in rows])
    table = pd.DataFrame([{**row, "p_adjusted": one.p_adjusted, "verdict": one.verdict}
                          for row, one in zip(rows, findings, strict=True)])
    with whole(Path(out)) as folder:
        table.to_csv(folder / "gains.csv", index=False)
        run_table(zoos).to_csv(folder / "runs.csv", index=False)
        write(findings, folder / "findings.json")
    return findings


def asked(zoo: Zoo, quick: bool) -> list[Asked]:
    """What the study samples."""
    return [one for domain in zoo.experts
            for one in crossed(["anchor", f"expert-{domain}"], [domain], QUICK if quick else FULL)]


def left(zoo: Zoo, quick: bool) -> float:
    """The share of what the study samples that the zoo does not hold."""
    return TraceStore(zoo).left(asked(zoo, quick))


def _gain(zoos: list[Zoo], domain: str, n_tasks: int, n: int, progress: bool) -> dict:
    """The expert's and the anchor's accuracy on the domain's tasks, in percent, and the paired difference."""
    expert = f"expert-{domain}"
    traces = traces_of([TraceStore(zoo, progress) for zoo in zoos], ["anchor", expert], [domain], n_tasks, n)
    anchor, trained = (traces[traces.model == name] for name in ("anchor", expert))
    found = paired_bootstrap(trained, anchor)
    return {"domain": domain, "anchor": 100 * found.mean_b, "expert": 100 * found.mean_a,
            "gain": 100 * found.difference, "ci_low": 100 * found.ci_low, "ci_high": 100 * found.ci_high,
            "p": found.p, "n_tasks": found.n_tasks, "k": n,
            "seeds": " ".join(str(zoo.seed) for zoo in zoos), "n_seeds": found.n_seeds, "interval": found.interval,
            "tokens_anchor": anchor.n_tokens.mean(), "tokens_expert": trained.n_tokens.mean()}


def _claim(row: dict) -> Claim:
    measured = Measured(row["gain"], row["ci_low"], row["ci_high"], row["p"], row["n_tasks"], row["n_seeds"],
                        TESTS[row["interval"]])
    return Claim(f"expert-gains-{row['domain']}", f"the {row['domain']} expert beats the anchor on {row['domain']}",
                 "Table 3", PUBLISHED.get(row["domain"], NOT_FOUND), measured,
                 note=f"percentage points of avg@{row['k']}; the paper's are other benchmarks.")


def summary(out: Path) -> list[str]:
    """A few lines about the results in a folder."""
    table = pd.read_csv(out / "gains.csv")
    lines = [f"avg@{table.k[0]} on {table.n_tasks[0]} tasks, seeds {table.seeds[0]}; expert against anchor [95 %]:"]
    lines += [f"{row.domain}: {row.anchor:.1f} -> {row.expert:.1f}, gain {row.gain:+.1f} "
              f"[{row.ci_low:+.1f}, {row.ci_high:+.1f}], {row.verdict}" for row in table.itertuples()]
    return [*lines, f"written to {out}"]


if __name__ == "__main__":
    raise SystemExit(main(STUDY, __doc__.splitlines()[0], run, summary))
