"""What is graded of each benchmark (`--list`), or of one file: `python -m training.data.benchmarks NAME FILE`."""

from __future__ import annotations

import argparse
import sys
from collections import Counter

from training.data.benchmarks import BENCHMARKS, survey


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.data.benchmarks",
                                     description="What the verifiers here can grade of the paper's benchmarks.")
    parser.add_argument("name", nargs="?", help=f"one of {', '.join(BENCHMARKS)}")
    parser.add_argument("file", nargs="?", help="the benchmark's file, as published")
    parser.add_argument("--list", action="store_true", help="say of each benchmark what is graded, and by what")
    given = parser.parse_args(arguments)
    if given.list or not given.file:
        for name, kind in BENCHMARKS.items():
            print(f"{name}\n    from: {kind.file}\n    graded by {kind.graded}")
        return 0 if given.list else 2
    try:
        benchmark = survey(given.name, given.file)
    except (ValueError, FileNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for domain, count in Counter(task.domain for task in benchmark.tasks).items():
        print(f"{count:>9}  graded, by the {domain} verifier")
    for one in benchmark.rejected:
        print(f"{one['count']:>9}  refused: {one['reason']} (first: row {one['row']}, {one['found']})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
