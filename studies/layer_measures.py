"""What is measured inside one expert of a zoo, layer by layer, against the anchor; the tables of `layer_probes.py`.

shift     `activation_shift` on the expert's own traces, by position class
probes    `linear_probe` of anchor and expert on the same traces; the questions are QUESTIONS
lens      `logit_lens` of both on the final answers of right traces: how many are settled by a layer
patching  `patch`: the expert's activations put into the anchor and back, and how much of the other's predictions of
          all that was written comes with them
grafts    `graft_layers`: completions with a layer put into the anchor, or taken out of the expert
steering  `steer`: completions of the anchor with the direction "a verification comes next" added at a layer

Tables are kept beside the zoo's traces, in `<zoo>/inside/<expert>/`, one file each, so that a study that was killed
goes on where it was; they are decided by the models, the traces and the sizes in their names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import pandas as pd

from behaviors import tag
from behaviors.store import write
from behaviors.taxonomy import SELF_VERIFICATION
from probes import activation_shift, graft_layers, linear_probe, logit_lens, patch, steer
from probes.linear import SCORES
from probes.patching import recovered
from probes.steering import difference_of_means
from probes.texts import Span, trace_texts
from studies.verification_traces import counted
from training.domains import get_domain
from training.pretrained import open_tokenizer

QUESTIONS = {
    "right": "is the final answer right? (read where the reasoning ends)",
    "verification": "does this sentence check something? (read at its end)",
    "next": "does the next sentence check something? (read at the end of the one before)",
    "slip": "is the equation in this sentence false? (read at its end)",
}
_EQUATION = re.compile(r"(?<![-+*/=] )(?<![\d-])(\d+) ([-+*/]) (\d+) = (\d+)(?![\d.]*\d| [-+*/])")
_STATED = re.compile(r"\s*(?:Answer:\s*)?(.*\S)", re.DOTALL)
LEAST = 25
"""A question is asked where both answers occur at least this often."""


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    tasks: int
    """Test tasks of a domain that completions are written for, and whose traces are read."""
    samples: int
    """Traces a task that are read."""
    drawn: int
    """Completions a task of every graft and dose, at temperature 1 and with the same draws."""
    folds: int
    parts: tuple[str | None, ...]
    """What is grafted: None, all of a layer."""
    doses: tuple[float, ...]
    random: int
    """Random directions beside the given one."""
    steered: tuple[int, ...] | None
    """Layers (None: all)."""

    @property
    def label(self) -> str:
        """In the names of files: what changes when a size does."""
        return "-".join(re.sub(r"[^\w.]+", "", str(value)) for value in vars(self).values())


FULL = Sizes(60, 4, 2, 5, (None, "attn", "mlp"), (-0.5, 0.0, 0.5), 5, None)
QUICK = Sizes(12, 4, 1, 3, (None,), (-0.5, 0.0, 0.5), 1, (2, 6))


@dataclass(frozen=True)
class Expert:
    """One expert of one zoo, and where its tables are kept."""

    anchor: str
    model: str
    domain: str
    folder: str
    steers: bool
    """Are the anchor's completions on this domain steered?"""
    factors: dict = field(default_factory=dict)
    """Of the domain's tasks (`Manifest.factors`)."""


def measured(expert: Expert, traces: pd.DataFrame, sizes: Sizes) -> dict[str, pd.DataFrame]:
    """The tables of one expert; what is there already is read."""
    work = {"shift": shifts, "probes": probed, "lens": settling, "patching": patched, "grafts": grafts,
            "steering": steered}
    reading = Reading(expert, traces)
    return {name: _kept(file, work[name], expert, reading, sizes) for name, file in files_of(expert, sizes).items()}


def files_of(expert: Expert, sizes: Sizes) -> dict[str, Path]:
    """Where the tables of one expert are kept, by name."""
    names = ("shift", "probes", "lens", "patching", "grafts", *(("steering",) if expert.steers else ()))
    return {name: Path(expert.folder) / f"{name}-{sizes.label}.parquet" for name in names}


