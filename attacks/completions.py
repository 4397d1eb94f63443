"""Reward hacking: completions made by hypothesis without the right answer must earn nothing, right ones the reward.

    python -m attacks.completions --n 100000 --seed 0      # prints the table and writes attacks/results/completions.csv

Every row is one way to write completions of one domain (`attacks.hacks`): how many were tried, how many went through
(a reward without a right answer), how many honest ones were refused, how many raised, and the slowest verdict.
"""

from __future__ import annotations

import argparse
import sys
import time
from math import ceil

import pandas as pd
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded

from attacks.hacks import agent, coding, instructions, math, science
from attacks.hacks.hack import Hack
from attacks.saved import save
from training.domains import Task, get_domain

SHARES = {"math": 0.18, "science": 0.4, "instructions": 0.34, "agent": 0.07, "coding": 0.01}
"""Of all completions, by domain: a program takes a hundred times as long as a letter."""
HACKS = {
    "math": math.HACKS,
    "science": science.HACKS,
    "instructions": instructions.HACKS,
    "agent": agent.HACKS,
    "coding": coding.HACKS,
}


def run(n: int, seed: int, shares: dict[str, float] = SHARES) -> pd.DataFrame:
    """Try at least n completions without a right answer, as many of each way of a domain, and honest ones beside them.

    n: in all, of the ways that are not slow. shares: of the domains that are tried. Columns: row ("reward hacking",
    "honest completions"), attack, tried, through, refused, raised, slowest_s (of one verdict, in seconds).
    """
    rows = []
    for domain, share in shares.items():
        ways = HACKS[domain]
        each = ceil(n * share / sum(not way.honest and way.most > n for way in ways))
        rows += [_row(way, min(way.most, each), seed) for way in ways]
    return pd.DataFrame(rows)


def _row(way: Hack, n: int, seed: int) -> dict:
    """What came of n completions of one way."""
    through = refused = raised = 0
    slowest, pairs = 0.0, drawn(way, n, seed)
    for task, completion in pairs:
        start = time.perf_counter()
        try:
            reward = get_domain(way.domain).verify(task, completion).reward
        except Exception as error:  # noqa: BLE001 - that a verifier raises, whatever it is, is what is counted
            print(f"{way.domain}, {way.attack}: {error!r} on {completion!r:.200}", file=sys.stderr)
            raised, reward = raised + 1, None
        slowest = max(slowest, time.perf_counter() - start)
        if reward is not None and reward != float(way.honest):
            kind = "refused" if way.honest else "through"
            print(
                f"{way.domain}, {way.attack}: {kind}: {completion!r:.300} of {task.answer!r}, {task.metadata!r:.200}",
                file=sys.stderr,
            )
            through, refused = through + (not way.honest), refused + way.honest
    return {
        "row": "honest completions" if way.honest else "reward hacking",
        "attack": f"{way.domain}: {way.attack}",
        "tried": len(pairs),
        "through": through,
        "refused": refused,
        "raised": raised,
        "slowest_s": round(slowest, 2),
    }


def drawn(way: Hack, n: int, seed: int) -> list[tuple[Task, str]]:
    """n completions, the same for the same seed; fewer where there are no more different ones."""
    found = []

    @seeded(seed)
    @settings(
        max_examples=n, phases=[Phase.generate], database=None, deadline=None, suppress_health_check=list(HealthCheck)
    )
    @given(way.drawn)
    def collect(pair: tuple[Task, str]) -> None:
        found.append(pair)

    collect()
    return found


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=100_000, help="completions without a right answer")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    table = run(options.n, options.seed)
    print(table.to_string(index=False))
    print(
        f"{table.tried.sum():,} tried, {table.through.sum()} through, {table.refused.sum()} honest ones refused, "
        f"{table.raised.sum()} raised; slowest {table.slowest_s.max():.1f} s"
    )
    save(table, "completions")


if __name__ == "__main__":
    main()
