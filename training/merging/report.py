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
from training.merging.options import Options
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

Parameters: `{params}`. All arithmetic in fp32.

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


def write_report(sources: Sources, options: Options, thresholds: dict | None, tally: Tally, folder: Path) -> None:
    """Write merge_report.json and, from it, README.md."""
    chosen = set(sources.names)
    report = {
        "method": options.method,
        "base": _origin(sources.base),
        "models": {name: _origin(checkpoint) for name, checkpoint in sources.experts.items()},
        "params": options.asked(),
        "thresholds": _named(sources, options, thresholds),
        "entries": tally.entries,
        "updated": tally.updated,
        "survived": tally.survived,
        "survived_fraction": tally.survived / tally.updated if tally.updated else None,
        "copied_from_base": [name for name in sources.base.names if name not in chosen],
        "versions": {"python": platform.python_version()} | {name: version(name) for name in ("torch", "safetensors")},
    }
    _write_json(folder / REPORT, report)
    (folder / "README.md").write_text(model_card(report), encoding="utf-8")


def model_card(report: dict) -> str:
    """The README.md of a merge, in the hub's format, from its report."""
    origins = {"base": report["base"], **report["models"]}
    parents = [origin["source"] for origin in origins.values() if origin["revision"]]  # hub ids: the card's rule
    weights = report["params"]["weight"]
    share = "none to survive" if report["survived_fraction"] is None else f"{report['survived_fraction']:.2%}"
    rows = [f"| base | {_cite(report['base'])} | |"]
    rows += [f"| {name} | {_cite(origin)} | {weights[name]:g} |" for name, origin in report["models"].items()]
    return _CARD.format(
        parents="".join(["base_model:\n", *(f"- {parent}\n" for parent in parents)]) if parents else "",
        title=f"Merge of {', '.join(report['models'])}", method=report["method"], n=len(report["models"]),
        rows="\n".join(rows), params=json.dumps({k: v for k, v in report["params"].items() if k != "weight"}),
        entries=report["entries"], updated=report["updated"], survived=report["survived"], share=share,
        versions=", ".join(f"{name} {number}" for name, number in report["versions"].items()),
    )


def _origin(checkpoint: Checkpoint) -> dict:
    """Where a model came from: as given, its commit on the hub, and the dtypes it stores."""
    dtypes = sorted({str(checkpoint.dtype(name)).removeprefix("torch.") for name in checkpoint.names})
    return {"source": checkpoint.source, "revision": checkpoint.revision, "dtypes": dtypes}


def _cite(origin: dict) -> str:
    return origin["source"] + (f" at {origin['revision']}" if origin["revision"] else "")


def _named(sources: Sources, options: Options, thresholds: dict | None) -> dict | None:
    """Thresholds by model (one each: global) or by tensor and model; None for a method that does not trim."""
    if thresholds is None:
        return None
    named = {name: dict(zip(sources.experts, cut, strict=True)) for name, cut in thresholds.items()}
    return named[sources.names[0]] if options.trim == "global" else named


def _write_json(file: Path, content: dict) -> None:
    file.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
