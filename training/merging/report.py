"""What lies beside the merged weights: configuration, tokenizer, merge_report.json and a model card."""

from __future__ import annotations

import json
import platform
import shutil
from importlib.metadata import version
from pathlib import Path

import torch

from training.checkpoints import Checkpoint
from training.hub import ASSETS
from training.merging.recipes import Recipe
from training.merging.sources import Sources
from training.merging.stream import Tally

REPORT = "merge_report.json"

_CARD = """---
library_name: transformers
tags:
- merge
- mix-or-merge
{parents}---

# {title}

A merge, by `{method}`, of {n} models fine-tuned from one base. Made with mix-or-merge.

| model | source | weight |
|---|---|---|
{rows}

Parameters: `{params}`. All arithmetic in fp32.{trimmed}

Of {entries:,} merged entries, {updated:,} have a merged delta other than 0; {survived:,} of them ({share}) still differ
from the base after the cast to the written dtype. Versions: {versions}.
"""


def copy_assets(base: Checkpoint, folder: Path, out_dtype: torch.dtype | None) -> None:
    """Copy tokenizer, chat template and generation config; write config.json, its dtype brought up to date."""
    for file in sorted({file for pattern in ASSETS for file in base.path.glob(pattern) if file.is_file()}):
        shutil.copyfile(file, folder / file.name)
    config = dict(base.config)
    if out_dtype is not None:
        keys = [key for key in ("dtype", "torch_dtype") if key in config] or ["dtype"]
        config |= dict.fromkeys(keys, str(out_dtype).removeprefix("torch."))
    _write_json(folder / "config.json", config)


def write_report(sources: Sources, recipe: Recipe, tally: Tally, folder: Path) -> None:
    """Write merge_report.json and, from it, README.md."""
    chosen, options = set(sources.names), recipe.options
    report = {
        "method": options.method,
        "base": _origin(sources.base),
        "models": {name: _origin(checkpoint) for name, checkpoint in sources.experts.items()},
        "params": options.asked(),
        **_trimmed(recipe, tally.entries),
        "entries": tally.entries,
        "updated": tally.updated,
        "survived": tally.survived,
        "survived_fraction": tally.survived / tally.updated if tally.updated else None,
        "copied_from_base": [name for name in sources.base.names if name not in chosen],
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in ("mix-or-merge", "numpy", "numba", "safetensors")},
    }
    _write_json(folder / REPORT, report)
    (folder / "README.md").write_text(model_card(report), encoding="utf-8")


def _trimmed(recipe: Recipe, entries: int) -> dict:
    """Of a method that trims: thresholds by model (global) or by tensor and model, and the density really kept."""
    if not recipe.kept:
        return {"thresholds": None, "kept_density": None}
    experts, found = list(recipe.sources.experts), recipe.kept
    named = {name: dict(zip(experts, (one.threshold for one in kept), strict=True)) for name, kept in found.items()}
    chosen = [next(iter(found.values()))] if recipe.whole else list(found.values())
    counts = {expert: sum(kept[m].count for kept in chosen) for m, expert in enumerate(experts)}
    return {"thresholds": next(iter(named.values())) if recipe.whole else named,
            "kept_density": {expert: count / entries if entries else None for expert, count in counts.items()}}


def model_card(report: dict) -> str:
    """The README.md of a merge, in the hub's format, from its report."""
    origins = {"base": report["base"], **report["models"]}
    parents = [origin["source"] for origin in origins.values() if origin["revision"]]  # hub ids: the card's rule
    weights = report["params"].get("weight", {})
    share = "none to survive" if report["survived_fraction"] is None else f"{report['survived_fraction']:.2%}"
    rows = [f"| base | {_cite(report['base'])} | |"]
    rows += [f"| {name} | {_cite(origin)} | {json.dumps(weights[name]) if weights else 'by the method'} |"
             for name, origin in report["models"].items()]
    return _CARD.format(
        parents="".join(["base_model:\n", *(f"- {parent}\n" for parent in parents)]) if parents else "",
        title=f"Merge of {', '.join(report['models'])}", method=report["method"], n=len(report["models"]),
        rows="\n".join(rows), params=json.dumps({k: v for k, v in report["params"].items() if k != "weight"}),
        trimmed=_kept(report["kept_density"]), entries=report["entries"],
        updated=report["updated"], survived=report["survived"], share=share,
        versions=", ".join(f"{name} {number}" for name, number in report["versions"].items()),
    )


def _kept(densities: dict[str, float] | None) -> str:
    if not densities:
        return ""
    shares = ", ".join(f"{name} {share:.2%}" for name, share in densities.items())
    return f" Kept by the trim, ties included: {shares}."


def _origin(checkpoint: Checkpoint) -> dict:
    """Where a model came from: as given, its commit on the hub, and the dtypes it stores."""
    dtypes = sorted({str(checkpoint.dtype(name)).removeprefix("torch.") for name in checkpoint.names})
    return {"source": checkpoint.source, "revision": checkpoint.revision, "dtypes": dtypes}


def _cite(origin: dict) -> str:
    return origin["source"] + (f" at {origin['revision']}" if origin["revision"] else "")


def _write_json(file: Path, content: dict) -> None:
    file.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
