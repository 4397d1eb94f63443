"""SFT: the assistant's words are trained on and nothing else, in the form that sampling writes and reads."""

import json
from dataclasses import replace
from itertools import islice

import pytest

from tests.tiny import preset, save_model, tokenizer
from training.checkpoints import Checkpoint
from training.organism.corpus import Corpus, chat
from training.presets import Sft
from training.rollouts import asked, load, render
from training.sft import corpus_chats, encode, main, read_chats, rows, train_sft


def test_the_corpus_as_chats_is_the_corpus():
    for index, messages in enumerate(islice(corpus_chats(Corpus()), 40)):
        texts = [message["content"] for message in messages]
        assert [message["role"] for message in messages] == ["user", "assistant"] * (len(texts) // 2)
        assert chat(texts[0], texts[1:]) == Corpus().example(index)


def test_in_the_organisms_own_template_a_chat_is_the_organisms_text():
    """An oracle: the anchor's own encoding of the same examples."""
    from training.organism.anchor import encode as oracle

    examples = [Corpus().example(index) for index in range(40)]
    assert any(len(example) > 3 for example in examples)  # agents take turns
    ours = [encode(tokenizer(), messages) for messages in islice(corpus_chats(Corpus()), 40)]
    for one, other in zip(ours, oracle(examples, tokenizer()), strict=True):
        assert tokenizer().decode(one["input_ids"]) == tokenizer().decode(other["input_ids"])
        trained = [[i for i, label in zip(row["input_ids"], row["labels"], strict=True) if label != -100]
                   for row in (one, other)]
        assert trained[0] == trained[1]
        assert all(label in (-100, i) for i, label in zip(one["input_ids"], one["labels"], strict=True))


def test_what_is_asked_in_training_is_what_sampling_asks():
    row = encode(tokenizer(), [{"role": "user", "content": "Add 1."}, {"role": "assistant", "content": "2"}])
    prompt = render(tokenizer(), "Add 1.")
    assert row["input_ids"][:len(prompt)] == prompt and row["labels"][:len(prompt)] == [-100] * len(prompt)
    assert tokenizer().decode(row["labels"][len(prompt):]) == "2<|im_end|>"
    with_system = encode(tokenizer(), [{"role": "system", "content": "Be short."}, {"role": "user", "content": "Hi"},
                                       {"role": "assistant", "content": "Yo"}])
    assert tokenizer().decode(with_system["input_ids"]) == (
        "<|im_start|>system\nBe short.<|im_end|>\n" + asked(tokenizer(), "Hi") + "Yo<|im_end|>")


@pytest.mark.parametrize(("row", "says"), [
    ({"text": "x"}, "row 1 of .* holds no chat: `messages` must be a list of role and content"),
    ({"messages": [{"role": "user"}]}, "row 1 of .* holds no chat"),
    ({"messages": []}, "row 1 of .* has the roles ; they must be user and assistant in turn"),
    ({"messages": [{"role": "user", "content": "x"}]}, "has the roles user; they must be"),
    ({"messages": [{"role": "user", "content": "x"}, {"role": "tool", "content": "y"}]}, "has the roles user, tool;"),
])
def test_rows_that_are_no_chats(row, says, tmp_path):
    good = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}
    (tmp_path / "chats.jsonl").write_text("\n".join(map(json.dumps, (good, row))))
    with pytest.raises(ValueError, match=says):
        list(read_chats(str(tmp_path / "chats.jsonl")))


def test_long_examples_are_left_out_and_counted():
    everything, none = rows(Sft("m", "corpus", examples=30), tokenizer())
    lengths = sorted(len(row["input_ids"]) for row in everything)
    kept, left = rows(Sft("m", "corpus", examples=30, max_tokens=lengths[9]), tokenizer())
    assert none == 0 and len(everything) == 30 and len(kept) + left == 30
    assert len(kept) == sum(length <= lengths[9] for length in lengths)
    with pytest.raises(ValueError, match="all 30 examples of corpus are longer than max_tokens 2"):
        rows(Sft("m", "corpus", examples=30, max_tokens=2), tokenizer())
    with pytest.raises(ValueError, match="the corpus has no end: say how many examples"):
        rows(Sft("m", "corpus"), tokenizer())


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    return save_model(tmp_path_factory.mktemp("start"))


def tiny(start, **changes):
    sft = Sft(start, "corpus", **{"examples": 8, "epochs": 1.0, "batch": 4, "learning_rate": 1e-3,
                                  "final_learning_rate": 1e-4, "micro_batch": 2, **changes})
    return preset(sft=sft, max_new_tokens=33)


def test_two_steps_make_an_anchor_that_finds_the_examples_likelier(start, tmp_path):
    out = train_sft(tiny(start), tmp_path / "anchor")
    assert not (tmp_path / "anchor.work").exists() and Corpus.of(out) == Corpus()
    network, words = load(str(out))
    assert network.generation_config.max_new_tokens == 33 and words.eos_token == "<|im_end|>"
    assert Checkpoint(out).config["dtype"] == "bfloat16"
    assert loss(out) < loss(start) - 0.05
    with pytest.raises(ValueError, match="anchor is there already; choose another folder"):
        train_sft(tiny(start), tmp_path / "anchor")


def loss(model):
    """Nats a trained token of the examples."""
    import torch

    network, words = load(str(model), dtype=torch.float32)
    examples, _ = rows(Sft("m", "corpus", examples=8), words)
    with torch.no_grad():
        return sum(network(input_ids=torch.tensor([row["input_ids"]]), labels=torch.tensor([row["labels"]])).loss.item()
                   for row in examples) / len(examples)


def test_a_training_with_other_settings_is_not_gone_on_with(start, tmp_path):
    (tmp_path / "anchor.work").mkdir()
    (tmp_path / "anchor.work/settings.json").write_text(json.dumps({"model": start, "data": "corpus", "examples": 9}))
    with pytest.raises(ValueError, match=r"holds a training with another examples \(9, asked for is 8\); remove"):
        train_sft(tiny(start), tmp_path / "anchor")


@pytest.mark.parametrize(("changes", "says"), [
    ({"batch": 5}, "a batch of 5 examples does not divide into 1 processes with an sft.micro_batch of 2"),
    ({"eos_token": "<stop>"}, "has no token '<stop>' to end turns with"),
])
def test_settings_that_cannot_be_trained(start, tmp_path, changes, says):
    with pytest.raises(ValueError, match=says):
        train_sft(tiny(start, **changes), tmp_path / "anchor")


def test_the_organism_has_another_recipe(capsys):
    assert main(["--preset", "organism"]) == 2
    assert "preset 'organism' has no sft part" in capsys.readouterr().err


def test_another_end_token_is_the_models(start, tmp_path):
    out = train_sft(replace(tiny(start), sft=replace(tiny(start).sft, eos_token="<|im_end|>", examples=4)),
                    tmp_path / "anchor")
    network, words = load(str(out))
    assert words.eos_token == "<|im_end|>" and network.generation_config.eos_token_id == words.eos_token_id
