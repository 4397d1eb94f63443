"""TRL's trainer of a run: the preset's settings, on one process or on several that `accelerate launch` started.

A step has prompts x generations rollouts. Every process takes an equal part of them, and goes through it in micro
batches whose gradients add up, so neither number changes what is computed, but for rounding.
"""

from __future__ import annotations

import copy
import json
import os
import warnings
from importlib.util import find_spec
from pathlib import Path

from training.checkpointing import keep_last
from training.durable import whole_folder
from training.presets import Preset
from training.pretrained import open_model, open_tokenizer


def processes() -> int:
    """How many processes train the run."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_main() -> bool:
    """Is this the process that writes files?"""
    return os.environ.get("RANK", "0") == "0"


def sharding() -> str:
    """How `accelerate launch` spreads a model: "fsdp" or "deepspeed", or "none" (each process has a whole copy)."""
    for name in ("fsdp", "deepspeed"):
        if os.environ.get(f"ACCELERATE_USE_{name.upper()}", "false").lower() == "true":
            return name
    return "none"


def shares(preset: Preset, n: int) -> tuple[int, int]:
    """(micro batch, micro batches a step) of each of so many processes; ValueError where they do not divide a step."""
    rollouts = preset.prompts * preset.generations
    local, left = divmod(rollouts, n)
    micro = preset.micro_batch or local
    if left or local % micro:
        fits = [size for size in range(1, local + 1) if not left and local % size == 0]
        hint = f"micro_batch can be {', '.join(map(str, fits))}" if fits else "change prompts or generations"
        raise ValueError(f"{rollouts} rollouts a step do not divide into {n} processes with a micro_batch of "
                         f"{micro}; {hint}")
    return micro, local // micro


def make_trainer(run, rewarder, folder: Path):
    """The trainer of a run, with its rows, rollouts and rewards; for a run with routes, the one of distillation."""
    from datasets import Dataset
    from transformers import PrinterCallback

    from training.distill import LOG, DistillTrainer
    from training.unpadded import UnpaddedGRPOTrainer

    check_launch(run.preset)
    check_memory(run)
    config = _arguments(run, folder)
    rows = rewarder.rows()
    model, tokenizer = _opened(run.anchor)
    rewarder.check_prompts(tokenizer)
    parts = {"args": config, "train_dataset": Dataset.from_list(rows), "processing_class": tokenizer,
             "rollout_func": rewarder.rollouts}
    if run.routing:
        trainer = DistillTrainer(model, rewarder.rewards, **parts, teachers=run.teachers, student=run.anchor,
                                 log=folder / LOG)
    else:
        trainer = UnpaddedGRPOTrainer(model, rewarder.rewards, **parts)
    trainer.remove_callback(PrinterCallback)  # a run's log is log.csv
    trainer.add_callback(_keeping(trainer, run, folder))
    keep_last(trainer, folder)
    return trainer


def check_launch(preset: Preset) -> None:
    """ValueError, before anything is loaded, for a preset that cannot run as it was launched."""
    if preset.engine != "transformers" and find_spec("vllm") is None:
        raise ValueError(f"engine {preset.engine!r} needs vLLM; pip install vllm, or --set engine=transformers")
    if preset.engine == "transformers" and sharding() != "none":
        raise ValueError(f"engine 'transformers' samples from whole weights, which no process has under {sharding()}; "
                         "choose vllm-colocate or vllm-server, or launch on single or several GPUs without sharding")
    asked = {"float32": "no", "bfloat16": "bf16"}[preset.dtype]
    launched = os.environ.get("ACCELERATE_MIXED_PRECISION", asked)
    if launched not in ("no", asked):
        raise ValueError(f"launched with --mixed_precision {launched}, but the preset computes in {preset.dtype}; "
                         f"launch with {asked}, or set dtype")


def check_memory(run) -> None:
    """ValueError, before anything is loaded, for a GPU that is too small, with what would fit.

    Models that `training.footprint` does not know are not checked, which a warning says.
    """
    import torch

    from training.checkpoints import Checkpoint
    from training.footprint import KINDS, Shape, check_fits

    if not torch.cuda.is_available():
        return
    config = Checkpoint(run.anchor).config
    if config.get("model_type") not in KINDS:
        warnings.warn(f"memory is not checked: {run.anchor} is a {config.get('model_type')}, known are "
                      f"{', '.join(KINDS)}", stacklevel=2)
        return
    check_fits(run.preset, Shape.of(config), processes(), sharding() != "none",
               torch.cuda.get_device_properties(0).total_memory)


def _arguments(run, folder: Path):
    """A run's settings in the trainer's words."""
    import torch
    from trl import GRPOConfig

    preset = run.preset
    micro, times = shares(preset, processes())
    return GRPOConfig(
        output_dir=str(folder), run_name=f"{preset.name}/{run.name}", seed=run.seed, max_steps=run.steps,
        per_device_train_batch_size=micro, gradient_accumulation_steps=times, num_generations=preset.generations,
        max_completion_length=preset.max_new_tokens, temperature=preset.temperature,
        learning_rate=preset.learning_rate, lr_scheduler_type=preset.lr_scheduler, adam_beta1=preset.adam_beta1,
        adam_beta2=preset.adam_beta2, weight_decay=preset.weight_decay, max_grad_norm=preset.max_grad_norm,
        beta=preset.beta, epsilon=preset.epsilon, epsilon_high=preset.epsilon_high, loss_type=preset.loss_type,
        scale_rewards=preset.scale_rewards, shuffle_dataset=False, save_steps=preset.save_steps,
        bf16=preset.dtype == "bfloat16", activation_checkpointing=preset.gradient_checkpointing,
        report_to=list(preset.report_to), logging_strategy="steps" if preset.report_to else "no", logging_steps=1,
        disable_tqdm=True, ddp_find_unused_parameters=False, use_cpu=not torch.cuda.is_available(), **_vllm(preset))


def _vllm(preset: Preset) -> dict:
    """The trainer's settings of vLLM, where it writes the rollouts."""
    if preset.engine == "transformers":
        return {}
    return {"use_vllm": True, "vllm_mode": preset.engine.removeprefix("vllm-"), "vllm_server_base_url": preset.vllm_url,
            "vllm_gpu_memory_utilization": preset.vllm_memory, "vllm_importance_sampling_mode": "token_truncate",
            "vllm_importance_sampling_clip_min": 0.0, "vllm_importance_sampling_clip_max": preset.is_clip}


