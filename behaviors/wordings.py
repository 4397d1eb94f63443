"""How a sentence says that a check holds or fails, and that a whole approach is given up: named English patterns.

`verdicts(text)` reads a sentence of a check, `gives_up_approach(text)` one that turns back. Each pattern has a sentence
that says it so, which the tests hold it to. Sentences are read in lower case, with straight quotes and no asterisks;
the time is linear in their length.
"""

from __future__ import annotations

import re
from typing import NamedTuple

CONFIRMED, FOUND_ERROR = "confirmed", "found_error"
LONGEST = 2_000
"""Only this many leading characters of a sentence are searched."""


class Wording(NamedTuple):
    """A way to say something: its name, a sentence that says it so, and a pattern in lower case."""

    name: str
    example: str
    pattern: str


_BE = r"(?:\b(?:is|are|was|were|(?:looks?|seems?|sounds?|appears?)(?: to be)?|(?:should|must) be)|(?<!let)'s|'re)"
_NOT = r"(?:\b(?:is|are|was|were|do|does|did|can|could|will|would)(?:n't| not)|'s not|\bcan(?:not|'t)|\bwon't)"
_VERY = r" (?:(?:\w{1,20}ly|also|all|indeed|now|still|both|just|quite|the|an?|only|be) ){0,3}"
_SLIP = r"(?:mistake|error|slip|bug|contradiction|mismatch|discrepanc|problem|issue)"
_OH = r"^\W*(?:(?:so|and|ok|okay|oh|ah|well|great)\b\W{1,3}){0,2}"

DENIALS = (
    Wording("no", "No, it is 13.", _OH + r"(?:no|nope)\s*(?:[,.!:;]|$)"),
    Wording("final no", "Let me verify: there are 3 words of 8: no.",
            r"(?:[:(] ?no|[:,;(] ?(?:wrong|incorrect|false|fails?))\W*$"),
    Wording("denial", "That is not 14.",
            r"^\W*(?:(?:but|so|which)\W{1,3})?(?:that|this|it|they|which)(?:'s| is| are| was| were| does| do| did)"
            r"(?: not|n't) (?!(?:wrong|incorrect|needed|necessary|only|contradict|an? (?:problem|issue|mistake))\b)"
            r"[^,;:.]*"),
    Wording("no verdict", "So option B is not correct.",
            _NOT + _VERY + r"(?:correct|right|true|valid|consistent|verified|satisf\w+|equal|identical|same|match|work"
            r"|hold|check out|add up|agree|fit|make sense|pass|possible|enough|what|as (?:expected|required))\b"),
    Wording("wrong", "The product is 54, which is wrong.",
            _BE + _VERY + r"(?:wrong|incorrect|invalid|inconsistent|mistaken|false|impossible|missing|off)\b"),
    Wording("fails", "The second condition fails.",
            r"\b(?:fail(?:s|ed)?|violat(?:es|ed)|contradicts?|mismatch|discrepancy|no longer (?:match|hold|work)\w*)\b"
            r"|\b(?:neither|none)\b.{0,30}\b(?:match|hold|work|fit)"),
    Wording("a slip", "There is a mistake in the second line.",
            rf"\b(?:made|is|was|found|see|spotted|have) (?:an?|the|my|one) (?:\w+ ){{0,2}}{_SLIP}"),
    Wording("should differ", "I get 13, but it should be 14.",
            r"\bbut (?:\w+ ){1,3}(?:should|must|needs? to|ha(?:s|ve) to) be\b(?! (?:correct|right|fine|good|valid))"),
    Wording("too many", "The title has 13 words, which is too many.",
            r"(?<!not )\btoo (?:many|few|long|short|large|small|much|high|low)\b"),
    Wording("cross", "\u2717 The unit is lost.", "[\u2717\u2718\u274c]"),
)

CONFIRMATIONS = (
    Wording("yes", "Yes, it is 14.",
            _OH + r"(?:(?:yes|yep|yeah|indeed)\b(?!\W{1,3}(?:let|but|i should|we should)\b)"
            r"|(?:correct|right|good|great|perfect|exactly|excellent|verified|confirmed|true|fine)\s*(?:[.!:]|$))"),
    Wording("final yes", "Check: the end is Bye: yes.",
            r"(?:[:(] ?yes|[:,;(] ?(?:correct|right|good|ok|fine|true|valid|passe[sd]))\W*$"),
    Wording("right", "The second root is also correct.",  # but not "is a right angle", "is correct to 2 decimals"
            _BE + _VERY + r"(?:correct|right|true|valid|consistent|verified|confirmed|satisfied|good|fine|solid|sound"
            r"|equal|identical|same)\b(?![- ](?:angle|triangle|side|hand|of|to|now|after|before|and left|for)\b)"),
    Wording("matches", "The count matches the list.",
            r"\bmatche[sd]\b|\b(?:they|both|all|does|sides|values|numbers|results|counts|units|answers|tests|cases)"
            r" (?:match|pass)\b"),
    Wording("checks out", "It checks out.", r"\b(?:checks? out|checked out|adds? up|makes sense|all good)\b"),
    Wording("holds", "The identity holds for n = 3.",
            r"\b(?:that|this|it|which|everything|they|both|all|(?:in|)equality|equation|identity|condition|property"
            r"|claim|rule|law|solution|answer|code|function) (?:\w{1,20}ly |all |still |also )?(?:hold|work|fit)s?\b"),
    Wording("confirms", "Both methods agree, which confirms it.",
            r"\b(?:confirms|verifies|agrees?|satisfies|pass(?:es|ed)|as (?:expected|required|needed|claimed))\b"
            r"|\b(?:have|has|'ve|i|we) (?:now )?(?:verified|confirmed)\b|\bsame (?:answer|result|value)\b"),
    Wording("no slip", "I did not make any mistakes.",
            rf"\b(?:no|without|not (?:\w+ )?(?:any|an?)) (?:\w+ )?{_SLIP}|n't (?:\w+ )?(?:any|an?) (?:\w+ )?{_SLIP}"
            r"|(?:not|n't) (?:miss|misread|forget|contradict|overlook)\b|(?<!not )\bconfident\b"
            r"|\bnothing (?:is|was|looks|seems) (?:wrong|off|missing)\b"),
    Wording("tick", "3 + 4 = 7 \u2713", "[\u2713\u2714\u2705]"),
)

