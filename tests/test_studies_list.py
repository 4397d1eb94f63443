"""`python -m studies`: every study, what it asks and what it needs, which is what it refuses to do without."""

from importlib import import_module

import pytest

from studies.__main__ import LEAST, OURS, lines
from studies.all import STUDIES
from studies.harness import StudyError
from tests.test_all import make_zoo
from training.domains import DOMAINS


def test_every_study_is_listed_with_its_question_and_its_time():
    said = lines()
    assert [line.split()[0] for line in said[1:2 * len((*STUDIES, *OURS)) + 1:2]] == [*STUDIES, *OURS]
    for line, asked in zip(said[1:2 * len(STUDIES):2], said[2:2 * len(STUDIES) + 1:2], strict=True):
        assert line.endswith(("expert", "experts", "models")) and len(line.split()) >= 6
        assert asked.startswith("    ") and len(asked) > 40


@pytest.mark.parametrize(("study", "least"), LEAST.items())
def test_a_study_refuses_a_zoo_with_fewer_experts(study, least, tmp_path):
    zoo = make_zoo(tmp_path / "zoo", domains=DOMAINS[:least - 1])
    with pytest.raises(StudyError, match="expert"):
        import_module(f"studies.{study}").run([zoo], tmp_path / "out", quick=True)
    assert not (tmp_path / "out").exists()
