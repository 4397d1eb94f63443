"""IFEval's form: a prompt and the instructions it must follow, by public id, with their arguments.

    {"key": 1000, "prompt": ..., "instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]}

Read in: data/IFBench_test.jsonl of the allenai/IFBench repository and NVIDIA-NeMo/Gym (benchmarks/ifeval/prepare.py),
which take IFEval's input_data.jsonl as it is. Arguments that are null, which tables fill in, are left out. An id that
`training.domains.instruction_checks` does not know is refused by name.
"""

from __future__ import annotations

from training.data.rejects import Rejected, take
from training.domains import Task
from training.domains.instruction_checks import INSTRUCTION_IDS


def task(row: dict, name: str) -> Task:
    """The task of a row, with the id `name`. Raises Rejected."""
    return Task("instructions", name, take(row, "prompt", str), None, instructions(row))


def instructions(held: dict) -> dict:
    """`instruction_id_list` and `kwargs` of an object that has them, for a task's metadata. Raises Rejected."""
    ids, kwargs = take(held, "instruction_id_list", list), take(held, "kwargs", list)
    unknown = [identifier for identifier in ids if identifier not in INSTRUCTION_IDS]
    if unknown:
        raise Rejected(f"unknown instruction {str(unknown[0])[:80]!r}", ids)
    if len(ids) != len(kwargs):
        raise Rejected("it has more or fewer kwargs than instructions", f"{len(ids)} ids, {len(kwargs)} kwargs")
    return {"instruction_id_list": ids, "kwargs": [_given(arguments) for arguments in kwargs]}


def _given(arguments: dict | None) -> dict:
    """The arguments that are there."""
    if arguments is not None and not isinstance(arguments, dict):
        raise Rejected("its kwargs are not objects", arguments)
    return {name: value for name, value in (arguments or {}).items() if value is not None}
