"""Checks, turns, loops, lengths and their summary through the public functions, on traces labelled by hand."""

import time

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from behaviors.episodes import checks, lengths, loops, summary, turns
from behaviors.taxonomy import BACKTRACKING, LABELS, OTHER, SELF_VERIFICATION
from behaviors.wordings import APPROACHES, CONFIRMATIONS, DENIALS

SHORT = {"sv": SELF_VERIFICATION, "bt": BACKTRACKING, "": OTHER}
EMPTY = pd.DataFrame({"text_id": [], "sentence": [], "text": [], "label": []})
"""A frame without rows whose columns have no types of their own."""


def frame(*traces):
    """A tags frame of traces given as lists of (label, text)."""
    rows = [(text_id, k, text, SHORT[label]) for text_id, trace in enumerate(traces)
            for k, (label, text) in enumerate(trace)]
    columns = zip(*rows, strict=True) if rows else [()] * 4
    return pd.DataFrame({name: pd.Series(column, dtype=kind) for name, kind, column in zip(
        ("text_id", "sentence", "text", "label"), ("int64", "int64", object, str), columns, strict=True)})


def rows(found):
    """The rows of a frame without their text_id."""
    return list(found.drop(columns="text_id").itertuples(index=False, name=None))


TRACES = [  # a trace, its checks (first, last, n_sentences, outcome, answered_by), its turns (first, last, n, scope)
    # math
    ([("", "14 + 9 = 23."), ("sv", "Let me check: 23 - 9 = 14."), ("sv", "That matches.")],
     [(1, 2, 2, "confirmed", 2)], []),
    ([("sv", "Let me check: 22 - 9 = 13."), ("sv", "That is not 14."), ("bt", "Wait, that is wrong."), ("", "It is 5")],
     [(0, 1, 2, "found_error", 2)], [(2, 2, 1, "step")]),
    ([("sv", "Let me check: 22 - 9 = 13."), ("sv", "That is not 14."), ("", "So I add."), ("", "5.")],
     [(0, 1, 2, "found_error", 1)], []),
    ([("sv", "Let me verify the sum."), ("", "3 + 4 = 7."), ("", "7 + 5 = 12.")], [(0, 0, 1, "unresolved", -1)], []),
    ([("sv", "Let me check."), ("", "2 * 3 = 6."), ("", "6 + 1 = 7."), ("", "7 - 7 = 0."), ("sv", "Yes.")],
     [(0, 4, 5, "confirmed", 4)], []),
    ([("sv", "Let me check."), *[("", f"{k} + 1.") for k in range(4)], ("sv", "Yes.")],  # four sentences are too many
     [(0, 0, 1, "unresolved", -1), (5, 5, 1, "confirmed", 5)], []),
    ([("sv", "Let me check."), ("bt", "Wait, it is 12, not 11."), ("sv", "Now that checks out.")],  # a turn ends it
     [(0, 0, 1, "found_error", 1), (2, 2, 1, "confirmed", 2)], [(1, 1, 1, "step")]),
    ([("sv", "Let me check."), ("", "It is 13."), ("bt", "No, I made a mistake in the subtraction.")],
     [(0, 0, 1, "found_error", 2)], [(2, 2, 1, "step")]),
    ([("sv", "Let me check."), ("", "It is 13."), ("", "It was 12."), ("bt", "That is wrong.")],
     [(0, 0, 1, "found_error", 3)], [(3, 3, 1, "step")]),
    ([("sv", "Let me check."), *[("", f"{k} + 1.") for k in range(3)], ("bt", "That is wrong.")],  # too late
     [(0, 0, 1, "unresolved", -1)], [(4, 4, 1, "step")]),
    ([("sv", "That is not 14."), ("", "I forgot to carry."), ("sv", "Now it is 14, which is correct.")],  # the last one
     [(0, 2, 3, "confirmed", 2)], []),
    ([("sv", "That matches."), ("", "But x is 2."), ("sv", "Then the second equation does not hold.")],
     [(0, 2, 3, "found_error", 2)], []),
    ([("sv", "That matches."), ("bt", "Alternatively, use induction.")],  # another approach undoes no confirmation
     [(0, 0, 1, "confirmed", 0)], [(1, 1, 1, "approach")]),
    ([("sv", "That matches."), ("bt", "No, I misread the 3.")],  # an error found does
     [(0, 0, 1, "found_error", 1)], [(1, 1, 1, "step")]),
    ([("sv", "Is that right?"), ("", "9 - 4 = 5.")], [(0, 0, 1, "unresolved", -1)], []),
    ([("sv", "Is that right? Yes."), ("", "Next.")], [(0, 0, 1, "confirmed", 0)], []),
    ([("sv", "Let me check whether 3.5 is correct."), ("", "7 / 2 is 3 and a half.")],
     [(0, 0, 1, "unresolved", -1)], []),
    ([("bt", "Wait, that is wrong."), ("bt", "I misread the 3.")], [], [(0, 1, 2, "step")]),
    ([("bt", "I made a mistake."), ("bt", "Let me start over with a simpler way."), ("", "x = 1."), ("bt", "It is 2.")],
     [], [(0, 1, 2, "approach"), (3, 3, 1, "step")]),
    # code
    ([("sv", "Let me run it."), ("", "f(5) = 13."), ("", "It must be 13."), ("sv", "Good.")],
     [(0, 3, 4, "confirmed", 3)], []),
    ([("sv", "Let me test f([])."), ("", "It returns None, which is wrong."), ("sv", "Let me check f([1]) too.")],
     [(0, 2, 3, "found_error", 1)], []),
    ([("sv", "Let me double-check that all tests pass."), ("sv", "The second assertion fails."), ("", "I fix it.")],
     [(0, 1, 2, "found_error", 1)], []),
    ([("bt", "A nested loop will not work."), ("", "It is quadratic."), ("bt", "Let me use a hash map instead.")],
     [], [(0, 0, 1, "approach"), (2, 2, 1, "approach")]),
    ([("bt", "Actually, the loop must start at 1, use 1 instead of 0.")], [], [(0, 0, 1, "step")]),
    # science
    ([("sv", "Let me check the units."), ("", "kg * m / s^2 is N."), ("sv", "The units match, so that\u2019s right.")],
     [(0, 2, 3, "confirmed", 2)], []),
    ([("sv", "So option B is not correct."), ("", "Option C says the same of gases.")],
     [(0, 0, 1, "found_error", 0)], []),
    ([("sv", "Energy isn\u2019t conserved here, so this **can\u2019t** be right.")], [(0, 0, 1, "found_error", 0)], []),
    ([("bt", "Wait, the question asks for the power, not the energy.")], [], [(0, 0, 1, "approach")]),
    ([("bt", "I misread the question."), ("sv", "Let me make sure it is a right triangle.")],
     [(1, 1, 1, "unresolved", -1)], [(0, 0, 1, "approach")]),
    ([("bt", "Hmm, the mass is 3 kg, not 5 kg.")], [], [(0, 0, 1, "step")]),
    # essays
    ([("sv", "Let me verify: there are 2 paragraphs of 3: no."), ("", "Add one.")], [(0, 0, 1, "found_error", 0)], []),
    ([("sv", "Check: the end is Bye: yes."), ("sv", "Check: there is no dash: yes.")], [(0, 1, 2, "confirmed", 1)], []),
    ([("sv", "Is the tone consistent with the brief?"), ("sv", "It reads well and it makes sense.")],
     [(0, 1, 2, "confirmed", 1)], []),
    ([("bt", "Perhaps a better thesis is that trade caused the war.")], [], [(0, 0, 1, "approach")]),
    ([("bt", "Let me think about the essay differently."), ("bt", "I was wrong about the date.")],
     [], [(0, 1, 2, "approach")]),
    ([("bt", "On second thought, it was 1914.")], [], [(0, 0, 1, "step")]),
]

