"""How far policies are apart: a plain oracle in fp64, planted distributions, sampled tokens, hand-made neighbors."""

import numpy as np
import pandas as pd
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GPT2Config

from probes.policy import COLUMNS, ESTIMATORS, NEIGHBORS, kl_matrix, policy_divergence, policy_neighbors
from probes.sources import ProbeError
from tests import tiny
from training.intervals import interval
from training.rollouts import complete, load, render, response_ids

TOKENIZER = tiny.tokenizer()
END = TOKENIZER.eos_token
REPLY = '<tool_response>{"id": 9}</tool_response><tool_response>[]</tool_response>'
CALL = "<think> I look.</think><tool_call>{}</tool_call>"
TRANSCRIPTS = [  # sampler, domain, task, prompt, turns with the responses between them, did the model end the last turn
    ("a", "math", "m1", "Add 4.", ["<think> 8.</think> Answer: 8"], True),
    ("a", "math", "m1", "Add 4.", ["<think> 4 + 4 = 8. Let me check. That is 8, so"], False),
    ("b", "math", "m1", "Add 4.", ["12"], True),
    ("a", "math", "m2", "Add 14 to the 3 red boxes that Ann has.", [""], True),
    ("a", "agent", "t1", "Find Zoe.", [CALL, REPLY, CALL, REPLY, "<think> So.</think> Done."], True),
    ("a", "agent", "t2", "Find Bob.", [CALL, REPLY, ""], True),
    ("a", "agent", "t3", "Find Max.", [CALL, REPLY, "<think> So"], False),
]


def tokens_of(prompt, parts, ended):
    """The ids of a transcript, and which of them the model wrote, as rollouts are put together."""
    ids = render(TOKENIZER, prompt)
    own = [False] * len(ids)
    for k, part in enumerate(parts):
        goes_on = k < len(parts) - 1 or ended
        new = response_ids(TOKENIZER, part) if k % 2 else TOKENIZER(part + END * goes_on)["input_ids"]
        ids, own = ids + new, own + [k % 2 == 0] * len(new)
    return ids, own


def frame(transcripts=TRANSCRIPTS):
    rows = [(model, domain, task, prompt, "".join(parts), sum(tokens_of(prompt, parts, ended)[1]))
            for model, domain, task, prompt, parts, ended in transcripts]
    return pd.DataFrame(rows, columns=["model", "domain", "task_id", "prompt", "completion", "n_tokens"])


def trace(model="a", domain="math", task="t", prompt="Go.", completion="01"):
    return {"model": model, "domain": domain, "task_id": task, "prompt": prompt, "completion": completion}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    return {name: tiny.save_model(folder / name, seed) for seed, name in enumerate("ab")}


@pytest.fixture(scope="module")
def plant(tmp_path_factory):
    """Saves a GPT-2 of its own output head, with one dimension that is 1 whatever the model reads; gives the folder.

    head: token -> its logit there, -60 of all others; noise: how much the others of the stream move those tokens.
    """
    def planted(head, noise=0.0, seed=0, more=0):
        torch.manual_seed(seed)
        network = AutoModelForCausalLM.from_config(GPT2Config(
            vocab_size=len(TOKENIZER) + more, n_embd=16, n_layer=1, n_head=2, n_positions=96, tie_word_embeddings=False,
            initializer_range=0.2, bos_token_id=None, eos_token_id=None))
        ids = [TOKENIZER.convert_tokens_to_ids(token) for token in head]
        with torch.no_grad():
            weight, norm = network.lm_head.weight.zero_(), network.transformer.ln_f
            norm.weight[0], norm.bias[0] = 0, 1
            weight[ids] = noise * torch.randn(len(ids), 16)
            weight[:, 0] = -60
            weight[ids, 0] = torch.tensor(list(head.values()), dtype=torch.float32)
        folder = tmp_path_factory.mktemp("planted")
        network.save_pretrained(folder)
        TOKENIZER.save_pretrained(folder)
        return str(folder)
    return planted


def divergence(models, traces, **how):
    return policy_divergence(models, traces, device="cpu", progress=False, **how)


def by_key(found):
    return found.set_index(["sampler", "scored_by", "domain", "estimator"])


