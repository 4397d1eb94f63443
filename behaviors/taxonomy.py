r"""Which behaviors a sentence of a reasoning trace can show, how they are told apart, and the cues that mark them.

self_verification  The sentence starts a check of something already derived, or states how the check came out.
    In: "Let me check: 23 - 9 = 14.", "Is that right?", "That matches.", "So option B is not correct."
    Out: the arithmetic inside a check once it is under way ("23 - 9 = 14."), a first derivation, the bare choice of an
    answer ("The answer is B."), and "check" as a thing or a fact of the problem ("He wrote a check for 5.").
backtracking  The sentence abandons or revises an earlier step, reading or approach, or turns to another one.
    In: "Wait, that is wrong.", "Actually, it is 12.", "Let me try another way.", "Alternatively, use a table."
    Out: hesitation that gives nothing up ("Hmm.", "Let me think."), a planned second case ("The other case is x < 0."),
    and the corrected step itself when the turn was a sentence of its own ("14 + 9 = 23.").
other  Everything else, whatever it says about these behaviors ("label every sentence as backtracking").

A sentence has one label. "Wait, let me check that" checks: whether anything is given up is not known yet. "That is
wrong" turns back, even as the outcome of a check. `CUES` is the instrument: tried in order, the first match decides.

The boundary is the wider one of two published annotation schemes: ReasoningFlow marks the sentence that plans a check
or a backtrack, Schoenfeld's Verify (Li et al. 2025) also covers verdicts; the bare choice of an option, which
that includes, is left out. Rates measured with different instruments do not compare.
"""

import re
from dataclasses import dataclass

SELF_VERIFICATION = "self_verification"
BACKTRACKING = "backtracking"
OTHER = "other"
LABELS = (SELF_VERIFICATION, BACKTRACKING, OTHER)


@dataclass(frozen=True)
class Cue:
    """A wording that marks a behavior."""

    label: str
    """`self_verification` or `backtracking`."""
    name: str
    """What the wording does, in a word or two."""
    pattern: re.Pattern
    """Searched in a sentence whose quotes are straightened."""


def _cue(label: str, name: str, *alternatives: str) -> Cue:
    return Cue(label, name, re.compile("|".join(alternatives), re.IGNORECASE))


_OPENING = r"^\W*(?:(?:but|so|and|oh|ok(?:ay)?|hmm+|no|now|well|hold on)\b[\s,.]*)*"
_WAIT = _OPENING + r"wait\b[\s,.!-]*(?:(?:but|a (?:minute|second|moment)|hold on|hmm+|so|and|oh|though)\b[\s,.!-]*)*"
_CHECK = (r"(?:double|re|cross|sanity|spot)?[- ]?(?:check(?:ing)?|verify(?:ing)?|validat(?:e|ing)|confirm(?:ing)?)\b"
          r"|(?:re)(?:-?comput|-?calculat)(?:e|ing)\b")
_ASIDE = r"(?:\w+ly |just |also |now |first |again |once more |at least |still |try to |try and |go back and |do a )*"
_WILL = (r"(?:let me|let us|let's|lets|i'll|i will|i'd (?:like|better)(?: to)?|we'll|(?:i|we) (?:\w+ )?"
         r"(?:should|need to|must|can|could|have to|want to|might|ought to)|(?:i|we) (?:would|will) (?:like to)?)")
_IT = r"(?:this|that|it|everything|all|(?:the|my|this|that|our) (?:\w+ ){1,3})"

_ASKED = _OPENING + r"(?:wait[\s,]*)?(?:but )?"
_HENCE = (r"^\W*(?:(?:so|and|yes|yep|yeah|ok(?:ay)?|good|great|which|indeed|again|alright|perfect|i think"
          r"|therefore|hence|thus)\b[\s,]*)*")
_VERY = r"(?:\w+ly |also |all |does |still )*"

LONGEST = 2_000
"""Only this many leading characters of a sentence are searched for cues: a behavior shows where its sentence opens."""
BARE_WAIT = re.compile(r"^\W*(?:(?:but|oh|no|hmm+|hold on|wait|a (?:minute|second|moment))\b\W*)*$", re.IGNORECASE)
"""An interjection and nothing more: it takes the label of the sentence it opens."""
FAILED_CHECK = re.compile(r"^\W*(?:but |so )?(?:that|this|it|they) (?:is|are|does|do)(?: not|n't) ", re.IGNORECASE)
"""Right after a check, a denial is its verdict ("That is not 14.")."""

