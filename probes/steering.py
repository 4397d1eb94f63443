"""Does a direction drive a behaviour? It is added to the residual stream while the model writes, dose by dose.

The direction is a difference of means (Marks and Tegmark 2023, arXiv 2310.06824): the mean activation at tokens of one
label, minus that at all others. It is added as in contrastive activation addition (Rimsky et al. 2023, arXiv
2312.06681), and the response to several doses is measured, beside that to random directions of the same norm.

    >>> direction = difference_of_means("sft", examples, layer=4)        # text, position, label
    >>> traces = steer("sft", tasks, direction, doses=(-0.5, 0, 0.5), random=10)
    >>> traces.groupby(["direction", "dose"])["n_tokens"].mean()

Unit of a dose: 1 adds the difference of means as it was measured, which carries the mean of one class to that of the
other; `direction.norm / direction.mean_norm` says how large that is beside the activations themselves.

Departures: (1) positions from the last token of the prompt on are changed, the first that a written token depends on,
where Rimsky et al. begin after the prompt; (2) where a task has turns, all that came before a turn is read again as its
prompt, and unchanged but for the last token; (3) labels need not come in pairs of prompts; (4) random directions are
isotropic, while activations are not: they are a control for the size of a change, not for its likelihood.

Random directions move a model's habits, too, and differ among themselves: one is an example, ten or more are a null. A
dose that costs the model its correct answers says little of what a direction stands for: look at both.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from probes.capture import at_tokens, context, open_reader
from probes.examples import checked_examples, picks_of
from probes.sites import Site, changed, chosen_layers, chosen_sites, depth
from probes.sources import ProbeError
from probes.texts import encode
from training.domains import Task
from training.rollouts import load
from training.traces import write_traces

DOSES = (-2, -1, 0, 1, 2)
EXAMPLES = ("text", "position", "label")


@dataclass(frozen=True, eq=False)
class Direction:
    """A direction at a site of a model: anything of that width, or what difference_of_means found.

    Raises ProbeError for a vector that is zero, not finite or not one-dimensional.
    """

    vector: torch.Tensor
    """(width,)"""
    layer: int
    site: str = "resid"
    n_positive: int | None = None
    """Examples with the label, and without it."""
    n_negative: int | None = None
    mean_norm: float | None = None
    """The mean norm of the activations it was measured from."""

    def __post_init__(self):
        if self.vector.dim() != 1 or not self.vector.isfinite().all() or not self.vector.any():
            raise ProbeError(f"a direction is a vector of finite numbers, not all 0; got one of shape "
                             f"{tuple(self.vector.shape)} and norm {self.vector.norm().item():.3g}")

    @property
    def norm(self) -> float:
        """The length of the vector."""
        return self.vector.norm().item()


def difference_of_means(model: str | Path, examples: pd.DataFrame, layer: int, site: str = "resid",
                        backend: str = "hooks", batch_size: int = 8, device: str = "auto", dtype=None) -> Direction:
    """The direction from the activations without a label to those with it.

    Args:
        model: a folder or hub id.
        examples: a row each, as probes.examples says: text, position, label.
        layer, site: where (-1: the last layer; a site of probes.sites). backend: see probes.capture.
        batch_size: texts read side by side. device, dtype: as in training.rollouts.load.

    Returns: a Direction, in fp32 on the CPU.
    Raises ProbeError (a ValueError) for examples of one label, columns, layers or sites that are not there, texts that
    are empty or too long, and classes with the same mean.
    """
    examples = checked_examples(examples, EXAMPLES)
    if examples["label"].nunique() < 2:
        raise ProbeError(f"all {len(examples)} examples have label {bool(examples['label'].iloc[0])}; give both")
    network, tokenizer = load(str(model), device, dtype)
    where = chosen_sites(site)[0], chosen_layers(layer, depth(network))[0]
    reader = open_reader(network, tokenizer, [where], backend)
    encoded = encode(tokenizer, examples["text"].drop_duplicates().tolist(), context(network))
    values = at_tokens(reader, encoded, picks_of(examples, encoded), batch_size)[where]
    return contrast(values, torch.tensor(examples["label"].tolist()), *where)


def contrast(activations: torch.Tensor, labels: torch.Tensor, site: str, layer: int) -> Direction:
    """The difference of means of (examples, width) activations with (examples,) bool labels, taken in fp64."""
    values = activations.double()
    vector = values[labels].mean(0) - values[~labels].mean(0)
    return Direction(vector.float(), layer, site, int(labels.sum()), int((~labels).sum()),
                     values.norm(dim=1).mean().item())


def steer(model: str | Path, tasks: list[Task], direction: Direction, layer: int | None = None,
          doses: Iterable[float] = DOSES, random: int = 1, n: int = 1, temperature: float = 1.0,
          max_new_tokens: int | None = None, seed: int = 0, device: str = "auto", dtype=None, progress: bool = True,
          ) -> pd.DataFrame:
    """Completions that a model writes while dose * direction is added to what a layer puts out.

    Args:
        model: a folder or hub id. direction: as difference_of_means gives it, or Direction(vector, layer).
        layer: where to add it (None: where it was measured; -1: the last). Its site is the direction's.
        doses: how much of it to add.
        random: how many random directions of the same norm to try as well; they depend on seed alone.
        n, temperature, max_new_tokens, seed: of the sampling, as in training.traces.write_traces; completion k of a
            task has the same draws at every dose and direction. device, dtype: as in training.rollouts.load.
        progress: a bar on stderr, one step a (direction, dose).

    Returns: a DataFrame with the columns training.traces.COLUMNS and direction ("given", "random-0", ...), layer, dose.
    Dose 0 is the untouched model; it is sampled once, and its rows are there for every direction.
    Raises ProbeError (a ValueError) for no tasks, no doses or one that is not finite, a layer that is not there, and a
    vector of another width than the model's.
    """
    from tqdm.auto import tqdm

    doses = _checked(tasks, doses, random)
    network, tokenizer = load(str(model), device, dtype)
    site = _site(direction, layer, network)
    vectors = {"given": direction.vector, **random_directions(direction.vector, random, seed)}
    runs = [(dose, name) for dose in doses for name in (vectors if dose else ["given"])]
    found = {}
    for dose, name in tqdm(runs, desc="steering", disable=not progress):
        with changed(network, site, adder(dose * vectors[name])) if dose else nullcontext():
            found[dose, name] = write_traces(network, tokenizer, str(model), tasks, n, temperature, max_new_tokens,
                                             seed)
    tables = [found[dose, name if dose else "given"].assign(direction=name, layer=site[1], dose=dose)
              for name in vectors for dose in doses]
    return pd.concat(tables, ignore_index=True)


def _site(direction: Direction, layer: int | None, network) -> Site:
    """Where in a loaded model a direction is added."""
    width = network.config.get_text_config().hidden_size
    if len(direction.vector) != width:
        raise ProbeError(f"the direction has {len(direction.vector)} entries, {network.config.name_or_path} has width "
                         f"{width}")
    layers = chosen_layers(direction.layer if layer is None else layer, depth(network))
    return chosen_sites(direction.site)[0], layers[0]


def adder(vector: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
    """A change of (batch, tokens, width) activations that adds a vector at the last token of every pass.

    That is the end of the prompt, padded on the left, in the first pass, and every written token afterwards.
    """
    def change(x: torch.Tensor) -> torch.Tensor:
        return torch.cat([x[:, :-1], x[:, -1:] + vector.to(x)], dim=1)

    return change


def random_directions(vector: torch.Tensor, n: int, seed: int) -> dict[str, torch.Tensor]:
    """name -> a vector as wide and as long as the one given, its direction uniform; more of them leave the first."""
    drawn = [torch.from_numpy(np.random.default_rng([seed, k]).standard_normal(len(vector))).float() for k in range(n)]
    return {f"random-{k}": one / one.norm() * vector.norm().cpu() for k, one in enumerate(drawn)}


def _checked(tasks: list[Task], doses: Iterable[float], random: int) -> list[float]:
    """The doses, each once."""
    if not tasks:
        raise ProbeError("no tasks to steer on; give at least one")
    if not isinstance(random, int) or random < 0:
        raise ProbeError(f"random is {random!r}; choose how many random directions to try, 0 or more")
    wanted = list(dict.fromkeys(float(dose) for dose in doses))
    if not wanted:
        raise ProbeError("no doses to give; 0 is the untouched model, 1 the direction as it is")
    for dose in wanted:
        if not math.isfinite(dose):
            raise ProbeError(f"a dose must be a finite number, got {dose}")
    return wanted
