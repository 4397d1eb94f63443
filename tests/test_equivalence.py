r"""Which written answers are equal, and that comparing them always ends, in threads and in forks too."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.domains import Task, equivalence, get_domain
from training.domains.equivalence import same_answer

MATH = get_domain("math")


def check(reference, text):
    return MATH.check(Task("math", "m-1", "What?", reference), text)


# (reference, answer, equal?): what counts as the same
EQUAL = [
    ("42", "42.", True),  # a period
    ("42", "+42", True),  # a sign
    ("42", "042", True),  # a leading zero
    ("42", "42.0", True),  # a decimal integer
    ("42", "-42", False),  # the other sign
    ("-5", "−5", True),  # the typographic minus
    ("1/2", r"\frac{3}{6}", True),  # not reduced
    ("1/2", "3/6", True),  # not reduced, plain
    ("1/2", "0.5", True),  # decimal
    ("1/2", ".5", True),  # decimal without a zero
    ("1/2", r"\dfrac{1}{2}", True),  # display fraction
    ("1/2", r"\frac12", True),  # fraction without braces
    ("-1/2", r"-\frac{1}{2}", True),  # sign before the fraction
    ("-1/2", r"\frac{-1}{2}", True),  # sign inside it
    ("3/2", r"1\frac{1}{2}", True),  # mixed number
    ("3/2", "1 1/2", True),  # mixed number, plain
    ("1024", "2^{10}", True),  # a power
    ("1024", "2**10", True),  # a power as programs write it
    ("25", "5²", True),  # a power as people write it
    ("1/3", "0.3333", False),  # four digits are a rounding, not the value
    ("1/3", "0.333333", True),  # six digits are taken for it
    ("1/3", "0.333334", False),  # six wrong digits
    (r"\sqrt{2}", "1.41421", True),  # six digits of a formula
    (r"\sqrt{2}", "1.414", False),  # four
    ("0.0000001", "0.0000002", False),  # both tiny
    (r"\pi \cdot 10^{-9}", "0.000000", False),  # zeros are no digits
    ("1.2e-7", r"1.2 \times 10^{-7}", True),  # scientific notation, twice
    ("1234567", "1234568.0", False),  # seven digits, the last one off
    ("1234", "1,234", True),  # separator of thousands
    ("1234", "1{,}234", True),  # separator in LaTeX
    ("1234", r"1\,234", True),  # thin space
    ("1234567", "1 234 567", True),  # spaces
    ("3.14", "3,14", False),  # a decimal comma is a pair
    ("10 million", "10,000,000", True),  # a word for zeros
    ("50%", r"50\%", True),  # percent, escaped
    ("50%", "0.5", True),  # percent as a fraction
    ("0.5", "50%", True),  # the other way round
    ("50%", "50", True),  # sign left out
    ("50", "50 percent", True),  # sign added
    ("1", "1%", False),  # a probability of one is not one percent
    ("0.5", "0.5%", False),  # nor is a half
    ("$5", r"\$5", True),  # currency
    ("5", "€5", True),  # another currency
    ("12", "12 cm", True),  # unit
    ("12", r"12\text{ cm}^2", True),  # unit in LaTeX, squared
    ("12 cm", "12", True),  # unit left out
    ("12 cm", "12 m", False),  # another unit
    ("12 cm^2", "12 cm^3", False),  # another power of it
    ("5 hours", "5 hour", True),  # plural
    ("42", "42 apples", True),  # things
    ("42", "42 is wrong", False),  # not a unit
    *(("42", f"42 {word}", False) for word in ("wrong", "squared", "tenths", "less three", "forty-one", "factorial")),
    ("42", r"42\text{ wrong}", False),  # in LaTeX neither
    ("42", "17 + 25", False),  # a chain that is not worked out
    ("42", r"6 \cdot 7", False),  # a product
    ("42", r"\frac{17+25}{1}", False),  # wrapped up
    ("42", r"\max(41, 42)", False),  # an operation by name
    ("42", r"\sum_{i=1}^{42} 1", False),  # another
    ("42", "17 + 25 = 42", True),  # worked out
    ("42", "41 = 42", False),  # two numbers
    ("42", "42 = 41", False),  # whichever comes last
    ("200", r"2^3 \cdot 5^2", True),  # a product of powers
    ("42", "-(-42)", True),  # a sign is no difference
    ("42", "42 kilowatt-hours", True),  # nor is a hyphen
    ("10", "10! + 5", False),  # a factorial ends no sentence
    (r"90^\circ", "90", True),  # degrees
    ("90", "90°", True),  # degrees as people write them
    (r"\frac{\sqrt{3}}{2}", r"\frac{\sqrt{3}}{2} \text{ cm}", True),  # a formula with a unit
    ("to", "today", False),  # "day" is a unit only as a word of its own
    ("today", "to", False),  # whichever is the reference
    ("2", "2x", False),  # a variable is no unit
    ("2m", "2 m", True),  # a variable that could be one
    ("3", "3 pi", False),  # nor is a constant
    (r"2\pi", "2*pi", True),  # pi as programs write it
    (r"2\pi", "2π", True),  # pi as people write it
    (r"\frac{1}{\sqrt{2}}", "sqrt(2)/2", True),  # root as programs write it
    (r"\frac{\sqrt{2}}{2}", r"1/\sqrt(2)", True),  # half LaTeX
    ("x^2+2x+1", "(x+1)^2", True),  # algebra
    ("x^2+2x+1", "(x-1)^2", False),  # algebra, wrong
    ("5", "x = 5", True),  # named
    ("x = 5", "5", True),  # name left out
    ("y = 2x+1", "y = 1+2x", True),  # an equation
    ("x < 5", "5 > x", True),  # an inequality turned round
    (r"\{1,2\}", r"\left\{2, 1\right\}", True),  # a set has no order
    ("1,2", "2,1", True),  # nor has a list of solutions
    ("x=1 or x=2", "x=2, x=1", True),  # solutions, named
    ("(1,2)", "(2,1)", False),  # a pair has one
    ("(1,2)", r"\left(1, 2\right)", True),  # stretched brackets
    ("(1,2)", "[1,2]", False),  # open is not closed
    (r"(-\infty,2]", "(-∞, 2]", True),  # infinity as people write it
    (r"[0,1)\cup(2,3]", r"(2,3]\cup[0,1)", True),  # a union turned round
    (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"\begin{bmatrix} 1 & 2 \\ 3 & 4 \end{bmatrix}", True),  # a matrix
    (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"\begin{pmatrix}1&2\\3&5\end{pmatrix}", False),  # another one
    (r"\binom{5}{2}", "10", True),  # a binomial
    ("10!", "3628800", True),  # a factorial
    ("1:2", "1/2", True),  # a ratio
    (r"\text{Monday}", "monday", True),  # words
    ("even", "odd number", False),  # other words
    ("St. Louis", "St. Louis", True),  # a period inside
    ("1/0", "1/0.0", False),  # division by zero
    ("1", "1/0", False),  # once
]


@pytest.mark.parametrize(("reference", "answer", "equal"), EQUAL)
@pytest.mark.parametrize("form", [r"\boxed{%s}", "Answer: %s"])
def test_equality(form, reference, answer, equal):
    verdict, reason = check(reference, form % answer)
    assert verdict is equal
    assert bool(reason) is not equal


@pytest.mark.parametrize("answer", [answer for answer, _, _ in EQUAL])
def test_every_reference_equals_itself(answer):
    one = Task("math", "m-1", "What?", answer)
    assert MATH.check(one, MATH.reference(one)) == (True, "")


@pytest.mark.parametrize("endless", [
    "9^(9^(9^9))",  # a tower of powers
    "10^{10^{10}}",  # a power of integers, out of reach of any signal handler
    "(10^9)!",  # a factorial
    "(" * 900,  # 900 open brackets
    "x^" * 400 + "2",  # 400 exponents
])
def test_endless_answers_end(endless, monkeypatch):
    monkeypatch.setattr(equivalence, "CPU_SECONDS", 0.2)
    verdict, reason = check("1", f"Answer: {endless}")
    assert not verdict and reason


def test_the_worker_goes_on_after_an_endless_answer(monkeypatch):
    monkeypatch.setattr(equivalence, "CPU_SECONDS", 0.2)
    assert "CPU time" in check("1", r"Answer: 7^{7^{11}}")[1]
    monkeypatch.undo()
    assert check("x^2+4x+4", "Answer: (x+2)^2") == (True, "")


def test_threads_get_the_same_verdicts():
    pairs = [(f"x^2+{2 * k}x+{k * k}", f"(x+{k + k % 2})^2") for k in range(1, 13)]
    with ThreadPoolExecutor(4) as pool:
        verdicts = list(pool.map(lambda pair: same_answer(*pair)[0], pairs))
    assert verdicts == [k % 2 == 0 for k in range(1, 13)]


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_gets_its_own_worker():
    assert check("a+b", "Answer: b+a")[0]
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = int(not check("a+b+c", "Answer: c+a+b")[0])
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert check("a+b+d", "Answer: d+a+b")[0]


@given(st.integers(-10**12, 10**12), st.integers(-10**12, 10**12))
def test_integers_are_equal_exactly_when_they_are(left, right):
    assert same_answer(str(left), str(right))[0] == (left == right)
    assert same_answer(str(left), f"{left:,}")[0]


@given(st.fractions(max_denominator=10**4), st.integers(2, 50))
def test_fractions_need_not_be_reduced(value, factor):
    top, bottom = abs(value.numerator) * factor, value.denominator * factor
    sign = "-" if value < 0 else ""
    assert same_answer(str(value), f"{sign}{top}/{bottom}")[0]
    assert same_answer(str(value), rf"{sign}\frac{{{top}}}{{{bottom}}}")[0]
    assert not same_answer(str(value), str(value + Fraction(1, 10**9)))[0]


@given(st.decimals(0, 10**6, places=4))
def test_percent_is_a_hundredth(value):
    assert same_answer(f"{value}%", f"{value / 100:f}")[0]
