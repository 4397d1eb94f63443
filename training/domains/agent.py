"""The agent domain: a request to a small workplace, judged by the tables that the agent's tool calls leave behind.

State-based verification as in WorkBench (Styles et al., 2024, arXiv 2405.00823), the environment that M2RL (arXiv
2602.12566) trains its agent on: replay the transcript's calls and the reference calls, each from a fresh copy of
`metadata["state"]` (tables left out are empty), and compare the two states.

    agent = AgentDomain()
    task = agent.task("train", seed=0, index=0)
    turn = "<think>...</think>" + agent.reference(task)
    response = agent.environment(task).step(turn)          # one environment an episode; nothing outlives it
    agent.verify(task, turn + response + "Done.")          # chat markup may stand in between

A turn calls a tool by `<tool_call>{"name": ..., "arguments": {...}}</tool_call>` and is answered by
`<tool_response>...</tool_response>`; what counts as a call is told in `training.domains.transcript`. A turn that ends
inside `<think>` was cut off and ends the episode, as does one without a call.

A task with `metadata["accepted"]` has no workplace: it takes one turn, whose calls are compared with the accepted ones
(`training.domains.accepted_calls`), and a call that cannot be read is wrong. One with `metadata["workbench"]`, a folder
of CSV files, is played on the tables and the 27 tools of NeMo-Gym's Workplace Assistant (`training.domains.workbench`),
which has rules and departures of its own.

Departures from WorkBench and from the M2RL release:
1. Rows are compared as multisets and the ids of created rows are ignored, so the order of independent actions is free.
2. A task whose reference calls change nothing asks for their reads: these must be made and nothing be changed.
3. Names (who, name, owner, to) agree stripped and whatever their case, all else exactly, but an e-mail whose reference
   text is a bare number agrees with any text whose only number is that number ("The meeting is at 14."), unless it
   denies something ("not at 14"). A superscript is a digit ("14²" is not 14).
"""

from __future__ import annotations

import random
import re
import unicodedata
from decimal import Decimal

from training.domains import compact
from training.domains.accepted_calls import Accepted
from training.domains.task import THINK_END, Domain, Task, TaskError, Verdict
from training.domains.transcript import dumps, parse_call, read_transcript, write_call
from training.domains.workbench import Request, Workbench
from training.domains.workplace import NAMES, READS, TABLES, ToolError, Workplace, fold, short

MAX_TURNS = 6
_NUMBER = re.compile(r"(?:(?<!\w)-)?\d+(?:\.\d+)?")
_DENIAL = re.compile(r"\b(?:not|never|no|nor|without|except)\b|n['’]t\b", re.IGNORECASE)


class AgentEnvironment:
    """One episode of a task on a workplace, or workbench, of its own. Raises TaskError for an ill-formed task."""

    def __init__(self, task: Task):
        request = _request(task)
        self.workplace = request.start() if request else _workplace(task)
        self.turns, self.done = 0, False

    def step(self, turn: str) -> str | None:
        """Make the calls of a turn: their responses, or None when the episode is over; further turns do nothing."""
        if self.done:
            return None
        self.turns += 1
        transcript = read_transcript(turn)
        results = [result for _, result in _replay(self.workplace, transcript.requests)]
        self.done = not results or transcript.cut_off or self.turns == MAX_TURNS
        return None if self.done else "".join(f"<tool_response>{dumps(result)}</tool_response>" for result in results)


class AgentDomain(Domain):
    """Requests to a workplace; `metadata` holds `calls`, `[{"name", "arguments"}]`, and the `state` to start from.

    Or `calls` on the tables of a `workbench`. Or requests to call `functions` that nothing implements; `metadata` says
    which calls are `accepted`.
    """

    name = "agent"

    def __init__(self, sharing: float = 1.0):
        self.factors = compact.Factors(sharing)

    def compact(self, rng: random.Random) -> Task:
        """Draw a request to move an event, change a credit or send an e-mail."""
        return compact.agent_task(rng, self.factors)

    def environment(self, task: Task) -> AgentEnvironment | None:
        """A fresh episode of the task; None where its calls are compared with accepted ones, which takes one turn."""
        return None if _accepted(task) else AgentEnvironment(task)

    def reference(self, task: Task) -> str:
        """The reference calls, one a line, as an agent writes them."""
        if asked := _accepted(task) or _request(task):
            return "\n".join(map(write_call, asked.reference()))
        _expected(task)
        return "\n".join(map(write_call, task.metadata["calls"]))

    def answer_text(self, completion: str) -> str:
        """What a judge is shown: calls of other tools than READS as written, refused or not, and the final text."""
        transcript = read_transcript(completion)
        calls = [call for call, _ in _replay(Workplace(), transcript.requests)]
        shown = [request for request, call in zip(transcript.requests, calls, strict=True)
                 if call and call["name"] not in READS]
        return "\n".join([*shown, transcript.final]).strip()

    def check(self, task: Task, answer: str) -> tuple[bool, str]:
        """Judge a whole transcript by its calls: (correct, why not). Raises TaskError for an ill-formed task."""
        if accepted := _accepted(task):
            return _compare(accepted, answer)
        requests = read_transcript(answer).requests
        if request := _request(task):
            workbench = request.start()
            replayed = _replay(workbench, requests)
            return _judged(request.why_not(workbench), replayed)
        expected, found = _expected(task), _workplace(task)
        replayed = _replay(found, requests)
        reason = difference(expected, found)
        if not reason and not difference(_workplace(task), expected):
            made = _reads([call for call, result in replayed if call and "error" not in result])
            unread = [read for read in _reads(task.metadata["calls"]) if read not in made]
            reason = f"the read {unread[0][0]} {short(unread[0][1])} was not made" if unread else ""
        return _judged(reason, replayed)

    def verify(self, task: Task, completion: str) -> Verdict:
        """Judge a whole transcript, turns and responses as one text. Raises TaskError for an ill-formed task."""
        formatted = read_transcript(completion).formatted
        correct, reason = self.check(task, completion)
        reason = reason or ("" if formatted else f"the reasoning is not closed by {THINK_END}")
        return Verdict(float(correct and formatted), correct, formatted, reason)


