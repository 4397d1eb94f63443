"""The text a task asks: messages joined to one prompt, and what is said where a row does not say how to answer.

Prompts stay as published. Where a question names no form for its answer, a sentence of our own that asks for the form
the verifier reads is put in front (`asking`); a model would otherwise be graded on a form that nobody told it.
"""

from __future__ import annotations

from string import ascii_uppercase

from training.data.rejects import NAMES, Rejected

MATH = "Solve the problem step by step. Let the last line be Answer: followed by the answer alone."
CHOICE = "Think step by step, then choose one option. Let the last line be Answer: followed by its letter alone."
PROGRAM = ("Write a complete Python program, with its imports, that reads the input from standard input and writes the "
           "answer to standard output. Put it into one ```python block.")
FUNCTION = ("Write a complete Python solution, with its imports, that defines what the problem asks for under the name "
            "it gives. Put it into one ```python block.")
FORMS = (MATH, CHOICE, PROGRAM, FUNCTION)
STATED = ("\\boxed", "Answer:")
"""What a prompt that says how to state an answer holds (math, science)."""
FENCED = ("```",)
"""The same for a prompt that asks for code."""


def asking(question: str, form: str, said: tuple[str, ...]) -> str:
    """The question, after the sentence `form` unless one of `said` stands in it."""
    return question if any(mark in question for mark in said) else f"{form}\n\n{question}"


def bare(prompt: str) -> str:
    """The question of a prompt, without a sentence that `asking` put in front."""
    for form in FORMS:
        prompt = prompt.removeprefix(f"{form}\n\n")
    return prompt


def joined(messages: str | list) -> str:
    """The text of a conversation that asks once: system and user messages, in order, with a blank line between.

    messages: a text, or a list of `{"role", "content"}` as the chat and responses APIs have it; content is a text or a
    list of `{"type": "text" | "input_text", "text"}`. Raises Rejected for other turns, and for what is no text.
    """
    if isinstance(messages, str):
        return messages
    texts = []
    for message in messages:
        if not isinstance(message, dict) or message.get("role") not in ("system", "developer", "user"):
            raise Rejected("its conversation has turns other than those of the system and the user", message)
        texts.append(_text(message.get("content")))
    return "\n\n".join(text for text in texts if text.strip())


def _text(content) -> str:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise Rejected(f"the content of a message is {NAMES.get(type(content), type(content).__name__)}", content)
    for part in content:
        if not isinstance(part, dict) or not isinstance(part.get("text"), str):
            raise Rejected("a message holds something other than text", part)
    return "".join(part["text"] for part in content)


def with_options(question: str, choices: list[str]) -> str:
    """The question, then a line for each option: `A) ...`."""
    lines = [f"{letter}) {choice}" for letter, choice in zip(ascii_uppercase, choices, strict=False)]
    return "\n".join([question.strip(), "", *lines])
