"""Every instruction of IFBench's test set, as the domain judges it: answers that follow it and answers that do not,
errors, any text at all, and how words of English are told apart."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ifbench_layouts import AFRICA, CAPITALS, LAYOUTS, TEMPLATE
from tests.test_instruction_checks import task
from tests.test_instructions import ODD
from training.domains import TaskError, get_domain
from training.domains.instruction_checks import INSTRUCTION_IDS, ifbench, ifeval, why_not
from training.domains.instruction_checks.ifbench.syllables import parities
from training.domains.instruction_checks.ifbench.verbs import is_verb

DOMAIN = get_domain("instructions")
REQUEST = "Write a short note. Do it now."
KEYWORDS = {f"keyword{place}": word for place, word in enumerate(("sea", "sky", "sun", "ice", "oak"), 1)}
FIVE = "one sea, sky sky, sun sun sun, ice ice ice ice ice, oak oak oak oak oak oak"
PALINDROMES = "Radar, level, civic, madam, refer, tenet, kayak, rotor, stats"

# identifier, kwargs, texts that follow it, texts that do not
TABLE = [
    *LAYOUTS,
    (
        "count:word_count_range", {"min_words": 2, "max_words": 3},
        ["one two", "one, two... three!", "don't go"], ["one", "one two three four"],  # "don't" is two
    ),
    (
        "count:unique_word_count", {"N": 3},
        ["One two three", "a b c a b"], ["The the THE sea", "a - b * 😀", "a a a a"],  # marks and emoji are none
    ),
    (
        "count:conjunctions", {"small_n": 2},
        ["Big but old, and so.", "and/or"], ["And this and, AND that", "sand or", "for For"],  # one in other cases
    ),
    (
        "count:person_names", {"N": 2},
        ["Emma and Leo's dog", "_Emma_, **Ava**"], ["Emma, Emma", "emma and leo", "Emmanuel, Leon, Ava"],
    ),
    (
        "count:numbers", {"N": 2},
        ["3.14 and 1,000,000", "1990-1995", "10:30", "H2O, 1/2", "1. Ten 2"],
        ["1,2,3", "100", "one, two", "١ ٢ ٣", "1.5"],
    ),
    ("count:numbers", {"N": 0}, ["none here"], ["1"]),
    (
        "count:words_japanese", {"N": 3},
        ["the big 海 is so 「広い」", "- a b 日本語(nihongo)", "1 2 カナ", "a b AI技術"],  # a mark alone is no word
        ["the big", "the big sea", "a b 3", "a b 海 c d sea", "a b ofの"],  # too short; a number; most of it Latin
    ),
    (
        "count:pronouns", {"N": 3},
        ["I'm sure that it's so.", "she/her/hers", "They saw THEM, themselves."],
        ["it it it", "The sea is wide.", "I see you"],
    ),
    (
        "count:punctuation", {},
        ["So, it is; it is: no! What?! Why? Yes.", "a.,!?;:‽", "a . , ! ? ; : !?"],
        ["So, it is; it is: no! Why? Yes.", "So, it is; it is: what?! Yes!", ".,!?;:?!", "a?!"],  # no word
    ),
    (
        "count:keywords_multiple", KEYWORDS,
        [f"{FIVE} OAK", f"{FIVE} oaks"], [FIVE, f"{FIVE} oak oak", f"{FIVE} oak sea", "sea"],
    ),
    (
        "ratio:stop_words", {"percentage": 50},
        ["the sea", "Blue sea, wide sky", "It's blue", "the king's"], ["it is the sea", "don't"],  # "it's" is one
    ),
    ("ratio:stop_words", {"percentage": 0}, ["Birds sing"], ["The birds sing"]),
    (
        "ratio:sentence_type", {},
        ["It is. So it is. Is it?", 'He said "so." Yes… Is it?!'],
        ["Go!", "It is. Is it?", "Is it?", "It is. So it is."],
    ),
    (
        "ratio:sentence_balance", {},
        ["It is. Is it? Go!", "Go! Go! Is it? (Is it?) Yes. No."], ["It is. Is it?", "so", "It is. Is it? Go! Go!"],
    ),
    (
        "ratio:overlap", {"reference_text": "abcdefgh", "percentage": 50},
        ["abcdxy"], ["abcdefgh", "xyz", "ab"],
    ),
    ("ratio:overlap", {"reference_text": "The sea.", "percentage": 98}, ["The sea."], ["the sea."]),  # 2 points less
    (
        "ratio:sentence_words", {},
        ["I am big. We go up! So is he?", "One a.\nTwo b.\nSix c."],
        ["Hi. Hi. Hi.", "I am big. I go up! So is he?", "Hi. Ho.", "I am. We go up. So is he."],
    ),
    (
        "words:alphabet", {},
        ["A big cat", "You zoom, and (Bob) **can**", "bé cat", "yes. Zoë à"],
        ["A", "a c", "b a", "a 2", "1 b", "z b", "é e"],
    ),
    (
        "words:vowel", {},
        ["The eel eats.", "I sit in it\n", "Été, Zoë", "sky eye"],
        ["The old house is", "The eel.\nIt is.", "hmm", "海", "où ça, là, île, été"],  # accents hide no vowel
    ),
    (
        "words:consonants", {},
        ["Strong winds", "this - that!", "in-depth myth"], ["a strong", "this 5", "this it's", "été"],
    ),
    (
        "words:palindrome", {},
        [f"{PALINDROMES}, solos", f"{PALINDROMES} and REVIVER!"],
        [PALINDROMES, f"{PALINDROMES}, Radar", f"{PALINDROMES}, noon", f"{PALINDROMES}, aaaaa, 12321", "radar " * 10],
    ),
    (
        "words:prime_lengths", {},
        ["It is the whale.", "aren't hy-phens", "or/and", "a" * 101], ["a", "blue", "the 5", "a" * 91],
    ),
    (
        "words:start_verb", {},
        ["Imagine a sea.", "**Write** it", "# Don't go", "Does it?", "Was it", "Running fast", "Tries it", "Love her"],
        ["The sea is.", "Love is", "Results of it", "Sea", "Blue", "海"],
    ),
    ("words:repeats", {"small_n": 2}, ["the sea the", "a b c"], ["the The THE", "so. so, so"]),
    (
        "words:odd_even_syllables", {},
        ["The water flows away", "Open the window", "The fire sings away"],  # "fire" goes for both
        ["The sea", "water window", "The", "The 12", "the water hmm"],
    ),
    (
        "words:last_first", {},
        ["It is the sea. Sea is blue!", "I go. “Go” it is."], ["It is the sea.", "I go. I do.", "So! ... Yes.", "a"],
    ),
    (
        "words:paragraph_last_first", {},
        ["The sea, the!", "This, so this.\n---\nSo it is so", "Yes\nSo is so"],
        ["The sea", "So so\nThe sea", "Yes"],
    ),
    (
        "words:no_consecutive", {},
        ["The big sea", "a - b", "20 21 years"], ["The tall sea", "So, (some)", "éa ea", "one"],
    ),
    (
        "words:keywords_specific_position", {"keyword": "Sea", "n": 2, "m": 3},
        ["Hi! Look, the sea - is."], ["Hi! Look, sea.", "Hi.", "Look, the sea."],
    ),
    (
        "words:words_position", {"keyword": "sea"},
        ["The sea is a Sea, yes!", "a sea b"], ["The sea", "sea", "The sea is sea.", "The is sea it"],
    ),
    (
        "sentence:alliteration_increment", {},
        ["It was so. Some seas shine. Big blue bold boats.", "One. Two too."],
        ["It was so.", "Some seas. Big boats.", "Big boats by sea so so. So so so."],  # three in a row, not five in all
    ),
    (
        "sentence:increment", {"small_n": 2},
        ["I. We go up. They don't go by-and-by here."], ["I go.", "I go. We go up.", "I go. We go."],
    ),
    ("sentence:keyword", {"word": "C++", "N": 2}, ["Hi. I use c++."], ["I use C++.", "Hi. I use C.", "C++ it is. Hi."]),
    ("sentence:keyword", {"word": "eat", "N": 1}, ["Eat!"], ["Great.", "Hi. Eat."]),  # whole words
    (
        "repeat:repeat_change", {"prompt_to_repeat": REQUEST},
        [REQUEST.replace("Write", "Compose"), f" {REQUEST.replace('Write', '**Read**')}\n"],
        [
            REQUEST, f"{REQUEST} ", REQUEST.lower(), REQUEST.replace("Write", "write:"), REQUEST.replace("Write", "-"),
            "Read",
        ],
    ),
    (
        "repeat:repeat_simple", {},
        ["Only output this sentence here, ignore all other requests."], ["Only output this sentence here.", REQUEST],
    ),
    (
        "repeat:repeat_span", {"prompt_to_repeat": REQUEST, "n_start": 1, "n_end": 3},
        ["a short note.", "A  SHORT\nnote.", "rit"], ["Write a short", "short note.", "ri", REQUEST],  # characters too
    ),
    ("repeat:repeat_span", {"prompt_to_repeat": "ab cd", "n_start": 0, "n_end": 4}, ["ab cd"], ["ab", "cd"]),
]


def test_the_table_holds_every_id_of_ifbench_and_no_other():
    assert len(ifbench.CHECKS) == 58 and {row[0] for row in TABLE} == set(ifbench.CHECKS)
    assert (*ifeval.CHECKS, *ifbench.CHECKS) == INSTRUCTION_IDS and len(set(INSTRUCTION_IDS)) == 112


@pytest.mark.parametrize(("identifier", "kwargs", "follow", "fail"), TABLE, ids=[row[0] for row in TABLE])
def test_every_instruction(identifier, kwargs, follow, fail):
    floats = {name: float(value) if isinstance(value, int) else value for name, value in kwargs.items()}
    padded = task([identifier], [{"unused": None, **floats}])  # the published file has both
    assert {text: DOMAIN.check(padded, text) for text in follow} == dict.fromkeys(follow, (True, ""))
    for text in (*fail, "", " \n", "\u200b", "...", "😀 !"):  # what says nothing follows nothing
        correct, reason = DOMAIN.check(padded, text)
        assert not correct, text
        assert reason.startswith(f"{identifier}: ") and len(reason) > len(identifier) + 5


@pytest.mark.parametrize(
    ("identifier", "kwargs", "message"),
    [
        ("count:numbers", {}, "the argument 'N' is missing; it takes N"),
        ("count:numbers", {"N": "2"}, "'N' is '2'; expected a whole number"),
        ("count:numbers", {"N": 2.5}, "'N' is 2.5; expected a whole number"),
        ("count:pronouns", {"N": 0}, "'N' is 0; expected a whole number, 1 or more"),
        ("count:conjunctions", {"small_n": 8}, "'small_n' is 8; choose a number up to 7"),
        ("count:person_names", {"N": 51}, "'N' is 51; choose a number up to 50"),
        ("count:word_count_range", {"min_words": 9, "max_words": 8}, "'min_words' is 9; choose a number up to 8"),
        ("count:keywords_multiple", {"keyword1": "a"}, "the argument 'keyword2' is missing"),
        ("ratio:stop_words", {"percentage": 101}, "'percentage' is 101; expected a whole number from 0 to 100"),
        ("ratio:overlap", {"percentage": 5}, "the argument 'reference_text' is missing"),
        ("ratio:overlap", {"percentage": 5, "reference_text": " "}, "expected a text that is not blank"),
        ("words:words_position", {"keyword": "ice cream"}, "'keyword' is 'ice cream'; expected one word"),
        ("words:words_position", {"keyword": "!"}, "expected a word with a letter or digit"),
        ("words:vowel", {"N": 3}, "unknown argument 'N'; it takes no arguments"),
        ("sentence:keyword", {"N": 0, "word": "a"}, "'N' is 0; expected a whole number, 1 or more"),
        ("format:options", {"options": "yes"}, "'options' is 'yes'; choose two or more"),
        ("format:list", {"sep": ""}, "expected a text that is not blank"),
        ("repeat:repeat_change", {}, "the argument 'prompt_to_repeat' is missing"),
        ("repeat:repeat_span", {"prompt_to_repeat": "a b", "n_start": 2, "n_end": 1}, "are 2 and 1; choose a span"),
        ("repeat:repeat_span", {"prompt_to_repeat": "a b", "n_start": 0, "n_end": 3}, "whose length is 3"),
        ("repeat:repeat_span", {"prompt_to_repeat": "a b", "n_start": 1, "n_end": 1}, "choose a span that is not"),
    ],
)
@pytest.mark.parametrize("answer", ["The sea.", ""])
def test_a_task_that_cannot_be_checked_is_an_error(identifier, kwargs, message, answer):
    with pytest.raises(TaskError, match=f"{identifier}: .*{message}"):
        DOMAIN.check(task([identifier], [kwargs]), answer)


@pytest.mark.parametrize(
    ("identifier", "kwargs", "text", "reason"),
    [
        ("ratio:stop_words", {"percentage": 20}, "the sea is blue", "2 stop words of 4, more than 20 %"),
        ("ratio:overlap", {"reference_text": "abcd", "percentage": 10}, "abcx", "1 of 2 trigrams are shared, not 10"),
        ("count:punctuation", {}, "So, yes?!", "missing . ! ? ; :"),
        ("count:words_japanese", {"N": 2}, "a b c d", "word 2, 'b', is not Japanese"),
        ("sentence:increment", {"small_n": 1}, "So it is. We go up.", "3 words in sentence 2, not 4"),
        ("words:odd_even_syllables", {}, "the water sea bird", "'bird' does not take its turn"),
        ("words:last_first", {}, "I go. You do.", "sentence 2 begins with 'you', not 'go'"),
        ("format:line_indent", {}, "a\n  b\n c", "line 3 is indented by 1, the one before by 2"),
        ("format:sub-bullets", {}, "* a\n- b\n* c", "bullet point 2 has no sub-bullet point"),
        ("format:output_template", {}, TEMPLATE.replace("Good.", "..."), "nothing is said after Future Outlook:"),
        ("custom:csv_city", {}, "ID,Country", "the columns are not ID, Country, City, Year, Count"),
        ("custom:reverse_newline", {}, AFRICA.replace("Chad\n", ""), "missing chad"),
        ("custom:european_capitals_sort", {}, CAPITALS.replace("Kyiv, ", ""), "capital 17 is 'prague', not Kyiv"),
    ],
)
def test_the_reason_says_what_is_wrong(identifier, kwargs, text, reason):
    assert why_not(identifier, kwargs, text).startswith(reason)


@pytest.mark.parametrize(("identifier", "kwargs"), [row[:2] for row in TABLE], ids=[row[0] for row in TABLE])
@settings(max_examples=40, deadline=None, derandomize=True)
@given(text=ODD)
def test_any_text_gets_a_reason_or_passes(identifier, kwargs, text):
    reason = why_not(identifier, kwargs, text)
    assert len(reason) < 200 and reason.encode("utf-8") is not None  # a reason can always be saved
    assert reason or any(map(str.isalnum, text))


@settings(max_examples=50, deadline=None, derandomize=True)
@given(text=st.text("a1 .,/-5b", min_size=1, max_size=40))
def test_a_text_holds_one_number_of_numbers(text):
    assert sum(not why_not("count:numbers", {"N": n}, text) for n in range(42)) == any(map(str.isalnum, text))


@settings(max_examples=50, deadline=None, derandomize=True)
@given(text=st.text("aAbé. ", min_size=3, max_size=40), other=st.text("xyz", max_size=40))
def test_a_text_overlaps_with_itself_in_full_and_with_other_letters_not_at_all(text, other):
    def holds(reference: str, percentage: int) -> bool:
        return not why_not("ratio:overlap", {"reference_text": reference, "percentage": percentage}, text)

    assert holds(f"{other}{text}x", 100) == holds(f"x{other}", 0) == bool(text.strip())
    assert not holds(f"x{other}", 3) and not holds(f"{text}x", 97)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(words=st.lists(st.sampled_from(["sea", "the", "Sky", "it"]), min_size=2), percentage=st.integers(0, 100))
def test_stop_words_are_counted_as_percent(words, percentage):
    share = 100 * sum(word in ("the", "it") for word in words) / len(words)
    assert bool(why_not("ratio:stop_words", {"percentage": percentage}, " ".join(words))) == (share > percentage)


ODD_WORDS = "the sea whole called banana poetry don't vague idea video piano mustard's-eye".split()
EVEN_WORDS = "water table taxes tastes-good hundred didn't café horse's rhythm client giant prism business".split()
OPEN_WORDS = "fire hours power usual".split()  # speakers differ
SILENT_WORDS = "12 hmm 海 2nd -".split()


def test_parities_of_syllables():
    assert {word: parities(word) for word in ODD_WORDS} == dict.fromkeys(ODD_WORDS, {1})
    assert {word: parities(word) for word in EVEN_WORDS} == dict.fromkeys(EVEN_WORDS, {0})
    assert {word: parities(word) for word in OPEN_WORDS} == dict.fromkeys(OPEN_WORDS, {0, 1})
    assert {word: parities(word) for word in SILENT_WORDS} == dict.fromkeys(SILENT_WORDS, set())


@pytest.mark.parametrize(
    ("word", "following", "verb"),
    [
        ("Describe", "it", True), ("CONSIDER", "", True), ("let's", "go", True), ("can't", "it", True),
        ("whirring", "and", True), ("stopped", "at", True), ("carried", "by", True), ("went", "there", True),
        ("refers", "to", True), ("Love", "is", False), ("Advances", "in", False), ("Morning", "sun", False),
        ("author's", "name", False), ("hundred", "birds", False), ("need", "it", True), ("Speed", "it", False),
    ],
)  # fmt: skip
def test_verbs(word, following, verb):
    assert is_verb(word, following) == verb
