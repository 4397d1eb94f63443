r"""Wordings that mark self-verification and backtracking: a table of named patterns, English alone.

Each is a feature of the classifier in `behaviors.features`; alone they are a keyword list, `label_of`, in which the
first that matches decides. Written by hand from the definitions in `behaviors.taxonomy`.
"""

import re
from dataclasses import dataclass

from behaviors.taxonomy import BACKTRACKING, OTHER, SELF_VERIFICATION


@dataclass(frozen=True)
class Cue:
    """A wording that marks a behavior."""

    label: str
    """`self_verification` or `backtracking`."""
    name: str
    """What the wording does, in a word or two."""
    pattern: re.Pattern
    """Searched in a sentence whose quotes are straightened."""
    outright: bool = False
    """It says so outright. Such wordings are rare in labelled traces, so their features weigh more from the start."""


def _cue(label: str, name: str, *alternatives: str, outright: bool = False) -> Cue:
    return Cue(label, name, re.compile("|".join(alternatives), re.IGNORECASE), outright)


_OPENING = r"^\W*(?:(?:but|so|and|oh|ok(?:ay)?|hmm+|no|now|well)\b[\s,.]*)*"
_WAIT = (_OPENING + r"(?:wait|hold on|hang on)\b[\s,.!-]*"
         r"(?:(?:but|a (?:minute|second|moment)|hold on|hmm+|so|and|oh|though)\b[\s,.!-]*)*")
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

LONGEST = 250
"""Only this many leading characters of a sentence are searched for cues: a behavior shows where its sentence opens."""
BARE_WAIT = re.compile(r"^\W*(?:(?:but|oh|no|hmm+|hold on|wait|a (?:minute|second|moment))\b\W*)*$", re.IGNORECASE)
"""An interjection and nothing more: it takes the label of the sentence it opens."""

