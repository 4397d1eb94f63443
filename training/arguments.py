"""The command line that says which zoo: of `python -m training`, and of `training.run`, to train one of its runs."""

from __future__ import annotations

import argparse
from pathlib import Path

from training import config
from training.build import CONTROLS, anchor_of, planned
from training.domains import DOMAINS
from training.presets import Preset


def zoo_parser(program: str, what: str) -> argparse.ArgumentParser:
    """A parser of the arguments that both take."""
    parser = argparse.ArgumentParser(prog=program, description=what)
    config.add_arguments(parser)
    parser.add_argument("--out", help="the zoo's folder (default runs/PRESET/seedSEED)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--domains", help=f"comma-separated, of {', '.join(DOMAINS)} (default all these), and modules "
                                            "of your own by their dotted paths, as my_lab.sorting")
    parser.add_argument("--steps", type=int, help="GRPO steps of each expert (default the preset's)")
    parser.add_argument("--mixture", help="weights of the mixed run, as math=2,coding=1 (default equal)")
    parser.add_argument("--controls", default="", help=f"comma-separated, of {', '.join(CONTROLS)} (default none)")
    parser.add_argument("--anchor", help="folder or hub id of the model that all start from (default the preset's)")
    parser.add_argument("--restart", action="store_true", help="start over instead of going on where a build stopped")
    parser.add_argument("--dry-run", action="store_true", help="print steps, tokens, GPU hours and memory, and stop")
    parser.add_argument("--gpus", type=int, default=8, help="of --dry-run: how many GPUs share a model (default 8)")
    parser.add_argument("--gpu-memory", type=float, default=80.0, help="of --dry-run: GiB of each (default 80)")
    parser.add_argument("--mean-tokens", type=int, help="of --dry-run: of a rollout (default: the most it may have)")
    return parser


def folder_of(given: argparse.Namespace, preset: Preset) -> Path:
    """The zoo's folder."""
    return Path(given.out or f"runs/{preset.name}/seed{given.seed}")


def plan_of(given: argparse.Namespace) -> dict:
    """What `build_zoo` and `planned` both take: seed, domains, steps, mixture, controls, anchor."""
    return {"seed": given.seed, "domains": given.domains.split(",") if given.domains else None, "steps": given.steps,
            "mixture": _weights(given.mixture), "controls": tuple(filter(None, given.controls.split(","))),
            "anchor": given.anchor}


def shown(given: argparse.Namespace, preset: Preset) -> str | None:
    """What --print-config and --dry-run print; None where neither is asked for."""
    if given.print_config:
        return config.printed(preset).rstrip()
    if not given.dry_run:
        return None
    from training.dry_run import report

    asked = plan_of(given)
    runs = planned(preset, **asked | {"domains": asked["domains"] or list(DOMAINS)})
    return report(preset, runs, given.anchor or anchor_of(preset), given.gpus, given.gpu_memory, given.mean_tokens)


def _weights(text: str | None) -> dict[str, float] | None:
    """`math=2,coding=1` as a dict."""
    if text is None:
        return None
    try:
        return {name: float(weight) for name, weight in (part.split("=") for part in text.split(","))}
    except ValueError as error:
        raise ValueError(f"--mixture is {text!r}; write domain=weight pairs, as math=2,coding=1") from error
