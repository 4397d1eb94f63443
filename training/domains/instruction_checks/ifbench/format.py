"""format:* of IFBench but for brackets and quotes: lines, lists, titles, templates. Each returns why not, or "".

Departures from the official code (those of the whole package are in `tokens`):
1. options: they are parted by "/", else by commas and the word "or", officially by any "or", as in "color". Letters
   are compared as they are written; white space and the form of apostrophes never count, so that an option may be
   written with each word on a new line, which one prompt asks for too.
2. newline: marks on their own, such as a dash, are no words.
3. emoji: see `emoji`; one stands before or after the mark that ends a sentence.
4. line_indent: at least two lines; blank ones may be anywhere, and tabs indent too.
5. list: two different items, each behind the mark that opens a line, and no usual bullet point; officially the mark
   twice anywhere is a list. no_bullets_bullets and sub_bullets: `* ` that opens a line and then text is a bullet point;
   officially any asterisk is one for sub_bullets, which also passes an answer without any.
6. thesis: every section, from a heading to the next, begins with a thesis in italics and goes on after it; without
   headings the text is one section, which may have a title line. Officially one thesis anywhere is enough.
7. no_bullets_bullets: the sentences end in a full stop, and blank lines and text may follow; officially any sentence
   counts, and a blank line among the bullet points or a line break at the end is a failure.
8. title_case: minor words, such as "of", may be in lower case, but for the first of a line, as the prompts say;
   officially they may not, nor may a contraction end in lower case, and an answer all in capitals passes.
9. output_template: the labels once each, in their order, from the start, with something said after each; officially
   the template itself passes, unfilled.
10. no_whitespace: white space before and after the answer is no part of it.
"""

from __future__ import annotations

import re
import string

from training.domains.instruction_checks.ifbench.emoji import EMOJI, ends_with_emoji
from training.domains.instruction_checks.ifbench.tokens import has_word, lines, no_word, sentences, words
from training.domains.instruction_checks.text import compare, end_mark
from training.domains.task import TaskError

LABELS = ("My Answer:", "My Conclusion:", "Future Outlook:")
"""Of output_template, in order."""
_PLACEHOLDERS = ("answer", "conclusion", "outlook")
_MINOR = frozenset("""
    a an the and but or nor for so yet as at by down from if in into like near of off on onto out over past per than
    that to up upon via vs with about after before between through under until within without
""".split())
_SENTENCE_EMOJI = re.compile(rf"(?<![.!?…。！？])([.!?…。！？]++[\"'”’»)\]*_]*+)\s*+((?:{EMOJI}\s*+)+)")
_HEADING = re.compile(r"^[ \t]*(?:#{1,6}[ \t].*|<h[1-6]\b.*|\*\*[^*\n]+\*\*[: \t]*)$", re.MULTILINE | re.IGNORECASE)
_THESIS = re.compile(r"[\s*_-]*<(i|em)\b[^<>]*>(.*?)</\1>", re.IGNORECASE | re.DOTALL)


def options(text: str, options: str) -> str:
    """One of the options and nothing else (departure 1). Raises TaskError for fewer than two options."""
    parted = options.split("/") if "/" in options else re.split(r",\s*(?:or\s+)?|\s+or\s+", options)
    choices = [choice for choice in map(_one_line, parted) if choice]
    if len(choices) < 2:
        raise TaskError(f"format:options: the argument 'options' is {options!r}; choose two or more, as yes/no")
    answer = _one_line(text)
    if not re.match(r"\W*a\W*b\W*c\b", options, re.IGNORECASE):
        answer, *choices = (one.strip(string.punctuation + " ").casefold() for one in (answer, *choices))
    return "" if answer in choices else f"none of {options!r}"


def _one_line(text: str) -> str:
    return " ".join(text.replace("’", "'").split())


def newline(text: str) -> str:
    """Each word on a line of its own (departure 2)."""
    for line in lines(text):
        if sum(map(has_word, line.split())) > 1:
            return f"more than one word in {line.strip()[:20]!r}"
    return no_word(text)


def emoji(text: str) -> str:
    """Every sentence ends with an emoji (departure 3)."""
    found = sentences(_SENTENCE_EMOJI.sub(_emoji_first, text))
    for place, sentence in enumerate(found, 1):
        if not ends_with_emoji(sentence.rstrip(" .!?…。！？\"'”’»)]*_")):
            return f"sentence {place} does not end with an emoji"
    return "" if found else "there is no sentence"


