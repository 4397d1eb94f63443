"""Merge from the command line:

python -m training.merging --base_model SFT --model math=RL_MATH --model coding=RL_CODING --method ties --out MERGED
python -m training.merging --config MERGEKIT.yml --out MERGED
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from training.merging import METHODS, MergeError, merge
from training.merging.dare import RESCALES
from training.merging.mergekit_yaml import read_mergekit
from training.merging.options import OUT_DTYPES, TRIMS
from training.merging.report import REPORT
from training.shards import CheckpointError


def parser() -> argparse.ArgumentParser:
    """The options; one that is not given is left to the method's default."""
    parser = argparse.ArgumentParser("python -m training.merging", description="Merge fine-tuned models of one base.")
    given = {"default": argparse.SUPPRESS}
    parser.add_argument("--out", required=True, help="folder to write: empty, or not there yet")
    parser.add_argument("--config", metavar="YAML", help="a mergekit configuration, instead of the options below")
    parser.add_argument("--base_model", help="folder or hub id the models were trained from", **given)
    parser.add_argument("--model", action="append", metavar="NAME=PATH", help="once for each model", **given)
    parser.add_argument("--method", choices=METHODS, help="default ties", **given)
    parser.add_argument("--weight", action="append", metavar="NAME=W", **given,
                        help="of each model: 1 (default), '[0, 1]' along the layers, or '{\"REGEX\": 1, \".*\": 0}'")
    parser.add_argument("--scale", type=float, help="multiplies what is added to the base; default 1", **given)
    parser.add_argument("--density", type=float, help="share of entries TIES keeps; default 0.2", **given)
    parser.add_argument("--trim", choices=TRIMS, help="where TIES ranks magnitudes; default global", **given)
    parser.add_argument("--select", type=float, help="share of entries SCE merges; default 1", **given)
    parser.add_argument("--drop", type=float, help="share of entries DARE drops; default 0.2", **given)
    parser.add_argument("--rescale", choices=RESCALES, help="what DARE does to the others; default inverse", **given)
    parser.add_argument("--seed", type=int, help="of DARE's masks; default 0", **given)
    parser.add_argument("--include", metavar="REGEX", help="merge only tensors it matches", **given)
    parser.add_argument("--out_dtype", choices=OUT_DTYPES, help="default: the base's", **given)
    parser.add_argument("--resume", action="store_true", help="go on where a killed merge of the same stopped")
    parser.add_argument("--overwrite", action="store_true", help="replace what is in OUT, once the merge is complete")
    return parser


def arguments(given: dict) -> dict:
    """The arguments of `merge` from the command line's. MergeError names what is missing or too much."""
    shared = {name: given.pop(name) for name in ("out", "resume", "overwrite")}
    config = given.pop("config")
    if config is not None:
        if given:
            raise MergeError(f"--config says all but --out; leave out --{next(iter(given))}")
        return read_mergekit(config) | shared
    for name in ("base_model", "model"):
        if name not in given:
            raise MergeError(f"give --{name}, or a mergekit configuration by --config")
    models = named(given.pop("model"), "--model")
    if "weight" in given:
        given["weight"] = {name: _weight(text) for name, text in named(given["weight"], "--weight").items()}
    return {"base": given.pop("base_model"), "models": models, **given, **shared}


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
    """Run one merge and print where it lies, and how much of it the trim and the cast left."""
    parsed = parser()
    try:
        out = merge(**arguments(vars(parsed.parse_args(argv))))
    except (MergeError, CheckpointError) as error:
        parsed.error(str(error))
    report = json.loads((out / REPORT).read_text(encoding="utf-8"))
    print(f"{out}: {report['survived']:,} of {report['updated']:,} updated entries survive the cast")
    if report["kept_density"]:
        shares = ", ".join(f"{name} {share:.2%}" for name, share in report["kept_density"].items())
        print(f"kept by the trim, ties included: {shares}")
    return out


def _weight(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        raise MergeError(f"--weight {text!r} is neither a number nor a JSON list or object") from None


if __name__ == "__main__":
    main()
