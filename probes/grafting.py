"""Where in the weights a gain sits: one layer of the expert put into the anchor, or taken out of the expert.

    in    the anchor with the expert's weights in one place: is what the expert learned there enough?
    out   the expert with the anchor's weights in one place: is it needed?

Putting the weights of a region of one model into another is grafting in Panigrahi et al. 2023 (arXiv 2302.06600), who
learn a sparse region; here it is a layer, a window of layers, or their attention or MLP alone.

    >>> table = graft_layers("sft", "rl-math", get_domain("math").tasks("test", 60))
    >>> graft_gains(table)                     # gain and share of the whole gain, by direction, layer and domain

One model is in memory at a time: the donor's tensors are copied over the receiver's own, and these back from its
checkpoint, bit for bit. A graft runs with the receiver's config, generation config and dtype.

Departures: (1) sampled at temperature 1 by default, as models are trained: greedy decoding hides what they gained in
certainty. Draws are the same everywhere, so that gains are paired; (2) attention and MLP are the tensors under the
modules of those names (norms of queries and keys, or a router, included); the norms before them belong to neither, only
to the layer; (3) layers interact, so that shares need not add up to 1 in either direction; (4) intervals are of one row
each: over the layers of a model some miss 0 by chance.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from probes.places import places
from probes.sites import PARTS, chosen_names
from probes.sources import ProbeError
from training.alike import mismatch
from training.checkpoints import Checkpoint
from training.domains import Task
from training.intervals import interval
from training.pretrained import open_tokenizer
from training.rollouts import load, render
from training.traces import write_traces

DIRECTIONS = ("in", "out")
OUTSIDE = -1
"""The layer of what is outside the blocks: embeddings, last norm, head."""
KEYS = ["direction", "layer", "window", "part"]
MEASURED = ["domain", "task_id", "sample", "correct", "reward", "n_tokens", "completion"]


@dataclass(frozen=True)
class Graft:
    """The tensors of one graft, and what its rows are called."""

    names: tuple[str, ...] = ()
    layer: int | None = None
    window: int | None = None
    part: str = "all"


def graft_layers(anchor: str | Path, expert: str | Path, tasks: list[Task], layers: int | Iterable[int] | None = None,
                 window: int = 1, part: str | None | Iterable[str | None] = None,
                 directions: str | Iterable[str] = DIRECTIONS, n: int = 4, temperature: float = 1.0,
                 max_new_tokens: int | None = None, seed: int = 0, device: str = "auto", dtype=None,
                 progress: bool = True) -> pd.DataFrame:
    """Graft layers of the expert into the anchor, of the anchor into the expert, and let each write completions.

    Args:
        anchor, expert: folders or hub ids, with the same tensor names and shapes.
        layers: the first layer of every window; -1, what is outside the blocks, is a graft of its own. None: all there
            are (-1 only where part is None).
        window: how many layers are grafted at once.
        part: "attn" or "mlp" of the layers alone; None: all their tensors. Several may be given, one after the other.
        directions: "in", "out" or both.
        n, temperature, max_new_tokens, seed: of the sampling, as in training.traces.write_traces (0: greedy).
        device, dtype: as in training.rollouts.load.
        progress: a bar on stderr, one step a graft.

    Returns: one row a completion: direction, layer (the first of the window), window, part ("all" where None), domain,
    task_id, sample, correct, reward, n_tokens, completion. The two whole models are there as directions "anchor" and
    "expert", with layer and window missing.
    Raises ProbeError (a ValueError) for models or tokenizers that do not fit together, layers, windows, parts or
    directions that are not there, and no tasks; CheckpointError for a model that cannot be opened.
    """
    from tqdm.auto import tqdm

    wanted, models = chosen_names(directions, DIRECTIONS, "direction", "graft in"), _opened(anchor, expert, tasks)
    parts = [part] if part is None or isinstance(part, str) else list(part)
    grafts = [graft for one in parts for graft in chosen_grafts(models[0].names, layers, window, one)]
    sampling = {"tasks": tasks, "n": n, "temperature": temperature, "max_new_tokens": max_new_tokens, "seed": seed}
    with tqdm(total=2 + len(wanted) * len(grafts), desc="grafting", disable=not progress) as bar:
        sides = (("anchor", "in", *models), ("expert", "out", *models[::-1]))
        tables = [table for whole, direction, own, donor in sides for table in _measured(
            own, donor, {whole: [Graft()], direction: grafts if direction in wanted else []}, (device, dtype), sampling,
            bar)]
    return pd.concat(tables, ignore_index=True)


def graft_gains(table: pd.DataFrame) -> pd.DataFrame:
    """What each graft carries of the expert's gain: one row a (direction, layer, window, part, domain).

    Args: table, as graft_layers gives it (tables of one anchor and one expert may be put together, for several parts).
    Returns: the columns named, and n_tasks; accuracy, the mean over tasks of the mean over samples; gain, in accuracy:
    what "in" has above the anchor, what "out" lacks of the expert; ci_low, ci_high, its 95 % interval, paired and
    bootstrapped over tasks; share, the gain over the whole gain (NaN where that is not above 0). The direction "expert"
    is the whole gain itself, over the anchor.
    Raises ProbeError where one of the whole models is missing, or has other tasks.
    """
    rows = []
    for domain, rest in table.groupby("domain", sort=False):
        anchor, expert = (_by_task(rest[rest["direction"] == whole], whole, domain) for whole in ("anchor", "expert"))
        for key, graft in rest[rest["direction"] != "anchor"].groupby(KEYS, sort=False, dropna=False):
            rows.append((*key, domain, *_gain(_by_task(graft, key[0], domain), anchor, expert, key[0])))
    columns = [*KEYS, "domain", "n_tasks", "accuracy", "gain", "ci_low", "ci_high", "share"]
    return pd.DataFrame(rows, columns=columns).astype({"layer": "Int64", "window": "Int64"})


def _by_task(rows: pd.DataFrame, direction: str, domain: str) -> pd.Series:
    """Accuracy by task."""
    if rows.empty:
        raise ProbeError(f"the table has no rows of direction {direction!r} in {domain}; gains are measured against it")
    return rows["correct"].astype(float).groupby(rows["task_id"]).mean()


def _gain(accuracy: pd.Series, anchor: pd.Series, expert: pd.Series, direction: str) -> tuple:
    """(tasks, accuracy, gain, its interval, share), from accuracies by task."""
    if not accuracy.index.equals(anchor.index) or not accuracy.index.equals(expert.index):
        raise ProbeError(f"direction {direction!r} has other tasks than the anchor and the expert")
    gain = interval((expert - accuracy if direction == "out" else accuracy - anchor).to_numpy()[:, None])
    whole = (expert - anchor).mean()
    share = gain.value / whole if whole > 0 else np.nan
    return len(accuracy), accuracy.mean(), gain.value, gain.low, gain.high, share


def chosen_grafts(names: Iterable[str], layers=None, window: int = 1, part: str | None = None) -> list[Graft]:
    """The grafts asked for, each once, from the names of a model's tensors; arguments as in graft_layers."""
    where = {name: layer for name, (layer, _) in places(names).items()}
    n = 1 + max(where.values())
    if part is not None and part not in PARTS:
        raise ProbeError(f"unknown part {part!r}; choose {' or '.join(PARTS)}, or None for all of a layer")
    if not isinstance(window, int) or isinstance(window, bool) or not 1 <= window <= n:
        raise ProbeError(f"window is {window!r}; choose 1 to {n} layers")
    every = ([OUTSIDE] if part is None else []) + list(range(n - window + 1))
    wanted = every if layers is None else [layers] if isinstance(layers, int) else list(layers)
    if not wanted:
        raise ProbeError(f"no layers to graft; choose among {every[0]} to {every[-1]}, or None for all")
    for layer in wanted:
        if isinstance(layer, bool) or layer not in every:
            raise ProbeError(f"no graft of {part or 'all'}, {window} layers wide, begins at {layer!r}; choose among "
                             f"{every[0]} to {every[-1]}{' (-1: outside the blocks)' if part is None else ''}")
    return [_graft(where, layer, window if layer >= 0 else 1, part) for layer in dict.fromkeys(wanted)]


