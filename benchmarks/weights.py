"""How fast `compare_weights` is, and how little it holds: against plain torch, and against reading the bytes.

    python benchmarks/weights.py [--folder DIR] [--sizes "0.1 B"]      # makes 25 GB of checkpoints in DIR for the time

Checkpoints have Qwen3's shapes (untrained weights), bf16, four shards each: an anchor, and five experts that differ
from it in about 30 % of the entries, by noise that is rounded to bf16 as in training; of 4 B, one expert. More models
than there are experts are the same again under other names. Files are read beforehand, so disks do not count. Plain
torch goes tensor by tensor, and computes counts, overlaps and dot products alone. Memory is anonymous resident memory
above that before the call, sampled every 5 ms. Prints a table and writes it beside this file, as weights.md.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import shutil
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from safetensors.torch import save_file

from probes import compare_weights
from training import Checkpoint
from training.shards import INDEX
from training.workers import CORES

QWEN = {  # hidden size, layers, heads, key-value heads, feed-forward size, vocabulary
    "0.1 B": (384, 16, 8, 4, 1536, 151_936), "0.6 B": (1024, 28, 16, 8, 3072, 151_936),
    "4 B": (2560, 36, 32, 8, 9728, 151_936),
}
COUNTS = {"0.1 B": [2, 4, 5, 8], "0.6 B": [2, 4, 5, 8], "4 B": [5]}
MADE = {"0.1 B": 5, "0.6 B": 5, "4 B": 1}
"""How many experts are made."""
EXPERTS = ("math", "coding", "science", "instructions", "agent")
SHARDS, HEAD, ETA, NOISE, POOL = 4, 128, 1e-3, 2.8e-5, 2**22 - 1


def shapes(hidden: int, layers: int, heads: int, kv: int, feed: int, vocabulary: int) -> dict[str, tuple[int, ...]]:
    """Name -> shape of a Qwen3's tensors; the output head is tied to the embedding."""
    found = {"model.embed_tokens.weight": (vocabulary, hidden), "model.norm.weight": (hidden,)}
    for layer in range(layers):
        block = {"self_attn.q_proj": (heads * HEAD, hidden), "self_attn.k_proj": (kv * HEAD, hidden),
                 "self_attn.v_proj": (kv * HEAD, hidden), "self_attn.o_proj": (hidden, heads * HEAD),
                 "self_attn.q_norm": (HEAD,), "self_attn.k_norm": (HEAD,), "mlp.gate_proj": (feed, hidden),
                 "mlp.up_proj": (feed, hidden), "mlp.down_proj": (hidden, feed), "input_layernorm": (hidden,),
                 "post_attention_layernorm": (hidden,)}
        found |= {f"model.layers.{layer}.{name}.weight": shape for name, shape in block.items()}
    return found


def make(folder: Path, size: str) -> tuple[Path, dict[str, Path]]:
    """The anchor and the experts of a size, written to a new folder."""
    places = {name: folder / size.replace(" ", "") / name for name in ("anchor", *EXPERTS[:MADE[size]])}
    parts = [list(shapes(*QWEN[size]).items())[start::SHARDS] for start in range(SHARDS)]
    pools = [torch.from_numpy(np.random.default_rng(seed).standard_normal(POOL, np.float32))
             for seed in range(len(places))]
    for seed, place in enumerate(places.values()):
        place.mkdir(parents=True)
        weight_map = {}
        for number, part in enumerate(parts, 1):
            file = f"model-{number:05d}-of-{SHARDS:05d}.safetensors"
            save_file({name: weights(shape, pools[0], pools[seed] if seed else None) for name, shape in part},
                      place / file)
            weight_map |= {name: file for name, _ in part}
        (place / INDEX).write_text(json.dumps({"weight_map": weight_map}))
    return places.pop("anchor"), places


