"""Findings: what a study claims, what it measured, and the verdict, as `findings.json` holds them.

A claim says in which direction a measured value lies from a null value. Its p-value is adjusted by Holm over the
claims of the study that could be measured; the verdict follows from it alone:

reproduced      on the claimed side of the null, adjusted p below 0.05
not_reproduced  on the other side, adjusted p below 0.05
inconclusive    neither, or fewer than 10 tasks, or the claim holds but the corpus was built so that it must
not_measured    the zoo lacks what the claim needs; `note` says what
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import pandas as pd

from studies.estimates import Estimate
from training.display import html
from training.intervals import holm

ALPHA = 0.05
LEAST_TASKS = 10
"""A bootstrap over fewer tasks is no basis for a verdict."""
TESTS = {"bootstrap": "paired bootstrap over tasks", "crossed_t": "t over crossed tasks and seeds"}
"""What a kind of interval is called in a finding."""
OURS, NOT_FOUND = "none: a comparison of ours", "not found"
"""A source, and a published value, of what nobody published."""
DECIDED = ("reproduced", "not_reproduced")
VERDICTS = (*DECIDED, "inconclusive", "not_measured")


@dataclass(frozen=True)
class Measured:
    """A value with its 95 % interval and the p-value of its test, before any adjustment."""

    value: float
    low: float
    high: float
    p: float
    n: int
    """Tasks, or whatever else was sampled."""
    seeds: int
    test: str


@dataclass(frozen=True)
class Claim:
    """A statement that a measurement can support or contradict."""

    id: str
    claim: str
    source: str
    """Where it was made."""
    published: float | str
    """The published value, in the unit measured here, or what is known of it in words; "not found" where nothing is."""
    measured: Measured | None
    """None where it could not be measured; then `note` says why."""
    direction: int = 1
    """1 when the value is claimed to lie above the null, -1 below."""
    null: float = 0.0
    by_construction: bool = False
    """The corpus was built so that the claim must hold."""
    note: str = ""


@dataclass(frozen=True)
class Finding:
    """One entry of findings.json; what was not measured is None there."""

    id: str
    claim: str
    source: str
    published: float | str
    measured: float | None
    ci_low: float | None
    ci_high: float | None
    n: int
    seeds: int
    test: str
    p_adjusted: float | None
    by_construction: bool
    verdict: str
    note: str


class Findings(list[Finding]):
    """A study's findings; in a notebook, a table of the claims and how they came out."""

    def _repr_html_(self) -> str:
        """One row a claim; what was not measured has its note in place of a value."""
        rows = [{"claim": one.claim, "published": one.published,
                 "ours [95 %]": one.note if one.measured is None else
                 f"{one.measured:.3g} [{one.ci_low:.3g}, {one.ci_high:.3g}]",
                 "n": one.n, "seeds": one.seeds, "p": one.p_adjusted, "verdict": one.verdict.replace("_", " ")}
                for one in self]
        counts = ", ".join(f"{sum(one.verdict == name for one in self)} {name.replace('_', ' ')}" for name in VERDICTS)
        return html(f"{len(self)} findings: {counts}", pd.DataFrame(rows))


def measure(estimate: Estimate, null: float = 0.0, tests: dict[str, str] = TESTS) -> Measured | None:
    """An estimate, tested against `null`; None where it has no value or no interval. `tests` names the kinds."""
    found = estimate.interval(null)
    if math.isnan(found.p):
        return None
    return Measured(found.value, found.low, found.high, found.p, estimate.n_tasks, estimate.n_seeds, tests[found.kind])


def highest(differences: list[Estimate], tests: dict[str, str] = TESTS) -> Measured | None:
    """Is one thing above every other? The differences are to each of the others.

    The smallest difference is reported. Where it is positive, p is the largest of all (intersection-union test, Berger
    1982); where it is negative, p is its own, times the number of comparisons (Bonferroni).
    """
    found = [measure(estimate, tests=tests) for estimate in differences]
    if not found or None in found:
        return None
    least = min(found, key=lambda one: one.value)
    if least.value > 0:
        return replace(least, p=max(one.p for one in found), test=f"intersection-union, {least.test}")
    return replace(least, p=min(1.0, len(found) * least.p), test=f"Bonferroni, {least.test}")


def settle(claims: list[Claim]) -> Findings:
    """The findings of a study: Holm over the claims that were measured, then a verdict for each."""
    tested = [claim for claim in claims if claim.measured is not None]
    adjusted = dict(zip([claim.id for claim in tested], holm([claim.measured.p for claim in tested]), strict=True))
    if len(adjusted) < len(tested):
        raise ValueError("two claims of a study have the same id; ids must differ")
    return Findings(_finding(claim, adjusted.get(claim.id)) for claim in claims)


def _finding(claim: Claim, p: float | None) -> Finding:
    head = (claim.id, claim.claim, claim.source, claim.published)
    found = claim.measured
    if found is None:
        return Finding(*head, None, None, None, 0, 0, "", None, claim.by_construction, "not_measured", claim.note)
    verdict, why = judged(claim, float(p))
    note = " ".join(part for part in (claim.note, why) if part)
    return Finding(*head, found.value, found.low, found.high, found.n, found.seeds, found.test, float(p),
                   claim.by_construction, verdict, note)


def judged(claim: Claim, p: float) -> tuple[str, str]:
    """(verdict, why where it is not plain) of a measured claim, from its adjusted p."""
    if claim.measured.n < LEAST_TASKS:
        return "inconclusive", f"A sample of {claim.measured.n} is too small for a verdict; {LEAST_TASKS} are needed."
    if p >= ALPHA:
        return "inconclusive", ""
    if (claim.measured.value - claim.null) * claim.direction < 0:
        return "not_reproduced", ""
    if claim.by_construction:
        return "inconclusive", "It holds here, but the corpus was built so that it must."
    return "reproduced", ""


def write(findings: list[Finding], file: Path) -> None:
    """findings.json, as plain JSON."""
    file.write_text(json.dumps([asdict(one) for one in findings], indent=2, allow_nan=False) + "\n", encoding="utf-8")
