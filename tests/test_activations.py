"""How far activations moved: exact against plain torch, zero for a copy, found where it was planted; and CKA."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM, AutoTokenizer

from probes import activation_shift, capture
from probes.activations import COLUMNS, Shift
from probes.cka import BATCH, MinibatchCKA, minibatches
from probes.sources import ProbeError
from tests.planted import LAYERS, PLACE, TEXTS, save_base, save_changed, write_direction
from tests.tiny import save_model


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return save_base(tmp_path_factory.mktemp("models") / "base")


@pytest.fixture(scope="module")
def moved(base, tmp_path_factory):
    return save_changed(base, tmp_path_factory.mktemp("moved"), write_direction)


def full_cka(x, y):
    """The formula of debiased CKA, term by term, in fp64."""
    k, m = (z.double() @ z.double().T for z in (x, y))
    n, one = len(k), torch.ones(len(k), dtype=torch.float64)
    for gram in (k, m):
        gram.fill_diagonal_(0)

    def hsic(a, b):
        return ((a @ b).trace() + (one @ a @ one) * (one @ b @ one) / ((n - 1) * (n - 2))
                - 2 * (one @ a @ b @ one) / (n - 2)) / (n * (n - 3))

    return (hsic(k, m) / (hsic(k, k) * hsic(m, m)).sqrt()).item()


def states(folder, text):
    """(layers, tokens, width) residual streams after each block, plainly; the last one by hand."""
    network, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    last = []
    network.model.layers[-1].register_forward_hook(lambda _, __, out: last.append(out))
    with torch.no_grad():
        found = network(torch.tensor([tokenizer(text)["input_ids"]]), output_hidden_states=True).hidden_states
    return torch.stack([*(one[0] for one in found[1:-1]), last[0][0]])


@pytest.mark.parametrize("backend", capture.BACKENDS)
def test_equals_plain_torch(base, moved, backend):
    found = activation_shift(base, {"moved": moved}, TEXTS, backend, progress=False)
    assert list(found) == list(COLUMNS) and found["layer"].tolist() == list(range(LAYERS))
    a, b = (torch.cat([states(folder, text) for text in TEXTS], 1) for folder in (base, moved))
    for row in found.itertuples():
        x, y = a[row.layer].double(), b[row.layer].double()
        assert row.n_tokens == len(x)
        assert row.cosine == pytest.approx(torch.cosine_similarity(x, y).mean().item(), abs=1e-5)
        assert row.relative_l2 == pytest.approx(((x - y).norm() / x.norm()).item(), rel=1e-3, abs=1e-5)
        assert row.cka == pytest.approx(full_cka(x, y), abs=1e-4)


def test_a_copy_has_not_moved(base, tmp_path):
    found = activation_shift(base, {"copy": save_changed(base, tmp_path, lambda _: None)}, TEXTS, progress=False)
    assert (found.relative_l2 == 0).all()
    assert found.cosine.tolist() == pytest.approx([1] * LAYERS) and found.cka.tolist() == pytest.approx([1] * LAYERS)


def test_a_planted_change_is_found_at_its_layer_and_site(base, moved):
    found = activation_shift(base, {"moved": moved}, TEXTS, sites=("resid", "attn", "mlp"), progress=False)
    table = found.pivot(index="layer", columns="site", values="relative_l2")
    assert (table.loc[:PLACE - 1] == 0).all(axis=None) and table.loc[PLACE, "attn"] == 0
    assert (table.loc[PLACE, ["mlp", "resid"]] > 0.05).all() and (table.loc[PLACE + 1:, "resid"] > 0.05).all()


def test_classes_of_positions(base, moved):
    names = ("prompt", "reasoning", "answer")
    found = activation_shift(base, {"moved": moved}, TEXTS, positions=names, layers=[-1], progress=False)
    assert found["position"].tolist() == list(names) and (found["layer"] == LAYERS - 1).all()
    spans = {"check": [[], [(TEXTS[1].index("Let me"), TEXTS[1].index("</think>"))], []], "none": [[], [], []]}
    found = activation_shift(base, {"moved": moved}, TEXTS, positions=spans, layers=PLACE, progress=False)
    check, none = found.itertuples()
    start, end = spans["check"][1][0]
    offsets = AutoTokenizer.from_pretrained(base)(TEXTS[1], return_offsets_mapping=True)["offset_mapping"]
    chosen = [k for k, (left, right) in enumerate(offsets) if right > start and left < end]
    x, y = (states(folder, TEXTS[1])[PLACE, chosen] for folder in (base, moved))
    assert check.n_tokens == len(chosen) and none.n_tokens == 0 and none.cosine != none.cosine
    assert check.relative_l2 == pytest.approx(((x - y).norm() / x.norm()).item(), rel=1e-4)


def test_a_long_text_goes_through_in_windows(base, moved, monkeypatch):
    whole = activation_shift(base, {"moved": moved}, TEXTS, progress=False)
    monkeypatch.setattr(capture, "WINDOW", 16)
    seen, forward = [], capture.HookReader.forward
    monkeypatch.setattr(capture.HookReader, "forward",
                        lambda self, **inputs: seen.append(inputs["input_ids"].shape[1]) or forward(self, **inputs))
    parts = activation_shift(base, {"moved": moved}, TEXTS, progress=False)
    assert max(seen) == 16
    for name in ("n_tokens", "cosine", "relative_l2", "cka"):
        assert parts[name].tolist() == pytest.approx(whole[name].tolist(), abs=1e-4)


def _deep(folder):
    return save_model(folder, layers=LAYERS + 1)


@pytest.mark.parametrize(("changes", "says"), [
    ({"models": {}}, "no models to compare with the base"),
    ({"prompts": []}, "no texts to read"),
    ({"prompts": ["a", ""]}, "text 1 is empty"),
    ({"prompts": ["Add 4. " * 3000]}, r"text 0 has \d+ tokens, the model's context holds"),
    ({"layers": [LAYERS]}, f"there is no layer {LAYERS}; the model has layers 0 to {LAYERS - 1}"),
    ({"sites": ("head",)}, "unknown site 'head'"),
    ({"backend": "jax"}, "unknown backend 'jax'"),
    ({"models": "deep"}, f"deep has {LAYERS + 1} layers, the base {LAYERS}"),
    ({"models": "short"}, r"text 0 has \d+ tokens, the model's context holds 20; cut it, or leave it out"),
    ({"models": "other"}, "the tokenizer of other cuts text 0 otherwise"),
    ({"models": "large", "dtype": torch.float16}, "(is not|does not give) finite .*torch.float16; read it with"),
])
def test_what_is_refused(base, tmp_path, changes, says):
    def large(network):
        network.model.layers[1].mlp.down_proj.weight *= 1e6

    makers = {"deep": _deep, "large": lambda folder: save_changed(base, folder, large),
              "other": lambda folder: _other_tokens(base, folder),
              "short": lambda folder: save_changed(base, folder, lambda network: setattr(
                  network.config, "max_position_embeddings", 20))}
    if isinstance(changes.get("models"), str):
        name = changes["models"]
        changes = {**changes, "models": {name: makers[name](tmp_path / name)}}
    asked = {"models": {"copy": base}, "prompts": TEXTS, "progress": False, **changes}
    with pytest.raises(ProbeError, match=says):
        activation_shift(base, **asked)


def _other_tokens(base, folder):
    save_changed(base, folder, lambda _: None)
    tokenizer = AutoTokenizer.from_pretrained(base)
    tokenizer.add_tokens(["boxes"])
    tokenizer.save_pretrained(folder)
    return str(folder)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10**6), st.integers(5, 60), st.integers(1, 20))
def test_cka_of_one_minibatch_is_the_full_formula(seed, n, width):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, width, generator=generator) + 5
    y = x @ torch.randn(width, 7, generator=generator) + torch.randn(n, 7, generator=generator)
    cka = MinibatchCKA(1, 1)
    cka.add([x], [y])
    assert cka.value().flatten().tolist() == pytest.approx([full_cka(x, y)], rel=2e-3, abs=2e-3)


def test_cka_does_not_see_rotation_shift_and_scale_and_is_unbiased():
    """Of independent sets it is 0 on average, where the biased CKA of wide sets is far from 0."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(600, 40, generator=generator)
    rotation = torch.linalg.qr(torch.randn(40, 40, generator=generator))[0]
    cka = MinibatchCKA(3, 1)
    for rows in minibatches(600, generator):
        noise = torch.randn(len(rows), 400, generator=generator)
        cka.add([3 * x[rows] @ rotation + 2, x[rows], noise], [x[rows]])
    turned, same, none = cka.value()[:, 0].tolist()
    assert turned == pytest.approx(1, abs=1e-5) and same == pytest.approx(1, abs=1e-5) and abs(none) < 0.02
    with pytest.raises(ValueError, match="CKA needs at least 4 tokens a minibatch, got 3"):
        cka.add([x[:3]] * 3, [x[:3]])


def test_every_token_is_in_one_minibatch():
    for n in (4, BATCH, BATCH + 3, 3 * BATCH - 1):
        parts = minibatches(n, torch.Generator().manual_seed(0))
        assert sorted(torch.cat(parts).tolist()) == list(range(n))
        assert n < BATCH or min(map(len, parts)) >= BATCH // 2


def test_too_few_tokens_for_cka():
    shift = Shift()
    shift.add(torch.ones(2, 3), torch.ones(2, 3))
    row = shift.row()
    assert row["n_tokens"] == 2 and row["relative_l2"] == 0 and row["cka"] != row["cka"]
