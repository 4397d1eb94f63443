"""The logit lens: the last layer is the model, ranks by brute force, planted layers, refused heads, bad input."""

import numpy as np
import pandas as pd
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, Gemma2Config, GPT2Config, LlamaConfig, Qwen3Config

from probes import capture, lens
from probes.capture import BACKENDS
from probes.lens import ANSWER, logit_lens, scores, settled
from probes.sites import blocks, last_norm
from probes.sources import ProbeError
from tests import tiny

LAYERS, IDLE = 5, 2
"""Blocks of a model, and how many of the last do nothing where that is planted."""
SMALL = {"vocab_size": 800, "hidden_size": 32, "num_hidden_layers": LAYERS, "num_attention_heads": 2,
         "initializer_range": 0.2}
WIDE = {**SMALL, "intermediate_size": 48, "num_key_value_heads": 1, "head_dim": 16}
CONFIGS = {
    "qwen3": Qwen3Config(**WIDE, tie_word_embeddings=False),
    "llama": LlamaConfig(**WIDE),
    "gpt2": GPT2Config(vocab_size=800, n_embd=32, n_layer=LAYERS, n_head=2, n_positions=64, initializer_range=0.2,
                       tie_word_embeddings=False),
}
TEXTS = ["Ann has 14 red boxes and 3 blue ones.<think> 14 + 3 = 17. That is 17.</think> Answer: 17",
         "Add 4 to 9.<think> 4 + 9 = 13.</think> Answer: 13. Done.", "Which is it? Answer: B"]
ANSWERS = [(text.index("Answer: ") + 8, text.index("Answer: ") + 10) for text in TEXTS[:2]] + [(21, 22)]
ROWS = ["model", "domain", "text", "token", "position", "layer", "target"]


def new_model(family, seed=0):
    torch.manual_seed(seed)
    return AutoModelForCausalLM.from_config(CONFIGS[family]).eval()


@pytest.fixture(scope="module")
def save(tmp_path_factory):
    """Saves a model with the tests' tokenizer and gives the folder."""
    def saved(network):
        folder = tmp_path_factory.mktemp("model")
        network.save_pretrained(folder)
        tiny.tokenizer().save_pretrained(folder)
        return str(folder)
    return saved


@pytest.fixture(scope="module")
def paths(save):
    return {family: save(new_model(family)) for family in CONFIGS}


def read(models, texts=TEXTS, answers=ANSWERS, **how):
    return logit_lens(models, texts, answers, device="cpu", progress=False, **how)


def answer_tokens(tokenizer, text, answer):
    """By the definition, token by token."""
    offsets = tokenizer(text, return_offsets_mapping=True)["offset_mapping"]
    return [k for k, (start, end) in enumerate(offsets) if set(range(start, end)) & set(range(*answer))]


@pytest.mark.parametrize("family", CONFIGS)
def test_the_last_layer_is_the_model_and_ranks_are_counts(family, paths, monkeypatch):
    """Against transformers' own hidden states and logits, one text at a time; here 16 tokens and 3 logits at a time."""
    monkeypatch.setattr(lens, "ROWS", 3)
    monkeypatch.setattr(capture, "WINDOW", 16)
    found = read({"m": paths[family]}, positions=["reasoning"], batch_size=2).tokens
    network, tokenizer = new_model(family), AutoTokenizer.from_pretrained(paths[family])
    expected = []
    for number, (text, answer) in enumerate(zip(TEXTS, ANSWERS, strict=True)):
        ids, own = tokenizer(text)["input_ids"], answer_tokens(tokenizer, text, answer)
        thought = (text.find("<think>") + 7, text.find("</think>")) if "<think>" in text else (0, 0)
        reads = [(k - 1, ANSWER, ids[k]) for k in own]
        reads += [(k, "reasoning", ids[own[0]]) for k in answer_tokens(tokenizer, text, thought)]
        with torch.no_grad():
            out = network(torch.tensor([ids]), output_hidden_states=True)
            logits = [network.lm_head(last_norm(network)(state[0])) for state in out.hidden_states[1:-1]]
        for token, position, target in reads:
            for layer, row in enumerate([*logits, out.logits[0]]):
                values = row[token].tolist()
                rank = sum(value > values[target] for value in values)
                expected.append((number, token, position, layer, target, tokenizer.decode([target]), rank,
                                 row[token].log_softmax(-1)[target].item()))
    columns = [*ROWS[2:], "piece", "rank", "log_prob"]
    expected = pd.DataFrame(expected, columns=columns).sort_values(columns[:4], ignore_index=True)
    ordered = found.sort_values(columns[:4], ignore_index=True)
    assert ordered[columns[:-1]].equals(expected[columns[:-1]])
    np.testing.assert_allclose(ordered["log_prob"], expected["log_prob"], atol=1e-4)
    np.testing.assert_allclose(found["probability"], np.exp(found["log_prob"]), rtol=1e-5)
    assert found["domain"].eq("all").all() and found.columns.tolist() == [*ROWS, "piece", "rank", "probability",
                                                                          "log_prob", "settled"]


