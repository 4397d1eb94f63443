"""The table of 25 instructions of IFEval (arXiv 2311.07911) and 29 more of IFEvalG (AllenAI's open-instruct): for each
public id, the function that judges it and the arguments that it takes. The functions are in one file a family.
"""

from __future__ import annotations

from training.domains.instruction_checks import (
    arguments,
    case,
    copying,
    counting,
    format,
    keywords,
    language,
    length,
    positions,
    wrapping,
)
from training.domains.instruction_checks.check import Check

_PROMPT = {"prompt_to_repeat": arguments.passage}
_FREQUENCY = {"keyword": arguments.keyword, "frequency": arguments.number, "relation": arguments.relation}
_LETTER = {"letter": arguments.letter, "let_frequency": arguments.number, "let_relation": arguments.relation}

CHECKS: dict[str, Check] = {
    "keywords:existence": Check(keywords.existence, {"keywords": arguments.keywords}),
    "keywords:frequency": Check(keywords.frequency, _FREQUENCY),
    "keywords:forbidden_words": Check(keywords.forbidden_words, {"forbidden_words": arguments.keywords}),
    "keywords:letter_frequency": Check(keywords.letter_frequency, _LETTER),
    "keywords:no_adjacent_consecutive": Check(keywords.no_adjacent_consecutive, {}),
    "keywords:word_once": Check(keywords.word_once, {"keyword": arguments.keyword}),
    "keywords:word_count_different_numbers": Check(keywords.frequency, _FREQUENCY),
    "keywords:exclude_word_harder": Check(keywords.exclude_word_harder, {"keyword": arguments.keyword}),
    "keywords:palindrome": Check(keywords.palindrome, {}),
    "keywords:keyword_specific_position": Check(
        positions.keyword_specific_position,
        {"keyword": arguments.word, "n": arguments.positive, "m": arguments.positive},
    ),
    "keywords:start_end": Check(positions.start_end, {}),
    "language:response_language": Check(language.response_language, {"language": arguments.language}),
    "length_constraints:number_sentences": Check(
        length.number_sentences, {"num_sentences": arguments.number, "relation": arguments.relation}
    ),
    "length_constraints:number_paragraphs": Check(length.number_paragraphs, {"num_paragraphs": arguments.positive}),
    "length_constraints:number_words": Check(
        length.number_words, {"num_words": arguments.number, "relation": arguments.relation}
    ),
    "length_constraints:nth_paragraph_first_word": Check(
        positions.nth_paragraph_first_word,
        {"num_paragraphs": arguments.positive, "nth_paragraph": arguments.positive, "first_word": arguments.word},
    ),
    "detectable_content:number_placeholders": Check(format.number_placeholders, {"num_placeholders": arguments.number}),
    "detectable_content:postscript": Check(format.postscript, {"postscript_marker": arguments.keyword}),
    "detectable_format:number_bullet_lists": Check(format.number_bullet_lists, {"num_bullets": arguments.number}),
    "detectable_format:constrained_response": Check(format.constrained_response, {}),
    "detectable_format:number_highlighted_sections": Check(
        format.number_highlighted_sections, {"num_highlights": arguments.number}
    ),
    "detectable_format:multiple_sections": Check(
        format.multiple_sections, {"section_spliter": arguments.keyword, "num_sections": arguments.number}
    ),
    "detectable_format:json_format": Check(format.json_format, {}),
    "detectable_format:title": Check(format.title, {}),
    "detectable_format:sentence_hyphens": Check(format.sentence_hyphens, {}),
    "detectable_format:square_brackets": Check(format.square_brackets, {}),
    "detectable_format:bigram_wrapping": Check(format.bigram_wrapping, {}),
    "combination:two_responses": Check(copying.two_responses, {}),
    "combination:repeat_prompt": Check(copying.repeat_prompt, _PROMPT),
    "startend:end_checker": Check(wrapping.end_checker, {"end_phrase": arguments.passage}),
    "startend:quotation": Check(wrapping.quotation, {}),
    "change_case:capital_word_frequency": Check(
        case.capital_word_frequency, {"capital_frequency": arguments.number, "capital_relation": arguments.relation}
    ),
    "change_case:english_capital": Check(case.english_capital, {}),
    "change_case:english_lowercase": Check(case.english_lowercase, {}),
    "punctuation:no_comma": Check(wrapping.no_comma, {}),
    "punctuation:punctuation_dot": Check(wrapping.punctuation_dot, {}),
    "punctuation:punctuation_exclamation": Check(wrapping.punctuation_exclamation, {}),
    "copy:repeat_phrase": Check(copying.repeat_phrase, {"phrase": arguments.phrase, "small_n": arguments.positive}),
    "copy:copy": Check(copying.copy, _PROMPT),
    "copy:copying_simple": Check(copying.copy, _PROMPT),
    "copy:copying_multiple": Check(copying.copying_multiple, {**_PROMPT, "N": arguments.positive}),
    "new:copy_span_idx": Check(
        copying.copy_span_idx, {**_PROMPT, "n_start": arguments.number, "n_end": arguments.number}
    ),
    "paragraphs:paragraphs": Check(length.paragraphs, {}),
    "paragraphs:paragraphs2": Check(length.paragraphs2, {}),
    "first_word:first_word_sent": Check(positions.first_word_sent, {"first_word": arguments.word}),
    "first_word:first_word_answer": Check(positions.first_word_answer, {"first_word": arguments.word}),
    "last_word:last_word_sent": Check(positions.last_word_sent, {"last_word": arguments.word}),
    "last_word:last_word_answer": Check(positions.last_word_answer, {"last_word": arguments.word}),
    "count:lowercase_counting": Check(counting.lowercase_counting, {"N": arguments.number}),
    "count:counting_composition": Check(
        length.counting_composition, {"n_sent": arguments.positive, "n_words": arguments.positive}
    ),
    "count:count_unique": Check(counting.count_unique, {}),
    "count:count_increment_word": Check(
        keywords.count_increment_word, {"keyword1": arguments.keyword, "keyword2": arguments.keyword}
    ),
    "letters:letter_counting": Check(counting.letter_counting, {"N": arguments.number, "relation": arguments.relation}),
    "letters:letter_counting2": Check(keywords.letter_frequency, _LETTER),
}
