"""sample and judge through a server, and what engines share; all with a tiny real model.

The server is a double that lets the tiny model write, so a greedy completion must be that of the transformers engine.
"""

import threading
import time
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import pytest
import torch

from behaviors import judge, sample
from probes.policy import k1_divergence, policy_divergence
from tests.test_server import serving
from tests.tiny import save_model, tokenizer
from training.domains import DOMAINS, get_domain
from training.engines import open_engine, request_seed
from training.rollouts import complete, load, render, response_ids, uniforms
from training.server import ServerError


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return save_model(tmp_path_factory.mktemp("tiny"))


def writer(model):
    """What a model answers to requests, as vLLM would."""
    network, words = load(model)

    def answer(body):
        allowed, ids = body["max_tokens"], body["prompt"]
        draws = uniforms([str(body["seed"])], 0, allowed)
        turn = complete(network, words, [ids], [allowed], body["temperature"], draws)
        ended = turn[0][-1] == words.eos_token_id
        return {"choices": [{"index": 0, "text": words.decode(turn[0][:-1] if ended else turn[0]), "token_ids": turn[0],
                             "finish_reason": "stop" if ended else "length"}]}

    return answer


@pytest.fixture(scope="module")
def written(tiny):
    return writer(tiny)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    for name, value in {"PAUSE": 0.002, "LONGEST": 0.02, "TRIES": 3}.items():
        monkeypatch.setattr(f"training.server.{name}", value)


def tasks(n=2, domains=DOMAINS):
    return [task for name in domains for task in get_domain(name).tasks("test", n)]


def test_greedy_completions_of_a_server_are_those_of_transformers(tiny, written):
    given = {"n": 1, "temperature": 0.0, "progress": False}
    with serving(written, model=tiny) as double:
        there = sample(tiny, tasks(), engine=double.url, **given)
    pd.testing.assert_frame_equal(there, sample(tiny, tasks(), **given))


def test_a_server_is_asked_for_what_seed_task_sample_and_turn_decide(tiny, written):
    asked, some = {"n": 3, "progress": False, "max_new_tokens": 8}, tasks(3, ["math", "agent"])
    with serving(written, model=tiny) as double:
        first, again, other = (sample(tiny, some, engine=double.url, seed=seed, **asked) for seed in (1, 1, 2))
        more = sample(tiny, some, engine=double.url, seed=1, first=1, **(asked | {"n": 2}))
    pd.testing.assert_frame_equal(first, again)
    assert not first.completion.equals(other.completion)
    pd.testing.assert_frame_equal(more, first[first["sample"] > 0].reset_index(drop=True))
    one = [body["seed"] for body in double.asked[:18]]
    assert len(set(one)) == 18 and all(0 <= seed < 2**31 for seed in one)
    assert set(one) == {request_seed(1, f"{task.domain}/{task.id}/{k}") for task in some for k in range(3)}


def scripted(turns):
    """A server that writes one turn after the other to every prompt, by how many were written before."""
    def answer(body):
        said = turns[tokenizer().decode(body["prompt"]).count("<tool_response>")]
        ids = tokenizer()(said, add_special_tokens=False)["input_ids"] + [tokenizer().eos_token_id]
        return {"choices": [{"index": 0, "text": said, "token_ids": ids, "finish_reason": "stop"}]}

    return answer


def test_an_agents_turns_are_played_with_a_server(tiny):
    """The reference calls, made in the first turn, answered by the environment, and a last word."""
    task = get_domain("agent").tasks("test", 1)[0]
    turns = [f"<think></think>{get_domain('agent').reference(task)}", "Done."]
    with serving(scripted(turns), model=tiny) as double:
        row = sample(tiny, [task], n=1, engine=double.url, max_new_tokens=1000, progress=False).iloc[0]
    assert row["correct"] and row["n_turns"] == 2 and row["completion"].startswith(turns[0] + "<tool_response>")
    ids = [tokenizer()(turn, add_special_tokens=False)["input_ids"] + [tokenizer().eos_token_id] for turn in turns]
    assert row["n_tokens"] == sum(map(len, ids))
    first, second = double.asked
    response = row["completion"].removeprefix(turns[0]).removesuffix(turns[1])
    assert first["prompt"] == render(tokenizer(), task.prompt)
    assert second["prompt"] == first["prompt"] + ids[0] + response_ids(tokenizer(), response)
    assert (first["max_tokens"], second["max_tokens"]) == (1000, 1000 - len(ids[0]))
    assert first["seed"] == request_seed(0, f"agent/{task.id}/0", 0) != second["seed"]


