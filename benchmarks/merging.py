"""How fast `merge` is, and how little it holds, beside mergekit: five experts of Qwen3-0.6B's shapes in bf16.

    python benchmarks/merging.py [--folder DIR] [--size "0.6 B"]      # makes 9 GB in DIR for the time

Every merge runs in a process of its own, on files read beforehand, and is timed from the call to the return, without
imports; compilation, which happens once a machine, is done before. Ours is on the disk (fsync) by then; mergekit's may
be in the page cache, and is timed once more with the time that a sync takes. mergekit computes in fp32, as ours does,
and as its own default would, in bf16. Memory is anonymous resident memory above that before the call. Prints a table
and writes it beside this file, as merging.md.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
from measure import machine, markdown, peak_anonymous, publish, read_bytes
from qwen import QWEN, make, parameters

OURS = {
    "average": {}, "task_arithmetic": {}, "sce": {}, "ties, global": {"trim": "global"},
    "ties, per_tensor": {"trim": "per_tensor"}, "dare_task_arithmetic": {}, "dare_ties, global": {},
}
THEIRS = {"average": "linear", "task_arithmetic": "task_arithmetic", "sce": "sce", "ties, per_tensor": "ties"}
"""Ours -> mergekit's method of the same definition."""
DENSITY = 0.2


def ours(base: str, models: dict[str, str], out: str, case: str) -> None:
    from training import merge

    merge(base, models, out, case.split(",")[0], progress=False, overwrite=True, **OURS[case])


def theirs(base: str, models: dict[str, str], out: str, case: str, dtype: str) -> None:
    from mergekit.config import MergeConfiguration
    from mergekit.merge import run_merge
    from mergekit.options import MergeOptions

    method = THEIRS[case]
    parameters = {} if method == "sce" else {"weight": 1.0}
    if method == "ties":
        parameters["density"] = DENSITY
    config = {"merge_method": method, "dtype": dtype, "out_dtype": "bfloat16",
              "models": [{"model": model, "parameters": parameters} for model in models.values()]}
    if method != "linear":
        config["base_model"] = base
    options = MergeOptions(copy_tokenizer=False, quiet=True, write_model_card=False)
    run_merge(MergeConfiguration.model_validate(config), out, options)


def once(chosen: argparse.Namespace) -> None:
    """One merge, in this process: prints seconds, seconds with a sync, and MB."""
    import mergekit.merge  # noqa: F401  (imports are not timed)

    import training.merging.stream  # noqa: F401

    arguments = json.loads(chosen.once)
    work = theirs if "dtype" in arguments else ours
    if work is ours:
        import training.merging.report  # noqa: F401
    start, spent = time.perf_counter(), {}

    def run() -> None:
        work(**arguments)
        spent["s"] = time.perf_counter() - start
        os.sync()
        spent["s, synced"] = time.perf_counter() - start

    spent["peak, MB"] = peak_anonymous(run)
    print(json.dumps(spent))


def measured(base: Path, models: dict[str, Path], out: Path, case: str, dtype: str | None, repeat: int) -> dict:
    """The fastest of some runs of one merge."""
    arguments = {"base": str(base), "models": {name: str(path) for name, path in models.items()}, "out": str(out),
                 "case": case} | ({"dtype": dtype} if dtype else {})
    found = []
    for _ in range(repeat):
        read_bytes([base, *models.values()])
        shutil.rmtree(out, ignore_errors=True)
        os.sync()
        text = subprocess.run([sys.executable, __file__, "--once", json.dumps(arguments)], check=True,
                              stdout=subprocess.PIPE, text=True).stdout
        found.append(json.loads(text.splitlines()[-1]))
    fastest = min(found, key=lambda one: one["s"])
    print(case, dtype or "ours", fastest, file=sys.stderr)
    return fastest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, help="where to make the checkpoints (default: the temporary folder)")
    parser.add_argument("--size", choices=list(QWEN), default="0.6 B")
    parser.add_argument("--once", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.once:
        return once(chosen)
    about = machine("mergekit", "torch", "numba", "numpy")
    folder = Path(tempfile.mkdtemp(prefix="merging-", dir=chosen.folder))
    try:
        base, models = make(folder, chosen.size)
        small = make(folder, "0.1 B") if chosen.size != "0.1 B" else (base, models)
        rows = []
        for case in OURS:
            measured(*small, folder / "out", case, None, 1)  # compiles
            row = {"merge": case, **measured(base, models, folder / "out", case, None, 2)}
            for dtype in ("float32", "bfloat16") if case in THEIRS else ():
                other = measured(base, models, folder / "out", case, dtype, 1)
                row |= {f"mergekit {dtype}, {name}": value for name, value in other.items()}
                row |= {f"mergekit {dtype} : ours": other["s"] / row["s"]}
            rows.append(row)
    finally:
        shutil.rmtree(folder)
    text = (f"`python benchmarks/merging.py`, five experts of {parameters(chosen.size):,} weights, {about}\n\n"
            f"{markdown(pd.DataFrame(rows))}\n")
    publish(__file__, text)


if __name__ == "__main__":
    main()
