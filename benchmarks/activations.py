"""What reading activations costs over the bare forward pass, and how long a matrix of CKA takes.

    python benchmarks/activations.py

Capture: every residual layer of 64 sequences of 256 tokens, 8 at a time, through the shipped anchor (8 layers of width
128) and an untrained Qwen3 of 8 layers of width 512. Bare is the same pass without its output head, which capture
leaves out too. The two run in turn, and the median of their ratios is given. CKA: 12 layers with 12 layers, 100,000
tokens of width 768, two sets of random activations; memory is that of a new process above its inputs. Prints a
table and writes it beside this file, as activations.md.
"""

from __future__ import annotations

import statistics
import time

import pandas as pd
import torch
from measure import fresh_peak, machine, markdown, publish, timed

from probes.capture import BACKENDS, open_reader
from probes.cka import MinibatchCKA, minibatches
from probes.sites import depth
from training.organism.anchor import ANCHOR
from training.rollouts import load
from training.workers import CORES

ROUNDS = 7
TEXTS, LENGTH, TOGETHER = 64, 256, 8
SETS, TOKENS, WIDTH = 12, 100_000, 768


def models() -> dict[str, tuple]:
    """Name -> (network, tokenizer)."""
    from transformers import AutoModelForCausalLM

    found = {}
    for name, size in (("anchor, width 128", {}), ("Qwen3, width 512", {
            "hidden_size": 512, "intermediate_size": 1536, "num_attention_heads": 8, "num_key_value_heads": 4,
            "head_dim": 64})):
        network, tokenizer = load(str(ANCHOR))
        if size:
            network.config.update(size)
            network = AutoModelForCausalLM.from_config(network.config).eval()
            network.config.name_or_path = str(ANCHOR)
        found[name] = (network, tokenizer)
    return found


@torch.no_grad()
def capture_row(name: str, backend: str) -> dict:
    """Seconds of the bare pass and of capture, and the median of the ratio, in turn."""
    (bare, _), (network, tokenizer) = models()[name], models()[name]
    reader = open_reader(network, tokenizer, [("resid", layer) for layer in range(depth(network))], backend)
    ids = torch.randint(5, 400, (TEXTS, LENGTH), generator=torch.Generator().manual_seed(0))
    parts = [(part, torch.ones_like(part)) for part in ids.split(TOGETHER)]

    def plain() -> None:
        for part, mask in parts:
            bare.base_model(input_ids=part, attention_mask=mask, use_cache=False)

    def captured() -> None:
        for part, mask in parts:
            for window in reader.windows(part, mask):
                assert len(window) == depth(network)

    seconds = [(_seconds(plain), _seconds(captured)) for _ in range(ROUNDS + 1)][1:]
    return {"model": name, "backend": backend, "bare, s": min(a for a, _ in seconds),
            "captured, s": min(b for _, b in seconds), "ratio": statistics.median(b / a for a, b in seconds)}


def _seconds(work) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def sets(seed: int) -> list[torch.Tensor]:
    """SETS random activations of the same tokens."""
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(TOKENS, WIDTH, generator=generator) for _ in range(SETS)]


def matrix(xs: list[torch.Tensor], ys: list[torch.Tensor]) -> torch.Tensor:
    """CKA of every x with every y."""
    cka = MinibatchCKA(SETS, SETS)
    for chosen in minibatches(len(xs[0]), torch.Generator().manual_seed(0)):
        cka.add([x[chosen] for x in xs], [y[chosen] for y in ys])
    return cka.value()


def _matrix_alone(tokens: int) -> None:
    """`matrix` of inputs made minibatch by minibatch, so that only its own memory counts."""
    generator, cka = torch.Generator().manual_seed(0), MinibatchCKA(SETS, SETS)
    for _ in range(tokens // 256):
        cka.add(*([torch.randn(256, WIDTH, generator=generator) for _ in range(SETS)] for _ in range(2)))


def main() -> None:
    torch.set_num_threads(CORES)
    about = machine("torch", "transformers", "transformer-lens", "nnsight")
    rows = pd.DataFrame([capture_row(name, backend) for name in models() for backend in BACKENDS])
    xs, ys = sets(0), sets(1)
    row = {"sets": f"{SETS} x {SETS}", "tokens": TOKENS, "width": WIDTH,
           **timed("CKA", matrix, xs, ys, repeat=2)}
    row |= {f"peak of {tokens:,} tokens, MB": fresh_peak(_matrix_alone, tokens) for tokens in (5_000, 20_000)}
    text = (f"`python benchmarks/activations.py`, {about}\n\n{markdown(rows)}\n\n"
            f"{markdown(pd.DataFrame([row]))}\n")
    publish(__file__, text)


if __name__ == "__main__":
    main()