DOMAIN = AgentDomain


def _accepted(task: Task) -> Accepted | None:
    """What the calls of a task are compared with; None for a task that has a workplace."""
    return _asked(task, "accepted", Accepted)


def _request(task: Task) -> Request | None:
    """What a task asks of a workbench; None for other tasks."""
    return _asked(task, "workbench", Request)


def _asked(task: Task, key: str, kind: type[Accepted] | type[Request]) -> Accepted | Request | None:
    """The metadata of a task, read; None where they do not have the key."""
    if task.domain != AgentDomain.name or key not in task.metadata:
        return None
    try:
        return kind(task.metadata)
    except ValueError as error:
        raise TaskError(f"task {task.id!r}: {error}") from error


def _compare(accepted: Accepted, transcript: str) -> tuple[bool, str]:
    """Judge the calls of a transcript by the accepted ones: (correct, why not)."""
    try:
        calls = [parse_call(request) for request in read_transcript(transcript).requests]
    except ToolError as error:
        return False, str(error)
    reason = accepted.why_not(calls)
    return not reason, reason


def _judged(reason: str, replayed: list[tuple[dict | None, dict | list]]) -> tuple[bool, str]:
    """A verdict, (correct, why not), with the first error that calls met."""
    errors = [result["error"] for _, result in replayed if "error" in result]
    return not reason, reason and "; first error: ".join([reason, *errors[:1]])


def _replay(workplace: Workplace | Workbench, requests: list[str]) -> list[tuple[dict | None, dict | list]]:
    """Make calls as written: [(call, or None when it is malformed, result)]."""
    replayed = []
    for request in requests:
        try:
            call = parse_call(request)
        except ToolError as error:
            replayed.append((None, {"error": str(error)}))
        else:
            replayed.append((call, workplace.call(call["name"], call["arguments"])))
    return replayed


def _workplace(task: Task) -> Workplace:
    """The workplace a task starts from; TaskError when the task has none."""
    if task.domain != AgentDomain.name:
        raise TaskError(f"task {task.id!r} belongs to domain {task.domain!r}, not to {AgentDomain.name!r}")
    try:
        return Workplace(task.metadata.get("state"))
    except ValueError as error:
        raise TaskError(f"task {task.id!r}: {error}") from error


def _expected(task: Task) -> Workplace:
    """The workplace after the reference calls; TaskError when they are ill formed, refused, or ask for nothing."""
    expected, calls = _workplace(task), task.metadata.get("calls")
    if not isinstance(calls, list | tuple):
        raise TaskError(f"task {task.id!r}: metadata['calls'] is a list of {{'name', 'arguments'}}, got {short(calls)}")
    for call in calls:
        if not isinstance(call, dict) or set(call) != {"name", "arguments"}:
            raise TaskError(f"task {task.id!r}: a call has the keys 'name' and 'arguments', got {short(call)}")
        result = expected.call(call["name"], call["arguments"])
        if "error" in result:
            raise TaskError(f"task {task.id!r}: the reference call {short(call)} is refused: {result['error']}")
    if not _reads(calls) and not difference(_workplace(task), expected):
        raise TaskError(f"task {task.id!r} asks for nothing: add a call that changes its state, or a read")
    return expected


def _reads(calls: list[dict]) -> list[tuple[str, dict]]:
    """The reads among calls, as (tool, arguments as they are compared); every argument of a read is a name."""
    return [(call["name"], {name: fold(value) for name, value in call["arguments"].items()})
            for call in calls if call["name"] in READS]


def difference(expected: Workplace, found: Workplace) -> str:
    """How `found` first differs from `expected` (departures 1 and 3), naming the table; empty when they agree."""
    for table in TABLES:
        missing, surplus = _unpaired(expected.rows(table), found.rows(table))
        if missing and surplus:
            twin = next((row for row in surplus if "id" in row and row["id"] == missing[0].get("id")), surplus[0])
            return f"{table}: expected {short(missing[0])}, found {short(twin)}"
        if missing or surplus:
            return f"{table}: {short((missing or surplus)[0])} is {'missing' if missing else 'too much'}"
    return ""


def _unpaired(expected: list[dict], found: list[dict]) -> tuple[list[dict], list[dict]]:
    """What is left of both sides when rows that agree are paired off, exact texts before numbers."""
    for by_number in (False, True):
        missing = []
        for row in expected:
            wanted = _compared(row, row, by_number)
            twin = next((other for other in found if _compared(other, row, by_number) == wanted), None)
            if twin is None:
                missing.append(row)
            found = [other for other in found if other is not twin]
        expected = missing
    return expected, found


def _compared(row: dict, reference: dict, by_number: bool) -> dict:
    """A row as it is compared; by its only number where the reference text is a bare number, if `by_number`."""
    compared = {field: fold(value) if field in NAMES else value for field, value in row.items()}
    if by_number and "text" in row and _NUMBER.fullmatch(reference["text"].strip()):
        numbers = [] if _DENIAL.search(row["text"]) else _NUMBER.findall(unicodedata.normalize("NFKC", row["text"]))
        compared["text"] = Decimal(numbers[0]) if len(numbers) == 1 else row["text"]
    return compared
