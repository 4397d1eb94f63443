"""Tables hold the saved numbers beside published ones that are known and tagged, and are sound Markdown and LaTeX."""

import json
import re

import pandas as pd
import pytest

from paper import published
from paper.contents import ITEMS
from paper.saved import COMMITTED, opened
from paper.tables import behavior, inside, outcomes
from paper.tables.rows import SHARED, ranked
from paper.tables.written import escaped, latex, markdown, printed, write
from studies import synergy_tables
from studies.merging_claims import TABLE_4, TABLE_6

TAG = re.compile(r"\[(R|R2|N1|N3|D)\]")
NUMBER = re.compile(r"\d+\.\d+")


@pytest.fixture(scope="module")
def saved():
    return opened(COMMITTED)


@pytest.fixture(scope="module")
def tables(saved):
    return {item.name: item.table(saved) for item in ITEMS}


def row(table: pd.DataFrame, **labels) -> pd.Series:
    """The only row of these labels."""
    for name, value in labels.items():
        table = table[table[name] == value]
    assert len(table) == 1
    return table.iloc[0]


def test_every_table_has_the_shared_columns_and_says_what_was_not_measured(tables):
    for name, table in tables.items():
        assert list(SHARED) == [column for column in table if column in SHARED], name
        words = table[["published", "source", "unit", "interval", "verdict"]]
        assert words.map(lambda cell: isinstance(cell, str)).all(axis=None)
        assert (table.published != "").all() and (table.source != "").all()
        known = table[table.ci_low.notna()]
        assert ((known.ci_low <= known.ours + 1e-9) & (known.ours <= known.ci_high + 1e-9)).all(), name
        assert (table[table.ours.notna()].seeds > 0).all(), name


@pytest.mark.parametrize(("name", "labels", "file", "where", "columns", "factor"), [
    ("accuracy", {"model": "mixed", "domain": "math"}, "synergy/accuracy", {"model": "mixed", "domain": "math"},
     ("accuracy", "ci_low", "ci_high"), 1),
    ("pairs", {"domain": "agent", "other": "math"}, "merging_methods/pairs", {"domain": "agent", "other": "math"},
     ("gain", "ci_low", "ci_high"), 1),
    ("overlaps", {"model_a": "expert-math", "model_b": "expert-coding"}, "weight_shift/pairs",
     {"model_a": "expert-math", "model_b": "expert-coding"}, ("jaccard", "jaccard_low", "jaccard_high"), 1),
    ("gain_consistency", {"model": "distilled", "domain": "all"}, "gain_consistency/consistency",
     {"model": "distilled", "domain": "all"}, ("corrected", "corrected_low", "corrected_high"), 1),
    ("verification", {"pool": "own", "judge": "mixed", "domain": "science", "mode": "process"},
     "self_verification/judge", {"pool": "own", "judge": "mixed", "domain": "science", "mode": "process"},
     ("accuracy", "accuracy_low", "accuracy_high"), 100),
    ("neighborhoods", {"domain": "math", "sampler": "expert-coding"}, "policy_neighborhoods/divergence",
     {"domain": "math", "sampler": "expert-coding", "scored_by": "mixed", "estimator": "full"},
     ("kl", "ci_low", "ci_high"), 1),
])
def test_ours_are_the_saved_numbers(tables, name, labels, file, where, columns, factor):
    ours, there = row(tables[name], **labels), row(pd.read_csv(COMMITTED / f"{file}.csv"), **where)
    assert [ours.ours, ours.ci_low, ours.ci_high] == pytest.approx([factor * there[column] for column in columns])
    assert (ours.n, ours.seeds) == (66 if name == "overlaps" else there.n_tasks, 5)


