"""Sandbox runs at once: are all verdicts right, is nothing left behind, how much memory does it take?

    python -m attacks.concurrent [--n 200]      # a table, and attacks/results/concurrent.csv

Programs that pass, raise, leave early, loop, take too much memory and write too much, in turn, through each public way
in: one batch, a thread each, as many workers as programs, the coding domain. Each way is a process of its own, so that
what is left after it is plain: processes, and files in its temporary folder. Memory is what all processes that it
started hold (the proportional set size), sampled.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pandas as pd

from attacks.processes import ROOT, below, most_held
from attacks.saved import save
from training import get_domain
from training.domains.sandbox import Limits, Pool, Program, RunResult, protection, run_program, run_programs
from training.domains.sandbox.syscalls import prctl

MEMORY_EACH = 64 << 20
"""Bytes that a worker and its program may hold on average."""
_SUBREAPER = 36
_LIMITS = Limits(seconds=30.0, memory_bytes=128 << 20, output_bytes=1000, processes=4)
_BRIEF = Limits(seconds=0.5, memory_bytes=128 << 20, output_bytes=1000, processes=4)
KINDS: dict[str, tuple[str, Limits, Callable[[RunResult, int], bool]]] = {
    "passes": ("print({n} ** 2)", _LIMITS, lambda r, n: (r.stdout, r.returncode, r.killed) == (f"{n * n}\n", 0, "")),
    "raises": ("raise ValueError({n})", _LIMITS, lambda r, n: r.returncode == 1 and f"ValueError: {n}\n" in r.stderr),
    "leaves": ("print({n}, flush=True)\nraise SystemExit(7)\nprint(1)", _LIMITS,
               lambda r, n: (r.stdout, r.returncode) == (f"{n}\n", 7)),
    "loops": ("while True: pass", _BRIEF, lambda r, n: r.killed == "time"),
    "takes memory": ("x = bytearray(1 << 28)", _LIMITS, lambda r, n: r.stderr.endswith("MemoryError\n")),
    "writes": ("while True: print({n})", _LIMITS, lambda r, n: r.killed == "output" and len(r.stdout) == 1000),
}
"""Kind of program -> its source, its limits, whether a result is the one it should have."""


def _mixed(n: int) -> list[tuple[Program, Limits, Callable[[RunResult], bool]]]:
    """`n` programs of all kinds in turn, each with its number in it."""
    kinds = list(KINDS.values())
    made = []
    for number in range(n):
        code, limits, right = kinds[number % len(kinds)]
        made.append((Program(code.format(n=number)), limits, lambda r, right=right, n=number: right(r, n)))
    return made


def one_batch(n: int) -> int:
    """Wrong results of one call for all programs that need the same limits."""
    mixed = [made for made in _mixed(n * 2) if made[1] is _LIMITS][:n]
    results = run_programs([program for program, _, _ in mixed], _LIMITS)
    return sum(not right(result) for (_, _, right), result in zip(mixed, results, strict=True))


def a_thread_each(n: int) -> int:
    """Wrong results of `n` threads, each with a program."""
    with ThreadPoolExecutor(n) as threads:
        return sum(threads.map(lambda made: not made[2](run_program(*made[:2])), _mixed(n)))


def a_worker_each(n: int) -> int:
    """Wrong results of `n` programs that all wait until the last has long begun."""
    code = "import time\ntime.sleep(5)\nprint({})"
    with Pool(workers=n) as pool:
        results = pool.run([Program(code.format(number)) for number in range(n)], Limits(seconds=120.0))
    return sum(result.stdout != f"{number}\n" for number, result in enumerate(results))


def coding(n: int) -> int:
    """Wrong verdicts on `n` completions, every other one of which is right."""
    domain = get_domain("coding")
    tasks = domain.tasks("test", n, 0)
    wrong = "```python\nraise SystemExit\n```"
    answers = [wrong if number % 2 else domain.reference(task) for number, task in enumerate(tasks)]
    verdicts = domain.verify_many(tasks, [f"</think>\n{answer}" for answer in answers])
    return sum(found.correct == bool(number % 2) for number, found in enumerate(verdicts))


WAYS = {"one batch": one_batch, "a thread each": a_thread_each, "a worker each": a_worker_each, "coding": coding}


def run(n: int = 200, ways: tuple[str, ...] = tuple(WAYS)) -> pd.DataFrame:
    """Columns: row ("concurrent runs"), attack (the way in), protection, tried (n), through, note.

    through: wrong results, and one more each for something left behind and for too much memory.
    """
    return pd.DataFrame([_row(way, n) for way in ways])


def _row(way: str, n: int) -> dict:
    """Go one way in a process of its own, whose orphans become children of this one."""
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, orphans_come_here():
        before = set(below(os.getpid()))
        child = subprocess.Popen([sys.executable, "-m", "attacks.concurrent", "--n", str(n), "--way", way],
                                 cwd=ROOT, env={**os.environ, "TMPDIR": folder},
                                 stdout=subprocess.PIPE, text=True)
        most = most_held(child, below)
        left = [*(f"process {pid}" for pid in set(below(os.getpid())) - before), *os.listdir(folder)]
        wrong = int(child.stdout.read())
    workers = n if way == "a worker each" else len(os.sched_getaffinity(0))
    note = f"{time.monotonic() - start:.0f} s, at most {most / 2**20:.0f} MB in {workers} workers"
    return {"row": "concurrent runs", "attack": f"{n} programs: {way}", "protection": protection(), "tried": n,
            "through": wrong + bool(left) + (most > MEMORY_EACH * workers), "note": "; left: ".join([note, *left[:3]])}


@contextmanager
def orphans_come_here() -> Iterator[None]:
    """Processes whose parent ended become this process's children."""
    prctl(_SUBREAPER, 1)
    try:
        yield
    finally:
        prctl(_SUBREAPER, 0)


def main(argv: list[str] | None = None) -> int:
    """The command line; the status it ends with: 0 where all is right."""
    parser = argparse.ArgumentParser(prog="python -m attacks.concurrent", description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=200, help="programs at once (default 200)")
    parser.add_argument("--way", choices=WAYS, help="go only this way, and print how many results are wrong")
    given = parser.parse_args(argv)
    if given.way:
        print(WAYS[given.way](given.n))
        return 0
    table = run(given.n)
    save(table, "concurrent")
    print(table.drop(columns="row").to_string(index=False))
    return int(table["through"].sum() > 0)


if __name__ == "__main__":
    raise SystemExit(main())
