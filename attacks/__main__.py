"""The table of SECURITY.md: for each kind of attack, how many were tried and how many got through.

    python -m attacks.programs; python -m attacks.kills; ...   # each writes its CSV into attacks/results/
    python -m attacks                                          # puts the table between the marks of SECURITY.md
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from attacks.saved import RESULTS
from paper.readme import fill
from training.durable import write_text

SECURITY = Path(__file__).parents[1] / "SECURITY.md"
ROWS = {  # the script, and what it tries
    "kills": "SIGKILL at a random moment, then the same again",
    "programs": "hostile programs, each behind every protection of the machine",
    "completions": "completions without a right answer",
    "files": "checkpoints, templates, zoos and traces that lie, or bring code",
    "load": "100,000 traces through store, tagger and tables of studies, within 4 GB",
    "concurrent": "sandbox runs at once, a kind 200",
    "restarts": "SIGKILL to the server of a sampling of 10,000 completions",
    "dependencies": "not declared, not used, not locked, or for development alone",
}


def table(results: Path) -> list[str]:
    """The table's lines. A script whose results are not there is said to be not run."""
    lines = ["| attack | kinds | tried | got through | script |", "| --- | ---: | ---: | ---: | --- |"]
    for name, what in ROWS.items():
        file = results / f"{name}.csv"
        if file.is_file():
            found = pd.read_csv(file)
            found = found[found["row"] != "honest completions"]
            numbers = (found["attack"].nunique(), found["tried"].sum(), found["through"].sum())
        else:
            numbers = ("not run",) * 3
        cells = " | ".join(f"{number:,}" if not isinstance(number, str) else number for number in numbers)
        lines.append(f"| {what} | {cells} | `python -m attacks.{name}` |")
    return lines


if __name__ == "__main__":
    write_text(SECURITY, fill(SECURITY.read_text(encoding="utf-8"), table(RESULTS)))
    print("\n".join(table(RESULTS)))
