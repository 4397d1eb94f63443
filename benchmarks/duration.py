"""How long every study takes of an organism zoo, cold and warm: writes `studies/costs.csv`, for estimates.

    python benchmarks/duration.py --zoo runs/organism/seed5 [--quick]

The zoo is one that was built, distilled and never studied: all studies run on it in the order of `studies/all.py`,
twice: cold, when each finds what the ones before it left, and warm, when all is there. Beside the seconds stands the
pace (`studies.duration.pace`), measured before, between and after.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import pandas as pd

from studies.all import STUDIES, run_study
from studies.duration import COSTS, pace
from training.workers import CORES
from training.zoo import Zoo


def timed(zoo: Path, out: Path, quick: bool) -> dict[str, float]:
    """Study -> seconds of its command. Raises RuntimeError for one that fails."""
    found = {}
    for study in STUDIES:
        started = time.perf_counter()
        error = run_study(study, ["--zoo", str(zoo), "--out", str(out / study), *(["--quick"] if quick else [])])
        if error:
            raise RuntimeError(f"{study}: {error}")
        found[study] = round(time.perf_counter() - started, 1)
        print(study, found[study], flush=True)
    return found


def measure(zoo: Path, quick: bool) -> pd.DataFrame:
    """Rows of costs.csv of one mode: study, quick, cold, warm (seconds), pace (seconds, mean), cores."""
    paces, rounds = [pace()], []
    with tempfile.TemporaryDirectory() as folder:
        for _ in ("cold", "warm"):
            rounds.append(timed(zoo, Path(folder), quick))
            paces.append(pace())
    print("pace, s:", *(round(one, 3) for one in paces))
    return pd.DataFrame([{"study": study, "quick": quick, "cold": rounds[0][study], "warm": rounds[1][study],
                          "pace": round(sum(paces) / len(paces), 3), "cores": CORES} for study in STUDIES])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--zoo", type=Path, required=True)
    parser.add_argument("--quick", action="store_true", help="time the quick studies")
    given = parser.parse_args()
    if (Zoo.load(given.zoo).folder / "traces").exists():
        raise SystemExit(f"error: {given.zoo} was studied; time the studies of a zoo that was not")
    kept = pd.read_csv(COSTS) if COSTS.exists() else pd.DataFrame(columns=["quick"])
    table = pd.concat([kept[kept["quick"] != given.quick], measure(given.zoo, given.quick)])
    table.to_csv(COSTS, index=False)
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
