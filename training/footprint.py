"""What a training run needs of a GPU's memory, worked out from the model's config: nothing is loaded.

State: 16 bytes a parameter, spread over the GPUs with FSDP2 or ZeRO-3: fp32 weights (4), gradients (4) and two Adam
moments (8). ZeRO-3 in bf16 splits them otherwise (2 + 2 + 12) to the same sum. In bf16 there is a copy of the weights
to compute with (autocast keeps it for the backward pass); spread, of two layers and the embedding at a time.

Activations: what PyTorch saves for the backward pass of a Llama or Qwen3 block, token by token, counted in the code of
transformers 5.23 (`per_token`); with checkpointing, each layer's input and one block. TRL 1.16 computes the logits in
tiles of 4,096 tokens x 32,768 words, and adds up an fp32 gradient of the head and of the last hidden states. Attention
scores are not kept (SDPA, FlashAttention); the masks of padded rows are. Checked in tests/test_footprint.py on small
models on a CPU: activations to within 10 % of what PyTorch saves, the peak of a whole step to within 6 %. Not checked:
a GPU's kernels. Left out: fragmentation, cuBLAS, NCCL, CUDA's own context; HEADROOM stands for them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from training.presets import Preset

GIB = 2**30
HEADROOM = 0.08
"""Share of a GPU's memory that no tensor gets."""
SIZE = {"float32": 4, "bfloat16": 2}
"""Bytes of a number."""
TILE = 4096 * 32_768
"""Entries of TRL's tile of logits."""
KINDS = ("llama", "qwen3")
"""Model types, of a config.json, whose blocks are counted here."""
SIZES = (2, 4, 8, 16, 32, 64)
"""Numbers of GPUs that are looked at for what would fit."""


@dataclass(frozen=True)
class Shape:
    """What a model's memory and arithmetic depend on."""

    layers: int
    width: int
    heads: int
    kv_heads: int
    head_size: int
    mlp: int
    vocab: int
    positions: int
    """The longest text it was made for."""
    tied: bool = True
    """One matrix embeds tokens and gives logits."""
    qk_norm: bool = False
    """Queries and keys are normalised (Qwen3)."""

    @classmethod
    def of(cls, config: dict) -> Shape:
        """Of the contents of a Llama's or Qwen3's config.json. ValueError for another model."""
        if config.get("model_type") not in KINDS:
            raise ValueError(f"memory is worked out for the model types {' and '.join(KINDS)}, not "
                             f"{config.get('model_type')!r}")
        heads, width = config["num_attention_heads"], config["hidden_size"]
        return cls(config["num_hidden_layers"], width, heads, config["num_key_value_heads"],
                   config.get("head_dim") or width // heads, config["intermediate_size"], config["vocab_size"],
                   config["max_position_embeddings"], config.get("tie_word_embeddings", False),
                   config["model_type"] == "qwen3")

    q = property(lambda self: self.heads * self.head_size)
    kv = property(lambda self: self.kv_heads * self.head_size)

    @property
    def block(self) -> int:
        """Parameters of a layer."""
        norms = 2 * self.width + (2 * self.head_size if self.qk_norm else 0)
        return self.width * (2 * self.q + 2 * self.kv) + 3 * self.width * self.mlp + norms

    @property
    def params(self) -> int:
        """Parameters of the model."""
        return self.layers * self.block + self.width + self.vocab * self.width * (1 if self.tied else 2)


KNOWN = {  # their published config.json, for a dry run without a network
    "HuggingFaceTB/SmolLM2-135M-Instruct": Shape(30, 576, 9, 3, 64, 1536, 49_152, 8192),
    "Qwen/Qwen3-4B-Base": Shape(36, 2560, 32, 8, 128, 9728, 151_936, 32_768, qk_norm=True),
    "Jackwang111/M2RL-SFT": Shape(36, 2560, 32, 8, 128, 9728, 151_936, 40_960, qk_norm=True),  # Qwen3-4B's
}


def per_token(shape: Shape, dtype: str) -> int:
    """Bytes that a block saves of one token for its backward pass.

    Two norms: input and normalised in fp32, and the output in the dtype of the computation. Attention: query, key and
    value (these two repeated for all heads) and the output, and of normalised queries and keys the projection and the
    normalised, in fp32. MLP: gate, its SiLU, up, and their product.
    """
    size = SIZE[dtype]
    norms = 2 * (8 + size) * shape.width
    attention = 4 * size * shape.q + (8 * (shape.q + shape.kv) if shape.qk_norm else 0) + 4 * shape.heads
    return norms + attention + 4 * size * shape.mlp


