"""Presets: the paper's numbers, the organism as it always was, and what is no preset."""

from dataclasses import replace

import pytest

from training.presets import FREE, PRESETS, Preset, Sft, get_preset


def test_the_papers_settings():
    """Values of the paper's scripts and its Table 2, each by name."""
    preset = get_preset("qwen3-4b")
    wanted = {"learning_rate": 2e-6, "lr_scheduler": "constant", "adam_beta1": 0.9, "adam_beta2": 0.98,
              "weight_decay": 0.1, "prompts": 128, "generations": 16, "epsilon": 0.2, "epsilon_high": 0.28, "beta": 0.0,
              "temperature": 1.0, "max_new_tokens": 32_768, "is_clip": 2.0, "steps": 200,
              "loss_type": "grpo", "scale_rewards": "group", "distill_steps": 200}
    assert {name: getattr(preset, name) for name in wanted} == wanted
    student = preset.distilling()
    assert (student.prompts, student.generations, student.steps) == (256, 4, 200)
    assert (student.learning_rate, student.max_new_tokens, student.epsilon_high) == (1e-6, 16_384, 0.2)
    sft = preset.sft
    assert (sft.learning_rate, sft.final_learning_rate, sft.warmup, sft.batch, sft.epochs) == (5e-5, 5e-6, 0.1, 512, 2)
    assert (sft.adam_beta1, sft.adam_beta2, sft.model) == (0.9, 0.95, "Qwen/Qwen3-4B-Base")


def test_the_organism_is_what_the_defaults_are():
    """Every field that came later has the value that was written in the code before it."""
    organism = get_preset("organism")
    assert organism == Preset("organism", steps=24, prompts=10, generations=8, learning_rate=1e-4, max_new_tokens=128,
                              distill_steps=48)
    before = {"adam_beta2": 0.98, "max_grad_norm": 1.0, "epsilon_high": 0.28, "save_steps": 5, "dtype": "float32",
              "gradient_checkpointing": False, "report_to": (), "micro_batch": None, "engine": "transformers"}
    assert {name: getattr(organism, name) for name in before} == before
    student = organism.distilling()
    assert (student.prompts, student.generations, student.steps, student.learning_rate) == (20, 4, 48, 1e-4)
    assert replace(student, steps=24, prompts=10, generations=8) == organism


def test_fields_that_a_run_may_go_on_with_others_of_change_no_number():
    about_distillation = {name for name in vars(get_preset("organism")) if name.startswith("distill_")}
    assert set(FREE) == about_distillation | {"anchor", "gradient_checkpointing", "micro_batch", "report_to",
                                              "save_steps", "sft", "vllm_memory", "vllm_url"}


@pytest.mark.parametrize(("changes", "says"), [
    ({"generations": 1}, "preset 'organism': generations is 1; it must be at least 2"),
    ({"micro_batch": 0}, "micro_batch is 0; it must be at least 1"),
    ({"learning_rate": float("inf")}, "learning_rate is inf; it must be a positive number"),
    ({"temperature": 0.0}, "temperature is 0.0; it must be a positive number"),
    ({"engine": "sglang"}, "engine is 'sglang'; choose one of transformers, vllm-colocate, vllm-server"),
    ({"dtype": "float16"}, "dtype is 'float16'; choose one of float32, bfloat16"),
    ({"vllm_memory": 1.5}, "vllm_memory is 1.5; it must be between 0 and 1"),
])
def test_impossible_settings(changes, says):
    with pytest.raises(ValueError, match=says):
        replace(PRESETS["organism"], **changes)


def test_impossible_sft():
    with pytest.raises(ValueError, match="sft: batch is 0; it must be at least 1"):
        Sft("model", "corpus", batch=0)


def test_an_unknown_preset():
    with pytest.raises(ValueError, match="unknown preset 'smollm'; choose one of organism, smollm2, qwen3-4b"):
        get_preset("smollm")
