r"""Reading a written answer: one form for what is written many ways, plain numbers, units.

Pure functions of text. Rules of our own, none from a paper:

1. Decimals: a number written with a decimal point and at least six significant digits equals what rounds to it
   (0.333333 = 1/3); with fewer digits it equals only itself (0.3333 is not 1/3, and neither is 0.33). math-verify too
   asks for six digits, but counts them from the point, which makes all numbers below 0.0000005 equal.
2. Percent: 50% = 0.5. A `%` that the reference has may be left out; one that it lacks may be added above 1 (50 = 50%).
3. Units are whole trailing words (`12 cm`, `12\text{ cm}^2`, `42 apples`) and may be left out on either side; two
   different units are different answers, and nothing is converted. `today` is not `to`; `2x` is not 2. Words that
   change or take back the number (`42 squared`, `42 tenths`, `42 less three`, `42 wrong`) are no units.
4. Currency signs in front and separators of thousands (1,234, 1 234, 1{,}234) are dropped: `1,234` is never a pair.
   `1.5e-7`, `1.5 \times 10^{-7}` and `3 million` are numbers.
5. Words (four letters or more) are compared as text, case ignored.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from training.domains.final_answer import half_width

_SIGNS = str.maketrans({
    "−": "-", "–": "-", "×": r"\times ", "·": r"\cdot ", "÷": r"\div ", "π": r"\pi ", "∞": r"\infty ", "≤": r"\le ",
    "≥": r"\ge ", "∪": r"\cup ", "°": r"^\circ", "²": "^{2}", "³": "^{3}", "√": r"\sqrt", "½": r"\frac{1}{2}",
    "\u00a0": " ", "\u202f": " ", "\u2009": " ", "\n": " ", "\r": " ", "\t": " ",
})
_SPACING = re.compile(
    r"(?<!\\)\\(?:[()\[\]$,;: ]|(?:left|right|displaystyle)(?![A-Za-z]))|[$~]")
_DECIMAL = r"(?:\d{1,3}(?:,\d{3})+|\d{1,3}(?: \d{3})+|\d+)(?:\.\d*)?|\.\d+"
_NUMBER = re.compile(
    r"(?P<sign>[-+]?)\s*[€£¥]?\s*(?:(?:(?P<whole>\d+)(?:\s+|(?=\\)))?(?:(?P<top>\d+)\s*/\s*(?P<bottom>\d+)"
    r"|\\frac\s*\{(?P<latex_top>\d+)\}\s*\{(?P<latex_bottom>\d+)\})"
    rf"|(?P<decimal>{_DECIMAL})(?:(?:[eE]|\s*(?:\\times|\\cdot|\*|x)\s*10\s*\^)\s*\{{?(?P<exponent>[-+]?\d{{1,3}})\}}?)?"
    r"(?:\s+(?P<scale>thousand|million|billion|trillion))?)\s*(?P<percent>\\?%|percent)?", re.ASCII)
_SCALES = {None: 1, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_WRAPPED = re.compile(r"\\(?:text|textbf|textrm|textit|mathrm|mathbf|mbox)\s*\{([^{}]*)\}")
_NOT_UNITS = (
    "pi|tau|and|or|nor|not|is|isn|was|are|no|mod|choose|over|to|plus|minus|times|sqrt|sin|cos|tan|cot|sec|csc|log|ln|exp|"
    "max|min|gcd|lcm|thousand|million|billion|trillion|hundred|dozen|percent|infinity|but|if|than|because|since|unless|"
    "wrong|incorrect|false|negative|factorial|squared|cubed|doubled|tripled|halved|less|more|fewer|at|least|most|off|"
    "below|above|under|except|without|alternatively|otherwise|instead|rather|through|until|till|versus|vs|"
    "hal(?:f|ves)|(?:third|quarter|fifth|sixth|seventh|eighth|ninth|tenth|hundredth|thousandth|millionth)s?|"
    r"(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen|\w+ty)(?:-\w+)?")
_WORD = rf"(?!(?:{_NOT_UNITS})\b)(?:[A-Za-z]{{2,}}|[mgshLNJWVKCA]\b)"
_LATEX_UNIT = rf"\\(?:text|textrm|mathrm|mbox)\s*\{{\s*(?P<latex>{_WORD}(?:[ ./-]+{_WORD}){{0,3}})\.?\s*\}}"
_PLAIN_UNIT = rf"(?<=\s)(?P<plain>{_WORD}(?:[ /-]{_WORD}){{0,3}})"
_UNIT = re.compile(
    rf"(?P<value>.*[\d}})\]])\s*(?:{_LATEX_UNIT}|{_PLAIN_UNIT}|(?P<degree>\^\s*\{{?\\circ\}}?))"
    r"\s*(?P<power>\^?\s*\{?[23]?\}?)")
_WORDS = re.compile(r"(?=.*[A-Za-z]{4})[A-Za-z][A-Za-z' -]*")


@dataclass(frozen=True)
class Number:
    """A number as written."""

    value: Fraction
    slack: Fraction
    """Half a unit of the last digit written, for decimals of at least six significant digits; else 0."""
    percent: bool


def clean(text: str) -> str:
    r"""One form for what is written many ways: math delimiters, signs, spaces, markdown and `\boxed` removed."""
    text = half_width(text).translate(_SIGNS).strip(" *_`").rstrip(" *_`.,;:")
    text = _SPACING.sub(" ", text.replace(r"\!", ""))
    text = re.sub(r"^\s*\\(?:boxed|fbox)\s*\{(.*)\}\s*$", r"\1", text).replace("{,}", ",").replace("**", "^")
    text = re.sub(r"\\[dt]frac", r"\\frac", text)
    return text.strip(" *_`").rstrip(" *_`.,;:")


def number(text: str) -> Number | None:
    """A cleaned text as a number, or None where it is anything but one plain number."""
    found = _NUMBER.fullmatch(text)
    if found is None:
        return None
    bottom = int(found["bottom"] or found["latex_bottom"] or 1)
    if bottom == 0:
        return None
    decimal = (found["decimal"] or "0").replace(",", "").replace(" ", "")
    unit = Fraction(10) ** int(found["exponent"] or 0) * _SCALES[found["scale"]]
    value = Fraction(decimal.rstrip(".") or 0) * unit
    value += int(found["whole"] or 0) + Fraction(int(found["top"] or found["latex_top"] or 0), bottom)
    exact = "." not in decimal or len(decimal.replace(".", "").lstrip("0")) < 6
    slack = Fraction(0) if exact else unit * Fraction(1, 2 * 10 ** len(decimal.partition(".")[2]))
    return Number(-value if found["sign"] == "-" else value, slack, found["percent"] is not None)


def same_number(reference: Number, answer: Number) -> bool:
    """Rules 1 and 2."""
    def close(scale_reference: Fraction, scale_answer: Fraction) -> bool:
        apart = abs(reference.value * scale_reference - answer.value * scale_answer)
        return apart <= max(reference.slack * scale_reference, answer.slack * scale_answer)

    one, hundredth = Fraction(1), Fraction(1, 100)
    if reference.percent == answer.percent:
        return close(one, one)
    if reference.percent:
        return close(hundredth, one) or close(one, one)
    return close(one, hundredth) or (abs(reference.value) > 1 and close(one, one))


def split_unit(text: str) -> tuple[str, str]:
    """(value, unit) of a cleaned text; the unit is lower-case, singular, and empty where there is none (rule 3)."""
    found = _UNIT.fullmatch(text)
    if found is None:
        return text, ""
    name = found["latex"] or found["plain"] or "degree"
    unit = "/".join(word.removesuffix("s") if len(word) > 2 else word for word in re.split(r"[ ./-]+", name))
    unit = unit if len(name) < 2 else unit.lower()
    return found["value"].strip(), unit + "".join(re.findall(r"\d", found["power"]))


def words(text: str) -> str | None:
    """A cleaned text as lower-case words, or None where it is a formula (rule 5)."""
    text = _WRAPPED.sub(r"\1", text).strip()
    return text.casefold() if _WORDS.fullmatch(text) else None