def test_a_turn_without_room_in_the_context_is_not_asked_for(tiny):
    task = get_domain("agent").tasks("test", 1)[0]
    first = f"<think></think>{get_domain('agent').reference(task)}"
    context = len(render(tokenizer(), task.prompt)) + len(tokenizer()(first, add_special_tokens=False)["input_ids"]) + 2
    with serving(scripted([first]), model=tiny, max_model_len=context) as double:
        row = sample(tiny, [task], n=1, engine=double.url, progress=False, max_new_tokens=1000).iloc[0]
    assert len(double.asked) == 1 and double.asked[0]["max_tokens"] < 1000
    assert row["n_turns"] == 2 and row["completion"].endswith("</tool_response>")


def test_a_server_without_token_ids_has_its_text_cut_again(tiny):
    def answer(body):
        return {"choices": [{"index": 0, "text": "So 2 + 3 = 5.", "finish_reason": body["finish"]}]}

    for finish, end in (("stop", 1), ("length", 0)):
        with serving(lambda body, finish=finish: answer(body | {"finish": finish}), model=tiny) as double:
            row = sample(tiny, tasks(1, ["math"]), n=1, engine=double.url, progress=False).iloc[0]
        assert row["completion"] == "So 2 + 3 = 5."
        assert row["n_tokens"] == len(tokenizer()(row["completion"])["input_ids"]) + end


def test_a_run_survives_faults_and_a_restart(tiny, written, monkeypatch):
    monkeypatch.setattr("training.server.TRIES", 500)
    monkeypatch.setattr("training.engines_served.TOGETHER", 4)
    asked = {"n": 4, "progress": False, "max_new_tokens": 8}
    with serving(written, model=tiny) as double:
        whole = sample(tiny, tasks(), engine=double.url, **asked)

    def slowly(body):
        time.sleep(0.02)
        return written(body)

    found = []
    with serving(slowly, model=tiny) as first:
        first.faults = [500, "drop", "cut", (429, "0"), "nonsense", [], {"choices": []}, 503]
        run = threading.Thread(target=lambda: found.append(sample(tiny, tasks(), engine=first.url, **asked)))
        run.start()
        while len(first.asked) < 30:
            time.sleep(0.005)
    time.sleep(0.2)
    assert not found
    with serving(slowly, model=tiny, port=first.server_port) as second:
        run.join()
    pd.testing.assert_frame_equal(found[0], whole)
    assert 0 < len(second.asked) < 30


def test_judges_reply_through_a_server(tiny, written):
    traces = sample(tiny, tasks(2, ["math"]), n=2, progress=False)
    with serving(written, model=tiny) as double:
        greedy = judge(tiny, traces, engine=double.url, temperature=0.0)
        several, again = (judge(tiny, traces.iloc[:1], n=4, engine=double.url) for _ in range(2))
    pd.testing.assert_frame_equal(greedy, judge(tiny, traces, temperature=0.0))
    assert several["reply"].nunique() == 4 and several["reply"].tolist() == again["reply"].tolist()