VERDICTS = {
    "confirmed": ["Everything checks out.", "**Great!**", "Let me check: 3 + 4 = 7, which matches.", "No error here.",
                  "Let me double-check 23 - 9 = 14 which is correct.", "No, wait, that is correct.", "All tests pass.",
                  "The check passes.", "That doesn't contradict anything.", "Both sides are equal.", "Yes, it holds."],
    "found_error": ["The values do not match.", "It is not quite right.", "This doesn't add up.", "That\u2019s not 4.",
                    "There is an off-by-one error in the loop.", "None of the options fit.", "That is false."],
    "unresolved": ["Let me check the right angle.", "Let's correct it.", "Yes, let me check that.", "It should be 14.",
                   "I should ensure that the code passes.", "Let me verify that x = 3 is valid.", "Does 3 match 7?",
                   "ABC is a right triangle.", "It is correct to two decimals."],
}
SCOPES = {
    "approach": ["There's another interpretation.", "Instead, let me count pairs.", "Let me take a step back."],
    "step": ["Let me reconsider the sign.", "Let me go back and fix it.", "The problem says 3, not 4.", "It was 7.",
             "Use 12 instead.", "I should use x = 3 instead of 4."],
}


@pytest.mark.parametrize(("trace", "expected", "turned"), TRACES)
def test_checks_and_turns_of_a_trace(trace, expected, turned):
    tags = frame(trace)
    assert rows(checks(tags)) == expected
    assert rows(turns(tags)) == turned


