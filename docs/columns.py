"""Docstrings are plain text; on the site, columns stay columns, lists are lists, and arguments are told apart.

An extension of griffe (mkdocs.yml), which reads the docstrings of the reference.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import griffe

COLUMNS = re.compile(r"^\S.*\S {2,}\S", re.MULTILINE)
ITEM = re.compile(r"- |1\. ")
SENTENCE = re.compile(r"(?<=\.)\s+(?=(?:Attributes|Returns|Raises)\b)")


def as_markdown(text: str, names: Sequence[str] = ()) -> str:
    """The docstring of an object with these parameters, as what mkdocstrings reads.

    What is set in columns is indented, an empty line stands before a list, what is returned or raised is a paragraph,
    and `Args: one, ...; other, ...` is a line a parameter.
    """
    return "\n\n".join(_paragraph(one, names) for one in re.split(r"\n{2,}", text))


def _paragraph(text: str, names: Sequence[str]) -> str:
    if COLUMNS.search(text):
        return "\n".join(f"    {line}" for line in text.split("\n"))
    lines = text.split("\n")
    first = next((k for k, line in enumerate(lines) if ITEM.match(line)), 0)
    listed = "\n".join(lines[:first] + [""] * bool(first) + lines[first:])
    return "\n\n".join(_arguments(one, names) for one in SENTENCE.split(listed))


def _arguments(text: str, names: Sequence[str]) -> str:
    name = rf"`?({'|'.join(names)})`?"
    parts = re.split(rf"(?:^Args:|;) {name}(?:(?: and|,) {name})?[,:]? ", text.replace("\n", " "))
    if parts[0] or not names:
        return text
    items = zip(parts[1::3], parts[2::3], parts[3::3], strict=True)
    return "\n".join(["Args:", *(f"    {', '.join(filter(None, (one, other)))}: {said}" for one, other, said in items)])


class Columns(griffe.Extension):
    """Rewrites every docstring before it is parsed."""

    def on_object(self, *, obj: griffe.Object, **_) -> None:
        if obj.docstring:
            names = [one.name for one in obj.parameters] if obj.is_function or obj.is_class else []
            obj.docstring.value = as_markdown(obj.docstring.value, names)