def plain(models, transcripts, most=None):
    """By the definitions, one text and one token at a time: (sampler, scorer, domain, task, tokens, full, k1) rows."""
    networks = {name: load(path, "cpu", torch.float64)[0] for name, path in models.items()}
    rows = []
    for sampler, domain, task, prompt, parts, ended in transcripts:
        ids, own = tokens_of(prompt, parts, ended)
        with torch.no_grad():
            logs = {name: network(torch.tensor([ids])).logits[0].log_softmax(-1) for name, network in networks.items()}
        places = [t for t in range(len(ids)) if own[t]][:most]
        for scorer in models:
            full = k1 = 0.0
            for t in places:
                p, q = logs[sampler][t - 1], logs[scorer][t - 1]
                full += sum(p.exp() * (p - q)).item()
                k1 += (p[ids[t]] - q[ids[t]]).item()
            rows.append((sampler, scorer, domain, task, len(places), full, k1))
    return pd.DataFrame(rows, columns=["sampler", "scored_by", "domain", "task", "n", *ESTIMATORS])


@pytest.mark.parametrize("most", [None, 5])
def test_a_plain_loop_over_single_texts_gives_the_same(most, models):
    """Agents' turns included; whatever the batches, and so the padding, are."""
    expected = plain(models, TRANSCRIPTS, most)
    found = by_key(divergence(models, frame(), max_tokens=most, dtype=torch.float64, batch_size=3))
    assert found.reset_index().columns.tolist() == list(COLUMNS) and len(found) == 2 * 3 * 2
    for (*key, how), row in found.iterrows():
        part = expected[(expected[["sampler", "scored_by", "domain"]] == key).all(axis=1)]
        tasks = part.groupby("task")[["n", *ESTIMATORS]].sum()
        assert [row.n_tasks, row.n_traces, row.n_tokens] == [len(tasks), len(part), part.n.sum()]
        limits = interval(tasks[[how]].to_numpy(), tasks[["n"]].to_numpy())
        np.testing.assert_allclose([row.kl, row.nats_per_trace, row.ci_low, row.ci_high],
                                   [part[how].sum() / part.n.sum(), part[how].mean(), limits.low, limits.high],
                                   rtol=1e-9, atol=1e-12)
    alone = divergence(models, frame(), max_tokens=most, dtype=torch.float64, batch_size=1)
    pd.testing.assert_frame_equal(by_key(alone), found, rtol=1e-9, atol=1e-12)
    single = divergence(models, frame(), max_tokens=most)  # precision; batches of 8
    np.testing.assert_allclose(single["kl"], found["kl"], rtol=1e-3, atol=1e-7)
    own = found[found.index.get_level_values("sampler") == found.index.get_level_values("scored_by")]
    assert own[["kl", "nats_per_trace"]].abs().max(axis=None) < 1e-9
    assert found["kl"].drop(own.index).abs().min() > 1e-3


def test_what_the_environment_said_is_not_counted(models):
    """By hand: the tokens of both turns and the end of the first; that of the second only where n_tokens has it."""
    (row,) = [one for one in TRANSCRIPTS if one[2] == "t1"]
    written = sum(len(TOKENIZER(part)["input_ids"]) for part in row[4][::2])
    traces = frame([row])
    assert traces["n_tokens"].item() == written + 3
    for given, counted in ((traces, written + 3), (traces.assign(n_tokens=written + 2), written + 2),
                           (traces.drop(columns="n_tokens"), written + 2)):
        assert divergence(models, given)["n_tokens"].eq(counted).all()


def test_planted_distributions_are_apart_by_what_the_formula_says(plant):
    """Of two tokens, and not the same in both directions."""
    p, q = np.array([0.5, 0.5]), np.array([0.9, 0.1])
    models = {name: plant(dict(zip("01", np.log(chances), strict=True))) for name, chances in (("p", p), ("q", q))}
    traces = pd.DataFrame([trace("p", completion="0101"), trace("p", task="u", completion="00"),
                           trace("q", completion="000100"), trace("q", task="u", completion="00")])
    found = divergence(models, traces)
    there, back = (p * np.log(p / q)).sum(), (q * np.log(q / p)).sum()
    table = kl_matrix(found, "math")
    assert there > back + 0.1
    np.testing.assert_allclose(table.loc[["p", "q"], ["p", "q"]], [[0, there], [back, 0]], atol=1e-5)
    k1 = by_key(found).loc[("p", "q", "math", "k1")]
    ratios = np.log(p / q)
    assert k1.kl == pytest.approx((4 * ratios[0] + 2 * ratios[1]) / 6, abs=1e-5)
    assert k1.nats_per_trace == pytest.approx((4 * ratios[0] + 2 * ratios[1]) / 2, abs=1e-5)
    assert k1.ci_low == pytest.approx(ratios[0], abs=1e-5) and k1.ci_high == pytest.approx(ratios.mean(), abs=1e-5)


