"""The README's numbers are those of the committed results: tables are written from them, the prose is held to them."""

import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from paper.__main__ import main
from paper.readme import MARKS, block, fill

ROOT = Path(__file__).parents[1]


def test_the_readme_holds_what_the_results_say():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert fill(readme, block(ROOT / "paper/results/organism")) == readme


NUMBER = r"([+-]?\d*\.?\d+)"
ESTIMATE = re.compile(rf"{NUMBER}[^\d\[\]]*(?:100)?\s*\[{NUMBER},\s*{NUMBER}\]")
"""An estimate, its unit, its interval: `+8.4 sentences per 100 [6.7, 10.1]`."""


def measured(results: Path) -> Iterator[tuple[float, float, float]]:
    """Every estimate of findings and tables with its interval."""
    for file in results.glob("*/findings.json"):
        yield from pd.read_json(file)[["measured", "ci_low", "ci_high"]].dropna().itertuples(index=False, name=None)
    for file in results.glob("*/*.csv"):
        table = pd.read_csv(file, low_memory=False)
        for low in table.columns[table.columns.str.endswith("_low")]:
            stem, high = low.removesuffix("_low"), low.removesuffix("low") + "high"
            value = table.columns[table.columns.get_loc(low) - 1] if stem == "ci" else stem
            yield from table[[value, low, high]].dropna().itertuples(index=False, name=None)


def says(text: tuple[str, ...], triple: tuple[float, float, float]) -> bool:
    """Whether a text's three numbers are these, rounded as it has them; in percent, or seen from the other side."""
    return any(
        all(abs(float(word) - factor * value) <= 0.5001 * 10.0 ** -len(word.partition(".")[2])
            for word, value in zip(text, triple if factor > 0 else (triple[0], *triple[:0:-1]), strict=True))
        for factor in (1, 100, -1, -100))


def test_estimates_of_the_prose_are_measured():
    prose = (ROOT / "README.md").read_text(encoding="utf-8").split("## The argument")[1].split("## Use it")[0]
    known = sorted(set(measured(ROOT / "paper/results/organism")))
    found = ESTIMATE.findall(prose)
    assert len(found) > 25
    assert [text for text in found if not any(says(text, triple) for triple in known)] == []
    other = (f"{float(found[0][0]) + 0.1:.1f}", *found[0][1:])
    assert not any(says(other, triple) for triple in known)  # and not whatever is written


def test_filling_replaces_what_stood_between_the_marks():
    text = f"a\n{MARKS[0]}\nold\n{MARKS[1]}\nb\n"
    assert fill(text, ["new", "lines"]) == f"a\n{MARKS[0]}\nnew\nlines\n{MARKS[1]}\nb\n"
    with pytest.raises(ValueError, match="the README lacks the marks"):
        fill("no marks", ["x"])


def test_missing_results_are_one_sentence(tmp_path, capsys):
    assert main(["--results", str(tmp_path / "none"), "--readme", str(ROOT / "README.md")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and "gains.csv" in error and "Traceback" not in error
