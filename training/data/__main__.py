"""Prepare training tasks: `python -m training.data SOURCE --out FOLDER`; `python -m training.data --help`."""

from __future__ import annotations

import argparse
import sys

from training.data.benchmarks import questions_named
from training.data.length import open_tokenizer
from training.data.prepared import prepare
from training.data.schemas import SCHEMAS


def main(arguments: list[str] | None = None) -> int:
    given = _parser().parse_args(arguments)
    try:
        if (given.tokenizer is None) != (given.max_prompt_tokens is None):
            raise ValueError("--tokenizer and --max-prompt-tokens go together; give both or neither")
        against = questions_named(given.against)
        tokenizer = open_tokenizer(given.tokenizer) if given.tokenizer else None
        report = prepare(given.source, given.out, given.schema, tokenizer, given.max_prompt_tokens, against,
                         given.workbench)
    except (ValueError, FileNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(summary(report))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.data", description="Turn a dataset into a folder of tasks that can be graded.")
    parser.add_argument("source", help="a .jsonl, .json, .parquet or .csv file, or of the hub owner/name[:split], "
                                       "owner/name:file")
    parser.add_argument("--out", required=True, help="the folder to make; it must not be there")
    parser.add_argument("--schema", choices=list(SCHEMAS), help="the form of the rows (default: by their columns)")
    parser.add_argument("--tokenizer", help="folder or hub id of the tokenizer that counts prompt tokens")
    parser.add_argument("--max-prompt-tokens", type=int, help="drop longer prompts, chat template included")
    parser.add_argument("--against", action="append", default=[], metavar="BENCHMARK=FILE",
                        help="drop prompts that hold a question of this benchmark; may be repeated "
                             "(python -m training.data.benchmarks --list)")
    parser.add_argument("--workbench", metavar="FOLDER",
                        help="the tables of the Nemotron blend's agent rows, which are refused without them: csv_data "
                             "of resources_servers/workplace_assistant in NVIDIA-NeMo/Gym; where the tasks are graded "
                             "it must be at the same path")
    return parser


def summary(report: dict) -> str:
    """A report in lines: what is kept, and for what reason the rest is not."""
    lines = [f"{report['source']} ({report['schema']}): {report['rows']} rows",
             *(f"{count:>9}  kept, {domain}" for domain, count in report["kept"].items())]
    if report["too_long"]:
        lines.append(f"{report['too_long']['count']:>9}  longer than {report['too_long']['limit']} tokens")
    if report["contaminated"]:
        found = report["contaminated"]
        lines.append(f"{found['count']:>9}  hold one of {found['questions']} evaluation questions")
    lines += [f"{one['count']:>9}  refused: {one['reason']} (first: row {one['row']}, {one['found']})"
              for one in report["rejected"]]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