@pytest.mark.parametrize(("says", "sentence"), [(says, one) for says, many in VERDICTS.items() for one in many])
def test_what_a_sentence_says_of_a_check(says, sentence):
    assert checks(frame([("sv", sentence)]))["outcome"].tolist() == [says]


@pytest.mark.parametrize(("scope", "sentence"), [(scope, one) for scope, many in SCOPES.items() for one in many])
def test_what_a_turn_gives_up(scope, sentence):
    assert turns(frame([("bt", sentence)]))["scope"].tolist() == [scope]


@pytest.mark.parametrize("wordings", [DENIALS, CONFIRMATIONS, APPROACHES], ids=["denials", "confirmations", "scopes"])
def test_every_example_of_a_wording_says_it(wordings):
    tags = frame(*[[("bt" if wordings is APPROACHES else "sv", wording.example)] for wording in wordings])
    found = turns(tags)["scope"] if wordings is APPROACHES else checks(tags)["outcome"]
    assert set(found) == {{DENIALS: "found_error", CONFIRMATIONS: "confirmed"}.get(wordings, "approach")}
    assert len(found) == len(wordings) == len({wording.name for wording in wordings})


def test_only_the_first_2000_characters_are_searched():
    for before, outcome in ((1_992, "confirmed"), (1_993, "unresolved")):
        assert checks(frame([("sv", "x" * before + " matches")]))["outcome"].tolist() == [outcome]


LOOPS = [  # sentences, loops (first, last, block, repeats)
    ("It is red. It is red. It is red.", [(0, 2, 1, 3)]),
    ("It is red. It is red.", []),
    ("It is red. IT  IS\tred. it is Red.", [(0, 2, 1, 3)]),  # case and white space
    ("Wait. Wait. Wait. Wait. Wait.", []),  # a single short sentence must come six times
    ("Wait. Wait. Wait. Wait. Wait. Wait. Wait.", [(0, 6, 1, 7)]),
    ("Wait. No. Wait. No. Wait. No. Wait.", [(0, 5, 2, 3)]),  # the odd one is no whole copy
    ("x = 1 a. b c d. x = 1 a. b c d. x = 1 a. b c d. End.", [(0, 5, 2, 3)]),
    ("a b c. a b c. a b c. d e f. d e f. d e f.", [(0, 2, 1, 3), (3, 5, 1, 3)]),
    ("a b c. a b c. a b c. d e f. a b c. a b c. a b c. d e f. a b c. a b c. a b c. d e f.", [(0, 11, 4, 3)]),
    ("One. 1. 2. 3. 4. 5. 6. 7. 8. 1. 2. 3. 4. 5. 6. 7. 8. 1. 2. 3. 4. 5. 6. 7. 8.", [(1, 24, 8, 3)]),
    ("1. 2. 3. 4. 5. 6. 7. 8. 9. " * 4, []),  # a block of nine is too long
]


