"""The claims of the self-verification study, and where they come from.

Judging (M2RL, arXiv 2602.12566, "Locus of Error"; its numbers reach us second-hand, tags as in INDEX.md), each on own
trajectories and on the common pool, in points of balanced accuracy, a mean over the domains named:

locus-reasoning    process minus outcome on math and coding, mean over the RL-trained judges     > 0
locus-instructions outcome minus process on instructions, the same judges                        > 0
if-lifts-outcome   outcome, instructions expert minus anchor, all domains                        > 0
keep-process       process, math and coding experts minus anchor, all domains                    > -5 (not inferior)
mixed-highest      outcome, mixed minus every expert, all domains                                > 0

Behavior: each expert minus the anchor on its own domain. That checks, turns back and length rise under RLVR is what
DeepSeek-R1 (arXiv 2501.12948) reports of one large model, in words and curves.

Departures: balanced accuracy (the paper: accuracy, which depends on how many completions were right); a margin of 5
points for "keeps"; the organism's corpus decides where the slips lie, so there both locus claims are by construction.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from behaviors.taxonomy import BACKTRACKING, SELF_VERIFICATION
from studies.construction import CORPUS_DECIDES
from studies.estimates import Estimate
from studies.findings import NOT_FOUND, Claim, Measured, highest, measure
from studies.verification_judging import POOLS, Judging

LOCUS = 'M2RL, Table 7, "Locus of Error", second-hand [N1]'
R1 = "DeepSeek-R1, arXiv 2501.12948, in words; M2RL: not found"
MARGIN = 5.0
"""Points of balanced accuracy that a judge may lose and still be said to keep its skill."""
BEHAVIORS = {  # measure: what RLVR is claimed to do to it
    "self_verification": "raises the rate of self-verification", "backtracking": "raises the rate of backtracking",
    "tokens": "lengthens the traces",
}
"""Accuracy is `expert_gains`' to claim, on more tasks."""


@dataclass(frozen=True)
class Cast:
    """Who is in the zoo: its experts by domain, and whether there are a mixed and a distilled model."""

    domains: list[str]
    experts: dict[str, str]
    """Domain -> the name of its expert."""
    mixed: bool
    preset: str
    distilled: bool = False

    @property
    def trained(self) -> list[str]:
        """The RL-trained judges: experts and the mixed model."""
        return [*self.experts.values(), *(["mixed"] if self.mixed else [])]

    def lacks(self, *domains: str, mixed: bool = False) -> str:
        """What of it the zoo lacks, in a sentence; empty when nothing."""
        missing = [f"expert of {domain}" for domain in domains if domain not in self.experts]
        missing += ["mixed model"] if mixed and not self.mixed else []
        return f"There is no {' and no '.join(missing)} among the models studied." if missing else ""


def claims(cast: Cast, judging: Judging, change: Callable[[str, str, str], Estimate],
           true: Callable[[str, str, str], Estimate] | None = None) -> list[Claim]:
    """All claims of the study; `change(model, domain, measure)` is a model's difference to the anchor.

    `true` is the same without the tagger's error, where that is known; then it is what a behavior's claim measures.
    """
    judged = [claim for pool in POOLS
              for claim in (*_locus(cast, judging, pool), _lifts_outcome(cast, judging, pool),
                            _keep_process(cast, judging, pool), _mixed_highest(cast, judging, pool))]
    return [*judged, *_distilled(cast, judging), *_behavior(cast, change, true)]


def _claim(name: str, pool: str, text: str, found: Measured | None, note: str, **fields) -> Claim:
    where = {"own": "own trajectories", "common": "the common pool"}[pool]
    source, published = fields.pop("source", LOCUS), fields.pop("published", NOT_FOUND)
    note = note or ("" if found else "Too few verdicts to measure it.")
    return Claim(f"{name}-{pool}", f"{text} ({where})", source, published, found, note=note, **fields)


