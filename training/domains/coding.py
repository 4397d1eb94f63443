"""Coding: the last fenced program of an answer, run on every test of the task behind the sandbox.

`get_domain("coding").verify(task, "</think>\\n```python\\ndef f(x):\\n    return 2 * x\\n```")`. The rule is that of
the paper's released verifier (`unit_test`, `pass_all`): correct when every test passes. `metadata["tests"]` is a list
of `{"stdin", "stdout"}`, for a program that is run, or `{"assert"}`, for one that is imported and then asserted on: the
asserts of a task run one after another in one process, each of the others in a process of its own.

Which block counts: the last complete one tagged python (`python`, `py`, `python3`, in any case); else the last complete
untagged one that is a program (it compiles and does more than name values, as a sample of output may); else the last
untagged one. A fence left open at the end of the text counts only where no complete block does.

Departures from the released verifier:
1. Every test runs, in the task's order, for every sample; none is drawn at random. No tests, or tests that are not of
   the two forms, are a TaskError. A failure of the sandbox is a SandboxError, never a verdict.
2. The code runs as it was written, so `sys.exit()`, `sys.stdout.buffer`, `from __future__` and triple quotes work;
   stderr is not output. A program that ends with an exit status other than 0 fails its test, as in contests.
3. Output is compared line by line, without the white space at the end of lines and of the text. Floats get no
   tolerance: a task whose answer allows one must say so with an assert.
4. A failed `assert a == b` says what `a` was. An assert passes only if it was reached: leaving early fails.
5. An assert is parted (`asserts`): the program's process evaluates what is the program's in it and tells the values as
   plain data (`values`), and the assert itself holds or fails in another process, or here where it says that such a
   value equals a literal (`asserted`). So what a program returns counts for its value, not for how it compares itself,
   and it cannot find out what is expected. A value of more than a megabyte fails.

Known limit: an assert that cannot be parted (`unparted`; in a loop, a `try`, an `or`) is left to the program's own
process, where a program written to fool it can.
"""

from __future__ import annotations

import ast
import random
import re
import warnings

from training.domains import asserted, compact, sandbox
from training.domains.task import Domain, Task, TaskError, Verdict, verdict

_OPENING = re.compile(r"([ \t]*)(`{3,})[ \t]*\{?\.?([\w+-]*)[^`]*")
_PYTHON = ("python", "py", "python3")
_SHOWN = 160

_KILLED = {"time": "the program ran out of time", "output": "the program wrote too much",
           "memory": "the program took too much memory", "processes": "the program started too many threads",
           "files": "the program wrote too many files"}


class CodingDomain(Domain):
    """Programs judged by tests. Builds anywhere; `check` raises SandboxUnavailable where no protection can be had."""

    name = "coding"

    def __init__(self, sharing: float = 1.0, protection: str | None = None):
        """sharing: see `compact.Factors`. protection: a level of the sandbox; None: the strongest that works."""
        self.factors = compact.Factors(sharing)
        self.protection = protection

    def compact(self, rng: random.Random) -> Task:
        return compact.coding_task(rng, self.factors)

    def check(self, task: Task, answer: str) -> tuple[bool, str]:
        """Run the answer's program on every test: (all passed, the first that failed and what was seen)."""
        return self.check_many([(task, answer)])[0]

    def check_many(self, pairs: list[tuple[Task, str]]) -> list[tuple[bool, str]]:
        """`check` for many (task, answer), all their tests in one batch of the sandbox. Raises as `check` does."""
        runs = self._run_all([_programs(code_of(answer), tests_of(task)) for task, answer in pairs])
        judged = self._run_all([_judges(task, results) for (task, _), results in zip(pairs, runs, strict=True)])
        return [_judge(task, *results) for (task, _), *results in zip(pairs, runs, judged, strict=True)]

    def _run_all(self, batches: list[list[sandbox.Program]]) -> list[list[sandbox.RunResult]]:
        """The results of all programs, in the same lists."""
        programs = [program for batch in batches for program in batch]
        results = iter(sandbox.run_programs(programs, protection=self.protection))
        return [[next(results) for _ in batch] for batch in batches]

    def verify_many(self, tasks: list[Task], completions: list[str]) -> list[Verdict]:
        """`verify` for many, all their programs in one batch of the sandbox."""
        for task in tasks:
            self.own(task)
        pairs = [(task, self.answer_text(text)) for task, text in zip(tasks, completions, strict=True)]
        return [verdict(text, *found) for text, found in zip(completions, self.check_many(pairs), strict=True)]

    def reference(self, task: Task) -> str:
        """`metadata["solution"]`, fenced."""
        solution = task.metadata.get("solution")
        if not isinstance(solution, str):
            raise TaskError(f"coding task {task.id!r} has no metadata['solution'] to refer to")
        fence = "```"
        while fence in solution:
            fence += "`"
        return f"{fence}python\n{solution}\n{fence}"


DOMAIN = CodingDomain


def tests_of(task: Task) -> list[dict]:
    """The task's tests; TaskError where there are none, or one that is of neither form."""
    tests = task.metadata.get("tests")
    if not isinstance(tests, list) or not tests:
        raise TaskError(f"coding task {task.id!r} needs metadata['tests'], a list of at least one test; "
                        f"got {tests!r:.80}")
    for test in tests:
        texts = isinstance(test, dict) and all(isinstance(value, str) for value in test.values())
        if not texts or set(test) not in ({"stdin", "stdout"}, {"assert"}):
            raise TaskError(f"coding task {task.id!r} has the test {test!r:.80}; "
                            "choose {'stdin': text, 'stdout': text} or {'assert': text}")
        if "assert" in test and _parsed(test["assert"]) is None:
            raise TaskError(f"coding task {task.id!r} has an assert that is not Python: {test['assert']!r:.80}")
    return tests


