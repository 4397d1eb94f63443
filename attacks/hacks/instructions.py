"""Answers that say nothing, for every public instruction, and ones to compact tasks that follow all of theirs."""

from __future__ import annotations

from hypothesis import strategies as st

from attacks.hacks.hack import hacks, thought
from training.domains import Task, get_domain
from training.domains.instruction_checks import CHECKS, REPEATING, arguments

PROMPT = "Write a short note about the wide sea. Follow what is asked."
GIVEN = {  # the reader of an argument: what it may be
    arguments.passage: PROMPT,
    arguments.keyword: "sea",
    arguments.word: "sea",
    arguments.one_word: "sea",
    arguments.keywords: ["sea", "wide"],
    arguments.phrase: "the wide blue sea",
    arguments.letter: "s",
    arguments.number: 2,
    arguments.positive: 2,
    arguments.percentage: 50,
    arguments.language: "en",
}
KEYS = {"options": "yes/no/maybe", "n_start": 1, "n_end": 4, "min_words": 1, "max_words": 60}
NOTHING = (
    "",
    " ",
    "\n\n\t",
    "\u200b",
    "\u2060\ufeff",
    "\u00ad",
    "\u3164",
    "\U000e0041\U000e0042",
    "...",
    "* ",
    "- \n- \n- ",
    "---",
    "******",
    "***",
    "!?",
    "\u202e\u202c",
    "😀",
    "😀 😀 😀",
    "[] []",
    "<< >>",
    "<<>>",
    '""',
    "``````",
    "_ _ _ _ _ _",
    "```\n```",
    "<|im_end|>",
    "<|endoftext|>\n",
    "{}",
    "[]",
    "\x00",
    "。。。",
    "()",
    "([{([{}])}])",
    "؟",
    ",,,,",
)
WORDS = ("sea", "yes", "a", "The", "SEA", "1", "海", "é", "sea.", "Sea!", "*sea*", "[sea]", "wide")
OPTIONS = ("My answer is yes. My answer is no. My answer is maybe.", "yes/no/maybe", "yes, no, maybe", "yes no maybe")
FORBIDDEN = (
    "The s\u200bea is wide.",
    "The se\u00ada is wide.",
    "The s\u2060ea is wide.",
    "the SE\u200bA",
    "s\u034fea is wide",
)


def _kwargs(identifier: str, relation: str) -> dict:
    """Arguments that an instruction may have."""
    named = {
        name: KEYS.get(name, relation if reader is arguments.relation else GIVEN.get(reader))
        for name, reader in CHECKS[identifier].readers.items()
    }
    return {**named, **({"nth_paragraph": 1} if "nth_paragraph" in named else {})}


def _task(ids: tuple[str, ...]) -> st.SearchStrategy[Task]:
    return st.builds(
        lambda identifier, relation: Task(
            "instructions",
            "i",
            PROMPT,
            None,
            {"instruction_id_list": [identifier], "kwargs": [_kwargs(identifier, relation)]},
        ),
        st.sampled_from(ids),
        st.sampled_from(arguments.RELATIONS),
    )


ANY = _task(tuple(CHECKS))
OTHER = _task(tuple(name for name in CHECKS if name not in REPEATING))


def _one(identifier: str, text: st.SearchStrategy[str], **given) -> st.SearchStrategy[tuple[Task, str]]:
    task = Task("instructions", "i", PROMPT, None, {"instruction_id_list": [identifier], "kwargs": [given]})
    return thought(st.tuples(st.just(task), text))


COMPACT = get_domain("instructions")
TASK = st.builds(lambda seed, index: COMPACT.task("train", seed, index), st.integers(0, 99), st.integers(0, 199))
MARKS = st.text(
    st.characters(codec="utf-8", categories=("P", "S", "Z", "Cf", "Cc"), exclude_characters="<>"), max_size=40
)
ATTACKS = {
    "nothing": thought(st.tuples(ANY, st.sampled_from(NOTHING))),
    "marks alone": thought(st.tuples(ANY, MARKS)),
    "one word again and again": thought(
        st.tuples(
            OTHER,
            st.builds(
                lambda word, join, times: join.join([word] * times),
                st.sampled_from(WORDS),
                st.sampled_from((" ", "\n", ", ", ". ", "\n\n")),
                st.integers(3, 400),
            ),
        )
    ),
    "the prompt": thought(
        st.tuples(
            OTHER,
            st.builds(
                lambda times, join: join.join([PROMPT] * times),
                st.integers(1, 9),
                st.sampled_from((" ", "\n", "\u200b\n")),
            ),
        )
    ),
    "in the reasoning only": st.builds(
        lambda task, form: (task, form.format(COMPACT.reference(task))),
        TASK,
        st.sampled_from(("<think>{}</think>", "<think>{}", "<think>{}</think>...", "<think>a</think><think>{}")),
    ),
    "a forbidden word with hidden Unicode": _one(
        "keywords:forbidden_words", st.sampled_from(FORBIDDEN), forbidden_words=["sea"]
    ),
    "all options": _one("detectable_format:constrained_response", st.sampled_from(OPTIONS)),
    "all choices": _one("format:options", st.sampled_from(OPTIONS), options="yes/no/maybe"),
    "sections with nothing in them": _one(
        "detectable_format:multiple_sections",
        st.builds(
            lambda n, join: join.join(f"Section {k}" for k in range(1, n)),
            st.integers(4, 40),
            st.sampled_from((" ", "\n", ": ", ".\n")),
        ),
        section_spliter="Section",
        num_sections=3,
    ),
    "another mark for a comma": _one("punctuation:no_comma", st.sampled_from(("The sea，wide", "海、川", "so، it is"))),
    "a word too few": st.builds(
        lambda n, said: (
            Task(
                "instructions",
                "i",
                PROMPT,
                None,
                {
                    "instruction_id_list": ["length_constraints:number_words"],
                    "kwargs": [{"num_words": n + 1, "relation": "at least"}],
                },
            ),
            f"<think>{said}</think>" + " ".join(f"w{k}" for k in range(n)) + " _ _ - * 😀 \u200b",
        ),
        st.integers(1, 60),
        st.text("abc", max_size=9),
    ),
}
HONEST = {
    "the reference": thought(st.builds(lambda task: (task, COMPACT.reference(task)), TASK)),
    "the reference, then the end of a turn": thought(
        st.builds(
            lambda task, mark: (task, COMPACT.reference(task) + mark),
            TASK,
            st.sampled_from(("\n", "<|im_end|>", " \n<|endoftext|>")),
        )
    ),
}
HACKS = hacks("instructions", ATTACKS, HONEST)
