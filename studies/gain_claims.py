"""The claims of the gain study, where they come from, and when a task that one route alone solves is more than luck.

M2RL (arXiv 2602.12566), Figure 5, "Same skills?", second-hand and in words (tags as in INDEX.md):

ties-above-mixed        consistency of the TIES merge minus that of the mixed model, tasks of all domains         > 0
distilled-above-mixed   the same, of the distilled model                                                          > 0
math-highest            consistency of the mixed model on math, minus that on every other domain                  > 0

The consistency is the `corrected` one (`probes/skills.py`), over the tasks of all domains or of one. The plain cosine,
the paper's, stands in the notes: noise moves it, and not alike for models that gain much and little. What is left of
error in the corrected one is downwards, and more where less is shared: it can exaggerate a difference. Ours:

mixed-emergent   tasks that the mixed model alone solves, confirmed on fresh samples, per 100      > what luck confirms
experts-lost     the same, of tasks that experts solve, and neither the anchor nor the mixed model > what luck confirms

Luck is what is confirmed where no task is such: where on every task some model that must not solve it has at least the
true rate of every model that does. Then a task is confirmed with probability `probes.emergent.luck` at most, whatever
the rates, and independently of other tasks and zoos, given the models. So if no task, of any zoo, is such, counts over
tasks and zoos lie below those of a binomial: p is twice its upper tail, exact, for one zoo or several. A t over seeds
would ask for less than is known, and fail where it is easy: where nothing is confirmed nothing varies, and p is 0. How
many there would be on other tasks, from other seeds, is what the interval says: that of `studies.estimates`, or at
either end where it is wider that of Clopper and Pearson (1934); where zoos differ it can reach 0 though p is small.

In simulation (4,000 sets of zoos with rates where luck confirms most, 1,000 with five experts that gain .5 on a tenth
of the tasks each and a mixed model that has the best rate of all; one zoo or three; 300 tasks x 8 and 8 samples, or 60
x 4 and 4), without such tasks p < .05 came in at most 1.0 % for mixed-emergent and 1.7 % for experts-lost, before Holm.
Asking that six others never solve a task costs power: of tasks that the mixed model solves at .8 and they at .02, 14 %
are confirmed, and three of them in each of three zoos give p < .05 in 35 %.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import pandas as pd

from probes.cells import ALL
from probes.skills import LEAST_CORRECTED, Gains
from studies.estimates import Estimate, ratio
from studies.findings import NOT_FOUND, OURS, TESTS, Claim, Measured, highest, measure
from training.intervals import LEVEL, Interval

FIGURE_5, LOWEST = "M2RL v1, Figure 5, second-hand [N1]", "RL-Multi lowest, TIES and MT-OPD higher, in words"
MIXED = "mixed"
RIVALS = {"ties": "merged-ties", "distilled": "distilled"}
"""Who is above the mixed model: a claim's word -> the model."""


@dataclass(frozen=True, eq=False)
class Alone:
    """Tasks that one kind alone solves: (tasks, seeds) frames of 0 and 1, and what chance gives."""

    candidate: pd.DataFrame
    confirmed: pd.DataFrame
    expected_false: float
    """Candidates that chance gives, mean over seeds."""
    luck: float
    """The largest share of the tasks that luck confirms."""


def claims(gains: Gains, alone: dict[tuple[str, str], Alone]) -> list[Claim]:
    """All claims; alone: (model, kind) -> tasks, for the models that the zoo has."""
    return [*(_above_mixed(gains, word, model) for word, model in RIVALS.items()), _math_highest(gains),
            _more_than_luck(alone, "mixed-emergent", "the mixed model alone solves tasks that no expert solves",
                            "combined"),
            _more_than_luck(alone, "experts-lost", "experts solve tasks that the mixed model does not", "experts")]


def consistency(gains: Gains, model: str, domain: str = ALL, measure: str = "corrected") -> Estimate:
    """A model's consistency with the union of the experts, as an estimate: differences are paired by task and seed."""
    found = gains.cosine(model, domain, measure)
    return Estimate(found.value, found.influence)