def weights(shape: tuple[int, ...], anchor: torch.Tensor, noise: torch.Tensor | None) -> torch.Tensor:
    """The anchor's weights in bf16, or these with an expert's noise; both repeat a pool of random numbers."""
    n = torch.Size(shape).numel()
    base = (0.02 * anchor).repeat(-(-n // POOL))[:n].bfloat16()
    if noise is not None:
        base = (base.float() + NOISE * noise.repeat(-(-n // POOL))[:n]).bfloat16()
    return base.reshape(shape)


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


def read_bytes(folders: list[Path]) -> None:
    """Read every shard once into a buffer, one thread a core."""
    def read(file: Path) -> None:
        buffer = bytearray(2**24)
        with file.open("rb", buffering=0) as stream:
            while stream.readinto(buffer):
                pass

    with ThreadPoolExecutor(CORES) as pool:
        list(pool.map(read, [file for folder in folders for file in sorted(folder.glob("*.safetensors"))]))


def compare(base: Path, models: dict[str, Path], device: str = "cpu") -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compare_weights(base, models, eta=ETA, progress=False, device=device)


def timed(name: str, work, *arguments, repeat: int = 2) -> dict[str, float]:
    """Seconds that pass, and seconds of processor time, of the fastest of `repeat` calls."""
    seconds = []
    for _ in range(repeat):
        start, used = time.perf_counter(), time.process_time()
        work(*arguments)
        seconds.append((time.perf_counter() - start, time.process_time() - used))
    return {f"{name}, s": min(seconds)[0], f"{name}, CPU s": min(seconds)[1]}


def peak_anonymous(work, *arguments) -> float:
    """How much anonymous resident memory a call adds at most, in MB."""
    def anonymous() -> int:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))

    before, most, done = anonymous(), [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.005):
            most[0] = max(most[0], anonymous())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        work(*arguments)
    finally:
        done.set()
        watcher.join()
    return (most[0] - before) / 1024


def several(models: dict[str, Path], count: int) -> dict[str, Path]:
    """The first `count` models; beyond those there are, the same again under other names."""
    every = [(f"{name}{turn}", place) for turn in range(count) for name, place in models.items()]
    return dict(every[:count])


def rows(folder: Path, size: str, counts: list[int]) -> Iterator[dict]:
    """What is measured for a size, one row a number of models."""
    base, models = make(folder, size)
    every = [base, *models.values()]
    read_bytes(every)
    compare(base, several(models, 1))  # compiles, or loads what was compiled
    parameters = sum(torch.Size(shape).numel() for shape in shapes(*QWEN[size]).values())
    for count in counts:
        chosen = several(models, count)
        folders = [base, *chosen.values()]
        row = {"parameters": size, "models": count, "GB": 2e-9 * parameters * len(folders),
               "peak, MB": peak_anonymous(compare, base, chosen)}
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
    lines = [list(frame), ["---"] * frame.shape[1], *frame.values.tolist()]
    return "\n".join(f"| {' | '.join(map(shown, line))} |" for line in lines)


def shown(value) -> str:
    if isinstance(value, float):
        return "" if np.isnan(value) else f"{value:.3g}"
    return str(value)


def machine() -> str:
    """Processor, cores, load, date and versions."""
    model = next((line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), platform.processor())
    versions = ", ".join(f"{name} {version(name)}" for name in ("torch", "numba", "numpy"))
    return (f"{datetime.date.today()}, {CORES} cores of {model}, load {os.getloadavg()[0]:.1f} before the run; Python "
            f"{platform.python_version()}, {versions}.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, help="where to make the checkpoints (default: the temporary folder)")
    parser.add_argument("--sizes", nargs="+", choices=list(QWEN), default=list(QWEN))
    chosen = parser.parse_args()
    torch.set_num_threads(CORES)
    folder, about = Path(tempfile.mkdtemp(prefix="weights-", dir=chosen.folder)), machine()
    try:
        measured = [row for size in chosen.sizes for row in rows(folder, size, COUNTS[size])]
    finally:
        shutil.rmtree(folder)
    text = f"`python benchmarks/weights.py`, {about}\n\n{table(measured)}\n"
    print(text)
    Path(__file__).with_suffix(".md").write_text(text)


if __name__ == "__main__":
    main()
