"""Distillation: advantages are log-ratios token by token, each row by its own teacher, from weights or a server."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pandas as pd
import pytest
import torch
from transformers import AutoModelForCausalLM

from tests.tiny import preset, save_model, tokenizer
from training.checkpoints import Checkpoint
from training.distill import DistillTrainer
from training.merging.vocabulary import tokens
from training.rlvr import Run, train_run
from training.teachers import LocalTeacher, ServedTeacher, TeacherError, open_teacher

DOMAINS = ("math", "science")


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Two untrained models of one tokenizer: the student, and another."""
    folder = tmp_path_factory.mktemp("models")
    return save_model(folder / "student"), save_model(folder / "other", seed=1)


def run(student, teachers, steps=1, **changes):
    changes = {"teachers": teachers, "routing": {domain: domain for domain in teachers}, **changes}
    sizes = preset(generations=4, **changes.pop("preset", {}))
    return Run("distilled", student, dict.fromkeys(DOMAINS, 0.5), steps, 0, sizes, **changes)


def logps(model, ids):
    """Log-probabilities of a text's tokens but the first, plainly."""
    with torch.no_grad():
        scores = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)(torch.tensor([ids])).logits[0]
    return scores[:-1].log_softmax(-1).gather(1, torch.tensor(ids[1:])[:, None])[:, 0]


def test_advantages_are_log_ratios_by_the_rows_own_teacher(models, tmp_path, monkeypatch):
    """Math learns from a twin of the student, so nothing; science from another model."""
    student, other = models
    seen, generate = [], DistillTrainer._generate_and_score_completions

    def watched(self, inputs):
        seen.append((inputs, generate(self, inputs)))
        return seen[-1][1]

    monkeypatch.setattr(DistillTrainer, "_generate_and_score_completions", watched)
    cost = train_run(run(student, {"math": student, "science": other}), tmp_path / "run")
    (inputs, output), = seen
    assert {row["teacher_id"] for row in inputs} == set(DOMAINS) and cost["optimizer_steps"] == 1
    for k, row in enumerate(inputs):
        prompt = output["prompt_ids"][k][output["prompt_mask"][k].bool()].tolist()
        mask = output["completion_mask"][k].bool()
        ids = prompt + output["completion_ids"][k][mask].tolist()
        expected = logps(student if row["teacher_id"] == "math" else other, ids) - logps(student, ids)
        got = output["advantages"][k]
        torch.testing.assert_close(got[mask], expected[len(prompt) - 1:], atol=1e-4, rtol=0)
        assert not got[~mask].any()
    log = pd.read_csv(tmp_path / "run/distill.csv").set_index("teacher")
    assert log.kl["math"] == pytest.approx(0, abs=1e-5) and log.kl["science"] > 0.01
    assert log.rollouts.tolist() == [4, 4]


def test_the_student_comes_closer_to_its_teacher(models, tmp_path):
    student, other = models
    train_run(run(student, dict.fromkeys(DOMAINS, other), 25, preset={"learning_rate": 2e-3, "prompts": 4}), tmp_path)
    kl = pd.read_csv(tmp_path / "distill.csv").groupby("step").kl.mean()
    assert len(kl) == 25 and kl.tail(5).mean() < 0.7 * kl.head(5).mean()


def test_what_a_killed_run_logged_twice_is_cut(models, tmp_path):
    student, other = models
    teachers = dict.fromkeys(DOMAINS, other)
    train_run(run(student, teachers, 5), tmp_path)
    rows = (tmp_path / "distill.csv").read_text()
    (tmp_path / "distill.csv").write_text(rows + "5,math,1,1,1\n")
    train_run(run(student, teachers, 5), tmp_path)
    assert (tmp_path / "distill.csv").read_text() == rows


@pytest.mark.parametrize(("changes", "says"), [
    ({"routing": {"math": "math"}}, "domain 'science' has no teacher; routed are math"),
    ({"routing": {"math": "math", "science": "x"}}, "domain 'science' is routed to teacher 'x'; the teachers are math"),
])
def test_routes_that_lead_nowhere(models, tmp_path, changes, says):
    with pytest.raises(TeacherError, match=says):
        train_run(run(models[0], dict.fromkeys(DOMAINS, models[1]), **changes), tmp_path)


