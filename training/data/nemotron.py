"""nvidia/Nemotron-3-Nano-RL-Training-Blend: rows of NeMo-Gym in responses-API form, of all five domains.

    {"responses_create_params": {"input": [{"role", "content"}], ...}, "dataset": ..., "agent_ref": {"name": ...}, ...}

and by `dataset` (its `category` only says which workplace an agent's task is about):

| dataset nano_v3_sft_profiled_... | domain | graded by |
|---|---|---|
| dapo17k, skywork_no_omni | math | `expected_answer` |
| stem_mcqa | science | `options` `[{"A": text}, ...]`, `expected_answer` (a letter) |
| instruction_following | instructions | `instruction_id_list`, `kwargs`, at the top or in `verifier_metadata` |
| comp_coding_50tests | coding | `verifier_metadata.unit_tests` `{"inputs", "outputs", "fn_name"}` |
| workbench | agent | `ground_truth` `[{"name", "arguments": JSON}]`, `responses_create_params.tools` |
| structured_outputs | none: there is no verifier for it here | |

Read in: the NVIDIA-NeMo/Gym repository (the verify requests and example.jsonl of resources_servers/{math_with_judge,
mcqa,instruction_following,code_gen,workplace_assistant}); M2RL's data/process_rl_data.py for the dataset names; the
columns of the released file as listed by a public repository. The released file itself was not at hand.

What is refused, or differs:
1. Math rows are published as placeholders (`_hf_placeholder`) and must be filled in with the dataset's own
   create_nanov3_jsonl.py; those that are not are refused.
2. Agent rows call 27 tools on tables that are CSV files of NeMo-Gym and not in the rows: without their folder
   (`workbench`) these rows are refused. A row's own tools stand in its prompt, after a sentence of our own on how to
   call them: 4,500 tokens of SmolLM2's tokenizer for the published 27, which M2RL's limit of 2,048 leaves out of
   account, and a limit here does not. The tasks name the folder, which must be there, at the same path, wherever they
   are graded. Refused is a row with a tool that `training.domains.workbench` does not have, or a ground truth of which
   a call is refused there.
3. A choice row whose `template_metadata.output_regex` asks for a form that the science verifier does not read
   (`Option Selected: B`, say) is refused: obeying the prompt would score 0.
4. Other prompts stay as published, with system messages in front; M2RL's release rewrites those of math and choice.
"""

from __future__ import annotations

import json
import re

from training.data import asking, unit_tests
from training.data.choices import lettered
from training.data.ifeval import instructions
from training.data.rejects import Rejected, take, written
from training.domains import Task
from training.domains.agent import MAX_TURNS
from training.domains.workbench import TOOLS, Request

PREFIX = "nano_v3_sft_profiled_"
DOMAIN_OF = {"dapo17k": "math", "skywork_no_omni": "math", "stem_mcqa": "science",
             "instruction_following": "instructions", "comp_coding_50tests": "coding", "workbench": "agent"}
AGENT_OF = {"math_with_judge_simple_agent": "math", "mcqa_simple_agent": "science",
            "instruction_following_simple_agent": "instructions", "code_gen_simple_agent": "coding",
            "workplace_assistant_simple_agent": "agent", "workplace_assistant": "agent"}
"""The domain of a row of NeMo-Gym that is of no dataset of the blend, by the name in its `agent_ref`, or its
`environment_name`."""
FORMS = ("Answer: {}", r"Answer: \boxed{{{}}}", r"\boxed{{{}}}", "The answer is {}", "Answer: ({})", "**Answer:** {}")
"""Forms of an answer that the science verifier reads."""
CALLS = ('Call tools by <tool_call>{"name": ..., "arguments": {...}}</tool_call>; what they answer comes back in '
         f"<tool_response>. You have {MAX_TURNS} turns; the first without a call is the last. The tools are:")


def task(row: dict, name: str, workbench: str | None = None) -> Task:
    """The task of a row, with the id `name`. Raises Rejected.

    workbench: the folder of tables that agent rows are about (`training.domains.workbench`); None: they are refused.
    """
    if row.get("_hf_placeholder") is not None:
        raise Rejected("a placeholder for a row of DAPO or Skywork: fill it in with the dataset's "
                       "create_nanov3_jsonl.py", row["_hf_placeholder"])
    domain = domain_of(row)
    prompt = asking.joined(take(row, "responses_create_params.input", str, list))
    prompt, answer, metadata = _agent(row, prompt, workbench) if domain == "agent" else _READERS[domain](row, prompt)
    return Task(domain, name, prompt, answer, {**metadata, "source": row.get("dataset") or "nemo-gym"})


