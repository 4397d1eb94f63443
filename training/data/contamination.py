"""Which training prompts hold a question of an evaluation task: exact word n-grams, none of them hashed away.

The measure is that of GPT-3 (Brown et al. 2020, arXiv 2005.14165, appendix C): n = 13 words, case and punctuation
ignored, and n-grams found in more than ten training prompts do not count, for they are boilerplate ("print the answer
modulo 998244353 ..."). Departures and what the paper leaves open:

1. A word is a run of letters or of digits, after NFKC, so that `\\frac{1}{2}` is `frac 1 2`; an ideograph or kana is a
   word of its own.
2. Questions, without the sentences that ask for a form of answer (`questions_of`), are looked for in whole prompts.
3. A question of 8 to 12 words is one n-gram (8 is GPT-3's smallest n). One of fewer than 8 words is a hit only where a
   training question, or the training prompt, has exactly its words; `Overlap.short` counts those.
4. A prompt that holds every n-gram of a question is a hit, however frequent they are: eleven copies of a test question
   are not boilerplate. Tasks that share boilerplate alone are counted (`Overlap.spared`).
5. Prompts that share an n-gram are dropped whole; GPT-3 cut 200 characters around it out of long documents.

    overlap = Overlap(questions_of(evaluation_tasks))      # or {id: question}
    for task in training_tasks: overlap.look(task)
    overlap.hits()          # [Hit(task, evaluation, shared, of)]

Time is linear in the words of both sides. A paraphrase, a translation and changed numbers are not found.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from training.data.asking import bare
from training.domains import Task

N, FEWEST, COMMON = 13, 8, 10
_WORDS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\d_\u3040-\u30ff\u3400-\u9fff]+|\d+")


@dataclass(frozen=True)
class Hit:
    """A training task that holds (part of) an evaluation question."""

    task: str
    """Id of the training task."""
    evaluation: str
    """Id of the evaluation question."""
    shared: int
    """Different n-grams of the question that the training prompt holds."""
    of: int
    """Different n-grams that the question has."""


def questions_of(tasks: Iterable[Task]) -> dict[str, str]:
    """Id -> question of tasks: `metadata["question"]`, or the prompt without a sentence of `asking`."""
    return {task.id: _question(task) for task in tasks}


def words(text: str) -> list[str]:
    """The words of a text as they are compared (departure 1)."""
    return _WORDS.findall(unicodedata.normalize("NFKC", text).casefold())


def grams(found: list[str], n: int) -> Iterator[str]:
    """Every n words in a row, joined by a space."""
    return (" ".join(found[start:start + n]) for start in range(len(found) - n + 1))


class Overlap:
    """Evaluation questions, and the training tasks seen so far that share n-grams with them."""

    def __init__(self, questions: Mapping[str, str]):
        """questions: id -> text of what no training prompt may hold."""
        self.short = 0
        """Evaluation questions of fewer than 8 words (departure 3)."""
        self._sizes: dict[str, int] = {}
        self._holders: dict[int, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        self._prompts: Counter[str] = Counter()  # training prompts that hold an n-gram
        self._seen: list[tuple[str, list[str]]] = []  # training tasks and their n-grams that are evaluation's too
        for name, question in questions.items():
            self._add(name, words(question))

    def _add(self, name: str, found: list[str]) -> None:
        n = min(N, len(found)) if len(found) >= FEWEST else 0
        self.short += n == 0
        own = set(grams(found, n)) if n else {" ".join(found)} - {""}
        self._sizes[name] = len(own)
        for gram in own:
            self._holders[n][gram].append(name)

    def look(self, task: Task) -> None:
        """Compare a training task with all questions."""
        found = words(task.prompt)
        shared = {gram for n, known in self._holders.items() if n for gram in grams(found, n) if gram in known}
        if self.short:
            whole = {" ".join(found), " ".join(words(_question(task)))}
            shared |= {gram for gram in whole if gram in self._holders[0]}
        if shared:
            self._prompts.update(shared)
            self._seen.append((task.id, sorted(shared)))

    def hits(self) -> list[Hit]:
        """The hits among the tasks looked at, by training task in order, then by question."""
        return [hit for name, shared in self._seen for hit in self._hits(name, shared)]

    def spared(self) -> int:
        """Tasks looked at that share n-grams with questions, but only boilerplate."""
        return sum(not self._hits(name, shared) for name, shared in self._seen)

    def _hits(self, name: str, shared: list[str]) -> list[Hit]:
        found, rare = Counter(), Counter()
        for gram in shared:
            holders = {holder for known in self._holders.values() for holder in known.get(gram, ())}
            found.update(holders)
            rare.update(holders if self._prompts[gram] <= COMMON else ())
        return [Hit(name, holder, count, self._sizes[holder]) for holder, count in sorted(found.items())
                if rare[holder] or count == self._sizes[holder]]


def _question(task: Task) -> str:
    return task.metadata.get("question", bare(task.prompt))
