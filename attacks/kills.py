"""SIGKILL at random moments of everything that takes long, then the same again: does it end as if nothing had happened?

    python -m attacks.kills [--n 50] [--seed 0] [--only merge,sampling]

Each job is started in a process group of its own, killed with all that it started, half the time at a random moment of
its duration, half the time at a random one of its own file operations (where a moment would hardly ever hit), and then
started again, to end. Then its files must be those of a job that nothing happened to: byte for byte, but for seconds,
and no file more or less. A kill that finds only half of a file where a reader would look shows as an error of the
second start. Writes attacks/results/kills.csv.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from attacks import jobs
from attacks.killing import kill_at
from attacks.saved import RESULTS, save


def run(n: int, seed: int, only: list[str], folder: Path, progress: bool = True) -> pd.DataFrame:
    """Kill every job `n` times. Columns: row, attack, tried, through (ends that differ), note."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["attacks.jobs", "torch", "transformers", "trl", "pandas"])
    chosen = random.Random(seed)
    return pd.DataFrame([_kill(context, name, n, chosen, folder / name, progress) for name in only])


def _kill(context, name: str, n: int, chosen: random.Random, folder: Path, progress: bool) -> dict:
    """The row of a job."""
    shared = folder / "shared"
    shared.mkdir(parents=True)
    jobs.JOBS[name].prepare(shared)
    started = time.perf_counter()
    operations = _start(context, name, shared, folder / "whole")
    seconds, whole, odd, kills = time.perf_counter() - started, digests(folder / "whole"), [], 0
    while kills < n:
        out = folder / "killed"
        moment = {"after": chosen.uniform(0, seconds)} if kills % 2 else {"operation": chosen.randrange(operations)}
        if _start(context, name, shared, out, **moment) is None:  # else it was over before its time
            kills += 1
            ended = _start(context, name, shared, out) is not None
            if not ended or digests(out) != whole:
                odd.append(f"{moment}: {difference(whole, digests(out)) if ended else 'the second start failed'}")
            if progress:
                print(f"{name}: {kills} of {n} kills, {len(odd)} through {odd[-1:]}", file=sys.stderr)
        shutil.rmtree(out)
    return {"row": "kills", "attack": name, "tried": n, "through": len(odd), "note": odd[0] if odd else ""}


def _start(context, name: str, shared: Path, out: Path, after: float | None = None,
           operation: int | None = None) -> int | None:
    """Do a job in a process group; how many file operations it did, or None where it was killed or failed."""
    received, sent = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(name, shared, out, operation, sent))
    process.start()
    sent.close()
    process.join(after)
    try:
        os.killpg(process.pid, signal.SIGKILL)  # also what it started; nothing where all is over
    except ProcessLookupError:
        pass
    process.join()
    return received.recv() if process.exitcode == 0 else None


def _child(name: str, shared: Path, out: Path, operation: int | None, sent) -> None:
    os.setpgid(0, 0)
    out.mkdir(parents=True, exist_ok=True)
    seen = kill_at(operation, lambda: os.killpg(0, signal.SIGKILL))
    jobs.JOBS[name].work(shared, out)
    sent.send(seen())
    os._exit(0)  # workers that it keeps would be waited for; they end with its group


def digests(folder: Path) -> dict[str, str]:
    """Name -> digest of every file in a folder; of JSON and CSV without what is measured in seconds.

    Hidden folders are left out: what a killed writer had aside is nobody's to read, and goes with the next writing.
    """
    names = [file.relative_to(folder) for file in sorted(folder.rglob("*")) if file.is_file()]
    return {str(name): _digest(folder / name) for name in names if not any(part.startswith(".") for part in name.parts)}


def _digest(file: Path) -> str:
    if file.suffix == ".csv" and file.read_bytes().strip():  # a table may be empty
        table = pd.read_csv(file, dtype=str)
        content = table[[name for name in table if not name.endswith("seconds")]].to_csv().encode()
    elif file.suffix == ".json":
        content = json.dumps(_without_seconds(json.loads(file.read_text(encoding="utf-8")))).encode()
    else:
        content = file.read_bytes()
    return hashlib.sha256(content).hexdigest()


def _without_seconds(held):
    if isinstance(held, dict):
        return {key: _without_seconds(value) for key, value in held.items() if key != "seconds"}
    return [_without_seconds(value) for value in held] if isinstance(held, list) else held


def difference(whole: dict[str, str], found: dict[str, str]) -> str:
    """How the files of two jobs differ."""
    kinds: dict[str, Callable[[str], bool]] = {
        "lacks": lambda name: name not in found, "has also": lambda name: name not in whole,
        "differs in": lambda name: name in found and name in whole and found[name] != whole[name]}
    names = {kind: [name for name in sorted({*whole, *found}) if of(name)] for kind, of in kinds.items()}
    return "; ".join(f"{kind} {', '.join(those)}" for kind, those in names.items() if those)


def with_others(table: pd.DataFrame, file: Path) -> pd.DataFrame:
    """The rows, after those that a file has of other jobs."""
    if not file.is_file():
        return table
    held = pd.read_csv(file, keep_default_na=False)
    return pd.concat([held[~held["attack"].isin(table["attack"])], table])


def main(argv: list[str] | None = None) -> int:
    """The command line; the status it ends with: 0 where nothing got through."""
    parser = argparse.ArgumentParser(prog="python -m attacks.kills", description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=50, help="kills of each job (default 50)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=lambda text: text.split(","), default=list(jobs.JOBS),
                        help=f"comma-separated, of {', '.join(jobs.JOBS)} (default all)")
    given = parser.parse_args(argv)
    if unknown := [name for name in given.only if name not in jobs.JOBS]:
        parser.error(f"unknown job {unknown[0]!r}; choose among {', '.join(jobs.JOBS)}")
    with tempfile.TemporaryDirectory() as folder:
        table = run(given.n, given.seed, given.only, Path(folder))
    save(with_others(table, RESULTS / "kills.csv"), "kills")
    print(table.to_string(index=False))
    return int(table["through"].sum() > 0)


if __name__ == "__main__":
    raise SystemExit(main())
