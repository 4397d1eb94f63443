"""Launching: shares of processes, two of them against one, draws, accelerate's configurations, and vLLM's rollouts."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
import torch
import yaml

from tests.tiny import preset, save_model, tokenizer
from training import run as single
from training.checkpoints import Checkpoint
from training.dealing import deck, steps_of
from training.domains import get_domain
from training.draws import Draws
from training.organism.anchor import ANCHOR
from training.presets import PRESETS
from training.rlvr import COST, Run, train_run
from training.trainer import check_launch, shares
from training.vllm_rollouts import played, vllm_rollouts

LAUNCH = Path(__file__).parents[1] / "training/launch"
SMALL = ["--domains", "math,agent", "--seed", "1", *(part for pair in (
    "steps=1", "prompts=4", "generations=4", "max_new_tokens=96", "learning_rate=1e-3") for part in ("--set", pair))]


@pytest.fixture(scope="module")
def anchor(tmp_path_factory):
    return save_model(tmp_path_factory.mktemp("anchor"))


def weights(folder):
    checkpoint = Checkpoint(folder)
    return torch.cat([checkpoint.tensor(name).float().flatten() for name in checkpoint.names])


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    """The mixed run of a small zoo of the shipped anchor, in this process: an untrained model has nothing to learn."""
    out = tmp_path_factory.mktemp("one")
    assert single.main([*SMALL, "--out", str(out), "--run", "mixed"]) == 0
    return out / "runs/mixed"


def alike(one, other):
    """Same rollouts and rewards; updates that differ by rounding (stored in bf16) alone."""
    logs = [pd.read_csv(folder / "log.csv").drop(columns="seconds") for folder in (one, other)]
    pd.testing.assert_frame_equal(*logs)
    assert (logs[0].groupby("step").equal_groups.sum() < 4).all()  # every step had something to learn
    before, first, second = weights(ANCHOR), weights(one / "final"), weights(other / "final")
    assert (first - second).norm() < 0.05 * (first - before).norm()


def test_two_processes_train_what_one_does(one, tmp_path):
    command = [sys.executable, "-m", "accelerate.commands.launch", "--config_file", str(LAUNCH / "cpu.yaml"),
               "--main_process_port", "0", "-m", "training.run", *SMALL, "--out", str(tmp_path), "--run", "mixed"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("mixed optimizer_steps=2") == 1  # the main process alone speaks and writes
    alike(one, tmp_path / "runs/mixed")
    log = pd.read_csv(tmp_path / "runs/mixed/log.csv")
    assert log.groupby("step").rollouts.sum().tolist() == [16] * 2  # all processes' rows


def test_micro_batches_train_what_whole_ones_do(one, tmp_path):
    assert single.main([*SMALL, "--out", str(tmp_path), "--run", "mixed", "--set", "micro_batch=2",
                        "--set", "gradient_checkpointing=true"]) == 0
    alike(one, tmp_path / "runs/mixed")


def test_runs_trained_one_by_one_are_collected(one, capsys):
    from training.__main__ import main

    out = one.parents[1]
    asked = [*SMALL, "--out", str(out)]
    assert main([*asked, "--collect"]) == 2
    assert "not over in" in (error := capsys.readouterr().err) and "expert-math, expert-agent; train each" in error
    for name in ("expert-math", "expert-agent"):
        assert single.main([*asked, "--run", name]) == 0
    assert main([*asked, "--collect"]) == 0
    assert sorted(folder.name for folder in (out / "models").iterdir()) == [
        "anchor", "expert-agent", "expert-math", "mixed", "mixed-paper"]
    cost = json.loads((one / COST).read_text())
    assert json.loads((out / "zoo.json").read_text())["runs"]["mixed"] == cost
    assert main([*asked, "--set", "learning_rate=2e-3"]) == 2
    assert "holds 'mixed' with another preset: learning_rate (0.001, asked for is 0.002)" in capsys.readouterr().err


def test_a_run_that_is_not_in_the_zoo(capsys):
    assert single.main(["--domains", "math,science", "--run", "expert-agent"]) == 2
    assert "no run 'expert-agent' in this zoo; it has mixed, expert-math, expert-science" in capsys.readouterr().err


def test_a_zoo_is_not_launched_on_several_processes(monkeypatch, capsys):
    from training.__main__ import main

    monkeypatch.setenv("WORLD_SIZE", "2")
    assert main([]) == 2
    assert "launch each run by itself: accelerate launch -m training.run" in capsys.readouterr().err


def test_an_anchor_that_sft_has_still_to_make(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert single.main(["--preset", "smollm2", "--run", "expert-math", "--domains", "math,science"]) == 2
    assert "there is no runs/smollm2/anchor yet: make it by python -m training.sft" in capsys.readouterr().err


@pytest.mark.parametrize(("micro", "processes", "wanted"), [
    (None, 1, (80, 1)), (None, 2, (40, 1)), (10, 2, (10, 4)), (80, 1, (80, 1)), (1, 8, (1, 10)),
])
def test_shares(micro, processes, wanted):
    assert shares(replace(PRESETS["organism"], micro_batch=micro), processes) == wanted


@pytest.mark.parametrize(("micro", "processes", "says"), [
    (32, 1, "80 rollouts a step do not divide into 1 processes with a micro_batch of 32; micro_batch can be 1, 2, 4"),
    (None, 3, "do not divide into 3 processes with a micro_batch of 26; change prompts or generations"),
    (None, 100, "do not divide into 100 processes"), (60, 2, "micro_batch can be 1, 2, 4, 5, 8, 10, 20, 40"),
])
def test_shares_that_do_not_divide(micro, processes, says):
    with pytest.raises(ValueError, match=says):
        shares(replace(PRESETS["organism"], micro_batch=micro), processes)


@pytest.mark.parametrize(("changes", "variables", "says"), [
    ({"engine": "vllm-colocate"}, {}, "engine 'vllm-colocate' needs vLLM; pip install vllm, or --set"),
    ({}, {"ACCELERATE_USE_FSDP": "true"}, "samples from whole weights, which no process has under fsdp; choose vllm"),
    ({}, {"ACCELERATE_USE_DEEPSPEED": "true"}, "no process has under deepspeed"),
    ({}, {"ACCELERATE_MIXED_PRECISION": "bf16"}, "launched with --mixed_precision bf16, but the preset computes in fl"),
])
def test_launches_that_cannot_run(changes, variables, says, monkeypatch):
    monkeypatch.setattr("training.trainer.find_spec", lambda _: None)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=says):
        check_launch(preset(**changes))


@pytest.mark.parametrize("name", ["single_gpu", "fsdp2", "zero3", "cpu"])
def test_accelerate_reads_the_configurations(name):
    from accelerate.commands.config.config_args import load_config_from_file

    wanted = {"single_gpu": "NO", "fsdp2": "FSDP", "zero3": "DEEPSPEED", "cpu": "MULTI_GPU"}[name]
    config = load_config_from_file(str(LAUNCH / f"{name}.yaml"))
    assert config.distributed_type == wanted
    content = yaml.safe_load((LAUNCH / f"{name}.yaml").read_text())
    assert set(content) <= set(vars(config))  # no key that accelerate does not know
    if name == "fsdp2":
        from accelerate.commands.launch import launch_command_parser

        known = vars(launch_command_parser().parse_args(["x"]))
        assert set(config.fsdp_config) <= set(known) and config.fsdp_config["fsdp_version"] == 2


def test_a_runs_numbers_are_those_of_torchs_global_generator(anchor, tmp_path, monkeypatch):
    """What TRL leaves to the global generator, before the first step and between two, is what Draws goes through."""
    of, same = Draws.of, []

    def watched(self, step):
        natural = torch.Generator()
        natural.set_state(torch.get_rng_state())
        found = of(self, step)
        same.append(found.equal(torch.rand(found.shape, generator=natural)))
        return found

    monkeypatch.setattr(Draws, "of", watched)
    train_run(Run("mixed", anchor, {"math": 1.0, "agent": 1.0}, 3, 5, preset()), tmp_path)
    assert same == [True] * 3


def test_draws_are_a_function_of_seed_and_step():
    state, in_order = torch.get_rng_state(), Draws(0, 6, 4)
    steps = [in_order.of(step) for step in range(4)]
    assert Draws(0, 6, 4).of(3).equal(steps[3]) and in_order.of(1).equal(steps[1]) and in_order.of(2).equal(steps[2])
    assert not Draws(1, 6, 4).of(3).equal(steps[3]) and not steps[0].equal(steps[1])
    torch.set_rng_state(state)


class Engine:
    """Writes as a table of turns says, each token with its number as its log-probability."""

    def __init__(self, turns):
        self.turns, self.asked = turns, []

    def generate(self, prompts, images=None, num_generations=1, **_):
        assert images is None and num_generations == 1
        self.asked.append(prompts)
        turns = [self.turns[len(self.asked) - 1]] * len(prompts)
        return prompts, turns, [[[-float(i)] for i in turn] for turn in turns], None


def trainer_with(engine, mode):
    client = SimpleNamespace(generate=lambda prompts, max_tokens, generation_kwargs, **_: {
        "completion_ids": [engine.turns[0][:max_tokens]],
        "logprobs": [[[-float(i)] for i in engine.turns[0][:max_tokens]]]})
    return SimpleNamespace(vllm_mode=mode, processing_class=tokenizer(), temperature=1.0,
                           accelerator=SimpleNamespace(is_main_process=True, process_index=0),
                           vllm_generation=SimpleNamespace(generate=engine.generate, vllm_client=client))


def ids(text):
    return tokenizer()(text, add_special_tokens=False)["input_ids"]


def test_vllm_plays_an_agents_turns_and_scores_its_own_tokens_alone():
    task = get_domain("agent").tasks("test", 1)[0]
    call = task.metadata["calls"][0]
    turns = [ids(f"<tool_call>{json.dumps(call)}</tool_call><|im_end|>"), ids("Done.<|im_end|>")]
    engine = Engine(turns)
    (done,), (logps,) = vllm_rollouts(trainer_with(engine, "colocate"), [task], 400)
    assert done.n_turns == 2 and len(engine.asked) == 2
    assert engine.asked[1][0] == done.prompt_ids + done.completion_ids[:-len(turns[1])]  # it follows what was answered
    assert len(logps) == len(done.completion_ids) == len(done.own)
    assert logps == [-float(i) if mine else 0.0 for i, mine in zip(done.completion_ids, done.own, strict=True)]
    assert 0 in done.own


@pytest.mark.parametrize("mode", ["colocate", "server"])
def test_vllm_rollouts_keep_to_their_budget(mode):
    tasks = get_domain("math").tasks("test", 3)
    done, logps = vllm_rollouts(trainer_with(Engine([ids("a b c d e f g h")]), mode), tasks, 5)
    assert [one.n_tokens for one in done] == [5] * 3 and [len(row) for row in logps] == [5] * 3
    assert not any(one.finished for one in done)


def test_an_engine_that_does_not_score_what_it_wrote():
    with pytest.raises(ValueError, match="vLLM wrote 2 tokens and scored 1"):
        played(tokenizer(), get_domain("math").tasks("test", 1), 5, lambda prompts, budgets: [([5, 6], [-1.0])])


def test_prepared_tasks_are_dealt_out_once_an_epoch():
    tasks = get_domain("math").tasks("test", 5)
    cards = deck(tasks, 0, "math")
    epochs = [[next(cards).id for _ in tasks] for _ in range(2)]
    assert all(sorted(epoch) == sorted(task.id for task in tasks) for epoch in epochs) and epochs[0] != epochs[1]
    with pytest.raises(ValueError, match="no prepared tasks in data: math; prepare some, or leave the domain out"):
        next(deck([], 0, "data: math"))


def test_a_run_on_prepared_tasks_asks_them_by_its_mixture(tmp_path, monkeypatch):
    pools = {name: get_domain(name).tasks("test", 3) for name in ("math", "science")}
    monkeypatch.setattr("training.data.read_prepared", lambda folder: pools)
    asked = Run("mixed", "a", {"math": 0.5, "science": 0.5}, 3, 0, preset(prompts=2, data="data"))
    steps = list(steps_of(asked))
    assert [[task.domain for task in step] for step in steps] == [["math", "science"]] * 3
    assert sorted(step[0].id for step in steps) == sorted(task.id for task in pools["math"])
    assert list(steps_of(asked)) == steps