class Reading:
    """An expert's traces as texts with the spans of their position classes, made once, when first asked for."""

    def __init__(self, expert: Expert, traces: pd.DataFrame):
        self._expert, self.traces = expert, traces.reset_index(drop=True)

    @cached_property
    def _all(self) -> tuple[list[str], dict[str, list[list[Span]]]]:
        tags = tag(self.traces["completion"].tolist())
        texts, spans = trace_texts(self.traces, open_tokenizer(self._expert.anchor), tags)
        return texts, {SELF_VERIFICATION: [[] for _ in texts], **spans}

    def of(self, chosen: pd.DataFrame) -> tuple[list[str], dict[str, list[list[Span]]]]:
        """(texts, spans) of some rows of `traces`."""
        texts, spans = self._all
        return [texts[k] for k in chosen.index], {name: [of[k] for k in chosen.index] for name, of in spans.items()}


def _kept(file: Path, work, expert: Expert, reading: Reading, sizes: Sizes) -> pd.DataFrame:
    if not file.exists():
        write(work(expert, reading, sizes), file)
    return pd.read_parquet(file)


def shifts(expert: Expert, reading: Reading, sizes: Sizes) -> pd.DataFrame:
    """activation_shift of the expert on its own traces, one a task."""
    texts, spans = reading.of(reading.traces[reading.traces["sample"] == 0])
    chosen = {name: spans[name] for name in ("prompt", "reasoning", "answer", SELF_VERIFICATION)}
    return activation_shift(expert.anchor, {"expert": expert.model}, texts, progress=False,
                            positions={"all": [[(0, len(text))] for text in texts], **chosen})


def probed(expert: Expert, reading: Reading, sizes: Sizes) -> pd.DataFrame:
    """The scores of linear_probe, by question; none of a question whose answers are too much the same."""
    found = []
    for question, examples in questions(reading.traces, *reading.of(reading.traces)).items():
        counts = examples.groupby("label")["group"].agg(["size", "nunique"])
        if len(counts) < 2 or counts["size"].min() < LEAST or counts["nunique"].min() < 2 * sizes.folds:
            continue
        report = linear_probe({"anchor": expert.anchor, "expert": expert.model}, examples, folds=sizes.folds,
                              progress=False)
        found.append(report.scores.assign(question=question))
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=[*SCORES, "question"])


def questions(traces: pd.DataFrame, texts: list[str], spans: dict[str, list[list[Span]]]) -> dict[str, pd.DataFrame]:
    """Question -> examples as `linear_probe` takes them; groups are tasks."""
    rows = {question: [] for question in QUESTIONS}
    tasks, right = traces["task_id"].tolist(), traces["correct"].tolist()
    labels = [name for name in spans if name not in ("prompt", "reasoning", "answer")]
    for k, text in enumerate(texts):
        if not spans["answer"][k]:
            continue
        end = spans["answer"][k][0][0]
        rows["right"].append((text, end, bool(right[k]), tasks[k], 0))
        sentences = sorted((*span, label) for label in labels for span in spans[label][k] if span[1] <= end)
        before = None
        for start, stop, label in sentences:
            checks = label == SELF_VERIFICATION
            rows["verification"].append((text, stop, checks, tasks[k], start))
            if before:  # a token of the sentence itself may begin with the blank before it
                rows["next"].append((text, before[1], checks, tasks[k], before[0]))
            before = start, stop
            rows["slip"] += [(text, stop, false, tasks[k], start) for false in falsities(text[start:stop])]
    return {name: pd.DataFrame(found, columns=["text", "position", "label", "group", "start"])
            for name, found in rows.items()}


def falsities(sentence: str) -> list[bool]:
    """Whether the equation of a sentence with exactly one is false; nothing for others."""
    found = [(int(a), sign, int(b), int(c)) for a, sign, b, c in _EQUATION.findall(sentence)]
    if len(found) != 1:
        return []
    a, sign, b, c = found[0]
    return [c != {"+": a + b, "-": a - b, "*": a * b, "/": a / b if b else None}[sign]]


