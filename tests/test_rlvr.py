"""GRPO runs: repeatable, resumable, logged by domain; every reference answer scores 1 before anything is trained."""

import json
import shutil

import pandas as pd
import pytest
import torch
from trl import GRPOTrainer

from tests.tiny import preset, save_model
from training import rlvr
from training.checkpoints import Checkpoint
from training.domains import DOMAINS, Task
from training.rlvr import Rewarder, Run, check_references, train_run
from training.rollouts import Rollout
from training.settled import settle
from training.shards import CheckpointError
from training.trainer import make_trainer
from training.unpadded import UnpaddedGRPOTrainer


@pytest.fixture(scope="module")
def anchor(tmp_path_factory):
    return save_model(tmp_path_factory.mktemp("anchor"))


def run(anchor, **changes):
    return Run(**{"name": "mixed", "anchor": anchor, "mixture": {"math": 1.0, "science": 1.0}, "steps": 2, "seed": 0,
                  "preset": preset(), **changes})


def weights(folder):
    checkpoint = Checkpoint(folder)
    return {name: checkpoint.tensor(name) for name in checkpoint.names}


def same(a, b):
    return all(a[name].equal(b[name]) for name in a)


def test_reference_answers_score_one():
    check_references(list(DOMAINS), n=10)


def test_a_verifier_that_no_answer_satisfies_is_found_before_training(monkeypatch):
    monkeypatch.setattr("training.domains.math.MathDomain.check", lambda self, task, answer: (False, "never right"))
    with pytest.raises(ValueError, match="the reference answer of math-train-0-0 scores 0.0: never right"):
        check_references(["math"])


def test_a_killed_run_goes_on_and_ends_where_an_unbroken_one_does(anchor, tmp_path, monkeypatch):
    whole = train_run(run(anchor, steps=7, keep=((3, "early"),)), tmp_path / "whole")
    judged, calls = rlvr.verify, []

    def dies(*arguments):
        calls.append(1)
        if len(calls) == 7:
            raise KeyboardInterrupt
        return judged(*arguments)

    monkeypatch.setattr(rlvr, "verify", dies)
    with pytest.raises(KeyboardInterrupt):
        train_run(run(anchor, steps=7, keep=((3, "early"),)), tmp_path / "killed")
    calls.clear()
    cost = train_run(run(anchor, steps=7, keep=((3, "early"),)), tmp_path / "killed")
    assert len(calls) == 2  # steps 5 and 6: it went on from the checkpoint after step 5
    log = pd.read_csv(tmp_path / "killed/log.csv")
    assert log.groupby("domain").step.apply(list).to_dict() == {"math": list(range(7)), "science": list(range(7))}
    assert same(weights(tmp_path / "whole/final"), weights(tmp_path / "killed/final"))
    assert same(weights(tmp_path / "whole/early"), weights(tmp_path / "killed/early"))
    assert cost["optimizer_steps"] == whole["optimizer_steps"] == 7
    assert cost["tokens"] == whole["tokens"]


def test_seeds_decide_the_rollouts(anchor, tmp_path, monkeypatch):
    texts, judged = {}, rlvr.verify
    monkeypatch.setattr(rlvr, "verify", lambda tasks, completions: (
        texts[folder].extend(completions) or judged(tasks, completions)))
    for folder, seed in (("first", 0), ("again", 0), ("other", 1)):
        texts[folder] = []
        train_run(run(anchor, seed=seed), tmp_path / folder)
    assert texts["first"] == texts["again"] != texts["other"]


def test_cutting_the_padding_changes_no_gradient(anchor, tmp_path):
    """Rows of very different length, some with an environment's tokens: loss and gradient are TRL's own."""
    trainer = make_trainer(run(anchor), Rewarder(run(anchor), tmp_path), tmp_path)
    trainer.current_gradient_accumulation_steps = 1
    rng = torch.Generator().manual_seed(0)
    prompts, completions = torch.tensor([3, 60, 11, 30] * 12), torch.tensor([40, 2, 17, 1] * 12)
    columns = torch.arange(60)
    inputs = {"prompt_ids": torch.randint(9, 200, (48, 60), generator=rng),
              "prompt_mask": (columns >= 60 - prompts[:, None]).long(),
              "completion_ids": torch.randint(9, 200, (48, 40), generator=rng),
              "completion_mask": (columns[:40] < completions[:, None]).long(),
              "advantages": torch.randn(48, generator=rng), "num_items_in_batch": completions.sum()}
    inputs["tool_mask"] = inputs["completion_mask"] * (torch.rand(48, 40, generator=rng) < 0.8)
    found = {}
    for kind in (GRPOTrainer, UnpaddedGRPOTrainer):
        trainer.__class__ = kind
        trainer.model.zero_grad()
        loss = trainer._compute_loss(trainer.model, inputs)
        loss.backward()
        found[kind] = loss.item(), torch.cat([p.grad.flatten() for p in trainer.model.parameters()])
    (loss, gradient), (ours, our_gradient) = found.values()
    assert ours == pytest.approx(loss, abs=1e-6)
    assert (our_gradient - gradient).norm() < 1e-5 * gradient.norm() > 0


