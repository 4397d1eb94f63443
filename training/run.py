"""Train one run of a zoo by itself, on one GPU, on several, or on several nodes.

    python -m training.run --preset smollm2 --run expert-math --out runs/smollm2/seed0
    accelerate launch --config_file training/launch/fsdp2.yaml -m training.run --preset qwen3-4b --run mixed --out DIR
    python -m training --preset qwen3-4b --out DIR --collect          # when all runs are over: DIR is a zoo

The other arguments must be those of the zoo (`python -m training --help`): they say which runs there are and what each
asks. A run that was killed goes on from its last checkpoint, on as many processes as it is then given. Configurations
for accelerate are in training/launch: single_gpu, fsdp2, zero3, cpu. On several nodes, each starts the same command
with --num_machines, --machine_rank, --main_process_ip and --main_process_port. vLLM: `training.vllm_rollouts`.
"""

from __future__ import annotations

import shutil
import sys

from training.arguments import folder_of, plan_of, shown, zoo_parser
from training.build import check_anchor, planned, runnable
from training.config import chosen_preset
from training.domains import DOMAINS
from training.rlvr import check_references, train_run
from training.trainer import is_main


def main(arguments: list[str] | None = None) -> int:
    parser = zoo_parser("python -m training.run", "Train one run of a zoo by itself.")
    parser.add_argument("--run", required=True, help="its name, as expert-math or mixed")
    given = parser.parse_args(arguments)
    try:
        preset = chosen_preset(given)
        if text := shown(given, preset):
            print(text)
            return 0
        asked = plan_of(given)
        domains = runnable(asked["domains"] or list(DOMAINS))
        runs = {run.name: run for run in planned(preset, **asked | {"domains": domains})}
        if given.run not in runs:
            raise ValueError(f"no run {given.run!r} in this zoo; it has {', '.join(runs)}")
        run, folder = runs[given.run], folder_of(given, preset) / "runs" / given.run
        check_anchor(run)
        if given.restart and is_main():
            shutil.rmtree(folder, ignore_errors=True)
        check_references(list(run.mixture), factors=run.factors)
        cost = train_run(run, folder, resume=not given.restart)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if is_main():
        print(given.run, " ".join(f"{key}={value}" for key, value in cost.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
