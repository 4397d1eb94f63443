"""Multi-teacher on-policy distillation: a student writes, and the expert of each task's domain weighs every token.

MT-OPD of M2RL (arXiv 2602.12566, and its official scripts): the student starts from the anchor and samples; the
advantage of token t is log pi_teacher(y_t) - log pi_student(y_t) of the teacher that the row's domain is routed to, one
teacher a row, with no reward and no normalisation, in GRPO's clipped loss. Its mean is minus the reverse KL divergence,
estimated by one sample (k1).

    python -m training.distill --zoo runs/organism/seed0 [--steps N]          # adds `distilled` to the zoo

Teachers are the zoo's experts, or any model or server (`training.teachers`): `Run(..., teachers={id: model},
routing={domain: id})`. A domain without a route, and a teacher with other tokens, are errors before the first step.

Departures: (1) sizes and rate are the preset's; (2) an agent's turns are all trained on, the workplace's answers are
not; (3) rewards are computed for the log alone; (4) student and teacher score at the sampling's temperature.
"""

from __future__ import annotations

import argparse
import csv
import shutil
import sys
from pathlib import Path

import torch

from training import config
from training.presets import Preset, get_preset
from training.teachers import TeacherError, open_teacher
from training.unpadded import UnpaddedGRPOTrainer

LOG = "distill.csv"
"""Beside a run's log.csv: how far the student is from each teacher, in nats a token, by step."""
FIELDS = ("step", "teacher", "rollouts", "tokens", "kl")


class DistillTrainer(UnpaddedGRPOTrainer):
    """UnpaddedGRPOTrainer whose advantages are a teacher's, token by token. Rows carry a `teacher_id`."""

    def __init__(self, *args, teachers: dict[str, str], student: str, log: Path, **kwargs):
        super().__init__(*args, **kwargs)
        self._teachers = {name: open_teacher(model, student, self.processing_class, self.temperature)
                          for name, model in teachers.items()}
        self._log = log

    def _generate_and_score_completions(self, inputs):
        output = super()._generate_and_score_completions(inputs)
        ids = torch.cat([output["prompt_ids"], output["completion_ids"]], dim=1)
        mask = torch.cat([output["prompt_mask"], output["completion_mask"]], dim=1)
        keep, rows = output["completion_ids"].shape[1], [row["teacher_id"] for row in inputs]
        with torch.no_grad():
            student = self._get_per_token_logps_and_entropies(self.model, ids, mask, keep)[0]
            teacher = self._taught(rows, ids, mask, keep)
        own = output["completion_mask"] * output.get("tool_mask", 1)
        output["advantages"] = (teacher - student) * own
        self._write(rows, output["advantages"], own)
        return output

    def _taught(self, rows: list[str], ids: torch.Tensor, mask: torch.Tensor, keep: int) -> torch.Tensor:
        """Each row's log-probabilities by its own teacher."""
        found = torch.zeros(len(rows), keep, device=ids.device)
        for name in dict.fromkeys(rows):
            here = torch.tensor([k for k, row in enumerate(rows) if row == name], device=ids.device)
            found[here] = self._teachers[name].logps(ids[here], mask[here], keep)
        return found

    def _write(self, rows: list[str], advantages: torch.Tensor, own: torch.Tensor) -> None:
        """Append a row a teacher to the log: how far the student is from it, in nats a token, over all processes."""
        from accelerate.utils import gather_object

        found = {}
        for name in dict.fromkeys(rows):
            here = torch.tensor([row == name for row in rows], device=own.device)
            found[name] = [int(here.sum()), int(own[here].sum()), float(advantages[here].sum())]
        everywhere = gather_object([found])
        if not self.is_world_process_zero():
            return
        with self._log.open("a", newline="") as file:
            for name in dict.fromkeys(name for some in everywhere for name in some):
                n, tokens, total = (sum(values) for values in zip(*(some[name] for some in everywhere if name in some),
                                                                  strict=True))
                csv.writer(file).writerow([self.state.global_step, name, n, tokens, round(-total / max(1, tokens), 6)])


def check_routes(domains: list[str], teachers: dict[str, str], routing: dict[str, str]) -> None:
    """TeacherError unless every domain is routed to a teacher that is there."""
    for domain in domains:
        if domain not in routing:
            raise TeacherError(f"domain {domain!r} has no teacher; routed are {', '.join(routing) or 'none'}")
        if routing[domain] not in teachers:
            raise TeacherError(f"domain {domain!r} is routed to teacher {routing[domain]!r}; the teachers are "
                               f"{', '.join(teachers)}")


def distill_zoo(folder: str | Path, steps: int | None = None, progress: bool = True, preset: Preset | None = None):
    """Distill a zoo's experts into one model, which the zoo then has as `distilled`; returns the zoo.

    steps: optimizer steps (default the preset's); preset: settings (default those of the zoo's preset, by its name). A
    zoo that has a distilled model is returned as it is; a run that was killed goes on. Under `accelerate launch` every
    process calls this.
    """
    from training.build import place, train_all
    from training.manifest import ZooError
    from training.mixture import normalized
    from training.rlvr import Run, train_run
    from training.trainer import is_main, processes
    from training.zoo import Zoo

    zoo = Zoo.load(folder)
    if zoo.distilled:
        return zoo
    if not zoo.experts:
        raise ZooError(f"{zoo.folder} has no experts to learn from")
    preset, domains = (preset or get_preset(zoo.preset)).distilling(), list(zoo.experts)
    run = Run("distilled", zoo.anchor, normalized(dict.fromkeys(domains, 1.0)), steps or preset.steps, zoo.seed, preset,
              teachers=dict(zoo.experts), routing={domain: domain for domain in domains},
              factors=zoo.manifest.factors)
    if processes() > 1:
        costs = {run.name: train_run(run, zoo.folder / "runs" / run.name)}
        if not is_main():
            return zoo
    else:
        costs = train_all([run], zoo.folder / "runs", progress)
    place(zoo.folder / "runs" / run.name / "final", zoo.folder / "models/distilled")
    for log in ("log.csv", LOG):
        shutil.copy(zoo.folder / "runs" / run.name / log, zoo.folder / "models/distilled" / log)
    zoo.manifest.distilled = "models/distilled"
    zoo.manifest.runs |= costs
    zoo.save()
    return zoo


def main(argv: list[str] | None = None) -> int:
    """The command line; the status it ends with."""
    from training.trainer import is_main
    from training.zoo import Zoo

    parser = argparse.ArgumentParser("python -m training.distill", description=__doc__.splitlines()[0])
    parser.add_argument("--zoo", required=True, help="a zoo's folder, or a built-in name")
    parser.add_argument("--steps", type=int, help="optimizer steps (default the preset's)")
    config.add_arguments(parser)
    chosen = parser.parse_args(argv)
    try:
        preset = config.chosen_preset(chosen, Zoo.load(chosen.zoo).preset)
        if chosen.print_config:
            print(config.printed(preset).rstrip())
            return 0
        zoo = distill_zoo(chosen.zoo, chosen.steps, preset=preset)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if is_main():
        print(f"{zoo.distilled}: {zoo.runs['distilled']}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