def test_logps_are_those_of_the_model(tiny):
    network = load(tiny)[0]
    texts = [render(tokenizer(), task.prompt)[:40 - k] for k, task in enumerate(tasks(4))]
    with torch.no_grad():
        wanted = [network(torch.tensor([ids])).logits[0, :-1].log_softmax(-1).gather(1, torch.tensor(ids[1:])[:, None])
                  [:, 0].tolist() for ids in texts]

    def scored(body):
        return {"choices": [{"index": k, "logprobs": {"token_logprobs": [None, *wanted[texts.index(ids)]],
                                                      "tokens": [tokenizer().decode([i]) for i in ids]}}
                            for k, ids in enumerate(body["prompt"])]}

    with closing(open_engine(tiny)) as engine:
        for ours, true in zip(engine.logps(texts), wanted, strict=True):
            assert ours == pytest.approx(true, abs=1e-4)
    with serving(scored, model=tiny) as double, closing(open_engine(tiny, double.url)) as engine:
        assert engine.logps(texts) == wanted


def test_a_model_is_found_by_its_name_or_its_folder(tiny, written, monkeypatch):
    monkeypatch.chdir(Path(tiny).parent)
    last, other = Path(tiny).name, {"model": "x", "root": tiny}
    for name, how in ((tiny, {"model": tiny}), (last, {"model": tiny}), (tiny, other)):
        with serving(written, **how) as double:
            sample(name, tasks(1, ["math"]), n=1, engine=double.url, progress=False)
        assert double.asked[0]["model"] == how["model"]
    with serving(written, model="elsewhere/model") as double:
        with pytest.raises(ServerError, match=f"/v1 does not serve {tiny}; it serves elsewhere/model "):
            sample(tiny, tasks(1, ["math"]), n=1, engine=double.url, progress=False)


@pytest.mark.parametrize(("changes", "error", "says"), [
    ({"engine": "tgi"}, ValueError, "unknown engine 'tgi'; choose transformers, vllm, or a server's address"),
    ({"engine": "vllm", "device": "cuda:1"}, ValueError, "engine 'vllm' has a device of its own"),
    ({"engine": "http://127.0.0.1:9/v1", "dtype": "bfloat16"}, ValueError, "has a dtype of its own"),
    ({"engine": "http://127.0.0.1:9/v1"}, ServerError, "http://127.0.0.1:9/v1 did not answer"),
    ({"engine": "http://"}, ServerError, "http:/* cannot be asked"),
    pytest.param({"engine": "vllm"}, ValueError, "engine 'vllm' needs vLLM",
                 marks=pytest.mark.skipif(find_spec("vllm") is not None, reason="vLLM is installed here")),
])
def test_engines_that_cannot_be_had(tiny, changes, error, says):
    with pytest.raises(error, match=says):
        sample(tiny, tasks(1, ["math"]), n=1, progress=False, **changes)


def test_a_server_with_another_tokenizer(tiny):
    words = {"choices": [{"index": 0, "text": "zebra", "token_ids": [40, 41], "finish_reason": "length"}]}
    with serving(lambda body: words, model=tiny) as double:
        with pytest.raises(ServerError, match="has another tokenizer than .* here: what it wrote as 'zebra' reads"):
            sample(tiny, tasks(1, ["math"]), n=1, engine=double.url, progress=False)


def test_divergence_by_k1_is_that_of_local_models(tiny, tmp_path):
    """One model here, the other behind a server."""
    other = save_model(tmp_path / "other", seed=1)
    traces = sample(tiny, tasks(), n=2, progress=False, max_new_tokens=12).assign(model="ours")
    wanted = policy_divergence({"ours": tiny, "other": other}, traces, progress=False)
    with closing(open_engine(other)) as there:
        def scored(body):
            return {"choices": [{"index": k, "logprobs": {"token_logprobs": [None, *values], "tokens": [
                tokenizer().decode([i]) for i in ids]}}
                for k, (ids, values) in enumerate(zip(body["prompt"], there.logps(body["prompt"]), strict=True))]}

        with serving(scored, model=other) as double, closing(open_engine(tiny)) as ours:
            found = k1_divergence({"ours": ours, "other": open_engine(other, double.url)}, traces)
    k1 = wanted[wanted["estimator"] == "k1"].reset_index(drop=True)
    pd.testing.assert_frame_equal(found, k1, atol=1e-4)
    assert found.loc[found["scored_by"] == "other", "kl"].abs().min() > 1e-3
