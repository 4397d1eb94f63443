"""What benchmarks share: reading files beforehand, seconds, memory, and a table that says where it was made."""

from __future__ import annotations

import datetime
import multiprocessing
import os
import platform
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

from training.workers import CORES


def read_bytes(folders: list[Path]) -> None:
    """Read every shard once into a buffer, one thread a core."""
    def read(file: Path) -> None:
        buffer = bytearray(2**24)
        with file.open("rb", buffering=0) as stream:
            while stream.readinto(buffer):
                pass

    with ThreadPoolExecutor(CORES) as pool:
        list(pool.map(read, [file for folder in folders for file in sorted(folder.glob("*.safetensors"))]))


def timed(name: str, work, *arguments, repeat: int = 2) -> dict[str, float]:
    """Seconds that pass, and seconds of processor time, of the fastest of `repeat` calls."""
    seconds = []
    for _ in range(repeat):
        start, used = time.perf_counter(), time.process_time()
        work(*arguments)
        seconds.append((time.perf_counter() - start, time.process_time() - used))
    return {f"{name}, s": min(seconds)[0], f"{name}, CPU s": min(seconds)[1]}


def fresh_peak(work, *arguments) -> float:
    """`peak_anonymous` of a call in a new process, where nothing was freed that it could use again."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(peak_anonymous, work, *arguments).result()


def peak_anonymous(work, *arguments) -> float:
    """How much anonymous resident memory a call adds at most, in MB, sampled every 5 ms."""
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


def markdown(frame: pd.DataFrame) -> str:
    """A table, numbers with three digits."""
    lines = [list(frame), ["---"] * frame.shape[1], *frame.values.tolist()]
    return "\n".join(f"| {' | '.join(map(_shown, line))} |" for line in lines)


def _shown(value) -> str:
    if isinstance(value, float):
        return "" if np.isnan(value) else f"{value:.3g}"
    return str(value)


def publish(script: str, text: str) -> None:
    """Print what a script (its `__file__`) measured, and write it beside it, as NAME.md."""
    print(text)
    Path(script).with_suffix(".md").write_text(text)


def machine(*libraries: str) -> str:
    """Date, processor, cores, load and versions."""
    model = next((line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), platform.processor())
    versions = ", ".join(f"{name} {version(name)}" for name in libraries)
    return (f"{datetime.date.today()}, {CORES} cores of {model}, load {os.getloadavg()[0]:.1f} before the run; Python "
            f"{platform.python_version()}, {versions}.")
