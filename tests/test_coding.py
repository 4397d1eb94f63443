"""The coding domain through `verify` and `check`: which block counts, how tests are run, what the reason says."""

import random
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.domains import Task, TaskError, get_domain
from training.domains.coding import code_of, fenced_blocks, same_output
from training.domains.sandbox import SandboxUnavailable

CODING = get_domain("coding")
DOUBLE = "def f(x):\n    return 2 * x"


def fence(code, tag="python"):
    return f"```{tag}\n{code}\n```"


def stdin_task(*pairs):
    return Task("coding", "t", "?", None, {"tests": [{"stdin": i, "stdout": o} for i, o in pairs]})


def assert_task(*asserts):
    return Task("coding", "t", "?", None, {"tests": [{"assert": text} for text in asserts]})


# --- which block counts ------------------------------------------------------------------------------------------

EXTRACTION = {
    "one block": (fence("a = 1"), "a = 1"),
    "py": (fence("a = 1", "py"), "a = 1"),
    "Python": (fence("a = 1", "Python"), "a = 1"),
    "python3": (fence("a = 1", "python3"), "a = 1"),
    "plain": (fence("a = 1", ""), "a = 1"),
    "a space before the tag, and more after it": ("``` python title=x\na = 1\n```", "a = 1"),
    "two blocks: the last": (fence("a = 1") + "\nor\n" + fence("a = 2"), "a = 2"),
    "a sample of output after it, untagged": (fence("a = 1") + "\n" + fence("42", ""), "a = 1"),
    "both untagged: the sample is Python, but no program": (fence("a = 1", "") + "\n" + fence("42", ""), "a = 1"),
    "both untagged: the sample is not Python": (fence("print(1)", "") + "\n" + fence("1 2 3", ""), "print(1)"),
    "another language after it": (fence("a = 1") + "\n" + fence("ls", "bash"), "a = 1"),
    "an empty block after it": (fence("a = 1") + "\n" + fence(""), "a = 1"),
    "never closed": ("Here:\n```python\na = 1", "a = 1"),
    "an unclosed one after a complete one": (fence("a = 1") + "\nbetter:\n```python\na = ", "a = 1"),
    "nothing but text": ("a = 1", None),
    "another language alone": (fence("ls", "bash"), None),
    "backquotes inside a line": ("use ```python here", None),
    "a longer fence holds a shorter one": ("````python\na = '''\n```\n'''\n````", "a = '''\n```\n'''"),
    "indented in a list": ("1. so:\n   ```python\n   if a:\n       b = 1\n   ```", "if a:\n    b = 1"),
    "carriage returns": ("```python\r\na = 1\r\n```\r\n", "a = 1\r"),
    "indentation is kept": (fence("if a:\n\tb = '''\n  c'''"), "if a:\n\tb = '''\n  c'''"),
    "no program among untagged ones: the last": (fence("1 2", "") + "\n" + fence("3 4", ""), "3 4"),
    "a null": (fence("a\0", "") + "\n", "a\0"),
    "nested too deep to parse": (fence("(" * 5000, ""), "(" * 5000),
    "empty": ("", None),
}


@pytest.mark.parametrize("case", EXTRACTION)
def test_which_block_counts(case):
    answer, code = EXTRACTION[case]
    assert code_of(answer) == code


@given(st.lists(st.tuples(st.sampled_from(["python", "py", "", "text"]), st.text("ab= \n'\"#", max_size=20))))
def test_blocks_come_back_as_they_were_written(blocks):
    text = "\nso:\n".join(fence(code, tag) for tag, code in blocks)
    assert fenced_blocks(text) == [(tag, code, True) for tag, code in blocks]


# --- outputs -----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("expected", "seen", "same"), [
    ("1\n2\n", "1\n2", True),
    ("1\n2", "1  \n2\t\n\n\n", True),
    ("1\r\n2\r\n", "1\n2\n", True),
    ("", "\n", True),
    ("1\n2", "1 2", False),
    ("1\n\n2", "1\n2", False),  # an empty line between is not white space at the end
    (" 1", "1", False),  # nor is a leading space
    ("1", "1\n2", False),
    ("1\n2", "1", False),
    ("0.1", "0.10", False),  # floats get no tolerance
    ("yes", "Yes", False),
    ("no more lines", "", False),
    ("a\u2028b", "a\nb", False),  # only a newline ends a line
])
def test_outputs(expected, seen, same):
    assert (same_output(expected, seen) == "") is same


