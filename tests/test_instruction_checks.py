"""Every instruction of IFEval and IFEvalG, as the domain judges it: answers that follow it, answers that do not."""

from __future__ import annotations

import pytest

from training.domains import Task, get_domain
from training.domains.instruction_checks import ifeval

DOMAIN = get_domain("instructions")
AT_LEAST, LESS_THAN = "at least", "less than"
PROMPT = "Write a note (short)."
ENGLISH = "The sea is wide and blue, and the birds are small and fast."
GERMAN = "Das Meer ist weit und blau, und die Vögel sind klein und schnell."

# identifier, kwargs, texts that follow it, texts that do not
TABLE = [
    (
        "keywords:existence", {"keywords": ["C++", "a.b"]},
        ["I like c++ and a.b", "xc++x A.B"],  # another case; inside a longer word, as publicly defined
        ["I like c++ and axb", "I like C and a.b"],  # the keywords are not regular expressions
    ),
    (
        "keywords:frequency", {"keyword": "sea", "frequency": 2, "relation": AT_LEAST},
        ["Sea, sea.", "seasea"],  # two in one word
        ["The sea.", "The s ea sea."],
    ),
    ("keywords:frequency", {"keyword": "sea", "frequency": 1, "relation": LESS_THAN}, ["The wind."], ["The sea."]),
    (
        "keywords:forbidden_words", {"forbidden_words": ["sea", "c++"]},
        ["The seaside.", "Use c+."],  # only inside a longer word
        ["The SEA!", "Use C++.", "(sea)", "The s\u200bea", "The se\u00ada"],  # after a mark; hidden marks inside
    ),
    (
        "keywords:letter_frequency", {"letter": "E", "let_frequency": 2, "let_relation": AT_LEAST},
        ["Eve", "tree"], ["sea", "é e"],  # another letter with an accent
    ),
    (
        "letters:letter_counting2", {"letter": "#", "let_frequency": 2, "let_relation": LESS_THAN},
        ["one # mark", "none"], ["# and #"],  # a mark that is no letter
    ),
    (
        "keywords:no_adjacent_consecutive", {},
        ["The sea", "b a", "a c e", "1 2 3", "\"a\" (c"],  # descending; digits; quotes
        ["a b", "An old (big) dog eats", "\"Ann\" 'bob'"],  # behind quotes
    ),
    ("keywords:word_once", {"keyword": "a+b"}, ["so a+b holds"], ["aab", "a+b = A+B", "none"]),
    (
        "keywords:word_count_different_numbers", {"keyword": "sea", "frequency": 3.0, "relation": LESS_THAN},
        ["sea sea"], ["sea Sea sea"],  # a whole number that a data frame made a float
    ),
    (
        "keywords:exclude_word_harder", {"keyword": "sea"},
        ["The seaside."], ["The sea.", "The sea is", "SEA", "sea"],  # not between two spaces
    ),
    (
        "keywords:palindrome", {},
        ["My mom, she", "a Level!", "the \"noon\""],  # capital first; quotes
        ["I saw a cat", "a I a", "so oo", "a 101 b"],  # one letter, two letters, a number
    ),
    (
        "keywords:keyword_specific_position", {"keyword": "Sea", "n": 2, "m": 3},
        ["Hi! \"Look, the sea is\" wide.", "One. It, is sea."],  # marks are no words
        ["Look at the sea.", "Hi. The sea is wide.", "Hi. It is"],  # one sentence; second word; too short
    ),
    (
        "keywords:keyword_specific_position", {"keyword": ["sea bird"], "n": 1, "m": 2},
        ["The sea bird."], ["The sea."],  # two words, given as a list of one
    ),
    (
        "keywords:start_end", {},
        ["Sea and the sea", " don't, but don't "],
        ["Sea and sea.", "sea", "sea sea bird", "\"sea sea"],  # a full stop after; one word; a quote before
    ),
    (
        "language:response_language", {"language": "de"},
        [GERMAN], [ENGLISH, "gut", "1234567890123456", "!?"],  # too short to tell; no letters at all
    ),
    ("language:response_language", {"language": "th"}, ["สวัสดีครับ"], ["hello there my friend"]),
    (
        "length_constraints:number_sentences", {"num_sentences": 2, "relation": AT_LEAST},
        ["Hi. Bye.", "hi! bye?", "Is it? Yes", "好的。再见。"],  # lower case, no full stop, wide full stops
        ["Dr. Smith left", "e.g. this. ...", "3.5 is a number.", "1. One item", "So... he left."],
    ),
    (
        "length_constraints:number_sentences", {"num_sentences": 2, "relation": LESS_THAN},
        ["\"Why?\" he asked.", "He met J. Smith vs. Bob.", "No. 5 is here"],  # a quote inside; an initial
        ["No. It is not.", "So did I. He left."],  # "no" that is an answer; "I" that is no initial
    ),
    (
        "length_constraints:number_paragraphs", {"num_paragraphs": 2},
        ["a *** b", "***\na\n* * *\nb\n***", "a\n\nx\n***\n***b***"],  # dividers outside; spaced; bold is none
        ["a b", "a *** *** b", "a *** b *** c", "***bold***"],  # an empty paragraph
    ),
    (
        "length_constraints:number_words", {"num_words": 3, "relation": AT_LEAST},
        ["one two three", "don't go"],  # "don't" is two, as publicly
        ["one, two.", "one - two !", "one _ _"],  # marks are none
    ),
    ("length_constraints:number_words", {"num_words": 3, "relation": LESS_THAN}, ["one two"], ["one two three"]),
    (
        "length_constraints:nth_paragraph_first_word",
        {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "Sea"},
        ["One.\n\nsea is.", "\n\nOne\n\n\n\n**\"Sea\"**, it is.\n\n"],  # blank lines that are no paragraphs
        ["One.\n\nSeaside", "Sea", "sea\n\nb", "a\n\nsea's b", "a\n\nsea\n\nc"],  # a longer word; a third paragraph
    ),
    (
        "detectable_content:number_placeholders", {"num_placeholders": 2},
        ["[a] [b c]", "[[a]][b]"], ["[a]", "[] []", "[a\nb] [c]"],  # nested; empty; over two lines
    ),
    (
        "detectable_content:postscript", {"postscript_marker": "P.S."},
        ["Hi.\nP.S. Bye", "p. s. bye"], ["Hi.", "PxSx bye", "PS bye"],  # the full stops are not wild cards
    ),
    (
        "detectable_content:postscript", {"postscript_marker": "P.P.S"},
        ["p.p.s bye", "P. P. S. bye"], ["P.S. bye", "P. P. S.", "Hi.\nP.P.S.\n!"],  # nothing follows
    ),
    (
        "detectable_format:number_bullet_lists", {"num_bullets": 2},
        ["* a\n* b", "- a\n  * b\ntext", "* a\n---\n* * *\n*emphasis* b\n- c"],  # rules and emphasis are no bullets
        ["* a", "*a\n*b", "* a\n* b\n* c", "**a**\n**b**", "* \n-"],  # no space; a third; bold; empty
    ),
    (
        "detectable_format:constrained_response", {},
        ["My answer is yes.", "Well: My answer is maybe."],
        ["yes", "My answer is yes", "My answer is no. My answer is yes."],  # no full stop; two of them
    ),
    (
        "detectable_format:number_highlighted_sections", {"num_highlights": 2},
        ["*a* and **b c**", "* one *a*\n* two *b*"],  # in a list
        ["*a*", "***a***", "** ** * *", "*a\nb* *c*", "2 * 3 * 4 * 5"],  # one is no two; empty; over lines; products
    ),
    (
        "detectable_format:multiple_sections", {"section_spliter": "Part (x)", "num_sections": 2},
        ["Part (x) 1\na\nPart (x) 2\nb", "Part (x)1 a Part (x)10 b"],
        [
            "Part (x) 1 Part (x) 2", "Part (x) 1 a Part (x) 1 b",  # nothing in them; one number twice
            "Part x 1 a Part x 2 b", "part (x) 1 a part (x) 2 b",  # another case
        ],
    ),
    (
        "detectable_format:json_format", {},
        ['{"a": [1, null]}', '```json\n{"a": 1}\n```', "```\n[1]\n```", "\"a\ud800\""],  # half a surrogate
        ["[]", "{}", "{'a': 1}", '{"a": 1} so', "NaN", "[" * 100_000, "```json\n```"],  # too deep to read
    ),
    ("detectable_format:title", {}, ["<<The sea>>", "a <<b < c>> d"], ["<The sea>", "<< >>", "<<a\nb>>", ">>a<<"]),
    (
        "detectable_format:sentence_hyphens", {},
        ["It is well-known.-He left!-Bye.", "One sentence."],  # a hyphen inside a word
        ["One. Two.", "One. -Two.", "One.- Two.", "One.-Two. Three."],
    ),
    (
        "detectable_format:square_brackets", {},
        ["[The] [sea]", "[a][b]\n[c.]"], ["[The sea]", "[a]b[c]", "[]", "[a] b", "[a],"],
    ),
    (
        "detectable_format:bigram_wrapping", {},
        ["<<I am>> <<at home>>", "<<I am>> <<at\nhome>> now"],  # an odd last word
        ["I am", "<<I am at home>>", "<<I am>> at home", "<<I>> <<am>>", "<<I"],
    ),
    (
        "combination:two_responses", {},
        ["a\n******\nb", "a ******* b", "******a\n* * * * * *\nb******"],  # longer, spaced and outer separators
        ["a", "a ****** a", "a ****** ****** b", "a ****** b ****** c", "a *** b", "******"],  # the same; empty; three
    ),
    (
        "combination:repeat_prompt", {"prompt_to_repeat": PROMPT},
        [f"{PROMPT.upper()}\nHere it is."], [PROMPT, "Here it is.", f"Sure. {PROMPT} Here."],  # nothing follows
    ),
    (
        "startend:end_checker", {"end_phrase": "The end."},
        ["So. THE END.", 'So. "The end."', "The end. \n"], ["The end", "The end. So", "The endx"],
    ),
    ("startend:end_checker", {"end_phrase": 'say "no"'}, ['I say "no"'], ["I say no"]),  # the phrase ends in a quote
    ("startend:quotation", {}, ['"Hi."', ' "a" and "b" '], ['"Hi.', "Hi.", '"', '""', "'Hi.'"]),
    (
        "change_case:capital_word_frequency", {"capital_frequency": 2, "capital_relation": AT_LEAST},
        ["I SEE it", "A WELL-KNOWN one", "ÉTÉ A1"], ["I see", "Sea SEA", "1 2"],  # digits have no case
    ),
    ("change_case:english_capital", {}, [ENGLISH.upper()], [ENGLISH, GERMAN.upper(), "HI", "12"]),
    ("change_case:english_lowercase", {}, [ENGLISH.lower()], [ENGLISH, GERMAN.lower(), "hi", "你好"]),  # no case
    ("punctuation:no_comma", {}, ["a; b."], ["a, b", "1,000", "a，b", "a、b"]),  # marks of other scripts
    ("punctuation:punctuation_dot", {}, ["a, b!"], ["a.", "3.5", "好。"]),
    ("punctuation:punctuation_exclamation", {}, ["a. b?"], ["a!", "好！"]),
    (
        "copy:repeat_phrase", {"phrase": "The (old) sea is blue", "small_n": 2},
        ["The (old) wind is blue, the old bird is BLUE.", "the new sea is blue. The is blue the old man is blue"],
        [
            "The (old) sea is blue. The (old) sea is blue.",  # unchanged
            "The (old) sea is blue. The old man is blue.",  # only the last one changed: officially a pass
            "The old man is blue.",  # once
            "The new man is blue. The old man is blue.",  # two words replaced
        ],
    ),
    ("copy:copy", {"prompt_to_repeat": PROMPT}, [PROMPT, f"\n{PROMPT.lower()} "], [PROMPT + "!", "Write a note."]),
    ("copy:copying_simple", {"prompt_to_repeat": PROMPT}, [PROMPT], [PROMPT * 2]),
    (
        "copy:copying_multiple", {"prompt_to_repeat": PROMPT, "N": 2},
        [f"{PROMPT}\n******\n{PROMPT}"], [PROMPT, f"{PROMPT} {PROMPT}", f"{PROMPT} ****** x", f"{PROMPT} *** {PROMPT}"],
    ),
    (
        "new:copy_span_idx", {"prompt_to_repeat": "abcdef", "n_start": 0, "n_end": 2},
        ["ab", "ABC"], ["abcd", "bc", "a"],  # the end left out or included, as checked and as asked
    ),
    ("paragraphs:paragraphs", {}, ["a\n***\nb"], ["a\n\nb", "a *** b *** c"]),
    ("paragraphs:paragraphs2", {}, ["a\n\nb", "a\n \n\n\nb\nc\n\n"], ["a\nb", "a\n\nb\n\nc", "a"]),  # many blank lines
    ("first_word:first_word_sent", {"first_word": ["Sea"]}, ["Sea is. \"Sea\", it"], ["Sea is. It is.", "...", "Seas"]),
    ("first_word:first_word_answer", {"first_word": "sea"}, ["_Sea_, it", "SEA."], ["The sea", "sea-side", "sea's"]),
    ("last_word:last_word_sent", {"last_word": "sea"}, ["The sea! A (sea)."], ["The sea. It is.", "...", "A subsea."]),
    ("last_word:last_word_answer", {"last_word": "C++"}, ["I use c++.", "C++"], ["I use c.", "c++ it", "objc++"]),
    ("count:lowercase_counting", {"N": 2}, ["The sea IS wide", "NONE"], ["the sea is", "é è ê"]),
    (
        "count:counting_composition", {"n_sent": 2, "n_words": 2},
        ["A b. C d.\n* * *\nDon't go. I do!\n***\nA b. C d.", "A b. C, d. *** A b. C d. *** A b. C d."],
        ["A b. C d.", "A b. C d. *** A b. C d. *** A b. C.", "A b. *** A b. C d. *** A b. C d.", "*** ***"],
    ),
    ("count:count_unique", {}, ["Hi. So, it is. Bye.", "a - b - c"], ["The sea the", "a a"]),  # marks may repeat
    (
        "count:count_increment_word", {"keyword1": "sea", "keyword2": "a.b"},
        ["a.b sea A.B"], ["a.b sea axb", "sea sea a.b a.b", "a.b a.b"],
    ),
    ("letters:letter_counting", {"N": 3, "relation": AT_LEAST}, ["a1b2c", "été"], ["ab 12!"]),
    ("letters:letter_counting", {"N": 3, "relation": LESS_THAN}, ["ab 12!"], ["abc"]),
]


def task(ids, kwargs, **metadata):
    return Task("instructions", "mine", "Do.", None, {"instruction_id_list": ids, "kwargs": kwargs, **metadata})


def test_the_table_holds_every_id_of_ifeval_and_ifevalg():
    assert len(ifeval.CHECKS) == 54
    assert {row[0] for row in TABLE} == set(ifeval.CHECKS)


@pytest.mark.parametrize(("identifier", "kwargs", "follow", "fail"), TABLE, ids=[row[0] for row in TABLE])
def test_every_instruction(identifier, kwargs, follow, fail):
    padded = {"unused": None, **kwargs}  # public data pads all arguments with None
    assert {text: DOMAIN.check(task([identifier], [padded]), text) for text in follow} == dict.fromkeys(
        follow, (True, "")
    )
    nothing = ("", " \n", "\u200b\u2060", "\u3164", "...", "* - _", "so so so so")
    for text in (*fail, *nothing):  # what says nothing follows nothing, not even an interdiction
        correct, reason = DOMAIN.check(task([identifier], [padded]), text)
        assert not correct, text
        assert reason.startswith(f"{identifier}: ") and len(reason) > len(identifier) + 5