@pytest.mark.parametrize(("text", "expected"), LOOPS)
def test_loops(text, expected):
    pieces = [piece + "." for piece in text.strip().removesuffix(".").split(". ")]
    assert rows(loops(frame([("", piece) for piece in pieces]))) == expected


def brute_loops(sentences):
    """The first start wins, there the block whose copies cover most sentences, of equal ones the smallest."""
    found, start = [], 0
    while start < len(sentences):
        best = (0, 0, 0)
        for block in range(1, 9):
            copies = 1
            while (again := sentences[start + copies * block:start + (copies + 1) * block]) and (
                    again == sentences[start:start + block]):
                copies += 1
            alone = block == 1 and len(sentences[start].split()) < 3
            if copies >= (6 if alone else 3):
                best = max(best, (copies * block, -block, copies))
        if best[0]:
            found.append((start, start + best[0] - 1, -best[1], best[2]))
        start += best[0] or 1
    return found


@settings(deadline=None)
@given(st.lists(st.sampled_from(["It is red.", "Wait."]), max_size=40))
def test_loops_equal_brute_force_on_two_sentences(sentences):
    assert rows(loops(frame([("", sentence) for sentence in sentences]))) == brute_loops(sentences)


@settings(deadline=None)
@given(st.lists(st.sampled_from("ab"), min_size=1, max_size=10), st.integers(1, 7), st.integers(0, 9),
       st.lists(st.sampled_from("ab"), max_size=5))
def test_loops_equal_brute_force_on_repeated_blocks(block, copies, more, before):
    sentences = [f"{letter} is red." for letter in before + block * copies + (block * 2)[:more]]
    assert rows(loops(frame([("", sentence) for sentence in sentences]))) == brute_loops(sentences)


LABELLED = st.lists(st.tuples(st.sampled_from(list(SHORT)), st.sampled_from(
    ["Let me check.", "Yes.", "That is not 14.", "Wait, no.", "Let me try another way.", "7.", ""])), max_size=15)


@settings(max_examples=40, deadline=None)
@given(st.lists(LABELLED, max_size=4), st.randoms(use_true_random=False))
def test_lengths_and_summary_add_up_in_any_order_of_rows(traces, random):
    tags = frame(*traces)
    places = list(range(len(tags)))
    random.shuffle(places)
    shuffled = tags.iloc[places]
    found = lengths(shuffled, lambda texts: [len(text.split()) for text in texts])
    totals = found.groupby("text_id")[["sentences", "characters", "tokens"]].sum()
    for text_id, trace in tags.groupby("text_id"):
        texts = trace["text"].tolist()
        assert totals.loc[text_id].tolist() == [len(texts), sum(map(len, texts)), sum(len(t.split()) for t in texts)]
    table = summary(shuffled)
    assert table["text_id"].tolist() == sorted(tags["text_id"].unique())
    assert (table["checks"] == table[["confirmed", "found_error", "unresolved"]].sum(axis=1)).all()
    assert (table["turns"] == table[["step", "approach"]].sum(axis=1)).all()
    assert (table["looped_sentences"] <= lengths(tags).groupby("text_id")["sentences"].sum().tolist()).all()


@settings(deadline=None)
@given(LABELLED)
def test_checks_and_turns_cover_their_sentences_once(trace):
    tags = frame(trace)
    for found, label, joins in ((checks(tags), "sv", {"sv", ""}), (turns(tags), "bt", {"bt"})):
        covered = [k for one in found.itertuples() for k in range(one.first, one.last + 1)]
        assert len(covered) == len(set(covered)) == found["n_sentences"].sum()
        assert {k for k, (here, _) in enumerate(trace) if here == label} <= set(covered)
        assert {trace[k][0] for k in covered} <= joins
        assert all(trace[one.first][0] == trace[one.last][0] == label for one in found.itertuples())


