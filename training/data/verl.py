"""Rows in verl's form: DAPO-style math, and programs with stdin/stdout tests.

    {"data_source": "math_dapo", "prompt": [{"role": "user", "content": ...}], "ability": "MATH",
     "reward_model": {"ground_truth": "34", "style": "rule-lighteval/MATH_v2"}, "extra_info": {"index": "..."}}

Read in: the dataset card of LuyiCui/DAPO-Math-17k and others that copy BytedTsinghua-SIA/DAPO-Math-17k (features), the
use of `prompt[0].content` and `reward_model.ground_truth` in NVIDIA-NeMo/Gym (math_with_judge/prepare_bytedtsinghua_
dapo17k_aime24.py). Skywork-OR1 writes its ground truth as a JSON list of one answer, which is read too. Code, in the
sets that follow Eurus-2-RL-Data, has `ability` "code" and a ground truth of JSON `{"inputs", "outputs"}`; that form is
known from use and was not looked up.

DAPO-Math-17k holds each of its prompts a hundred times; all but the first are refused as repeated.
"""

from __future__ import annotations

import json

from training.data import asking, unit_tests
from training.data.rejects import Rejected, take, written
from training.domains import Task


def task(row: dict, name: str) -> Task:
    """The task of a row, with the id `name`: coding where `ability` is code, else math. Raises Rejected."""
    prompt = asking.joined(take(row, "prompt", list, str))
    truth = take(row, "reward_model.ground_truth", str, int, float, list, dict)
    style = row["reward_model"].get("style")
    if style is not None and not str(style).startswith("rule"):
        raise Rejected(f"its reward_model.style {str(style)[:40]!r} is no rule")
    source = {"source": str(row.get("data_source") or "verl")}
    if str(row.get("ability")).lower() in ("code", "coding"):
        tests = unit_tests.from_json(truth)
        form = asking.FUNCTION if "assert" in tests[0] else asking.PROGRAM
        return Task("coding", name, asking.asking(prompt, form, asking.FENCED), None, {"tests": tests, **source})
    return Task("math", name, asking.asking(prompt, asking.MATH, asking.STATED), written(_unlisted(truth)), source)


def _unlisted(truth):
    """What a JSON list in a text holds; anything else as it is (`[0, 1]` is an interval, and no such list)."""
    if isinstance(truth, str) and truth.startswith('["'):
        try:
            return json.loads(truth)
        except ValueError:
            return truth
    return truth
