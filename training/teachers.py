"""Teachers: what a model gives the tokens of texts that another wrote, from weights here or behind a server.

    >>> teacher = open_teacher("runs/organism/seed0/models/expert-math", tokenizer)     # or "http://host:8000/v1"
    >>> teacher.logps(input_ids, attention_mask, keep)                                  # (rows, keep)

A server speaks OpenAI's completions API with `echo`, as vLLM does: it is sent token ids, generates nothing, and returns
a log-probability for every token. Teacher and student must have the same tokens: of a local teacher all are compared,
of a server those of every text it scores, by what they spell; a length that differs is an error, never cut.
"""

from __future__ import annotations

import torch

from training.checkpoints import Checkpoint
from training.merging.vocabulary import differing
from training.server import Server, ServerError

ROWS = 16
"""Texts that a local teacher scores at once."""


class TeacherError(ValueError):
    """A teacher that cannot be opened, or does not score what the student wrote."""


class LocalTeacher:
    """A model whose weights are loaded here."""

    def __init__(self, model: str, student: str, temperature: float = 1.0):
        from training.rollouts import load

        problem = differing(Checkpoint(student, keep=True), Checkpoint(model, keep=True))
        if problem:
            raise TeacherError(f"teacher {model} {problem.replace('the base', 'the student')}")
        self._model, self._temperature = load(model, dtype=torch.float32)[0], temperature

    @torch.no_grad()
    def logps(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, keep: int) -> torch.Tensor:
        """Log-probabilities of the last `keep` columns, (rows, keep); 0 where the mask is 0."""
        found = [self._some(ids, mask, keep) for ids, mask in
                 zip(input_ids.split(ROWS), attention_mask.split(ROWS), strict=True)]
        return torch.cat(found)

    def _some(self, ids: torch.Tensor, mask: torch.Tensor, keep: int) -> torch.Tensor:
        scores = self._model(input_ids=ids, attention_mask=mask, logits_to_keep=keep + 1).logits[:, :-1]
        scores = scores.float() / self._temperature
        chosen = scores.gather(2, ids[:, -keep:, None])[:, :, 0] - scores.logsumexp(2)
        return chosen * mask[:, -keep:]


class ServedTeacher:
    """A model behind an OpenAI-compatible server."""

    def __init__(self, url: str, tokenizer, temperature: float = 1.0):
        if temperature != 1:
            raise TeacherError(f"teacher {url} scores at temperature 1, the student samples at {temperature:g}: use "
                               "local weights, or sample at 1")
        self._server, self._tokenizer = Server(url), tokenizer
        served = _asked(self._server.models)
        if not served:
            raise TeacherError(f"teacher {url} serves no model")
        self._name = next(iter(served))

    def logps(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, keep: int) -> torch.Tensor:
        """As of a LocalTeacher."""
        texts = [ids[mask.bool()].tolist() for ids, mask in zip(input_ids, attention_mask, strict=True)]
        given = _asked(self._server.score, self._name, texts, self._tokenizer)
        found = torch.zeros(len(texts), keep, device=input_ids.device)
        for row, mask, values in zip(found, attention_mask, given, strict=True):
            wanted = mask[-keep:].bool()
            row[wanted] = torch.tensor([0.0, *values], device=row.device)[len(values) + 1 - int(wanted.sum()):]
        return found


def _asked(ask, *arguments):
    """What a server answers, or a TeacherError."""
    try:
        return ask(*arguments)
    except ServerError as error:
        raise TeacherError(f"teacher {error}") from error


def open_teacher(model: str, student: str, tokenizer, temperature: float = 1.0) -> LocalTeacher | ServedTeacher:
    """The teacher of a folder, hub id or server's address; `student`: the model that learns, with its tokenizer."""
    if model.startswith(("http://", "https://")):
        return ServedTeacher(model, tokenizer, temperature)
    return LocalTeacher(model, student, temperature)