def test_lengths_keep_zeros_and_have_no_tokens_unless_counted():
    tags = frame([("sv", "Yes."), ("", "It is 4.")], [("", "a")]).assign(text_id=[3, 3, 8])
    assert list(lengths(tags).columns) == ["text_id", "label", "sentences", "characters"]
    assert list(lengths(tags).itertuples(index=False, name=None)) == [
        (3, SELF_VERIFICATION, 1, 4), (3, BACKTRACKING, 0, 0), (3, OTHER, 1, 8),
        (8, SELF_VERIFICATION, 0, 0), (8, BACKTRACKING, 0, 0), (8, OTHER, 1, 1)]
    assert lengths(tags, lambda texts: [7] * len(texts))["tokens"].tolist() == [7, 0, 7, 0, 0, 7]


def test_lengths_refuse_a_counter_that_drops_sentences():
    with pytest.raises(ValueError, match="count_tokens gave 1 numbers for 2 sentences"):
        lengths(frame([("", "a"), ("", "b")]), lambda texts: [1])


def test_summary_of_several_traces():
    tags = frame([("sv", "Let me check."), ("bt", "Wait, no."), ("sv", "Yes.")], [("", "It is red.")] * 4,
                 [("bt", "Alternatively, add."), ("", "1."), ("bt", "It is 3."), ("sv", "Let me check.")])
    table = summary(tags)
    assert list(table.columns) == ["text_id", "checks", "confirmed", "found_error", "unresolved", "turns", "step",
                                   "approach", "loops", "looped_sentences"]
    assert table.to_numpy().tolist() == [[0, 2, 1, 1, 0, 1, 1, 0, 0, 0], [1, 0, 0, 0, 0, 0, 0, 0, 1, 3],
                                         [2, 1, 0, 0, 1, 2, 1, 1, 0, 0]]


def test_empty_tags_give_typed_empty_frames():
    for empty in (EMPTY, frame(), frame([])):
        for found in (checks(empty), turns(empty), loops(empty), lengths(empty), lengths(empty, len), summary(empty)):
            words = {"outcome", "scope", "label"} & set(found.columns)
            assert len(found) == 0 and (found.drop(columns=words).dtypes == "int64").all()
            assert all(found[name].dtype == "str" for name in words)
    assert [len(found.columns) for found in (checks(EMPTY), turns(EMPTY), loops(EMPTY), lengths(EMPTY, len))] == [
        6, 5, 5, 5]


@pytest.mark.parametrize(("change", "error", "named"), [
    (lambda tags: tags.drop(columns="label"), ValueError, "lack the column 'label'"),
    (lambda tags: tags.assign(label="check"), ValueError, f"'check'; choose from {', '.join(LABELS)}"),
    (lambda tags: tags.iloc[1:], ValueError, "text_id 0 is not numbered"),
    (lambda tags: pd.concat([tags, tags]), ValueError, "text_id 0 is not numbered"),
    (lambda tags: tags.assign(text=pd.Series(["a", 1], dtype=object)), TypeError, "text_id 0 has a text of type int"),
])
@pytest.mark.parametrize("function", [checks, turns, loops, lengths, summary])
def test_frames_that_are_no_tags_are_named(function, change, error, named):
    with pytest.raises(error, match=named):
        function(change(frame([("sv", "Yes."), ("", "b")])))


@pytest.mark.parametrize("piece", ["a", " ", ": no", "is really ", '"', "check that ", "?", "not a ", "\ud800",
                                   "use it ", "the question ", "1,", "so, "])
def test_long_and_monotonous_sentences_take_no_time(piece):
    text = piece * (200_000 // len(piece))
    tags = frame([("sv", text), ("bt", text), ("", text)])
    start = time.perf_counter()
    assert summary(tags)[["checks", "turns"]].to_numpy().tolist() == [[1, 1]]
    assert time.perf_counter() - start < 1


def test_a_long_trace_of_one_word_takes_no_time():
    tags = frame([("bt", "Wait.")] * 20_000, [("", f"Line {k % 9999}.") for k in range(20_000)])
    start = time.perf_counter()
    assert rows(loops(tags)) == [(0, 19_999, 1, 20_000)]
    assert time.perf_counter() - start < 1
