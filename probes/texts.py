"""Texts as a model's tokens, and which of the tokens a probe looks at.

Tokens are tokenizer(text), the same for every model that is compared: a tokenizer that cuts one of the texts otherwise
is refused. Places in a text are spans of characters, (start, end); a token belongs to every span it shares a character
with. `trace_texts` writes traces as the texts their model read and wrote, chat markup and the environment's turns
included, with the spans of the position classes: prompt, reasoning, answer, and one for each label of tagged sentences.

    texts, spans = trace_texts(traces, tokenizer, tags)            # tags: behaviors.tag(traces["completion"].tolist())
    encoded = encode(tokenizer, texts)
    encoded.inside(0, spans["self_verification"][0])                # (tokens,) of the first text, bool
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd
import torch

from probes.sources import ProbeError
from training.rollouts import asked, response_text

Span = tuple[int, int]
CLASSES = ("prompt", "reasoning", "answer")
THOUGHT = re.compile(r"<think>(.*?)(?:</think>|\Z)", re.DOTALL)
_RESPONSES = re.compile(r"((?:<tool_response>(?:(?!<tool_response>).)*?</tool_response>)+)", re.DOTALL)


@dataclass(frozen=True)
class Encoded:
    """Texts as token ids, with the characters that every token stands for."""

    texts: list[str]
    ids: list[list[int]]
    offsets: list[list[Span]]

    def inside(self, text: int, spans: list[Span]) -> torch.Tensor:
        """Which tokens of a text share a character with one of the spans: (tokens,) bool."""
        return torch.tensor([any(start < stop and end > begin for begin, stop in spans if begin < stop)
                             for start, end in self.offsets[text]], dtype=torch.bool)

    def tokens(self, text: int, spans: list[Span]) -> list[int]:
        """The numbers of those tokens."""
        return self.inside(text, spans).nonzero()[:, 0].tolist()

    def mask(self, texts: list[int], spans: list[list[Span]], width: int) -> torch.Tensor:
        """`inside` of several texts, each with its own spans, padded on the right: (texts, width) bool."""
        found = torch.zeros(len(texts), width, dtype=torch.bool)
        for row, text in zip(found, texts, strict=True):
            row[:len(self.ids[text])] = self.inside(text, spans[text])
        return found

    def last(self, text: int, end: int) -> int:
        """The last token of a text that begins before a character. Raises ProbeError where there is none."""
        found = [k for k, (start, stop) in enumerate(self.offsets[text]) if start < end and stop > start]
        if not found:
            raise ProbeError(f"text {text} has no token before character {end}")
        return found[-1]

    def batches(self, size: int) -> Iterator[tuple[list[int], torch.Tensor, torch.Tensor]]:
        """(numbers of the texts, ids, mask), `size` texts at a time, like lengths together, padded on the right."""
        order = sorted(range(len(self.ids)), key=lambda k: len(self.ids[k]))
        for start in range(0, len(order), size):
            rows = order[start:start + size]
            width = max(len(self.ids[k]) for k in rows)
            ids = torch.tensor([self.ids[k] + [0] * (width - len(self.ids[k])) for k in rows])
            mask = torch.tensor([[1] * len(self.ids[k]) + [0] * (width - len(self.ids[k])) for k in rows])
            yield rows, ids, mask


def encode(tokenizer, texts: list[str], longest: int | None = None) -> Encoded:
    """Texts as tokens. Raises ProbeError for no texts, an empty one, one longer than `longest` tokens."""
    if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
        raise ProbeError("texts must be a list of str")
    if not texts:
        raise ProbeError("no texts to read; give at least one")
    if not tokenizer.is_fast:
        raise ProbeError(f"{type(tokenizer).__name__} does not say where tokens lie in a text; a fast tokenizer does")
    found = [tokenizer(text, return_offsets_mapping=True) for text in texts]
    encoded = Encoded(list(texts), [one["input_ids"] for one in found], [one["offset_mapping"] for one in found])
    for number, ids in enumerate(encoded.ids):
        if not texts[number] or not ids:
            raise ProbeError(f"text {number} is empty; leave it out")
    if longest is not None:
        check_length(encoded, longest)
    return encoded


def check_length(encoded: Encoded, longest: int) -> None:
    """ProbeError for a text of more than `longest` tokens."""
    for number, ids in enumerate(encoded.ids):
        if len(ids) > longest:
            raise ProbeError(f"text {number} has {len(ids)} tokens, the model's context holds {longest}; cut it, or "
                             "leave it out")


def check_tokens(encoded: Encoded, tokenizer, name: str) -> None:
    """ProbeError unless a model's tokenizer cuts every text as it was cut."""
    for number, text in enumerate(encoded.texts):
        if tokenizer(text)["input_ids"] != encoded.ids[number]:
            raise ProbeError(f"the tokenizer of {name} cuts text {number} otherwise; models are compared on the same "
                             "tokens only")


