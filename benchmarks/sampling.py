"""How fast the engines of `behaviors.sample` are: transformers, vLLM in process, and behind a server, in one run.

    make vllm && python benchmarks/sampling.py [--smollm2 .venv-vllm/smollm2]

256 prompts, one completion each at temperature 1, up to 64 tokens, in fp32 on the CPU: of the shipped anchor, and of
SmolLM2-135M-Instruct in the folder given. Tokens a second are those that the model wrote, over the seconds from the
first request to the last answer, with rendering, environments and decoding, without loading, starting and a round of
warming up. Engines run in turn, transformers before and after vLLM, and on one thread; the ratio is to its fastest row.
The machine has to be free: beside another job, threads that wait for each other cost transformers most of its speed
(the load before each row is given). Prints a table and writes it beside this file, as sampling.md.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import pandas as pd
import torch
from measure import machine, markdown, publish
from vllm_server import ENVIRONMENT, PYTHON, ROOT, VllmServer

from training import DOMAINS, get_domain
from training.engines import open_engine
from training.organism.anchor import ANCHOR

ALL_CORES = {"VLLM_CPU_KVCACHE_SPACE": "2", "VLLM_CPU_NUM_OF_RESERVED_CPU": "0"}
PROMPTS, LONGEST, WARM = 256, 64, 32


def measure(model: str, engine: str) -> dict:
    """tokens and seconds of the prompts, seconds to open the engine, and the machine's load before."""
    load, start = os.getloadavg()[0], time.perf_counter()
    tasks = [get_domain(DOMAINS[k % len(DOMAINS)]).task("test", 0, k) for k in range(PROMPTS)]
    names = [task.id for task in tasks]
    with closing(open_engine(model, engine)) as opened:
        list(opened.rollouts(tasks[:WARM], names[:WARM], LONGEST, 1.0, 1))
        begin = time.perf_counter()
        done = [rollout for some in opened.rollouts(tasks, names, LONGEST, 1.0, 0) for _, rollout in some]
        end = time.perf_counter()
    return {"load": load, "to open, s": begin - start, "tokens": sum(rollout.n_tokens for rollout in done),
            "s": end - begin}


def elsewhere(model: str) -> dict:
    """`measure` of vLLM in process, in vLLM's environment."""
    command = [PYTHON, __file__, "--inside", model]
    environment = ENVIRONMENT | ALL_CORES
    done = subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def on_one_thread(model: str) -> dict:
    """`measure` of transformers on one thread, as the workers of a study run it."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return measure(model, "transformers")
    finally:
        torch.set_num_threads(threads)


def rows(name: str, model: str) -> list[dict]:
    """A row an engine."""
    found = {"transformers": measure(model, "transformers")}
    found["transformers, one thread"] = on_one_thread(model)
    found["vLLM in process"] = elsewhere(model)
    with tempfile.TemporaryDirectory() as log, VllmServer(model, Path(log) / "server.log", **ALL_CORES) as server:
        found["vLLM behind a server"] = measure(model, server.url)
    found["transformers, again"] = measure(model, "transformers")
    speed = {engine: row["tokens"] / row["s"] for engine, row in found.items()}
    best = max(rate for engine, rate in speed.items() if engine.startswith("transformers"))
    return [{"model": name, "engine": engine, **row, "tokens/s": speed[engine], "ratio": speed[engine] / best}
            for engine, row in found.items()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--smollm2", help="a folder of SmolLM2-135M-Instruct")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.inside:
        json.dump(measure(given.inside, "vllm"), sys.stdout)
        return
    made = machine("torch", "transformers")
    vllm = next((ROOT / ".venv-vllm").glob("lib/*/site-packages/vllm*.dist-info")).name.removesuffix(".dist-info")
    models = {"organism's anchor, 1.3 M": str(ANCHOR), **({"SmolLM2, 135 M": given.smollm2} if given.smollm2 else {})}
    table = pd.DataFrame([row for name, model in models.items() for row in rows(name, model)])
    publish(__file__, f"`python benchmarks/sampling.py`, {made} vLLM: {vllm.replace('-', ' ')}, {PROMPTS} prompts.\n\n"
                      f"{markdown(table)}\n")


if __name__ == "__main__":
    main()