def _locus(cast: Cast, judging: Judging, pool: str) -> list[Claim]:
    """Process beats outcome on math and coding; outcome beats process on instructions."""
    process, outcome = ([(pool, mode, name) for name in cast.trained] for mode in ("process", "outcome"))
    decided = cast.preset in CORPUS_DECIDES
    reasoning = [domain for domain in ("math", "coding") if domain in cast.domains]
    above, note = judging.contrast(process, outcome, reasoning)
    first = _claim("locus-reasoning", pool, "process verification beats outcome verification on math and coding",
                   above and measure(above), note if reasoning else "The zoo has neither math nor coding.",
                   by_construction=decided)
    there = [domain for domain in cast.domains if domain == "instructions"]
    below, note = judging.contrast(outcome, process, there)
    second = _claim("locus-instructions", pool, "outcome verification beats process verification on instructions",
                    below and measure(below), note if there else "The zoo has no instructions.",
                    by_construction=decided, published=53.0,
                    source="M2RL v3, Table 7, RL-Multi on IFEval, 80.5 - 27.5 [N3]")
    return [first, second]


def _lifts_outcome(cast: Cast, judging: Judging, pool: str) -> Claim:
    text, lacking = "the instructions expert judges outcomes better than the anchor", cast.lacks("instructions")
    if lacking:
        return _claim("if-lifts-outcome", pool, text, None, lacking)
    lift, note = judging.contrast([(pool, "outcome", cast.experts["instructions"])], [(pool, "outcome", "anchor")],
                                  cast.domains)
    return _claim("if-lifts-outcome", pool, text, lift and measure(lift), note)


def _keep_process(cast: Cast, judging: Judging, pool: str) -> Claim:
    text = f"the math and coding experts judge processes no worse than the anchor, within {MARGIN:.0f} points"
    lacking = cast.lacks("math", "coding")
    if lacking:
        return _claim("keep-process", pool, text, None, lacking, null=-MARGIN)
    experts = [(pool, "process", cast.experts[domain]) for domain in ("math", "coding")]
    kept, note = judging.contrast(experts, [(pool, "process", "anchor")] * 2, cast.domains)
    return _claim("keep-process", pool, text, kept and measure(kept, -MARGIN), note, null=-MARGIN)


def _mixed_highest(cast: Cast, judging: Judging, pool: str) -> Claim:
    text, lacking = "the mixed model judges outcomes better than every expert", cast.lacks(mixed=True)
    fields = {"published": "77.5 % mean outcome accuracy of RL-Multi, said to be the highest; the others: not found"}
    if lacking:
        return _claim("mixed-highest", pool, text, None, lacking, **fields)
    found = [judging.contrast([(pool, "outcome", "mixed")], [(pool, "outcome", name)], cast.domains)
             for name in cast.experts.values()]
    note = " ".join(dict.fromkeys(note for _, note in found if note))
    known = [estimate for estimate, _ in found if estimate is not None]
    return _claim("mixed-highest", pool, text, highest(known) if len(known) == len(found) else None, note, **fields)


def _distilled(cast: Cast, judging: Judging) -> list[Claim]:
    text = "the distilled model (MT-OPD) judges processes better than the mixed model"
    fields = {"published": "process 75.0 (AIME'24) and 81.0 (LCB v5) of MT-OPD"}
    if not cast.distilled or not cast.mixed:
        return [Claim("distilled-process", text, LOCUS, fields["published"], None,
                      note="There is no distilled model and no mixed model beside it among the models studied.")]
    found = []
    for pool in POOLS:
        difference, note = judging.contrast([(pool, "process", "distilled")], [(pool, "process", "mixed")],
                                            cast.domains)
        found.append(_claim("distilled-process", pool, text, difference and measure(difference), note, **fields))
    return found


def _as_tagged(tagged: Measured | None, audited: bool) -> str:
    """What the tagger alone says, where its error was taken out."""
    if not audited or tagged is None:
        return ""
    return (f"The tagger's error is known here and taken out; as tagged: {tagged.value:+.2f} "
            f"[{tagged.low:+.2f}, {tagged.high:+.2f}].")


def _behavior(cast: Cast, change: Callable, true: Callable | None) -> list[Claim]:
    """Each expert against the anchor, on its own domain."""
    found = []
    for domain, name in cast.experts.items():
        if domain not in cast.domains:
            continue
        for kind, does in BEHAVIORS.items():
            tagged = measure(change(name, domain, kind))
            audited = true is not None and kind in (SELF_VERIFICATION, BACKTRACKING)
            moved = measure(true(name, domain, kind)) if audited else tagged
            found.append(Claim(f"{kind}-{domain}", f"RLVR on {domain} {does} on {domain}", R1, NOT_FOUND, moved,
                               note=_as_tagged(tagged, audited) if moved else "Too few tasks to measure it."))
    return found