@pytest.mark.parametrize(("name", "labels", "text", "tags", "value"), [
    ("accuracy", {"model": "anchor", "domain": "math"}, "AIME'24 54.90, AIME'25 51.30", {"R"}, 53.10),
    ("accuracy", {"model": "expert-agent", "domain": "agent"}, "v3: BFCL v3 59.14", {"N3"}, 59.14),
    ("accuracy", {"model": "mixed-paper", "domain": "all"}, "mean of 9: 59.99", {"R", "D"}, 59.99),
    ("accuracy", {"model": "mixed", "domain": "all"}, "not found", set(), None),
    ("accuracy", {"model": "expert-math", "domain": "math"}, "AIME'24 71.51, AIME'25 63.54; v3: 77.66, 70.42",
     {"R", "N3"}, 67.525),
    ("merging_methods", {"model": "merged-sce", "domain": "all"}, "59.00", {"R"}, 59.0),
    ("merging_methods", {"model": "merged-dare_ties", "domain": "math"}, "v3: 81.15, 74.74", {"N3"}, None),
    ("costs", {"route": "mixed-paper", "measure": "tokens"}, "2166.4 GPU h, 33.2 %; v3: 63.7 %",
     {"R", "D", "N3"}, 33.2),
    ("costs", {"route": "expert-coding", "measure": "tokens"}, "3187.2 GPU h, 200 steps", {"R"}, None),
    ("footprints", {"model": "expert-math"}, "about 30 %", {"N1"}, 30),
    ("overlaps", {"model_a": "expert-math", "model_b": "expert-science"}, "about 0.48", {"N1"}, 0.48),
    ("overlaps", {"model_a": "expert-coding", "model_b": "expert-science"}, "not found", set(), None),
    ("pairs", {"domain": "coding", "other": "math"}, "LCB v5 -1.43, v6 -3.43", {"N1"}, None),
    ("verification", {"pool": "own", "judge": "mixed", "domain": "all", "mode": "outcome"}, "77.5", {"N1"}, 77.5),
    ("verification", {"pool": "common", "judge": "mixed", "domain": "math", "mode": "process"}, "not found", set(),
     None),
    ("official", {"benchmark": "IFEval"}, "90.34 against 81.90", {"N1"}, None),
])
def test_published_numbers_stand_where_they_belong_with_their_tags(tables, name, labels, text, tags, value):
    found = row(tables[name], **labels)
    assert found.published == text and set(TAG.findall(found.source)) == tags
    assert pd.isna(found.published_value) if value is None else found.published_value == pytest.approx(value, abs=0.01)


def test_every_published_number_is_in_a_facts_file_or_in_findings_and_tagged(tables):
    facts = " ".join(file.read_text() for file in COMMITTED.glob("*/findings.json"))
    facts += " ".join(map(str, [TABLE_4, TABLE_6, synergy_tables.AGENT, synergy_tables.GPU_HOURS,
                                synergy_tables.PUBLISHED.to_dict(), published.JACCARD, published.VERSION_3,
                                published.STEPS, published.JUDGES, published.OFFICIAL, published.MMLU_REDUX]))
    known = {float(number) for number in NUMBER.findall(facts)}
    for name, table in tables.items():
        for line in table[table.published.str.contains(NUMBER) & (name != "claims")].itertuples():
            assert TAG.search(line.source), (name, line)
            numbers = {float(number) for number in NUMBER.findall(line.published)}
            assert "[D]" in line.source or numbers <= known, (name, line)


def test_a_published_mean_over_nine_benchmarks_is_that_of_their_numbers():
    for name, mean in TABLE_4.items():
        model = name if name == "distilled" else f"merged-{name}"
        if model in published.MMLU_REDUX:
            assert published.nine(model) == pytest.approx(mean, abs=0.006)
    for model, mean in {"anchor": 51.02, "expert-math": 56.88, "expert-coding": 54.15, "expert-science": 54.80,
                        "expert-instructions": 57.82}.items():
        assert published.nine(model) == pytest.approx(mean, abs=0.006)


def test_published_hours_add_up_and_two_tables_agree_on_the_mixed_run():
    alone = [spent for run, (_, spent) in published.STEPS.items() if run.startswith("expert-")]
    hours = synergy_tables.GPU_HOURS
    assert sum(alone) == pytest.approx(hours["experts"])
    assert sum(alone) + published.STEPS["distilled"][1] == pytest.approx(hours["distilled"])
    assert published.STEPS["mixed-paper"][1] == hours["mixed-paper"]
    mixed = synergy_tables.PUBLISHED["mixed-paper"].to_dict() | {"MMLU-Redux": published.MMLU_REDUX["mixed-paper"]}
    assert {name: mixed[name] for name in published.OFFICIAL} == {name: one for name, (one, _) in
                                                                  published.OFFICIAL.items()}


@pytest.mark.parametrize(("domain", "sizes"), [
    ("math", (30 * 64, 30 * 64)), ("coding", (None, 175 * 2)), ("science", (2158, 198 * 4)),
    ("instructions", (541, 294)),
])
def test_numbers_of_version_3_are_counts_over_the_samples_of_their_benchmark(domain, sizes):
    for (_, place), text in published.VERSION_3.items():
        if place == domain:
            for number, size in zip(NUMBER.findall(text), sizes, strict=True):
                rounded = size and round(100 * round(float(number) * size / 100) / size, 2)
                assert rounded in (None, float(number)) or "misprint" in text


