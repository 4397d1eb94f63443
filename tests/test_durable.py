"""Outputs whole or absent: a writer that is killed at any file operation leaves the old or the new, or nothing."""

import math
import os
import shutil
import signal
import subprocess
import sys

import pytest

from attacks.killing import kill_at
from tests.tiny import preset, save_model
from training import Checkpoint, build_zoo
from training.durable import NotReady, ready, whole_file, whole_folder, write_text


def write_file(out, text):
    with whole_file(out) as aside:
        aside.write_text(text[:1])
        aside.write_text(text)


def write_folder(out, text):
    with whole_folder(out) as aside:
        (aside / "part").mkdir()
        (aside / "a").write_text(text)
        (aside / "part/b").write_text(text)


def held(out):
    """What a reader finds: text by name, or None where there is nothing."""
    if not out.exists():
        return None
    if out.is_file():
        return out.read_text()
    return {str(file.relative_to(out)): file.read_text() for file in sorted(out.rglob("*")) if file.is_file()}


def killed_at(number, write, *given):
    """Does a child process that writes get as far as its file operation of that number, where it is killed?"""
    child = os.fork()
    if not child:
        try:
            kill_at(number, lambda: os.kill(os.getpid(), signal.SIGKILL))
            write(*given)
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


@pytest.mark.parametrize("write", [write_file, write_folder])
@pytest.mark.parametrize("there", [False, True])
def test_killed_at_any_file_operation(tmp_path, write, there):
    new, old, number = write(tmp_path / "new", "new") or held(tmp_path / "new"), None, 0
    kills = dict.fromkeys(["old", "new", "absent"], 0)
    while True:
        folder = tmp_path / str(number)
        folder.mkdir()
        out = folder / "out"
        if there:
            write(out, "old")
            old = held(out)
        if not killed_at(number, write, out, "new"):
            break
        found = held(out)
        assert found in (old, new) or (write is write_folder and found is None)
        kills["new" if found == new else "absent" if found is None else "old"] += 1
        write(out, "again")
        assert held(out) not in (old, new, None)
        left = [path for path in folder.iterdir() if path != out]
        assert all(path.name.startswith(".out.new-") and not list(path.iterdir()) for path in left)
        number += 1
    assert held(out) == new and list(folder.iterdir()) == [out]
    assert kills["new"] and (kills["old"] if there else kills["absent"])  # both sides of the rename were hit


def test_a_swap_that_was_cut_in_two_is_finished_by_the_next_writer(tmp_path):
    out = tmp_path / "out"
    aside = tmp_path / ".out.partial-0"
    for name, text in (("old", "old"), ("out", "new")):
        (aside / name).mkdir(parents=True)
        (aside / name / "a").write_text(text)
    with pytest.raises(KeyError), whole_folder(out):
        assert held(out) == {"a": "new"}
        raise KeyError
    assert held(out) == {"a": "new"} and list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
@pytest.mark.parametrize(("whole", "write"), [(whole_file, write_file), (whole_folder, write_folder)])
def test_an_error_leaves_what_was_there(tmp_path, whole, write, error):
    out = tmp_path / "out"
    write(out, "old")
    old = held(out)
    with pytest.raises(error), whole(out) as aside:
        (aside if aside.name != "out" or whole is whole_file else aside / "a").write_text("half")
        raise error
    assert held(out) == old and list(tmp_path.iterdir()) == [out]


def test_two_writers_at_once_do_not_disturb_each_other(tmp_path):
    out = tmp_path / "folder/out"
    with whole_file(out) as slow:
        slow.write_text("slow")
        write_text(out, "fast")
        assert out.read_text() == "fast" and slow.read_text() == "slow"
    assert out.read_text() == "slow" and list(out.parent.iterdir()) == [out]


def test_files_have_the_usual_rights(tmp_path):
    (tmp_path / "plain").write_text("")
    write_text(tmp_path / "out", "\ud7ff é")
    assert (tmp_path / "out").stat().st_mode == (tmp_path / "plain").stat().st_mode
    assert (tmp_path / "out").read_text(encoding="utf-8") == "\ud7ff é"


def test_what_cannot_be_written_is_said_beforehand(tmp_path):
    (tmp_path / "file").write_text("")
    ready(tmp_path / "new/out", 1000)
    assert list((tmp_path / "new").iterdir()) == []
    with pytest.raises(NotReady, match="file/out cannot be written: .*; choose another place"):
        ready(tmp_path / "file/out")
    free = shutil.disk_usage(tmp_path).free
    with pytest.raises(NotReady, match=r"out will take [0-9.e+]+ GB and its disk has .* GB free; make room"):
        ready(tmp_path / "out", 2 * free + 10**12)


SMALL = """
import subprocess, sys
from pathlib import Path
from attacks.killing import kill_at
from tests.tiny import preset, save_model
from training import Checkpoint, build_zoo
from training.durable import NotReady, ready, whole_file, write_text
folder = Path(sys.argv[1])
mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)]
subprocess.run(mount, check=True)
write_text(folder / "out", "old")
try:
    ready(folder / "big", 2 << 20)
except NotReady as error:
    print(error)
try:
    write_text(folder / "out", "x" * (2 << 20))
except OSError as error:
    print(error.strerror, (folder / "out").read_text(), [path.name for path in folder.iterdir()])
write_text(folder / "out", "new")
subprocess.run([*mount[:3], "-o", "remount,ro", "none", str(folder)], check=True)
try:
    ready(folder / "out")
except NotReady as error:
    print(error)
print((folder / "out").read_text())
"""


def test_a_full_disk_and_a_read_only_one(tmp_path):
    namespace = ["unshare", "--user", "--map-root-user", "--mount"]
    if not shutil.which("unshare") or subprocess.run([*namespace, "true"], capture_output=True).returncode:
        pytest.skip("a small disk takes a mount namespace, which this machine does not give")
    done = subprocess.run([*namespace, sys.executable, "-c", SMALL, tmp_path], capture_output=True, text=True)
    assert done.stdout.splitlines() == [
        f"{tmp_path}/big will take 0.0021 GB and its disk has 0.001 GB free; make room, or choose another place",
        "No space left on device old ['out']",
        f"{tmp_path}/out cannot be written: read-only file system; choose another place", "new"], done.stderr


def test_a_zoo_that_does_not_fit_is_refused_before_anything_is_trained(tmp_path, monkeypatch):
    anchor = save_model(tmp_path / "anchor")
    entries = sum(math.prod(Checkpoint(anchor).shape(name)) for name in Checkpoint(anchor).names)
    monkeypatch.setattr("shutil.disk_usage", lambda path: shutil._ntuple_diskusage(10**9, 10**9 - 1000, 1000))
    with pytest.raises(NotReady, match="zoo.json will take ([0-9.]+) GB and its disk has 1e-06 GB free") as raised:
        build_zoo(preset(), tmp_path / "zoo", domains=["math"], anchor=anchor, progress=False)
    asked = float(str(raised.value).split("will take ")[1].split()[0])
    assert asked == pytest.approx(entries * 28 / 1e9, rel=0.05)  # two copies in bf16, two checkpoints of 12 bytes
    assert not (tmp_path / "zoo/runs").exists()