def test_k1_estimates_full_without_bias_where_the_end_counts(plant):
    """Over 40 parts of sampled completions, within 4 standard errors; with their ends left out it does not."""
    p = plant(dict.fromkeys(["0", "1", "2", "3", END], 0.0), noise=0.2)
    q = plant({"0": 0.0, "1": 0.5, "2": 1.0, "3": 0.0, END: -2.0}, noise=0.2, seed=1)
    draws = torch.rand(200, 8, generator=torch.Generator().manual_seed(0))
    written = complete(load(p, "cpu")[0], TOKENIZER, [render(TOKENIZER, "Go.")] * 200, [8] * 200, 1.0, draws)
    ended = [ids[-1] == TOKENIZER.eos_token_id for ids in written]
    assert 100 < sum(ended) < 200
    traces = pd.DataFrame([trace("p", f"part {k % 40}", completion=TOKENIZER.decode(ids).removesuffix(END))
                           for k, ids in enumerate(written)])
    errors = {}
    for name, given in (("with", traces.assign(n_tokens=list(map(len, written)))), ("without", traces)):
        found = divergence({"p": p, "q": q}, given, batch_size=64).query("scored_by == 'q'")
        nats = found.pivot(index="domain", columns="estimator", values="nats_per_trace")
        gap = nats["k1"] - nats["full"]
        errors[name] = abs(gap.mean()) / (gap.std() / len(gap) ** 0.5)
        assert found["n_tokens"].sum() == 2 * (sum(map(len, written)) - (sum(ended) if name == "without" else 0))
    assert nats["full"].mean() > 0.5 and errors["with"] < 4 < errors["without"]


def test_completions_without_tokens_and_domains_with_one_task(plant):
    models = {"a": plant({"0": 0.0, "1": 0.0}), "b": plant({"0": 0.0, "1": 1.0})}
    traces = pd.DataFrame([trace(completion="01"), trace(completion=""), trace(domain="none", completion="")])
    found = by_key(divergence(models, traces))
    row, none = found.loc[("a", "b", "math", "full")], found.loc[("a", "b", "none", "full")]
    assert [row.n_tasks, row.n_traces, row.n_tokens] == [1, 2, 2] and np.isnan([row.ci_low, row.ci_high]).all()
    assert row.kl == pytest.approx(row.nats_per_trace) and row.kl > 0.01
    assert np.isnan(none.kl) and [none.nats_per_trace, none.n_traces, none.n_tokens] == [0, 1, 0]


@pytest.mark.parametrize(("changes", "says"), [
    ({"models": {}}, "models must be a dict of at least one name to a path or hub id, got {}"),
    ({"rows": [trace(), trace("c"), trace("d")]}, "traces are of 'c', 'd', not among the models: a, b"),
    ({"rows": [trace(), trace(completion=None)]}, "1 of 2 traces have no completion"),
    ({"rows": [trace(task=None)]}, "1 of 1 traces have no task_id"),
    ({"rows": []}, "no traces to score; give at least one"),
    ({"drop": ["domain", "prompt"]}, "traces lack the column 'domain', 'prompt'"),
    ({"max_tokens": 0}, "max_tokens is 0; choose at least 1"),
    ({"batch_size": 0}, "batch_size is 0; choose at least 1"),
    ({"rows": [trace(completion="0" * 2100)]}, "text 0 has 2.* tokens, the model's context holds 2048"),
])
def test_what_is_refused(changes, says, models):
    given = {"models": models, "rows": [trace()], "drop": [], **changes}
    traces = pd.DataFrame(given.pop("rows"), columns=list(trace())).drop(columns=given.pop("drop"))
    with pytest.raises(ProbeError, match=says):
        divergence(given.pop("models"), traces, **given)


def test_what_is_read_of_a_long_completion_must_fit_and_not_more(models):
    assert divergence(models, pd.DataFrame([trace(completion="0" * 2100)]), max_tokens=4)["n_tokens"].eq(4).all()


@pytest.mark.parametrize(("word", "says"), [
    ("Zebra", "'b' has another vocabulary than 'a': 1 tokens differ, as 'Zebra'; policies are compared on the same"),
    ("Answer", "the tokenizer of 'b' cuts text 0 otherwise"),  # the word is a token, the one with a space no longer
])
def test_policies_with_other_tokens_are_refused(word, says, plant, tmp_path):
    here = plant({"0": 0.0})
    AutoModelForCausalLM.from_pretrained(here).save_pretrained(tmp_path)
    other = AutoTokenizer.from_pretrained(here)
    other.add_tokens([word])
    other.save_pretrained(tmp_path)
    with pytest.raises(ProbeError, match=says):
        divergence({"a": here, "b": str(tmp_path)}, pd.DataFrame([trace(completion="The Answer: 4")]))


