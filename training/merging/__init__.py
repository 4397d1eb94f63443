"""Merging: experts trained from one base become one model, by streaming through safetensors files.

    >>> merge("sft", {"math": "rl-math", "coding": "rl-coding"}, "merged", method="ties", density=0.2)

Any architecture, one slice of each model in memory at a time. One file a method, each a pure function of arrays:
`average`, `task_arithmetic`, `ties`, `sce`, and `dare`, which goes before task arithmetic or TIES. From the command
line: `python -m training.merging --help`; what mergekit's YAML asks for: `training.merging.mergekit_yaml`.
"""

from __future__ import annotations

from pathlib import Path

from training.merging.errors import MergeError
from training.merging.options import METHODS, read_options

__all__ = ["METHODS", "MergeError", "merge"]


def merge(base: str | Path, models: dict[str, str | Path], out: str | Path, method: str = "ties", resume: bool = False,
          overwrite: bool = False, **params) -> Path:
    """Merge fine-tuned models into a new folder that `from_pretrained` and vLLM load; returns that folder.

    Args:
        base: what the models were trained from (a folder or hub id); the origin of the deltas, and where configuration,
            tokenizer and chat template are copied from.
        models: name -> folder or hub id; same architecture, tokens, tensor names and shapes as the base.
        out: a folder that is empty or does not exist. It appears when complete: an error or Ctrl-C leaves nothing, a
            kill a hidden sibling, `.NAME.incomplete`.
        method: "average" | "task_arithmetic" | "ties" | "sce" | "dare_task_arithmetic" | "dare_ties".
        resume: go on with the shards that a killed merge of the same models and parameters has finished.
        overwrite: replace what is in `out`, once the merge is complete.
        params: weight=1.0, or a list of numbers along the layers, or {name: number, list or {regex: number}} (all but
            sce); scale=1.0 (task arithmetic, TIES); density=0.2, trim="global" | "per_tensor", normalize=True (TIES);
            drop=0.2, rescale="inverse" | "l1", seed=0 (DARE); select=1.0 (sce); out_dtype=None (the base's) |
            "float32" | "bfloat16" | "float16" or the torch dtype; include=None or a regular expression: tensors it does
            not match (re.search) are copied from the base and do not count towards density; progress=True (a bar).

    All arithmetic is fp32. merge_report.json says what the trim kept, and how many updated entries survive the cast to
    the written dtype. Raises MergeError (a ValueError) for anything that cannot be merged as asked, CheckpointError for
    a broken model.
    """
    options = read_options(method, models, params)

    from training.merging.journal import check_out, journal
    from training.merging.recipes import recipe
    from training.merging.report import copy_assets, write_report
    from training.merging.sources import open_sources
    from training.merging.stream import write_weights

    check_out(Path(out), overwrite)
    sources = open_sources(base, models, options.include)
    how = recipe(sources, options)
    with journal(Path(out), sources, options, resume, overwrite) as work:
        if how.whole:
            how.survey(sources.names)
        tally = write_weights(sources, how, work, options.out_dtype, options.progress)
        copy_assets(sources.base, work.folder, options.out_dtype)
        write_report(sources, how, tally, work.folder)
    return Path(out)
