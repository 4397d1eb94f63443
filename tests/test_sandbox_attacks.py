"""Every hostile program of `attacks/sandbox/` is held back, and is a real one: without walls it gets through."""

import os
import resource
import sys
from pathlib import Path

import pandas as pd
import pytest

from attacks import concurrent, programs, saved
from attacks.sandbox.confined import READABLE
from attacks.sandbox.table import ATTACKS
from training.domains.sandbox import protection

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the attacks are written for Linux")
QUICK = [attack for attack in ATTACKS if attack.quick]


def machine():
    """What the attacks must not change of the machine that their namespaces are on."""
    lists = [Path(path).read_text() for path in ("/proc/self/mountinfo", "/proc/sys/kernel/hostname")]
    planted = [path for path in ("/tmp/host", "/tmp/mine", "/dev/shm/planted", "/dev/shm/mine") if os.path.exists(path)]
    return lists, planted, os.listdir(READABLE), [resource.getrlimit(kind) for kind in range(16)]


@pytest.fixture(autouse=True)
def unchanged():
    before = machine()
    yield
    assert machine() == before


def tried(level, attacks):
    """The table of some attacks behind a level; skips where no namespaces can be had to hold them."""
    table = programs.run([level], attacks)
    missing = table[table["tried"] == 0]
    if len(missing) == len(table):
        pytest.skip(missing["note"].iloc[0])
    assert missing["note"].str.startswith("written for").all(), missing["note"].to_list()
    return table[table["tried"] == 1]


def test_nothing_gets_through(level):
    table = tried(level, ATTACKS if level == protection() else QUICK)
    through = table[table["through"] == 1]
    assert len(table) >= 40 and through.empty, through.to_string()


def test_without_walls_the_same_programs_get_through():
    table = tried("none", QUICK).set_index("attack")["through"].astype(bool)
    expected = {attack.name: attack.unwalled and (os.geteuid() == 0 or not attack.root) for attack in QUICK}
    assert table.to_dict() == {name: expected[name] for name in table.index}


def test_names_are_unique():
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS)


def test_concurrent_runs_are_all_right_and_leave_nothing():
    table = concurrent.run(18, ("one batch", "a thread each"))
    assert table["through"].sum() == 0 and table["tried"].sum() == 36, table.to_string()


def test_results_name_no_folder_of_the_machine(tmp_path, monkeypatch):
    monkeypatch.setattr(saved, "RESULTS", tmp_path)
    saved.save(pd.DataFrame({"tried": [1], "note": [f"Permission denied: '{sys.prefix}/include/kept'"]}), "programs")
    assert (tmp_path / "programs.csv").read_text() == "tried,note\n1,Permission denied: 'PREFIX/include/kept'\n"
