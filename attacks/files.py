"""Files from strangers: checkpoints, indexes, tokenizers, zoos, traces and comparisons that lie, bomb or bring code.

    python -m attacks.files

Each attack writes its files into a folder and lets the package's public functions read them, in a process with 6 GB of
memory and a minute. It got through where a canary is touched, a file outside of the folder is read or written, the
process hangs or dies, or the error is no sentence of the package's own. Writes attacks/results/files.csv.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import shutil
import sys
import tempfile
from pathlib import Path

import pandas as pd

from attacks.saved import save
from attacks.strangers import CANARY, Attack, attacks

MEMORY, SECONDS = 6 << 30, 60


def run(chosen: list[Attack], folder: Path) -> pd.DataFrame:
    """Try the attacks. Columns: row, attack, tried, through, note."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["attacks.jobs", "torch", "transformers", "pandas", "training.merging", "probes"])
    rows = []
    for number, attack in enumerate(chosen):
        place = folder / str(number)
        place.mkdir()
        note = _try(context, chosen.index(attack), place)
        print(f"{number + 1} of {len(chosen)}: {attack.name}: {note or 'held'}", file=sys.stderr)
        rows.append({"row": "hostile files", "attack": f"{attack.name} ({attack.read.__name__})", "tried": 1,
                     "through": int(bool(note)), "note": note})
        shutil.rmtree(place)
    return pd.DataFrame(rows)


def _try(context, number: int, folder: Path) -> str:
    """How an attack got through, or ""."""
    received, sent = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(number, folder, sent))
    process.start()
    sent.close()
    process.join(SECONDS)
    if process.is_alive():
        process.kill()
        process.join()
        return f"not over in {SECONDS} s"
    if process.exitcode:
        return f"status {process.exitcode}"
    return received.recv()


def _child(number: int, folder: Path, sent) -> None:
    from probes.sources import ProbeError
    from studies.harness import ERRORS

    attack, known = attacks()[number], {path.name for path in folder.parent.iterdir()}
    os.chdir(folder)
    attack.write(folder)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    try:
        attack.read(folder)
        note = "was not refused" if attack.refused else ""
    except (*ERRORS, ProbeError, ValueError) as error:
        note = "" if len(str(error)) < 500 else f"an error of {len(str(error))} characters"
    except Exception as error:
        note = f"{type(error).__name__}: {str(error)[:200]}"
    if (folder / CANARY).exists() or (folder / "CANARY").exists():
        note = "its code ran"
    if new := {path.name for path in folder.parent.iterdir()} - known:
        note = f"wrote outside: {', '.join(sorted(new))}"
    sent.send(note)


def main(argv: list[str] | None = None) -> int:
    """The command line; the status it ends with: 0 where nothing got through."""
    argparse.ArgumentParser(prog="python -m attacks.files", description=__doc__.splitlines()[0]).parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        table = run(attacks(), Path(folder))
    save(table, "files")
    through = table[table["through"] > 0]
    print(f"{len(table)} attacks, {len(through)} got through", *through.to_string(index=False).splitlines(), sep="\n")
    return int(len(through) > 0)


if __name__ == "__main__":
    sys.exit(main())
