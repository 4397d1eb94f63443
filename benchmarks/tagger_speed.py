"""How fast the tagger is beside spaCy's pipelines, on the same traces in turn, and whether its memory is flat.

Part of `benchmarks/tagger.py`, which prints the tables.
"""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import pandas as pd
from measure import fresh_peak

from behaviors.reading import read_texts
from behaviors.tagger import BehaviorTagger, tag

ROUNDS = 5


def speed(path: Path, package: str | None) -> pd.DataFrame:
    """Characters a second of the tagger and of spaCy's pipelines, in turn on the same traces."""
    import importlib

    import spacy

    texts = list(read_texts(path, "text"))
    blank = spacy.blank("en")
    blank.add_pipe("sentencizer")
    work = {"tagger": lambda part: tag(part), "spaCy, blank with sentencizer": lambda part: list(blank.pipe(part))}
    if package:
        small = importlib.import_module(package).load()
        work["spaCy, small English pipeline"] = lambda part: list(small.pipe(part))
    rates = {name: [] for name in work}
    for k in range(ROUNDS + 1):
        part = texts[k::ROUNDS + 1][:12]
        for name, run in work.items():
            start = time.perf_counter()
            run(part)
            rates[name].append(sum(map(len, part)) / (time.perf_counter() - start))
    return pd.DataFrame([{"pipeline": name, "characters/s": f"{statistics.median(found[1:]):,.0f}",
                          "tagger is so many times as fast": f"{statistics.median(a / b for a, b in pairs):.1f}"}
                         for name, found in rates.items()
                         for pairs in [list(zip(rates['tagger'][1:], found[1:], strict=True))]])


def memory(path: Path) -> pd.DataFrame:
    """Peak memory of the stream over the traces once and four times, each in a new process."""
    return pd.DataFrame([{"traces": f"{times} x the file", "peak, MB": fresh_peak(stream_over, path, times)}
                         for times in (1, 4)])


def stream_over(path: Path, times: int) -> None:
    """Tag all traces of a file, `times` times over, as a stream."""
    texts = (text for _ in range(times) for text in read_texts(path, "text"))
    for _ in BehaviorTagger.load().stream(texts):
        pass
