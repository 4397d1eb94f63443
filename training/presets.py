"""Presets: everything that a zoo's training runs depend on, one documented field a line."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Preset:
    """How the experts and the mixed model of a zoo are trained. Budgets count GRPO steps, one optimizer step each."""

    name: str
    steps: int
    """Steps of each expert; the mixed run takes as many as all experts together."""
    prompts: int
    """Prompts a step."""
    generations: int
    """Rollouts of each prompt: the group whose mean reward is the baseline."""
    learning_rate: float
    """Constant."""
    max_new_tokens: int
    """The model's own tokens in one rollout, over all its turns."""
    distill_steps: int
    """Steps of multi-teacher distillation, each with as many rollouts as a GRPO step, four of a prompt."""
    paper_fraction: float = 0.5
    """The mixed run's steps over the experts' total, as in the paper (400 of 800 in v1, 1000 of 2000 in v3)."""
    temperature: float = 1.0
    """Of the rollouts, and of evaluation."""

    def distilling(self) -> Preset:
        """The same for multi-teacher distillation."""
        prompts = max(1, self.prompts * self.generations // 4)
        return replace(self, steps=self.distill_steps, prompts=prompts, generations=4)

    def __post_init__(self):
        for name in ("steps", "prompts", "generations", "max_new_tokens", "distill_steps"):
            if not vars(self)[name] >= 1:
                raise ValueError(f"preset {self.name!r}: {name} is {vars(self)[name]!r}; it must be at least 1")
        if self.generations < 2:
            raise ValueError(f"preset {self.name!r}: generations is {self.generations}; a baseline needs at least 2")


PRESETS = {
    "organism": Preset("organism", steps=24, prompts=10, generations=8, learning_rate=1e-4, max_new_tokens=128,
                       distill_steps=48),
}


def get_preset(name: str) -> Preset:
    """The preset of that name."""
    if name not in PRESETS:
        raise ValueError(f"unknown preset {name!r}; choose one of {', '.join(PRESETS)}")
    return PRESETS[name]
