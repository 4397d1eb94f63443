"""Reading activations: three backends, three families, one answer; only what is asked for; windows of a long text."""

import pytest
import torch
from transformers import AutoTokenizer

from probes import capture
from probes.capture import BACKENDS, at_tokens, open_reader
from probes.sites import SITES, blocks, chosen_layers, chosen_sites, last_norm
from probes.sources import ProbeError
from probes.texts import encode
from tests import tiny
from tests.families import CONFIGS, new_network

EVERY = [(site, layer) for site in SITES for layer in range(3)]


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    """Read from a folder, as TransformerLens reads it once more."""
    folder = tmp_path_factory.mktemp("tokenizer")
    tiny.tokenizer().save_pretrained(folder)
    return AutoTokenizer.from_pretrained(folder)


def new_model(family, seed=0):
    torch.manual_seed(seed)
    return new_network(family).eval()


def tokens(batch=3, length=40):
    """Token ids, the middle text shorter and padded."""
    ids = torch.randint(3, 500, (batch, length), generator=torch.Generator().manual_seed(1))
    mask = torch.ones_like(ids)
    mask[1, 25:] = 0
    return ids, mask


@pytest.mark.parametrize("family", CONFIGS)
@pytest.mark.parametrize("backend", BACKENDS)
def test_backends_agree_with_a_plain_reference(family, backend, tokenizer):
    """Residuals with what transformers itself returns, attention and MLP with hooks written here."""
    ids, mask = tokens()
    network, seen = new_model(family), {}
    for layer, block in enumerate(blocks(network)):
        for site, names in (("attn", ("self_attn", "attn")), ("mlp", ("mlp",))):
            part = next(getattr(block, name) for name in names if name in dict(block.named_children()))
            part.register_forward_hook(
                lambda _, __, out, key=(site, layer): seen.update({key: out[0] if isinstance(out, tuple) else out}))
    with torch.no_grad():
        states = network(ids, attention_mask=mask, output_hidden_states=True).hidden_states
    seen |= {("resid", layer): states[layer + 1] for layer in range(2)}  # the last one there is after the norm
    found = next(open_reader(new_model(family), tokenizer, EVERY, backend).windows(ids, mask))
    assert set(found) == set(EVERY)
    for site, expected in seen.items():
        torch.testing.assert_close(found[site][mask.bool()], expected[mask.bool()], atol=1e-5, rtol=1e-5)
    with torch.no_grad():
        normed = last_norm(new_model(family))(found["resid", 2])
    torch.testing.assert_close(normed[mask.bool()], states[-1][mask.bool()], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("backend", BACKENDS)
def test_windows_of_a_long_text_are_the_whole(backend, tokenizer, monkeypatch):
    ids, mask = tokens()
    reader = open_reader(new_model("qwen3"), tokenizer, EVERY, backend)
    whole = next(reader.windows(ids, mask))
    monkeypatch.setattr(capture, "WINDOW", 16)
    parts = list(reader.windows(ids, mask))
    assert [part["resid", 0].shape[1] for part in parts] == [16, 16, 8]
    for site, values in whole.items():
        joined = torch.cat([part[site] for part in parts], dim=1)
        torch.testing.assert_close(joined[mask.bool()], values[mask.bool()], atol=1e-5, rtol=1e-5)


def test_only_what_is_asked_for_is_kept(tokenizer):
    found = next(open_reader(new_model("qwen3"), tokenizer, [("mlp", 1)], "hooks").windows(*tokens()))
    assert list(found) == [("mlp", 1)]


@pytest.mark.parametrize("window", [1024, 16])
def test_chosen_tokens(window, tokenizer, monkeypatch):
    monkeypatch.setattr(capture, "WINDOW", window)
    encoded = encode(tokenizer, ["Ann has 14 red boxes and 3 blue ones. Take away 9.", "Done.", "Add 4. Add 5."])
    reader = open_reader(new_model("qwen3"), tokenizer, [("resid", 0), ("resid", 2)])
    last = len(encoded.ids[0]) - 1
    assert last > 16
    found = at_tokens(reader, encoded, [[last, 0], [], [2, 1]], batch_size=2)
    for site, values in found.items():
        expected = []
        for text, token in ((0, last), (0, 0), (2, 2), (2, 1)):
            ids = torch.tensor([encoded.ids[text]])
            monkeypatch.setattr(capture, "WINDOW", 1024)
            expected.append(next(reader.windows(ids, torch.ones_like(ids)))[site][0, token])
        torch.testing.assert_close(values, torch.stack(expected), atol=1e-5, rtol=1e-5)


def test_activations_that_overflow(tokenizer):
    network = new_model("qwen3")
    with torch.no_grad():
        blocks(network)[1].mlp.down_proj.weight += torch.inf
    with pytest.raises(ProbeError, match="does not give finite logits in torch.float32"):
        at_tokens(open_reader(network, tokenizer, [("resid", 1)]), encode(tokenizer, ["Add 4."]), [[0]])


def test_a_backend_that_changes_the_logits_is_refused(tokenizer, monkeypatch):
    class Wrong(capture.HookReader):
        def __init__(self, network, *rest):
            super().__init__(network, *rest)
            with torch.no_grad():
                blocks(network)[0].mlp.down_proj.weight *= 1.5

    monkeypatch.setitem(BACKENDS, "hooks", Wrong)
    with pytest.raises(ProbeError, match="hooks changes the logits of .* choose another backend: "):
        open_reader(new_model("qwen3"), tokenizer, EVERY)


@pytest.mark.parametrize(("call", "says"), [
    (lambda network: open_reader(network, None, EVERY, "jax"),
     "unknown backend 'jax'; choose among hooks, transformer_lens, nnsight"),
    (lambda _: chosen_layers([0, 3], 3), "there is no layer 3; the model has layers 0 to 2"),
    (lambda _: chosen_layers([-4], 3), "there is no layer -4"),
    (lambda _: chosen_layers([], 3), "no layers to look at; choose among 0 to 2"),
    (lambda _: chosen_layers("2", 3), "there is no layer '2'"),
    (lambda _: chosen_sites(("resid", "z")), "unknown site 'z'; choose among resid, attn, mlp"),
    (lambda _: chosen_sites(()), "no sites to look at"),
])
def test_what_is_refused(call, says):
    with pytest.raises(ProbeError, match=says):
        call(new_model("qwen3"))


def test_layers_may_count_from_the_end():
    assert chosen_layers([0, -1, 2, 0], 3) == [0, 2]
    assert chosen_layers(None, 3) == [0, 1, 2] and chosen_layers(-2, 3) == [1]
