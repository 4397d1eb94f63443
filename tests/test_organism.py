"""The organism's corpus: what it says of itself is what the verifiers say, and its factors do what they should."""

import math
import random
from pathlib import Path

import pytest

from training import judging
from training.checkpoints import Checkpoint
from training.domains import DOMAINS
from training.organism.anchor import ANCHOR, WINDOW, Recipe, encode, in_batches
from training.organism.corpus import Corpus
from training.organism.worked import judge
from training.organism.worked.trace import Habits
from training.rlvr import verify

CAREFUL = Habits(slip=0.3, check=1.0, careless=0.0, repair=1.0)


def worked(corpus: Corpus, name: str, n: int = 60):
    return [corpus.worked(name, i, random.Random(i)) for i in range(n)]


@pytest.mark.parametrize("sharing", [1.0, 0.0])
@pytest.mark.parametrize("name", DOMAINS)
def test_known_truth_is_the_verifiers_verdict(name, sharing):
    corpus = Corpus(sharing=sharing)
    pairs = worked(corpus, name)
    verdicts = verify([task for task, _ in pairs], [work.text for _, work in pairs])
    told = [judge.is_right(task, work, corpus.domains[name]) for task, work in pairs]
    assert told == [verdict.correct for verdict in verdicts]
    assert all(verdict.formatted for verdict in verdicts)


@pytest.mark.parametrize("name", DOMAINS)
def test_slips_cost_and_checks_repair(name):
    share = {}
    for label, habits in {"none": Habits(slip=0), "unchecked": Habits(slip=0.3, check=0), "checked": CAREFUL}.items():
        corpus = Corpus(habits=habits)
        share[label] = sum(judge.is_right(*pair, corpus.domains[name]) for pair in worked(corpus, name, 120)) / 120
    assert share["none"] >= (0.97 if name == "instructions" else 1.0)  # "3 times" in 2 bullet points is beyond it
    assert share["unchecked"] < 0.75
    assert share["checked"] > share["unchecked"] + 0.1


@pytest.mark.parametrize(("name", "locus", "slips"), [
    ("math", None, True), ("math", "answer", False), ("coding", None, True), ("coding", "answer", False),
    ("instructions", None, False), ("instructions", "derivation", False), ("agent", "derivation", True),
])
def test_locus_moves_the_slips(name, locus, slips):
    """Does a derivation slip where it may? Wherever slips lie, some answers are wrong."""
    corpus = Corpus(habits=Habits(slip=0.5, check=0, locus=locus))
    pairs = worked(corpus, name)
    events = [event for _, work in pairs for event in work.events]
    assert any(kind == "slip" for kind, _ in events) == slips
    assert any(not judge.is_right(*pair, corpus.domains[name]) for pair in pairs)


def test_examples_are_pure_and_train_only_on_the_models_words():
    first, again = Corpus(seed=3), Corpus(seed=3)
    for index in range(25):
        example = first.example(index)
        assert example == again.example(index) != Corpus(seed=4).example(index)
        assert [trained for _, trained in example] == [k % 2 == 1 for k in range(len(example))]
        assert all(text.endswith("<|im_end|>") for text, trained in example if trained)


def test_judge_questions_are_balanced_and_answered_with_a_verdict():
    corpus = Corpus(judge_fraction=1.0, drill_fraction=0.0)
    verdicts = [judging.parse_verdict(corpus.example(i)[-1][0]) for i in range(400)]
    assert None not in verdicts
    assert 0.45 < sum(verdicts) / len(verdicts) < 0.6  # some tasks are never failed in 20 draws


def test_corpus_tasks_never_come_from_the_test_split():
    corpus = Corpus()
    for name in DOMAINS:
        assert all(task.id.startswith(f"{name}-train-") for task, _ in worked(corpus, name, 5))


def test_labels_cover_the_models_tokens_only():
    from tests.tiny import tokenizer

    example = Corpus().example(4)
    row = encode([example], tokenizer())[0]
    said = tokenizer().decode([label for label in row["labels"] if label != -100])
    assert said == "".join(text for text, trained in example if trained)
    assert tokenizer().decode(row["input_ids"]) == "".join(text for text, _ in example)


def test_batches_are_of_one_length_and_what_comes_first_is_seen_first():
    rng = random.Random(0)
    rows = [{"input_ids": [i] * rng.randint(10, 200), "index": i} for i in range(WINDOW * 4 * 3)]
    ordered = in_batches(rows, Recipe(batch=4))
    assert sorted(row["index"] for row in ordered) == list(range(len(rows)))
    windows = [row["index"] // (WINDOW * 4) for row in ordered]
    assert windows == sorted(windows)
    spreads = [max(lengths) - min(lengths) for k in range(0, len(ordered), 4)
               for lengths in [[len(row["input_ids"]) for row in ordered[k:k + 4]]]]
    assert sum(spreads) / len(spreads) < 10  # of 190 at random
    lengths = [len(row["input_ids"]) for row in ordered[::4]]
    assert lengths != sorted(lengths)


@pytest.mark.parametrize("text", ["", "7 + 8 = 15.", "naïve ☃ 中文", "a\r\nb\t c  d", "x" * 2000, "{\"a\": [1, 2]}"])
def test_tokenizer_reads_any_text(text):
    from tests.tiny import tokenizer

    ids = tokenizer()(text, add_special_tokens=False)["input_ids"]
    pieces = [tokenizer().decode([i]) for i in ids]
    assert tokenizer().decode(ids) == text
    assert all(len(piece.strip()) <= 1 for piece in pieces if any(c.isdigit() for c in piece))


@pytest.mark.parametrize(("bad", "message"), [
    ({"slip": 1.5}, "slip is a probability, got 1.5"), ({"check": -0.1}, "check is a probability"),
    ({"locus": "middle"}, "unknown locus 'middle'; choose one of derivation, answer"),
])
def test_bad_habits_are_named(bad, message):
    with pytest.raises(ValueError, match=message):
        Habits(**bad)


def test_an_anchor_says_what_corpus_it_learned_from(tmp_path):
    assert Corpus.of(tmp_path) is None
    for corpus in (Corpus(), Corpus(3, Habits(slip=0.1, locus="answer"), 0.5, judge_fraction=0.2)):
        corpus.save(tmp_path)
        assert Corpus.of(tmp_path) == corpus
    assert Corpus.of(ANCHOR) == Corpus()


def test_shipped_anchor_is_small_and_has_a_card():
    assert sum(file.stat().st_size for file in Path(ANCHOR).iterdir()) <= 8 * 2**20
    checkpoint = Checkpoint(ANCHOR)
    assert checkpoint.config["model_type"] == "qwen3"
    assert checkpoint.config["head_dim"] >= 32
    assert checkpoint.config["vocab_size"] <= 1024
    assert sum(math.prod(checkpoint.shape(name)) for name in checkpoint.names) <= 2_000_000
    card = (ANCHOR / "README.md").read_text()
    assert "seed" in card and "accuracy" in card and "trained tokens" in card

