"""combination:*, copy:* and new:copy_span_idx: repeating the prompt, a span or a phrase. Each returns why not, or "".

Case and outer white space are ignored when copies are compared, as publicly. Departures from IFEval and IFEvalG:
1. Separators may be longer or spaced (see `text`, 4).
2. repeat_prompt: an answer must follow; officially the prompt alone passes.
3. repeat_phrase: every repeat differs from the phrase in exactly one inner word, ignoring case and punctuation;
   officially only the last one is looked at and an unchanged repeat ends without a verdict. Passages that only share
   the first and last word with the phrase are not repeats. A count of 0 or a phrase without an inner word is an error.
4. copy_span_idx: the prompt says that the end index is included and the official checker leaves it out; both readings
   pass. A span outside the prompt is an error; officially an index of 0 is replaced by a random one.
"""

from __future__ import annotations

from training.domains.instruction_checks.text import exactly, separated
from training.domains.task import TaskError


def two_responses(text: str) -> str:
    """Two different answers between six asterisks (IFEval combination:two_responses)."""
    parts = separated(text)
    if len(parts) != 2 or not all(parts):
        return exactly("answers between ******", sum(map(bool, parts)), 2) or "one of the parts is empty"
    return "the two answers are the same" if parts[0] == parts[1] else ""


def repeat_prompt(text: str, prompt_to_repeat: str) -> str:
    """The prompt, then the answer (IFEval combination:repeat_prompt; departure 2)."""
    answer, prompt = _plain(text), _plain(prompt_to_repeat)
    if not answer.startswith(prompt):
        return "does not begin with the prompt"
    return "" if answer[len(prompt) :].strip() else "no answer follows the prompt"


def copy(text: str, prompt_to_repeat: str) -> str:
    """The prompt and nothing else (IFEvalG copy:copy and copy:copying_simple)."""
    return "" if _plain(text) == _plain(prompt_to_repeat) else "not a copy of the prompt"


def copying_multiple(text: str, prompt_to_repeat: str, N: int) -> str:
    """The prompt N times, between six asterisks (IFEvalG copy:copying_multiple)."""
    parts = separated(text)
    wrong = exactly("copies between ******", len(parts), N)
    return wrong or ("" if all(not copy(part, prompt_to_repeat) for part in parts) else "not all copies of the prompt")


def copy_span_idx(text: str, prompt_to_repeat: str, n_start: int, n_end: int) -> str:
    """Characters n_start to n_end of the prompt, from 0 (IFEvalG new:copy_span_idx; departure 4). Raises TaskError."""
    if not n_start < n_end <= len(prompt_to_repeat) or not prompt_to_repeat[n_start:n_end].strip():
        raise TaskError(
            f"new:copy_span_idx: the arguments 'n_start' and 'n_end' are {n_start} and {n_end}; choose a span that is "
            f"not blank and lies in the prompt, whose length is {len(prompt_to_repeat)}"
        )
    spans = (prompt_to_repeat[n_start:n_end], prompt_to_repeat[n_start : n_end + 1])
    return "" if _plain(text) in map(_plain, spans) else "not a copy of the span"


def repeat_phrase(text: str, phrase: str, small_n: int) -> str:
    """The phrase small_n times, one inner word replaced each time (IFEvalG copy:repeat_phrase; departure 3)."""
    wanted, found = _bare_words(phrase), _bare_words(text)
    changes, place = [], 0
    while place + len(wanted) <= len(found):
        changed = _changed_words(wanted, found, place)
        if changed is not None:
            changes.append(changed)
        place += 1 if changed is None else len(wanted)
    if len(changes) == small_n and not all(changes):
        return "the phrase is repeated without replacing a word"
    return exactly("repeats of the phrase", len(changes), small_n)


def _changed_words(wanted: list[str], found: list[str], place: int) -> int | None:
    """How many inner words (0 or 1) differ from the phrase in the words at a place; None where it is no repeat."""
    if found[place] != wanted[0] or found[place + len(wanted) - 1] != wanted[-1]:
        return None
    changed = 0
    for offset in range(1, len(wanted) - 1):
        changed += found[place + offset] != wanted[offset]
        if changed > 1:
            return None
    return changed


def _bare_words(text: str) -> list[str]:
    bare = (word.strip(".,;:!?\"'“”‘’()[]<>*_-") for word in text.casefold().split())
    return [word for word in bare if word]


def _plain(text: str) -> str:
    return text.strip().lower()