def activations(shape: Shape, rows: int, tokens: int, dtype: str, checkpointing: bool) -> int:
    """Bytes saved for the backward pass of so many rows of so many tokens, without the logits.

    Several rows are padded, so they have a mask; every block turns it into numbers of its own.
    """
    block, size = per_token(shape, dtype), SIZE[dtype]
    saved = shape.layers * 4 * shape.width + block if checkpointing else shape.layers * block
    masks = 1 + size * (1 if checkpointing else shape.layers) if rows > 1 else 0
    return rows * tokens * (saved + 12 * shape.width + masks * tokens)


def logits(shape: Shape, rows: int, tokens: int, dtype: str) -> int:
    """Bytes that the fused head takes in its backward pass."""
    size = SIZE[dtype]
    return min(rows * tokens * 32_768, TILE) * size + 4 * shape.vocab * shape.width + 4 * rows * tokens * shape.width


def cache(shape: Shape, dtype: str = "bfloat16") -> int:
    """Bytes of keys and values that a token of a text being written takes."""
    return 2 * shape.layers * shape.kv * SIZE[dtype]


@dataclass(frozen=True)
class Memory:
    """Bytes of one GPU, by what takes them."""

    weights: int
    gradients: int
    optimizer: int
    copies: int
    """Weights in the dtype of the computation, where it is another or they are spread."""
    training: int
    """Activations and logits of a micro batch."""
    sampling: int
    """Cache and logits where the trained model samples (not while it trains), or all that vllm-colocate takes."""
    total: int


def needed(preset: Preset, shape: Shape, gpus: int = 1, spread: bool = False, gpu_bytes: int = 80 * GIB) -> Memory:
    """What a run of a preset takes of each of so many GPUs; `spread`: by FSDP2 or ZeRO-3, else each has it all."""
    from training.trainer import shares

    micro, times = shares(preset, gpus)
    tokens, part = (preset.max_prompt_tokens or 0) + preset.max_new_tokens, gpus if spread else 1
    state = [size * shape.params // part for size in (4, 4, 8)]
    at_once = 2 * shape.block + shape.vocab * shape.width if spread else shape.params
    copies = at_once * 2 if preset.dtype == "bfloat16" else at_once * 4 if spread else 0
    training = (activations(shape, micro, tokens, preset.dtype, preset.gradient_checkpointing)
                + logits(shape, micro, tokens, preset.dtype))
    if preset.engine == "transformers":
        rows = micro * times
        sampling = rows * (tokens * cache(shape, preset.dtype) + 24 * shape.vocab)  # float64: logits, softmax, sums
        peak = max(training, sampling)
    else:
        sampling = int(preset.vllm_memory * gpu_bytes) if preset.engine == "vllm-colocate" else 0
        peak = training + sampling
    return Memory(*state, copies, training, sampling, sum(state) + copies + peak)


def room(gpu_bytes: int) -> int:
    """What tensors can have of a GPU."""
    return int(gpu_bytes * (1 - HEADROOM))


def fitting(preset: Preset, shape: Shape, gpu_bytes: int) -> list[str]:
    """Ways in which a preset would fit into GPUs of that memory, the fewest GPUs first; at most three."""
    micro, found = preset.micro_batch or preset.prompts * preset.generations, []
    smaller = [size for size in (micro, micro // 4, 1) if size and micro % size == 0]
    for gpus in (1, *SIZES):
        for size in dict.fromkeys(smaller):
            tried = replace(preset, micro_batch=size, gradient_checkpointing=True)
            if tried.prompts * tried.generations % (gpus * size):
                continue
            memory = needed(tried, shape, gpus, gpus > 1, gpu_bytes)
            if memory.total <= room(gpu_bytes) and (gpus == 1 or preset.engine != "transformers"):
                how = "one GPU" if gpus == 1 else f"{gpus} GPUs with FSDP2 or ZeRO-3"
                how += f", micro_batch={size}, gradient_checkpointing=true ({memory.total / GIB:.0f} GiB each)"
                found.append(how)
                break
    return found[:3]


def check_fits(preset: Preset, shape: Shape, gpus: int, spread: bool, gpu_bytes: int) -> None:
    """ValueError, saying what would fit, where a run needs more memory than a GPU has."""
    memory = needed(preset, shape, gpus, spread, gpu_bytes)
    if memory.total > room(gpu_bytes):
        ways = fitting(preset, shape, gpu_bytes)
        raise ValueError(f"preset {preset.name!r} needs about {memory.total / GIB:.1f} GiB of each GPU, and this one "
                         f"has {gpu_bytes / GIB:.1f}; would fit: {'; '.join(ways) or 'nothing up to 64 GPUs'}")