def _graft(where: dict[str, int], layer: int, window: int, part: str | None) -> Graft:
    names = tuple(name for name, place in where.items() if layer <= place < layer + window
                  and (part is None or any(re.fullmatch(PARTS[part], word) for word in name.split("."))))
    if not names:
        raise ProbeError(f"no tensor of layer {layer} belongs to {part}; its tensors are "
                         f"{', '.join(name for name, place in where.items() if place == layer)}")
    return Graft(names, layer, window, part or "all")


def _opened(anchor: str | Path, expert: str | Path, tasks: list[Task]) -> tuple[Checkpoint, Checkpoint]:
    if not tasks:
        raise ProbeError("no tasks to measure a gain on; give at least one")
    models = Checkpoint(anchor, keep=True), Checkpoint(expert, keep=True)
    if problem := mismatch(*models):
        raise ProbeError(f"the expert ({expert}) {problem}; the base is the anchor ({anchor})")
    _check_prompts(models, tasks)
    return models


def _check_prompts(models: tuple[Checkpoint, Checkpoint], tasks: list[Task]) -> None:
    """ProbeError unless both models read the tasks as the same tokens: else a gain is not one of weights alone."""
    ours, theirs = (open_tokenizer(model.path) for model in models)
    for task in tasks:
        if render(ours, task.prompt) != render(theirs, task.prompt):
            raise ProbeError(f"{models[0].source} and {models[1].source} read task {task.id} as other tokens; save "
                             "both with one tokenizer and chat template")


