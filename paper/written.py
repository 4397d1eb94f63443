"""All items of a folder of results: figures/, tables/, index.md, report.pdf, page.html if asked; whole or not at all.

What cannot be made of the results is named, with the reason, in the index and in what `write` returns.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from paper.contents import ITEMS, Item
from paper.page import write_page
from paper.report import write_report
from paper.saved import NotSaved, Saved
from paper.tables import written
from studies.figures import print_style, save
from studies.harness import may_replace
from training.durable import whole_folder

INDEX = "index.md"


@dataclass
class Outcome:
    """What became of the items."""

    made: dict[str, pd.DataFrame] = field(default_factory=dict)
    """The tables, by item."""
    figures: list[str] = field(default_factory=list)
    lacking: list[str] = field(default_factory=list)
    """A line each: what could not be made, and why."""

    @property
    def tables(self) -> list[str]:
        """The items whose table was made."""
        return list(self.made)


def write(saved: Saved, out: Path, html: bool = False) -> Outcome:
    """Write all that the results allow; html: the page too.

    Raises NotSaved where `out` holds something else than an earlier run's.
    """
    from matplotlib import rc_context

    if not may_replace(out, INDEX):
        raise NotSaved(f"{out} exists and holds no {INDEX}: it is not an earlier run's; choose another --out")
    outcome = Outcome()
    with rc_context(), whole_folder(out) as folder:
        print_style()
        for part in ("tables", "figures"):
            (folder / part).mkdir()
        for item in ITEMS:
            _item(item, saved, folder, outcome)
        (folder / INDEX).write_text(index(saved, outcome), encoding="utf-8")
        write_report(saved, outcome.figures, outcome.lacking, folder)
        if html:
            write_page(saved, outcome.made, outcome.lacking, folder)
    return outcome


def _item(item: Item, saved: Saved, folder: Path, outcome: Outcome) -> None:
    if item.table:
        try:
            table = item.table(saved)
            written.write(table, folder / "tables", item.name, item.caption)
            if item.wide:
                written.write_wide(table, folder / "tables", item.name, item.caption)
            outcome.made[item.name] = table
        except NotSaved as error:
            outcome.lacking.append(f"{item.name}, table and figure: {error}" if item.figure else
                                   f"{item.name}, table: {error}")
            return
    if item.figure:
        try:
            save(item.figure(saved), folder / "figures", item.name)
            outcome.figures.append(item.name)
        except NotSaved as error:
            outcome.lacking.append(f"{item.name}, figure: {error}")


def index(saved: Saved, outcome: Outcome) -> str:
    """index.md: what the results are, every item with its caption and files, and what could not be made."""
    lines = ["# Figures and tables", "", f"Made by `python -m paper` of the results in `{saved.folder.name}`.", "",
             *(f"- {note}" for note in saved.notes)]
    for item in ITEMS:
        if item.name in outcome.tables or item.name in outcome.figures:
            lines += ["", f"## {item.place}: {item.name.replace('_', ' ')}", "", item.caption, ""]
        if item.name in outcome.figures:
            lines += [f"![{item.name}](figures/{item.name}.png)", "", f"Figure: [pdf](figures/{item.name}.pdf)", ""]
        if item.name in outcome.tables:
            kinds = [".csv", ".md", ".tex", *(["_by_domain.md", "_by_domain.tex"] if item.wide else [])]
            lines.append("Table: " + ", ".join(f"[{kind.lstrip('._')}](tables/{item.name}{kind})" for kind in kinds))
    if outcome.lacking:
        lines += ["", "## Not made", "", *(f"- {line}" for line in outcome.lacking)]
    return "\n".join(lines) + "\n"
