"""Work side by side: shares, the first exception, and workers that end with the process that asked for them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from training.workers import side_by_side, worker_pool

PARENT = """
import os, time
from training.workers import worker_pool
if __name__ == "__main__":
    with worker_pool(1) as pool:
        print(pool.submit(os.getpid).result(), pool.submit(os.getppid).result(), flush=True)
        time.sleep(60)
"""


def test_every_item_is_worked_on_once():
    shares = side_by_side(list, range(10), 3)
    assert len(shares) == 3 and sorted(item for share in shares for item in share) == list(range(10))
    assert side_by_side(list, [], 2) == [[], []]


def test_the_first_exception_stops_the_others():
    done = []

    def work(items):
        for item in items:
            if item == 1:
                raise ValueError("one")
            time.sleep(0.01)
            done.append(item)

    with pytest.raises(ValueError, match="one"):
        side_by_side(work, range(1000), 2)
    assert len(done) < 50


def test_workers_and_their_server_end_with_a_killed_parent(tmp_path):
    (tmp_path / "parent.py").write_text(PARENT)
    parent = subprocess.Popen([sys.executable, str(tmp_path / "parent.py")], stdout=subprocess.PIPE, text=True,
                              cwd=Path(__file__).parents[1])
    processes = list(map(int, parent.stdout.readline().split()))
    assert parent.pid not in processes
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    for _ in range(100):
        if not any(map(_running, processes)):
            return
        time.sleep(0.1)
    for process in filter(_running, processes):
        os.kill(process, signal.SIGKILL)
    raise AssertionError("a worker or their server outlived the parent")


def test_a_worker_sees_the_environment_and_folder_of_who_asks(tmp_path, monkeypatch):
    for name in ("first", "second"):  # of one server, which was started for the first
        (tmp_path / name).mkdir()
        monkeypatch.setenv("ASKED_BY", name)
        monkeypatch.chdir(tmp_path / name)
        with worker_pool(1) as pool:
            assert pool.submit(os.getenv, "ASKED_BY").result() == name
            assert pool.submit(os.getcwd).result() == str(tmp_path / name)
    monkeypatch.delenv("ASKED_BY")
    with worker_pool(1) as pool:
        assert pool.submit(os.getenv, "ASKED_BY").result() is None


def _running(pid: int) -> bool:
    """Is there such a process, that is not one that has ended and waits to be collected."""
    status = Path(f"/proc/{pid}/stat")
    try:
        return status.read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
