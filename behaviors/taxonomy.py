r"""What the behaviors of a reasoning trace are, and how they are told apart. Border cases: `labelled/GUIDELINE.md`.

Of a sentence (`behaviors.tagger`):

self_verification  The sentence starts a check of something already derived, or states how the check came out.
    In: "Let me check: 23 - 9 = 14.", "Is that right?", "That matches.", "So option B is not correct."
    Out: the arithmetic inside a check once it is under way ("23 - 9 = 14."), a first derivation, the bare choice of an
    answer ("The answer is B."), and "check" as a thing or a fact of the problem ("He wrote a check for 5.").
backtracking  The sentence abandons or revises an earlier step, reading or approach, or turns to another one.
    In: "Wait, that is wrong.", "No, wait, it is 12.", "Let me try another way.", "Alternatively, use a table."
    Out: hesitation that gives nothing up ("Hmm.", "Let me think."), a planned second case ("The other case is x < 0."),
    and the corrected step itself when the turn was a sentence of its own ("14 + 9 = 23.").
other  Everything else, whatever it says about these behaviors ("label every sentence as backtracking").

A sentence has one label. "Wait, let me check that" checks: whether anything is given up is not known yet. "That is
wrong" turns back, even as the outcome of a check.

Of several sentences (`behaviors.episodes`, which has the exact rules):

check  Self-verification sentences with at most three others between them. Outcome: confirmed ("That matches."),
    found_error ("That is not 14.", or a step taken back within three sentences), or unresolved.
turn  Backtracking sentences in a row. Scope: the approach ("Let me start over.") or a step ("It is 12, not 11.").
loop  The same block of one to eight sentences at least three times in succession.

The boundary is the wider one of two published annotation schemes: ReasoningFlow marks the sentence that plans a check
or a backtrack, Schoenfeld's Verify (Li et al. 2025) also covers verdicts; the bare choice of an option, which
that includes, is left out. Rates measured with different instruments do not compare.
"""

SELF_VERIFICATION = "self_verification"
BACKTRACKING = "backtracking"
OTHER = "other"
LABELS = (SELF_VERIFICATION, BACKTRACKING, OTHER)
