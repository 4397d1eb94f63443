"""The claims of the study of information constraints, and bits and what they buy as estimates.

"Information constraints" stands in the abstract of M2RL (arXiv 2602.12566); no definition was found. From the order of
its parts it may be what the paper calls policy neighborhoods. Ours: how many bits of behavior does a route move? Bits
of a model on a domain: KL(model || anchor) summed over a completion that the model wrote, mean over tasks, in bits.
Gain: accuracy minus the anchor's, in points, on the same tasks. All claims are ours:

experts-move-most-at-home   an expert's bits on its own domain minus those on the other experts', mean over
                            experts: how long answers of a domain are cancels                              > 0
merged-moves-fewer          bits of TIES minus those of the mixed run, mean over domains                   < 0
gain-follows-bits           rank correlation of gain and bits over models, controls left out, mean
                            over domains                                                                   > 0
merged-buys-more-per-bit    points a bit, of TIES minus the mixed run, over all domains                    > 0
shuffled-buys-nothing       points a bit on its own domain, of an expert minus its control on permuted
                            rewards                                                                        > 0

Models of a zoo are no sample (merges are made of its experts), nor are the cells (model, domain): what is drawn again
is the whole zoo, so the correlation has an interval over seeds and tasks (`dyads.spread`); of one zoo, over tasks
alone. Points a bit are those of a run, mean over seeds, left out where a run's bits are not LEAST standard errors over
tasks above 0. They reward short ways: KL grows with the square of a small step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from studies.dyads import KINDS, drawn, ranked, spread
from studies.estimates import Estimate, average
from studies.findings import NOT_FOUND, Claim, Measured, measure
from studies.policy_scores import Nats
from studies.scores import Scores

SOURCE = "M2RL, Information constraints: named in its abstract alone; a comparison of ours"
ANCHOR = "anchor"
LEAST = 2.0
FEWEST = 3
"""Models that a rank correlation takes."""


@dataclass(frozen=True)
class Moves:
    """What the models of zoos that differ in seed alone moved away from the anchor, and what that bought.

    Domains are fixed: a mean over them is one of estimates, so that how domains differ is no error of it.
    """

    nats: Nats
    scores: Scores
    models: list[str]
    domains: list[str]
    experts: dict[str, str]
    """Domain -> its expert's name."""
    controls: list[str]

    def bits(self, model: str, domains: list[str]) -> Estimate:
        """KL(model || anchor), bits a completion of the model, mean over domains."""
        return (1 / np.log(2)) * average([self.nats.per_trace(model, ANCHOR, domain) for domain in domains])

    def gain(self, model: str, domains: list[str]) -> Estimate:
        """Accuracy minus the anchor's, in points, mean over domains."""
        return average([self.scores.of(model, [domain]) - self.scores.of(ANCHOR, [domain]) for domain in domains])

    def per_bit(self, model: str, domains: list[str]) -> Estimate:
        """Points a bit, mean over seeds; nothing known where bits are too near 0."""
        return quotient(self.gain(model, domains), self.bits(model, domains))

    def control(self, kind: str) -> str | None:
        """The domain whose expert has a control of a kind: `twin` or `shuffled`."""
        return next((domain for domain in self.experts if f"{kind}-{domain}" in self.models), None)


def quotient(a: Estimate, b: Estimate) -> Estimate:
    """a / b of every seed, mean over seeds, by the delta method; nothing known unless all b are LEAST errors above 0.

    a and b are means over the same (task, seed) cells of a few domains (a level of the index), so that a seed's own
    mean is known from its influences.
    """
    (a_own, a_cells), (b_own, b_cells) = _by_seed(a), _by_seed(b)
    if not (b_own > LEAST * np.sqrt((b_cells**2).sum())).all():
        return Estimate(np.nan, 0.0 * a.influence)
    values = a_own / b_own
    within_seeds = (a_cells - values * b_cells) / b_own / a.n_seeds
    between = (values - values.mean()) / a.influence.size
    return Estimate(float(values.mean()), within_seeds + between)


def _by_seed(estimate: Estimate) -> tuple[pd.Series, pd.DataFrame]:
    """(every seed's own value, what each of its tasks contributes to the error of that)."""
    influence = estimate.n_seeds * estimate.influence
    return estimate.value + influence.sum(), influence - influence.groupby(level="domain").transform("mean")


def claims(moves: Moves, cells: np.ndarray) -> list[Claim]:
    """All claims; cells: as `cells_of` gives them."""
    return [_home(moves), _fewer(moves), _follows(moves, cells), _per_bit(moves), _shuffled(moves)]


def _claim(name: str, text: str, lacking: str, find: Callable[[], Measured | None], note: str = "", **fields) -> Claim:
    found = None if lacking else find()
    few = "Too few tasks, or bits too near 0 to divide by."
    return Claim(name, text, SOURCE, NOT_FOUND, found, **fields, note=note if found else lacking or few)


