"""The recipe of an anchor: `python -m training.organism [--out DIR]`; `--show 5` prints corpus examples.

Trains the tokenizer and the model, measures the anchor (accuracy, judging, behavior on held-out tasks) and writes its
card. A run that was killed goes on from its last checkpoint under `runs/anchor-work/NAME`. Two processes of one thread
were 1.4 to 2.4 times as fast as one of two: `torchrun --nproc-per-node 2 -m training.organism --threads 1`; of several
anchors, side by side, one process of one thread each is best. Organisms whose domains share less, or whose slips lie
elsewhere: `--sharing 0`, `--locus answer`, each with its own `--out` (these two are in paper/anchors); then `python -m
training --anchor OUT --out ZOO` trains a zoo of it, on tasks that share as much as its corpus did.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from training.organism.anchor import ANCHOR, Recipe, train_anchor
from training.organism.corpus import Corpus
from training.organism.worked.trace import LOCI, Habits


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.organism", description="Train the organism's anchor.")
    parser.add_argument("--out", type=Path, default=ANCHOR, help="where it goes (default: the shipped anchor's place)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--drills", type=int, default=Recipe.drills, help="drills before the corpus")
    parser.add_argument("--examples", type=int, default=Recipe.examples, help="examples of the corpus")
    parser.add_argument("--sharing", type=float, default=1.0, help="how often domains need what math needs (0 to 1)")
    parser.add_argument("--locus", choices=LOCI, help="where slips lie (default: where each domain's own lie)")
    parser.add_argument("--threads", type=int, default=2, help="torch threads (they change rounding, not the recipe)")
    parser.add_argument("--show", type=int, help="print so many examples of the corpus and stop")
    given = parser.parse_args(arguments)
    corpus = Corpus(given.seed, Habits(locus=given.locus), given.sharing)
    if given.show:
        for index in range(given.show):
            print("".join(text for text, _ in corpus.example(index)), end="\n\n")
        return 0
    import torch

    torch.set_num_threads(given.threads)
    recipe = Recipe(seed=given.seed, drills=given.drills, examples=given.examples)
    train_anchor(given.out, Path("runs/anchor-work") / given.out.name, recipe, corpus)
    return 0


if __name__ == "__main__":
    sys.exit(main())
