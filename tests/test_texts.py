"""Texts as tokens: spans of characters, classes of positions, traces as their model read and wrote them."""

import pandas as pd
import pytest
from transformers import AutoTokenizer

from probes.sources import ProbeError
from probes.texts import CLASSES, check_tokens, chosen_spans, encode, trace_texts
from tests.tiny import tokenizer
from training.rollouts import Rollout, render, response_ids


def pieces(text, spans):
    return [text[start:end] for start, end in spans]


@pytest.mark.parametrize(("text", "prompt", "reasoning", "answer"), [
    ("Add 4.<think> 8.</think> Answer: 8", "Add 4.", [" 8."], [" Answer: 8"]),
    ("<think>a</think>x<think>b</think>y", "", ["a", "b"], ["y"]),
    ("Add 4.<think> 8", "Add 4.", [" 8"], []),
    ("Add 4.", "Add 4.", [], []),
    ("Add 4.<think></think>", "Add 4.", [""], [""]),
])
def test_classes_of_a_text(text, prompt, reasoning, answer):
    found = {name: pieces(text, spans[0]) for name, spans in chosen_spans([text], CLASSES).items()}
    assert found == {"prompt": [prompt], "reasoning": reasoning, "answer": answer}


def test_a_token_belongs_to_the_spans_it_touches():
    text = "Take away 21 boxes."
    encoded = encode(tokenizer(), [text])
    start = text.index("21")
    chosen = encoded.inside(0, [(start, start + 2)])
    touched = [offset for offset, is_in in zip(encoded.offsets[0], chosen, strict=True) if is_in]
    assert text[start:start + 2] in "".join(pieces(text, touched))
    assert 1 <= chosen.sum() <= 2 and not encoded.inside(0, [(3, 3)]).any()
    assert encoded.inside(0, [(0, len(text))]).all()
    assert encoded.offsets[0][encoded.last(0, len(text))][1] == len(text)
    assert encoded.offsets[0][encoded.last(0, start + 1)][0] <= start


def test_batches_hold_every_text_once_with_like_lengths_together():
    texts = ["Add 4." * k for k in (5, 1, 3, 2, 4)]
    encoded = encode(tokenizer(), texts)
    seen = []
    for rows, ids, mask in encoded.batches(2):
        seen += rows
        for k, row in enumerate(rows):
            assert ids[k][mask[k].bool()].tolist() == encoded.ids[row]
    assert seen == [1, 3, 2, 4, 0]


def trace(prompt, completion):
    return {"prompt": prompt, "completion": completion}


def test_a_trace_is_the_text_its_model_saw():
    """Of one turn, and of several with the environment's responses between them, token for token."""
    calls = ["<think> I look.</think><tool_call>{}</tool_call>", "<think> So.</think> Done."]
    reply = '<tool_response>{"id": 9}</tool_response><tool_response>[]</tool_response>'
    traces = pd.DataFrame([trace("Add 4.", "<think> 8.</think> Answer: 8"), trace("Find Zoe.", reply.join(calls))])
    texts, spans = trace_texts(traces, tokenizer())
    state = Rollout(render(tokenizer(), "Find Zoe."))
    ids = state.prompt_ids + tokenizer()(calls[0] + tokenizer().eos_token)["input_ids"]
    ids += response_ids(tokenizer(), reply) + tokenizer()(calls[1])["input_ids"]
    assert tokenizer()(texts[1])["input_ids"] == ids
    assert texts[0].endswith("Add 4.<|im_end|>\n<|im_start|>assistant\n<think> 8.</think> Answer: 8")
    assert pieces(texts[0], spans["answer"][0]) == [" Answer: 8"]
    assert pieces(texts[1], spans["reasoning"][1]) == [" I look.", " So."]
    assert pieces(texts[1], spans["answer"][1]) == [" Done."]
    assert "Find Zoe." in pieces(texts[1], spans["prompt"][1])[0]


def test_a_prompt_that_shows_the_marks_stays_a_prompt():
    traces = pd.DataFrame([trace("Judge: <think> 1 </think> Answer: 2", "<think> no</think> Verdict: wrong")])
    texts, spans = trace_texts(traces, tokenizer())
    assert pieces(texts[0], spans["reasoning"][0]) == [" no"]
    assert pieces(texts[0], spans["answer"][0]) == [" Verdict: wrong"]


def test_tagged_sentences_are_classes():
    """Sentences lie where they are in the completion, cut off at the end of a turn; none begins in a response."""
    reply = "<tool_response>{}</tool_response>"
    completion = f"<think> Let me check.</think><tool_call>{reply}<think> So.</think> Done."
    start, cut = completion.index("Let me"), completion.index("<tool_call>")
    inside = completion.index("{}</tool_response>")
    rows = [(0, start, start + 13, "self_verification"), (0, cut, cut + 30, "other"), (0, inside, inside + 30, "other"),
            (0, len(completion) - 5, len(completion), "other")]
    tags = pd.DataFrame(rows, columns=["text_id", "start", "end", "label"])
    texts, spans = trace_texts(pd.DataFrame([trace("Go.", completion)]), tokenizer(), tags)
    assert pieces(texts[0], spans["self_verification"][0]) == ["Let me check."]
    assert pieces(texts[0], spans["other"][0]) == ["<tool_call>", "Done."]


def test_a_leading_token_that_the_tokenizer_adds_is_not_there_twice(tmp_path):
    tokenizer().save_pretrained(tmp_path)
    other = AutoTokenizer.from_pretrained(tmp_path)
    other.add_special_tokens({"bos_token": "<|im_start|>"})
    texts, _ = trace_texts(pd.DataFrame([trace("Add 4.", "8")]), other)
    assert texts[0].startswith("<|im_start|>user")  # nothing is added by this tokenizer, so nothing is taken away


@pytest.mark.parametrize(("call", "says"), [
    (lambda: encode(tokenizer(), []), "no texts to read"),
    (lambda: encode(tokenizer(), "Add 4."), "texts must be a list of str"),
    (lambda: encode(tokenizer(), ["Add 4.", ""]), "text 1 is empty"),
    (lambda: encode(tokenizer(), ["Add 4. " * 9], 20), r"text 0 has \d+ tokens, the model's context holds 20"),
    (lambda: chosen_spans(["a"], ["question"]), "unknown positions 'question'; choose among prompt, reasoning, answer"),
    (lambda: chosen_spans(["a"], {"x": []}), "positions 'x' are of 0 texts; there are 1"),
    (lambda: encode(tokenizer(), ["Add 4."]).last(0, 0), "text 0 has no token before character 0"),
])
def test_what_is_refused(call, says):
    with pytest.raises(ProbeError, match=says):
        call()


def test_another_tokenizer_is_refused(tmp_path):
    tokenizer().save_pretrained(tmp_path)
    other = AutoTokenizer.from_pretrained(tmp_path)
    other.add_tokens(["boxes"])
    encoded = encode(tokenizer(), ["Add 4.", "Two boxes."])
    check_tokens(encoded, tokenizer(), "itself")
    with pytest.raises(ProbeError, match="the tokenizer of math cuts text 1 otherwise"):
        check_tokens(encoded, other, "math")
