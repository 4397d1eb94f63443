"""The text in a pickle that holds nothing but one text, read without unpickling: nothing in it is ever executed.

A pickle is a program, and one that was tampered with runs what it likes when it is loaded. `pickletools.genops` only
parses it. Read is what `pickle.dumps` writes for a str: the protocol, perhaps a frame, one text, perhaps a note to
remember it, the end. Any other instruction is refused by name.
"""

from __future__ import annotations

import pickletools

TEXTS = ("SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "UNICODE")
AROUND = ("PROTO", "FRAME", "MEMOIZE", "BINPUT", "LONG_BINPUT", "PUT", "STOP")
"""Instructions that may stand around the text; they build nothing."""


def text_in_pickle(data: bytes) -> str:
    """The text. Raises ValueError for any other pickle, and for bytes that are none."""
    texts = []
    for instruction, argument, _ in pickletools.genops(data):
        if instruction.name in TEXTS:
            texts.append(argument)
        elif instruction.name not in AROUND:
            raise ValueError(f"the pickle holds the instruction {instruction.name}, and not just one text")
    if len(texts) != 1:
        raise ValueError(f"the pickle holds {len(texts)} texts, and not one")
    return texts[0]
