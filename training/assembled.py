"""A zoo of models that were trained elsewhere: what `Zoo.from_models` checks and writes down.

Models are folders in Hugging Face's format (config.json, safetensors, tokenizer) or hub ids. Trainers leave others:
what such a folder is is said with the command that makes the right one of it (verl's `model_merger`, slime's `tools/`,
DeepSpeed's `zero_to_fp32.py`, peft's `merge_and_unload`; TRL and OpenRLHF save the right one themselves).
"""

from __future__ import annotations

from pathlib import Path

from training.alike import mismatch
from training.checkpoints import Checkpoint
from training.shards import INDEX, SINGLE, CheckpointError

HINTS = (  # a file that a trainer leaves, what it is, what to do
    ("model_world_size_*_rank_*.pt", "verl's FSDP shards",
     "python -m verl.model_merger merge --backend fsdp --local_dir {} --target_dir OUT"),
    ("*.distcp", "a distributed checkpoint of torch or Megatron (as slime's)",
     "slime: python tools/convert_torch_dist_to_hf.py --input-dir {} --output-dir OUT --origin-hf-dir BASE"),
    ("zero_to_fp32.py", "a DeepSpeed checkpoint", "cd {} && python zero_to_fp32.py . OUT --safe_serialization"),
    ("adapter_config.json", "an adapter without its model",
     "merge it into its base with peft: PeftModel.from_pretrained(base, '{}').merge_and_unload().save_pretrained(OUT)"),
    ("pytorch_model*.bin", "pickled weights, which are never loaded",
     "load it where you trust it, and save_pretrained(OUT) writes safetensors"),
)


def opened(name: str, model: str) -> Checkpoint:
    """The checkpoint of a model. Raises CheckpointError: of a folder of another format, what it is and what to do."""
    folder = Path(model)
    if folder.is_dir() and not any((folder / weights).exists() for weights in (SINGLE, INDEX)):
        for pattern, what, remedy in HINTS:
            if any(folder.glob(pattern)):
                raise CheckpointError(f"{name}: {model} is {what}, not a model of safetensors; "
                                      f"{remedy.format(model)}")
    try:
        return Checkpoint(model)
    except CheckpointError as error:
        raise CheckpointError(f"{name}: {error}") from error


def placed(models: dict[str, str | Path], hub: str) -> dict[str, str]:
    """Name -> where a manifest puts it: a folder's absolute path, or `hub` and the id; "anchor" is the first.

    Raises CheckpointError for a model that cannot be opened, or whose tensors are not the anchor's in name and shape.
    """
    places, base = {}, None
    for name, model in models.items():
        checkpoint = opened(name, str(model))
        base = base or checkpoint
        if odd := mismatch(base, checkpoint):
            raise CheckpointError(f"{name}: {model} {odd.replace('the base', 'the anchor')}")
        places[name] = str(Path(model).resolve()) if Path(model).is_dir() else f"{hub}{model}"
    return places
