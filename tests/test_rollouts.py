"""Rollouts: the chat form is that of the corpus, masks cover what the model wrote, and seeds decide everything."""

import random

import pytest
import torch

from tests.tiny import save_model, tokenizer
from training.domains import DOMAINS, get_domain
from training.organism.corpus import Corpus, chat
from training.rollouts import budget, complete, load, render, response_ids, rollout, uniforms


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
    done = rollout(*tiny, tasks, max_new_tokens=24)
    for one in done:
        assert len(one.own) == len(one.completion_ids)
        assert 1 <= one.n_tokens <= 24
        own = [i for i, mine in zip(one.completion_ids, one.own, strict=True) if mine]
        assert tokenizer().decode(own).replace("<|im_end|>", "") in one.text or one.n_turns > 1


def test_seed_and_name_decide_a_row_whatever_is_beside_it(tiny):
    tasks = get_domain("agent").tasks("test", 6)
    names = [task.id for task in tasks]
    together = [one.text for one in rollout(*tiny, tasks, 16, draws=uniforms(names, 1, 16))]
    alone = [rollout(*tiny, [task], 16, draws=uniforms([task.id], 1, 16))[0].text for task in tasks]
    assert together == alone
    assert together != [one.text for one in rollout(*tiny, tasks, 16, draws=uniforms(names, 2, 16))]
    same = uniforms(["a", "b", "a"], 0, 4)
    assert not torch.equal(same[0], same[2])
    assert torch.equal(same[:2], uniforms(["a", "b"], 0, 4))


def test_greedy_is_that_of_transformers_generate(tiny):
    model, words = tiny
    prompts = [render(words, task.prompt) for task in get_domain("science").tasks("test", 5)]
    budgets = [12, 3, 12, 1, 7]
    together = complete(model, words, prompts, budgets, 0, torch.zeros(5, 12))
    for prompt, ids, allowed in zip(prompts, together, budgets, strict=True):
        generated = model.generate(torch.tensor([prompt]), do_sample=False, max_new_tokens=allowed,
                                   pad_token_id=words.pad_token_id, eos_token_id=words.eos_token_id)
        assert ids == generated[0, len(prompt):].tolist()


def test_tokens_are_drawn_from_the_models_distribution(tiny):
    """With 4,000 evenly spread numbers every token comes as often as its probability says, to within one number."""
    model, words = tiny
    prompt, n = render(words, "Add 1."), 4000
    with torch.no_grad():
        wanted = (model(torch.tensor([prompt])).logits[0, -1].double() / 0.7).softmax(-1)
    numbers = (torch.arange(n)[:, None] + 0.5) / n
    drawn = torch.tensor(complete(model, words, [prompt] * n, [1] * n, 0.7, numbers))[:, 0]
    counts = torch.bincount(drawn, minlength=len(wanted)).double()
    assert (counts - n * wanted).abs().max() < 1.01


def test_a_row_ends_with_its_end_token(tiny):
    model, words = tiny
    prompts = [render(words, task.prompt) for task in get_domain("math").tasks("test", 40)]
    rows = complete(model, words, prompts, [200] * 40, 1.5, uniforms([str(i) for i in range(40)], 0, 200))
    ends = [row.index(words.eos_token_id) + 1 if words.eos_token_id in row else 200 for row in rows]
    assert [len(row) for row in rows] == ends
    assert len(set(ends)) > 3


def test_budget_is_what_was_asked_then_the_models_own_then_the_context(tiny):
    model, _ = tiny
    assert budget(model, [[1] * 10], 7) == 7
    assert budget(model, [[1] * 10], None) == 24
    assert budget(model, [[1] * 2040], None) == 8
    with pytest.raises(ValueError, match="a prompt of 2048 tokens fills the model's context of 2048"):
        budget(model, [[1] * 2048], None)
