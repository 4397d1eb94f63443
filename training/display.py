"""What a notebook shows of an object on the last line of a cell: a heading and small tables, as HTML.

    def _repr_html_(self) -> str:
        return html("a heading", first_table, second_table)

Names of models, paths and claims are anybody's text, and are escaped.
"""

from __future__ import annotations

from html import escape
from numbers import Integral, Real
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def html(heading: str, *tables: pd.DataFrame) -> str:
    """The heading, and all rows and columns of the tables, as `cell` writes them."""
    import pandas as pd

    with pd.option_context("display.max_colwidth", None):
        shown = [table.astype(object).map(cell).to_html(index=False, border=0, justify="left") for table in tables]
    return "\n".join([f"<p>{escape(heading)}</p>", *shown])


def cell(value: object) -> str:
    """A value as text: a number to four digits, from 1,000 on whole; nothing for what is missing."""
    import pandas as pd

    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Integral):
        return f"{int(value):,}"
    if isinstance(value, Real):
        return "" if pd.isna(value) else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return "" if value is None or value is pd.NA else str(value)
