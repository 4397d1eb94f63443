"""Saved results, as tables and findings by study, with a note for whatever is missing, damaged or of another version.

    saved = opened(None)                       # results/ZOO where there is one, else the committed results
    saved.table("synergy", "accuracy", words=("model", "domain"), numbers=("accuracy",))

Nothing here runs a model. What an item needs and a folder lacks is a `NotSaved`, whose text is the note.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from studies.all import STUDIES
from studies.findings import VERDICTS
from studies.harness import FINDINGS
from studies.provenance import MADE, code_digest

DOSE = "dose_response"
"""Not of one zoo: its results lie in the folder of a zoo's results, or beside it."""
COMMITTED, OWN = Path(__file__).parent / "results" / "organism", Path("results")
WORDS = ("id", "claim", "source", "verdict", "note")
KEYS = {"published", "measured", "ci_low", "ci_high", "n", "seeds", "p_adjusted", "by_construction"}
"""What a finding must say in words, and else, for it to be read."""


class NotSaved(ValueError):
    """Results that an item needs are not in the folder, or not as this version writes them."""


@dataclass(frozen=True)
class Saved:
    """A folder of results."""

    folder: Path
    findings: dict[tuple[str, str], dict]
    """(study, id) -> finding."""
    made: dict[str, dict]
    """Study -> its made.json."""
    notes: tuple[str, ...]
    """What to know before reading: what is missing, how many seeds, which versions."""

    def table(self, study: str, name: str, words: tuple[str, ...] = (), numbers: tuple[str, ...] = ()) -> pd.DataFrame:
        """A study's NAME.csv, as `table_of` reads it."""
        return table_of(self.folder, study, name, words, numbers)

    def verdict(self, study: str, name: str) -> str:
        """A finding's verdict and id, as tables print it: `reproduced (twin-closest)`; empty where there is none."""
        one = self.findings.get((study, name))
        return f"{one['verdict'].replace('_', ' ')} ({name})" if one else ""


def table_of(folder: Path, study: str, name: str, words: tuple[str, ...], numbers: tuple[str, ...]) -> pd.DataFrame:
    """NAME.csv of a study, with columns of words and of numbers. Raises NotSaved where it is not as asked."""
    file, where = place(folder, study) / f"{name}.csv", f"{study}/{name}.csv"
    if not file.is_file():
        raise NotSaved(f"{where} is not there")
    try:
        table = pd.read_csv(file)
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
        raise NotSaved(f"{where} cannot be read: {str(error).strip().splitlines()[0]}") from None
    if lacking := [column for column in (*words, *numbers) if column not in table]:
        raise NotSaved(f"{where} has no column {', '.join(lacking)}: another version wrote it")
    if table.empty:
        raise NotSaved(f"{where} has no rows")
    if wrong := [column for column in numbers if not pd.api.types.is_numeric_dtype(table[column])]:
        raise NotSaved(f"{where} has words where numbers belong, in {', '.join(wrong)}")
    return table.astype(dict.fromkeys(words, str))


def opened(chosen: Path | None) -> Saved:
    """The results of a folder, or those that are there. Raises NotSaved where there are none, or several to choose."""
    folder = chosen or found()
    names = [name for name in (*STUDIES, DOSE) if (place(folder, name) / FINDINGS).is_file()]
    if not names:
        raise NotSaved(f"{folder} holds no study's results, such as {STUDIES[0]}/{FINDINGS} and {STUDIES[0]}/gains.csv")
    findings, made, notes = {}, {}, []
    for study in names:
        for kind, read in ((FINDINGS, _findings), (MADE, _made)):
            try:
                content = read(place(folder, study) / kind)
            except NotSaved as error:
                notes.append(f"{study}/{kind} {error}")
                continue
            if kind == MADE:
                made[study] = content
            else:
                findings |= {(study, one["id"]): one for one in content}
    return Saved(folder, findings, made, (*_missing(names), *notes, *_versions(made)))


def found() -> Path:
    """The only zoo under results/, or the committed results."""
    zoos = sorted({file.parents[1] for file in OWN.glob(f"*/*/{FINDINGS}")})
    if len(zoos) > 1:
        raise NotSaved(f"{OWN}/ holds results of several zoos: {', '.join(zoo.name for zoo in zoos)}; choose one, "
                       f"as in --results {zoos[0]}")
    return zoos[0] if zoos else COMMITTED


def place(folder: Path, study: str) -> Path:
    """Where a study's results lie."""
    beside = folder.parent / study
    return beside if study == DOSE and not (folder / study).is_dir() and beside.is_dir() else folder / study


def _findings(file: Path) -> list[dict]:
    """The findings of a study. Raises NotSaved where they are not as this version writes them."""
    content = _json(file)
    if not isinstance(content, list) or not all(_is_finding(one) for one in content):
        raise NotSaved("is not as this version writes it: its verdicts are left out")
    return content


def _is_finding(one: object) -> bool:
    return (isinstance(one, dict) and all(isinstance(one.get(key), str) for key in WORDS)
            and KEYS <= set(one) and one["verdict"] in VERDICTS)


def _made(file: Path) -> dict:
    """How a study's results were made. Raises NotSaved where that is not said."""
    content = _json(file)
    known = {"command": str, "date": str, "zoos": list, "quick": bool, "code": str, "versions": dict}
    if not isinstance(content, dict) or not all(isinstance(content.get(key), kind) for key, kind in known.items()):
        raise NotSaved("is not as this version writes it: how the results were made is not known")
    return content


def _json(file: Path) -> object:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, UnicodeDecodeError, json.JSONDecodeError):
        raise NotSaved("is not there, or not JSON") from None


def _missing(names: list[str]) -> list[str]:
    lacking = [study for study in (*STUDIES, DOSE) if study not in names]
    return [f"not complete: no results of {', '.join(lacking)}"] if lacking else []


def _versions(made: dict[str, dict]) -> list[str]:
    """Quick results, single seeds, results of different code or libraries."""
    notes = []
    if quick := [study for study, how in made.items() if how["quick"]]:
        notes.append(f"made with --quick, so by fewer tasks and samples: {', '.join(quick)}")
    if single := [study for study, how in made.items() if len(how["zoos"]) == 1]:
        notes.append(f"one training seed, so that intervals do not know how trainings differ: {', '.join(single)}")
    if older := [study for study, how in made.items() if how["code"] != code_digest()]:
        notes.append(f"made by other code than this: {', '.join(older)}")
    if len({json.dumps(how["zoos"], sort_keys=True) for how in made.values()}) > 1:
        notes.append("not all of the same zoos: compare within a study alone")
    versions: dict[tuple, list[str]] = {}
    for study, how in made.items():
        versions.setdefault(tuple(f"{name} {number}" for name, number in how["versions"].items()), []).append(study)
    said = [f"{', '.join(line)}" + (f" ({', '.join(studies)})" if len(versions) > 1 else "")
            for line, studies in versions.items()]
    return [*notes, *([f"libraries: {'; '.join(said)}"] if said else [])]
