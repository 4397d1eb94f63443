"""The README's numbers are those of the committed CSVs, and nobody typed them."""

from pathlib import Path

import pytest

from paper.__main__ import main
from paper.readme import MARKS, block, fill

ROOT = Path(__file__).parents[1]


def test_the_readme_holds_what_the_results_say():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert fill(readme, block(ROOT / "paper/results/organism")) == readme


def test_filling_replaces_what_stood_between_the_marks():
    text = f"a\n{MARKS[0]}\nold\n{MARKS[1]}\nb\n"
    assert fill(text, ["new", "lines"]) == f"a\n{MARKS[0]}\nnew\nlines\n{MARKS[1]}\nb\n"
    with pytest.raises(ValueError, match="the README lacks the marks"):
        fill("no marks", ["x"])


def test_missing_results_are_one_sentence(tmp_path, capsys):
    assert main(["--results", str(tmp_path / "none"), "--readme", str(ROOT / "README.md")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and "gains.csv" in error and "Traceback" not in error