def test_verdicts_are_those_of_the_findings(tables):
    verdicts = {(file.parent.name, one["id"]): one["verdict"].replace("_", " ")
                for file in COMMITTED.glob("*/findings.json") for one in json.loads(file.read_text())}
    ids = {name: verdict for (_, name), verdict in verdicts.items()}
    named = [re.fullmatch(r"(.*) \((.*)\)", text) for table in tables.values() for text in table.verdict]
    found = {match[2]: match[1] for match in named if match}
    assert len(found) > 40 and all(ids[name] == verdict for name, verdict in found.items())
    claims = tables["claims"]
    assert {(line.study, line.id): line.verdict for line in claims.itertuples()} == verdicts


@pytest.mark.parametrize(("build", "model"), [(outcomes.accuracies, "model"), (behavior.judging, "judge"),
                                              (inside.gains, "model"), (behavior.tagger, "model")])
def test_models_come_in_one_order(saved, build, model):
    names = list(dict.fromkeys(build(saved)[model]))
    assert names == list(ranked(pd.DataFrame({model: sorted(names)}), model)[model]) or model == "model"
    places = [names.index(name) for name in ("expert-math", "expert-coding", "mixed", "distilled")]
    assert places == sorted(places)


@pytest.mark.parametrize(("text", "plain"), [
    ("a & b", r"a \& b"), ("50 %", r"50 \%"), ("x_y", r"x\_y"), ("54.90 -> 71.51", r"54.90 $\to$ 71.51"),
    ("[N1]", "{[}N1{]}"), ("{$#}", r"\{\$\#\}"), ("a\\b", r"a\textbackslash{}b"),
    ("~^", r"\textasciitilde{}\textasciicircum{}"),
    ("<1>", r"\textless{}1\textgreater{}"), ('say "x"', "say ''x''"), ("a\nb", "a b"), ("", ""),
])
def test_what_latex_would_read_as_a_command_is_escaped(text, plain):
    assert escaped(text) == plain


def test_every_table_is_a_sound_tabular_and_a_sound_markdown_table(tables, tmp_path):
    for name, table in tables.items():
        write(table, tmp_path, name, f"Caption of {name}.")
        kept = ["ours", "published"]
        pd.testing.assert_frame_equal(pd.read_csv(tmp_path / f"{name}.csv")[kept], table[kept])
        lines = (tmp_path / f"{name}.tex").read_text().splitlines()
        assert lines[0].startswith("% Caption") and lines[2] == r"\toprule" and lines[-2] == r"\bottomrule"
        columns = len(re.fullmatch(r"\\begin\{tabular\}\{(l+)\}", lines[1])[1])
        rows = [line for line in lines if line.endswith(r" \\")]
        assert len(rows) == len(table) + 1
        for line in rows:
            assert len(re.findall(r"(?<!\\)&", line)) == columns - 1
            assert not re.search(r"(?<!\\)[%#_]|(?<!\\)\$(?!\\to\$)(?<!\\to\$)", line) and line.isprintable()
            bare = re.sub(r"\\[{}]", "", line)
            assert bare.count("{") == bare.count("}")
        cells = [len(re.findall(r"(?<!\\)\|", line)) for line in (tmp_path / f"{name}.md").read_text().splitlines()[2:]]
        assert set(cells) == {columns + 1} and len(cells) == len(table) + 2


def test_what_is_the_same_in_all_rows_is_said_once_and_values_are_rounded():
    table = pd.DataFrame({
        "model": ["expert-math", "twin-math", "mixed-paper"], "published": "not found", "source": "none",
        "ours": [0.01234, float("nan"), 12.345], "ci_low": [0.011, float("nan"), 1.0],
        "ci_high": [0.013, float("nan"), float(20)], "unit": "nats", "interval": ["t", "none", "t"], "n": [9, 0, 9],
        "seeds": 5, "verdict": "", "published_value": float("nan")})
    cells, note = printed(table)
    assert note == "Source: none. Unit: nats. Seeds: 5. In brackets: t."
    assert cells.to_dict("list") == {
        "model": ["math expert", "math expert, second run", "mixed, paper's budget"], "Published": ["not found"] * 3,
        "Ours": ["0.0123 [0.0110, 0.0130]", "not measured", "12.3 [1.0, 20.0]"], "n": ["9", "", "9"],
        "Verdict": [""] * 3}
    assert markdown(cells[["n"]], "x").splitlines()[2:4] == ["| n |", "|---|"]
    assert latex(cells[["n"]], "x").splitlines()[3] == r"n \\"