def code_of(answer: str) -> str | None:
    """The program of an answer, by the rule in this module's docstring; None where no block holds one."""
    blocks = fenced_blocks(answer)
    for complete in (True, False):
        tagged = [code for tag, code, closed in blocks if closed is complete and tag in _PYTHON and code.strip()]
        plain = [code for tag, code, closed in blocks if closed is complete and not tag and code.strip()]
        programs = tagged or [code for code in plain if _does_something(code)] or plain
        if programs:
            return programs[-1]
    return None


def fenced_blocks(text: str) -> list[tuple[str, str, bool]]:
    """The fenced blocks of a text in order, as (tag in lower case, code, closed). A fence's own indent is taken off."""
    blocks, opening, lines = [], None, []
    for line in text.split("\n"):
        found = _OPENING.fullmatch(line.rstrip("\r"))
        if opening is None:
            opening, lines = found, []
        elif found and not found[3] and line.strip() == "`" * len(line.strip()) and len(found[2]) >= len(opening[2]):
            blocks.append((opening[3].lower(), "\n".join(lines), True))
            opening = None
        else:
            lines.append(line.removeprefix(opening[1]))
    return [*blocks, (opening[3].lower(), "\n".join(lines), False)] if opening else blocks


def same_output(expected: str, seen: str) -> str:
    """Empty when two outputs agree up to white space at the end of lines and of the text; else where they differ."""
    wanted, got = _lines(expected), _lines(seen)
    for number in range(max(len(wanted), len(got))):
        ours = wanted[number] if number < len(wanted) else "no more lines"
        theirs = got[number] if number < len(got) else "no more lines"
        if number >= min(len(wanted), len(got)) or ours != theirs:
            return f"line {number + 1} should be {ours!r:.60}, was {theirs!r:.60}"
    return ""


def _lines(text: str) -> list[str]:
    text = text.rstrip()
    return [line.rstrip() for line in text.split("\n")] if text else []


def _parsed(code: str) -> ast.Module | None:
    """The syntax tree, or None where there is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _does_something(code: str) -> bool:
    """Is this a program, and not a sample of output that happens to be Python (`42`, `[1, 2]`)?"""
    tree = _parsed(code)
    return tree is not None and any(not isinstance(statement, ast.Expr) or isinstance(statement.value, ast.Call)
                                    for statement in tree.body)


def unparted(task: Task) -> list[str]:
    """The asserts of a task that the program's own process judges, as they are."""
    return asserted.unparted(_asserts(tests_of(task)))


def _asserts(tests: list[dict]) -> tuple[str, ...]:
    return tuple(test["assert"] for test in tests if "assert" in test)


def _programs(code: str | None, tests: list[dict]) -> list[sandbox.Program]:
    """One program a stdin test, then one with its part of all asserts as its checks; none without code."""
    if code is None:
        return []
    runs = [sandbox.Program(code, stdin=test["stdin"]) for test in tests if "stdin" in test]
    asserts = _asserts(tests)
    return [*runs, *([sandbox.Program(code, checks=asserted.checks(asserts))] if asserts else [])]


def _judges(task: Task, results: list[sandbox.RunResult]) -> list[sandbox.Program]:
    """The program, if there has to be one, that judges what a program said of itself."""
    asserts = _asserts(task.metadata["tests"])
    return asserted.judges(asserts, results[-1]) if asserts and results else []


def _judge(task: Task, results: list[sandbox.RunResult], judged: list[sandbox.RunResult]) -> tuple[bool, str]:
    """(all passed, the first failure) of one answer; SandboxError where a result is not the program's own."""
    if not results:
        return False, "no fenced code block in the answer"
    for result in (*results, *judged):
        if result.error:
            raise sandbox.SandboxError(f"coding task {task.id!r} could not be judged: {result.error}")
    tests, runs, asserts_seen = task.metadata["tests"], iter(results), 0
    for number, test in enumerate(tests, 1):
        if "assert" in test:
            asserts_seen += 1
            wrong = _failed_assert(results[-1], judged, asserts_seen, len(_asserts(tests)))
        else:
            wrong = _failed_run(next(runs), test["stdout"])
        if wrong:
            shown = repr(test["assert"] if "assert" in test else test["stdin"])
            return False, f"test {number} of {len(tests)} failed ({shown:.60}): {wrong:.{_SHOWN}}"
    return True, ""


def _failed_assert(result: sandbox.RunResult, judged: list[sandbox.RunResult], number: int, of: int) -> str:
    """What went wrong in assert `number` (from 1) of so many, or empty. After the last, the program has to end well."""
    reached = asserted.reached(result) >= number
    for said in judged:
        if reached and said.completed <= number:
            return _ending(said)
    ended_well = number < of or (result.returncode == 0 and not result.killed)
    return "" if reached and ended_well else _ending(result)


def _failed_run(result: sandbox.RunResult, expected: str) -> str:
    """What went wrong in a test of output; empty when it passed."""
    return _ending(result) if result.killed or result.returncode else same_output(expected, result.stdout)


def _ending(result: sandbox.RunResult) -> str:
    """How a program that did not end well, or too early, ended."""
    if result.killed:
        return _KILLED[result.killed]
    last = (result.stderr.strip().splitlines() or ["nothing on stderr"])[-1]
    return f"it ended with status {result.returncode}, {last}"