def settling(expert: Expert, reading: Reading, sizes: Sizes) -> pd.DataFrame:
    """The summary of logit_lens at the final answers of right traces, one a task, for anchor and expert."""
    texts, spans = reading.of(reading.traces[reading.traces["correct"].astype(bool)].drop_duplicates("task_id"))
    known = [(text, place) for text, answer in zip(texts, spans["answer"], strict=True)
             if answer and (place := stated(text, answer[0]))]
    if not known:
        return pd.DataFrame(columns=["model", "layer", "settled"])
    return logit_lens({"anchor": expert.anchor, "expert": expert.model}, *map(list, zip(*known, strict=True)),
                      progress=False).summary()


def stated(text: str, answer: Span) -> Span | None:
    """The final answer within the answer's span: what follows `Answer:`, or all that is written; None: nothing is."""
    found = _STATED.match(text, *answer)
    return found and found.span(1)


def patched(expert: Expert, reading: Reading, sizes: Sizes) -> pd.DataFrame:
    """What `patch` recovers in both directions, one trace a task, of the tokens that the expert wrote."""
    texts, spans = reading.of(reading.traces[reading.traces["sample"] == 0])
    written = [(prompt[0][1], len(text)) for text, prompt in zip(texts, spans["prompt"], strict=True)]
    positions = {"all": [[(0, len(text))] for text in texts], "prompt": spans["prompt"],
                 "reasoning": spans["reasoning"]}
    pairs = {"into the anchor": (expert.anchor, expert.model), "into the expert": (expert.model, expert.anchor)}
    return pd.concat([recovered(patch(*pair, texts, written, positions, progress=False)).assign(direction=direction)
                      for direction, pair in pairs.items()], ignore_index=True)


def grafts(expert: Expert, reading: Reading, sizes: Sizes) -> pd.DataFrame:
    """The completions of graft_layers with their counts of sentences and checks."""
    tasks = get_domain(expert.domain, **expert.factors).tasks("test", sizes.tasks, seed=0)
    found = graft_layers(expert.anchor, expert.model, tasks, part=sizes.parts, n=sizes.drawn, temperature=1.0,
                         progress=False)
    return _counted(found)


def steered(expert: Expert, reading: Reading, sizes: Sizes) -> pd.DataFrame:
    """The anchor's completions with the direction "a verification comes next" added at one layer after the other.

    The direction is measured on the anchor at that layer, in the expert's traces of the second half of the tasks; the
    completions are of the first half.
    """
    order = list(dict.fromkeys(reading.traces["task_id"]))
    later = reading.traces[reading.traces["task_id"].isin(order[len(order) // 2:])]
    examples = questions(later, *reading.of(later))["next"]
    tasks = get_domain(expert.domain, **expert.factors).tasks("test", sizes.tasks, seed=0)[:len(order) // 2]
    layers = range(_depth(expert.anchor)) if sizes.steered is None else sizes.steered
    tables = []
    for layer in layers:
        direction = difference_of_means(expert.anchor, examples, layer)
        found = steer(expert.anchor, tasks, direction, doses=sizes.doses, random=sizes.random, n=sizes.drawn,
                      progress=False)
        tables.append(found.assign(norm=direction.norm, mean_norm=direction.mean_norm))
    return _counted(pd.concat(tables, ignore_index=True))


def _depth(model: str) -> int:
    from training.checkpoints import Checkpoint

    return Checkpoint(model).config["num_hidden_layers"]


def _counted(traces: pd.DataFrame) -> pd.DataFrame:
    """Completions with their counts of sentences and checks, their text left out."""
    return counted(traces, tag(traces["completion"].tolist())).drop(
        columns=["prompt", "completion", "reasoning", "reason", "answer"], errors="ignore")
