"""Values of Python as JSON, for a process whose word counts only for what they are: data, and never behavior.

    encode({"a": (1, 2.5)})                          # {"dict": [["a", {"tuple": [1, 2.5]}]]}
    decode(encode(Counter("aab"))) == {"a": 2, "b": 1}

None, truth values, numbers, texts and lists stand for themselves, all else is `{kind: what is in it}`. An object of a
class derived from a kind is of that kind: what it says of its equality, length or truth is lost, and so is the class.
An object of no kind here becomes one that equals nothing but itself.

`tell` writes a value among a program's output, `told_in` finds it there. This file also runs as text, in processes that
cannot import this package.
"""

import builtins
import itertools
import json

MARK = "\x1etold "
"""What a line begins with that tells a value."""

SMALL = 1 << 62
"""Whole numbers below it, and above minus it, stand for themselves: JSON reads no number of more than 4,300 digits."""
LONGEST = 100_000
"""Items read of an iterator, which may have no end."""


def tell(value) -> None:
    """Write a value on standard output, on a line of its own. Raises RecursionError for one that holds itself."""
    with open(1, "wb", closefd=False) as output:
        output.write(f"\n{MARK}{json.dumps(encode(value))}\n".encode())


def told_in(output: str) -> list[str]:
    """The values told in an output, each as JSON, in order."""
    return [line[len(MARK):] for line in output.split("\n") if line.startswith(MARK)]


def encode(value):
    """A value as `json.dumps` takes it. Raises RecursionError for one that holds itself."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        whole = int.__pos__(value)
        return whole if -SMALL < whole < SMALL else {"int": hex(whole)}
    if isinstance(value, float):
        return float.__pos__(value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, list):
        return [encode(item) for item in list.__iter__(value)]
    return _tagged(value)


def _tagged(value) -> dict:
    for kind in (tuple, set, frozenset):
        if isinstance(value, kind):
            return {kind.__name__: [encode(item) for item in kind.__iter__(value)]}
    if isinstance(value, dict):
        return {"dict": [[encode(key), encode(item)] for key, item in dict.items(value)]}
    if isinstance(value, type) and vars(builtins).get(value.__name__) is value:
        return {"type": value.__name__}
    form = _FORMS.get(f"{type(value).__module__}.{type(value).__qualname__}")
    if form:
        return {form[0]: encode(form[1](value))}
    if type(value).__module__.partition(".")[0] == "numpy" and "tolist" in dir(value):
        return encode(value.tolist()) if value.shape == () else {"array": encode(value.tolist())}
    if "__next__" in dir(type(value)):
        return {"iterator": [encode(item) for item in itertools.islice(value, LONGEST)]}
    return {"other": None}


_FORMS = {  # class: (kind, what is in it)
    "builtins.complex": ("complex", lambda value: [value.real, value.imag]),
    "builtins.bytes": ("bytes", lambda value: value.hex()),
    "builtins.bytearray": ("bytearray", lambda value: value.hex()),
    "builtins.range": ("range", lambda value: [value.start, value.stop, value.step]),
    "builtins.dict_keys": ("keys", list),
    "builtins.dict_items": ("items", list),
    "builtins.dict_values": ("iterator", list),
    "collections.deque": ("deque", list),
    "decimal.Decimal": ("decimal", str),
    "fractions.Fraction": ("fraction", lambda value: [value.numerator, value.denominator]),
    "datetime.date": ("date", lambda value: value.isoformat()),
    "datetime.datetime": ("datetime", lambda value: value.isoformat()),
    "datetime.time": ("time", lambda value: value.isoformat()),
    "datetime.timedelta": ("timedelta", lambda value: [value.days, value.seconds, value.microseconds]),
}


def decode(item):
    """The value that an item of JSON stands for. Raises KeyError, TypeError or ValueError for what `encode` never says.

    Views of a dict become dicts' own views again, an iterator a new one over the same items.
    """
    if isinstance(item, list):
        return [decode(each) for each in item]
    if not isinstance(item, dict):
        return item
    (kind, inner), = item.items()
    return _MADE[kind](decode(inner))


_MADE = {  # kind: what makes the value
    "int": lambda text: int(text, 16), "tuple": tuple, "set": set, "frozenset": frozenset, "dict": dict,
    "type": lambda name: vars(builtins)[name], "complex": lambda parts: complex(*parts), "bytes": bytes.fromhex,
    "bytearray": bytearray.fromhex, "range": lambda parts: range(*parts), "iterator": iter,
    "keys": lambda items: dict.fromkeys(items).keys(), "items": lambda items: dict(items).items(),
    "deque": lambda items: _from("collections").deque(items), "decimal": lambda text: _from("decimal").Decimal(text),
    "fraction": lambda parts: _from("fractions").Fraction(*parts),
    "date": lambda text: _from("datetime").date.fromisoformat(text),
    "datetime": lambda text: _from("datetime").datetime.fromisoformat(text),
    "time": lambda text: _from("datetime").time.fromisoformat(text),
    "timedelta": lambda parts: _from("datetime").timedelta(*parts),
    "array": lambda items: _from("numpy").array(items), "other": lambda _: object(),
}


def _from(module: str):
    """A module that most values do not need."""
    return __import__(module)
