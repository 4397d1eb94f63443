"""Server: a client of any server that speaks OpenAI's completions API, as `vllm serve` does.

    >>> server = Server("http://localhost:8000/v1")
    >>> server.models()                                                   # name -> what the server says of the model
    >>> server.complete(name, ids, max_tokens=128, seed=7)[0].text        # a prompt: token ids, or text
    >>> server.score(name, [ids, more_ids], tokenizer)                    # log-probabilities of given tokens

Fields are those of OpenAI's completions with vLLM's additions, as vLLM 0.32 defines them in
`vllm/entrypoints/openai/completion/protocol.py`. A key in VLLM_API_KEY, the variable that `vllm serve` reads, is sent.

Sampling is plain. `vllm serve` applies the sampling that a model's generation_config.json asks for (top-p, top-k, a
repetition penalty) wherever a request says nothing, so every request says that there is none. A server that refuses the
names that are not OpenAI's (EXTRAS) is asked without them, with a warning: its own defaults apply then.

What may pass is asked again, TRIES times, after pauses that double and are never the same: no connection, no answer in
TIMEOUT seconds, an answer that breaks off or was aborted, HTTP 408, 425, 429 and 5xx (not before a Retry-After is
over). Nonsense, which is no JSON or lacks what was asked for, is asked again NONSENSE times, other refusals never, nor
a server that cannot be reached and has never answered. A ServerError then says who, what, and after how many tries.
Safe to use from several threads; TOGETHER requests are under way at most in `side_by_side`.
"""

from __future__ import annotations

import os
import random
import warnings
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import count
from threading import Event

import requests
from requests.adapters import HTTPAdapter

TIMEOUT = 1800.0
"""Seconds a server may take for an answer: a long completion, or a batch of texts to score."""
TRIES = 10
NONSENSE = 3
PAUSE, LONGEST = 1.0, 60.0
"""Seconds before the second try, twice as long before each further one, at most LONGEST; half of that or more."""
TOGETHER = 64
"""Requests under way at once."""
ROWS = 16
"""Texts scored by one request."""
PLAIN = {"top_p": 1.0, "presence_penalty": 0.0, "frequency_penalty": 0.0}
EXTRAS = {"top_k": -1, "min_p": 0.0, "repetition_penalty": 1.0, "skip_special_tokens": False, "return_token_ids": True}
"""What vLLM takes beside OpenAI's fields."""
_BUSY = {408, 425, 429, *range(500, 600)}
_BROKEN = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError,
           requests.exceptions.ContentDecodingError)


class ServerError(ValueError):
    """A server that does not give what it was asked for."""


class Refused(ServerError):
    """A request that the server will not answer, however often it is asked."""

    def __init__(self, said: str, status: int | None = None):
        super().__init__(said)
        self.status = status


class _Again(Exception):
    """An answer that is worth asking for again, `tries` times in all, and not before `after` seconds."""

    def __init__(self, said: str, tries: int, after: float = 0.0):
        super().__init__(said)
        self.tries, self.after = tries, after


@dataclass(frozen=True)
class Completion:
    """What a server wrote. `ids`: None where it does not return them; `logps`: of these tokens, where asked for."""

    text: str
    ids: list[int] | None
    finish: str
    """stop: at an end token; length: at the limit."""
    logps: list[float] | None = None


