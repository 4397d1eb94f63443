r"""Are two written answers the same mathematical object? `same_answer(reference, answer) -> (same, why not)`.

Three steps, from cheap to dear: the same text; two plain numbers, compared exactly as fractions; everything else by
math-verify 0.9 (https://github.com/huggingface/Math-Verify), which parses LaTeX to SymPy: expressions, equations,
tuples, sets, intervals, matrices. What counts as the same number, unit or word is said in notation.py.

Where the reference is a plain number, so is the answer once it is worked out: sums, differences, products of plain
numbers and named operations (`17 + 25`, `6 \cdot 7`, `\max(41, 42)`) are refused, for a prompt often holds the chain
whose value it asks for; fractions, powers, roots, factorials and binomials need not be worked out. Of an equation the
last side counts, unless another side is a different number (`41 = 42`).

math-verify guards itself with SIGALRM, which fails outside the main thread and cannot stop a power of large integers.
Here it runs without, in one worker process (`python -m training.domains.equivalence`) with a limit of CPU_SECONDS on
each comparison that the kernel enforces. CPU time, so that a busy machine changes no verdict. POSIX only.
"""

from __future__ import annotations

import atexit
import json
import logging
import os
import re
import signal
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from threading import Lock

from training.domains.notation import Number, clean, number, same_number, split_unit, words

MAX_LENGTH = 1000
"""Longest answer compared, in characters."""
CPU_SECONDS = 2.0
"""CPU time one comparison may take, in seconds."""
_NAMED = re.compile(r"(?<![\\A-Za-z])(pi|sin|cos|tan|log|ln|exp)(?![A-Za-z])")
_CHAIN = re.compile(
    r"(?<=[\w)}\]!%])\s*[-+]|(?<![\^{\d.])(?<!\d )\d+(?:\.\d+)?\s*(?:\\times|\\cdot|\*)\s*\d+(?![\d.]*\s*\^)"
    r"|\\(?:sum|prod|int|max|min|gcd|lcm|lfloor|lceil|[bp]?mod|lim|log|ln|sin|cos|tan)(?![A-Za-z])")
_EQUALS = re.compile(r"=(?![^{}]*\})")
_ROOT = re.compile(r"\\?sqrt\s*\(([^()]*)\)")


@lru_cache(maxsize=2**14)
def same_answer(reference: str, answer: str) -> tuple[bool, str]:
    """Whether two written answers are equal, and if not, why. Pure; kept for the repeats inside a GRPO group."""
    if len(answer) > MAX_LENGTH:
        return False, f"the final answer is too long to compare: more than {MAX_LENGTH} characters"
    reference, answer = clean(reference), clean(answer)
    if unfinished := number(reference) and _unfinished(number(reference), answer):
        return False, unfinished
    differs = f"the final answer {answer[:80]!r} is not {reference[:80]!r}"
    same = _same_written(reference, answer)
    if same is False:
        (left, left_unit), (right, right_unit) = split_unit(reference), split_unit(answer)
        if left_unit and right_unit and left_unit != right_unit:
            return False, f"{differs}: the units differ"
        same = bool(left_unit or right_unit) and _same_written(left, right)
    if same is None:
        return False, f"the final answer {answer[:80]!r} could not be compared within {CPU_SECONDS:g} s of CPU time"
    return same, "" if same else differs


def _same_written(left: str, right: str) -> bool | None:
    """Equality of two cleaned texts; None where it took too long."""
    if left == right:
        return bool(left)
    numbers = number(left), number(right)
    if None not in numbers:
        return same_number(*numbers)
    if words(left) or words(right):
        return words(left) == words(right)
    places = next((_places(written) for written in numbers if written), 6)
    return _worker(os.getpid()).compare(left, right, places)


def _unfinished(reference: Number, answer: str) -> str:
    """Why an answer is not a number worked out, where one is asked for; empty where it may be."""
    *sides, last = (split_unit(side.strip())[0] for side in _EQUALS.split(answer))
    values = [found.value for side in (*sides, last) if (found := number(side))]
    if len(set(values)) > 1:
        return f"the final answer {answer[:80]!r} says that different numbers are equal"
    if not reference.slack and number(last) is None and _CHAIN.search(last):
        return f"the final answer {answer[:80]!r} is not worked out"
    return ""


def _places(written: Number) -> int:
    """Decimal places in which a formula must agree with this number: those written, if six digits are; else twelve."""
    if not written.slack:
        return 12
    return len(str(int(1 / (2 * written.slack)))) - 1 + 2 * written.percent


class _Worker:
    """The process that runs math-verify; started at the first comparison and after each one that took too long."""

    def __init__(self):
        self.lock, self.process = Lock(), None

    def compare(self, reference: str, answer: str, places: int) -> bool | None:
        """True or False; None where the comparison used up its CPU time. Safe to call from any thread."""
        with self.lock:
            process = self._running()
            reply = None
            try:
                process.stdin.write(json.dumps([reference, answer, places, CPU_SECONDS]) + "\n")
                process.stdin.flush()
                reply = process.stdout.readline()
            finally:
                if reply is None:  # interrupted: a late reply must not be read as that to the next question
                    process.kill()
            if reply:
                return json.loads(reply)
            if (code := process.wait()) != -signal.SIGPROF:
                raise RuntimeError(f"the math-verify worker ended with code {code} on {reference!r} and {answer!r}")
            return None

    def _running(self) -> subprocess.Popen:
        if self.process is None:
            atexit.register(self.stop)
        elif self.process.poll() is None:
            return self.process
        else:
            self.stop()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "training.domains.equivalence"], cwd=Path(__file__).parents[2], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
        if not self.process.stdout.readline():
            raise RuntimeError("the math-verify worker did not start; is math-verify installed?")
        return self.process

    def stop(self) -> None:
        """Let the worker end (it reads to the end of its input) and close both pipes."""
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


@lru_cache(maxsize=1)
def _worker(pid: int) -> _Worker:
    """The worker of this process: a fork gets its own."""
    return _Worker()


def serve() -> None:
    """The worker: [reference, answer, decimal places, CPU seconds] as JSON a line in, true or false a line out."""
    from latex2sympy2_extended import NormalizationConfig
    from math_verify import LatexExtractionConfig, parse, verify

    logging.disable()
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    normal = NormalizationConfig(basic_latex=True, units=False, malformed_operators=True, nits=True, boxed="none")
    latex = [LatexExtractionConfig(normalization_config=normal)]
    replies, sys.stdout = sys.stdout, sys.stderr
    print("ready", file=replies, flush=True)
    for line in sys.stdin:
        *pair, places, seconds = json.loads(line)
        formulas = [_ROOT.sub(r"\\sqrt{\1}", _NAMED.sub(r"\\\1", text)) for text in pair]
        signal.setitimer(signal.ITIMER_PROF, seconds)
        parsed = [parse(f"${formula}$", latex, parsing_timeout=None) for formula in formulas]
        same = verify(*parsed, float_rounding=places, timeout_seconds=None)
        signal.setitimer(signal.ITIMER_PROF, 0)
        print(json.dumps(same), file=replies, flush=True)


if __name__ == "__main__":
    serve()
