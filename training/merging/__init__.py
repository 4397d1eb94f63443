"""Merging: experts trained from one base become one model, by streaming through safetensors files.

    >>> merge("sft", {"math": "rl-math", "coding": "rl-coding"}, "merged", method="ties", density=0.2)

Any architecture, one block of each model in memory at a time. One file a method, each a pure function of tensors:
`average`, `task_arithmetic`, `ties`. From the command line: `python -m training.merging --help`.
"""

from __future__ import annotations

from pathlib import Path

from training.merging.options import METHODS, MergeError, read_options
from training.merging.recipes import recipe
from training.merging.report import copy_assets, write_report
from training.merging.sources import open_sources
from training.merging.stream import new_folder, write_weights

__all__ = ["METHODS", "MergeError", "merge"]


def merge(base: str | Path, models: dict[str, str | Path], out: str | Path, method: str = "ties", **params) -> Path:
    """Merge fine-tuned models into a new folder that `from_pretrained` and vLLM load; returns that folder.

    Args:
        base: what the models were trained from (a folder or hub id); the origin of the deltas, and where configuration,
            tokenizer and chat template are copied from.
        models: name -> folder or hub id; same tensor names and shapes as the base.
        out: a folder that is empty or does not exist. It appears when complete: an error or Ctrl-C leaves nothing
            (a kill at most a hidden sibling, `.NAME.incomplete-*`).
        method: "average" | "task_arithmetic" | "ties".
        params: weight=1.0 or {name: weight}; scale=1.0 (task_arithmetic, ties); density=0.2 and
            trim="global" | "per_tensor" (ties); out_dtype=None (the base's) | "float32" | "bfloat16" | "float16" or the
            torch dtype; include=None or a regular expression: tensors it does not match (re.search) are copied from
            the base and do not count towards density; progress=True (bars on stderr).

    All arithmetic is fp32. merge_report.json says how many updated entries survive the cast to the written dtype.
    Raises MergeError (a ValueError) for anything that cannot be merged as asked, CheckpointError for a broken model.
    """
    options = read_options(method, models, params)
    with new_folder(Path(out)) as folder:
        sources = open_sources(base, models, options.include)
        combine, thresholds = recipe(sources, options)
        tally = write_weights(sources, combine, folder, options.out_dtype, options.progress)
        copy_assets(sources.base, folder, options.out_dtype)
        write_report(sources, options, thresholds, tally, folder)
    return Path(out)
