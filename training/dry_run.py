"""What a preset would cost, before anything is loaded or asked of a network: `python -m training --dry-run`.

Steps and rollouts are exact. Tokens are an upper bound, every rollout of the full length, unless --mean-tokens says
more. GPU hours: training 6 N D floating-point operations (8 with gradient checkpointing; 2 more for the sampler's
correction, where vLLM samples), sampling 2 N D, N parameters and D tokens, at assumed shares of an H100's peak
(UTILISATION; nothing here is measured). Attention is left out: at 32,768 tokens it about doubles a 4 B model's
arithmetic, and waiting for verifiers comes on top. Beside them are the paper's GPU hours (its Table 2, v1, on H800).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from training.footprint import GIB, KNOWN, Memory, Shape, cache, fitting, needed, room
from training.presets import Preset

PEAK = {"bfloat16": 989e12, "float32": 67e12}
"""Operations a second of an H100 SXM, dense, by NVIDIA's data sheet."""
UTILISATION = {"training": 0.4, "sampling": 0.1}
"""Assumed shares of PEAK."""
PAPER = {"expert-math": 2172.8, "expert-coding": 3187.2, "expert-science": 787.2, "expert-instructions": 377.6,
         "mixed": 2166.4, "distilled": 816.0}
"""GPU hours of the paper's runs: experts 200 steps, mixed 400 (of four domains), MT-OPD 200."""


@dataclass(frozen=True)
class Cost:
    """What a run would take."""

    steps: int
    rollouts: int
    tokens: int
    """Written by the model."""
    hours: float
    """Of one GPU."""


def cost(preset: Preset, shape: Shape, steps: int, mean_tokens: int | None = None) -> Cost:
    """The cost of so many steps; `mean_tokens` of a rollout (default: the most it may have)."""
    rollouts = steps * preset.prompts * preset.generations
    written = rollouts * (mean_tokens or preset.max_new_tokens)
    read = written + rollouts * (preset.max_prompt_tokens or 0)
    times = 6 + 2 * preset.gradient_checkpointing + 2 * (preset.engine != "transformers")
    seconds = shape.params / PEAK[preset.dtype] * (times * read / UTILISATION["training"]
                                                   + 2 * read / UTILISATION["sampling"])
    return Cost(steps, rollouts, written, seconds / 3600)


def shape_of(anchor: str, start: str | None = None) -> Shape:
    """The shape of a model, from its folder or what is known of hub ids: its own, or that of what it starts from."""
    file = Path(anchor) / "config.json"
    if file.is_file():
        return Shape.of(json.loads(file.read_text(encoding="utf-8")))
    for name in (anchor, start):
        if name in KNOWN:
            return KNOWN[name]
    raise ValueError(f"nothing is known of {anchor} without a network; give --anchor FOLDER, with its config.json")


def report(preset: Preset, runs: list, anchor: str, gpus: int, gpu_gib: float, mean_tokens: int | None = None) -> str:
    """The lines that --dry-run prints, of the runs of a zoo."""
    shape, gpu_bytes = shape_of(anchor, preset.sft and preset.sft.model), int(gpu_gib * GIB)
    distilling, paper = preset.distilling(), PAPER if preset.name == "qwen3-4b" else {}
    costs = {run.name: cost(run.preset, shape, run.steps, mean_tokens) for run in runs}
    costs["distilled"] = cost(distilling, shape, distilling.steps,
                              mean_tokens and min(mean_tokens, distilling.max_new_tokens))
    lines = [f"{preset.name}: {anchor}, {shape.params / 1e6:,.1f} M parameters", "",
             f"{'run':<22}{'steps':>7}{'rollouts':>12}{'tokens':>18}{'GPU hours':>12}{'paper' if paper else '':>10}"]
    for name, one in costs.items():
        numbers = f"{one.steps:>7}{one.rollouts:>12,}{one.tokens:>18,}{one.hours:>12,.2f}"
        lines.append(f"{name:<22}{numbers}{paper.get(name, ''):>10}")
    bound = f"{mean_tokens} a rollout" if mean_tokens else "every rollout of full length, an upper bound"
    lines += ["", f"tokens: {bound}", f"GPU hours: {UTILISATION['training']:.0%} of an H100's peak in training and "
              f"{UTILISATION['sampling']:.0%} in sampling are assumed, nothing is measured (training/dry_run.py)"]
    if paper:
        lines.append("paper: the GPU hours of its runs of 200 steps (mixed: 400 steps, of four domains)")
    length = (preset.max_prompt_tokens or 0) + preset.max_new_tokens
    if length > shape.positions:
        lines.append(f"note: prompt and response can have {length:,} tokens, the model is made for "
                     f"{shape.positions:,}")
    return "\n".join([*lines, "", *_memory(preset, shape, gpus, gpu_bytes)])


def _memory(preset: Preset, shape: Shape, gpus: int, gpu_bytes: int) -> list[str]:
    """The lines on memory: of one GPU, and spread over several."""
    names = list(Memory.__dataclass_fields__)
    lines = [f"memory of each GPU, in GiB (training/footprint.py); {room(gpu_bytes) / GIB:.1f} of its "
             f"{gpu_bytes / GIB:.0f} can be used", f"{'':<26}" + "".join(f"{name:>11}" for name in names)]
    for name, n, spread in (("one GPU", 1, False), (f"FSDP2 or ZeRO-3, {gpus} GPUs", gpus, True)):
        if spread and gpus == 1:
            continue
        memory = needed(preset, shape, n, spread, gpu_bytes)
        fits = "fits" if memory.total <= room(gpu_bytes) else "TOO MUCH"
        parts = "".join(f"{value / GIB:>11.1f}" for value in asdict(memory).values())
        lines.append(f"{name:<26}{parts}  {fits}")
    lines += [f"would fit: {way}" for way in fitting(preset, shape, gpu_bytes) or ["nothing up to 64 GPUs"]]
    if preset.engine == "vllm-colocate":
        free = preset.vllm_memory * gpu_bytes - 2 * shape.params
        lines.append(f"vLLM's share holds its weights and {max(0, int(free // cache(shape))):,} tokens of cache")
    return lines
