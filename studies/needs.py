"""What every study of a zoo needs: models, disk, completions and a GPU's memory; worked out, nothing is downloaded.

    python studies/needs.py [--zoo m2rl-4b] [--quick]           # that of m2rl-4b: docs/guides/scale.md

Counted from what the studies themselves ask for. Disk: models that are read, and merges that are written and kept, in
bf16. At once: models that lie in memory together; their weights in bf16 are the GPU column, keys and values of what is
written or read come on top (`cache`: bytes a token). The studies that only read weights need no GPU, and of a model on
the hub one shard at a time on the disk. Completions are of each seed; what several studies ask for is sampled once, so
the last row is less than the sum. Tasks are the house's own, as for the organism.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from importlib import import_module

from behaviors.store import Asked
from studies import weight_shift
from studies.all import STUDIES
from studies.harness import ERRORS
from studies.policy_scores import chosen_models
from training.dry_run import shape_of
from training.footprint import SIZE, Shape, cache
from training.zoo import RELEASED, Zoo

GB = 1e9
WEIGHTS_ONLY = "weight_shift"
SCORING = ("policy_neighborhoods", "information_constraints")
"""The studies that hold all policies that they compare in memory."""


@dataclass(frozen=True)
class Needs:
    """What a study needs."""

    study: str
    trained: int
    """Models that it reads: the anchor, experts, mixed and others."""
    merges: int
    """That it makes and keeps."""
    completions: int
    at_once: int
    """Models in memory together."""

    def row(self, weights: int) -> list[str]:
        """Its row of the table; weights: bytes of a model."""
        gpu = f"{self.at_once * weights / GB:.0f} GB" if self.at_once else "none"
        disk = f"{(self.trained + self.merges) * weights / GB:.0f} GB"
        return [self.study, str(self.trained), str(self.merges), disk, f"{self.completions:,}", str(self.at_once), gpu]


def needs(zoo: Zoo, quick: bool) -> list[Needs]:
    """Of every study, in the order in which they run, and of all together."""
    found, everything, names = [], [], set()
    for study in STUDIES:
        asked = [] if study == WEIGHTS_ONLY else import_module(f"studies.{study}").asked(zoo, quick)
        models = {one.model for one in asked} or {"anchor", *weight_shift.chosen_models(zoo, quick)}
        if study in ("guided_merging", "layer_probes"):  # they start from the updates of all experts
            models |= {"anchor", *(f"expert-{domain}" for domain in zoo.experts)}
        found.append(counted(study, models, asked, zoo, at_once(study, zoo, quick)))
        everything, names = everything + asked, names | models
    return [*found, counted("all", names, everything, zoo, max(one.at_once for one in found))]


def at_once(study: str, zoo: Zoo, quick: bool) -> int:
    """How many models a study holds in memory together."""
    if study in SCORING:
        return len(chosen_models(zoo, quick))
    return {WEIGHTS_ONLY: 0, "layer_probes": 2}.get(study, 1)


def counted(study: str, models: set[str], asked: list[Asked], zoo: Zoo, together: int) -> Needs:
    """The needs of a study that reads these models and asks for these completions."""
    trained = {name for name in zoo.models if not name.startswith("merged-")}
    largest: dict[tuple[str, str], tuple[int, int]] = {}
    for model, domain, *sizes in asked:
        known = largest.get((model, domain), (0, 0))
        largest[model, domain] = tuple(map(max, known, sizes))
    completions = sum(tasks * samples for tasks, samples in largest.values())
    return Needs(study, len(models & trained), len(models - trained), completions, together)


def table(zoo: Zoo, shape: Shape, quick: bool) -> str:
    """A Markdown table, and what its numbers are of."""
    weights = SIZE["bfloat16"] * shape.params
    head = ["study", "models", "merges", "disk", "completions", "at once", "GPU, weights"]
    rows = [head, ["---", *["---:"] * (len(head) - 1)], *(one.row(weights) for one in needs(zoo, quick))]
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    said = (f"A model of {zoo.name} has {shape.params / 1e6:,.1f} M parameters, {weights / GB:.2f} GB in bf16, and "
            f"takes {cache(shape):,} bytes of keys and values a token.")
    return "\n".join([said, "", *lines])


def main(argv: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python studies/needs.py", description=__doc__.splitlines()[0])
    parser.add_argument("--zoo", default=RELEASED[0], help=f"a built-in name or a folder (default {RELEASED[0]})")
    parser.add_argument("--quick", action="store_true", help="of quick runs")
    chosen = parser.parse_args(argv)
    try:
        zoo = Zoo.load(chosen.zoo)
        print(table(zoo, shape_of(zoo.anchor), chosen.quick))
    except (*ERRORS, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
