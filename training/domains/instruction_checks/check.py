"""What judges one instruction, as the tables of IFEval and IFBench list it by public id."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Check(NamedTuple):
    """What judges one instruction."""

    function: Callable[..., str]
    """`(text, **arguments) -> str`, why the instruction does not hold."""
    readers: dict[str, Callable]
    """Its public arguments, each with the reader (of `arguments`) that checks it."""
