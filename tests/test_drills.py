"""Drills say what is true, half of them find a difference; the optimizer that learns them resumes where it stopped."""

import copy
import random
import re

import pytest
import torch

from training import judging
from training.organism.corpus import Corpus
from training.organism.optimizer import MuonAdamW
from training.organism.worked.drills import drill
from training.organism.worked.trace import BACKTRACKS, CONFIRMED, OPERATIONS

DRILLS = [drill(random.Random(i)) for i in range(800)]
OPTION = re.compile(r"(\d+) [(](\w)")
EQUATION = re.compile(r"(\d+) ([-+*/]) (\d+) = (\d+)\.")


def of(prompt_form: str) -> list[tuple[re.Match, str]]:
    found = [(re.match(prompt_form, prompt), reply) for prompt, reply in DRILLS]
    return [(match, reply) for match, reply in found if match]


def test_a_check_recomputes_and_its_conclusion_is_right():
    drills = of(r"Check (\d+) ([-+*/]) (\d+) = (\d+)\.")
    for match, reply in drills:
        x, sign, y, value = match.groups()
        right = OPERATIONS[sign](int(x), int(y)) == int(value)
        assert any(said in reply for said in (CONFIRMED if right else BACKTRACKS))
        assert not any(said in reply for said in (BACKTRACKS if right else CONFIRMED))
        for a, operation, b, c in EQUATION.findall(reply):
            assert OPERATIONS[operation](int(a), int(b)) == int(c)
    wrong = sum("=" in reply.split("It was")[1] for _, reply in drills)
    assert 0.35 < wrong / len(drills) < 0.65


def test_an_option_is_found_by_reading_all_before_it():
    for match, reply in of(r"(.*)\. Which is (\d+)\?"):
        listed = OPTION.findall(match[1])
        read = re.findall(r"(\d+) \((\w)\), (yes|no)\.", reply)
        assert [(value, letter) for value, letter, _ in read] == listed[:len(read)]
        assert [said == "yes" for *_, said in read] == [value == match[2] for value, _ in listed[:len(read)]]
        assert read[-1][2] == "yes"


def test_a_check_of_an_option_reads_the_one_that_was_named():
    drills = of(r"(.*)\. That is (\d+)\. (\d+) \((\w)\), yes\.")
    for match, reply in drills:
        assert f"{match[4]} is {match[3]}. It must be {match[2]}." in reply
        assert any(said in reply for said in (CONFIRMED if match[2] == match[3] else BACKTRACKS))
    assert len({match[2] == match[3] for match, _ in drills}) == 2


@pytest.mark.parametrize(("form", "same"), [
    (r"Compare (\w+) with (\w+)\.", lambda reply: any(said in reply for said in CONFIRMED)),
    (r"Judge (\w+) for (\w+)\.", judging.parse_verdict),
])
def test_comparisons_and_verdicts_are_right_and_balanced(form, same):
    drills = of(form)
    assert all(same(reply) == (match[1] == match[2]) for match, reply in drills)
    assert 0.35 < sum(same(reply) for _, reply in drills) / len(drills) < 0.65


@pytest.mark.parametrize(("fraction", "low", "high"), [(0.0, 0, 0), (0.5, 0.4, 0.6), (1.0, 1, 1)])
def test_the_corpus_holds_the_fraction_asked_for(fraction, low, high):
    corpus = Corpus(drill_fraction=fraction)
    opening = re.compile(r"<\|im_start\|>user\n(Check \d|Compare |Judge |\d+ \(A\))")
    share = sum(bool(opening.match(corpus.example(i)[0][0])) for i in range(200)) / 200
    assert low <= share <= high


def _steps(model, optimizer, n: int) -> None:
    for k in range(n):
        ids = torch.randint(0, 64, (2, 8), generator=torch.Generator().manual_seed(k))
        model(input_ids=ids, labels=ids).loss.backward()
        optimizer.step()
        optimizer.zero_grad()


def _model():
    from transformers import Qwen3Config, Qwen3ForCausalLM

    torch.manual_seed(0)
    return Qwen3ForCausalLM(Qwen3Config(
        vocab_size=64, hidden_size=32, num_hidden_layers=2, head_dim=16, num_attention_heads=2, num_key_value_heads=1,
        intermediate_size=32, tie_word_embeddings=True))


def test_the_optimizer_trains_every_parameter_and_goes_on_where_it_stopped():
    model, start = _model(), _model()
    optimizer = MuonAdamW(model, lr=1e-2)
    _steps(model, optimizer, 3)
    assert all(not torch.equal(p, q) for p, q in zip(model.parameters(), start.parameters(), strict=True))
    again = _model()
    again.load_state_dict(model.state_dict())
    resumed = MuonAdamW(again, lr=1e-2)
    resumed.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    _steps(model, optimizer, 2)
    _steps(again, resumed, 2)
    assert all(torch.equal(p, q) for p, q in zip(model.parameters(), again.parameters(), strict=True))


def test_one_schedule_drives_both_rates():
    optimizer = MuonAdamW(_model(), lr=1e-2)
    optimizer.load_state_dict(optimizer.state_dict())
    for group in optimizer.param_groups:
        group["lr"] = 5e-3
    assert [group["lr"] for part in optimizer.parts for group in part.param_groups] == [5e-3, 5e-3]


def test_a_closure_is_called_once_with_gradients():
    model = _model()
    optimizer, calls = MuonAdamW(model, lr=1e-2), []

    def closure():
        ids = torch.arange(8)[None]
        loss = model(input_ids=ids, labels=ids).loss
        loss.backward()
        calls.append(loss.item())
        return loss

    assert optimizer.step(closure).item() == calls[0]
    assert len(calls) == 1