@pytest.mark.parametrize(("head", "more", "says"), [
    (0.0, 8, r"on the same tokens only, but give so many logits: {'a': \d+, 'b': \d+}"),
    (np.inf, 0, "does not give finite logits in torch.float32"),
])
def test_odd_logits_are_refused(head, more, says, plant):
    with pytest.raises(ProbeError, match=says):
        divergence({"a": plant({"0": 0.0}), "b": plant({"0": head}, more=more)}, pd.DataFrame([trace()]))


EXPERTS = {"math": "M", "code": "C", "agent": "A"}
FULL = {"math": {"M": 0.30, "C": 0.20, "A": 0.40}, "code": {"M": 0.10, "C": 0.30, "A": 0.30},
        "agent": {"M": 0.50, "C": 0.05, "A": 0.04}}
"""Domain -> expert -> nats from the mixed policy; by k1 ten times as much, and for expert C on agent tasks 0."""


def by_hand():
    rows = []
    for domain, line in FULL.items():
        for expert, kl in line.items():
            for how, value in (("full", kl), ("k1", 0 if (domain, expert) == ("agent", "C") else 10 * kl)):
                rows += [(expert, "mixed", domain, how, value, 0.9 * value, 2 * value, 1.0, 2, 2, 9),
                         (expert, "anchor", domain, how, 0.0, 0.0, 0.0, 0.0, 2, 2, 9)]
    return pd.DataFrame(rows, columns=COLUMNS)


@pytest.mark.parametrize(("epsilon", "full", "k1"), [
    (None, {"math code", "code math"}, {"math code", "code math", "agent code"}),  # no ties: code agent is at epsilon
    (0.2, {"code math", "agent code"}, {"agent code"}),
    (0.31, {"math code", "code math", "code agent", "agent code"}, {"agent code"}),
])
def test_neighbors_of_a_table_made_by_hand(epsilon, full, k1):
    found = policy_neighbors(by_hand(), "mixed", EXPERTS, epsilon)
    assert found.columns.tolist() == list(NEIGHBORS) and len(found) == 12 and found["neighbor"].dtype == bool
    for how, expected in (("full", full), ("k1", k1)):
        part = found[found["estimator"] == how]
        pairs = part["domain"] + " " + part["other"]
        assert set(pairs[part["neighbor"]]) == expected
        assert set(pairs[part["mutual"]]) == {pair for pair in expected if " ".join(pair.split()[::-1]) in expected}
    row = found[(found["domain"] == "math") & (found["other"] == "agent") & (found["estimator"] == "full")].iloc[0]
    assert [row.kl, row.ci_low, row.ci_high, row.epsilon] == [0.4, 0.9 * 0.4, 0.8, 0.3 if epsilon is None else epsilon]


def test_neighbors_need_every_expert_on_every_domain():
    table = by_hand()
    says = "of 'C' under 'mixed' on domain 'agent' by 'k1' the divergence has {} rows, not one with tokens"
    there = (table["sampler"] == "C") & (table["domain"] == "agent") & (table["estimator"] == "k1")
    for odd, n in ((table[~there], 0), (pd.concat([table, table]), 2), (table.assign(kl=table["kl"].mask(there)), 1)):
        with pytest.raises(ValueError, match=says.format(n) if n != 2 else "of 'M' .* has 2 rows"):
            policy_neighbors(odd, "mixed", EXPERTS)
    with pytest.raises(ValueError, match=r"experts are of 1 domains \(math\); give at least 2"):
        policy_neighbors(table, "mixed", {"math": "M"})
    for epsilon in (0, -1, np.nan, np.inf):
        with pytest.raises(ValueError, match="epsilon is .*; choose a number of nats a token above 0, or None"):
            policy_neighbors(table, "mixed", EXPERTS, epsilon)


def test_a_matrix_is_square_with_gaps_where_nothing_was_sampled():
    rows = [("a", "a", "math", "full", 0.0), ("a", "b", "math", "full", 0.5), ("a", "b", "math", "k1", 9.0)]
    table = pd.DataFrame(rows, columns=COLUMNS[:5])
    found = kl_matrix(table, "math")
    assert found.index.tolist() == found.columns.tolist() == ["a", "b"]
    assert found.loc["a"].tolist() == [0, 0.5] and found.loc["b"].isna().all()
    with pytest.raises(ValueError, match="nothing on domain 'code' by estimator 'full'; there are math by full, k1"):
        kl_matrix(table, "code")