def chosen_spans(texts: list[str], positions) -> dict[str, list[list[Span]]]:
    """Position class -> the spans of every text.

    positions: None (one class, `all`); names among CLASSES, told by the marks <think> and </think>; or a dict of spans,
    {class: a list of (start, end) for every text}. Raises ProbeError for unknown names or lists of other lengths.
    """
    if positions is None:
        return {"all": [[(0, len(text))] for text in texts]}
    if not isinstance(positions, dict):
        names = [positions] if isinstance(positions, str) else list(positions)
        for name in names:
            if name not in CLASSES:
                raise ProbeError(f"unknown positions {name!r}; choose among {', '.join(CLASSES)}, or give spans")
        return {name: [marked(text)[name] for text in texts] for name in names}
    for name, spans in positions.items():
        if len(spans) != len(texts):
            raise ProbeError(f"positions {name!r} are of {len(spans)} texts; there are {len(texts)}")
    return positions


def marked(text: str, start: int = 0) -> dict[str, list[Span]]:
    """The spans of CLASSES in a text, of which the prompt takes `start` characters or all before the first <think>."""
    thoughts = [(match.start(1), match.end(1)) for match in THOUGHT.finditer(text, start)]
    first = text.find("<think>", start)
    closed = text.rfind("</think>", start)
    begin = start or (first if first >= 0 else len(text))
    answer = [(closed + len("</think>"), len(text))] if closed >= 0 else []
    return {"prompt": [(0, begin)], "reasoning": thoughts, "answer": answer}


def trace_texts(traces: pd.DataFrame, tokenizer, tags: pd.DataFrame | None = None,
                ) -> tuple[list[str], dict[str, list[list[Span]]]]:
    """Traces as texts, and the spans of the position classes in each.

    Args: traces, with columns prompt and completion; tags, one row a sentence of a completion (`text_id`, the trace's
    place; `start`, `end`, `label`), as behaviors.tag gives them: every label becomes a class, of sentences that the
    model began.
    The environment's turns are known by <tool_response>; what a model itself wrote in such marks passes for one.
    """
    written = [_written(tokenizer, row.prompt, row.completion) for row in traces.itertuples()]
    texts = [text for text, _ in written]
    spans = {name: [] for name in CLASSES}
    for text, pieces in written:
        found = marked(text, pieces[0][2])
        for name in CLASSES:
            spans[name].append(found[name])
    for label, rows in (tags.groupby("label", sort=True) if tags is not None else ()):
        spans[label] = [[] for _ in texts]
        for row in rows.itertuples():
            span = moved((row.start, row.end), written[row.text_id][1])
            spans[label][row.text_id] += [span] if span[0] < span[1] else []  # it began in what the environment said
    return texts, spans


def moved(span: Span, pieces: list[tuple[int, int, int]]) -> Span:
    """A span of a completion in the text that it is written in, cut off where its piece ends (then it may be empty).

    pieces: (place in the completion, length, place in the text), in order.
    """
    place, length, there = [piece for piece in pieces if piece[0] <= span[0]][-1]
    return there + span[0] - place, there + min(span[1] - place, length)


def _written(tokenizer, prompt: str, completion: str) -> tuple[str, list[tuple[int, int, int]]]:
    """The text of a trace, and its model's own pieces, as `moved` takes them."""
    bos = tokenizer.bos_token or ""
    text = asked(tokenizer, prompt)
    if bos and tokenizer("")["input_ids"][:1] == [tokenizer.bos_token_id]:
        text = text.removeprefix(bos)  # the tokenizer puts it there itself
    pieces, place = [], 0
    for k, piece in enumerate(_RESPONSES.split(completion)):
        if k % 2 == 0:
            pieces.append((place, len(piece), len(text)))
            text += piece
        else:
            text += response_text(tokenizer, piece)
        place += len(piece)
    return text, pieces
