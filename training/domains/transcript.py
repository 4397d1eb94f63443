"""An agent's transcript as text: its turns, and the tool calls in them.

    transcript = read_transcript("<think>...</think>" + write_call({"name": "list_events", "arguments": {}}))
    [parse_call(request) for request in transcript.requests]           # [{"name": "list_events", "arguments": {}}]

A turn calls a tool by `<tool_call>{"name": ..., "arguments": {...}}</tool_call>` and is answered by
`<tool_response>...</tool_response>`. What counts as a call:
- nothing inside `<think>...</think>`; a `</think>` that no `<think>` opened ends reasoning that began with the turn;
- nothing inside `<tool_response>...</tool_response>`, whoever wrote it; such a block ends a turn;
- tags are tags wherever they stand: inside a JSON string write `<` as `\\u003c`, as responses and references do.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from training.domains.task import THINK_END
from training.domains.workplace import ToolError, short

CALL_START, CALL_END = "<tool_call>", "</tool_call>"
_TAGS = re.compile(
    r"<think>.*?(?:</think>|\Z)|</think>|<tool_response>(?:(?!<tool_response>).)*?</tool_response>", re.DOTALL)
_CALL = re.compile(r"<tool_call>.*?(?:</tool_call>|\Z)", re.DOTALL)
_CHAT_MARKUP = re.compile(r"<\|im_start\|>\w*|<\|im_end\|>|<\|endoftext\|>")


@dataclass(frozen=True)
class Transcript:
    """What stands outside the reasoning and the responses of a transcript."""

    requests: list[str]
    """The tool calls as written, well formed or not, in order."""
    final: str
    """The last turn's text without its calls and chat markup."""
    formatted: bool
    """The reasoning is closed: there is a `</think>`, and no `<think>` left open."""
    cut_off: bool
    """It ends inside `<think>`."""


def read_transcript(text: str) -> Transcript:
    """Read one turn or a whole transcript; never raises. Reading the turns one by one gives the same calls."""
    turns, start, reasoning = [""], 0, ""
    for tag in _TAGS.finditer(text):
        turns[-1] += text[start:tag.start()]
        start = tag.end()
        if tag[0].startswith("<tool_response>"):
            turns.append("")
        else:
            reasoning = tag[0]
            turns[-1] = "" if reasoning == THINK_END else turns[-1]
    turns[-1] += text[start:]
    requests = [request for turn in turns for request in _CALL.findall(turn)]
    final = _CHAT_MARKUP.sub("", _CALL.sub("", turns[-1])).strip()
    formatted = reasoning.endswith(THINK_END)
    return Transcript(requests, final, formatted, bool(reasoning) and not formatted)


def parse_call(request: str) -> dict:
    """`{"name", "arguments"}` of a tool call as written; raises ToolError when it is not of that form."""
    if not request.endswith(CALL_END):
        raise ToolError(f"the call is not closed by {CALL_END}")
    try:
        call = json.loads(request[len(CALL_START):-len(CALL_END)])
    except (ValueError, RecursionError) as error:
        raise ToolError(f"the call is not JSON: {error}") from error
    if not isinstance(call, dict) or set(call) != {"name", "arguments"}:
        raise ToolError(f"a call is an object with name and arguments, got {short(call)}")
    return call


def write_call(call: dict) -> str:
    """A tool call as an agent writes it; the inverse of `parse_call`."""
    return f"{CALL_START}{dumps({'name': call['name'], 'arguments': call['arguments']})}{CALL_END}"


def dumps(value: dict | list) -> str:
    """JSON in which no tag can stand."""
    return json.dumps(value).replace("<", "\\u003c")
