"""Hostile programs against the sandbox: what each tries behind each protection there is, and what came of it.

    python -m attacks.programs [--protection namespaces,landlock]      # a table, and attacks/results/programs.csv

Each is bounded in itself and runs in namespaces of its own (`attacks.sandbox.confined`), where nothing of this machine
can be touched even without a sandbox. So all run without one too: `unwalled` says whether a program gets through then,
and one that is held back should be one that otherwise does (but for those that a fresh process or the kernel's limits
hold back in any case). The programs are in `attacks/sandbox/reads.py`, `writes.py` and `bombs.py`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd

from attacks.sandbox.attack import Attack
from attacks.sandbox.table import ATTACKS
from attacks.saved import save
from training.domains.sandbox import LEVELS, SandboxUnavailable, protection

ROOT = Path(__file__).parents[1]


def run(
    protections: Sequence[str] | None = None, attacks: Sequence[Attack] = ATTACKS, jobs: int | None = None
) -> pd.DataFrame:
    """Try attacks behind protections (None: all that this machine offers), `jobs` side by side (None: one a core).

    Columns: row ("sandbox"), attack, protection, tried (0 or 1), through (0 or 1), note. An attack that is not tried,
    because it is written for another machine or no namespaces can be had, says so in its note.
    """
    jobs = jobs or len(os.sched_getaffinity(0))
    names = [attack.name for attack in attacks]
    shares = [(level, names[first::jobs]) for level in protections or offered() for first in range(jobs)]
    with ThreadPoolExecutor(jobs) as pool:
        rows = [row for some in pool.map(_share, shares) for row in some]
    table = pd.DataFrame(rows, columns=["row", "attack", "protection", "tried", "through", "note"])
    order = {name: number for number, name in enumerate(names)}
    return table.sort_values("attack", key=lambda column: column.map(order), kind="stable", ignore_index=True)


def offered() -> list[str]:
    """The protections that work here, but for none at all."""
    return [level for level in LEVELS if level != "none" and _works(level)]


def _works(level: str) -> bool:
    try:
        return protection(level) == level
    except SandboxUnavailable:
        return False


def _share(share: tuple[str, list[str]]) -> list[dict]:
    """The rows of some attacks behind a level, made by a process without threads, which can be forked."""
    level, names = share
    done = subprocess.run([sys.executable, "-m", "attacks.sandbox.attempt", level], input="\n".join(names), text=True,
                          stdout=subprocess.PIPE, check=True, cwd=ROOT)
    rows = [{"row": "sandbox", **json.loads(line)} for line in done.stdout.splitlines()]
    return [{**row, "tried": int(row["tried"]), "through": int(row["through"])} for row in rows]


def main(argv: list[str] | None = None) -> int:
    """The command line; the status it ends with: 0 where nothing got through."""
    parser = argparse.ArgumentParser(prog="python -m attacks.programs", description=__doc__.splitlines()[0])
    parser.add_argument("--protection", type=lambda text: text.split(","), default=offered(),
                        help=f"comma-separated, of {', '.join(LEVELS)} (default: those that work here)")
    given = parser.parse_args(argv)
    if unknown := [level for level in given.protection if level not in LEVELS]:
        parser.error(f"unknown protection {unknown[0]!r}; choose among {', '.join(LEVELS)}")
    table, unwalled = run(given.protection), run(["none"])
    table.insert(5, "unwalled", table["attack"].map(unwalled.set_index("attack")["through"]))
    save(table, "programs")
    print(table.drop(columns="row").to_string(index=False, max_colwidth=70))
    print(table.groupby("protection")[["tried", "through", "unwalled"]].sum().to_string())
    return int(table["through"].sum() > 0)


if __name__ == "__main__":
    raise SystemExit(main())
