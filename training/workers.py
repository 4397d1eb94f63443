"""Worker processes for models small enough for one core each: spawned, one torch thread, no bars of their own.

One thread each makes every worker repeatable and lets as many go side by side as there are cores. Processes are
spawned, not forked: a fork of a process whose torch threads have run can hang.
"""

from __future__ import annotations

import multiprocessing
import os
import warnings
from concurrent.futures import ProcessPoolExecutor

CORES = os.cpu_count() or 1


def worker_pool(jobs: int = CORES) -> ProcessPoolExecutor:
    """As many workers as there are cores, or jobs if these are fewer."""
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(min(jobs, CORES), mp_context=context, initializer=_settle)


def _settle() -> None:
    import torch
    from transformers.utils import logging

    warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing.*")  # transformers' own, at every step
    torch.set_num_threads(1)
    logging.disable_progress_bar()