@given(st.text("ab \t\n", max_size=30), st.text(" \t\n", max_size=5))
def test_white_space_at_the_end_never_counts(text, tail):
    assert same_output(text, text + tail) == "" == same_output(text + tail, text)


# --- verdicts ----------------------------------------------------------------------------------------------------

SUM = "import sys\nprint(sum(map(int, sys.stdin.read().split())))"
ECHO = stdin_task(("1 2\n", "3\n"), ("5", "5"))
PROGRAMS = {  # (program, correct, part of the reason): the first eight are what the released verifier got wrong
    "right": (SUM, True, ""),
    "exit after printing": (SUM + "\nsys.exit()", True, ""),
    "exit() of the site module": (SUM + "\nexit(0)", True, ""),
    "written to the buffer": ("import sys\nn = sum(map(int, sys.stdin.read().split()))\n"
                              "sys.stdout.buffer.write(str(n).encode())", True, ""),
    "from __future__": ("from __future__ import annotations\n" + SUM, True, ""),
    "stderr is not output": (SUM + "\nprint('debug', file=sys.stderr)", True, ""),
    "triple quotes at the margin": ("'''\na\n'''\nt = '''\n'''\nassert t == '\\n'\n" + SUM, True, ""),
    "main guard": ("def main():\n    print(sum(map(int, open(0).read().split())))\n"
                   "if __name__ == '__main__':\n    main()", True, ""),
    "first test only": ("print(3)", False, "test 2 of 2 failed ('5'): line 1 should be '5', was '3'"),
    "silent": ("pass", False, "test 1 of 2 failed ('1 2\\n'): line 1 should be '3', was 'no more lines'"),
    "one line too many": (SUM + "\nprint(0)", False, "line 2 should be 'no more lines', was '0'"),
    "crashes after the right output": (SUM + "\n1 / 0", False, "status 1, ZeroDivisionError: division by zero"),
    "status 3 after the right output": (SUM + "\nsys.exit(3)", False, "status 3"),
    "not Python": ("def", False, "SyntaxError"),
    "too much output": ("print('x' * (2 << 20))", False, "the program wrote too much"),
}


@pytest.mark.parametrize("case", PROGRAMS)
def test_programs_that_are_run(case):
    code, correct, reason = PROGRAMS[case]
    verdict = CODING.verify(ECHO, "</think>\n" + fence(code))
    assert (verdict.correct, verdict.reward) == (correct, float(correct))
    assert reason in verdict.reason and bool(verdict.reason) is not correct


ASSERTS = assert_task("assert f(1) == 2", "assert f(3) == 6")
FUNCTIONS = {
    "right": (DOUBLE, True, ""),
    "a demonstration that reads: not run": (DOUBLE + "\nif __name__ == '__main__':\n    f(int(input()))", True, ""),
    "wrong on the second": ("def f(x): return 2", False,
                            "test 2 of 2 failed ('assert f(3) == 6'): it ended with status 1, AssertionError: 2"),
    "absent": ("g = 1", False, "NameError: name 'f' is not defined"),
    "leaves before the asserts": (DOUBLE + "\nraise SystemExit", False, "test 1 of 2"),
    "leaves harder": (DOUBLE + "\nimport os\nos._exit(0)", False, "test 1 of 2"),
    "leaves within an assert": ("def f(x): raise SystemExit", False, "test 1 of 2"),
    "leaves badly after them": (DOUBLE + "\nimport atexit, os\natexit.register(os._exit, 4)", False, "test 2 of 2"),
}


@pytest.mark.parametrize("case", FUNCTIONS)
def test_functions_that_are_asserted_on(case):
    code, correct, reason = FUNCTIONS[case]
    seen, why = CODING.check(ASSERTS, fence(code))
    assert seen is correct and reason in why and bool(why) is not correct