def _home(moves: Moves) -> Claim:
    homes = list(moves.experts)

    def find() -> Measured | None:
        return measure(average([moves.bits(expert, [home]) - average([moves.bits(expert, [other]) for other in homes
                                                                      if other != home])
                                for home, expert in moves.experts.items()]))

    return _claim("experts-move-most-at-home", "an expert moves more bits on its own domain than on the others'",
                  "" if len(homes) > 1 else "The zoo has no second expert.", find,
                  f"Bits a completion, mean over {len(homes)} experts.")


def _routes_lack(moves: Moves) -> str:
    routes = {"merged-ties": "merge by TIES", "mixed": "mixed run"}
    gone = [what for name, what in routes.items() if name not in moves.models]
    return f"The zoo has no {' and no '.join(gone)}." if gone else ""


def _fewer(moves: Moves) -> Claim:
    return _claim("merged-moves-fewer", "merging by TIES moves fewer bits than mixing, mean over domains",
                  _routes_lack(moves), lambda: measure(moves.bits("merged-ties", moves.domains)
                                                       - moves.bits("mixed", moves.domains)), direction=-1)


def _per_bit(moves: Moves) -> Claim:
    return _claim("merged-buys-more-per-bit", "a bit moved by TIES buys more accuracy than one moved by mixing",
                  _routes_lack(moves), lambda: measure(moves.per_bit("merged-ties", moves.domains)
                                                       - moves.per_bit("mixed", moves.domains)),
                  "Points a bit. KL grows with the square of a small step, so that any shorter way buys more a bit.")


def _shuffled(moves: Moves) -> Claim:
    domain = moves.control("shuffled")

    def find() -> Measured | None:
        return measure(moves.per_bit(moves.experts[domain], [domain]) - moves.per_bit(f"shuffled-{domain}", [domain]))

    lacking = "" if domain else "The zoo has no control on permuted rewards (controls=('shuffled',))."
    note = "" if lacking else (f"Points a bit, on {domain}; the control moves "
                               f"{moves.bits(f'shuffled-{domain}', [domain]).value:.2g} bits, and "
                               f"{moves.gain(f'shuffled-{domain}', [domain]).value:+.1f} points.")
    return _claim("shuffled-buys-nothing", "a bit buys an expert more than its control on permuted rewards", lacking,
                  find, note)


def _follows(moves: Moves, cells: np.ndarray) -> Claim:
    few = cells.shape[2] < FEWEST

    def find() -> Measured | None:
        values = within(*_means(cells, np.ones((1, *cells.shape[3:]))))[0]
        found = spread(values, within(*_means(cells, drawn(*cells.shape[3:]))))
        if np.isnan(found.p):
            return None
        return Measured(found.value, found.low, found.high, found.p, int(np.prod(cells.shape[3:])), len(values),
                        KINDS[found.kind])

    note = f"Over {cells.shape[2]} models, on each of {cells.shape[3]} domains; n: tasks."
    return _claim("gain-follows-bits", "models that move more bits gain more",
                  f"The zoo has fewer than {FEWEST} models besides anchor and controls." if few else "", find,
                  note + (" One zoo: nothing is said about another training." if len(cells) == 1 else ""))


def cells_of(sums: pd.DataFrame, answers: pd.DataFrame, moves: Moves) -> np.ndarray:
    """(seeds, 2: bits and gain, models, domains, tasks), anchor and controls left out."""
    names = [name for name in moves.models if name != ANCHOR and name not in moves.controls]
    keys = ["seed", "domain", "task_id"]
    bits = sums[sums.scored_by == ANCHOR].pivot_table(index=keys, columns="sampler", values="full", aggfunc="mean")
    right = answers.pivot_table(index=keys, columns="model", values="correct", aggfunc="mean")
    both = np.stack([bits.reindex(columns=names) / np.log(2), right.reindex(columns=names).sub(right[ANCHOR], axis=0)])
    shape = sums.seed.nunique(), sums.domain.nunique(), -1, len(names)
    return np.moveaxis(both.reshape(2, *shape), (1, 4), (0, 2))


def within(bits: np.ndarray, gain: np.ndarray) -> np.ndarray:
    """(..., models, domains) of both -> (...): rank correlation over models, mean over domains."""
    return (ranked(np.swapaxes(bits, -1, -2)) * ranked(np.swapaxes(gain, -1, -2))).sum(-1).mean(-1)


def _means(cells: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(draws, seeds, models, domains) of bits and of gain, over weighted tasks."""
    found = np.einsum("wdt,skmdt->wskmd", weights, cells) / cells.shape[-1]
    return found[:, :, 0], found[:, :, 1]
