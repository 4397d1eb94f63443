"""Families of words that reasoning about one's own reasoning is written with, English alone.

A family says only that one of its words or phrases (at most three words) stands in a sentence; what that means is
learned, from families together, from their place, and from those of the sentences around (`behaviors.features`). Words
are in lower case, with straight apostrophes; a contraction is one word. `families(words)` looks them up.
"""

from __future__ import annotations

from functools import cache

LEXICONS = {
    "wait": "wait, hold on, hang on, stop",
    "hmm": "hm, hmm, hmmm, uh, um, huh",
    "oh": "oh, ah, aha, oops, ooh",
    "but": "but, however, though, although, yet",
    "actually": "actually, in fact, on second thought, rather",
    "alternatively": "alternatively, or maybe, or perhaps, or else",
    "another": "another, different, differently, other, else, alternative",
    "way": "way, ways, approach, approaches, method, methods, strategy, strategies, angle, angles, idea, ideas, "
           "thought, thoughts, perspective, perspectives, route, routes, possibility, possibilities, aspect, aspects, "
           "option, options, technique, techniques, interpretation, thing",
    "maybe": "maybe, perhaps, might, possibly, may, could be",
    "check": "check, checks, checking, checked, double-check, double-checking, recheck, cross-check, sanity, verify, "
             "verifies, verifying, verified, verification, validate, validating, confirm, confirming",
    "again": "again, once more, twice, over again",
    "redo": "recalculate, recalculating, recompute, recomputing, reevaluate, reexamine, reconsider, rethink, revisit, "
            "reread, re-read, rederive, redo, retrace, recount, reassess, re-examine, re-evaluate, re-check, "
            "re-derive, re-express, re-calculate, re-compute, recheck, restart",
    "sure": "make sure, making sure, be sure, making certain, make certain, be certain, to be safe, be "
            "thorough",
    "ensure": "ensure, ensures, ensuring, guarantee",
    "unsure": "not sure, unsure, uncertain, not certain, confused, confusing, unclear, doubt, not confident, not "
              "convinced, don't know, not entirely, not completely",
    "let": "let me, let's, let us, lets, i'll, we'll, i will, we will",
    "should": "should, need to, needs to, have to, must, want to, ought to, better to",
    "think": "think, thinking, thought, guess, suppose, wonder, wondering",
    "consider": "consider, considering, look at, looking at, explore, try, trying, recall, remember, go through, look "
                "up, looking up",
    "mistake": "mistake, mistakes, error, errors, slip, misread, miscalculated, miscounted, misunderstood, "
               "misinterpreted, misremembering, misapplied, messed up, overlooked, overlooking, missed, missing, "
               "forgot, forgotten, forget, mixed up, mixing, overcomplicating, overthinking, conflating, confusing",
    "wrong": "wrong, incorrect, not right, not correct, not quite right, invalid, inconsistent, contradiction, "
             "contradicts, contradictory, conflict, conflicting, conflicts, off, impossible, flawed",
    "right": "correct, correctly, right, valid, true, accurate, reasonable, plausible, solid, sound, fine",
    "match": "match, matches, matched, matching, agree, agrees, checks out, adds up, add up, holds, hold, works, "
             "work, satisfies, satisfy, satisfied, fits, fit, consistent, same, equal, equals, indeed",
    "sense": "make sense, makes sense, making sense, seems right, seems correct, seems good, seems reasonable, seems "
             "plausible, seems okay, sounds right, looks right, looks good, looks correct, seems fine",
    "assent": "yes, yep, yeah, good, great, perfect, exactly, nice, okay, ok, sure enough, bingo, alright",
    "no": "no, nope, not really, not quite",
    "confident": "confident, certain, pretty sure, i'm sure, definitely, certainly, must be, no doubt",
    "earlier": "earlier, previous, previously, before, initial, initially, original, originally, above, already, "
               "first time",
    "task": "problem, question, statement, puzzle, premise, prompt, user, riddle, condition, conditions, requirement",
    "better": "better, simpler, easier, smarter, quicker, faster, cleaner, more efficient, more accurate, more "
              "precise, more rigorous, more careful, more direct, instead, precise, rigorous, carefully, careful",
    "also": "also, too, additionally, besides, moreover, furthermore",
    "so": "so, therefore, thus, hence, then, which means, that means, implies",
    "answer": "answer, result, conclusion, solution, choice, final",
    "test": "test, tests, testing, plug, plugging, substitute, substituting, example, examples, small case, try it, "
            "suppose, let's say",
    "back": "back, start over, from scratch, return, step back, go back, going back, square one",
    "not": "not, cannot, can't, doesn't, isn't, don't, didn't, won't, aren't, wasn't, wouldn't, never, none, neither",
    "seem": "seems, seem, sounds, looks, appears, feels",
    "hard": "complicated, complex, tedious, messy, difficult, hard, cumbersome, unlikely, stuck, nowhere, dead end, "
            "straightforward, simple, easy, too much, too high, too low, too simple, strange, weird, odd",
    "confirms": "confirms, confirmed, verifies, shows, suggests, proves, reassuring, supports",
    "ask": "is it, is that, is this, is there, are there, are they, does it, does that, does this, do they, do i, do "
           "we, did i, did we, have i, am i, can i, can it, could it, could there, is the, are the, does the, what "
           "if, what about, how about",
    "all": "all, every, everything, each, any, anything, anyone, whole, entire, both",
    "anything": "anything else, anything i, something else, edge case, edge cases, missing something, miss anything",
    "self": "i, i'm, i've, my, me, we, our",
    "given": "since, because, given, as",
    "if": "if, whether, when",
    "order": "first, next, now, second, finally, step, case, cases",
    "compute": "compute, calculate, calculating, find, solve, count, counting, list, compare, see, evaluate, use, "
               "using",
    "number": "times, plus, minus, divided, squared, sum, product, total, equation, formula, calculation, "
              "calculations, arithmetic, steps, logic, reasoning",
    "guess": "educated guess, try to recall, try to reason, try to estimate, look for a, assume, approximate",
}


@cache
def _index() -> tuple[dict[str, tuple[str, ...]], frozenset[str]]:
    """(word or phrase: its families, words that begin a phrase)."""
    found: dict[str, list[str]] = {}
    for family, entries in LEXICONS.items():
        for entry in entries.split(","):
            found.setdefault(entry.strip(), []).append(family)
    openers = frozenset(entry.split()[0] for entry in found if " " in entry)
    return {entry: tuple(named) for entry, named in found.items()}, openers


def families(words: list[str]) -> dict[str, int]:
    """The families that words of a sentence belong to: family: the place of its first word, from 0."""
    entries, openers = _index()
    found: dict[str, int] = {}
    for place, word in enumerate(words):
        for family in entries.get(word, ()):
            found.setdefault(family, place)
        if word in openers:
            for size in (2, 3):
                for family in entries.get(" ".join(words[place:place + size]), ()):
                    found.setdefault(family, place)
    return found
