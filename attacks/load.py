"""A hundred thousand traces through the trace store, the tagger and the tables of the studies: within 4 GB?

    python -m attacks.load [--traces 100000]      # a table, and attacks/results/load.csv; half an hour on 2 cores

The traces are those of a study over five seeds of ten models, each a worked solution of the organism's corpus to the
task it answers, behind others that make it as long as CHARACTERS, and judged by the domain's verifier. The models are
there only to judge a few of them. Each step is a process of its own, watched with all that it starts: it goes through
where it fails, gives something else than what the traces hold, or takes more memory than MOST.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from functools import cache
from itertools import product
from pathlib import Path

import pandas as pd

from attacks.processes import watched
from attacks.saved import save
from behaviors.judge import KEYS
from behaviors.store import TraceStore, traces_of, write
from behaviors.tagger import main as tagging
from studies import self_verification, synergy
from training import DOMAINS, Zoo, get_domain
from training.domains.task import split_reasoning
from training.manifest import Manifest
from training.organism.anchor import ANCHOR
from training.organism.corpus import Corpus
from training.pieces import run_pieces
from training.rlvr import verify
from training.rollouts import Rollout
from training.traces import COLUMNS, _row

MOST = 4 << 30
"""Bytes of memory."""
SEEDS, SAMPLES, MERGES = 5, 4, ("average", "task_arithmetic", "ties")
MODELS = ("anchor", *(f"expert-{domain}" for domain in DOMAINS), "mixed", *(f"merged-{method}" for method in MERGES))
CHARACTERS = 2_000
"""Of a trace, at least."""
FILLERS = 2_000
"""Worked solutions that traces are filled up with."""
JUDGED = 8
"""Tasks whose traces are judged, of each domain."""


def make(folder: Path, tasks: int) -> None:
    """Zoos seed0, seed1, ... in a folder, whose stores hold traces of the first `tasks` tasks of every domain."""
    jobs = []
    for seed in range(SEEDS):
        zoo, place = folder / f"seed{seed}", str(ANCHOR)
        Zoo(zoo, Manifest(f"load/seed{seed}", "organism", seed, place, domains=list(DOMAINS), mixed=place,
                          experts=dict.fromkeys(DOMAINS, place), merged=dict.fromkeys(MERGES, place),
                          runs={f"expert-{domain}": {"tokens": 1000, "optimizer_steps": 24} for domain in DOMAINS}
                          )).save()
        jobs += [(str(zoo), model, domain, tasks, seed) for model, domain in product(MODELS, DOMAINS)]
    run_pieces(write_traces, jobs, "writing traces", unit="file")


def write_traces(zoo: str, model: str, domain: str, n_tasks: int, seed: int) -> None:
    """The store's file of one model on one domain."""
    tasks = [task for task in get_domain(domain).tasks("test", n_tasks, seed=0) for _ in range(SAMPLES)]
    rng, corpus = random.Random(f"{model}/{domain}/{seed}"), Corpus()
    texts = [filled(corpus.solved(task, rng).text, rng) for task in tasks]
    done = [Rollout([], own=[1] * (len(text) // 3), text=text, n_turns=1) for text in texts]
    rows = [_row(model, task, place % SAMPLES, one, verdict, seed)
            for place, (task, one, verdict) in enumerate(zip(tasks, done, verify(tasks, texts), strict=True))]
    write(pd.DataFrame(rows, columns=COLUMNS), Path(zoo) / "traces" / model / f"{domain}-{seed}.parquet")


def filled(text: str, rng: random.Random) -> str:
    """A trace whose reasoning begins with that of other tasks, until it has CHARACTERS."""
    before, size = [], len(text)
    while size < CHARACTERS:
        before.append(rng.choice(fillers()))
        size += len(before[-1])
    return text.replace("<think>", "<think>" + "".join(before), 1)


@cache
def fillers() -> list[str]:
    """The reasoning of worked solutions."""
    corpus, rng = Corpus(), random.Random("fillers")
    return [split_reasoning(corpus.worked("math", index, rng)[1].text)[0] + " " for index in range(FILLERS)]


def zoos(folder: Path) -> list[Zoo]:
    return [Zoo.load(folder / f"seed{seed}") for seed in range(SEEDS)]


def store(folder: Path, tasks: int) -> int:
    """Read all traces; how many there are, each counted once."""
    found = traces_of([TraceStore(zoo, progress=False) for zoo in zoos(folder)], None, None, tasks, SAMPLES)
    found.to_parquet(folder / "traces.parquet")
    return len(found.drop_duplicates([*KEYS, "completion"]))


def tagger(folder: Path, tasks: int) -> int:
    """Tag all by the command line; how many have tags."""
    if tagging([str(folder / "traces.parquet"), "--out", str(folder / "tags.parquet")]):
        return 0
    return pd.read_parquet(folder / "tags.parquet", columns=["text_id"])["text_id"].nunique()


def synergy_tables(folder: Path, tasks: int) -> int:
    """The tables of a study of accuracy; how many traces stand behind them."""
    synergy.run(zoos(folder), folder / "synergy", progress=False, sizes=(tasks, SAMPLES))
    return _behind(folder / "synergy")


def self_verification_tables(folder: Path, tasks: int) -> int:
    """The tables of a study that tags, judges and audits; how many traces stand behind them."""
    sizes = self_verification.Sizes(tasks, SAMPLES, min(tasks, JUDGED))
    self_verification.run(zoos(folder), folder / "self_verification", progress=False, sizes=sizes)
    return _behind(folder / "self_verification")


def _behind(out: Path) -> int:
    """How many traces stand behind the accuracies of a study."""
    table = pd.read_csv(out / "accuracy.csv")
    table = table[table["domain"].isin(DOMAINS)]  # without their mean
    return int((table["n_tasks"] * table["n_seeds"]).sum()) * SAMPLES


STEPS = {step.__name__: step for step in (store, tagger, synergy_tables, self_verification_tables)}


def run(traces: int, folder: Path) -> pd.DataFrame:
    """Columns: row ("load"), attack (the step), tried (1), through, note."""
    tasks = traces // (SEEDS * SAMPLES * len(MODELS) * len(DOMAINS))
    make(folder, tasks)
    return pd.DataFrame([_row_of(step, traces, tasks, folder) for step in STEPS])


def _row_of(step: str, traces: int, tasks: int, folder: Path) -> dict:
    """Go one step in a process of its own."""
    start = time.monotonic()
    status, most, said = watched("attacks.load", "--step", step, "--folder", str(folder), "--tasks", str(tasks))
    counted = (said.splitlines() or ["nothing"])[-1]  # a step may say more before
    wrong = "" if counted == str(traces) else f"; {counted} of {traces} traces"
    note = f"{time.monotonic() - start:.0f} s, at most {most / 2**30:.2f} GB{wrong}"
    print(f"{step}: {note}", file=sys.stderr)
    return {"row": "load", "attack": f"{traces:,} traces: {step.replace('_', ' ')}", "tried": 1,
            "through": int(bool(status or wrong or most > MOST)), "note": note}


def main(argv: list[str] | None = None) -> int:
    """The command line; the status it ends with: 0 where nothing got through."""
    each = SEEDS * SAMPLES * len(MODELS) * len(DOMAINS)
    parser = argparse.ArgumentParser(prog="python -m attacks.load", description=__doc__.splitlines()[0])
    parser.add_argument("--traces", type=int, default=100_000, help=f"a multiple of {each} (default 100000)")
    for name, kind in (("step", str), ("folder", Path), ("tasks", int)):
        parser.add_argument(f"--{name}", type=kind, help=argparse.SUPPRESS)
    given = parser.parse_args(argv)
    if given.step:
        print(STEPS[given.step](given.folder, given.tasks))
        return 0
    if given.traces < each or given.traces % each:
        parser.error(f"--traces is {given.traces}; choose a multiple of {each}")
    with tempfile.TemporaryDirectory() as folder:
        table = run(given.traces, Path(folder))
    save(table, "load")
    print(table.drop(columns="row").to_string(index=False))
    return int(table["through"].sum() > 0)


if __name__ == "__main__":
    raise SystemExit(main())
