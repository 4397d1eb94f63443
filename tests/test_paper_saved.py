"""A folder of results is opened whatever it lacks: notes and sentences, never a traceback."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from paper.__main__ import main
from paper.contents import ITEMS
from paper.saved import COMMITTED, DOSE, NotSaved, opened, table_of
from studies.all import STUDIES

UNUSED = {"spectra", "patching", "probes", "shift", "lens", "masks", "changed_by", "emergent", "corrections",
          "explains", "neighbors"}
"""Tables that no item reads."""


def copied(folder: Path) -> Path:
    """The committed tables and findings that items read."""
    for file in COMMITTED.glob("*/*.*"):
        if file.suffix in (".csv", ".json") and file.stem not in UNUSED:
            (folder / file.parent.name).mkdir(parents=True, exist_ok=True)
            shutil.copy(file, folder / file.parent.name / file.name)
    return folder


def edited(folder: Path, change) -> Path:
    """`change(table)` of every table, written back."""
    for file in folder.glob("*/*.csv"):
        change(pd.read_csv(file)).to_csv(file, index=False)
    return folder


def one_seed(table: pd.DataFrame) -> pd.DataFrame:
    if "seed" in table:
        table = table[table.seed == table.seed.min()]
    return table.assign(**{name: value for name, value in (("n_seeds", 1), ("interval", "bootstrap")) if name in table})


def one_model(table: pd.DataFrame) -> pd.DataFrame:
    for name in {"model", "judge", "sampler", "run", "model_a"} & set(table):
        table = table[table[name] == "expert-math"]
    return table


def hundreds(table: pd.DataFrame) -> pd.DataFrame:
    name = next((name for name in ("model", "judge", "sampler") if name in table), None)
    like = table[table[name] == "merged-ties"] if name else table.head(0)
    return pd.concat([table, *(like.assign(**{name: f"merged-ties_{k}"}) for k in range(300 if name else 0))])


def unknown(table: pd.DataFrame) -> pd.DataFrame:
    known = {"seed", "n_tasks", "n_seeds", "layer", "dose", "prompts_seen", "n_params", "rollouts"}
    numbers = [name for name in table.select_dtypes("float") if name not in known]
    return table.assign(**dict.fromkeys(numbers, float("nan")))


DAMAGES = {"one seed": one_seed, "one model": one_model, "hundreds of models": hundreds, "no numbers": unknown,
           "no rows": lambda table: table.head(0),
           "other columns": lambda table: table.rename(columns=lambda name: name.replace("_low", "_lower")),
           "words for numbers": lambda table: table.assign(**dict.fromkeys(table.select_dtypes("number"), "x"))}


@pytest.fixture(scope="module")
def damaged(tmp_path_factory):
    """Damage -> results."""
    made = {}

    def of(name: str):
        if name not in made:
            made[name] = opened(edited(copied(tmp_path_factory.mktemp("results")), DAMAGES[name]))
        return made[name]
    return of


def outcome(build, saved) -> str:
    """What an item says of results: a sentence, or "made"."""
    try:
        build(saved)
    except NotSaved as error:
        return str(error)
    return "made"


@pytest.mark.parametrize("name", DAMAGES)
def test_every_table_of_damaged_results_is_made_or_says_in_a_line_why_not(damaged, name):
    said = {item.name: outcome(item.table, damaged(name)) for item in ITEMS}
    assert said["official"] == said["claims"] == "made"
    assert all(len(text.splitlines()) == 1 for text in said.values())
    made = {item for item, text in said.items() if text == "made"}
    if name in ("one seed", "hundreds of models", "no numbers"):
        assert made == {item.name for item in ITEMS} - ({"layers"} if name == "no numbers" else set())
    else:
        assert len(made) < (13 if name != "one model" else 23) and said["verification"].startswith({
            "one model": "made", "no rows": "self_verification/judge.csv has no rows",
            "other columns": "self_verification/judge.csv has no column accuracy_low: another version",
            "words for numbers": "self_verification/judge.csv has words where numbers belong, in accuracy"}[name])


@pytest.mark.parametrize("study", (*STUDIES, DOSE))
def test_a_missing_study_is_a_note_and_its_tables_alone_are_lacking(tmp_path, study):
    folder = copied(tmp_path)
    shutil.rmtree(folder / study)
    saved = opened(folder)
    assert saved.notes[0] == f"not complete: no results of {study}"
    assert not any(key[0] == study for key in saved.findings)
    lacking = {item.name: text for item in ITEMS if (text := outcome(item.table, saved)) != "made"}
    assert all(study in text for text in lacking.values())
    assert lacking or study == "expert_gains"


@pytest.mark.parametrize(("file", "content", "note"), [
    ("findings.json", "{", "synergy/findings.json is not there, or not JSON"),
    ("findings.json", '{"version": 2}', "synergy/findings.json is not as this version writes it"),
    ("findings.json", '[{"id": "x"}]', "synergy/findings.json is not as this version writes it"),
    ("findings.json", '["x"]', "synergy/findings.json is not as this version writes it"),
    ("made.json", "[]", "synergy/made.json is not as this version writes it"),
    ("made.json", '{"command": 3}', "synergy/made.json is not as this version writes it"),
])
def test_findings_and_made_of_another_version_are_notes(tmp_path, file, content, note):
    folder = copied(tmp_path)
    (folder / "synergy" / file).write_text(content)
    saved = opened(folder)
    assert any(one.startswith(note) for one in saved.notes)
    said = "" if file == "findings.json" else "inconclusive (mixing-gains)"
    assert saved.verdict("synergy", "mixing-gains") == said
    assert saved.verdict("weight_shift", "twin-closest") == "reproduced (twin-closest)"


def test_quick_results_single_seeds_and_other_libraries_are_notes(tmp_path):
    folder = copied(tmp_path)
    file = folder / "synergy" / "made.json"
    how = json.loads(file.read_text())
    file.write_text(json.dumps(how | {"quick": True, "zoos": how["zoos"][:1], "versions": {"torch": "1.0"}}))
    notes = "\n".join(opened(folder).notes)
    assert "made with --quick, so by fewer tasks and samples: synergy" in notes
    assert "one training seed, so that intervals do not know how trainings differ: synergy" in notes
    assert "not all of the same zoos: compare within a study alone" in notes
    assert "torch 1.0 (synergy)" in notes and "torch 2." in notes


@pytest.mark.parametrize(("content", "message"), [
    (None, "accuracy.csv is not there"), ("", "accuracy.csv cannot be read"), ("model,accuracy\n", "has no rows"),
    ("model,accuracy\n\"x", "cannot be read"), ("model,accuracy\nx,y\n", "has words where numbers belong, in accuracy"),
    ("model,score\nx,1\n", "has no column accuracy: another version wrote it"),
])
def test_a_table_that_is_not_as_asked_says_so(tmp_path, content, message):
    (tmp_path / "synergy").mkdir()
    if content is not None:
        (tmp_path / "synergy" / "accuracy.csv").write_text(content)
    with pytest.raises(NotSaved, match=message):
        table_of(tmp_path, "synergy", "accuracy", ("model",), ("accuracy",))


def test_without_a_choice_the_only_zoo_under_results_is_taken_else_the_committed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert opened(None).folder == COMMITTED
    shutil.copytree(COMMITTED / "expert_gains", tmp_path / "results" / "mine" / "expert_gains")
    assert opened(None).folder == Path("results/mine")
    shutil.copytree(COMMITTED / "expert_gains", tmp_path / "results" / "other" / "expert_gains")
    with pytest.raises(NotSaved, match="of several zoos: mine, other; choose one, as in --results results/mine"):
        opened(None)


def test_results_of_the_dose_study_may_lie_beside_the_zoo_s(tmp_path):
    folder = copied(tmp_path / "organism")
    shutil.move(folder / DOSE, tmp_path / DOSE)
    assert opened(folder).findings == opened(COMMITTED).findings
    shutil.rmtree(tmp_path / DOSE)
    assert opened(folder).notes[0] == f"not complete: no results of {DOSE}"


def test_results_of_other_code_are_named(tmp_path):
    folder = copied(tmp_path / "organism")
    made = folder / "synergy" / "made.json"
    made.write_text(json.dumps(json.loads(made.read_text()) | {"code": "older"}))
    said = [note for note in opened(folder).notes if note.startswith("made by other code than this: ")]
    assert len(said) == 1 and "synergy" in said[0]


def test_another_folder_is_not_written_over(tmp_path, capsys):
    readme = tmp_path / "README.md"
    shutil.copy(Path(__file__).parents[1] / "README.md", readme)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("x")
    assert main(["--out", str(tmp_path / "out"), "--readme", str(readme)]) == 2
    assert "holds no index.md: it is not an earlier run's" in capsys.readouterr().err
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith(".")] == []