CUES = (
    _cue(SELF_VERIFICATION, "plan to check", rf"\b{_WILL} {_ASIDE}(?:{_CHECK})"),
    _cue(SELF_VERIFICATION, "check it again", r"\b(?:double|re|cross|sanity)[- ]?check", r"\b(?:to|i) verify\b"),
    _cue(SELF_VERIFICATION, "heading",
         rf"^\W*(?:to |now |by )*(?:{_CHECK})(?!\s+(?:for|out|in)\b).*[:.]", r"^\W*verification\b"),
    _cue(SELF_VERIFICATION, "make sure",
         r"\b(?:make|be|making|being) (?:\w+ly )?(?:sure|certain)\b(?! (?:to|you|your)\b)",
         r"\b(?:i|we) (?:\w+ )?(?:need|want|have) to ensure\b"),
    _cue(SELF_VERIFICATION, "test by hand",
         rf"\b{_WILL} {_ASIDE}(?:run (?:it|this|that|the|through)|test)\b"),
    _cue(SELF_VERIFICATION, "substitute back", r"\b(?:plug|put|substitut)\w*\b.{0,60}\bback\b"),
    _cue(SELF_VERIFICATION, "question it",
         rf"{_ASKED}(?:is|are|was) (?:this|that|it|everything)(?: \w+)? (?:right|correct|true|valid|consistent)",
         rf"{_ASKED}(?:does|do|did) (?:this|that|it|these) (?:\w+ ){{0,2}}(?:make sense|work|match|hold|satisfy)",
         rf"{_ASKED}did i (?:\w+ )?(?:miss|make|mis|forget)"),
    _cue(SELF_VERIFICATION, "look for slips",
         r"\bmis(?:calculat|count|read|interpret|underst)\w+ anything",
         r"\b(?:any|a|no) (?:calculation |arithmetic )?(?:mistakes?|errors?)\b(?=.*\?)",
         r"\bdid(?: not|n't) (?:make|miss|mess|flip|forget|mis\w+)\b"),
    _cue(BACKTRACKING, "wait, no",
         rf"{_WAIT}(?:no|actually|maybe|perhaps|another|alternatively|i (?:made|think i|was|forgot|mis))",
         rf"{_WAIT}that (?:is|was|does|can)(?:n't| ?not| wrong)",
         rf"{_WAIT}(?:that's|this is) (?:not|wrong)"),
    _cue(BACKTRACKING, "corrected value", _WAIT + r".{0,60}\bnot\b \W*\d"),
    _cue(BACKTRACKING, "dead end",
         r"\b(?:that|this|it)(?: \w+){0,2} (?:(?:does|did|will|would|is)(?:n't| not)|won't) "
         r"(?:work|working|going to work|get (?:me|us) anywhere)\b(?!.*\?)"),
    _cue(BACKTRACKING, "admit an error",
         r"\bthat(?:'s| is| was) (?:\w+ )?(?:wrong|incorrect|not (?:right|correct))\b",
         r"\bi (?:\w+ )?(?:made an? (?:\w+ )?(?:mistake|error)|messed up|was (?:wrong|mistaken))\b",
         r"\bi (?:\w+ )?mis(?:read|calculated|counted|understood|interpreted|remembered)\b",
         r"\b(?:that|this) (?:can't|cannot) be (?:right|correct)",
         r"\bi(?:'m| am| may be| might be) (?:over\w+|mixing|confusing)"),
    _cue(SELF_VERIFICATION, "verdict",
         rf"{_HENCE}{_IT} ?{_VERY}(?:match(?:es)?|checks? out|adds? up|confirms?|agrees?)\b",
         rf"{_HENCE}{_IT} ?{_VERY}(?:is|are|was|were|'s) (?:\w+ )?(?:correct|right|consistent|verified|confirmed)\b",
         rf"{_HENCE}{_IT} ?{_VERY}(?:seems?|sounds?|looks?) (?:\w+ )?(?:right|correct|good|solid|consistent)\b"),
    _cue(SELF_VERIFICATION, "assent",
         r"^\W*(?:yes|yep|yeah|correct|right|good|great|perfect|verified|confirmed)\s*[.!]",
         r"^\W*(?:yes|yep|yeah)\b.{0,30}\b(?:correct|right|matches|works|makes sense)\b"),
    _cue(SELF_VERIFICATION, "confirmed",
         r"\b(?:which|this|that) (?:also )?(?:confirms|verifies|matches)\b", r"\bchecks out\b"),
    _cue(SELF_VERIFICATION, "stated verdict",
         r"\b(?:is|are|was|were|must be|should be) (?:\w+ly |indeed |also |not |all )*(?:the )?(?:only )?"
         r"(?:correct|incorrect|right|valid|consistent with)\b"
         r"(?! (?:angle|triangle|side|hand|of|to|now|after|before|and left))(?!.*\?)"),
    _cue(SELF_VERIFICATION, "confident",
         r"\bi(?:'m| am| feel) (?:\w+ )?confident\b",
         r"\bno (?:mistakes?|errors?) (?:here|so far)\b",
         r"\b(?:did|do)(?: not|n't) (?:\w+ ){0,3}(?:any|a) (?:mistakes?|errors?)\b"),
    _cue(BACKTRACKING, "correct it",
         r"^\W*(?:(?:oh|no|hmm+|but)\b[\s,]*)*(?:actually,|scratch that|on second thought)",
         r"^\W*(?:(?:oh|hmm+|but)\b[\s,]*)*no, (?:wait|that|it|actually)"),
    _cue(BACKTRACKING, "other way",
         r"\b(?:try|think|look|approach|consider|do|see|maybe|perhaps|there(?:'s| is)?|use)\b.{0,40}"
         r"\b(?:another|different|other) (?:way|approach|method|angle|idea|route|strategy|perspective)\b",
         r"\bthink (?:about \w+ |of \w+ )?differently\b", r"\bsimpler way\b",
         r"^\W*another (?:way|approach|thought|angle|idea|method|possibility|option)\b"),
    _cue(BACKTRACKING, "alternatively", _OPENING + r"alternatively\b"),
    _cue(BACKTRACKING, "go back",
         r"\b(?:start (?:over|again|from scratch)|back to square one|reconsider|rethink|backtrack)\b",
         r"\b(?:go|going|step(?:ping)?) back\b(?! and (?:re|double)?-?check)"),
)


def label_of(sentence: str, before: str = OTHER) -> str:
    """The label of one sentence, given the label of the sentence before it. The first cue that matches decides."""
    plain = sentence[:LONGEST].replace("\u2019", "'")
    found = next((cue.label for cue in CUES if cue.pattern.search(plain)), OTHER)
    failed = found == OTHER and before == SELF_VERIFICATION and FAILED_CHECK.search(plain)
    return SELF_VERIFICATION if failed else found