_WAY = (r"(?:way|approach|method|angle|route|strategy|perspective|technique|interpretation|reading|plan|formula|idea"
        r"|algorithm|representation|thesis|outline|structure|framing)(?:e?s)?\b")
_QUESTION = r"(?:question|problem|task|prompt|exercise|instructions?)\b"

APPROACHES = (
    Wording("another way", "There is a simpler way.",
            r"\b(?:another|different|other|alternative|new|better|simpler|easier|quicker|cleaner|faster|smarter|shorter"
            rf"|more \w+) (?:\w+ )?{_WAY}|^\W*another (?:possibility|option|thought)\b"),
    Wording("alternatively", "Alternatively, use the table.", r"\balternatively\b"),
    Wording("differently", "Let me think about this differently.",
            r"\b(?:think|look|approach|tackle|see|do|frame|read|go)(?:ing)?\b.{0,40}\bdifferently\b"),
    Wording("start over", "Let me start over.",
            r"\b(?:start|begin)(?:ing)? (?:all )?(?:over|again|afresh|anew)\b|\bfrom (?:scratch|the beginning)\b"
            r"|\bsquare one\b|\bback to the (?:start|beginning|drawing board)\b|\bstep(?:ping)? back\b"),
    Wording("give it up", "I will abandon this idea.",
            rf"\b(?:abandon|scrap|give up on|drop|discard|leave)(?:ing)? (?:this|that|the|my) (?:\w+ )?{_WAY}"
            r"|\babandon(?:ing)? (?:this|that|it)\b"),
    Wording("dead end", "That is not going to work.",
            r"(?:\b(?:does|did|will|would|is|was)(?:n't| not)|\bwon't)(?: really| going to)? (?:work(?:ing)?"
            r"|lead anywhere|get(?:ting)? (?:me |us )?anywhere)\b|\bdead end\b|\b(?:lead|go)(?:s|es|ing)? nowhere\b"),
    Wording("the question", "Wait, the question asks for the area instead.",
            rf"\b{_QUESTION} (?:\w+ ){{0,2}}(?:ask|want|mean|require)(?:s|ing|ed)?\b|\bwe(?:'re| are) asked\b"),
    Wording("misread it all", "I misread the question.",
            rf"\bmis(?:read|understood|interpreted) (?:the|this|that|what) (?:\w+ )?{_QUESTION}"),
    Wording("interpret", "Maybe I should interpret x as a rate.", r"\b(?:re-?)?interpret(?:ing|ed)?\b"),
    Wording("instead", "Let me use induction instead.",  # but not "use 12 instead of 11"
            r"\b(?:try|us|consider|go with|start with|start from|work with|think of)(?:e|ing)?\b(?! \W?\d).{0,80}"
            r"\binstead\b(?! of \W?\d)|^\W*(?:(?:so|but|no|wait)\W{1,3})?instead\b(?! of \W?\d)"),
    Wording("rethink", "Let me reconsider.",
            r"\b(?:rethink|reconsider)(?:ing)?"
            rf"(?: (?:this|that|it|everything|the (?:\w+ )?(?:{_WAY}|{_QUESTION})))?\W*$"),
    Wording("switch", "Let me switch to polar coordinates.",
            rf"\bswitch(?:ing)? to\b(?! \W?\d)|\b(?:switch|chang)(?:e|ing)? (?:the |my )?{_WAY}"),
)


def _either(says: str, wordings: tuple[Wording, ...]) -> str:
    return f"(?P<{says}>" + "|".join(wording.pattern for wording in wordings) + ")"


_VERDICT = re.compile(_either(FOUND_ERROR, DENIALS) + "|" + _either(CONFIRMED, CONFIRMATIONS))
_APPROACH = re.compile("|".join(wording.pattern for wording in APPROACHES))
_TO_CHECK = re.compile(  # up to the end of the clause; "the check passes" is a thing, not a plan
    r"\b(?:if|whether|(?:make|be|making|being) (?:sure|certain)|ensur(?:e|ing)|to see|test that|assum(?:e|ing)"
    r"|(?<!the )(?<!this )(?<!that )(?<!sanity )(?:check(?! out\b)|verify|confirm)(?:ing)?|validat(?:e|ing))\b"
    r"(?:(?! which\b| and (?:it|that|this|they)\b)[^,:;.!\u2014]|[,:;.](?=\d))*")
_QUOTES = str.maketrans({"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "*": " "})


def verdicts(text: str) -> list[str]:
    """`confirmed` and `found_error` as often as a sentence says them, in order.

    A question, and what is only going to be checked, says nothing.
    """
    plain = _plain(text)
    asserted = _TO_CHECK.sub("", plain[plain.rfind("?") + 1:])
    return [match.lastgroup for match in _VERDICT.finditer(asserted)]


def gives_up_approach(text: str) -> bool:
    """Whether a sentence gives up a whole approach, reading or interpretation, or tries another."""
    return bool(_APPROACH.search(_plain(text)))


def _plain(text: str) -> str:
    return " ".join(text[:LONGEST].translate(_QUOTES).lower().split())
