"""Merge from the command line:

python -m training.merging --base_model SFT --model math=RL_MATH --model coding=RL_CODING --method ties --out MERGED
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from training.merging import METHODS, MergeError, merge
from training.merging.options import OUT_DTYPES, TRIMS
from training.merging.report import REPORT
from training.shards import CheckpointError


def parser() -> argparse.ArgumentParser:
    """The options; one that is not given is left to the method's default."""
    parser = argparse.ArgumentParser("python -m training.merging", description="Merge fine-tuned models of one base.")
    parser.add_argument("--base_model", required=True, help="folder or hub id the models were trained from")
    parser.add_argument("--model", required=True, action="append", metavar="NAME=PATH", help="once for each model")
    parser.add_argument("--out", required=True, help="folder to write: empty, or not there yet")
    parser.add_argument("--method", default="ties", choices=METHODS)
    given = {"default": argparse.SUPPRESS}
    parser.add_argument("--weight", action="append", metavar="NAME=W", help="of each model; default 1", **given)
    parser.add_argument("--scale", type=float, help="multiplies what is added to the base; default 1", **given)
    parser.add_argument("--density", type=float, help="share of entries TIES keeps; default 0.2", **given)
    parser.add_argument("--trim", choices=TRIMS, help="where TIES ranks magnitudes; default global", **given)
    parser.add_argument("--include", metavar="REGEX", help="merge only tensors it matches", **given)
    parser.add_argument("--out_dtype", choices=OUT_DTYPES, help="default: the base's", **given)
    return parser


def named(pairs: list[str], option: str) -> dict[str, str]:
    """["a=x", "b=y"] -> {"a": "x", "b": "y"}; MergeError for a pair without a name or a name given twice."""
    result = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not name or not equals or not value:
            raise MergeError(f"{option} {pair!r} must be written NAME=VALUE")
        if name in result:
            raise MergeError(f"{option} gives {name!r} twice")
        result[name] = value
    return result


def main(argv: list[str] | None = None) -> Path:
    """Run one merge and print where it lies and how much of it survived the cast."""
    parsed = parser()
    params = vars(parsed.parse_args(argv))
    try:
        models = named(params.pop("model"), "--model")
        if "weight" in params:
            params["weight"] = {name: _number(value) for name, value in named(params["weight"], "--weight").items()}
        out = merge(params.pop("base_model"), models, **params)
    except (MergeError, CheckpointError) as error:
        parsed.error(str(error))
    report = json.loads((out / REPORT).read_text(encoding="utf-8"))
    print(f"{out}: {report['survived']:,} of {report['updated']:,} updated entries survive the cast")
    return out


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise MergeError(f"--weight {text!r} is not a number") from None


if __name__ == "__main__":
    main()