def test_runs_and_asserts_in_one_task_keep_their_numbers():
    tests = [{"assert": "assert f(1) == 2"}, {"stdin": "", "stdout": "x"}, {"assert": "assert f(2) == 5"}]
    task = Task("coding", "t", "?", None, {"tests": tests})
    assert CODING.check(task, fence(DOUBLE + "\nprint('x')"))[1].startswith("test 3 of 3 failed")
    assert CODING.check(task, fence(DOUBLE))[1].startswith("test 2 of 3 failed")


def test_more_than_twenty_tests_all_run_every_time():
    task = stdin_task(*[(str(n), str(n)) for n in range(30)])
    last_wrong = fence("n = input()\nprint('no' if n == '29' else n)")
    assert {CODING.check(task, last_wrong)[1] for _ in range(3)} == {
        "test 30 of 30 failed ('29'): line 1 should be '29', was 'no'"}


def test_a_batch_gives_what_one_at_a_time_gives():
    answers = [fence(SUM), "no code", fence("print(3)"), fence(SUM, "")]
    pairs = [(ECHO, answer) for answer in answers] + [(ASSERTS, fence(DOUBLE))]
    assert CODING.check_many(pairs) == [CODING.check(*pair) for pair in pairs]
    assert CODING.check_many([]) == []


def test_no_block_says_so_and_format_is_judged_apart():
    verdict = CODING.verify(ASSERTS, "</think> f doubles x.")
    assert (verdict.correct, verdict.reason) == (False, "no fenced code block in the answer")
    verdict = CODING.verify(ASSERTS, fence(DOUBLE))
    assert (verdict.correct, verdict.formatted, verdict.reward) == (True, False, 0.0)


def test_code_in_the_reasoning_does_not_count():
    assert not CODING.verify(ASSERTS, f"<think>\n{fence(DOUBLE)}\n</think>\nDone.").correct


@pytest.mark.parametrize("tests", [
    None, [], {}, "assert True", [1], [{}], [{"stdin": "1"}], [{"stdout": "1"}], [{"stdin": 1, "stdout": "1"}],
    [{"assert": "assert f(1) =="}], [{"assert": "assert True", "stdin": ""}], [{"input": "1", "output": "1"}],
    [{"stdin": "", "stdout": ""}, None],
])
def test_a_task_that_cannot_be_judged_is_an_error(tests):
    task = Task("coding", "odd", "?", None, {} if tests is None else {"tests": tests})
    with pytest.raises(TaskError, match="'odd'"):
        CODING.check(task, fence("print(1)"))
    with pytest.raises(TaskError, match="'odd'"):
        CODING.check(task, "no code at all")


# --- compact tasks -----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("sharing", [0.0, 1.0])
def test_the_reference_is_right_and_another_tasks_is_not(sharing):
    domain = get_domain("coding", sharing=sharing)
    tasks = domain.tasks("train", 12)
    assert all(correct for correct, _ in domain.check_many([(task, domain.reference(task)) for task in tasks]))
    wrong = [(task, domain.reference(other)) for task in tasks for other in tasks
             if task.metadata["solution"] != other.metadata["solution"]]
    assert not any(correct for correct, _ in domain.check_many(random.Random(0).sample(wrong, 10)))


@settings(max_examples=20)
@given(st.text("`a=\n'\"", max_size=30).filter(lambda code: code.strip()))
def test_reference_fences_anything(solution):
    answer = CODING.reference(Task("coding", "t", "?", None, {"solution": solution}))
    assert code_of(answer) == solution


def test_a_task_without_solution_has_no_reference():
    with pytest.raises(TaskError, match="solution"):
        CODING.reference(ECHO)


@pytest.mark.skipif(sys.platform == "darwin", reason="sandbox-exec is there")
def test_it_builds_where_no_protection_can_be_had_and_then_refuses():
    domain = get_domain("coding", protection="sandbox-exec")  # absent here, as all are on a bare machine
    with pytest.raises(SandboxUnavailable):
        domain.check(ASSERTS, fence(DOUBLE))
    with pytest.raises(ValueError, match="choose one of"):
        get_domain("coding", protection="magic").check(ASSERTS, fence(DOUBLE))
