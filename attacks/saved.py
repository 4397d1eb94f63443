"""Where the attacks leave what came of them: a CSV a script, in attacks/results/."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from training.durable import whole_file

RESULTS = Path(__file__).parent / "results"


def save(table: pd.DataFrame, name: str) -> None:
    """Write attacks/results/NAME.csv, whole or not at all."""
    with whole_file(RESULTS / f"{name}.csv") as aside:
        table.to_csv(aside, index=False)
