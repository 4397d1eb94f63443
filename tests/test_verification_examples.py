"""The traces that the study keeps to be read: which they are, that they come back, and how many there are at most."""

from io import StringIO

import pandas as pd
import pyarrow
import pyarrow.parquet
import pytest

from behaviors import tag
from behaviors.browser import write_data
from studies import verification_examples
from studies.self_verification import Sizes, run
from studies.verification_examples import FILE, KEPT, chosen, examples, read_examples, write_examples
from tests.test_self_verification import CHECKED, fill, judges, make_zoo  # noqa: F401


def traces_of(rights: dict[tuple[str, str], str], samples: int = 1, seeds: tuple = (3,)) -> pd.DataFrame:
    """Traces of (model, domain): "101" says which of its tasks it got right, whatever the sample and the seed."""
    rows = [(model, domain, f"t{k}", sample, seed, right == "1", f"Task {k}", CHECKED, float(right),
             "" if right == "1" else "no")
            for seed in seeds for (model, domain), row in rights.items() for k, right in enumerate(row)
            for sample in range(samples)]
    return pd.DataFrame(rows, columns=KEPT)


def kept(traces: pd.DataFrame) -> list[tuple]:
    return list(chosen(traces)[["model", "domain", "task_id", "sample"]].itertuples(index=False, name=None))


@pytest.mark.parametrize(("row", "tasks"), [
    ("11010", "t0 t1 t2 t4"), ("1111", "t0 t1"), ("0001", "t0 t1 t3"), ("1", "t0"), ("0101010", "t0 t1 t2 t3"),
])
def test_the_first_two_right_and_wrong_tasks_are_kept(row, tasks):
    assert kept(traces_of({("a", "math"): row})) == [("a", "math", task, 0) for task in tasks.split()]


def test_later_samples_fill_what_first_samples_lack():
    assert kept(traces_of({("a", "math"): "10"}, samples=3)) == [
        ("a", "math", "t0", 0), ("a", "math", "t0", 1), ("a", "math", "t1", 0), ("a", "math", "t1", 1)]


def test_each_model_and_domain_of_the_first_seed_alone():
    rights = {("a", "math"): "10", ("b", "math"): "00", ("a", "agent"): "11"}
    found = chosen(traces_of(rights, seeds=(5, 2)))
    assert set(found.seed) == {5} and len(found) == 6
    assert found.model.tolist() == ["a", "a", "b", "b", "a", "a"]


@pytest.mark.parametrize(("limit", "tasks"), [
    (12, [4, 4, 4]), (7, [3, 2, 2]), (6, [2, 2, 2]), (4, [2, 1, 1]), (3, [1, 1, 1]), (1, [1, 0, 0])])
def test_where_it_is_too_much_every_model_keeps_as_many(monkeypatch, limit, tasks):
    monkeypatch.setattr(verification_examples, "TRACES", limit)
    models = chosen(traces_of({(name, "math"): "1100" for name in "abc"})).model
    assert [sum(models == name) for name in "abc"] == tasks


def test_long_traces_are_fewer(monkeypatch):
    monkeypatch.setattr(verification_examples, "CHARACTERS", 3 * (len("Task 0") + len(CHECKED)))
    assert len(chosen(traces_of({("a", "math"): "1100"}))) == 3


def verdict(traces, k, judge, mode, said):
    key = traces.loc[k, ["model", "domain", "task_id", "sample", "seed", "correct"]].to_dict()
    agrees = None if said is None else said == key["correct"]
    return key | {"judge": judge, "mode": mode, "verdict": said, "agrees": agrees}


def test_tags_and_verdicts_come_back_with_the_traces(tmp_path):
    traces = traces_of({("a", "math"): "10", ("b", "math"): "1"})
    traces.loc[1, "completion"] = "It is 5. \U0001f600 Wait, that is wrong."
    traces.loc[2, "completion"] = ""
    said = pd.DataFrame([verdict(traces, 1, "b", "outcome", True), verdict(traces, 1, "b", "process", None),
                         verdict(traces, 1, "b", "outcome", True)])  # in both pools
    tags = tag(traces["completion"].tolist())
    write_examples(examples(traces, said), tmp_path / FILE)
    found = list(read_examples(tmp_path / FILE))
    assert [one.name for one in found] == ["a/t0/0", "a/t1/0", "b/t0/0"]
    assert found[1].facts == {"model": "a", "domain": "math", "task": "t1", "correct": False, "reward": 0.0,
                              "reason": "no", "prompt": "Task 1", "verdicts": [
                                  {"judge": "b", "mode": "outcome", "verdict": True, "agrees": False},
                                  {"judge": "b", "mode": "process", "verdict": None, "agrees": None}]}
    assert found[0].facts["verdicts"] == [] and len(found[2].rows) == 0
    mine = tags[tags["text_id"] == 1]
    assert found[1].rows["text"].tolist() == mine["text"].tolist()
    assert found[1].rows["label"].tolist() == mine["label"].tolist() and "backtracking" in set(mine["label"])
    assert write_data(StringIO(), found) == 3


def test_the_study_keeps_traces_that_its_judges_saw(tmp_path, judges):  # noqa: F811
    zoo = make_zoo(tmp_path / "zoo")
    fill(zoo, 12, 2)
    run([zoo], tmp_path / "out", progress=False, sizes=Sizes(12, 2, 12))
    found = list(read_examples(tmp_path / "out" / FILE))
    assert len(found) == 2 * 2 * 2 * len(zoo.models)
    for trace in found:  # `reader` believes what it reads
        own = {(one["judge"], one["mode"]): one["agrees"] for one in trace.facts["verdicts"]}
        assert own[(trace.facts["model"], "process")]
    assert (tmp_path / "out" / FILE).stat().st_size < 40_000
    run([zoo], tmp_path / "again", progress=False, sizes=Sizes(12, 2, 12))
    assert (tmp_path / "again" / FILE).read_bytes() == (tmp_path / "out" / FILE).read_bytes()


@pytest.mark.parametrize("content", [b"", b"no parquet"])
def test_what_is_no_parquet_is_an_error(tmp_path, content):
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(ValueError, match="(?i)parquet"):
        read_examples(tmp_path / FILE)


def test_other_columns_are_an_error(tmp_path):
    pyarrow.parquet.write_table(pyarrow.table({"model": ["a"]}), tmp_path / FILE)
    with pytest.raises(ValueError, match="other columns than this version writes"):
        read_examples(tmp_path / FILE)
