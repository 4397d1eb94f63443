"""Work side by side: shares, the first exception, and workers that end with the process that asked for them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from training.workers import side_by_side

PARENT = """
import os, time
from training.workers import worker_pool
if __name__ == "__main__":
    print(worker_pool(1).submit(os.getpid).result(), flush=True)
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


def test_workers_end_with_a_killed_parent(tmp_path):
    (tmp_path / "parent.py").write_text(PARENT)
    parent = subprocess.Popen([sys.executable, str(tmp_path / "parent.py")], stdout=subprocess.PIPE, text=True,
                              cwd=Path(__file__).parents[1])
    worker = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    for _ in range(100):
        if not _running(worker):
            return
        time.sleep(0.1)
    os.kill(worker, signal.SIGKILL)
    raise AssertionError("the worker outlived its parent")


def _running(pid: int) -> bool:
    """Is there such a process, that is not one that has ended and waits to be collected."""
    status = Path(f"/proc/{pid}/stat")
    try:
        return status.read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
