"""How long a program had no processor: what the kernel counted, and the wait that goes on, which it has not counted."""

import os
import time

import pytest

from training.domains.sandbox.waiting import Waiting

RUNS, WAITS, SLEEPS = "R", "R", "S"  # states in /proc: one letter for both who runs and who waits


@pytest.fixture
def proc(tmp_path, monkeypatch):
    """A folder like /proc with process 7, and a function that sets the clock and what is written there."""
    (tmp_path / "7").mkdir()

    def at(seconds: float, state: str, schedstat: str) -> None:
        monkeypatch.setattr(time, "monotonic", lambda: seconds)
        (tmp_path / "7/stat").write_text(f"7 (a) b c) {state} 1 7 7 0\n")
        (tmp_path / "7/schedstat").write_text(schedstat + "\n")

    at(100.0, "R", "0 0 0")
    folder = os.open(tmp_path, os.O_RDONLY)
    yield folder, at
    os.close(folder)


@pytest.mark.parametrize(("looks", "waited"), [
    ([(105, WAITS, "0 0 0")], 5.0),  # it has never run
    ([(101, RUNS, "900 0 1"), (102, RUNS, "1900 0 1")], 0.0),
    ([(101, RUNS, "900 2000000000 3")], 2.0),  # waits that ended
    ([(101, RUNS, "900 2000000000 3"), (104, WAITS, "900 2000000000 3")], 5.0),
    ([(101, SLEEPS, "900 0 1"), (104, SLEEPS, "900 0 1")], 0.0),
    ([(101, SLEEPS, "900 0 1"), (104, SLEEPS, "900 0 1"), (106, WAITS, "900 0 1")], 2.0),  # woken after 4
    ([(103, WAITS, "0 0 0"), (104, RUNS, "10 3500000000 1")], 3.5),  # counted once, not twice
])
def test_waits_that_ended_and_the_one_that_goes_on(proc, looks, waited):
    folder, at = proc
    waiting = Waiting(folder)
    for look in looks:
        at(*look)
        found = waiting.seconds(7)
    assert found == pytest.approx(waited)


def test_who_is_gone_waits_no_more_and_where_nothing_is_said_nothing_counts(proc):
    folder, at = proc
    at(105.0, "R", "0 0 0")
    assert Waiting(folder).seconds(8) == 0.0 and Waiting(-1).seconds(7) == 0.0