def planted(family, text, answer):
    """A model whose last IDLE blocks do nothing, and whose head gives the answer to what the block before them wrote:
    the answer's row of the head is what the stream after that block holds beyond the streams after earlier ones."""
    network, tokenizer = new_model(family), tiny.tokenizer()
    ids, (token, *_) = tokenizer(text)["input_ids"], answer_tokens(tokenizer, text, answer)
    with torch.no_grad():
        for block in blocks(network)[-IDLE:]:
            for name, weight in block.named_parameters():
                if any(part in name for part in ("o_proj", "down_proj", "c_proj")):
                    weight.zero_()
        states = network(torch.tensor([ids]), output_hidden_states=True).hidden_states
        normed = torch.stack([last_norm(network)(state[0, token - 1]) for state in states[1:-IDLE]])
        basis = torch.linalg.qr(normed[:-1].T).Q
        network.lm_head.weight[ids[token]] = 10 * (normed[-1] - basis @ (basis.T @ normed[-1]))
    return network


@pytest.mark.parametrize("family", CONFIGS)
def test_an_answer_is_settled_where_the_blocks_stop_working(family, save):
    text, answer = TEXTS[2], ANSWERS[2]
    found = read({"m": save(planted(family, text, answer))}, [text], [answer])
    by_layer = found.tokens.set_index("layer")
    assert by_layer["settled"].tolist() == [False] * (LAYERS - IDLE - 1) + [True] * (IDLE + 1)
    assert (by_layer["rank"] == 0).equals(by_layer["settled"])
    assert by_layer["log_prob"][LAYERS - IDLE - 1:].nunique() == 1
    assert found.settled[["text", "piece", "layer", "n_layers"]].to_numpy().tolist() == [
        [0, " B", LAYERS - IDLE - 1, LAYERS]]
    part = read({"m": save(planted(family, text, answer))}, [text], [answer], layers=[1, -2])
    assert part.tokens["layer"].tolist() == [1, LAYERS - 2, LAYERS - 1]
    assert part.settled[["layer", "n_layers"]].to_numpy().tolist() == [[LAYERS - 2, LAYERS]]  # the first one read


def test_a_place_lost_again_is_not_settled():
    ranks = np.array([[0, 0, 3, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 1], [5, 4, 3, 2, 0]])
    assert settled(ranks).argmax(1).tolist() == [3, 0, 0, 4]
    assert settled(ranks).sum(1).tolist() == [2, 5, 0, 1]


def test_never_settled_is_missing(paths):
    found = read({"m": paths["qwen3"]})
    last = found.tokens[found.tokens["layer"] == LAYERS - 1]
    assert last["rank"].gt(0).any() and found.settled["layer"].isna().tolist() == last["rank"].gt(0).tolist()
    assert found.settled["layer"].dtype == "Int64" and len(found.settled) == 5


def test_scores():
    logits = torch.tensor([[2.0, 2.0, 1.0], [0.0, 3.0, 3.0]])
    rank, log_prob = scores(logits, torch.tensor([1, 0]))
    assert rank.tolist() == [0, 2]  # tied for the first place, both are first
    torch.testing.assert_close(log_prob, logits.log_softmax(-1)[[0, 1], [1, 0]])


@pytest.mark.parametrize("backend", BACKENDS)
def test_backends_agree(backend, paths):
    how = {"positions": ["prompt"], "batch_size": 2}
    plain, other = (read({"m": paths["qwen3"]}, backend=name, **how).tokens for name in ("hooks", backend))
    assert plain[ROWS].equals(other[ROWS])
    np.testing.assert_allclose(plain["log_prob"], other["log_prob"], atol=1e-4)


def test_models_side_by_side(paths, save):
    """The same model twice, and another of other depth: each has its own last layer."""
    torch.manual_seed(3)
    deep = AutoModelForCausalLM.from_config(Qwen3Config(**{**WIDE, "num_hidden_layers": 7}))
    models = {"a": paths["qwen3"], "b": paths["qwen3"], "deep": save(deep)}
    report = read(models, positions={"early": [[(0, 9)]] * 3}, domains=["math", "math", "science"])
    found = {name: part.drop(columns="model").reset_index(drop=True) for name, part in report.tokens.groupby("model")}
    pd.testing.assert_frame_equal(found["a"], found["b"])
    assert report.settled.groupby("model")["n_layers"].unique().map(list).to_dict() == {"a": [5], "b": [5], "deep": [7]}
    summary = report.summary().set_index(["model", "domain", "position", "layer"])
    assert len(summary) == 2 * 2 * (5 + 5 + 7)
    part = report.tokens.query("model == 'deep' and domain == 'math' and position == 'answer' and layer == 2")
    row = summary.loc["deep", "math", "answer", 2]
    assert row["n"] == 4 and row["n_texts"] == 2 and row["rank"] == np.median(part["rank"])
    assert row["log_prob"] == pytest.approx(part["log_prob"].mean()) and row["settled"] == part["settled"].mean()


