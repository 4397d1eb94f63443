"""Whose the names in tests of a program are: the program's, or built in and bound by the tests themselves.

    tests = [ast.parse("import math\nassert math.isclose(f(1), 2.0)").body]
    "math" in ours(tests), "f" in ours(tests)        # True, False
"""

from __future__ import annotations

import ast
import builtins


def ours(trees: list[list[ast.stmt]]) -> set[str]:
    """The names that are not the program's: built in, or imported by the tests from elsewhere.

    Where no other name occurs in the tests, the program's are the built-in names that they call innermost: there are
    tasks that ask for a function `sum`.
    """
    nodes = [node for tree in trees for statement in tree for node in ast.walk(statement)]
    imports = [node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom) and not of_program(node)]
    names = {(alias.asname or alias.name).partition(".")[0] for node in imports for alias in node.names}
    known = names | set(vars(builtins))
    if any(loaded(statement) - known for tree in trees for statement in tree):
        return known
    calls = [node for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    innermost = [call for call in calls if sum(isinstance(node, ast.Call) for node in ast.walk(call)) == 1]
    return known - ({call.func.id for call in innermost} - names)


def of_program(statement: ast.Import | ast.ImportFrom) -> bool:
    """Is it an import of the program itself?"""
    named = isinstance(statement, ast.ImportFrom)
    modules = [statement.module or ""] if named else [alias.name for alias in statement.names]
    return any(module.partition(".")[0] in ("solution", "__main__") for module in modules)


def loaded(node: ast.AST) -> set[str]:
    """The names that are read in it, but those of its own lambdas and comprehensions."""
    inner = [one for one in ast.walk(node) if isinstance(one, ast.comprehension | ast.arg)]
    bound = {one.arg for one in inner if isinstance(one, ast.arg)}.union(
        *(stored(one.target) for one in inner if isinstance(one, ast.comprehension)))
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Load)} - bound


def stored(node: ast.AST) -> set[str]:
    """The names that are bound in it."""
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)}
