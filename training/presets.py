"""Presets: everything that a zoo's training runs depend on, one documented field a line.

    organism   the shipped model organism, on two CPU cores
    smollm2    SmolLM2-135M-Instruct on one GPU, on the organism's tasks, after a short SFT that teaches it the format
    qwen3-4b   the paper's own scale and settings

Defaults are the organism's. Sources, where a field names one: [p] the paper (M2RL, arXiv 2602.12566) and the scripts
and README of its release; [o] ours, because the paper's is not known or not ours to take. Any field can be set from a
file or the command line (`training.config`). A preset of before a field existed had its default.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

ENGINES = ("transformers", "vllm-colocate", "vllm-server")
DTYPES = ("float32", "bfloat16")
FREE = ("anchor", "distill_epsilon_high", "distill_generations", "distill_learning_rate", "distill_max_new_tokens",
        "distill_prompts", "distill_steps", "gradient_checkpointing", "micro_batch", "report_to", "save_steps", "sft",
        "vllm_memory", "vllm_url")
"""Fields that a run may go on with others of: they say how it is computed, not what, or are not about this run."""


@dataclass(frozen=True)
class Sft:
    """Supervised training on chats, before RL: `python -m training.sft`. A cosine with warm-up, loss per token."""

    model: str
    """Hub id or folder that it starts from."""
    data: str
    """"corpus" (the organism's worked examples), or a jsonl file or hub id whose rows hold `messages`."""
    examples: int | None = None
    """How many, the first ones; None: all (a corpus has no end, so it needs a number)."""
    epochs: float = 2.0
    """[p]"""
    batch: int = 512
    """Examples a step [p]."""
    learning_rate: float = 5e-5
    """Its peak [p]."""
    final_learning_rate: float = 5e-6
    """Where the cosine ends [p]."""
    warmup: float = 0.1
    """Share of the steps in which the rate rises [p]."""
    adam_beta1: float = 0.9
    """[p]"""
    adam_beta2: float = 0.95
    """[p]"""
    weight_decay: float = 0.1
    """[o] the one of RL."""
    max_grad_norm: float = 1.0
    """[o]"""
    max_tokens: int | None = None
    """Longer examples are left out, and counted; None: none is."""
    micro_batch: int | None = None
    """As of Preset."""
    eos_token: str | None = None
    """What ends a turn, where the model's own end token is another (Qwen3's base: <|im_end|>); None: its own."""

    def __post_init__(self):
        _at_least(self, "sft: ", batch=1, micro_batch=1, examples=1, max_tokens=2)
        _positive(self, "sft: ", "epochs", "learning_rate")


@dataclass(frozen=True)
class Preset:
    """How the experts and the mixed model of a zoo are trained. A step is a GRPO step: one of the optimizer [p]."""

    name: str
    steps: int
    """Steps of each expert; the mixed run takes as many as all experts together."""
    prompts: int
    """Prompts a step."""
    generations: int
    """Rollouts of each prompt: the group whose mean reward is the baseline."""
    learning_rate: float
    """Of GRPO, at the start."""
    max_new_tokens: int
    """The model's own tokens in one rollout, over all its turns."""
    distill_steps: int
    """Steps of multi-teacher distillation."""
    paper_fraction: float = 0.5
    """The mixed run's steps over the experts' total, as in the paper (400 of 800 in v1, 1000 of 2000 in v3)."""
    temperature: float = 1.0
    """Of the rollouts, and of evaluation [p]."""
    lr_scheduler: str = "constant"
    """The trainer's name of a schedule [p]."""
    adam_beta1: float = 0.9
    """[p]"""
    adam_beta2: float = 0.98
    """[p]"""
    weight_decay: float = 0.1
    """[p]"""
    max_grad_norm: float = 1.0
    """Gradients are clipped to it [o]."""
    epsilon: float = 0.2
    """The probability ratio is clipped below 1 - epsilon [p]."""
    epsilon_high: float = 0.28
    """And above 1 + epsilon_high: clip-higher [p]."""
    beta: float = 0.0
    """Weight of the KL to the anchor in the loss [p]."""
    loss_type: str = "grpo"
    """The trainer's name: mean over a sample's tokens, then over samples [p]."""
    scale_rewards: str = "group"
    """The trainer's name: advantages are divided by the standard deviation of their group [p]."""
    is_clip: float = 2.0
    """Weights of truncated importance sampling are clamped to [0, is_clip], token by token, where vLLM samples [p]."""
    distill_prompts: int | None = None
    """Prompts of a distillation step; None: for as many rollouts as a GRPO step."""
    distill_generations: int = 4
    """Rollouts of each of these [p]."""
    distill_learning_rate: float | None = None
    """None: GRPO's."""
    distill_max_new_tokens: int | None = None
    """None: GRPO's."""
    distill_epsilon_high: float | None = None
    """None: GRPO's."""
    anchor: str | None = None
    """Folder or hub id of the model that all runs start from; None: the organism's, or what `training.sft` made."""
    data: str | None = None
    """Folder of prepared tasks, one jsonl a domain (`training.data`); None: those that the domains generate."""
    max_prompt_tokens: int | None = None
    """A longer prompt is an error before training; None: no limit."""
    engine: str = "transformers"
    """Who writes the rollouts: transformers (the trained model itself), vllm-colocate or vllm-server."""
    vllm_url: str = "http://localhost:8000"
    """Where vllm-server is."""
    vllm_memory: float = 0.3
    """Share of a GPU's memory that vllm-colocate takes."""
    dtype: str = "float32"
    """Of the computation: float32, or bfloat16 with weights and Adam's states in float32."""
    micro_batch: int | None = None
    """Rollouts that a process trains on at once; gradients add up to a whole step. None: all its rollouts."""
    gradient_checkpointing: bool = False
    """Keep the layers' inputs only, and compute the rest again: a third more arithmetic, far less memory."""
    save_steps: int = 5
    """Steps between checkpoints, from which a killed run goes on."""
    report_to: tuple[str, ...] = ()
    """Trackers, by the trainer's names: trackio, wandb, tensorboard, ..."""
    sft: Sft | None = None
    """How the anchor is made; None: the organism's has its own recipe (`training.organism`)."""

    def distilling(self) -> Preset:
        """The same for multi-teacher distillation."""
        prompts = self.distill_prompts or max(1, self.prompts * self.generations // self.distill_generations)
        return replace(self, steps=self.distill_steps, prompts=prompts, generations=self.distill_generations,
                       learning_rate=self.distill_learning_rate or self.learning_rate,
                       max_new_tokens=self.distill_max_new_tokens or self.max_new_tokens,
                       epsilon_high=self.distill_epsilon_high or self.epsilon_high)

    def __post_init__(self):
        where = f"preset {self.name!r}: "
        _at_least(self, where, steps=1, prompts=1, generations=2, max_new_tokens=1, distill_steps=1, distill_prompts=1,
                  distill_generations=2, max_prompt_tokens=1, micro_batch=1, save_steps=1)
        _positive(self, where, "learning_rate", "temperature", "is_clip")
        for field, choices in (("engine", ENGINES), ("dtype", DTYPES)):
            if vars(self)[field] not in choices:
                raise ValueError(f"{where}{field} is {vars(self)[field]!r}; choose one of {', '.join(choices)}")
        if not 0 < self.vllm_memory < 1:
            raise ValueError(f"{where}vllm_memory is {self.vllm_memory!r}; it must be between 0 and 1")


def _at_least(settings, where: str, **least: int) -> None:
    """ValueError for a field below its least value."""
    for name, low in least.items():
        value = vars(settings)[name]
        if value is not None and not value >= low:
            raise ValueError(f"{where}{name} is {value!r}; it must be at least {low}")


def _positive(settings, where: str, *names: str) -> None:
    """ValueError for a field that is not a positive number."""
    for name in names:
        if not 0 < vars(settings)[name] < float("inf"):
            raise ValueError(f"{where}{name} is {vars(settings)[name]!r}; it must be a positive number")


PRESETS = {
    "organism": Preset("organism", steps=24, prompts=10, generations=8, learning_rate=1e-4, max_new_tokens=128,
                       distill_steps=48),
    # [o] all sizes and rates, tuned on nothing yet; a micro batch of 8 so that a zoo's six runs share a GPU of 80 GB
    "smollm2": Preset(
        "smollm2", steps=100, prompts=32, generations=8, learning_rate=1e-5, max_new_tokens=320, distill_steps=100,
        max_prompt_tokens=512, dtype="bfloat16", micro_batch=8, save_steps=20,
        sft=Sft("HuggingFaceTB/SmolLM2-135M-Instruct", "corpus", examples=20_000, epochs=1.0, batch=64,
                learning_rate=2e-4, final_learning_rate=2e-5, max_tokens=1024, micro_batch=32)),
    # [p] v1 of the paper, but for save_steps, the micro batches, and where things run [o]; its limit of a prompt, 2,048
    # tokens, leaves out of account the schemas of an agent's 27 tools, some 4,500, which stand in the prompt here
    "qwen3-4b": Preset(
        "qwen3-4b", steps=200, prompts=128, generations=16, learning_rate=2e-6, max_new_tokens=32_768,
        distill_steps=200, distill_prompts=256, distill_learning_rate=1e-6, distill_max_new_tokens=16_384,
        distill_epsilon_high=0.2, anchor="Jackwang111/M2RL-SFT", data="runs/data/blend", max_prompt_tokens=6144,
        engine="vllm-server", dtype="bfloat16", micro_batch=1, gradient_checkpointing=True, save_steps=20,
        sft=Sft("Qwen/Qwen3-4B-Base", "runs/data/sft.jsonl", max_tokens=32_768, micro_batch=1, eos_token="<|im_end|>")),
}


def get_preset(name: str) -> Preset:
    """The preset of that name."""
    if name not in PRESETS:
        raise ValueError(f"unknown preset {name!r}; choose one of {', '.join(PRESETS)}")
    return PRESETS[name]
