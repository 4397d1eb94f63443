"""Java and JavaScript literals as JSON values, and back: how the calls of BFCL's java and javascript rows are written.

A schema of such a row has the language's own types, and each argument is a text that holds a literal of its type:

    read("5L", {"type": "long"}, "java")                                                                 # 5
    read("new int[]{2, 7}", {"type": "Array", "items": {"type": "integer"}}, "java")                     # [2, 7]
    read("{limit: 50, tags: ['a', draft]}", {"type": "dict"}, "javascript")     # {"limit": 50, "tags": ["a", "draft"]}
    read("5", {"type": "long"}, "java")                     # "5": whatever is no such literal is a name and stays text

An argument of type `any` is an expression and stays text, too. Within a collection a value is read by the type that the
schema gives it, and where it gives none by its form. The forms are those that BFCL reads (ShishirPatil/gorilla,
java_type_converter.py and js_type_converter.py): a long ends in L, a Java float in f, a Bigint in n; a Java list is
`new T[]{...}`, `new ArrayList<>(Arrays.asList(...))` or `new ArrayList<>() {{ add(...); }}`, a map `new HashMap<>() {{
put(..., ...); }}`; a JavaScript list is `[...]` or `new Array(...)`.

Departures from BFCL:
1. Nothing may stand around a literal, and quotes and brackets are balanced; BFCL takes the first match it finds.
2. Texts lose their quotes wherever they stand, and backslashes before quotes and backslashes; BFCL keeps the quotes of
   a Java String, and of the Strings in a Java array, so that no Java program can be right there.
3. Collections nest; BFCL reads a second level of JavaScript lists, and no other.
4. JavaScript numbers may have an exponent, as Java's have there.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

LANGUAGES = ("java", "javascript")
_QUOTED = re.compile(r"""(["'])((?:\\.|(?!\1)[^\\])*)\1""", re.DOTALL)
_TOKENS = re.compile(
    r""""(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|<[\w\s,.?]*>|[][(){},;:]|[^][(){},;:"'<]+|.""", re.DOTALL)
_WHOLE = r"-?[0-9]{1,300}"
_DECIMAL = rf"{_WHOLE}(?:\.[0-9]{{1,300}})?(?:[eE][+-]?[0-9]{{1,3}})?"
_ARRAY = re.compile(r"new\s+[\w.]+\s*\[\s*\]\s*\{(.*)\}", re.DOTALL)
_ARRAY_LIST = re.compile(
    r"new\s+ArrayList\s*<[^()]*>\s*\(\s*(?:Arrays\.asList\s*\((.*?)\)\s*)?\)\s*(?:\{\s*\{(.*)\}\s*\})?", re.DOTALL)
_HASH_MAP = re.compile(r"new\s+HashMap\s*<[^()]*>\s*\(\s*\)\s*(?:\{\s*\{(.*)\}\s*\})?", re.DOTALL)
_LIST = re.compile(r"\[(.*)\]|new\s+Array\s*\((.*)\)", re.DOTALL)
_OBJECT = re.compile(r"\{(.*)\}", re.DOTALL)
_SUFFIX = {("java", "long"): "L", ("java", "float"): "f", ("javascript", "Bigint"): "n"}


def read(text: str, schema: dict, language: str):
    """The value of an argument's text by the schema of the argument; the text itself where it is no such literal."""
    if schema.get("type") == "any":
        return text
    try:
        return _value(text, schema, language)
    except RecursionError:
        return text


def write(value, schema: dict, language: str) -> str:
    """A text that `read` gives the value for; a text in place of another type is a name."""
    if not isinstance(value, str):
        return _literal(value, schema, language)
    return _quote(value) if schema.get("type") != "any" and _QUOTED.fullmatch(value.strip()) else value


def _value(text: str, schema: dict, language: str):
    text, readers, kind = text.strip(), _READERS[language], schema.get("type")
    for reader in [readers[kind]] if kind in readers else readers.values():
        value = reader(text, schema)
        if value is not None:
            return value
    return text


def _truth(text: str, _schema: dict) -> bool | None:
    return {"true": True, "false": False}.get(text)


def _unquoted(text: str, _schema: dict) -> str | None:
    quoted = _QUOTED.fullmatch(text)
    return re.sub(r"""\\(["'\\])""", r"\1", quoted[2]) if quoted else None


def _number(text: str, _schema: dict, form: str) -> int | float | None:
    if not re.fullmatch(form, text):
        return None
    digits = text.rstrip("lLfFn")
    return int(digits) if re.fullmatch(_WHOLE, digits) else float(digits)


def _split(text: str, mark: str) -> list[str] | None:
    """The parts between the marks that stand in no quotes and brackets, a last empty one left out; None: unbalanced."""
    parts, depth = [""], 0
    for token in _TOKENS.findall(text):
        depth += (token in "([{") - (token in ")]}")
        if depth < 0:
            return None
        if token == mark and not depth:
            parts.append("")
        else:
            parts[-1] += token
    return None if depth else parts if parts[-1].strip() else parts[:-1]


def _items(text: str, schema: dict, language: str) -> list | None:
    parts = _split(text, ",")
    return None if parts is None else [_value(part, schema.get("items", {}), language) for part in parts]


def _statements(block: str, method: str) -> list[str] | None:
    """What the calls of a method hold between their brackets, in a block that has no others."""
    found = [re.fullmatch(rf"\s*{method}\s*\((.*)\)\s*", part, re.DOTALL) for part in _split(block, ";") or [""]]
    return [] if not block.strip() else [one[1] for one in found] if all(found) else None


def _java_array(text: str, schema: dict) -> list | None:
    found = _ARRAY.fullmatch(text)
    return _items(found[1], schema, "java") if found else None


def _array_list(text: str, schema: dict) -> list | None:
    found = _ARRAY_LIST.fullmatch(text)
    added = _statements(found[2] or "", "add") if found else None
    return None if added is None else _items(", ".join([*filter(None, [found[1]]), *added]), schema, "java")


def _hash_map(text: str, schema: dict) -> dict | None:
    found = _HASH_MAP.fullmatch(text)
    puts = _statements(found[1] or "", "put") if found else None
    return None if puts is None else _entries([_split(put, ",") for put in puts], schema, "java")


def _script_list(text: str, schema: dict) -> list | None:
    found = _LIST.fullmatch(text)
    return _items(found[1] or found[2] or "", schema, "javascript") if found else None


def _object(text: str, schema: dict) -> dict | None:
    found = _OBJECT.fullmatch(text)
    parts = _split(found[1], ",") if found else None
    return None if parts is None else _entries([_cut(part) for part in parts], schema, "javascript")


def _cut(part: str) -> list[str] | None:
    """A key and its value: the colons of the value belong to it."""
    key, *rest = _split(part, ":") or [""]
    return [key, ":".join(rest)] if rest else None


def _entries(pairs: list[list[str] | None], schema: dict, language: str) -> dict | None:
    """Keys and values as written to an object; None where one is no pair."""
    if not all(pair and len(pair) == 2 for pair in pairs):
        return None
    named = [(_unquoted(key.strip(), {}) or key.strip(), value) for key, value in pairs]
    return {key: _value(value, schema.get("properties", {}).get(key, {}), language) for key, value in named}


def _quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _literal(value, schema: dict, language: str) -> str:
    """A value as it stands in a collection, or at the top where it is no text."""
    kind = schema.get("type")
    if isinstance(value, str):
        return value if kind in _READERS[language] and kind not in _TEXTS else _quote(value)
    if isinstance(value, list):
        items = ", ".join(_literal(item, schema.get("items", {}), language) for item in value)
        if language == "javascript":
            return f"[{items}]"
        listed = f"Arrays.asList({items})" if value else ""
        return f"new ArrayList<>({listed})" if kind == "ArrayList" else f"new Object[]{{{items}}}"
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        pairs = [(_quote(key), _literal(item, properties.get(key, {}), language)) for key, item in value.items()]
        if language == "javascript":
            return "{" + ", ".join(f"{key}: {item}" for key, item in pairs) + "}"
        return "new HashMap<>() {{ " + " ".join(f"put({key}, {item});" for key, item in pairs) + " }}"
    plain = {True: "true", False: "false", None: "null"}
    return plain[value] if value is None or isinstance(value, bool) else f"{value}{_SUFFIX.get((language, kind), '')}"


_TEXTS = ("String", "char")
_Reader = Callable[[str, dict], object]
_READERS: dict[str, dict[str, _Reader]] = {
    "java": {
        "boolean": _truth, "String": _unquoted, "char": _unquoted,
        **{kind: partial(_number, form=_WHOLE) for kind in ("byte", "short", "integer")},
        "long": partial(_number, form=rf"{_WHOLE}[lL]"), "float": partial(_number, form=rf"{_DECIMAL}[fF]"),
        "double": partial(_number, form=_DECIMAL),
        "Array": _java_array, "ArrayList": _array_list, "HashMap": _hash_map},
    "javascript": {
        "Boolean": _truth, "String": _unquoted, "integer": partial(_number, form=_WHOLE),
        "float": partial(_number, form=_DECIMAL), "Bigint": partial(_number, form=rf"{_WHOLE}n"),
        "array": _script_list, "dict": _object},
}
"""What reads a literal of a type; where the schema has no type that stands here, each is tried in this order."""
