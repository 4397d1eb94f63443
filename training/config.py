"""Settings from files and the command line: any field of a preset, checked against its type.

    python -m training --preset smollm2 --config mine.yaml --set learning_rate=1e-5 --set sft.epochs=2 --print-config

A file is YAML, `field: value`, with the fields of `sft` below it; what --print-config prints is one. Files come first,
in order, then --set. The preset is --preset's, else the one that a file names with `name`, else the organism.
"""

from __future__ import annotations

import argparse
import difflib
import types
import typing
from dataclasses import asdict, is_dataclass, replace
from pathlib import Path

import yaml

from training.presets import PRESETS, Preset, get_preset


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """--preset, --config, --set and --print-config."""
    parser.add_argument("--preset", help=f"one of {', '.join(PRESETS)} (default organism)")
    parser.add_argument("--config", action="append", default=[], metavar="FILE", help="YAML of settings; repeatable")
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", dest="pairs",
                        help="a setting, as learning_rate=1e-5 or sft.epochs=2; may be repeated")
    parser.add_argument("--print-config", action="store_true", help="print the settings as YAML and stop")


def chosen_preset(given: argparse.Namespace, default: str = "organism") -> Preset:
    """The preset that such arguments ask for, of that name where they give none.

    Raises ValueError, in one sentence, for what is no setting, and for no value of one.
    """
    files = [(file, _read(Path(file))) for file in given.config]
    named = {content["name"] for _, content in files if "name" in content} | ({given.preset} - {None})
    if len(named) > 1:
        raise ValueError(f"the files and --preset name several presets: {', '.join(sorted(map(str, named)))}")
    preset = get_preset(named.pop() if named else default)
    for file, content in files:
        preset = overridden(preset, {key: value for key, value in content.items() if key != "name"}, f"{file}: ")
    for pair in given.pairs:
        preset = overridden(preset, _nested(pair), f"--set {pair}: ")
    return preset


def overridden(settings, values: dict, where: str = ""):
    """A preset, or its sft part, with other values; `where` begins what an error says."""
    kinds, changed = typing.get_type_hints(type(settings)), {}
    for name, value in values.items():
        if name not in kinds or name == "name":
            raise ValueError(where + _unknown(str(name), [key for key in kinds if key != "name"]))
        held = vars(settings)[name]
        if isinstance(value, dict) and is_dataclass(held):
            changed[name] = overridden(held, value, f"{where}{name}: ")
        elif isinstance(value, dict):
            raise ValueError(f"{where}{name} has no fields here: the preset has {name} {held!r}")
        else:
            changed[name] = _as(kinds[name], value, f"{where}{name}")
    try:
        return replace(settings, **changed)
    except ValueError as error:
        raise ValueError(f"{where}{error}") from error


def printed(preset: Preset) -> str:
    """A preset as YAML that `--config` reads."""
    plain = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(preset).items()}
    return yaml.safe_dump(plain, sort_keys=False)


def _read(file: Path) -> dict:
    """The settings of a file."""
    if not file.is_file():
        raise ValueError(f"--config {file} is no file")
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{file} is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{file} holds {content!r}; write settings as `field: value` lines")
    return content


def _nested(pair: str) -> dict:
    """`sft.epochs=2` as {"sft": {"epochs": 2}}."""
    path, equals, text = pair.partition("=")
    if not (path and equals):
        raise ValueError(f"--set {pair!r} is not FIELD=VALUE, as learning_rate=1e-5")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        value = text
    value = text if isinstance(value, dict) or not text else value
    for name in reversed(path.strip().split(".")):
        value = {name: value}
    return value


def _unknown(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=3)
    hint = f"did you mean {' or '.join(close)}? " if close else ""
    return f"unknown setting {name!r}; {hint}All are {', '.join(known)}"


def _as(kind, value, where: str):
    """A value of that type, read from YAML or text: ValueError for any other."""
    options = typing.get_args(kind) if isinstance(kind, types.UnionType) else (kind,)
    if value is None and type(None) in options:
        return None
    for option in options:
        if typing.get_origin(option) is tuple:
            parts = value.split(",") if isinstance(value, str) else value
            if isinstance(parts, list) and all(isinstance(part, str) for part in parts):
                return tuple(part.strip() for part in parts if part.strip())
        elif option is float and isinstance(value, int | float | str) and not isinstance(value, bool):
            try:  # YAML 1.1 reads 1e-5 as a text
                return float(value)
            except ValueError:
                continue
        elif option in (int, bool, str) and type(value) is option:
            return value
    raise ValueError(f"{where} is {value!r}; it must be {_said(options)}")


def _said(options: tuple) -> str:
    names = {int: "a whole number", float: "a number", bool: "true or false", str: "a text", type(None): "null"}
    return " or ".join(names.get(option, "its fields" if is_dataclass(option) else "a list of texts")
                       for option in options)