def _above_mixed(gains: Gains, word: str, model: str) -> Claim:
    subject = {"ties": "the TIES merge", "distilled": "the distilled model"}[word]
    head = (f"{word}-above-mixed", f"{subject} gains more like the experts than the mixed model does", FIGURE_5, LOWEST)
    absent = [name for name in (model, MIXED) if name not in gains.models]
    if absent:
        return Claim(*head, None, note=f"The zoo has no model {' and no model '.join(absent)}.")
    plain = ", ".join(f"{name} {consistency(gains, name, measure='consistency').value:.2f}" for name in (model, MIXED))
    found = measure(consistency(gains, model) - consistency(gains, MIXED))
    note = [*_unknown(gains, [(model, ALL), (MIXED, ALL)]), f"Plain consistency, with its noise: {plain}.",
            *(["The union is that of the only expert."] if len(gains.experts) == 1 else [])]
    return Claim(*head, found, note=" ".join(note))


def _math_highest(gains: Gains) -> Claim:
    head = ("math-highest", "the mixed model gains most like the experts on math", FIGURE_5,
            "math highest, in words")
    others = [domain for domain in gains.domains if domain not in ("math", ALL)]
    if MIXED not in gains.models or "math" not in gains.domains or not others:
        return Claim(*head, None, note="It takes a mixed model, and math and another domain.")
    on_math = consistency(gains, MIXED, "math")
    found = highest([on_math - consistency(gains, MIXED, domain) for domain in others])
    plain = ", ".join(f"{domain} {consistency(gains, MIXED, domain, 'consistency').value:.2f}"
                      for domain in ("math", *others))
    note = [*_unknown(gains, [(MIXED, one) for one in ("math", *others)]),
            *([f"The smallest of {len(others)} differences."] if found else []),
            f"Plain consistency, with its noise: {plain}."]
    return Claim(*head, found, note=" ".join(note))


def _unknown(gains: Gains, asked: list[tuple[str, str]]) -> list[str]:
    """One sentence where the corrected consistency of (model, domain) pairs is unknown; else none."""
    unknown = [f"{model} ({domain})" for model, domain in asked if not consistency(gains, model, domain).known]
    if not unknown:
        return []
    if gains.cells.counts.min() < LEAST_CORRECTED:
        return [f"The corrected consistency takes {LEAST_CORRECTED} samples a task; more samples are needed."]
    return [f"Too little gain for a corrected consistency of {', '.join(unknown)}; more samples are needed."]


def _more_than_luck(alone: dict[tuple[str, str], Alone], name: str, text: str, kind: str) -> Claim:
    if (MIXED, kind) not in alone:
        return Claim(name, text, OURS, NOT_FOUND, None, note="The zoo has no mixed model.")
    one = alone[MIXED, kind]
    n, seeds = one.confirmed.shape
    null, some = 100 * one.luck, one.confirmed.sum().gt(0).sum()
    note = (f"Per 100 tasks; luck confirms {null:.2g} at most, which is the null. Of {n} tasks in {seeds} zoo(s): "
            f"candidates {one.candidate.sum(axis=None):.0f} (by chance {one.expected_false * seeds:.1f}), "
            f"confirmed {one.confirmed.sum(axis=None):.0f}, in {some} zoo(s).")
    return Claim(name, text, OURS, NOT_FOUND, above_luck(one.confirmed, one.luck), null=null, note=note)


def above_luck(confirmed: pd.DataFrame, luck: float) -> Measured | None:
    """Confirmed tasks per 100; p is of all being luck (see the module's docstring).

    Args: confirmed, 0 or 1 by (task, seed); luck, the share that luck confirms at most. None with a single task.
    """
    from scipy.stats import binom

    found, count = share(confirmed), int(confirmed.sum(axis=None))
    if math.isnan(found.p):
        return None
    p = min(1.0, 2 * float(binom.sf(count - 1, confirmed.size, luck)))
    return Measured(100 * found.value, 100 * found.low, 100 * found.high, p, *confirmed.shape,
                    f"exact binomial against luck; interval: {TESTS[found.kind]}, or exact where wider")


def share(cells: pd.DataFrame) -> Interval:
    """The share of 1s among (task, seed) cells and its 95 % interval.

    That of `studies.estimates` or, at either end where it is wider, the exact one (Clopper and Pearson 1934), which
    takes cells as independent: where all cells are equal the first has no width.
    """
    from scipy.stats import beta

    found, count, n = ratio(cells).interval(), int(cells.sum(axis=None)), cells.size
    low = float(beta.ppf((1 - LEVEL) / 2, count, n - count + 1)) if count else 0.0
    high = float(beta.ppf((1 + LEVEL) / 2, count + 1, n - count)) if count < n else 1.0
    return replace(found, low=max(0.0, min(low, found.low)), high=min(1.0, max(high, found.high)))
