"""Hostile programs behind one level of protection, on a planted host: did they get through, and how does one know?

    python -m attacks.sandbox.attempt LEVEL < names      # a JSON line for each name

A program is through when a planted secret or the word "through" is in its output, when anything of the host's state
has changed, when its sandbox was lost, or when an honest program after it does not do what it should. Programs run one
after another in namespaces of this module's own (`confined`); after one that got through, the rest get new ones.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator

from attacks.sandbox.attack import THROUGH, Attack
from attacks.sandbox.confined import NotConfined, confined
from attacks.sandbox.host import Host, planted
from attacks.sandbox.table import ATTACKS
from training.domains.sandbox import Limits, Pool, Program, RunResult, SandboxUnavailable

_BEFORE = "secret = {!r}\nopen('left', 'w').write(secret)\nimport math\nmath.left = secret"
_HONEST = ("import json, os\nassert sorted([3, 1, 2]) == [1, 2, 3] and len('abc') == 3\n"
           "print(json.dumps({'read': input(), 'sum': sum(range(10))}), os.listdir('.'))")
_HONEST_OUTPUT = '{"read": "given", "sum": 45} []\n'


def attempts(attacks: list[Attack], level: str) -> Iterator[dict]:
    """`tried`, `through` and a `note` for each, up to the first that gets through. To be called inside `confined`."""
    with planted() as host:
        try:
            pool = Pool(level, workers=1)
        except SandboxUnavailable as error:
            yield from (_row(tried=False, note=str(error)) for _ in attacks)
            return
        with pool:
            pool.run([Program(_BEFORE.format(host.secret))])
            for attack in attacks:
                yield (row := _attempt(attack, pool, host))
                if row["through"]:
                    return


def _attempt(attack: Attack, pool: Pool, host: Host) -> dict:
    """One program, then an honest one, then what has changed (last: a signal takes its time)."""
    if attack.machine not in ("", os.uname().machine):
        return _row(tried=False, note=f"written for {attack.machine}")
    before = host.state()
    result = pool.run([Program(attack.source(host.places))], attack.limits)[0]
    signs = _signs(result, host) + _spoiled(pool)
    after = host.state()
    signs += [f"it changed {kind}" for kind in before if before[kind] != after[kind]]
    return _row(through=bool(signs), note="; ".join(signs) or _ending(result))


def _row(tried: bool = True, through: bool = False, note: str = "") -> dict:
    return {"tried": tried, "through": through, "note": note}


def _signs(result: RunResult, host: Host) -> list[str]:
    """What in its result shows that a program got through."""
    text = result.stdout + result.stderr
    return [*(["it printed a secret"] if host.secret in text else []),
            *(["it did what it tried"] if THROUGH in result.stdout.splitlines() else []),
            *([f"its sandbox was lost: {result.error}"] if result.error else [])]


def _spoiled(pool: Pool) -> list[str]:
    """Does an honest program still run as it should?"""
    honest = pool.run([Program(_HONEST, stdin="given")], Limits(seconds=10.0))[0]
    if (honest.stdout, honest.stderr, honest.returncode) == (_HONEST_OUTPUT, "", 0):
        return []
    return [f"the next program was spoiled: {honest.error or honest.stderr or honest.stdout!r:.80}"]


def _ending(result: RunResult) -> str:
    """How a program that was held back ended."""
    if result.killed:
        return f"ended for {result.killed}"
    last = (result.stderr or result.stdout).strip().splitlines()[-1:]
    return f"status {result.returncode}" + (f", {last[0]:.100}" if last else "")


def rows(attacks: list[Attack], level: str) -> Iterator[dict]:
    """A row for each attack, in order; new namespaces after each that gets through."""
    while attacks:
        try:
            found, ended = confined(lambda left=attacks: attempts(left, level))
        except NotConfined as error:
            found, ended = [_row(tried=False, note=str(error)) for _ in attacks], True
        if not ended:
            found.append(_row(through=True, note="all in the namespaces was killed, or did not end"))
        for attack, row in zip(attacks, found, strict=False):
            yield {"attack": attack.name, "protection": level, **row}
        attacks = attacks[len(found):]


def main(level: str, names: list[str]) -> None:
    """Print the rows of the attacks of these names."""
    for row in rows([attack for attack in ATTACKS if attack.name in names], level):
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.stdin.read().splitlines())
