"""A table as CSV, as Markdown, and as a LaTeX tabular with booktabs rules; what is the same in all rows becomes a note.

CSV holds every column as it is. In the other two a value stands with its limits in brackets, rounded; "not
measured" and "not found" are said in words. The .tex file is a tabular alone, to be \\input into a table.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from paper.tables.rows import SHARED, in_order
from studies.gain_figure import label
from studies.index import number

MODELS = ("model", "sampler", "scored_by", "judge", "run", "route", "model_a", "model_b")
"""Columns that hold models' names."""
FORMS = {"published": "Published", "source": "Source", "value": "Ours", "unit": "Unit", "n": "n", "seeds": "Seeds",
         "verdict": "Verdict"}
ESCAPED = {"\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{",
           "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}",
           ">": r"\textgreater{}", "[": "{[}", "]": "{]}", '"': "''", "|": r"\textbar{}"}


def write(table: pd.DataFrame, folder: Path, name: str, caption: str) -> None:
    """NAME.csv, NAME.md and NAME.tex in `folder`."""
    cells, note = printed(table)
    table.to_csv(folder / f"{name}.csv", index=False)
    (folder / f"{name}.md").write_text(markdown(cells, f"{caption} {note}"), encoding="utf-8")
    (folder / f"{name}.tex").write_text(latex(cells, f"{caption} {note}"), encoding="utf-8")


def write_wide(table: pd.DataFrame, folder: Path, name: str, caption: str) -> None:
    """NAME_by_domain.md and .tex: a row a model, a column a domain, the published number in parentheses after ours."""
    known = table.assign(cell=[value + ("" if pd.isna(row.published_value) else f" ({row.published_value:.1f})")
                               for value, row in zip(_values(table), table.itertuples(), strict=True)])
    cells = known.pivot(index="model", columns="domain", values="cell").fillna("")
    cells = cells.loc[list(dict.fromkeys(table.model)), in_order(table.domain)]
    cells.insert(0, "model", [label(model) for model in cells.index])
    note = f"{caption} {printed(table)[1]} In parentheses: published, the mean of a domain's two benchmarks."
    (folder / f"{name}_by_domain.md").write_text(markdown(cells, note), encoding="utf-8")
    (folder / f"{name}_by_domain.tex").write_text(latex(cells, note), encoding="utf-8")


def printed(table: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """(the table as words, what is the same in all its rows)."""
    labels = [name for name in table if name not in SHARED and name != "method"] if "model" in table else [
        name for name in table if name not in SHARED]
    cells = {name.replace("_", " "): _words(table[name], name in MODELS) for name in labels}
    cells |= {"published": table.published, "source": table.source, "value": _values(table), "unit": table.unit,
              "n": _counts(table.n), "seeds": _counts(table.seeds), "verdict": table.verdict}
    shown, notes = pd.DataFrame(cells).fillna(""), []
    for name in ("source", "unit", "n", "seeds"):
        if shown[name].nunique() == 1 and len(shown) > 1:
            notes += [f"{FORMS[name]}: {shown[name].iloc[0]}."] if shown[name].iloc[0] else []
            shown = shown.drop(columns=name)
    kinds = [kind for kind in dict.fromkeys(table.interval) if kind != "none"]
    notes += [f"In brackets: {'; '.join(kinds)}."] if kinds else []
    return shown.rename(columns=FORMS), " ".join(notes)


def _words(column: pd.Series, models: bool) -> pd.Series:
    if models:
        return column.astype(str).map(label)
    if pd.api.types.is_float_dtype(column):
        return column.map(lambda value: "" if pd.isna(value) else number(value))
    return column.astype(str)


def _values(table: pd.DataFrame) -> list[str]:
    return [_value(row.ours, row.ci_low, row.ci_high, _digits(row.ours, row.unit)) for row in table.itertuples()]


def _value(value: float, low: float, high: float, digits: int) -> str:
    if pd.isna(value):
        return "not measured"
    limits = "" if pd.isna(low) else f" [{low:.{digits}f}, {high:.{digits}f}]"
    return f"{value:.{digits}f}{limits}"


def _digits(value: float, unit: str) -> int:
    """Decimals: one of percent, points and what is large, else about three that say something."""
    if unit.startswith(("%", "points")) or abs(value) >= 10:
        return 1
    return next((digits for least, digits in ((1, 2), (0.1, 3), (0.01, 4)) if abs(value) >= least), 5 if value else 1)


def _counts(column: pd.Series) -> list[str]:
    return [f"{int(value)}" if value else "" for value in column]


def markdown(cells: pd.DataFrame, caption: str) -> str:
    """A Markdown table under its caption."""
    lines = [caption, "", "| " + " | ".join(cells) + " |", "|---" * cells.shape[1] + "|"]
    lines += ["| " + " | ".join(_plain(value) for value in row) + " |" for row in cells.itertuples(index=False)]
    return "\n".join(lines) + "\n"


def _plain(value: str) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")


def latex(cells: pd.DataFrame, caption: str) -> str:
    """A tabular between booktabs rules, its caption a comment above it."""
    comment = " ".join(caption.split())
    lines = [f"% {comment}", r"\begin{tabular}{" + "l" * cells.shape[1] + "}", r"\toprule",
             _row(cells.columns), r"\midrule", *(_row(row) for row in cells.itertuples(index=False)), r"\bottomrule",
             r"\end{tabular}"]
    return "\n".join(lines) + "\n"


def _row(values) -> str:
    return " & ".join(escaped(str(value)) for value in values) + r" \\"


def escaped(text: str) -> str:
    """Text with all that LaTeX would read as a command made plain."""
    return "".join(ESCAPED.get(letter, letter) for letter in text.replace("\n", " ")).replace(
        r"-\textgreater{}", r"$\to$")
