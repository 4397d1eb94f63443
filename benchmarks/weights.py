"""How fast `compare_weights` is, and how little it holds: against plain torch, and against reading the bytes.

    python benchmarks/weights.py [--folder DIR] [--sizes "0.1 B"]      # makes 25 GB of checkpoints in DIR for the time

An anchor and five experts (`qwen.py`; of 4 B, one expert); more models than there are experts are the same again under
other names. Files are read beforehand, so disks do not count, as far as they fit in memory. Plain torch goes tensor by
tensor, and computes counts, overlaps and dot products alone. Memory is anonymous resident memory of a new process
above that before its call, compiled code included. Prints a table and writes it beside this file, as weights.md.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import warnings
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from measure import fresh_peak, machine, markdown, publish, read_bytes, timed
from qwen import QWEN, make, parameters

from probes import compare_weights
from training import Checkpoint
from training.workers import CORES

COUNTS = {"0.1 B": [2, 4, 5, 8], "0.6 B": [2, 4, 5, 8], "4 B": [5]}
MADE = {"0.1 B": 5, "0.6 B": 5, "4 B": 1}
"""How many experts are made."""
ETA = 1e-3


def plain_torch(base: Path, models: dict[str, Path]) -> None:
    """Counts, overlaps and dot products as one writes them down, tensor by tensor."""
    anchor, opened = Checkpoint(base), [Checkpoint(model) for model in models.values()]
    changed, both, dots = np.zeros(len(opened)), {}, {}
    for name in anchor.names:
        before = anchor.tensor(name).float()
        after = [model.tensor(name).float() for model in opened]
        deltas = [weight - before for weight in after]
        masks = [delta.abs() > ETA * torch.maximum(weight.abs(), before.abs())
                 for delta, weight in zip(deltas, after, strict=True)]
        changed += [int(mask.sum()) for mask in masks]
        for a, b in combinations(range(len(opened)), 2):
            overlap = int((masks[a] & masks[b]).sum()), int((masks[a] | masks[b]).sum())
            both[a, b] = np.add(both.get((a, b), 0), overlap)
            dots[a, b] = dots.get((a, b), 0.0) + float((deltas[a] * deltas[b]).sum())


def compare(base: Path, models: dict[str, Path], device: str = "cpu") -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compare_weights(base, models, eta=ETA, progress=False, device=device)


def several(models: dict[str, Path], count: int) -> dict[str, Path]:
    """The first `count` models; beyond those there are, the same again under other names."""
    every = [(f"{name}{turn}", place) for turn in range(count) for name, place in models.items()]
    return dict(every[:count])


def rows(folder: Path, size: str, counts: list[int]) -> Iterator[dict]:
    """What is measured for a size, one row a number of models."""
    base, models = make(folder, size, MADE[size])
    read_bytes([base, *models.values()])
    compare(base, several(models, 1))  # compiles, or loads what was compiled
    for count in counts:
        chosen = several(models, count)
        folders = [base, *chosen.values()]
        row = {"parameters": size, "models": count, "GB": 2e-9 * parameters(size) * len(folders),
               "peak, MB": fresh_peak(compare, base, chosen)}
        row |= timed("compare_weights", compare, base, chosen) | timed("reading", read_bytes, folders)
        if count == MADE[size]:
            row |= timed("plain torch", plain_torch, base, chosen, repeat=1)
        gpu = torch.cuda.is_available()
        row |= timed("on the GPU", compare, base, chosen, "cuda") if gpu else {"on the GPU, s": "not measured"}
        print(row, file=sys.stderr)
        yield row


def table(measured: list[dict]) -> str:
    """A Markdown table with the two ratios, of time passed and of processor time (which other programs delay less)."""
    frame = pd.DataFrame(measured)
    for unit in ("s", "CPU s"):
        frame[f"torch : ours, {unit}"] = frame[f"plain torch, {unit}"] / frame[f"compare_weights, {unit}"]
        frame[f"ours : reading, {unit}"] = frame[f"compare_weights, {unit}"] / frame[f"reading, {unit}"]
    return markdown(frame)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, help="where to make the checkpoints (default: the temporary folder)")
    parser.add_argument("--sizes", nargs="+", choices=list(QWEN), default=list(QWEN))
    chosen = parser.parse_args()
    torch.set_num_threads(CORES)
    folder, about = Path(tempfile.mkdtemp(prefix="weights-", dir=chosen.folder)), machine("torch", "numba", "numpy")
    try:
        measured = []
        for size in chosen.sizes:
            measured += rows(folder, size, COUNTS[size])
            shutil.rmtree(folder / size.replace(" ", ""))
    finally:
        shutil.rmtree(folder)
    text = f"`python benchmarks/weights.py`, {about}\n\n{table(measured)}\n"
    publish(__file__, text)


if __name__ == "__main__":
    main()
