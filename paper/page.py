"""The reproduction as one HTML page: headline, figures, sortable tables, claims, what is lacking, traces to read.

    python -m paper --html

The page is one file that needs no network and no server: figures are in it, and the browser of traces is that of
`behaviors.browser`. Names, captions and notes are anybody's text, and are escaped.
"""

from __future__ import annotations

import base64
import re
import struct
from html import escape
from pathlib import Path

import pandas as pd

from behaviors.browser import filled, parts
from paper.contents import ITEMS, Item
from paper.page_tables import table
from paper.page_traces import browser
from paper.report import values
from paper.saved import Saved
from paper.tables.written import printed

PAGE = "page.html"
HERE = Path(__file__).parent
LAST = ("Ours", "Unit", "Verdict", "Published", "n", "Seeds", "study", "id", "Source")
"""Columns that stand at the right, in this order: what a narrow screen cuts off matters least."""
FILTERED = {"claims": ("study", "Verdict")}
"""Tables of which some columns can be chosen from."""


def write_page(saved: Saved, tables: dict[str, pd.DataFrame], lacking: list[str], folder: Path) -> None:
    """page.html in `folder`, which holds the figures; `tables` by item, and `lacking` as `written` makes them."""
    (folder / PAGE).write_text(page(saved, tables, lacking, folder / "figures"), encoding="utf-8")


def page(saved: Saved, tables: dict[str, pd.DataFrame], lacking: list[str], figures: Path) -> str:
    """The page, with the figures of a folder."""
    known = values(saved, [], lacking)
    titles, sections = {"results": "These results"}, [_results(known)]
    for item in ITEMS:
        picture = figures / f"{item.name}.png"
        if item.name in tables or picture.is_file():
            titles[item.name] = _words(item.name)
            sections.append(_item(item, tables.get(item.name), picture if picture.is_file() else None))
    if lacking:
        titles["lacking"] = "Not made"
        sections.append(_section("lacking", "Not made", _list(lacking)))
    titles["traces"] = "Traces"
    style, script = ((HERE / f"page.{kind}").read_text(encoding="utf-8") for kind in ("css", "js"))
    return filled((HERE / "page.html").read_text(encoding="utf-8"), {
        "title": escape(f"Mix or merge: {known['zoo'] or known['folder']}"), "headline": _headline(known),
        "index": "\n".join(f'<li><a href="#{name}">{escape(title)}</a></li>' for name, title in titles.items()),
        "sections": "\n".join(sections), "traces": browser(saved), "style": parts()["style"] + "\n" + style,
        "script": script})


def _headline(known: dict) -> str:
    """How the claims came out."""
    found = known["value"]
    return (f"<p>Of {found['claims']} claims in {found['studies']} studies, <strong>{found['reproduced']} are "
            f"reproduced</strong>, {found['not reproduced']} not reproduced, {found['inconclusive']} inconclusive and "
            f"{found['not measured']} not measured.</p>")


def _results(known: dict) -> str:
    """The tables of the routes to one model and of the experts' gains, and which results all this is of."""
    routes, gains = (_made(name, known["tables"][name]) for name in ("routes", "gains"))
    notes = [f"made of the results in {known['folder']}", *known["notes"], known["value"]["tags"]]
    return _section("results", "These results", routes + gains + _list(notes))


def _made(name: str, found: dict) -> str:
    """A table of the report, or why it is not there."""
    if "lacking" in found:
        return f"<p>No table of {name}: {escape(found['lacking'])}.</p>"
    return f"<p>{escape(found['note'])}</p>\n{table(name, found['head'], found['rows'])}"


def _item(item: Item, rows: pd.DataFrame | None, picture: Path | None) -> str:
    """The caption of an item, its figure and its table."""
    body = [f"<p>{_code(item.caption)}</p>"]
    if picture:
        body.append(_figure(item, picture, rows is not None))
    if rows is not None:
        cells, note = printed(rows)
        head = [name for name in cells if (cells[name] != "").any()]
        head.sort(key=lambda name: LAST.index(name) if name in LAST else -1)
        body += [f'<p class="note">{escape(note)}</p>',
                 table(item.name, head, cells[head].to_numpy().tolist(), FILTERED.get(item.name, ()))]
    place = f"The paper's {item.place}" if item.place.startswith(("Table", "Figure")) else item.place.replace("All", "")
    return _section(item.name, _words(item.name), "\n".join(body), place)


def _figure(item: Item, picture: Path, tabled: bool) -> str:
    content = picture.read_bytes()
    width, height = struct.unpack(">II", content[16:24])  # where a PNG has them
    alt = f"Figure: {_words(item.name)}." + (" Its numbers are in the table below." if tabled else "")
    source = f"data:image/png;base64,{base64.b64encode(content).decode()}"
    return (f'<div class="picture"><img alt="{escape(alt)}" '
            f'width="{width}" height="{height}" src="{source}"></div>')


def _section(name: str, title: str, body: str, place: str = "") -> str:
    small = f" <small>{escape(place)}</small>" if place else ""
    return f'<section id="{name}"><h2>{escape(title)}{small}</h2>\n{body}\n</section>'


def _list(lines: list[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>"


def _words(name: str) -> str:
    words = re.sub(r"\bkl\b", "KL", name.replace("_", " "))
    return words[:1].upper() + words[1:]


def _code(text: str) -> str:
    return re.sub("`([^`]*)`", r"<code>\1</code>", escape(text))
