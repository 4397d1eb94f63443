"""Every study of a zoo, in order: what is there is reused, a study that fails is named at the end and the rest go on.

    python studies/all.py [--zoo NAME_OR_PATH] [--out DIR] [--seeds 0,1,2,3,4] [--quick]
                          [--ray ADDRESS [--engine vllm]]

`--out` is the folder of all results (default results/ZOO); every study writes its own folder there, and INDEX.md lines
up what the paper says with what was measured. Results that the same code made of the same zoos are not made again; a
run that was stopped goes on, for traces, verdicts and all that is measured on models is kept in the zoos. A built-in
zoo is built first where it is not there, for a full run with its controls and a distilled model.

The estimate of the time (`duration.py`) is for the organism, whose studies were timed.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from studies.duration import estimate, minutes
from studies.findings import VERDICTS
from studies.harness import ERRORS, FINDINGS, arguments, opened, out_folder
from studies.index import write_index
from studies.provenance import holds
from training.zoo import Zoo

STUDIES = ("expert_gains", "synergy", "merging_methods", "guided_merging", "weight_shift", "policy_neighborhoods",
           "information_constraints", "gain_consistency", "self_verification", "layer_probes")
"""In this order: what an earlier one samples, later ones reuse."""
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Outcome:
    """How one study ended."""

    study: str
    seconds: float | None
    """None where its results were there."""
    error: str = ""
    """The last line it wrote about what went wrong."""


def run(zoos: list[Zoo], root: Path, quick: bool, options: list[str]) -> list[Outcome]:
    """Run every study whose results do not hold, each in a process of its own; `options` say which zoos."""
    outcomes = []
    for number, study in enumerate(STUDIES, 1):
        out = root / study
        print(f"\n[{number}/{len(STUDIES)}] {study}", flush=True)
        if holds(out, zoos, quick):
            print(f"its results are there: {out}")
            outcomes.append(Outcome(study, None))
            continue
        started = time.perf_counter()
        error = run_study(study, [*options, "--out", str(out)])
        outcomes.append(Outcome(study, time.perf_counter() - started, error))
    return outcomes


def run_study(study: str, options: list[str]) -> str:
    """Run a study's command, show what it writes, and return why it failed, or '' where it did not."""
    process = subprocess.Popen([sys.executable, str(HERE / f"{study}.py"), *options], stderr=subprocess.PIPE)
    said = bytearray()

    def forward() -> None:
        while chunk := process.stderr.read1():
            said.extend(chunk)
            sys.stderr.buffer.write(chunk)
            sys.stderr.flush()

    thread = threading.Thread(target=forward)
    thread.start()
    try:
        status = process.wait()
    finally:
        process.kill()
        thread.join()
    return "" if status == 0 else f"status {status}: {reason(said.decode(errors='replace'))}"


def reason(said: str) -> str:
    """What a study wrote last about an error, or last at all (a bar may close after the error)."""
    lines = [line.strip() for line in said.replace("\r", "\n").split("\n") if line.strip()]
    errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    return (errors or lines or ["it wrote nothing"])[-1]


def report(outcomes: list[Outcome], root: Path) -> list[str]:
    """What to print at the end: a line a study."""
    lines = ["", f"{'study':<24}{'time':>8}  findings"]
    for one in outcomes:
        spent = "kept" if one.seconds is None else minutes(one.seconds)
        lines.append(f"{one.study:<24}{spent:>8}  {one.error or counts(root / one.study / FINDINGS)}")
    failed = [one.study for one in outcomes if one.error]
    return [*lines, "", f"failed: {', '.join(failed)}" if failed else "all studies ran",
            f"written to {root}; what the paper says beside what was measured: {root / 'INDEX.md'}"]


def counts(file: Path) -> str:
    """How many findings came out how: `3 reproduced, 10 inconclusive`."""
    found = pd.read_json(file)["verdict"].value_counts()
    return ", ".join(f"{found[verdict]} {verdict.replace('_', ' ')}" for verdict in VERDICTS if verdict in found)


def main(argv: list[str] | None = None) -> int:
    """The command line. Status 0: all ran; 1: some failed; 2: nothing could run."""
    chosen = arguments("all", __doc__.splitlines()[0], argv)
    seeds = ["--seeds", ",".join(map(str, chosen.seeds))] if chosen.seeds else []
    ray = ["--ray", chosen.ray, "--engine", chosen.engine] if chosen.ray else []
    options = ["--zoo", chosen.zoo, *seeds, *(["--quick"] if chosen.quick else []), *ray]
    try:
        zoos = opened(chosen, whole=not chosen.quick)
        root = chosen.out or out_folder(chosen, zoos, "").parent
    except ERRORS as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    wanted = [study for study in STUDIES if not holds(root / study, zoos, chosen.quick)]
    try:
        print(estimate(zoos, chosen.quick, wanted), flush=True)
    except ERRORS as error:  # the studies that it concerns will say so; the others run
        print(f"no estimate of the time: {error}", flush=True)
    outcomes = run(zoos, root, chosen.quick, options)
    write_index(root, root / "INDEX.md")
    print("\n".join(report(outcomes, root)))
    return int(any(one.error for one in outcomes))


if __name__ == "__main__":
    raise SystemExit(main())
