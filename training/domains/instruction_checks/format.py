"""detectable_format:* and detectable_content:*: lists, highlights, sections, titles, wrapping. Returns why not, or "".

Departures from IFEval and IFEvalG:
1. number_bullet_lists: a bullet is `* ` or `- ` and then text; officially `*emphasis*` that opens a line and the rules
   `---` and `* * *` are bullets too.
2. number_highlighted_sections: no white space just inside the asterisks, so that a bullet and an emphasis on its line
   are one highlight; `***both***` is one, officially two.
3. multiple_sections: counts different section numbers with something said after them; officially one number repeated
   passes, and so do marks alone.
4. constrained_response: exactly one of the options; officially an answer with all three passes.
5. number_placeholders: something stands between the brackets. square_brackets and bigram_wrapping look at every word:
   officially only at the ends of each piece, so `[a]b[c]` and `<<a b` pass.
6. json_format: NaN and Infinity are not JSON.
7. postscript: the marker is text, with or without a space after each of its full stops, and something follows it.
8. sentence_hyphens: hyphens inside words are free; officially any of them is a failure.
"""

from __future__ import annotations

import json
import re

from training.domains.instruction_checks.text import compare, exactly, sentences

OPTIONS = ("My answer is yes.", "My answer is no.", "My answer is maybe.")
_HIGHLIGHT = re.compile(r"(?<!\*)(\*{1,3})(?![\s*])[^*\n]*[^*\s]\1(?!\*)")
_FENCE = re.compile(r"\A```(?:json)?|```\Z", re.IGNORECASE)


def number_bullet_lists(text: str, num_bullets: int) -> str:
    """Exactly so many bullet points (IFEval detectable_format:number_bullet_lists; departure 1)."""
    return exactly("bullet points", sum(map(_is_bullet, text.split("\n"))), num_bullets)


def _is_bullet(line: str) -> bool:
    return line.strip()[:2] in ("* ", "- ", "*\t", "-\t") and bool(line.strip("*- \t\r"))


def number_highlighted_sections(text: str, num_highlights: int) -> str:
    """At least so many parts in `*asterisks*` (IFEval; departure 2)."""
    return compare("highlighted sections", len(_HIGHLIGHT.findall(text)), "at least", num_highlights)


def multiple_sections(text: str, section_spliter: str, num_sections: int) -> str:
    """At least so many sections marked "<splitter> <number>" (IFEval; departure 3)."""
    _, *found = re.split(rf"(?<!\w){re.escape(section_spliter)}\s?(\d+)", text)
    numbers = {number for number, said in zip(found[::2], found[1::2], strict=True) if re.search(r"[^\W_]", said)}
    return compare(f"sections marked {section_spliter!r}", len(numbers), "at least", num_sections)


def constrained_response(text: str) -> str:
    """One of `OPTIONS` is given (IFEval detectable_format:constrained_response; departure 4)."""
    return exactly("of the three options", sum(option in text for option in OPTIONS), 1)


def json_format(text: str) -> str:
    """The whole text is one JSON value, in a Markdown fence or not (IFEval detectable_format:json_format)."""
    try:
        json.loads(_FENCE.sub("", text.strip()), parse_constant=_not_json)
    except (ValueError, RecursionError):
        return "not valid JSON"
    return ""


def _not_json(name: str):
    raise ValueError(name)


def title(text: str) -> str:
    """Some line has a title in `<<double angular brackets>>` (IFEval detectable_format:title)."""
    inside = (line.partition("<<")[2].rpartition(">>")[0].strip("<> \t\r") for line in text.split("\n"))
    return "" if any(inside) else "no title in << >>"


def sentence_hyphens(text: str) -> str:
    """Sentences are joined by a hyphen and no space (IFEvalG detectable_format:sentence_hyphens; departure 8)."""
    apart = re.sub(r"([.!?][\"'”’)\]]*)-", r"\1 ", text.strip())
    joined = "-".join(sentences(apart))
    return "" if joined == text.strip() else "sentences are not joined by hyphens without spaces"


def square_brackets(text: str) -> str:
    """Every word is in its own square brackets (IFEvalG detectable_format:square_brackets)."""
    for word in text.split():
        if not re.fullmatch(r"(?:\[[^\[\]]+\])+", word):
            return f"{word[:20]!r} is not in square brackets"
    return ""


def bigram_wrapping(text: str) -> str:
    """Every two words are in `<<double angular brackets>>`; a last odd word may be (IFEvalG; departure 5)."""
    found = text.split()
    if len(found) < 2:
        return "there is no pair of words"
    for left, right in zip(found[::2], found[1::2], strict=False):
        if not re.fullmatch(r"<<[^\s<>]+ [^\s<>]+>>", f"{left} {right}"):
            return f"{left[:20]!r} and {right[:20]!r} are not in << >>"
    return ""


def number_placeholders(text: str, num_placeholders: int) -> str:
    """At least so many placeholders such as `[name]` (IFEval detectable_content:number_placeholders)."""
    return compare("placeholders", len(re.findall(r"\[[^\[\]\n]+\]", text)), "at least", num_placeholders)


def postscript(text: str, postscript_marker: str) -> str:
    """The marker of a postscript occurs, ignoring case (IFEval detectable_content:postscript; departure 7)."""
    marker = re.escape(postscript_marker).replace(r"\.", r"\.\s?").removesuffix(r"\s?")
    found = re.search(rf"(?<!\w){marker}[\W_]*[^\W_]", text, re.IGNORECASE)
    return "" if found else f"no postscript {postscript_marker!r}"