def test_positions_end_where_the_answer_begins(paths):
    """Chosen tokens from the answer on, and texts without any, give no rows."""
    found = read({"m": paths["qwen3"]}, positions={"all": [[(0, 99)], [], [(0, 99)]]}).tokens
    first = found[found["position"] == ANSWER].groupby("text")["token"].min()
    asked = found[found["position"] == "all"].groupby("text")["token"].agg(["min", "max", "nunique"])
    assert asked.index.tolist() == [0, 2]
    assert asked["min"].eq(0).all() and asked["max"].equals(first[[0, 2]])
    assert asked["nunique"].eq(asked["max"] + 1).all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_stays_near(dtype, paths):
    exact, half = (read({"m": paths["llama"]}, dtype=kind).tokens for kind in (None, dtype))
    assert (exact["log_prob"] - half["log_prob"]).abs().max() < 0.5
    assert half["log_prob"].dtype == np.float32 and exact[ROWS].equals(half[ROWS])


def test_a_head_that_caps_its_logits_is_refused(save):
    def gemma(cap):
        torch.manual_seed(0)
        return save(AutoModelForCausalLM.from_config(Gemma2Config(**WIDE, final_logit_softcapping=cap)))

    assert len(read({"plain": gemma(None)}).settled) == 5
    with pytest.raises(ProbeError, match="the logits of capped are not its output head on its final norm .* the "
                                         "largest is .*: they are soft-capped or scaled, or more lies between"):
        read({"capped": gemma(5.0)})


def test_a_tokenizer_that_cuts_otherwise(paths, tmp_path):
    new_model("qwen3").save_pretrained(tmp_path)
    other = AutoTokenizer.from_pretrained(paths["qwen3"])
    other.add_tokens(["Answer"])
    other.save_pretrained(tmp_path)
    with pytest.raises(ProbeError, match="the tokenizer of other cuts text 0 otherwise"):
        read({"m": paths["qwen3"], "other": str(tmp_path)})


@pytest.mark.parametrize(("changes", "says"), [
    ({"models": {}}, "models must be a dict of at least one name to a path or hub id, got {}"),
    ({"texts": [], "answers": []}, "no texts to read; give at least one"),
    ({"texts": "Add 4."}, "texts must be a list of str"),
    ({"texts": ["Add 4.", ""]}, "the answer of text 1, characters 4 to 5, is empty or outside the text, which has 0"),
    ({"answers": [(4, 5)]}, "answers are of 1 texts; there are 2"),
    ({"domains": ["math"]}, "domains are of 1 texts; there are 2"),
    ({"answers": [(4, 5), (4, 4)]}, "the answer of text 1, characters 4 to 4, is empty or outside the text, "
     "which has 6"),
    ({"answers": [(4, 5), (4, 7)]}, "the answer of text 1, characters 4 to 7, is empty or outside the text"),
    ({"answers": [(-1, 5), (4, 5)]}, "the answer of text 0, characters -1 to 5, is empty or outside the text"),
    ({"answers": [(4, 5), None]}, r"the answer of text 1 must be its characters, \(start, end\), got None"),
    ({"answers": [[(4, 5)], (4, 5)]}, r"the answer of text 0 must be its characters, \(start, end\), got \[\(4, 5\)\]"),
    ({"answers": [(4, 5), (0, 3)]}, "the answer of text 1 begins at its first token, which nothing before it predicts"),
    ({"layers": [5]}, "there is no layer 5; the model has layers 0 to 4"),
    ({"layers": []}, "no layers to look at; choose among 0 to 4, or None for all"),
    ({"batch_size": 0}, "batch_size is 0; choose at least 1 text at a time"),
    ({"backend": "jax"}, "unknown backend 'jax'; choose among hooks, transformer_lens, nnsight"),
    ({"positions": ["answer"]}, "positions may not be called 'answer', as those are where the answer's own tokens are"),
    ({"positions": ["end"]}, "unknown positions 'end'; choose among prompt, reasoning, answer, or give spans"),
    ({"positions": {"a": [[(0, 1)]]}}, "positions 'a' are of 1 texts; there are 2"),
    ({"models": "gpt2", "texts": ["Add 4. " * 40] * 2}, "text 0 has .* tokens, the model's context holds 64; cut it"),
])
def test_what_is_refused(changes, says, paths):
    asked = {"models": "qwen3", "texts": ["Add 4.", "Add 5."], "answers": [(4, 5), (4, 5)], **changes}
    models = {"m": paths[asked.pop("models")]} if asked["models"] else asked.pop("models")
    with pytest.raises(ProbeError, match=says):
        read(models, **asked)