def _opened(anchor: str):
    """(model in fp32, tokenizer); the trainer brings the model where it belongs."""
    import torch

    from training.checkpoints import Checkpoint

    path = Checkpoint(anchor, keep=True).path
    return open_model(path, torch.float32), open_tokenizer(path)


def _keeping(trainer, run, folder: Path):
    """A callback that saves the states that the run was asked to keep."""
    from transformers import TrainerCallback

    class KeepStates(TrainerCallback):
        """Saves them when they are there."""

        def on_step_end(self, args, state, control, **_):
            for step, name in run.keep:
                if state.global_step == step:
                    save_model(trainer, folder / name)

    return KeepStates()


def save_model(trainer, folder: Path) -> None:
    """A copy of the trainer's model in bf16, with its tokenizer, whole or not at all. Every process must call it."""
    import torch

    sharded = sharding() != "none"
    state = trainer.accelerator.get_state_dict(trainer.model_wrapped) if sharded else None
    if trainer.is_world_process_zero():
        with whole_folder(folder) as aside:
            if sharded:
                state = {key: value.to(torch.bfloat16) for key, value in state.items()}
                trainer.model.save_pretrained(aside, state_dict=state)
                config = json.loads((aside / "config.json").read_text())
                (aside / "config.json").write_text(json.dumps({**config, "dtype": "bfloat16"}, indent=2) + "\n")
            else:
                copy.deepcopy(trainer.model).to(torch.bfloat16).save_pretrained(aside)
            trainer.processing_class.save_pretrained(aside)
    trainer.accelerator.wait_for_everyone()
