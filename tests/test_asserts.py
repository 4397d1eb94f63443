"""Asserts in two processes: a program cannot judge itself, and what public asserts say of right programs holds."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.test_coding import CODING, DOUBLE, assert_task, fence
from training.domains.asserts import parted
from training.domains.coding import unparted
from training.domains.values import decode, encode

PARTED = [  # a test, what the program's process runs, what ours runs
    ("assert f(1) == 2", "__tell__(f(1))", "assert __told__[0] == 2"),
    ("assert abs(f(2) - 1.5) < 0.1", "__tell__(f(2))", "assert abs(__told__[0] - 1.5) < 0.1"),
    ("assert set(f(1)) == set([2])", "__tell__(set(f(1)))", "assert __told__[0] == set([2])"),
    ("e = [2]\nassert f([1]) == e", "__tell__(f([1]))", "e = [2]\nassert __told__[0] == e"),
    ("e = 2\nassert f(e) == e", "e = 2\n__tell__(f(e))", "e = 2\nassert __told__[0] == e"),
    ("x = [2]\nf(x)\nassert x == [1]", "x = [2]\nf(x)\n__tell__(x)", "assert __told__[0] == [1]"),
    ("assert f(1) == g(1)", "__tell__(f(1) == g(1))", "assert __told__[0]"),
    ("assert all(f(x) == 1 for x in [1])", "assert all(f(x) == 1 for x in [1])", None),
    ("for x in [1]:\n    assert f(x) == 1", "for x in [1]:\n    assert f(x) == 1", None),
    ("assert f(1) == 1 or f(1) == 2", "assert f(1) == 1 or f(1) == 2", None),
]


@pytest.mark.parametrize(("test", "told", "judged"), PARTED, ids=[row[0] for row in PARTED])
def test_how_an_assert_is_parted(test, told, judged):
    part, = parted((test,))
    assert (part.told, part.judged) == (told, judged)


EQUAL = ("class Any(int):\n    def __eq__(self, other): return True\n    __ne__ = __lt__ = __gt__ = __eq__\n"
         "    def __hash__(self): return 0\n    def __sub__(self, other): return self\n"
         "    def __abs__(self): return self\n"
         "    def __float__(self): return 2.0\ndef f(x): return Any()")
FOOLING = {
    "an object that equals everything": EQUAL,
    "changed built-in functions":
        "import builtins, math\nf = str\nfor name in ('abs', 'sorted', 'list', 'all', 'set'):\n"
        "    setattr(builtins, name, lambda *a, **k: True)\nmath.isclose = lambda *a, **k: True",
    "marks of asserts that passed": "import os\nf = str\nfor fd in range(3, 200):\n    try: os.write(fd, b'D' * 9)\n"
                                    "    except OSError: pass\nos._exit(0)",
    "values told in advance": "f = str\nprint('\\n\\x1etold true\\n' * 9, flush=True)",
    "values that are no JSON": "f = str\nprint('\\n\\x1etold [\\n' * 9, flush=True)",
    "what is expected, read from the frames":
        "import re, sys\ndef f(x):\n    frame, seen = sys._getframe(), ''\n    while frame:\n"
        "        seen += repr(frame.f_locals) + repr(frame.f_globals)\n        frame = frame.f_back\n"
        "    return int((re.findall(r'f\\(%d\\)[^\\d]*(\\d+)' % x, seen) or [0])[0])",
}
FORMS = ["assert f(1) == 2", "assert abs(f(1) - 2) < .1", "import math\nassert math.isclose(f(1), 2)",
         "assert f(1) in (2, 3)", "assert not f(1) != 2", "assert sorted([f(1), 0]) == [0, 2]",
         "e = 2\nassert f(1) == e", "assert 1 < f(1) < 3",
         "def check(candidate):\n    assert candidate(1) == 2\ncheck(f)", "assert f(1) == 2 and f(1) > 1"]


@pytest.mark.parametrize("case", FOOLING)
def test_a_program_cannot_judge_itself(case):
    """One answer, ten forms of an assert: none of them passes, and each passes for a right program."""
    pairs = [(assert_task(form), fence(FOOLING[case])) for form in FORMS]
    assert [correct for correct, _ in CODING.check_many(pairs)] == [False] * len(FORMS)
    assert not any(unparted(task) for task, _ in pairs)


VALUES = {  # what a right program may return, as public asserts write it
    "a tuple": ("return x, [x]", "assert f(1) == (1, [1])"),
    "a set": ("return {x}", "assert f(1) == {1}"),
    "a Counter is a dict": ("import collections\n    return collections.Counter([x])", "assert f(1) == {1: 1}"),
    "a named tuple is a tuple": ("import collections\n    return collections.namedtuple('P', 'x')(x)",
                                 "assert f(1) == (1,)"),
    "a large number": ("return 10 ** 5000 + x", "assert f(1) == 10 ** 5000 + 1"),
    "a float": ("return x / 3", "assert f(1) == 1 / 3"),
    "infinity": ("return float('inf')", "assert f(1) == float('inf')"),
    "a fraction": ("import fractions\n    return fractions.Fraction(x, 3)",
                   "from fractions import Fraction\nassert f(1) == Fraction(1, 3)"),
    "a date": ("import datetime\n    return datetime.date(2020, 1, x)",
               "import datetime\nassert f(1) == datetime.date(2020, 1, 1)"),
    "bytes": ("return b'a' * x", "assert f(1) == b'a'"),
    "numpy": ("import numpy\n    return numpy.arange(x + 1)", "import numpy as np\nassert np.allclose(f(1), [0, 1])"),
    "a numpy scalar": ("import numpy\n    return numpy.float64(x)", "assert f(1) == 1.0"),
    "an iterator": ("return iter([x])", "assert sorted(f(1)) == [1]"),
    "None": ("return None", "assert f(1) is None"),
    "in place": ("x.sort()", "x = [2, 1]\nf(x)\nassert x == [1, 2]"),
    "a class": ("pass\nclass Solution:\n    def g(self, x): return x", "assert Solution().g(1) == 1"),
    "objects compared with each other": ("return P(x)\nclass P:\n    def __init__(self, x): self.x = x\n"
                                         "    def __eq__(self, other): return self.x == other.x",
                                         "assert f(1) == P(1)"),
    "its type": ("return [x]", "assert type(f(1)) == list and isinstance(f(1), list)"),
    "given to another": ("return x + 1", "assert list(map(f, [1, 2])) == [2, 3] and max([1, 2], key=f) == 2"),
    "a built-in name": ("pass\ndef sum(a, b): return a - b", "assert sum(3, 2) == 1"),
    "its own module": ("return x", "from solution import f as g\nassert g(1) == 1"),
    "in a loop, not parted": ("return x", "for x in range(3):\n    assert f(x) == x"),
    "one of two, not parted": ("return None", "assert f(1) is None or f(1)[0] == 1"),
}


@pytest.mark.parametrize("case", VALUES)
def test_what_public_asserts_say_of_a_right_program_holds(case):
    body, text = VALUES[case]
    assert CODING.check(assert_task(text), fence(f"def f(x):\n    {body}")) == (True, "")
    assert bool(unparted(assert_task(text))) == ("not parted" in case)
    wrong = CODING.check(assert_task(text), fence("def f(x): return 'no'\nsum = f\nclass Solution:\n    g = print"))
    assert not wrong[0] and wrong[1]


def test_asserts_of_a_task_share_their_names():
    several = assert_task("import math\nx = f(1)", "assert math.isclose(x, 2)", "assert x == 2")
    assert CODING.check(several, fence(DOUBLE)) == (True, "")
    assert CODING.check(several, fence("def f(x): return 3"))[1].startswith("test 2 of 3 failed")


@settings(deadline=None)
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary() |
                    st.complex_numbers(allow_nan=False) | st.fractions() | st.datetimes() | st.timedeltas(),
                    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner)))
def test_values_come_back_as_they_were(value):
    again = decode(json.loads(json.dumps(encode(value))))
    assert again == value and type(again) is type(value)