class Server:
    """A server at an address that ends in /v1."""

    def __init__(self, url: str):
        self.url, self._reached, self._extras, self._stop = url.rstrip("/"), False, True, Event()
        self._session = requests.Session()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(pool_maxsize=TOGETHER))
        if key := os.environ.get("VLLM_API_KEY"):
            self._session.headers["Authorization"] = f"Bearer {key}"

    def models(self) -> dict[str, dict]:
        """Name -> what the server says of the model (of vLLM: `root`, its folder; `max_model_len`, its context)."""
        return self._ask("GET", "models", lambda content: {_field(card, "id", str): card
                                                           for card in _field(content, "data", list)})

    def complete(self, model: str, prompt: list[int] | str, n: int = 1, temperature: float = 1.0, max_tokens: int = 16,
                 seed: int | None = None, logprobs: bool = False) -> list[Completion]:
        """n completions of a prompt. temperature 0 is greedy; max_tokens bounds each; seed decides them."""
        body = {"model": model, "prompt": prompt, "n": n, "temperature": temperature, "max_tokens": max_tokens, **PLAIN}
        body |= ({} if seed is None else {"seed": seed}) | ({"logprobs": 0} if logprobs else {})

        def read(content: dict) -> list[Completion]:
            choices = _choices(content, n, "wrote", "completions")
            return [_completion(choice, max_tokens, logprobs) for choice in choices]

        extras = EXTRAS if self._extras else {}
        try:
            return self._ask("POST", "completions", read, body | extras)
        except Refused as error:
            if not extras or error.status not in (400, 422):
                raise
            found = self._ask("POST", "completions", read, body)
        self._extras = False
        warnings.warn(f"{self.url} refuses {', '.join(EXTRAS)}: its own defaults apply", stacklevel=2)
        return found

    def score(self, model: str, texts: list[list[int]], tokenizer) -> list[list[float]]:
        """The log-probability of every token of a text, given those before it, but the first (which has none).

        Raises ServerError where the server's tokens are not those of `tokenizer`, by number or by what they spell.
        """
        parts = [texts[start:start + ROWS] for start in range(0, len(texts), ROWS)]
        given = self.side_by_side(lambda part: self._echo(model, part), parts)
        return [self._values(ids, *one, tokenizer) for part, some in zip(parts, given, strict=True)
                for ids, one in zip(part, some, strict=True)]

    def side_by_side(self, work: Callable, items: Iterable) -> list:
        """[work(item), ...] in order, TOGETHER at once."""
        with ThreadPoolExecutor(TOGETHER) as pool:
            return list(pool.map(work, items))

    def stop(self) -> None:
        """Ask nothing again: who waits for another try, in whatever thread, gets a ServerError."""
        self._stop.set()

    def _echo(self, model: str, texts: list[list[int]]) -> list[tuple[list, list]]:
        """(log-probabilities, what the tokens spell) of some texts."""
        body = {"model": model, "prompt": texts, "max_tokens": 0, "echo": True, "logprobs": 0, "temperature": 1.0}

        def read(content: dict) -> list[tuple[list, list]]:
            choices = _choices(content, len(texts), "scored", "texts")
            given = [_field(choice, "logprobs", dict) for choice in choices]
            return [(_numbers(one, start=1), _field(one, "tokens", list)) for one in given]

        return self._ask("POST", "completions", read, body)

    def _values(self, ids: list[int], values: list, spelled: list, tokenizer) -> list[float]:
        """The log-probabilities of a text's tokens but the first, once they are known to be of these tokens."""
        if not len(values) == len(spelled) == len(ids):
            raise ServerError(f"{self.url} scored {len(values)} tokens of a text of {len(ids)}: it cuts texts, or has "
                              "another tokenizer")
        for place, (number, text) in enumerate(zip(ids, spelled, strict=True)):
            ours = tokenizer.decode([number])
            if "\ufffd" not in ours + text and ours != text:
                raise ServerError(f"{self.url} has another tokenizer: token {number}, at place {place}, is {text!r} "
                                  f"there and {ours!r} here")
        return [float(value) for value in values[1:]]

    def _ask(self, method: str, path: str, read: Callable, body: dict | None = None):
        """What `read` makes of the answer."""
        seen: Counter[int] = Counter()
        for number in count(1):
            try:
                return self._once(method, path, read, body)
            except _Again as error:
                seen[error.tries] += 1
                if seen[error.tries] >= error.tries or error.after > TIMEOUT:
                    often = "" if number == 1 else f", the last of {number} tries"
                    raise ServerError(f"{self.url} {error}{often}") from error
                pause = min(LONGEST, PAUSE * 2 ** (number - 1)) * random.uniform(0.5, 1)
                if self._stop.wait(error.after + pause):
                    raise ServerError(f"{self.url} {error}, and is asked no more") from error

    def _once(self, method: str, path: str, read: Callable, body: dict | None):
        try:
            reply = self._session.request(method, f"{self.url}/{path}", json=body, timeout=TIMEOUT)
        except _BROKEN as error:
            raise _Again(f"did not answer: {_cause(error)}", TRIES if self._reached else 1) from error
        except requests.RequestException as error:
            raise Refused(f"{self.url} cannot be asked: {error}") from error
        self._reached = True
        said = f"HTTP {reply.status_code} {reply.reason}"
        if reply.status_code in _BUSY:
            after = _retry_after(reply.headers.get("Retry-After", ""))
            raise _Again(f"answered {said}{f', to be asked in {after:.0f} s' if after else ''}", TRIES, after)
        if not reply.ok:
            raise Refused(f"{self.url} refused /{path}: {said}: {_short(reply.text)}", reply.status_code)
        try:
            return read(reply.json())
        except requests.JSONDecodeError as error:
            raise _Again(f"answered what is no JSON: {_short(reply.text)!r}", NONSENSE) from error