def _measured(own: Checkpoint, donor: Checkpoint, runs: dict[str, list[Graft]], load_as: tuple, sampling: dict, bar,
              ) -> Iterator[pd.DataFrame]:
    """The rows of every (direction, graft) of one receiver, which is loaded once."""
    network, tokenizer = load(own.source, *load_as)
    check_names(network, own)
    for direction, graft in [(direction, graft) for direction, grafts in runs.items() for graft in grafts]:
        with grafted(network, own, donor, graft.names):
            traces = write_traces(network, tokenizer, own.source, **sampling)
        numbers = {key: pd.array([value] * len(traces), dtype="Int64")
                   for key, value in (("layer", graft.layer), ("window", graft.window))}
        yield traces[MEASURED].assign(direction=direction, part=graft.part, **numbers)[[*KEYS, *MEASURED]]
        bar.update()


def check_names(network, checkpoint: Checkpoint) -> None:
    """ProbeError for a tensor of the checkpoint that the loaded model does not have under this name."""
    lost = sorted(set(checkpoint.names) - set(network.state_dict()))
    if lost:
        raise ProbeError(f"{checkpoint.source} holds {len(lost)} tensors that {type(network).__name__} lacks under "
                         f"these names: {', '.join(lost[:3])}; load it with transformers and save it again")


@contextmanager
def grafted(network, own: Checkpoint, donor: Checkpoint, names: Iterable[str]) -> Iterator[None]:
    """While the block runs, these tensors of a loaded model are the donor's; then again those of its own checkpoint."""
    try:
        overwrite(network, donor, names)
        yield
    finally:
        overwrite(network, own, names)


@torch.no_grad()
def overwrite(network, checkpoint: Checkpoint, names: Iterable[str]) -> None:
    """Copy tensors of a checkpoint into a loaded model, in the model's own dtype; tied weights change together."""
    tensors = network.state_dict()
    for name in names:
        tensors[name].copy_(checkpoint.tensor(name))
