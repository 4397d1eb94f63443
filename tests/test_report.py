"""The report is built of whatever results are there, and no number in it was typed."""

import ast
import json
import re
import shutil
from pathlib import Path

import pytest

from paper.report import TEMPLATE, cells, compiled, counts, numbers, values, write_report
from paper.saved import COMMITTED, opened
from studies.all import STUDIES
from tests.test_paper_saved import DAMAGES, copied, edited

NAMES = ("M2RL", "arXiv 2602.12566", "DeepSeek-R1")
"""Names and citations that have digits."""
FIGURES = ("accuracy", "transfer", "costs", "merging_methods", "cosines", "neighborhoods", "gain_consistency",
           "verification", "information", "behaviors", "dose_response", "guided_merging", "grafting", "controls")
LOOKUP = re.compile(r"#?(?:value|is-known|said|claims|title-of|drawn|saved-table|verdict-of)\(\"[^\"]*\"")


def text_of_the_template() -> str:
    """What stands below the mark, without lookups, names and the sizes of type."""
    text = TEMPLATE.read_text(encoding="utf-8").partition("// The text\n")[2]
    text = re.sub(r"size: [\d.]+pt|\d*fr\b", "", LOOKUP.sub("", text))
    for name in NAMES:
        text = text.replace(name, "")
    return text


def pages(saved, figures=(), folder=Path()) -> int:
    """How many pages the report has."""
    made = compiled(values(saved, list(figures), []), folder, format="svg")
    return 1 if isinstance(made, bytes) else len(made)


@pytest.fixture(scope="module")
def saved():
    return opened(COMMITTED)


def test_the_text_holds_no_number():
    text = text_of_the_template()
    assert len(text) > 5000 and not re.findall(r".*\d.*", text)


def test_the_code_that_gathers_values_types_no_number_into_words():
    tree = ast.parse(TEMPLATE.with_suffix(".py").read_text(encoding="utf-8"))
    forms = {id(part) for node in ast.walk(tree) if isinstance(node, ast.FormattedValue) and node.format_spec
             for part in ast.walk(node.format_spec)}
    notes = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    typed = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
             and re.search(r"\d", node.value) and id(node) not in forms | notes}
    assert typed <= {"f1", "\N{LEFT DOUBLE QUOTATION MARK}\\1\N{RIGHT DOUBLE QUOTATION MARK}", "utf-8"}


def test_it_has_eight_to_twelve_pages_with_all_its_figures(saved, tmp_path):
    from matplotlib import pyplot

    (tmp_path / "figures").mkdir()
    figure = pyplot.figure(figsize=(6.9, 3.3))  # about the mean of the figures that are drawn
    figure.savefig(tmp_path / "figures" / "one.pdf")
    pyplot.close(figure)
    for name in FIGURES:
        shutil.copy(tmp_path / "figures" / "one.pdf", tmp_path / "figures" / f"{name}.pdf")
    assert 8 <= pages(saved, FIGURES, tmp_path) <= 12


def test_the_template_draws_these_figures():
    assert set(re.findall(r'drawn\("(\w+)"\)', TEMPLATE.read_text())) == set(FIGURES)


def test_claims_are_those_of_the_findings(saved):
    shown = {one["from"]: one for rows in values(saved, [], [])["claims"].values() for one in rows}
    found = {f"{file.parent.name}/{one['id']}": one for file in COMMITTED.glob("*/findings.json")
             for one in json.loads(file.read_text())}
    assert shown.keys() == found.keys()
    for name, one in found.items():
        assert shown[name]["claim"] == one["claim"]
        assert shown[name]["verdict"] == one["verdict"].replace("_", " ")
        if one["measured"] is None:
            assert shown[name]["ours"] == "not measured" and shown[name]["note"] == one["note"]
        else:
            said = [float(number) for number in re.findall(r"-?[\d.]+", shown[name]["ours"].replace("\u2212", "-"))]
            assert said == pytest.approx([one["measured"], one["ci_low"], one["ci_high"]], rel=6e-3, abs=1e-9)
            assert shown[name]["n"] == f"{one['n']}, {one['seeds']}"


def test_the_report_that_is_kept_is_of_the_committed_results(saved, tmp_path):
    mark = values(saved, [], [])["digest"].encode()
    assert mark in (COMMITTED.parents[1] / "report.pdf").read_bytes(), (
        "of other results: python -m paper --results paper/results/organism --report paper/report.pdf")
    folder = edited(copied(tmp_path), lambda table: table.iloc[:-1])
    assert mark != values(opened(folder), [], [])["digest"].encode()


def test_counts_add_up(saved):
    findings = [{"study": study, **one} for (study, _), one in saved.findings.items()]
    *rows, last = counts(findings)
    assert last[:2] == ["all", str(len(findings))]
    for column in range(1, len(last)):
        assert sum(int(row[column] or 0) for row in rows) == int(last[column] or 0)


def test_verdicts_that_change_change_what_is_said(saved):
    findings = [{"study": study, **one, "verdict": "inconclusive"} for (study, _), one in saved.findings.items()]
    known = numbers(saved, findings)
    assert (known["inconclusive"], known["reproduced"], known["not reproduced"]) == (str(len(findings)), "0", "0")
    assert {cells(one)["verdict"] for one in findings} == {"inconclusive"}


@pytest.mark.parametrize("name", DAMAGES)
def test_damaged_results_still_make_a_report(tmp_path, name):
    known = values(opened(edited(copied(tmp_path), DAMAGES[name])), [], [])
    assert compiled(known, tmp_path).startswith(b"%PDF-")
    assert not re.search(r"\bnan\b", json.dumps([known["value"], known["tables"]]))


@pytest.mark.parametrize("study", STUDIES)
def test_a_missing_study_still_makes_a_report(tmp_path, study):
    folder = copied(tmp_path / "organism")
    shutil.rmtree(folder / study)
    write_report(opened(folder), [], [f"x, table and figure: {study}/y.csv is not there"], tmp_path)
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF-")
    assert [file.name for file in tmp_path.iterdir() if file.is_file()] == ["report.pdf"]


def test_the_same_results_make_the_same_report(saved):
    known = values(saved, [], ["costs, figure: there are no costs"])
    assert known["lacking"] == {"costs": "there are no costs"}
    assert compiled(known, Path()) == compiled(known, Path())
