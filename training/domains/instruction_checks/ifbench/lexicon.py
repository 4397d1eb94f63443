"""The words that IFBench's checks look for: closed classes of English and the names in one of its prompts.

Sources: STOP_WORDS is NLTK's English list of 2024 (Porter's Snowball list and additions), which the official code
downloads, cut at its apostrophes as that code cuts texts; PRONOUNS, CONJUNCTIONS and NAMES are those of the official
code, NAMES also standing in the prompts.
"""

from __future__ import annotations

CONJUNCTIONS = frozenset(("and", "but", "for", "nor", "or", "so", "yet"))
"""The coordinating conjunctions."""

NAMES = frozenset("""
    Emma Liam Sophia Jackson Olivia Noah Ava Lucas Isabella Mason Mia Ethan Charlotte Alexander Amelia Benjamin Harper
    Leo Zoe Daniel Chloe Samuel Lily Matthew Grace Owen Abigail Gabriel Ella Jacob Scarlett Nathan Victoria Elijah
    Layla Nicholas Audrey David Hannah Christopher Penelope Thomas Nora Andrew Aria Joseph Claire Ryan Stella Jonathan
""".split())

_PERSONAL = frozenset("""
    i me my myself we our ours ourselves you your yours yourself yourselves he him his himself she her hers herself it
    its itself they them their theirs themselves
""".split())
_POINTING = frozenset("this that these those who whom which what".split())

PRONOUNS = _PERSONAL | _POINTING | frozenset("""
    us mine whose whoever whomever whatever whichever anybody anyone anything everybody everyone everything nobody
    nothing somebody someone something each either neither both all some any none
""".split())

_VERBS = frozenset("""
    am is are was were be been being have has had having do does did doing can will should ain aren couldn didn doesn
    don hadn hasn haven isn ma mightn mustn needn shan shouldn wasn weren won wouldn
""".split())
_ENDINGS = frozenset("d ll m o re s t ve y".split())

STOP_WORDS = _PERSONAL | _POINTING | _VERBS | _ENDINGS | frozenset("""
    a about above after again against all an and any as at because before below between both but by down during each
    few for from further here how if in into just more most no nor not now of off on once only or other out over own
    same so some such than the then there through to too under until up very when where while why with
""".split())
"""Words and the parts that an apostrophe cuts off ("don't" is "don" and "t")."""