def _retry_after(given: str) -> float:
    """Seconds until the time of a Retry-After header: a number of seconds or a date (RFC 9110, 10.2.3); else 0."""
    if given.strip().isdecimal():
        return float(given)
    try:
        when = parsedate_to_datetime(given)
    except ValueError:
        return 0.0
    return max(0.0, (when.replace(tzinfo=when.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def _field(content, name: str, kind: type):
    """A field of an answer."""
    if not isinstance(content, dict) or not isinstance(content.get(name), kind):
        raise _Again(f"answered without {name}: {_short(repr(content))}", NONSENSE)
    return content[name]


def _choices(content, n: int, verb: str, what: str) -> list[dict]:
    """The n choices of an answer, in order of their index."""
    choices = _field(content, "choices", list)
    if len(choices) != n:
        raise _Again(f"{verb} {len(choices)} of {n} {what}", NONSENSE)
    ordered = sorted(choices, key=lambda choice: _field(choice, "index", int))
    if [choice["index"] for choice in ordered] != list(range(n)):
        raise _Again(f"numbered {n} {what} {[choice['index'] for choice in ordered]}", NONSENSE)
    return ordered


def _completion(choice: dict, max_tokens: int, logprobs: bool) -> Completion:
    finish, ids = _field(choice, "finish_reason", str), choice.get("token_ids")
    if finish not in ("stop", "length"):
        raise _Again(f"ended a completion by {finish!r}", TRIES)
    if ids is not None and not (isinstance(ids, list) and all(type(i) is int for i in ids) and len(ids) <= max_tokens):
        raise _Again(f"gave token_ids that are not up to {max_tokens} numbers: {_short(repr(ids))}", NONSENSE)
    logps = _numbers(_field(choice, "logprobs", dict)) if logprobs else None
    return Completion(_field(choice, "text", str), ids, finish, logps)


def _numbers(logprobs: dict, start: int = 0) -> list:
    """The log-probabilities of an answer; those before `start` may be missing."""
    values = _field(logprobs, "token_logprobs", list)
    if not all(isinstance(value, int | float) for value in values[start:]):
        raise _Again(f"gave log-probabilities that are not numbers: {_short(repr(values))}", NONSENSE)
    return values


def _cause(error: BaseException) -> BaseException:
    """What an error came from."""
    while error.__context__ is not None:
        error = error.__context__
    return error


def _short(text: str) -> str:
    """The beginning of a text, in one line."""
    line = " ".join(text.split())
    return line if len(line) <= 200 else f"{line[:200]}..."
