"""The claims of the dose-response study: all of ours, for nobody has varied what domains share, or where they slip.

What the organism's corpus decides is `by_construction` in the other studies. Here the corpus is what is varied, so each
claim says how far a result follows from it:

transfer-follows-sharing      transfer among reasoning domains, in % of the own gain, from sharing 0 to 1     > 0
transfer-follows-beyond       the same, minus that with instructions, which never share                       > 0
overlap-, cosine-follows-sharing  of the updates of reasoning experts                                         > 0
cosine-follows-beyond         the same, minus that with instructions                                          > 0
mixing-follows-sharing        mixed minus own experts, in points                                              > 0
locus-reasoning-follows       process minus outcome on math and coding: slips in the derivation minus slips
                              in the answer                                                                   > 0
locus-instructions-follows    outcome minus process on instructions: slips in the answer minus slips in the
                              derivation                                                                      > 0

A response to sharing is the slope of the least-squares line through all doses. There is one anchor a dose: no interval
knows how another anchor of the same corpus would have come out.
"""

from __future__ import annotations

from collections.abc import Callable

from studies.dose_measures import Dose, Measures, apart, slope
from studies.estimates import Estimate, average
from studies.findings import NOT_FOUND, OURS, Claim, measure

CELLS = {"bootstrap": "bootstrap over (layer, module) cells", "crossed_t": "t over crossed cells and seeds"}
BEYOND = ("reasoning", "instructions")
SHARING = (  # id, claim, measure, groups: a response of the first, or of the first minus the second
    ("transfer-follows-sharing", "the more domains share, the more training on one helps the others", "transfer",
     ("reasoning",)),
    ("transfer-follows-beyond", "the more domains share, the more they help each other beyond one that shares nothing",
     "transfer", BEYOND),
    ("overlap-follows-sharing", "the more domains share, the more their experts change the same weights beyond chance",
     "overlap", ("reasoning",)),
    ("cosine-follows-sharing", "the more domains share, the more alike their experts' updates are (cosine)", "cosine",
     ("reasoning",)),
    ("cosine-follows-beyond", "the same, beyond the cosine to a domain that shares nothing", "cosine", BEYOND),
    ("mixing-follows-sharing", "the more domains share, the more mixing gains over the own experts", "routes",
     ("mixed",)),
)
LOCUS = (  # id, claim, group
    ("locus-reasoning-follows", "on math and coding, process verification gains on outcome verification where slips "
     "lie in the derivation instead of the answer", "reasoning"),
    ("locus-instructions-follows", "on instructions, outcome verification gains on process verification where slips "
     "lie in the answer instead of the derivation", "instructions"),
)
Found = list[tuple[Dose, Measures]]
"""Every dose, and what was measured at it."""


def claims(found: Found) -> list[Claim]:
    """All claims; each measured where the doses have what it takes."""
    return [_follows_sharing(found, *one) for one in SHARING] + [_follows_locus(found, *one) for one in LOCUS]


def _claim(name: str, text: str, n_doses: int, lacking: str, respond: Callable[[], Estimate],
           tests: dict[str, str] | None = None) -> Claim:
    """A claim about a response over some doses, unless something is lacking."""
    if lacking:
        return Claim(name, text, OURS, NOT_FOUND, None, note=lacking)
    measured = measure(respond(), **({"tests": tests} if tests else {}))
    note = f"{n_doses} doses, one anchor each." if measured else "Too little to measure it at one of the doses."
    return Claim(name, text, OURS, NOT_FOUND, measured, note=note)


def _follows_sharing(found: Found, name: str, text: str, what: str, groups: tuple[str, ...]) -> Claim:
    there = [(dose, of) for dose, of in found if dose.locus is None and all((what, group) in of for group in groups)]

    def respond() -> Estimate:
        values = [of[what, groups[0]] - of[what, groups[1]] if groups[1:] else of[what, groups[0]] for _, of in there]
        return slope([dose.sharing for dose, _ in there], values)

    lacking = "" if len(there) > 1 else (f"It takes zoos of two corpora that share differently, each with {what} of "
                                         f"{' and '.join(groups)}; there are {len(there)}.")
    return _claim(name, text, len(there), lacking, respond, CELLS if what in ("overlap", "cosine") else None)


def _follows_locus(found: Found, name: str, text: str, group: str) -> Claim:
    """Process minus outcome, with slips in the derivation minus with slips in the answer."""
    there = {place: [apart(of["judging", group], k) for k, (dose, of) in enumerate(found)
                     if ("judging", group) in of and dose.where(group) == place] for place in ("derivation", "answer")}
    missing = [f"slip in the {place}" for place, estimates in there.items() if not estimates]
    lacking = f"It takes a zoo whose domains {' and one whose domains '.join(missing)}." if missing else ""
    return _claim(name, text, sum(map(len, there.values())), lacking,
                  lambda: average(there["derivation"]) - average(there["answer"]))
