"""What a run in the sandbox costs over a bare interpreter start, and whether parallel runs scale with the cores.

    python benchmarks/sandbox.py [--runs 100] [--protection namespaces landlock]

Latency: a program that prints a line, run after a first one that warms the pool, beside `python -I -S -c` with the same
program, one after the other in turn; the difference is that of the medians. Scaling: a batch of programs that each
count for a while, with 1, 2, ... as many workers as there are cores; programs a second. The machine has to be free (the
load before the run is given). Prints two tables and writes them beside this file, as sandbox.md.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time

import numpy as np
import pandas as pd
from measure import machine, markdown, publish

from training.domains.sandbox import LEVELS, Limits, Pool, Program, protection

HELLO = "print('hello')"
COUNTING = "n = 0\nfor k in range(2_000_000): n += k\nprint(n)"
BATCH = 32


def milliseconds(work) -> float:
    """How long one call takes."""
    start = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - start)


def bare() -> None:
    """The same program in an interpreter started for it, without site packages."""
    subprocess.run([sys.executable, "-I", "-S", "-c", HELLO], stdout=subprocess.DEVNULL, check=True)


def latency(level: str, runs: int) -> dict:
    """Medians and 95th percentiles of single runs behind a level and of bare starts, in turn."""
    with Pool(level, workers=1) as pool:
        def sandboxed() -> None:
            (result,) = pool.run([Program(HELLO)])
            assert result.stdout == "hello\n", result

        first = milliseconds(sandboxed)
        times = np.array([(milliseconds(sandboxed), milliseconds(bare)) for _ in range(runs)])
    (run, start), (late, _) = np.median(times, axis=0), np.percentile(times, 95, axis=0)
    return {"protection": level, "runs": runs, "first run, ms": first, "a run, ms": run, "95 % of runs below, ms": late,
            "bare start, ms": start, "over a bare start, ms": run - start}


def throughput(level: str, workers: int) -> dict:
    """Programs a second of a batch, the pool being warm."""
    with Pool(level, workers=workers) as pool:
        pool.run([Program(HELLO)] * 2 * workers)
        seconds = milliseconds(lambda: pool.run([Program(COUNTING)] * BATCH, Limits(seconds=60.0))) / 1000
    return {"protection": level, "workers": workers, "programs a second": BATCH / seconds}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=100, help="single runs of each kind (default 100)")
    parser.add_argument("--protection", nargs="+", choices=LEVELS, default=[protection()],
                        help="levels to measure (default: the strongest that works here)")
    given = parser.parse_args()
    made, cores = machine("numpy"), len(os.sched_getaffinity(0))
    single = pd.DataFrame([latency(level, given.runs) for level in given.protection])
    batch = pd.DataFrame([throughput(level, n) for level in given.protection for n in range(1, cores + 1)])
    alone = batch[batch["workers"] == 1].set_index("protection")["programs a second"]
    batch["times one worker's"] = batch["programs a second"] / batch["protection"].map(alone)
    publish(__file__, f"# The sandbox\n\n{made}\nMade by `python benchmarks/sandbox.py`; what is measured is in its "
                      f"docstring.\n\n{markdown(single)}\n\n{markdown(batch)}\n")


if __name__ == "__main__":
    main()
