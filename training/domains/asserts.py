"""Asserts parted in two: what the program under test evaluates, and what is then said of its values elsewhere.

    part, = parted(("assert abs(f(2) - 1.41) < .01",))
    part.told        # "__tell__(f(2))": runs after the program, in its process
    part.judged      # "assert abs(__told__[0] - 1.41) < 0.01": runs in ours, on values that are plain data

So an object that claims to equal everything, a changed `abs`, and a program that looks for what is expected of it come
to nothing: no expected value is in the program's process, and no comparison is made there.

What is the program's: every name that is neither built in nor bound by the tests themselves, and what is called,
indexed, or taken from it, whatever the arguments. A function that is not the program's is evaluated there too where
all its arguments are the program's (`list(f(2))`), and so is a comparison of two of its own values. Of a name that the
tests bind to a list or the like and hand to the program, its value afterwards counts, as it may change in place.

A test with statements other than assignments, imports, calls and asserts (loops, `try`, ...), or with an assert whose
values need not all be there (`or`, `if`, a comprehension over a comparison), is left as it is: `judged` is None.
HumanEval's `check(candidate)` is read as the statements in it.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import lru_cache

from training.domains.names import loaded, of_program, ours, stored

TELL, TOLD = "__tell__", "__told__"
_OPEN = (ast.Compare, ast.BoolOp, ast.UnaryOp, ast.BinOp, ast.Tuple, ast.List, ast.Set, ast.Dict, ast.Call, ast.keyword,
         ast.Attribute, ast.Subscript, ast.Slice, ast.Starred, ast.JoinedStr, ast.FormattedValue)
_LOOK = ("getattr", "hasattr", "isinstance", "issubclass", "next", "map", "filter", "reduce")
"""Functions that do with the program's own, their first argument, what only its process can, whatever else is given."""
_FROZEN = (ast.Constant, ast.Tuple, ast.UnaryOp, ast.BinOp, ast.operator, ast.unaryop, ast.expr_context)


@dataclass(frozen=True)
class Part:
    """One test, parted."""

    told: str
    """What runs after the program; it hands each value to `__tell__`. The test itself where `judged` is None."""
    judged: str | None
    """What runs elsewhere, with the values of all parts in order as `__told__`; None where it cannot be parted."""
    equal: tuple[tuple[int, object], ...] | None
    """(place in `__told__`, literal) of each assert where all are of the form `value == literal`; else None."""


@lru_cache(maxsize=2**10)
def parted(tests: tuple[str, ...]) -> tuple[Part, ...]:
    """The tests of a task, which run one after another in one namespace. Raises SyntaxError for what is not Python."""
    trees = [_unrolled(ast.parse(test)) for test in tests]
    kept: set[str] = set()
    while True:  # until no name that the program may change counts as ours
        reading = _Reading(ours(trees), kept)
        parts = [reading.read(tree) for tree in trees]
        changed = reading.changeable & reading.mentioned()
        if changed <= kept:
            break
        kept |= changed
    return tuple(map(_part, tests, parts, reading.told(parts)))


def _part(test: str, statements: list[tuple[str, ast.stmt]] | None, told: list[ast.stmt]) -> Part:
    if statements is None:
        return Part(test, None, None)
    judged = [statement for whose, statement in statements if whose != "theirs"]
    return Part(_text(told), _text(judged), _equalities(judged))


def _text(statements: list[ast.stmt]) -> str:
    return ast.unparse(ast.fix_missing_locations(ast.Module(statements, [])))


def _equalities(judged: list[ast.stmt]) -> tuple[tuple[int, object], ...] | None:
    """What `Part.equal` holds."""
    found = []
    for statement in judged:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            continue
        match statement:
            case ast.Assert(test=ast.Compare(
                    left=ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=place)),
                    ops=[ast.Eq()], comparators=[expected])) if name == TOLD:
                try:
                    found.append((place, ast.literal_eval(expected)))
                except (ValueError, TypeError):
                    return None
            case _:
                return None
    return tuple(found)


def _unrolled(tree: ast.Module) -> list[ast.stmt]:
    """The statements of a test; those of `def check(candidate)` in place of its only call."""
    match [statement for statement in tree.body if isinstance(statement, ast.FunctionDef | ast.Expr)]:
        case [ast.FunctionDef(name=name, args=ast.arguments(args=[one], defaults=[]), decorator_list=[], body=body),
              ast.Expr(value=ast.Call(func=ast.Name(id=called), args=[ast.Name() as given], keywords=[]))] \
                if name == called and one.arg != given.id:
            first = [statement for statement in tree.body if not isinstance(statement, ast.FunctionDef | ast.Expr)]
            return [*first, *(_Renamed(one.arg, given.id).visit(statement) for statement in body)]
    return tree.body


class _Renamed(ast.NodeTransformer):
    """A name in place of another."""

    def __init__(self, name: str, given: str):
        self.name, self.given = name, given

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name(self.given, node.ctx) if node.id == self.name else node


class _CannotPart(Exception):
    """An assert, or another statement, that has to run where the program runs."""


