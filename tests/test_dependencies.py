"""What is imported is declared, what is declared is imported, the lock holds all of it: `attacks/dependencies.py`."""

import pytest

from attacks.dependencies import LOCK, faults, locked, run

TEXT = LOCK.read_text(encoding="utf-8")


def test_the_lock_holds_all_that_is_needed_at_versions_that_are_allowed():
    assert faults(TEXT) == []
    assert len(locked(TEXT)) > 150


@pytest.mark.parametrize("line, fault", [
    ("torch==2.13.0\n", "torch is not locked"), ("setuptools==84.2.1\n", "setuptools is not locked"),
    ("antlr4-python3-runtime==4.13.2\n", "antlr4-python3-runtime is not locked")])
def test_a_line_that_is_missing_is_named(line, fault):
    assert line in TEXT
    assert fault in faults(TEXT.replace(line, "", 1))


def test_a_line_that_nothing_asks_for_and_a_version_too_old_are_named():
    assert faults(TEXT + "left-pad==1.0\n") == ["left-pad is locked, and nothing asks for it"]
    found = faults(TEXT.replace("pandas==", "pandas==0.", 1))
    assert "pandas>=3 is asked for" in " ".join(found) and all(fault.startswith("pandas 0.") for fault in found)


def test_the_checks_of_the_project_see_every_kind_of_fault(tmp_path):
    table = run(tmp_path, most=2)
    assert table["through"].sum() == 0 and (table["tried"] == 2).all(), table.to_string()
