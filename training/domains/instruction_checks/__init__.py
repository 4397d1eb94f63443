"""The checks behind verifiable instructions: 25 of IFEval (arXiv 2311.07911) and 29 more of IFEvalG (AllenAI's
open-instruct), one file a family here, and the 58 of IFBench's test set (arXiv 2507.02833), one file a family in
`ifbench`. `CHECKS` says, for each public id, which function judges it and what it takes.

    why_not("keywords:frequency", {"keyword": "sea", "frequency": 2, "relation": "at least"}, "The sea.")
    -> "1 times 'sea', not at least 2"

A check is a pure function `(text, **arguments) -> str`: empty when the instruction holds, else why it does not.
"""

from __future__ import annotations

from training.domains.instruction_checks import arguments, ifbench, ifeval
from training.domains.instruction_checks.check import Check
from training.domains.instruction_checks.text import visible
from training.domains.task import TaskError

CHECKS: dict[str, Check] = ifeval.CHECKS | ifbench.CHECKS
INSTRUCTION_IDS = tuple(CHECKS)
"""The public ids that can be checked: IFEval's 25, IFEvalG's 29 more and IFBench's 58."""
REPEATING = frozenset(name for name, check in CHECKS.items() if {"prompt_to_repeat", "phrase"} & check.readers.keys())
"""Those that ask for the prompt, or a part of it, once more."""


def why_not(identifier: str, kwargs: dict | None, text: str) -> str:
    """Why one instruction does not hold in a text, or "". An empty text follows none. Raises TaskError.

    `kwargs` are the public arguments; those that are None are dropped. Hidden characters are no part of the text.
    """
    if identifier not in INSTRUCTION_IDS:
        raise TaskError(f"unknown instruction {identifier!r}; choose one of {', '.join(INSTRUCTION_IDS)}")
    check = CHECKS[identifier]
    text = visible(text)
    reason = check.function(text, **arguments.read(identifier, check.readers, kwargs))
    return reason if text.strip() else "the answer is empty"
