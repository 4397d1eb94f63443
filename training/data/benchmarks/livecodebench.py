"""LiveCodeBench's code generation (Jain et al. 2024, arXiv 2403.07974): contest problems with public and private tests.

Published as livecodebench/code_generation_lite, a file a release: test5.jsonl holds the 167 problems new in v5,
test6.jsonl the 175 new in v6 (the counts add up to the releases' 713, 880 and 1,055 problems). Columns: `question_id`,
`question_content`, `starter_code`, `public_test_cases` (JSON), `private_test_cases`, `metadata` (JSON, with `func_name`
where a function is asked for). A test is `{"input", "output", "testtype": "stdin" | "functional"}`. Read in
LiveCodeBench's lcb_runner/benchmarks/code_generation.py and NVIDIA-NeMo/Gym's benchmarks/livecodebench/
prepare_utils.py; the names of the files are known from use.

Private tests are JSON, or that JSON pickled, packed and in base64. The pickle is never loaded: `training.data.pickled`
reads one text out of it and refuses all else. To convert such a file, on a machine that may run what is in it, replace
each `private_test_cases` by the JSON text.

Differences from the official harness, all to the disadvantage of an answer:
1. A program brings its own imports (the prompt asks for it); there `typing` and others are imported in front of it.
2. Lines of output are compared as text; there `1.0` and `1` are the same number.
3. The sandbox's 5 seconds a test, and for all calls of a function together, instead of 6 seconds a test.
"""

from __future__ import annotations

import base64
import zlib

from training.data import asking, unit_tests
from training.data.pickled import text_in_pickle
from training.data.rejects import Rejected, take
from training.domains import Task

MAX_BYTES = 2 ** 30
"""The most that packed private tests may unpack to."""


def task(row: dict, name: str) -> Task:
    """The task of a problem, with the id `name`. Raises Rejected."""
    cases = public_cases(take(row, "public_test_cases", str)) + private_cases(take(row, "private_test_cases", str))
    starter = row.get("starter_code") or ""
    tests = [_test(case, row) for case in cases]
    form = asking.FUNCTION if "assert" in tests[0] else asking.PROGRAM
    question = take(row, "question_content", str)
    prompt = "\n\n".join(part for part in (form, question.strip(), starter.rstrip()) if part.strip())
    return Task("coding", name, prompt, None, {"tests": tests, "question": question})


def _test(case: dict, row: dict) -> dict:
    kind, given, expected = (take(case, key, str) for key in ("testtype", "input", "output"))
    if kind == "functional":
        function = take({"metadata": unit_tests.parsed(take(row, "metadata", str))}, "metadata.func_name", str)
        arguments = [unit_tests.parsed(line) for line in given.split("\n")]
        return unit_tests.call(function, arguments, [unit_tests.parsed(expected)])
    if kind != "stdin":
        raise Rejected(f"a test has the testtype {kind[:40]!r}")
    return {"stdin": given, "stdout": expected}


def public_cases(text: str) -> list[dict]:
    """The public tests, JSON; there may be none. Raises Rejected."""
    cases = unit_tests.parsed(text)
    if not isinstance(cases, list):
        raise Rejected("its public tests are not a list", text)
    return cases


def private_cases(text: str) -> list[dict]:
    """The private tests: JSON, or packed as published (see above). Raises Rejected."""
    cases = unit_tests.parsed(text if text.lstrip().startswith("[") else _unpacked(text))
    if not isinstance(cases, list) or not cases:
        raise Rejected("it has no private tests", text[:80])
    return cases


def _unpacked(text: str) -> str:
    """The text in base64 of a zlib stream of a pickle of it."""
    try:
        stream = zlib.decompressobj()
        data = stream.decompress(base64.b64decode(text, validate=True), MAX_BYTES)
    except (ValueError, zlib.error) as error:
        raise Rejected("its private tests are neither JSON nor packed as published", str(error)) from error
    if not stream.eof:
        raise Rejected(f"its private tests are cut off, or unpack to more than {MAX_BYTES} bytes")
    try:
        return text_in_pickle(data)
    except ValueError as error:
        raise Rejected("its private tests are a pickle of more than one text, which is not loaded here: replace them "
                       "by their JSON text", str(error)) from error
