"""What a study leaves and says last: a folder with its tables, figure and findings, and how its claims came out."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from studies.figures import save
from studies.findings import VERDICTS, Finding, write
from studies.harness import FINDINGS, whole


def publish(out: Path, study: str, tables: dict[str, pd.DataFrame], findings: list[Finding], figure) -> None:
    """Write NAME.csv of every table, STUDY.png and STUDY.pdf, and findings.json to `out`, whole or not at all."""
    with whole(Path(out)) as folder:
        for name, table in tables.items():
            table.to_csv(folder / f"{name}.csv", index=False)
        save(figure, folder, study)
        write(findings, folder / FINDINGS)


def closing(out: Path) -> list[str]:
    """The last lines of a study's summary: how many claims came out how, and where the results are."""
    counts = pd.read_json(out / FINDINGS)["verdict"].value_counts()
    return ["findings: " + ", ".join(f"{counts.get(verdict, 0)} {verdict}" for verdict in VERDICTS),
            f"written to {out}"]
