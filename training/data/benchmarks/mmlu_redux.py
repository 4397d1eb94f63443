"""MMLU-Redux (Gema et al. 2024, arXiv 2406.04127): MMLU questions whose errors people marked.

Published as edinburgh-dawg/mmlu-redux-2.0, a file a subject, with `question`, `choices`, `answer` (an index),
`error_type` and `correct_answer` (read in NVIDIA-NeMo/Gym, benchmarks/mmlu-redux/prepare.py). Give one file, or a
folder of them: the subject is a file's name. Graded are the questions marked `ok`, by `answer`, and those marked
`wrong_groundtruth` whose correct answer is a letter, by that; a question with no single right option is refused, by its
mark. An average over all 5,700 rows by `answer`, errors included, is another number.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from training.data.choices import choice_task, chosen, options
from training.data.rejects import Rejected, take
from training.data.rows import SUFFIXES, read_rows
from training.domains import Task


def rows(source: str | Path) -> Iterator[tuple[int, dict]]:
    """The rows of a file, or of each file of a folder by name, with `subject` and `id` (`subject-number`) added."""
    folder = Path(source)
    files = sorted(file for file in folder.iterdir() if file.suffix in SUFFIXES) if folder.is_dir() else [source]
    if not files:
        raise ValueError(f"{source} is a folder without a file of rows; it needs one a subject, as anatomy.parquet")
    number = 0
    for file in files:
        subject = Path(file).name.partition(".")[0]
        for place, row in read_rows(file):
            yield number, {**row, "subject": row.get("subject") or subject, "id": f"{subject}-{place}"}
            number += 1


def task(row: dict, name: str) -> Task:
    """The task of a question, with the id `name`. Raises Rejected."""
    choices, labels = options(take(row, "choices", list))
    mark = take(row, "error_type", str)
    if mark == "ok":
        letter = chosen(take(row, "answer", int, str), labels)
    elif mark == "wrong_groundtruth":
        corrected = take(row, "correct_answer", str).strip()
        if corrected not in labels:
            raise Rejected("marked wrong_groundtruth, and its correct answer is no letter of an option", corrected)
        letter = corrected
    else:
        raise Rejected(f"marked {mark[:40]}: it has no single right option")
    return choice_task(name, take(row, "question", str), choices, letter, {"subject": row["subject"]})
