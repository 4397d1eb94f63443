"""Where the attacks leave what came of them: a CSV a script, in attacks/results/."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pandas as pd

from training.durable import whole_file

RESULTS = Path(__file__).parent / "results"


def save(table: pd.DataFrame, name: str) -> None:
    """Write attacks/results/NAME.csv, whole or not at all; the interpreter's folder is called PREFIX in it."""
    table = table.replace(re.escape(sys.prefix), "PREFIX", regex=True)
    with whole_file(RESULTS / f"{name}.csv") as aside:
        table.to_csv(aside, index=False)
