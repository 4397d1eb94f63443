"""How long studies will take: measured costs, the share of the work that is left, and the pace of this machine now.

`costs.csv` holds, of every study, quick and full, the seconds that one organism zoo took on 2 cores with nothing of its
work done before (cold) and with all of it (warm), and the pace then; `python benchmarks/duration.py` measures it. One
that is `left` to the share s takes (warm + s (cold - warm)) a zoo, times the pace now over the pace then; cores beyond
2 are taken to help in proportion.
"""

from __future__ import annotations

import time
from importlib import import_module
from pathlib import Path

import pandas as pd

from training.workers import CORES
from training.zoo import Zoo

COSTS = Path(__file__).with_name("costs.csv")
TIMED = ("organism",)
"""Presets whose studies were timed."""


def pace() -> float:
    """Seconds in which the shipped anchor, on one thread, answers 32 math tasks twice; after a first try."""
    import torch

    from training.domains import get_domain
    from training.organism.anchor import ANCHOR
    from training.rollouts import load
    from training.traces import write_traces

    threads, (network, tokenizer) = torch.get_num_threads(), load(str(ANCHOR))
    torch.set_num_threads(1)
    tasks = get_domain("math").tasks("test", 32, seed=0)
    for _ in range(2):
        started = time.perf_counter()
        write_traces(network, tokenizer, "anchor", tasks, n=2)
    torch.set_num_threads(threads)
    return time.perf_counter() - started


def seconds(costs: pd.DataFrame, study: str, quick: bool, shares: list[float], pace_now: float,
            cores: int = CORES) -> float:
    """The time of a study of zoos of which these shares of the work are left."""
    one = costs[(costs["study"] == study) & (costs["quick"] == quick)].iloc[0]
    here = sum(one["warm"] + share * (one["cold"] - one["warm"]) for share in shares)
    return float(here * pace_now / one["pace"] * one["cores"] / cores)


def estimates(zoos: list[Zoo], quick: bool, studies: list[str]) -> dict[str, float]:
    """Study -> seconds, of studies of organism zoos."""
    costs, now = pd.read_csv(COSTS), pace() if studies else 0.0
    return {study: seconds(costs, study, quick,
                           [import_module(f"studies.{study}").left(zoo, quick) for zoo in zoos], now)
            for study in studies}


def estimate(zoos: list[Zoo], quick: bool, studies: list[str]) -> str:
    """What is to come, in a line."""
    if zoos[0].preset not in TIMED:
        return f"{len(studies)} studies to run; no estimate of the time: only zoos of {', '.join(TIMED)} were timed"
    timed = pd.read_csv(COSTS).query("quick == @quick")["study"]
    if untimed := [study for study in studies if study not in set(timed)]:
        return (f"{len(studies)} studies to run; no estimate of the time: {'quick' if quick else 'full'} runs of "
                f"{len(untimed)} of them were not timed (python benchmarks/duration.py)")
    found = estimates(zoos, quick, studies)
    longest = sorted(found, key=found.get, reverse=True)[:3]
    parts = ", ".join(f"{study} {minutes(found[study])}" for study in longest)
    return f"{len(studies)} studies to run, about {minutes(sum(found.values()))}{parts and f' ({parts}, ...)'}"


def minutes(spent: float) -> str:
    """`45 s`, `12 min`, `1 h 05 min`."""
    whole = round(spent / 60)
    if spent < 90:
        return f"{spent:.0f} s"
    return f"{whole} min" if whole < 60 else f"{whole // 60} h {whole % 60:02d} min"
