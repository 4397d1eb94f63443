"""What a notebook shows of a zoo, a comparison and findings: every row, and hostile text as text."""

import copy
import pickle
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from probes import compare_weights
from studies.findings import Claim, Findings, Measured, settle
from tests.planted import save_base, save_changed, write_direction
from training import Zoo
from training.display import cell, html
from training.manifest import Manifest

HOSTILE = '<script>alert("x")</script> & <img src=x onerror=y>'


class Tables(HTMLParser):
    """The cells of tables, as a browser reads them."""

    def __init__(self):
        super().__init__()
        self.found, self.inside = [], False

    def handle_starttag(self, tag, _):
        if tag == "table":
            self.found.append([])
        elif tag == "tr":
            self.found[-1].append([])
        elif tag in ("td", "th"):
            self.found[-1][-1].append("")
        self.inside = tag in ("td", "th")

    def handle_data(self, data):
        if self.inside:
            self.found[-1][-1][-1] += data

    def handle_endtag(self, _):
        self.inside = False


def tables(shown: str) -> list[pd.DataFrame]:
    reader = Tables()
    reader.feed(shown)
    return [pd.DataFrame(rows[1:], columns=rows[0]) for rows in reader.found]


def test_a_zoo_shows_every_model_its_place_and_its_cost(tmp_path):
    manifest = Manifest("mine", "organism", 3, "models/anchor", mixed="models/mixed",
                        domains=["math", "my_lab.sorting"],
                        experts={"math": "hub:me/math", "my_lab.sorting": "models/expert-my_lab.sorting"},
                        controls={"twin-math": "models/twin-math"},
                        runs={"mixed": {"optimizer_steps": 120, "tokens": 764233, "seconds": 41.25, "changed": 0.68753},
                              "mixed-paper": {"optimizer_steps": 60, "part_of": "mixed"}})
    zoo = Zoo(tmp_path, manifest)
    shown = zoo._repr_html_()
    assert f"Zoo mine in {tmp_path}: preset organism, seed 3; domains math, my_lab.sorting" in shown
    table = tables(shown)[0].set_index("model")
    assert list(table.index) == list(zoo.models)
    assert table.place["expert-math"] == "hub:me/math" and table.place["merged-ties"] == "made when first asked for"
    assert table.loc["mixed"].tolist() == ["models/mixed", "120", "764,233", "41.25", "0.6875"]
    assert table.loc["twin-math"].tolist() == ["models/twin-math", "", "", "", ""]
    assert not list(tmp_path.iterdir())  # nothing is merged, or looked for, to be shown
    assert repr(zoo).startswith(f"Zoo(mine in {tmp_path}: anchor, expert-math, expert-my_lab.sorting, mixed")


def test_an_empty_zoo_shows_its_anchor(tmp_path):
    shown = Zoo(tmp_path, Manifest("bare", "own", 0, "hub:me/sft"))._repr_html_()
    assert "domains none" in shown and tables(shown)[0].place.tolist() == ["hub:me/sft"]


def test_a_comparison_shows_each_model_and_each_pair(tmp_path):
    base = save_base(tmp_path / "base")
    model = save_changed(base, tmp_path / "model", write_direction)
    shift = compare_weights(base, {"one": model, "<b>two</b>": model}, progress=False)
    changes, overlap = tables(shift._repr_html_())
    assert changes.model.tolist() == ["one", "<b>two</b>"] and changes.changed.nunique() == 1
    assert overlap[["model_a", "model_b", "cosine"]].to_numpy().tolist() == [["one", "<b>two</b>", "1"]]
    assert "<b>" not in shift._repr_html_() and "2 compared with" in shift._repr_html_()
    assert repr(shift).startswith("WeightShift(one, <b>two</b> against ") and len(repr(shift)) < 300
    alone = compare_weights(base, {"one": model}, progress=False)
    assert len(tables(alone._repr_html_())) == 1
    assert len(tables(shift.aggregate("layer")._repr_html_())) == 2


def test_findings_show_what_was_measured_and_why_not():
    measured = Measured(9.0444, 6.7, 11.3, 0.0005, 300, 5, "t")
    lacking = Claim("b", HOSTILE, "Table 4", "not found", None, note="The zoo lacks a mixed run. " + "x" * 200)
    findings = settle([Claim("a", "mixing beats TIES", "Table 3", 0.54, measured), lacking])
    assert isinstance(findings, Findings) and findings == list(findings)
    shown = findings._repr_html_()
    assert "2 findings: 1 reproduced, 0 not reproduced, 0 inconclusive, 1 not measured" in shown
    table = tables(shown)[0]
    assert "|".join(table.loc[0]) == "mixing beats TIES|0.54|9.04 [6.7, 11.3]|300|5|0.0005|reproduced"
    assert table.loc[1, "claim"] == HOSTILE and table.loc[1, "ours [95 %]"].endswith("x" * 200)
    assert "<script" not in shown and "<img" not in shown
    assert pickle.loads(pickle.dumps(findings)) == copy.copy(findings) == findings
    assert "0 findings" in settle([])._repr_html_()


def test_hostile_text_is_text_wherever_it_stands():
    shown = html(HOSTILE, pd.DataFrame({HOSTILE: [HOSTILE]}))
    assert "<script" not in shown and "<img" not in shown and shown.count("&lt;script&gt;") == 3


@pytest.mark.parametrize(("value", "text"), [
    (1234567, "1,234,567"), (np.int64(12), "12"), (True, "yes"), (0.123456, "0.1235"), (12345.6, "12,346"), (0.0, "0"),
    (1e-7, "1e-07"), (-0.5, "-0.5"), (float("nan"), ""), (None, ""), (pd.NA, ""), ("nan", "nan"), ([1, 2], "[1, 2]"),
])
def test_cells(value, text):
    assert cell(value) == text
