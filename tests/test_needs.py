"""What studies need: counted from what they ask for, of the released checkpoints without a network."""

from pathlib import Path

import pytest

from behaviors.store import Asked
from studies.all import STUDIES
from studies.needs import WEIGHTS_ONLY, counted, main, needs
from training import Zoo


@pytest.fixture(scope="module")
def released():
    return Zoo.load("m2rl-4b")


def test_the_released_checkpoints(released):
    found = {one.study: one for one in needs(released, quick=False)}
    assert list(found) == [*STUDIES, "all"]
    assert (found[WEIGHTS_ONLY].trained, found[WEIGHTS_ONLY].merges, found[WEIGHTS_ONLY].at_once) == (7, 0, 0)
    assert (found["layer_probes"].trained, found["layer_probes"].at_once) == (6, 2)
    assert found["policy_neighborhoods"].at_once == 10  # 7 models, 3 merges; those of two experts are only sampled
    assert found["expert_gains"].completions == 5 * 2 * 60 * 16
    together, parts = found["all"], [one for one in found.values() if one.study != "all"]
    assert together.trained == 7 and together.completions < sum(one.completions for one in parts)
    assert max(one.merges for one in parts) <= together.merges < sum(one.merges for one in parts)


def test_quick_runs_need_less(released):
    for full, quick in zip(needs(released, False), needs(released, True), strict=True):
        assert quick.completions <= full.completions and quick.merges <= full.merges


def test_what_two_studies_ask_for_is_sampled_once(released):
    asked = [Asked("anchor", "math", 10, 4), Asked("anchor", "math", 5, 8), Asked("merged-ties", "math", 1, 1)]
    found = counted("two", {"anchor", "merged-ties"}, asked, released, 1)
    assert (found.trained, found.merges, found.completions) == (1, 1, 10 * 8 + 1)


def test_the_table_is_that_of_the_guide(capsys):
    assert main([]) == 0
    said, _, *rows = capsys.readouterr().out.splitlines()
    assert said.startswith("A model of m2rl-4b has 4,022.5 M parameters, 8.04 GB in bf16")
    assert "\n".join(rows) in (Path(__file__).parents[1] / "docs/guides/scale.md").read_text(encoding="utf-8")
    assert main(["--zoo", "nowhere"]) == 2
    assert capsys.readouterr().err.startswith("error: 'nowhere' is no folder with a zoo.json")
