"""Independent pieces of work, side by side: in processes of this machine, or on a Ray cluster.

A piece is `work(*arguments)`, by a function of a module: what one model does on one domain for one seed, say. It finds
models by their paths and writes files, whole or not at all, so that doing it twice does no harm.

    run_pieces(work, jobs, "sampling")          # here, as many at once as there are cores
    with on_ray("auto"):                        # or "10.0.0.1:6379", or "local": https://docs.ray.io
        run_pieces(work, jobs, "sampling")      # a piece a free CPU, or a free GPU where the cluster has any

The machines of a cluster need this package, and under the same path the folder in which the program was started (a
shared file system). A piece whose worker or machine dies is done again elsewhere, RETRIES times; one that raises is
not: its exception is raised here, as it would be without Ray.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import as_completed
from contextlib import contextmanager
from contextvars import ContextVar

from training.workers import settle, worker_pool

RETRIES = 3
"""Of a piece whose worker died."""
PATIENCE = 10.0
"""Seconds for a cluster to answer."""
_ON_RAY: ContextVar[bool] = ContextVar("on_ray", default=False)


class ClusterError(RuntimeError):
    """A Ray cluster that is not there, or loses what it was given."""


def run_pieces(work: Callable, jobs: Sequence[tuple], title: str, progress: bool = True, unit: str = "model") -> list:
    """What work(*job) returns for every job, in their order; the first exception ends them all.

    Raises ClusterError for a piece whose worker died more than RETRIES times.
    """
    from tqdm.auto import tqdm

    if not jobs:
        return []
    done = (_on_cluster if is_spread() else _here)(work, jobs)
    found = dict(tqdm(done, total=len(jobs), desc=title, unit=unit, disable=not progress))
    return [found[place] for place in range(len(jobs))]


def is_spread() -> bool:
    """Do pieces go to a cluster?"""
    return _ON_RAY.get()


@contextmanager
def on_ray(address: str) -> Iterator[None]:
    """Pieces go to the Ray cluster at an address while the block runs. ClusterError where there is none, or no Ray."""
    try:
        import ray
    except ImportError as error:
        raise ClusterError(f"Ray is not installed: pip install 'mix-or-merge[ray]' ({error})") from error
    _check_answers(address)
    try:
        ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    except (ConnectionError, ValueError, RuntimeError) as error:
        said = str(error).strip().splitlines()
        raise ClusterError(f"no Ray cluster at {address!r}: {said[0] if said else type(error).__name__}") from error
    token = _ON_RAY.set(True)
    try:
        yield
    finally:
        _ON_RAY.reset(token)
        ray.shutdown()


def _check_answers(address: str) -> None:
    """ClusterError where nothing answers at HOST:PORT; Ray itself would try for a minute, and then abort."""
    host, mark, port = address.rpartition(":")
    if not mark or not port.isdigit() or "/" in host:
        return  # auto, local, or a scheme of Ray's
    try:
        socket.create_connection((host, int(port)), PATIENCE).close()
    except OSError as error:
        raise ClusterError(f"no Ray cluster at {address!r}: {error}") from error


def _here(work: Callable, jobs: Sequence[tuple]) -> Iterator[tuple[int, object]]:
    """(place, result) of jobs, as they are done. The workers end with the last piece, and give their memory back."""
    with worker_pool(len(jobs)) as pool:
        futures = {pool.submit(work, *job): place for place, job in enumerate(jobs)}
        for future in as_completed(futures):
            yield futures[future], future.result()


def _on_cluster(work: Callable, jobs: Sequence[tuple]) -> Iterator[tuple[int, object]]:
    """(place, result) of jobs, as they are done by the cluster."""
    import ray

    gpus = 1 if ray.cluster_resources().get("GPU") else 0
    remote = ray.remote(num_cpus=1, num_gpus=gpus, max_retries=RETRIES)(_piece)
    places = {remote.remote(os.getcwd(), work, job): place for place, job in enumerate(jobs)}
    waiting = list(places)
    try:
        while waiting:
            (ready,), waiting = ray.wait(waiting, num_returns=1)
            yield places[ready], _result(ready)
    finally:
        for reference in waiting:
            ray.cancel(reference)


def _piece(folder: str, work: Callable, job: tuple) -> object:
    """A piece, on the machine that does it."""
    os.chdir(folder)
    settle()
    return work(*job)


def _result(reference) -> object:
    """What a piece returned, or raised."""
    import ray
    from ray.exceptions import RayError, RayTaskError

    try:
        return ray.get(reference)
    except RayTaskError as error:
        raise error.cause from error
    except RayError as error:
        raise ClusterError(f"a piece failed on the cluster, {RETRIES} retries included: "
                           f"{str(error).strip().splitlines()[0]}") from error
