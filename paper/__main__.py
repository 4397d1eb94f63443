"""Every table and figure of the reproduction and its report, from saved results alone, and the README's tables.

    python -m paper [--results FOLDER] [--out paper/out] [--readme README.md] [--report paper/report.pdf] [--html]

Without `--results`, tables and figures are of the only zoo under results/, or else of the committed results; the
README always holds the committed ones then. With `--html` also page.html: one page of all of it, with traces to read.
`--report` keeps the report elsewhere too: paper/report.pdf is that of the committed results. What cannot be made is
named, with the reason; the rest is made.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from paper.page import PAGE
from paper.readme import MarkError, block, fill
from paper.report import REPORT
from paper.saved import COMMITTED, NotSaved, Saved, opened
from paper.written import INDEX, Outcome, write
from studies.harness import StudyError
from training.durable import NotReady, ready, whole_file, write_text


def main(arguments: list[str] | None = None) -> int:
    """The command line; the status it ends with."""
    parser = argparse.ArgumentParser(prog="python -m paper", description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, help="folder of all studies' results")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "out")
    parser.add_argument("--readme", type=Path, default=Path("README.md"))
    parser.add_argument("--html", action="store_true", help="also write one page of all of it, to be read in a browser")
    parser.add_argument("--report", type=Path, metavar="FILE", help="also keep the report here")
    given = parser.parse_args(arguments)
    try:
        if given.report:
            ready(given.report)
        saved = opened(given.results)
        text, why = filled(given.readme, given.results or COMMITTED)
        outcome = write(saved, given.out, given.html)
    except (NotSaved, NotReady, MarkError, FileNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if not why:
        write_text(given.readme, text)
    if given.report:
        with whole_file(given.report) as aside:
            shutil.copy(given.out / REPORT, aside)
    print("\n".join([*report(saved, outcome, given.out), f"{given.readme}: {why or 'its tables are up to date'}"]))
    return 0


def filled(readme: Path, results: Path) -> tuple[str, str]:
    """(the README with its tables, why they cannot be made or ""). Raises MarkError where the marks are not there."""
    text = readme.read_text(encoding="utf-8")
    try:
        lines = block(results)
    except (NotSaved, StudyError) as error:
        fill(text, [])
        return text, f"left as it was, for {error}"
    return fill(text, lines), ""


def report(saved: Saved, outcome: Outcome, out: Path) -> list[str]:
    """What was made of which results, and what could not be."""
    lines = [f"results: {saved.folder}", *(f"  {note}" for note in saved.notes)]
    lines += [f"{out / INDEX}: {len(outcome.figures)} figures, {len(outcome.tables)} tables"]
    lines += [str(out / name) for name in (REPORT, PAGE) if (out / name).is_file()]
    return [*lines, *(f"not made: {line}" for line in outcome.lacking)]


if __name__ == "__main__":
    sys.exit(main())
