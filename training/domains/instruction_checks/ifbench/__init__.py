"""The table of the 58 instructions of IFBench's test set (arXiv 2507.02833), one file a family: for each public id, the
function that judges it and the arguments that it takes.

Read in: ifbench/instructions.py, instructions_registry.py and data/IFBench_test.jsonl of allenai/IFBench. Where a check
there lets through what the prompt forbids, fails what it asks for, or needs a trained model, the departure is numbered
in the family's file; what holds for all of them is in `tokens`.
"""

from __future__ import annotations

from training.domains.instruction_checks import arguments, positions
from training.domains.instruction_checks.check import Check
from training.domains.instruction_checks.ifbench import (
    count,
    custom,
    custom_lists,
    custom_tables,
    format,
    nesting,
    ratio,
    repeat,
    sentence,
    words,
)

_N = {"N": arguments.positive}
_SMALL_N = {"small_n": arguments.positive}
_PROMPT = {"prompt_to_repeat": arguments.passage}

CHECKS: dict[str, Check] = {
    "count:word_count_range": Check(
        count.word_count_range, {"min_words": arguments.number, "max_words": arguments.positive}
    ),
    "count:unique_word_count": Check(count.unique_word_count, _N),
    "ratio:stop_words": Check(ratio.stop_words, {"percentage": arguments.percentage}),
    "ratio:sentence_type": Check(ratio.sentence_type, {}),
    "ratio:sentence_balance": Check(ratio.sentence_balance, {}),
    "count:conjunctions": Check(count.conjunctions, _SMALL_N),
    "count:person_names": Check(count.person_names, _N),
    "ratio:overlap": Check(
        ratio.overlap, {"reference_text": arguments.passage, "percentage": arguments.percentage}
    ),
    "count:numbers": Check(count.numbers, {"N": arguments.number}),
    "words:alphabet": Check(words.alphabet, {}),
    "words:vowel": Check(words.vowel, {}),
    "words:consonants": Check(words.consonants, {}),
    "sentence:alliteration_increment": Check(sentence.alliteration_increment, {}),
    "words:palindrome": Check(words.palindrome, {}),
    "count:punctuation": Check(count.punctuation, {}),
    "format:parentheses": Check(nesting.parentheses, {}),
    "format:quotes": Check(nesting.quotes, {}),
    "words:prime_lengths": Check(words.prime_lengths, {}),
    "format:options": Check(format.options, {"options": arguments.passage}),
    "format:newline": Check(format.newline, {}),
    "format:emoji": Check(format.emoji, {}),
    "ratio:sentence_words": Check(ratio.sentence_words, {}),
    "count:words_japanese": Check(count.words_japanese, _N),
    "words:start_verb": Check(words.start_verb, {}),
    "words:repeats": Check(words.repeats, _SMALL_N),
    "sentence:keyword": Check(sentence.keyword, {"word": arguments.keyword, "N": arguments.positive}),
    "count:pronouns": Check(count.pronouns, _N),
    "words:odd_even_syllables": Check(words.odd_even_syllables, {}),
    "words:last_first": Check(words.last_first, {}),
    "words:paragraph_last_first": Check(words.paragraph_last_first, {}),
    "sentence:increment": Check(sentence.increment, _SMALL_N),
    "words:no_consecutive": Check(words.no_consecutive, {}),
    "format:line_indent": Check(format.line_indent, {}),
    "format:quote_unquote": Check(nesting.quote_unquote, {}),
    "format:list": Check(format.list_with, {"sep": arguments.keyword}),
    "format:thesis": Check(format.thesis, {}),
    "format:sub-bullets": Check(format.sub_bullets, {}),
    "format:no_bullets_bullets": Check(format.no_bullets_bullets, {}),
    "custom:multiples": Check(custom.multiples, {}),
    "custom:mcq_count_length": Check(custom.mcq_count_length, {}),
    "custom:reverse_newline": Check(custom_lists.reverse_newline, {}),
    "custom:word_reverse": Check(custom.word_reverse, {}),
    "custom:character_reverse": Check(custom.character_reverse, {}),
    "custom:sentence_alphabet": Check(custom.sentence_alphabet, {}),
    "custom:european_capitals_sort": Check(custom_lists.european_capitals_sort, {}),
    "custom:csv_city": Check(custom_tables.csv_city, {}),
    "custom:csv_special_character": Check(custom_tables.csv_special_character, {}),
    "custom:csv_quotes": Check(custom_tables.csv_quotes, {}),
    "custom:date_format_list": Check(custom_lists.date_format_list, {}),
    "count:keywords_multiple": Check(
        count.keywords_multiple, dict.fromkeys((f"keyword{place}" for place in range(1, 6)), arguments.keyword)
    ),
    "words:keywords_specific_position": Check(
        positions.keyword_specific_position,
        {"keyword": arguments.word, "n": arguments.positive, "m": arguments.positive},
    ),
    "words:words_position": Check(words.words_position, {"keyword": arguments.one_word}),
    "repeat:repeat_change": Check(repeat.repeat_change, _PROMPT),
    "repeat:repeat_simple": Check(repeat.repeat_simple, {}),
    "repeat:repeat_span": Check(
        repeat.repeat_span, {**_PROMPT, "n_start": arguments.number, "n_end": arguments.number}
    ),
    "format:title_case": Check(format.title_case, {}),
    "format:output_template": Check(format.output_template, {}),
    "format:no_whitespace": Check(format.no_whitespace, {}),
}