def domain_of(row: dict) -> str:
    """The domain of a row, by its `dataset`, else by its `agent_ref` or `environment_name`. Raises Rejected."""
    dataset, agent = row.get("dataset"), row.get("agent_ref") or row.get("environment_name")
    if isinstance(dataset, str) and dataset.startswith(PREFIX):
        if dataset.removeprefix(PREFIX) not in DOMAIN_OF:
            raise Rejected(f"no domain here grades {dataset}")
        return DOMAIN_OF[dataset.removeprefix(PREFIX)]
    agent = agent.get("name") if isinstance(agent, dict) else agent
    if not isinstance(agent, str) or agent not in AGENT_OF:
        raise Rejected("neither dataset nor agent_ref names a domain", {"dataset": dataset, "agent_ref": agent})
    return AGENT_OF[agent]


def _math(row: dict, prompt: str) -> tuple[str, str, dict]:
    answer = written(take(row, "expected_answer", str, int, float, list))
    return asking.asking(prompt, asking.MATH, asking.STATED), answer, {}


def _choice(row: dict, prompt: str) -> tuple[str, str, dict]:
    choices = lettered(take(row, "options", list))
    answer = take(row, "expected_answer", str).strip().upper()
    template = row.get("template_metadata")
    form = template.get("output_regex") if isinstance(template, dict) else None
    if form is None:
        prompt = asking.asking(prompt, asking.CHOICE, asking.STATED)
    elif not reads(form, answer):
        raise Rejected("it asks for an answer in a form that the science verifier does not read", form)
    return prompt, answer, {"choices": choices}


def reads(form: str | list[str], letter: str) -> bool:
    """Does a published pattern (or one of several) find the letter in a form that the science verifier reads?"""
    try:
        found = [re.search(pattern, text.format(letter), re.IGNORECASE)
                 for pattern in (form if isinstance(form, list) else [form]) for text in FORMS]
    except (re.error, TypeError) as error:
        raise Rejected("its output_regex is no regular expression", str(error)) from error
    return any(match and (match[match.re.groups and 1] or "").strip().upper() == letter for match in found)


def _instructions(row: dict, prompt: str) -> tuple[str, None, dict]:
    held = row if row.get("instruction_id_list") is not None else row.get("verifier_metadata") or {}
    return prompt, None, instructions(held)


def _code(row: dict, prompt: str) -> tuple[str, None, dict]:
    found = take(row, "verifier_metadata.unit_tests", dict)
    form = asking.FUNCTION if found.get("fn_name") else asking.PROGRAM
    return asking.asking(prompt, form, asking.FENCED), None, {"tests": unit_tests.from_lists(found)}


def _agent(row: dict, prompt: str, workbench: str | None) -> tuple[str, None, dict]:
    if workbench is None:
        raise Rejected("it is about tables that are not in the rows: name their folder, csv_data of NeMo-Gym's "
                       "workplace_assistant (--workbench FOLDER)")
    tools = take(row, "responses_create_params.tools", list)
    for tool in tools:
        if take(tool, "name", str) not in TOOLS:
            raise Rejected("it has a tool that the workbench does not have", tool["name"])
    metadata = {"workbench": workbench, "calls": _calls(row), "question": prompt}
    try:
        Request(metadata)
    except ValueError as error:
        raise Rejected("its ground_truth cannot be replayed on the workbench", str(error)) from error
    return "\n".join([CALLS, *map(json.dumps, tools), "", prompt]), None, metadata


def _calls(row: dict) -> list[dict]:
    """The calls of a row's ground truth."""
    calls = take(row, "ground_truth", list, str)
    try:
        calls = json.loads(calls) if isinstance(calls, str) else calls
        return [{"name": call["name"], "arguments": json.loads(call["arguments"])} for call in calls]
    except (TypeError, KeyError, ValueError, RecursionError) as error:
        raise Rejected("its ground_truth is not a list of calls with a name and arguments in JSON", calls) from error


_READERS = {"math": _math, "science": _choice, "instructions": _instructions, "coding": _code}
