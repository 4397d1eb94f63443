"""Build a zoo: `python -m training --preset organism --out runs/organism/seed0 --seed 0`."""

from __future__ import annotations

import argparse
import sys

from training.build import CONTROLS, build_zoo
from training.domains import DOMAINS
from training.organism.anchor import ANCHOR
from training.presets import PRESETS


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training", description="Train a zoo: experts and a mixed model.")
    parser.add_argument("--preset", default="organism", help=f"one of {', '.join(PRESETS)} (default organism)")
    parser.add_argument("--out", help="the zoo's folder (default runs/PRESET/seedSEED)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--domains", help=f"comma-separated, of {', '.join(DOMAINS)} (default all)")
    parser.add_argument("--steps", type=int, help="GRPO steps of each expert (default the preset's)")
    parser.add_argument("--mixture", help="weights of the mixed run, as math=2,coding=1 (default equal)")
    parser.add_argument("--controls", default="", help=f"comma-separated, of {', '.join(CONTROLS)} (default none)")
    parser.add_argument("--anchor", default=str(ANCHOR), help="folder of the model that all start from")
    parser.add_argument("--restart", action="store_true", help="start over instead of going on where a build stopped")
    given = parser.parse_args(arguments)
    try:
        zoo = build_zoo(given.preset, given.out or f"runs/{given.preset}/seed{given.seed}", given.seed,
                        given.domains.split(",") if given.domains else None, given.steps, _weights(given.mixture),
                        tuple(filter(None, given.controls.split(","))), resume=not given.restart, anchor=given.anchor)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for name, cost in zoo.runs.items():
        print(name, " ".join(f"{key}={value}" for key, value in cost.items()))
    return 0


def _weights(text: str | None) -> dict[str, float] | None:
    """`math=2,coding=1` as a dict."""
    if text is None:
        return None
    try:
        return {name: float(weight) for name, weight in (part.split("=") for part in text.split(","))}
    except ValueError as error:
        raise ValueError(f"--mixture is {text!r}; write domain=weight pairs, as math=2,coding=1") from error


if __name__ == "__main__":
    sys.exit(main())
