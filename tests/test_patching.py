"""Patching: a planted difference is carried over from its layer on, and nothing is before it."""

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from probes import patch
from probes.patching import COLUMNS, recovered
from probes.sources import ProbeError
from tests.planted import LAYERS, PLACE, TEXTS, save_base, save_changed, write_direction

ANSWERS = [(text.index("Answer: ") + 8, len(text)) for text in TEXTS]


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """(base, the base with a direction written at block PLACE)."""
    folder = tmp_path_factory.mktemp("models")
    base = save_base(folder / "base")
    return base, save_changed(base, folder / "moved", write_direction)


def log_probs(folder, text, span):
    """(target tokens, vocabulary) log-probabilities that predict a span, and the target tokens, plainly."""
    network, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    found = tokenizer(text, return_offsets_mapping=True)
    chosen = [k for k, (start, end) in enumerate(found["offset_mapping"]) if end > span[0] and start < span[1]]
    with torch.no_grad():
        logits = network(torch.tensor([found["input_ids"]])).logits[0]
    return logits.log_softmax(-1)[[k - 1 for k in chosen]], [found["input_ids"][k] for k in chosen]


@pytest.mark.parametrize("back", [False, True])
def test_a_planted_difference_is_carried_over_from_its_layer_on(pair, back):
    receiver, donor = reversed(pair) if back else pair
    table = patch(receiver, donor, TEXTS, ANSWERS, progress=False)
    assert list(table) == list(COLUMNS) and len(table) == LAYERS * len(TEXTS)
    found = recovered(table).set_index("layer").recovered
    assert found[:PLACE - 1].abs().max() < 1e-3
    assert (found[PLACE:] - 1).abs().max() < 1e-3
    late = table[table.layer >= PLACE]
    assert late.logp_patched.tolist() == pytest.approx(late.logp_donor.tolist(), abs=1e-4)


def test_the_mlp_carries_it_and_attention_does_not(pair):
    table = patch(*pair, TEXTS, ANSWERS, layers=[PLACE], sites=("attn", "mlp"), progress=False)
    found = recovered(table).set_index("site").recovered
    assert found["attn"] == pytest.approx(0, abs=1e-3) and found["mlp"] == pytest.approx(1, abs=1e-3)


def test_numbers_of_the_whole_models(pair):
    table = patch(*pair, TEXTS, ANSWERS, layers=0, progress=False)
    for row, text, span in zip(table.itertuples(), TEXTS, ANSWERS, strict=True):
        (q, target), (p, _) = log_probs(pair[0], text, span), log_probs(pair[1], text, span)
        assert row.n_target == len(target)
        assert row.logp_receiver == pytest.approx(q.gather(1, torch.tensor(target)[:, None]).sum().item(), abs=1e-4)
        assert row.logp_donor == pytest.approx(p.gather(1, torch.tensor(target)[:, None]).sum().item(), abs=1e-4)
        assert row.kl_receiver == pytest.approx((p.exp() * (p - q)).sum().item(), rel=1e-3)


def test_only_the_chosen_positions_are_patched(pair):
    """The prompt alone carries less than all; tokens after the prediction carry nothing."""
    after = {"last": [[(end - 1, end)] for _, end in ANSWERS]}
    table = patch(*pair, TEXTS, [(start, start + 1) for start, _ in ANSWERS], after, layers=PLACE, progress=False)
    assert table.kl_patched[[0, 1]].tolist() == pytest.approx(table.kl_receiver[[0, 1]].tolist(), rel=1e-4)
    classes = patch(*pair, TEXTS, ANSWERS, ("prompt", "answer"), layers=PLACE, progress=False)
    assert classes["position"].tolist() == ["answer"] * 3 + ["prompt"] * 3
    assert (classes.n_patched > 0).all() and (recovered(classes).recovered < 0.99).all()


def test_a_model_patched_with_itself_stays_as_it_is(pair):
    table = patch(pair[0], pair[0], TEXTS, ANSWERS, progress=False)
    assert table.kl_patched.abs().max() < 1e-6 and table.logp_patched.tolist() == table.logp_receiver.tolist()


@pytest.mark.parametrize(("targets", "says"), [
    (ANSWERS[:2], "there are 2 targets for 3 texts"),
    ([(5, 5), *ANSWERS[1:]], "the target of text 0, characters 5 to 5, has no token"),
    ([*ANSWERS[:2], (0, 2)], "the target of text 2, characters 0 to 2, has the first token of the text"),
])
def test_targets_that_are_refused(pair, targets, says):
    with pytest.raises(ProbeError, match=says):
        patch(*pair, TEXTS, targets, progress=False)
