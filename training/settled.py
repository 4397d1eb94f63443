"""A run's settings.json: written when it begins, compared whenever it goes on."""

from __future__ import annotations

import json
from dataclasses import MISSING, asdict, fields
from pathlib import Path

from training.alike import weights_digest
from training.durable import write_text
from training.presets import FREE, Preset

WEIGHTS = "anchor_weights"
"""Beside a run's settings: which weights lay where it says that its anchor does."""


def settle(run, file: Path, resume: bool = True) -> None:
    """Write a run's settings; when going on, ValueError unless they are those that stand there.

    A setting that did not exist when the run began, of the run or its preset, had its default then. What
    `presets.FREE` names may change, and so may the place of the anchor where its weights are the same.
    """
    if resume and file.exists():
        odd = other(run, file)
        if odd:
            raise ValueError(f"{file.parent} holds a run with another {odd}; choose another folder, or start over "
                             "(resume=False, --restart)")
    held = asdict(run) | {WEIGHTS: weights_digest(run.anchor)}
    write_text(file, json.dumps(held, indent=2) + "\n")


def other(run, file: Path) -> str | None:
    """What differs between a run and the settings of a file, and how; None where nothing does."""
    asked = json.loads(json.dumps(asdict(run)))
    held = _defaults(type(run)) | json.loads(file.read_text())
    for name in asked:
        if name == "anchor" and asked[name] != held[name] and held.get(WEIGHTS) == weights_digest(run.anchor):
            continue
        if name != "preset" and asked[name] != held.get(name):
            return f"{name} ({held.get(name)}, asked for is {asked[name]})"
    return other_preset(run.preset, file)


def other_preset(preset: Preset, file: Path) -> str | None:
    """As `other`, of the preset alone."""
    asked = json.loads(json.dumps(asdict(preset)))
    held = _defaults(Preset) | json.loads(file.read_text())["preset"]
    odd = next((name for name in asked if name not in FREE and asked[name] != held.get(name)), None)
    return odd and f"preset: {odd} ({held.get(odd)}, asked for is {asked[odd]})"


def _defaults(kind) -> dict:
    """The fields that need not be given, as JSON has their values."""
    made = {item.name: item.default if item.default_factory is MISSING else item.default_factory()
            for item in fields(kind) if (item.default, item.default_factory) != (MISSING, MISSING)}
    return json.loads(json.dumps(made))
