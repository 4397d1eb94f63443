"""Parts: what a sampling run keeps of its completions, whatever ends it, and what it does with other files."""

import json
import os
import subprocess
import sys
import time
from itertools import count
from pathlib import Path

import pandas as pd
import pytest

from behaviors import sample
from behaviors.sampling import PartError
from tests.test_engines import tasks, writer
from tests.test_server import serving
from tests.tiny import save_model
from training.server import ServerError

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return save_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def written(tiny):
    return writer(tiny)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    for name, value in {"PAUSE": 0.002, "LONGEST": 0.02, "TRIES": 3}.items():
        monkeypatch.setattr(f"training.server.{name}", value)


def test_a_half_done_sampling_goes_on(tiny, written, tmp_path, monkeypatch):
    """The server dies for good after 13 of 20 completions; those are in the part, and only 7 are asked of the next."""
    monkeypatch.setattr("training.engines_served.TOGETHER", 4)
    part, asked = tmp_path / "deep/part.jsonl", {"n": 2, "seed": 3, "progress": False}

    served = count(1)

    def dying(body):
        return written(body) if next(served) <= 13 else (500, {})

    with serving(dying, model=tiny) as double:
        with pytest.raises(ServerError, match=f"HTTP 500 .*tries; 13 of 20 completions are kept in {part}"):
            sample(tiny, tasks(), engine=double.url, part=part, **asked)
    assert len(part.read_text().splitlines()) == 14
    with serving(written, model=tiny) as double:
        whole = sample(tiny, tasks(), engine=double.url, part=part, **asked)
        assert len(double.asked) == 7
        pd.testing.assert_frame_equal(whole, sample(tiny, tasks(), engine=double.url, **asked))
    monkeypatch.setattr("behaviors.sampling.open_engine", lambda *_: pytest.fail("all is there"))
    pd.testing.assert_frame_equal(whole, sample(tiny, tasks(), part=part, **asked))


def test_without_a_part_what_was_there_is_lost_and_said_to_be(tiny, written):
    with serving(written, model=tiny) as double:
        double.faults = [500] * 99
        with pytest.raises(ServerError, match="HTTP 500 .*; 0 of 4 completions are lost: give part=FILE to keep them"):
            sample(tiny, tasks(2, ["math"]), n=2, engine=double.url, progress=False)


def test_a_killed_process_leaves_its_part(tiny, written, tmp_path):
    part, served = tmp_path / "part.jsonl", count(1)

    def slowly(body):
        if next(served) > 70:
            time.sleep(60)
        return written(body)

    script = ("import sys; from behaviors import sample; from training.domains import get_domain;"
              "sample(sys.argv[1], get_domain('math').tasks('test', 40), n=2, engine=sys.argv[2], part=sys.argv[3])")
    with serving(slowly, model=tiny) as double:
        process = subprocess.Popen([sys.executable, "-c", script, tiny, double.url, str(part)], cwd=ROOT,
                                   env={**os.environ, "OMP_NUM_THREADS": "1"}, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 300
        while time.monotonic() < end and not (part.exists() and part.read_bytes().count(b"\n") == 71):
            time.sleep(0.05)
        assert process.poll() is None, "it ended by itself"
        process.kill()
        process.wait()
    with part.open("ab") as file:
        file.write(b'["torn')
    with serving(written, model=tiny) as double:
        whole = sample(tiny, tasks(40, ["math"]), n=2, engine=double.url, part=part, progress=False)
        assert len(double.asked) == 10
        pd.testing.assert_frame_equal(
            whole, sample(tiny, tasks(40, ["math"]), n=2, engine=double.url, progress=False))
    assert len(part.read_text().splitlines()) == 81


def test_a_part_serves_every_engine_and_several_calls(tiny, tmp_path):
    part, asked = tmp_path / "part.jsonl", {"progress": False, "max_new_tokens": 8}
    few = sample(tiny, tasks(1), n=1, part=part, **asked)
    more = sample(tiny, tasks(2), n=2, part=part, **asked)
    pd.testing.assert_frame_equal(more, sample(tiny, tasks(2), n=2, **asked))
    same = more[more.task_id.isin(few.task_id) & more["sample"].eq(0)]
    pd.testing.assert_frame_equal(few, same.reset_index(drop=True))
    assert len(part.read_text().splitlines()) == 21


@pytest.mark.parametrize(("changes", "says"), [
    ({"temperature": 0.5}, "holds completions with temperature 1.0, asked for is 0.5"),
    ({"seed": 1}, "holds completions with seed 0, asked for is 1"),
    ({"max_new_tokens": 9}, "holds completions with max_new_tokens 8, asked for is 9"),
    ({"tasks": tasks(2, ["math"]) * 2}, "a task is there twice"),
])
def test_parts_of_something_else(tiny, tmp_path, changes, says):
    asked = {"tasks": tasks(2, ["math"]), "n": 1, "progress": False, "max_new_tokens": 8, "part": tmp_path / "part"}
    sample(tiny, **asked)
    held = (tmp_path / "part").read_bytes()
    with pytest.raises(PartError, match=says):
        sample(tiny, **(asked | changes))
    assert (tmp_path / "part").read_bytes() == held


@pytest.mark.parametrize("content", ["my notes", "my notes\nof today", '{"question": 1}\n{"quest', "[]\n"])
def test_a_file_that_is_no_part_is_left_alone(tiny, tmp_path, content):
    (tmp_path / "notes").write_text(content)
    with pytest.raises(PartError, match="notes is there, and holds no completions"):
        sample(tiny, tasks(1, ["math"]), n=1, part=tmp_path / "notes", progress=False)
    assert (tmp_path / "notes").read_text() == content


def test_a_part_of_another_version_of_a_task(tiny, tmp_path):
    part, asked = tmp_path / "part", tasks(1, ["math"])
    sample(tiny, asked, n=1, part=part, progress=False)
    header, row = part.read_text().splitlines()
    part.write_text(f"{header}\n{json.dumps([*json.loads(row)[:4], 'Old?', *json.loads(row)[5:]])}\n")
    with pytest.raises(PartError, match=f"answers another version of task {asked[0].id}"):
        sample(tiny, asked, n=1, part=part, progress=False)