CUES = (
    _cue(SELF_VERIFICATION, "plan to check", rf"\b{_WILL} {_ASIDE}(?:{_CHECK})"),
    _cue(SELF_VERIFICATION, "check it again", r"\b(?:double|re|cross|sanity)[- ]?check", r"\b(?:to|i) verify\b"),
    _cue(SELF_VERIFICATION, "heading",
         rf"^\W*(?:to |now |by )*(?:{_CHECK})(?!\s+(?:for|out|in)\b).*[:.]", r"^\W*verification\b"),
    _cue(SELF_VERIFICATION, "make sure",
         r"\b(?:make|be|making|being) (?:\w+ly )?(?:sure|certain)\b(?! (?:to|you|your)\b)"),
    _cue(SELF_VERIFICATION, "ensure", r"\b(?:i|we) (?:\w+ )?(?:need|want|have) to ensure\b"),
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
    _cue(SELF_VERIFICATION, "anything left out",
         r"\b(?:any|some)thing (?:else )?(?:i|we)\b.*\?", r"\b(?:any|some)thing else (?:to|i|we)\b", r"\bedge cases?\b",
         r"\b(?:did|have|has) (?:i|we) (?:\w+ )?(?:consider|account|includ|us|count|enforc|cover)(?:e|ed|ing)?\b.*\?",
         r"\b(?:need|should|have) (?:to )?(?:be|make (?:this|that|it)) more (?:precise|rigorous|careful|exact)\b"),
    _cue(SELF_VERIFICATION, "does it apply",
         r"\b(?:does|do|is|are) (?:this|that|the|my|these|those) (?:\w+ ){0,3}"
         r"(?:apply|correct|right|valid|true|hold|work)\b.*\?",
         r"\b(?:is|are|could) there (?:a |any |another |other )?"
         r"(?:theorem|reason|cases?|smaller|larger|way|chance|proof)\b.*\?"),
    _cue(SELF_VERIFICATION, "once more",
         r"\b(?:let me|let's|i'll|i should|i need to) (?:\w+ ){0,2}(?:think|look|go|count|read|work|run)\b"
         r".{0,40}\b(?:again|once more)\b",
         rf"\b{_WILL} {_ASIDE}re-?(?:read|count|examine|evaluate|visit|trace|express|do)\b"),
    _cue(BACKTRACKING, "wait, no",
         rf"{_WAIT}(?:no|actually|maybe|perhaps|another|alternatively|i (?:made|think i|was|forgot|mis))",
         rf"{_WAIT}that (?:is|was|does|can)(?:n't| ?not| wrong)",
         rf"{_WAIT}(?:that's|this is) (?:not|wrong)"),
    _cue(BACKTRACKING, "corrected value", _WAIT + r".{0,60}\bnot\b \W*\d"),
    _cue(BACKTRACKING, "dead end",
         r"\b(?:that|this|it)(?: \w+){0,2} (?:(?:does|did|will|would|is)(?:n't| not)|won't) "
         r"(?:work|working|going to work|get (?:me|us) anywhere)\b(?!.*\?)", outright=True),
    _cue(BACKTRACKING, "admit an error",
         r"\bthat(?:'s| is| was) (?:\w+ )?(?:wrong|incorrect|not (?:right|correct))\b",
         r"\bi (?:\w+ )?(?:made an? (?:\w+ )?(?:mistake|error)|messed up|was (?:wrong|mistaken))\b",
         r"\bi (?:\w+ )?mis(?:read|calculated|counted|understood|interpreted|remembered)\b",
         r"\b(?:that|this) (?:can't|cannot) be (?:right|correct)",
         r"\bi(?:'m| am| may be| might be) (?:over\w+|mixing|confusing)", outright=True),
    _cue(SELF_VERIFICATION, "verdict",
         rf"{_HENCE}{_IT} ?{_VERY}(?:match(?:es)?|checks? out|adds? up|confirms?|agrees?|holds?|works out)\b",
         rf"{_HENCE}{_IT} ?{_VERY}(?:is|are|was|were|'s) (?:\w+ )?(?:correct|right|consistent|verified|confirmed)\b",
         rf"{_HENCE}(?:{_IT}|(?-i:[A-E])) ?{_VERY}(?:seems?|sounds?|looks?|is|'s) (?:\w+ )?"
         r"(?:right|correct|good|solid|consistent|plausible|reasonable|fine|logical)\b"),
    _cue(SELF_VERIFICATION, "assent",
         r"^\W*(?:yes|yep|yeah|correct|right|good|great|perfect|verified|confirmed)\s*[.!]",
         r"^\W*(?:yes|yep|yeah)\b.{0,30}\b(?:correct|right|match(?:es)?|works?|holds?|fits?|agrees?|makes sense)\b"),
    _cue(SELF_VERIFICATION, "confirmed",
         r"\b(?:which|this|that) (?:also )?(?:confirms|verifies|matches)\b", r"\bchecks out\b"),
    _cue(SELF_VERIFICATION, "stated verdict",
         r"\b(?:is|are|was|were|must be|should be) (?:\w+ly |indeed |also |not |all )*(?:the )?(?:only )?"
         r"(?:correct|incorrect|right|valid|consistent with)\b"
         r"(?! (?:angle|triangle|side|hand|of|to|now|after|before|and left))(?!.*\?)"),
    _cue(SELF_VERIFICATION, "judge a candidate",
         r"\b(?:option|choice|answer|candidate|statement) \(?[A-E1-9]\)?\W.{0,60}"
         r"\b(?:is|are|does|do|can|must|fits?|works?|fails?)\b.{0,30}"
         r"\b(?:not|(?:in)?correct|right|wrong|out|match|(?:im)?possible|(?:in)?valid|fits?|works?|fails?)\b",
         r"^\W*(?:so|thus|hence|therefore|then|again)?\W*(?:it(?:'s| is) )?not (?:\(?[A-E]\)?|option.{0,12})\W*$",
         r"(?-i:\b[A-E]\)?) (?:is|must be|can be|seems|sounds|looks) (?:\w+ ){0,2}"
         r"(?:(?:in)?correct|right|wrong|out|(?:im)?possible|(?:in)?valid|true|false)\b",
         r"(?-i:\b[A-E]\)?) is(?:n't| not) (?:the |an? )?(?:\w+ )?(?:answer|choice|option|solution)\b"),
    _cue(SELF_VERIFICATION, "so yes", r"^\W*(?:so|and|then)\W+(?:yes|yep|yeah|no|indeed)\b"),
    _cue(SELF_VERIFICATION, "same as wanted",
         r"\bthe same (?:answer|result|value|number)\b",
         r"\b(?:same as|what) (?:we|i|it|before|earlier|above|the (?:first|other|earlier|previous|original|problem))\b",
         r"\bas (?:required|expected|intended|needed|it should|claimed|we had|given|wanted)\b",
         r"^\W*(?:they|it|both|that|this|these|those) (?:do|does|is|are|all )\W*$",
         r"\b(?:doesn't|does not|don't|do not|not) (?:match(?:ing)?|agree|add up|hold|fit|equal|satisfy)\b"),
    _cue(SELF_VERIFICATION, "too large",
         r"\b(?:is|are|that's|which is|seems|looks|way) (?:\w+ ){0,2}too "
         r"(?:big|small|large|high|low|much|many|few|short|long)\b"),
    _cue(SELF_VERIFICATION, "confident",
         r"\bi(?:'m| am| feel) (?:\w+ )?confident\b",
         r"\bno (?:mistakes?|errors?) (?:here|so far)\b",
         r"\b(?:did|do)(?: not|n't) (?:\w+ ){0,3}(?:any|a) (?:mistakes?|errors?)\b"),
    _cue(BACKTRACKING, "actually", r"^\W*(?:(?:oh|no|hmm+|but)\b[\s,]*)*actually,"),
    _cue(BACKTRACKING, "take it back",
         r"\b(?:scratch that|strike that|on second thought|i take (?:that|it) back|my mistake|make that|or rather)\b",
         r"^\W*(?:sorry|oops|typo|correction)\b", outright=True),
    _cue(BACKTRACKING, "no, wait",
         r"^\W*(?:(?:oh|hmm+|but)\b[\s,]*)*no, (?:wait|that|it|actually)"),
    _cue(BACKTRACKING, "other way",
         r"\b(?:try|think|look|approach|consider|do|see|maybe|perhaps|there(?:'s| is)?|use)\b.{0,40}"
         r"\b(?:another|different|other) (?:way|approach|method|angle|idea|route|strategy|perspective)\b",
         r"\bthink (?:about \w+ |of \w+ )?differently\b", r"\bsimpler way\b",
         r"^\W*another (?:way|approach|thought|angle|idea|method|possibility|option)\b"),
    _cue(BACKTRACKING, "another point", r"^\W*(?:but )?another (?:aspect|thing|point|consideration|factor)\b"),
    _cue(BACKTRACKING, "better way",
         r"\b(?:maybe|perhaps)\b.{0,40}\b(?:better|easier|simpler|smarter|correct|right|proper)\b.{0,20}"
         r"\b(?:way|approach|method|formula|idea|to|if)\b",
         r"\b(?:maybe|perhaps|should|try|let me|let's|i'll)\b.{0,60}\binstead\b",
         r"\b(?:maybe|perhaps|should|try|let me)\b.{0,20}\bthink (?:(?:of|about) (?:it|this|that) )?in terms of\b"),
    _cue(BACKTRACKING, "fall back",
         r"\beducated guess\b",
         r"\b(?:can|could|might|will|have to) (?:try to|just) (?:recall|reason|estimate|guess|assume)\b",
         r"\blook for (?:a|an|some) (?:more|better|different|other)\b"),
    _cue(BACKTRACKING, "objection",
         rf"{_WAIT}(?:the|this|that) (?:problem|question|statement|condition|equation|task|prompt|user)\b",
         r"\bsomething(?:'s| is| must be| seems)? (?:wrong|off|amiss|inconsistent)\b"),
    _cue(BACKTRACKING, "alternatively", _OPENING + r"alternatively\b"),
    _cue(BACKTRACKING, "go back",
         r"\b(?:start (?:over|again|from scratch)|back to square one|reconsider|rethink|backtrack)\b",
         r"\b(?:go|step)(?:ping|ing)? back\b(?! (?:and (?:re|double)?-?check|to the basics))"),
)


def cues_of(sentence: str) -> list[Cue]:
    """The cues that match a sentence, in order."""
    plain = sentence[:LONGEST].replace("\u2019", "'")
    return [cue for cue in CUES if cue.pattern.search(plain)]


def label_of(sentence: str) -> str:
    """What the first cue that matches a sentence marks."""
    found = cues_of(sentence)
    return found[0].label if found else OTHER
