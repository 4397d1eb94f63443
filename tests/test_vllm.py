"""vLLM loads what a merge wrote, and scores as a teacher does; in an environment of its own (`make vllm`).

One server for the file; skipped with a reason where that environment is not there.
"""

import os
import socket
import subprocess
import time
from pathlib import Path

import pytest
import requests
import torch

from tests.planted import save_changed
from training import get_domain, merge
from training.organism.anchor import ANCHOR
from training.rollouts import complete, load, render
from training.teachers import LocalTeacher, open_teacher

PYTHON = Path(__file__).parent.parent / ".venv-vllm/bin/python"
PATIENCE = 180
"""Seconds a server may take to start."""
pytestmark = pytest.mark.skipif(not PYTHON.exists(), reason="vLLM is not installed: `make vllm` does it")


@pytest.fixture(scope="module")
def merged(tmp_path_factory):
    """A merge of two models near the organism's anchor."""
    folder = tmp_path_factory.mktemp("merged")
    torch.manual_seed(0)
    noisy = save_changed(str(ANCHOR), folder / "noisy", lambda network: [
        parameter.mul_(1 + 1e-3 * torch.randn(parameter.shape)) for parameter in network.parameters()])
    return str(merge(ANCHOR, {"noisy": noisy}, folder / "near", "task_arithmetic", scale=0.5, progress=False))


@pytest.fixture(scope="module")
def url(merged, tmp_path_factory):
    """A server of the merge."""
    log = tmp_path_factory.mktemp("log") / "server.log"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [PYTHON, "-m", "vllm.entrypoints.openai.api_server", "--model", merged, "--host", "127.0.0.1",
               "--port", str(port), "--dtype", "float32", "--enforce-eager"]
    environment = {**os.environ, "VLLM_CPU_KVCACHE_SPACE": "1", "HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1"}
    with log.open("wb") as out:
        server = subprocess.Popen(command, stdout=out, stderr=out, env=environment, start_new_session=True)
    try:
        yield _started(server, f"http://127.0.0.1:{port}/v1", log)
    finally:
        server.terminate()
        server.wait(timeout=60)


def _started(server, url, log):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        assert server.poll() is None, log.read_text()[-2000:]
        try:
            requests.get(f"{url}/models", timeout=5).raise_for_status()
            return url
        except requests.RequestException:
            time.sleep(0.5)
    raise AssertionError(f"no answer in {PATIENCE} s\n{log.read_text()[-2000:]}")


def test_a_merge_is_served_and_writes_what_transformers_writes(merged, url):
    """Greedy, from the same token ids: chat template, weights, tied embedding and end token all arrive."""
    network, tokenizer = load(merged)
    prompts = [render(tokenizer, task.prompt) for name in ("math", "science", "instructions")
               for task in get_domain(name).tasks("test", 4)]
    ours = complete(network, tokenizer, prompts, [96] * len(prompts), 0.0, torch.zeros(len(prompts), 96))
    body = {"model": merged, "prompt": prompts, "max_tokens": 96, "temperature": 0.0, "skip_special_tokens": False}
    choices = requests.post(f"{url}/completions", json=body, timeout=120).json()["choices"]
    theirs = [choice["text"] for choice in sorted(choices, key=lambda choice: choice["index"])]
    same = [tokenizer.decode(ids).removesuffix(tokenizer.eos_token) == text.removesuffix(tokenizer.eos_token)
            for ids, text in zip(ours, theirs, strict=True)]
    assert sum(same) >= len(same) - 1  # the rounding of another kernel may tip one near-tie


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
