"""Which checkpoint a training that was killed goes on from: the last one that was written whole.

transformers writes a checkpoint in its place, file by file, and then deletes the one before; its own search takes the
last folder, half or whole. Here a checkpoint is flushed to the disk and marked once it is complete, and only then are
the others deleted (so a trainer's own `save_total_limit` is left out).
"""

from __future__ import annotations

import shutil
from pathlib import Path

from training.durable import flush, flush_tree

MARK = "whole"


def last_checkpoint(folder: Path) -> str | None:
    """The last whole checkpoint in a training's folder, as `Trainer.train` takes it; None where there is none."""
    whole = {_step(file.parent): file.parent for file in folder.glob(f"checkpoint-*/{MARK}")}
    return str(whole[max(whole)]) if whole else None


def keep_last(trainer, folder: Path) -> None:
    """Let a trainer mark each checkpoint that it has written to `folder`, and delete those before it."""
    from transformers import TrainerCallback

    class KeepLast(TrainerCallback):
        """Called when a checkpoint is there."""

        def on_save(self, args, state, control, **_):
            trainer.accelerator.wait_for_everyone()  # sharded states are written by all processes
            if state.is_world_process_zero:
                mark(folder / f"checkpoint-{state.global_step}")

    trainer.add_callback(KeepLast())


def mark(checkpoint: Path) -> None:
    """This checkpoint is complete: see that it is on the disk, say so in it, and delete the others beside it."""
    flush_tree(checkpoint)
    (checkpoint / MARK).touch()
    flush(checkpoint)
    flush(checkpoint.parent)
    for other in checkpoint.parent.glob("checkpoint-*"):
        if other != checkpoint:
            (other / MARK).unlink(missing_ok=True)  # half deleted is not whole
            shutil.rmtree(other)


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.rpartition("-")[2])