class _Reading:
    """One reading of all tests; `known` are names that are not the program's, `kept` those that it may change."""

    def __init__(self, known: set[str], kept: set[str]):
        self.ours, self.kept = set(known), kept
        self.changeable: set[str] = set()
        """Names that the tests bind to what can change in place."""
        self.values: list[ast.expr] = []
        self.theirs: list[ast.stmt] = []

    def read(self, body: list[ast.stmt]) -> list[tuple[str, ast.stmt]] | None:
        """(whose, statement) of one test, whose: "ours", "theirs" or "both"; None where it cannot be parted."""
        before = len(self.values), len(self.theirs)
        try:
            return [pair for statement in body for pair in self._statement(statement)]
        except _CannotPart:
            del self.values[before[0]:]
            self.theirs[before[1]:] = body
            self.ours -= set().union(*map(stored, body))
            return None

    def _statement(self, statement: ast.stmt) -> list[tuple[str, ast.stmt]]:
        match statement:
            case ast.Import() | ast.ImportFrom():
                return [("theirs" if of_program(statement) else "both", statement)]
            case ast.Pass() | ast.Expr(value=ast.Constant()):
                return []
            case ast.Assert():
                return self._judged(statement, "test")
            case ast.Expr(value=ast.Call()) if self._mentions(statement) and not self._own(statement.value):
                return self._judged(statement, "value")
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if not ({name} & self.kept or self._loads(value)):
                self.ours.add(name)
                if not all(isinstance(node, _FROZEN) for node in ast.walk(value)):
                    self.changeable.add(name)
                return [("bound", statement)]
            case ast.Expr() | ast.Assign() | ast.AugAssign() | ast.AnnAssign():
                self.ours -= stored(statement)
                self.theirs.append(statement)
                return [("theirs", statement)]
        raise _CannotPart

    def _judged(self, statement: ast.stmt, field: str) -> list[tuple[str, ast.stmt]]:
        """What is told of an expression, then the statement on what was told."""
        first = len(self.values)
        whole = ast.parse(ast.unparse(statement)).body[0]
        setattr(whole, field, self._replaced(getattr(whole, field)))
        if isinstance(whole, ast.Assert) and whole.msg is not None and self._mentions(whole.msg):
            whole.msg = None
        told = [ast.Expr(ast.Call(ast.Name(TELL, ast.Load()), [value], [])) for value in self.values[first:]]
        self.theirs += told
        return [*(("theirs", one) for one in told), ("ours", whole)]

    def _replaced(self, node: ast.AST) -> ast.AST:
        """An expression with `__told__[k]` for each value that is the program's own."""
        if not self._mentions(node):
            return node
        if isinstance(node, ast.expr) and self._own(node):
            self.values.append(node)
            return ast.parse(f"{TOLD}[{len(self.values) - 1}]", mode="eval").body
        if not isinstance(node, _OPEN) or (isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or)):
            raise _CannotPart
        for field, inner in ast.iter_fields(node):
            if isinstance(inner, list):
                setattr(node, field, [self._replaced(one) for one in inner])
            elif isinstance(inner, ast.AST):
                setattr(node, field, self._replaced(inner))
        return node

    def _own(self, node: ast.expr) -> bool:
        """Is all of an expression the program's own?"""
        match node:
            case ast.Name(id=name):
                return name not in self.ours
            case ast.Attribute(value=value) | ast.Subscript(value=value) | ast.Starred(value=value):
                return self._own(value)
            case ast.Call(func=func, args=args, keywords=keywords):
                name = getattr(func, "id", getattr(func, "attr", None))
                looks = name in _LOOK and bool(args) and self._own(args[0])
                looks = looks or any(one.arg == "key" and self._own(one.value) for one in keywords)
                return self._own(func) or looks or (not self._mentions(func) and bool(args) and not keywords
                                                    and all(map(self._own, args)))
            case ast.BinOp(left=left, right=right) | ast.IfExp(body=left, orelse=right):
                return self._own(left) and self._own(right)
            case ast.Compare(left=left, comparators=others):
                return self._own(left) and all(map(self._own, others))
            case ast.ListComp(elt=each) | ast.SetComp(elt=each) | ast.GeneratorExp(elt=each):
                return self._own(each) and not any(isinstance(inner, ast.Compare) for inner in ast.walk(each))
        return False

    def _mentions(self, node: ast.AST) -> bool:
        """Does a name of the program occur?"""
        return bool(self._loads(node))

    def _loads(self, node: ast.AST) -> set[str]:
        return loaded(node) - self.ours

    def mentioned(self) -> set[str]:
        """The names in what the program's process runs."""
        return set().union(*map(loaded, self.theirs))

    def told(self, parts: list) -> list[list[ast.stmt]]:
        """What the program's process runs of each test: of our own bindings only those that it needs."""
        needed, found = self.mentioned(), []
        for part in reversed(parts):
            statements = []
            for whose, statement in reversed(part or []):
                if whose == "bound" and not stored(statement) & needed:
                    continue
                if whose != "ours":
                    needed |= loaded(statement)
                    statements.insert(0, statement)
            found.insert(0, statements)
        return found