def test_a_teacher_with_other_tokens(models, tmp_path):
    other = save_model(tmp_path / "other")
    file = tmp_path / "other" / "tokenizer.json"
    content = json.loads(file.read_text())
    a, b = list(content["model"]["vocab"])[50:52]
    vocabulary = content["model"]["vocab"]
    vocabulary[a], vocabulary[b] = vocabulary[b], vocabulary[a]
    file.write_text(json.dumps(content))
    assert tokens(Checkpoint(other)) != tokens(Checkpoint(models[0]))
    with pytest.raises(TeacherError, match=f"teacher {other} has another vocabulary: 2 tokens differ"):
        LocalTeacher(other, models[0])


class _Server(BaseHTTPRequestHandler):
    """Scores prompts as vLLM does with echo; `change` spoils the reply."""

    def log_message(self, *_):
        pass

    def do_GET(self):
        self._send({"data": [{"id": "teacher"}] if self.server.model else []})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert body["echo"] and body["max_tokens"] == 0 and body["model"] == "teacher"
        choices = []
        for index, ids in enumerate(body["prompt"]):
            values = [None, *logps(self.server.model, ids).tolist()]
            spelled = [tokenizer().decode([number]) for number in ids]
            choices.append({"index": index, "logprobs": {"token_logprobs": values, "tokens": spelled}})
        self._send({"choices": self.server.change(choices[::-1])})

    def _send(self, content):
        text = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


@contextmanager
def served(model, change=lambda choices: choices):
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Server)
    server.model, server.change = model, change
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def batch():
    """Two texts of different length: prompts are padded on the left, completions on the right."""
    ids = torch.tensor([[0, 0, 11, 12, 13, 14, 15, 0], [21, 22, 23, 24, 25, 26, 27, 28]])
    return ids, torch.tensor([[0, 0, 1, 1, 1, 1, 1, 0], [1] * 8]), 4


def test_a_server_scores_as_local_weights_do(models):
    ids, mask, keep = batch()
    with served(models[1]) as url:
        found = open_teacher(url, models[0], tokenizer()).logps(ids, mask, keep)
    for k, row in enumerate(found):
        kept = ids[k][mask[k].bool()].tolist()
        own = mask[k][-keep:].bool()
        torch.testing.assert_close(row[own], logps(models[1], kept)[-int(own.sum()):])
        assert not row[~own].any()


def test_a_run_with_a_served_teacher_is_that_with_a_local_one(models, tmp_path):
    student, other = models
    train_run(run(student, dict.fromkeys(DOMAINS, other)), tmp_path / "local")
    with served(other) as url:
        train_run(run(student, dict.fromkeys(DOMAINS, url)), tmp_path / "served")
    local, there = (pd.read_csv(tmp_path / name / "distill.csv") for name in ("local", "served"))
    assert there.kl.tolist() == pytest.approx(local.kl.tolist(), abs=1e-4)


def _shorter(choices):
    choices[0]["logprobs"]["token_logprobs"].pop()
    return choices


def _other_words(choices):
    choices[0]["logprobs"]["tokens"][1] = "zebra"
    return choices


@pytest.mark.parametrize(("change", "says"), [
    (_shorter, "scored 7 tokens of a text of 8: it cuts texts, or has another tokenizer"),
    (_other_words, "has another tokenizer: token 22, at place 1, is 'zebra' there"),
    (lambda choices: choices[:1], "scored 1 of 2 texts"),
])
def test_servers_that_score_something_else(models, change, says):
    ids, mask, keep = batch()
    with served(models[1], change) as url, pytest.raises(TeacherError, match=says):
        ServedTeacher(url, tokenizer()).logps(ids, mask, keep)


def test_temperatures(models):
    """A local teacher scores at the temperature that the student samples at; a server cannot."""
    ids, mask, keep = batch()
    warm = LocalTeacher(models[1], models[0], temperature=2.0).logps(ids, mask, keep)
    with torch.no_grad():
        network = AutoModelForCausalLM.from_pretrained(models[1], dtype=torch.float32)
        scores = (network(ids[1:]).logits[0] / 2).log_softmax(-1)
    torch.testing.assert_close(warm[1], scores[3:-1].gather(1, ids[1, -4:, None])[:, 0])
    with pytest.raises(TeacherError, match="scores at temperature 1, the student samples at 2"):
        open_teacher("http://127.0.0.1:9/v1", models[0], tokenizer(), 2.0)


def test_servers_that_are_not_there(models):
    with pytest.raises(TeacherError, match="teacher http://127.0.0.1:9/v1 did not answer"):
        open_teacher("http://127.0.0.1:9/v1", models[0], tokenizer())
    with served(None) as url, pytest.raises(TeacherError, match="serves no model"):
        open_teacher(url, models[0], tokenizer())
