"""Tagged traces as one HTML page, to read: sentences colored by label, filters, search, and keys to jump.

    traces = ((f"row {k}", text, tag([text])) for k, text in enumerate(texts))
    write_page(traces, Path("tags.html"), "Tags")

The page is `page.html` around the browser of `behaviors.browser`; it needs no network and no server.
"""

from __future__ import annotations

import html
from collections.abc import Iterable
from pathlib import Path

from behaviors.browser import TRACES, filled, parts, write_data
from behaviors.reading import without_surrogates
from training.durable import whole_file

TEMPLATE = Path(__file__).with_name("page.html")


def write_page(traces: Iterable[tuple], out: Path, title: str, limit: int = TRACES, unseen: int = 0) -> int:
    """Write a page of the first traces, whole or not at all.

    Args: traces, each a `behaviors.browser.Trace` or a tuple like it (name, text, the rows of a tags frame on this text
    and, where more is known, facts), read one at a time and to the end; out, the file; title; limit, traces on the page
    at most; unseen, how many traces there are that are not even given. From the first trace that is one too many, or
    would bring the page above `behaviors.browser.BYTES` of text, all are left out, and a line on the page says how many
    those and the unseen are.
    Returns the number of traces on the page. Lone surrogates are written as U+FFFD.
    Raises ValueError for a limit below 1, for rows that are not of their text, and for facts of another kind.
    """
    if limit < 1:
        raise ValueError(f"limit is {limit}; choose at least 1 trace a page")
    values = {**parts(), "title": html.escape(without_surrogates(title))}
    head, tail = (filled(part, values) for part in TEMPLATE.read_text(encoding="utf-8").split("{{data}}"))
    with whole_file(out) as partial, partial.open("w", encoding="utf-8", newline="") as page:
        page.write(head)
        written = write_data(page, traces, limit, unseen)
        page.write(tail)
    return written