def _emoji_first(match: re.Match) -> str:
    """The emoji after the mark that ends a sentence, before it."""
    mark, emoji = match.groups()
    return emoji.rstrip() + mark + (emoji[len(emoji.rstrip()) :] or " ")


def line_indent(text: str) -> str:
    """Each line is indented more than the one before (departure 4)."""
    found = [line.expandtabs() for line in text.splitlines() if line.strip()]
    indents = [len(line) - len(line.lstrip()) for line in found]
    for place, (before, after) in enumerate(zip(indents, indents[1:], strict=False), 2):
        if after <= before:
            return f"line {place} is indented by {after}, the one before by {before}"
    return no_word(text) or ("" if len(found) > 1 else "fewer than two lines")


def bullet(line: str) -> str:
    """The mark of a bullet point and white space open a line, and text follows: "*", "-", "•", or "" (departure 5)."""
    mark, space, said = line.strip()[:1], line.strip()[1:2], line.strip()[2:]
    return mark if mark and mark in "*-•" and space.isspace() and has_word(said) else ""


def list_with(text: str, sep: str) -> str:
    """A list whose items stand behind a mark and not behind bullet points (departure 5)."""
    for line in text.splitlines():
        if bullet(line) and not line.strip().startswith(sep):
            return f"a bullet point: {line.strip()[:20]!r}"
    _, *items = re.split(rf"^[ \t*_]*?{re.escape(sep)}", text, flags=re.MULTILINE)
    different = {" ".join(item.split()) for item in items if has_word(item)}
    return compare(f"items behind {sep!r}", len(different), "at least", 2)


def thesis(text: str) -> str:
    """Every section begins with a thesis in HTML's italics (departure 6)."""
    bodies = list(filter(has_word, _HEADING.split(text)[1:]))
    if not bodies:
        bodies = [text if _THESIS.match(text) else text.strip().partition("\n")[2]]
    for place, body in enumerate(bodies, 1):
        found = _THESIS.match(body)
        if not found or not has_word(found[2]):
            return f"section {place} does not begin with a thesis in italics"
        if not has_word(body[found.end() :]):
            return f"nothing follows the thesis of section {place}"
    return ""


def sub_bullets(text: str) -> str:
    """Bullet points with `*`, each with a sub-bullet point with `-` (departure 5)."""
    _, *groups = "".join(bullet(line) for line in text.splitlines() if bullet(line) in ("*", "-")).split("*")
    bare = [place for place, group in enumerate(groups, 1) if not group]
    return f"bullet point {bare[0]} has no sub-bullet point" if bare else "" if groups else "no bullet point with *"


def no_bullets_bullets(text: str) -> str:
    """Two sentences that end in a full stop, then two bullet points with `*` (departures 5 and 7)."""
    found = text.splitlines()
    points = [place for place, line in enumerate(found) if bullet(line) == "*"]
    before = "\n".join(found[: points[0]] if points else found)
    stops = sum(end_mark(sentence) == "." for sentence in sentences(before))
    wrong = compare("sentences with a full stop before the bullet points", stops, "at least", 2)
    return wrong or compare("bullet points with *", len(points), "at least", 2)


def title_case(text: str) -> str:
    """Every major word begins with a capital letter (departure 8)."""
    for line in map(words, lines(text)):
        for place, word in enumerate(line):
            minor = place > 0 and word in _MINOR
            if word[0].islower() and not minor and (word[1:].isupper() or word.islower()):
                return f"{word[:20]!r} is not in title case"
    if text.isupper() and any(len(word) > 1 for word in words(text)):
        return "all in capital letters"
    return "" if any(word[0].isupper() for word in words(text)) else "no word with a capital letter"


def output_template(text: str) -> str:
    """The three `LABELS`, and something after each (departure 9)."""
    before, *parts = re.split(f"({'|'.join(LABELS)})", text)
    if has_word(before) or tuple(parts[::2]) != LABELS:
        return f"not {', '.join(LABELS)} once each, in this order, from the start"
    for label, said in zip(LABELS, parts[1::2], strict=True):
        if not has_word(said) or said.strip(" \t\n*_[]").casefold() in _PLACEHOLDERS:
            return f"nothing is said after {label}"
    return ""


def no_whitespace(text: str) -> str:
    """No white space inside the answer (departure 10)."""
    found = len(text.split())
    return no_word(text) or ("" if found == 1 else f"white space parts it in {found}")
