"""Build a zoo: `python -m training --preset organism --out runs/organism/seed0 --seed 0`.

Every setting can be changed (`training.config`), looked at (--print-config), and priced without a GPU or a network
(--dry-run). Runs that take several GPUs are launched one at a time (`training.run`); --collect makes a zoo of them.
"""

from __future__ import annotations

import sys

from training.arguments import folder_of, plan_of, shown, zoo_parser
from training.build import build_zoo
from training.config import chosen_preset
from training.trainer import processes


def main(arguments: list[str] | None = None) -> int:
    parser = zoo_parser("python -m training", "Train a zoo: experts and a mixed model.")
    parser.add_argument("--collect", action="store_true", help="train nothing: make the zoo of runs that are over")
    given = parser.parse_args(arguments)
    try:
        preset = chosen_preset(given)
        if text := shown(given, preset):
            print(text)
            return 0
        if processes() > 1:
            raise ValueError("a zoo's runs are trained side by side by one process; launch each run by itself: "
                             "accelerate launch -m training.run --run NAME")
        zoo = build_zoo(preset, folder_of(given, preset), resume=not given.restart, collect_only=given.collect,
                        **plan_of(given))
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for name, cost in zoo.runs.items():
        print(name, " ".join(f"{key}={value}" for key, value in cost.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
