"""Work side by side: in processes, for models small enough for one core each, and in threads, for compiled loops.

Worker processes have one torch thread and no bars of their own. One thread each makes every worker repeatable and lets
as many go side by side as there are cores. They are not forks of the process that asks for them, which can hang where
its torch threads have run, but of a server that has imported the libraries and done nothing else: so a worker begins
at once, and what it has in common with the others is in memory once.
"""

from __future__ import annotations

import multiprocessing
import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ProcessPoolExecutor, ThreadPoolExecutor, wait
from contextlib import contextmanager
from itertools import islice, takewhile
from threading import Event, Thread
from typing import TypeVar

CORES = os.cpu_count() or 1
PRELOADED = ("torch", "transformers.modeling_layers", "pandas")
"""What the server of worker processes imports. None of it is this package: the server takes it from where it is
installed, while a worker takes it from where the process does that asks for it."""
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


@contextmanager
def worker_pool(jobs: int) -> Iterator[ProcessPoolExecutor]:
    """As many workers as there are cores, or jobs if these are fewer. After the block they begin nothing more and end;
    what they are at is not waited for. They end with the process that asked for them, too.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(PRELOADED))
    pool = ProcessPoolExecutor(min(jobs, CORES), mp_context=context, initializer=_begin,
                               initargs=(dict(os.environ),))
    try:
        yield pool
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _begin(environment: dict[str, str]) -> None:
    """Make this process a worker, in the environment of who asked for it: the server's is that of its start."""
    os.environ.clear()
    os.environ.update(environment)
    Thread(target=_end_with_parent, daemon=True).start()
    settle()


def _end_with_parent() -> None:
    """End this process once the one that asked for it has ended, killed or not."""
    multiprocessing.parent_process().join()
    os._exit(1)


def settle() -> None:
    """Make this process a worker: one torch thread, no bars."""
    import torch
    from transformers.utils import logging

    warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing.*")  # transformers' own, at every step
    torch.set_num_threads(1)
    logging.disable_progress_bar()
