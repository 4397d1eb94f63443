"""Work side by side: in processes, for models small enough for one core each, and in threads, for compiled loops.

Worker processes are spawned, with one torch thread and no bars of their own. One thread each makes every worker
repeatable and lets as many go side by side as there are cores. They are not forked: a fork of a process whose torch
threads have run can hang.
"""

from __future__ import annotations

import multiprocessing
import os
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ProcessPoolExecutor, ThreadPoolExecutor, wait
from itertools import islice, takewhile
from threading import Event, Thread
from typing import TypeVar

CORES = os.cpu_count() or 1
Item, Result = TypeVar("Item"), TypeVar("Result")


def side_by_side(work: Callable[[Iterable[Item]], Result], items: Sequence[Item], threads: int) -> list[Result]:
    """What `work` returns of every so-manieth item, in as many threads; the first exception stops the others."""
    stop = Event()

    def share(first: int) -> Result:
        return work(takewhile(lambda _: not stop.is_set(), islice(items, first, None, threads)))

    with ThreadPoolExecutor(threads) as pool:
        futures = [pool.submit(share, first) for first in range(threads)]
        try:
            wait(futures, return_when=FIRST_EXCEPTION)
        finally:
            stop.set()
        return [future.result() for future in futures]


def worker_pool(jobs: int = CORES) -> ProcessPoolExecutor:
    """As many workers as there are cores, or jobs if these are fewer; they end with the process that asked for them."""
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(min(jobs, CORES), mp_context=context, initializer=_begin, initargs=(os.getpid(),))


def _end_with(parent: int) -> None:
    """End this process once its parent has ended, killed or not."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def _begin(parent: int) -> None:
    Thread(target=_end_with, args=(parent,), daemon=True).start()
    settle()


def settle() -> None:
    """Make this process a worker: one torch thread, no bars."""
    import torch
    from transformers.utils import logging

    warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing.*")  # transformers' own, at every step
    torch.set_num_threads(1)
    logging.disable_progress_bar()
