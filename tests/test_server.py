"""The client of OpenAI-compatible servers: what it sends, what it asks again, and how it gives up."""

import json
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.tiny import tokenizer
from training.server import EXTRAS, Refused, Server, ServerError


class Double(ThreadingHTTPServer):
    """A server whose `answer` makes an answer (a dict, or a status and a dict) of a request's body.

    `faults`: one for each coming request: a status, (429, Retry-After), an answer, text that is sent as it is, "drop"
    (no answer), "cut" (half an answer), "slow" (after a second). `asked`: the bodies that came.
    """

    daemon_threads = True

    def __init__(self, answer, model="model", port=0, **card):
        super().__init__(("127.0.0.1", port), _Handler)
        self.answer, self.cards = answer, [{"id": model, **card}]
        self.faults, self.asked, self.headers, self.lock = [], [], [], threading.Lock()
        self.under_way = self.most = 0

    url = property(lambda self: f"http://127.0.0.1:{self.server_port}/v1")

    def handle_error(self, *request):
        if not isinstance(sys.exception(), ConnectionError):  # a client that is gone, as in some tests
            super().handle_error(*request)


class _Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        self._send(200, {"data": self.server.cards})

    def do_POST(self):
        body, double = json.loads(self.rfile.read(int(self.headers["Content-Length"]))), self.server
        with double.lock:
            double.asked.append(body)
            double.headers.append(self.headers)
            fault = double.faults.pop(0) if double.faults else None
            double.under_way += 1
            double.most = max(double.most, double.under_way)
        try:
            self._fail(fault, body)
        finally:
            with double.lock:
                double.under_way -= 1

    def _fail(self, fault, body):
        match fault:
            case None:
                answer = self.server.answer(body)
                self._send(*(answer if isinstance(answer, tuple) else (200, answer)))
            case "drop":
                self.close_connection = True
            case "cut":
                self._send(200, self.server.answer(body), cut=True)
            case "slow":
                time.sleep(1)
            case int():
                self._send(fault, {"error": {"message": "so it is"}})
            case (status, after):
                self._send(status, {}, {"Retry-After": after})
            case _:
                self._send(200, fault)

    def _send(self, status, content, headers=None, cut=False):
        text = (content if isinstance(content, str) else json.dumps(content)).encode()
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(text))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text[:len(text) // 2] if cut else text)


@contextmanager
def serving(answer, **how):
    double = Double(answer, **how)
    thread = threading.Thread(target=double.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield double
    finally:
        double.shutdown()
        thread.join()
        double.server_close()


def choice(index=0, **changes):
    return {"index": index, "text": "So 5.", "finish_reason": "stop", "token_ids": [7, 8, 2], **changes}


def fine(body):
    """n completions of a prompt, or the scores of texts."""
    if body.get("echo"):
        return {"choices": [{"index": k, "logprobs": {
            "token_logprobs": [None, *(-number / 100 for number in ids[1:])],
            "tokens": [tokenizer().decode([number]) for number in ids]}} for k, ids in enumerate(body["prompt"])][::-1]}
    logprobs = {"logprobs": {"token_logprobs": [-1, -0.5, -0.25]}} if "logprobs" in body else {}
    return {"choices": [choice(k, **logprobs) for k in range(body["n"])][::-1]}


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Pauses too short to notice."""
    monkeypatch.setattr("training.server.PAUSE", 0.002)
    monkeypatch.setattr("training.server.LONGEST", 0.02)


def test_requests_ask_for_plain_sampling():
    with serving(fine) as double:
        found = Server(double.url).complete("model", [1, 2, 3], n=2, temperature=0.5, max_tokens=9, seed=7,
                                            logprobs=True)
    assert [(one.text, one.ids, one.finish, one.logps) for one in found] == [
        ("So 5.", [7, 8, 2], "stop", [-1, -0.5, -0.25])] * 2
    plain = {"top_p": 1, "top_k": -1, "min_p": 0, "repetition_penalty": 1, "presence_penalty": 0,
             "frequency_penalty": 0}
    assert double.asked == [{"model": "model", "prompt": [1, 2, 3], "n": 2, "temperature": 0.5, "max_tokens": 9,
                             "seed": 7, "logprobs": 0, "skip_special_tokens": False, "return_token_ids": True, **plain}]


@pytest.mark.parametrize("faults", [
    [500], [503, 429, 408], ["drop"], ["cut"], ["slow"], ["<html>Bad gateway</html>"], ["{"], [[]], [{}],
    [{"choices": []}], [{"choices": [choice(), choice(1)]}], [{"choices": [choice(1)]}], [{"choices": ["So 5."]}],
    [{"choices": [choice(text=None)]}], [{"choices": [choice(finish_reason=None)]}],
    [{"choices": [choice(finish_reason="abort")]}], [{"choices": [choice(token_ids=["7"])]}],
    [{"choices": [choice(token_ids=[7] * 17)]}], ["drop", 500, "{", "cut", [], 502],
], ids=str)
def test_what_may_pass_is_asked_again(faults, monkeypatch):
    monkeypatch.setattr("training.server.TIMEOUT", 0.4)
    with serving(fine) as double:
        server = Server(double.url)
        server.models()
        double.faults = list(faults)
        assert server.complete("model", "2 + 3?")[0].text == "So 5."
    assert len(double.asked) == len(faults) + 1
    assert all(body == double.asked[0] for body in double.asked)


@pytest.mark.parametrize(("after", "least"), [
    ("1", 1.0), (lambda: format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True), 1.0),
    ("-3", 0), ("soon", 0), ("", 0)])
def test_a_server_is_left_alone_as_long_as_it_says(after, least):
    with serving(fine) as double:
        double.faults = [(429, after() if callable(after) else after)]
        start = time.monotonic()
        Server(double.url).complete("model", "2 + 3?")
    assert least <= time.monotonic() - start < least + 2


@pytest.mark.parametrize(("faults", "tries", "says"), [
    ([500] * 99, 4, r"/v1 answered HTTP 500 Internal Server Error, the last of 4 tries$"),
    ([(429, "3600")], 1, r"/v1 answered HTTP 429 Too Many Requests, to be asked in 3600 s$"),
    (["drop"] * 99, 4, r"/v1 did not answer: .*, the last of 4 tries$"),
    (["cut"] * 99, 4, r"/v1 did not answer: .*, the last of 4 tries$"),
    (["slow"] * 99, 4, r"/v1 did not answer: .*timed out.*, the last of 4 tries$"),
    (["<html>\nHello" + " you" * 99] * 99, 3, r"/v1 answered what is no JSON: '<html> Hello .*\.\.\.', the last of 3 "),
    ([{"choices": [{}]}] * 99, 3, r"/v1 answered without index: \{\}, the last of 3 tries$"),
    ([{"choices": []}] * 99, 3, r"/v1 wrote 0 of 1 completions, the last of 3 tries$"),
    ([500, {}, 500, {}, 500, {}], 6, r"/v1 answered without choices: \{\}, the last of 6 tries$"),
    ([404], 1, r"/v1 refused /completions: HTTP 404 Not Found: \{.*so it is"),
    ([401], 1, r"/v1 refused /completions: HTTP 401 Unauthorized: \{.*so it is"),
    ([400, 400], 2, r"/v1 refused /completions: HTTP 400 Bad Request: \{.*so it is"),
])
def test_what_does_not_pass_is_an_error_with_what_was_said(faults, tries, says, monkeypatch):
    monkeypatch.setattr("training.server.TRIES", 4)
    monkeypatch.setattr("training.server.TIMEOUT", 0.15)
    with serving(fine) as double:
        server = Server(double.url)
        server.models()
        double.faults = list(faults)
        with pytest.raises(ServerError, match=says):
            server.complete("model", "2 + 3?")
    assert len(double.asked) == tries


def test_a_server_that_never_answered_is_asked_once(monkeypatch):
    monkeypatch.setattr("training.server.PAUSE", 60)
    with pytest.raises(ServerError, match=r"^http://127.0.0.1:9/v1 did not answer: .*[Rr]efused$"):
        Server("http://127.0.0.1:9/v1/").models()
    with pytest.raises(Refused, match="^http://:8000/v1 cannot be asked"):
        Server("http://:8000/v1").models()


def test_a_server_that_went_down_is_waited_for_so_long(monkeypatch):
    monkeypatch.setattr("training.server.TRIES", 3)
    with serving(fine) as double:
        server = Server(double.url)
        server.models()
    with pytest.raises(ServerError, match="did not answer: .*, the last of 3 tries"):
        server.complete("model", "2 + 3?")


def test_a_server_may_restart(monkeypatch):
    monkeypatch.setattr("training.server.LONGEST", 0.1)
    monkeypatch.setattr("training.server.TRIES", 50)
    with serving(fine) as double:
        server = Server(double.url)
        server.models()
    found = []
    thread = threading.Thread(target=lambda: found.extend(server.complete("model", "2 + 3?")))
    thread.start()
    time.sleep(0.3)
    assert not found
    with serving(fine, port=double.server_port):
        thread.join()
    assert found[0].text == "So 5."


def test_who_waits_for_another_try_can_be_told_to_stop(monkeypatch):
    monkeypatch.setattr("training.server.PAUSE", 60)
    monkeypatch.setattr("training.server.LONGEST", 60)
    with serving(fine) as double:
        double.faults = [500]
        server = Server(double.url)
        threading.Timer(0.2, server.stop).start()
        with pytest.raises(ServerError, match="HTTP 500 Internal Server Error, and is asked no more"):
            server.complete("model", "2 + 3?")


def test_pauses_double_and_differ(monkeypatch):
    """Of eight tries and a limit of 40 s: 10, 20, 40, 40, ... and between half and all of it."""
    waited = []
    for name, value in {"PAUSE": 10, "LONGEST": 40, "TRIES": 8}.items():
        monkeypatch.setattr(f"training.server.{name}", value)
    with serving(fine) as double:
        server = Server(double.url)
        monkeypatch.setattr(server, "_stop", type("Clock", (), {"wait": staticmethod(waited.append)}))
        for _ in range(2):
            double.faults = [500] * 7
            server.complete("model", "2 + 3?")
    limits = [10, 20, *[40] * 5]
    assert all(limit / 2 <= one <= limit for limit, one in zip(limits * 2, waited, strict=True))
    assert len(set(waited)) == 14


def test_a_server_that_knows_openais_names_only_is_asked_by_these():
    def strict(body):
        return (400, {"error": "Unrecognized request argument: top_k"}) if "top_k" in body else fine(body)

    with serving(strict) as double:
        server = Server(double.url)
        with pytest.warns(UserWarning, match="refuses top_k, min_p, .*: its own defaults apply"):
            server.complete("model", "2 + 3?")
        server.complete("model", "2 + 3?")
    assert [EXTRAS.keys() <= body.keys() for body in double.asked] == [True, False, False]
    assert all(body["top_p"] == 1 for body in double.asked)


def test_requests_side_by_side_are_bounded_and_in_order(monkeypatch):
    monkeypatch.setattr("training.server.TOGETHER", 3)

    def slowly(body):
        time.sleep(0.02)
        return {"choices": [choice(text=body["prompt"])]}

    with serving(slowly) as double:
        server = Server(double.url)
        found = server.side_by_side(lambda text: server.complete("model", text)[0].text, map(str, range(12)))
    assert found == [str(k) for k in range(12)]
    assert double.most == 3


def test_texts_are_scored_in_parts_and_given_in_order():
    texts = [[5, 6 + k, 7] for k in range(40)]
    with serving(fine) as double:
        found = Server(double.url).score("model", texts, tokenizer())
    assert found == [[-ids[1] / 100, -ids[2] / 100] for ids in texts]
    assert Counter(len(body["prompt"]) for body in double.asked) == {16: 2, 8: 1}


@pytest.mark.parametrize(("logprobs", "says"), [
    ({"token_logprobs": [None, -1.0], "tokens": ["a", "b"]}, "scored 2 tokens of a text of 3: it cuts texts"),
    ({"token_logprobs": [None, -1.0, -1.0], "tokens": ["zebra"] * 3}, "has another tokenizer: token 5, at place 0"),
    ({"token_logprobs": [None, -1.0, None], "tokens": ["a"] * 3}, "gave log-probabilities that are not numbers"),
    ({"token_logprobs": [None, -1.0, -1.0]}, "answered without tokens"),
    (None, "answered without logprobs"),
])
def test_scores_of_something_else_are_errors(logprobs, says):
    with serving(lambda body: {"choices": [{"index": 0, "logprobs": logprobs}]}) as double:
        with pytest.raises(ServerError, match=says):
            Server(double.url).score("model", [[5, 6, 7]], tokenizer())


def test_models_are_listed_with_what_is_said_of_them():
    with serving(fine, model="near", root="/models/near", max_model_len=2048) as double:
        assert Server(double.url).models() == {"near": {"id": "near", "root": "/models/near", "max_model_len": 2048}}


@pytest.mark.parametrize(("key", "sent"), [("secret", "Bearer secret"), (None, None)])
def test_a_key_is_sent_where_there_is_one(key, sent, monkeypatch):
    monkeypatch.delenv("VLLM_API_KEY", raising=False)
    if key:
        monkeypatch.setenv("VLLM_API_KEY", key)
    with serving(fine) as double:
        Server(double.url).complete("model", "2 + 3?")
    assert double.headers[0]["Authorization"] == sent
