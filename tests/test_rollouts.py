"""Rollouts: the chat form is that of the corpus, masks cover what the model wrote, and seeds decide everything."""

import random

import pytest
import torch

from tests.tiny import save_model, tokenizer
from training.domains import DOMAINS, get_domain
from training.organism.corpus import Corpus, chat
from training.rollouts import budget, complete, load, render, response_ids, rollout, seeded


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return load(save_model(tmp_path_factory.mktemp("tiny")))


def test_turns_are_joined_as_in_the_corpus():
    task, work = Corpus().worked("agent", 4, random.Random(0))
    ids = render(tokenizer(), task.prompt)
    for k, turn in enumerate(work.turns):
        written = tokenizer()(f"{turn}<|im_end|>", add_special_tokens=False)["input_ids"]
        ids += written if k % 2 == 0 else response_ids(tokenizer(), turn)
    assert tokenizer().decode(ids) == "".join(text for text, _ in chat(task.prompt, work.turns))


@pytest.mark.parametrize("name", DOMAINS)
def test_masks_and_text_agree(tiny, name):
    tasks = get_domain(name).tasks("test", 4)
    with seeded(0):
        done = rollout(*tiny, tasks, max_new_tokens=24)
    for one in done:
        assert len(one.own) == len(one.completion_ids)
        assert 1 <= one.n_tokens <= 24
        own = [i for i, mine in zip(one.completion_ids, one.own, strict=True) if mine]
        assert tokenizer().decode(own).replace("<|im_end|>", "") in one.text or one.n_turns > 1


def test_seed_decides_and_leaves_no_trace(tiny):
    tasks = get_domain("math").tasks("test", 6)

    def run(seed):
        with seeded(seed):
            return [one.text for one in rollout(*tiny, tasks, 16)]

    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    first = run(1)
    assert torch.equal(before, torch.random.get_rng_state())
    assert first == run(1) != run(2)


def test_greedy_does_not_depend_on_the_batch(tiny):
    model, words = tiny
    prompts = [render(words, task.prompt) for task in get_domain("science").tasks("test", 5)]
    together = complete(model, words, prompts, [12] * 5, temperature=0)
    alone = [complete(model, words, [prompt], [12], temperature=0)[0] for prompt in prompts]
    assert together == alone


def test_budget_is_what_was_asked_then_the_models_own_then_the_context(tiny):
    model, _ = tiny
    assert budget(model, [[1] * 10], 7) == 7
    assert budget(model, [[1] * 10], None) == 24
    assert budget(model, [[1] * 2040], None) == 8
    with pytest.raises(ValueError, match="a prompt of 2048 tokens fills the model's context of 2048"):
        budget(model, [[1] * 2048], None)
