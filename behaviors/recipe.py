"""Fit the shipped tagger: sentences written for this project, the organism's corpus, and public labelled traces.

    python -m behaviors.recipe [PUBLIC.jsonl ...] [--out behaviors/tagger.safetensors]

The files hold ReasoningFlow and thought-anchors in the form that `behaviors.sources` describes; they are no part of
this project. Without them the fit is on the project's own sentences and the organism's corpus alone. How well the
result agrees with people: `python benchmarks/tagger.py`.
"""

from __future__ import annotations

import argparse
import platform
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from behaviors.organism_truth import corpus_traces
from behaviors.sources import OWN, read_labelled, taxonomy
from behaviors.tagger import SHIPPED, BehaviorTagger

ORGANISM_TRACES = 200
OWN_WEIGHT, ORGANISM_WEIGHT = 0.4, 0.2
"""Weights of a sentence written for this project, and of the organism's corpus, which has many of few kinds."""


def organism_sentences() -> pd.DataFrame:
    """Labelled traces of the organism's corpus, as a table for `BehaviorTagger.fit`."""
    return pd.DataFrame([{"trace": f"organism/{k}", "text": text, "group": f"organism/{k}", "calibrates": False,
                          "source": "organism", **taxonomy(label)}
                         for k, trace in enumerate(corpus_traces(ORGANISM_TRACES, seed=1)) for text, label in trace])


def weighted(table: pd.DataFrame, weight: float) -> pd.DataFrame:
    """The table with every weight times this."""
    names = [name for name in table.columns if name.startswith("weight_")]
    return table.assign(**{name: weight * table[name] for name in names})


def labelled(public: list[Path]) -> pd.DataFrame:
    """All that the shipped weights are fitted on."""
    tables = [weighted(read_labelled(OWN), OWN_WEIGHT), weighted(organism_sentences(), ORGANISM_WEIGHT)]
    return pd.concat(tables + [read_labelled(path) for path in public], ignore_index=True)


def notes(table: pd.DataFrame) -> dict:
    """What goes into the weights beside them: sentences of each source, and versions."""
    return {"sentences": table["source"].value_counts().to_dict(),
            "versions": {name: version(name) for name in ("scikit-learn", "spacy", "numpy")},
            "python": platform.python_version()}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m behaviors.recipe", description="Fit the shipped tagger.")
    parser.add_argument("public", type=Path, nargs="*", help="labelled traces of public sources, JSON lines")
    parser.add_argument("--out", type=Path, default=SHIPPED, help="the weights to write")
    chosen = parser.parse_args()
    table = labelled(chosen.public)
    tagger = BehaviorTagger.fit(table, notes(table))
    print(tagger.save(chosen.out))
    for name, threshold in zip(tagger.classifier.behaviors, tagger.classifier.thresholds, strict=True):
        print(f"{name}: threshold {threshold:.2f}")


if __name__ == "__main__":
    main()
