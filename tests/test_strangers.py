"""Files from strangers are refused in a sentence, and run nothing: the attacks of attacks/strangers.py."""

import pytest

from attacks.strangers import CANARY, attacks
from studies.harness import ERRORS

ALL = {f"{attack.name} ({attack.read.__name__})": attack for attack in attacks()}
SLOW = ("sample_it", "merge_it")


@pytest.mark.parametrize("name", [name for name, attack in ALL.items() if attack.read.__name__ not in SLOW]
                         + [name for name in ALL if name.startswith(("code", "template"))])
def test_held(name, tmp_path, monkeypatch):
    folder = tmp_path / "inside"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setattr("behaviors.store.run_pieces", lambda work, jobs, *_: [work(*job) for job in jobs])
    attack = ALL[name]
    attack.write(folder)
    try:
        attack.read(folder)
        assert not attack.refused
    except (*ERRORS, ValueError) as error:
        assert len(str(error)) < 500
    assert not (folder / CANARY).exists() and not (folder / "CANARY").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["inside"]


def test_an_honest_model_is_read(tmp_path):
    """The attacks spoil this one: if it were refused, they would show nothing."""
    from attacks.strangers import merge_it, model, open_checkpoint, sample_it

    model(tmp_path)
    for read in (open_checkpoint, merge_it, sample_it):
        read(tmp_path)
