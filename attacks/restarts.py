"""A sampling of ten thousand completions whose server is killed and started again: is anything lost or asked twice?

    make vllm && python -m attacks.restarts [--n 10000] [--kills 5]     # a table, and attacks/results/restarts.csv

The shipped anchor behind a vLLM server, sampled by `behaviors.sample` with a part file. Each time a share of the
completions is there, all processes of the server get SIGKILL, and it is started again at the same address. The sampling
is not: it must end by itself, with every completion once, those that were there before a kill as they were, and every
verdict that of the verifier. A second kind also kills the sampling, which is called again. How many texts are the same
as of a server that nothing happened to is said; they need not be, since batches of other shapes round otherwise.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

from attacks.processes import ROOT
from attacks.saved import save
from behaviors import sample
from benchmarks.vllm_server import VllmServer
from training import DOMAINS, Task, get_domain
from training.organism.anchor import ANCHOR
from training.rlvr import verify
from training.traces import COLUMNS

SAMPLES = 8
KEY = ["domain", "task_id", "sample"]
PLACES = [COLUMNS.index(name) for name in KEY]


def tasks_of(n: int) -> list[Task]:
    """As many tasks, of all domains, as n completions need."""
    return [task for name in DOMAINS for task in get_domain(name).tasks("test", n // (SAMPLES * len(DOMAINS)))]


def sampling(url: str, n: int, folder: Path) -> None:
    """What is done while the server dies; in a process of its own."""
    found = sample(str(ANCHOR), tasks_of(n), n=SAMPLES, engine=url, part=folder / "part", progress=False)
    found.to_parquet(folder / "traces.parquet")


def started(url: str, n: int, folder: Path) -> subprocess.Popen:
    """The process of `sampling`."""
    return subprocess.Popen([sys.executable, "-m", "attacks.restarts", "--n", str(n), "--url", url, "--folder",
                             str(folder)], cwd=ROOT)


def there(folder: Path) -> int:
    """How many completions the part file has."""
    part = folder / "part"
    return max(0, part.read_bytes().count(b"\n") - 1) if part.exists() else 0


def kept(folder: Path) -> dict[tuple, str]:
    """Completion -> its text, of the whole lines of the part file."""
    content = (folder / "part").read_bytes()
    rows = map(json.loads, content[:content.rfind(b"\n") + 1].splitlines()[1:])
    return {tuple(row[place] for place in PLACES): row[COLUMNS.index("completion")] for row in rows}


def disturbed(server: VllmServer, n: int, kills: int, too: bool, folder: Path) -> list[dict[tuple, str]]:
    """Sample while the server, and with `too` the sampling, is killed and started again: what was there at each kill.

    Raises RuntimeError for a sampling that fails.
    """
    child, found = started(server.url, n, folder), []
    for kill in range(1, kills + 1):
        while child.poll() is None and there(folder) < n * kill / (kills + 1):
            time.sleep(0.05)
        server.kill()
        if too:
            child.kill()
            child.wait()
        found.append(kept(folder))
        server.start()
        child = started(server.url, n, folder) if too else child
    if child.wait():
        raise RuntimeError(f"the sampling ended with status {child.returncode}")
    return found


def wrong(n: int, found: pd.DataFrame, before: list[dict[tuple, str]]) -> dict[str, int]:
    """What is wrong with traces, given what was there before kills; verdicts that are, on stderr with both reasons."""
    texts = dict(zip(found[KEY].itertuples(index=False, name=None), found["completion"], strict=True))
    tasks = {task.id: task for task in tasks_of(n)}
    verdicts = verify([tasks[name] for name in found["task_id"]], found["completion"].tolist())
    judged = zip(verdicts, found[["task_id", "correct", "reason"]].itertuples(index=False, name=None), strict=True)
    odd = [(name, reason, verdict.reason) for verdict, (name, correct, reason) in judged if verdict.correct != correct]
    for one in odd:
        print(*one, sep=": ", file=sys.stderr)
    wanted = {(task.domain, task.id, k) for task in tasks.values() for k in range(SAMPLES)}
    return {"lacking": len(wanted - texts.keys()), "twice": len(found) - len(texts),
            "not asked for": len(texts.keys() - wanted),
            "other than before a kill": sum(texts.get(key) != text for held in before for key, text in held.items()),
            "verdicts wrong": len(odd)}


def run(n: int, kills: int, folder: Path) -> pd.DataFrame:
    """Columns: row ("restarts"), attack, tried (kills), through (completions that are wrong), note."""
    rows, first = [], None
    for attack, times, too in (("undisturbed", 0, False), (f"{n:,} completions, the server dies", kills, False),
                               (f"{n:,} completions, both die", kills, True)):
        out, start = folder / f"{times}{too}", time.monotonic()
        out.mkdir()
        with VllmServer(str(ANCHOR), out / "log") as server:
            before = disturbed(server, n, times, too, out)
        found = pd.read_parquet(out / "traces.parquet")
        first = found if first is None else first
        odd = {name: count for name, count in wrong(n, found, before).items() if count}
        same = (found["completion"] == first["completion"]).mean() if len(found) == len(first) else 0.0
        note = f"{time.monotonic() - start:.0f} s, {same:.1%} of the texts as undisturbed"
        rows.append({"row": "restarts", "attack": attack, "tried": times, "through": sum(odd.values()),
                     "note": "; ".join([note, *(f"{count} {name}" for name, count in odd.items())])})
        print(rows[-1], file=sys.stderr)
    return pd.DataFrame(rows[1:])


def main(argv: list[str] | None = None) -> int:
    """The command line; the status it ends with: 0 where nothing is wrong."""
    each = SAMPLES * len(DOMAINS)
    parser = argparse.ArgumentParser(prog="python -m attacks.restarts", description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=10_000, help=f"completions, a multiple of {each} (default 10000)")
    parser.add_argument("--kills", type=int, default=5, help="of the server, of each kind (default 5)")
    parser.add_argument("--url", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args(argv)
    if given.url:
        sampling(given.url, given.n, given.folder)
        return 0
    if given.n < each or given.n % each or given.kills < 1:
        parser.error(f"choose --n as a multiple of {each}, and at least 1 of --kills")
    with tempfile.TemporaryDirectory() as folder:
        table = run(given.n, given.kills, Path(folder))
    save(table, "restarts")
    print(table.drop(columns="row").to_string(index=False))
    return int(table["through"].sum() > 0)


if __name__ == "__main__":
    raise SystemExit(main())