def test_a_run_asks_tasks_of_its_own_sharing(anchor, tmp_path):
    prompts = {sharing: [task.prompt for task in _tasks(anchor, tmp_path, {"sharing": sharing})] for sharing in (0, 1)}
    assert prompts[1] == [task.prompt for task in _tasks(anchor, tmp_path, {})]
    assert not any("What is the" in prompt for prompt in prompts[0]) and all("How is the" in one for one in prompts[0])
    assert all("What is the" in prompt for prompt in prompts[1])


def _tasks(anchor, folder, factors):
    rewarder = Rewarder(run(anchor, mixture={"science": 1.0}, factors=factors), folder)
    rewarder.rows()
    return rewarder.tasks.values()


def test_a_run_begun_before_a_setting_existed_goes_on(anchor, tmp_path):
    file = tmp_path / "settings.json"
    settle(run(anchor), file)
    held = json.loads(file.read_text())
    file.write_text(json.dumps({name: value for name, value in held.items() if name != "factors"}))
    settle(run(anchor), file)
    with pytest.raises(ValueError, match=r"another factors \(\{\}, asked for is \{'sharing': 0.5\}\)"):
        settle(run(anchor, factors={"sharing": 0.5}), file)


def test_a_run_begun_before_presets_grew_goes_on(anchor, tmp_path):
    """Settings as the runs before hold them: a new field of a preset had its default then."""
    file = tmp_path / "settings.json"
    settle(run(anchor), file)
    held = json.loads(file.read_text())
    old = ("name", "steps", "prompts", "generations", "learning_rate", "max_new_tokens", "distill_steps",
           "paper_fraction", "temperature")
    before = {**held, "preset": {name: held["preset"][name] for name in old}}
    file.write_text(json.dumps(before))
    settle(run(anchor), file)
    assert json.loads(file.read_text()) == held
    file.write_text(json.dumps(before))
    settle(run(anchor, preset=preset(micro_batch=1, report_to=("wandb",), save_steps=2)), file)  # how, not what
    for field, value in (("epsilon_high", 0.2), ("dtype", "bfloat16"), ("learning_rate", 1e-3)):
        with pytest.raises(ValueError, match=f"holds a run with another preset: {field} .*, asked for is {value}"):
            settle(run(anchor, preset=preset(**{field: value})), file)
    settle(run(anchor, preset=preset(epsilon_high=0.2)), file, resume=False)
    assert json.loads(file.read_text())["preset"]["epsilon_high"] == 0.2


def test_a_run_goes_on_where_its_anchor_was_moved(anchor, tmp_path):
    file, moved = tmp_path / "settings.json", tmp_path / "moved"
    settle(run(anchor), file)
    shutil.copytree(anchor, moved)
    settle(run(str(moved)), file)
    assert json.loads(file.read_text())["anchor"] == str(moved)
    save_model(tmp_path / "other", seed=9)
    with pytest.raises(ValueError, match="holds a run with another anchor"):
        settle(run(str(tmp_path / "other")), file)


def test_a_prompt_that_is_too_long_is_named_before_training(anchor, tmp_path):
    with pytest.raises(ValueError, match=r"prompt of math-train-\S+ has \d+ tokens, max_prompt_tokens is 3; prepare"):
        train_run(run(anchor, mixture={"math": 1.0}, preset=preset(max_prompt_tokens=3)), tmp_path)


def test_shuffled_rewards_are_the_same_rewards_elsewhere(anchor, tmp_path):
    tasks = [Task("math", str(i), "What is 1 + 1?", "2") for i in range(20)]
    texts = [f"<think> </think> Answer: {2 if i < 6 else 3}" for i in range(20)]
    seen = {}
    for shuffled in (False, True):
        rewarder = Rewarder(run(anchor, shuffled=shuffled), tmp_path)
        rewarder.tasks = {task.id: task for task in tasks}
        state = type("State", (), {"global_step": 3})
        done = [Rollout([1], [2], [1], text) for text in texts]
        seen[shuffled] = rewarder.rewards([task.id for task in tasks], done, state)
    assert seen[False] == [1.0] * 6 + [0.0] * 14
    assert sorted(seen[True]) == sorted(seen[False]) != seen[True]
    log = pd.read_csv(tmp_path / "log.csv", names=rlvr.LOG_FIELDS)
    assert log.accuracy.tolist() == [0.3, 0.3]  # the log tells the truth about the answers
    assert log.equal_groups.tolist() == [20, 20]


def test_an_anchor_that_is_no_model_is_named(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(CheckpointError, match="empty"):
        train_run(run(str(tmp_path / "empty")), tmp_path / "out")
