"""The compact tasks of the five domains: small enough for the organism, real enough for any model.

Four domains draw on one substrate, reading a small table and arithmetic on small numbers; `instructions` deliberately
does not. `Factors.sharing` is the probability that a task of coding, science or agent draws on that substrate; at 0
these domains ask for the same kind of answer without any arithmetic, so a study can vary what the domains share.

Every draw is a pure function of the `random.Random` handed in. Departures from real benchmarks: values are below 100,
so that a model of a million parameters can learn the arithmetic; the form of the answer and the verifier are the same.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from training.domains.task import Task

PEOPLE = ("Ann", "Bob", "Eve", "Max", "Sam", "Zoe")
COLORS = ("red", "blue", "green", "gold", "gray", "pink")
TOPICS = {
    "sea": ("wide", "blue", "cold"), "wind": ("loud", "cold", "fast"), "road": ("long", "dark", "wide"),
    "bird": ("small", "fast", "loud"), "tree": ("tall", "old", "green"), "town": ("old", "small", "dark"),
}
ENDINGS = ("Done.", "Bye.", "That is all.")
LAWS = {  # quantity: (operation, first argument, second argument)
    "speed": ("/", "distance", "time"), "density": ("/", "mass", "volume"), "power": ("/", "energy", "time"),
    "force": ("*", "mass", "acceleration"), "work": ("*", "force", "distance"), "charge": ("*", "current", "time"),
}


@dataclass(frozen=True)
class Factors:
    """What the domains share. Fields are probabilities in [0, 1]."""

    sharing: float = 1.0
    """How often a coding, science or agent task needs the arithmetic and the table that math needs."""

    def __post_init__(self):
        if not 0 <= self.sharing <= 1:
            raise ValueError(f"sharing is a probability, got {self.sharing!r}; choose a value between 0 and 1")


def table(row: dict) -> str:
    """A small table in words: `red 14, blue 23`."""
    return ", ".join(f"{key} {value}" for key, value in row.items())


def math_task(rng: random.Random, factors: Factors) -> Task:
    """A chain of 2 to 4 additions and subtractions, its first terms read from a table."""
    names = rng.sample(COLORS, rng.choice((3, 4)))
    values = {name: rng.randint(3, 40) for name in names}
    steps, total = [], values[names[0]]
    start = names[0]
    for _ in range(rng.choice((2, 3, 3, 4))):
        term = rng.choice(names[1:]) if rng.random() < 0.6 else rng.randint(2, 30)
        amount = values.get(term, term)
        sign = "-" if total - amount >= 0 and (total + amount > 99 or rng.random() < 0.5) else "+"
        if sign == "+" and total + amount > 99:
            continue
        total += amount if sign == "+" else -amount
        steps.append((sign, term))
    if len(steps) < 2:
        return math_task(rng, factors)
    shown = {name: values[name] for name in sorted(names)}
    said = ". ".join(f"{'Add' if sign == '+' else 'Take away'} {term}" for sign, term in steps)
    prompt = f"Boxes: {table(shown)}. Start with {start}. {said}. What is left?"
    return Task("math", "", prompt, str(total), {"values": values, "start": start, "steps": steps})


def coding_task(rng: random.Random, factors: Factors) -> Task:
    """Write f from examples: linear in x (shared), or a rule on words (not shared)."""
    if rng.random() >= factors.sharing:
        return _word_program(rng)
    a, b, first = rng.randint(2, 9), rng.randint(0, 20), rng.randint(1, 5)
    points = [first, first + 1, first + rng.randint(2, 4)]
    program = f"def f(x):\n    return {a} * x + {b}"
    examples = [(x, a * x + b) for x in points]
    prompt = "Write a Python function f. " + ", ".join(f"f({x}) is {y}" for x, y in examples) + "."
    tests = [{"assert": f"assert f({x}) == {a * x + b}"} for x in (*points, 0, 7, 11)]
    return Task("coding", "", prompt, None, {"tests": tests, "solution": program, "a": a, "b": b, "examples": examples})


def _word_program(rng: random.Random) -> Task:
    """A rule on words, told by two examples: reverse, repeat or upper case, then an affix."""
    rule = rng.choice(("x[::-1]", "x + x", "x.upper()"))
    affix = rng.choice(("", *"abcdefgh"))
    code = f"{rule} + '{affix}'" if affix else rule
    words = ["".join(rng.choice("abcdefgh") for _ in range(3)) for _ in range(3)]
    apply = {"x[::-1]": lambda x: x[::-1], "x + x": lambda x: x + x, "x.upper()": str.upper}[rule]
    examples = [(word, apply(word) + affix) for word in words]
    prompt = "Write a Python function f. " + ", ".join(f"f('{x}') is '{y}'" for x, y in examples[:2]) + "."
    tests = [{"assert": f"assert f({x!r}) == {y!r}"} for x, y in examples]
    metadata = {"tests": tests, "solution": f"def f(x):\n    return {code}", "rule": rule, "affix": affix,
                "examples": examples}
    return Task("coding", "", prompt, None, metadata)


def science_task(rng: random.Random, factors: Factors) -> Task:
    """Multiple choice: which law, on a table with a distractor; the options are what other laws would give."""
    quantity = rng.choice(sorted(LAWS))
    operation, first, second = LAWS[quantity]
    small, factor = rng.randint(2, 9), rng.randint(2, 9)
    x, y = (small * factor, small) if operation == "/" else (small, factor)
    others = sorted({name for _, p, q in LAWS.values() for name in (p, q)} - {first, second, quantity})
    values = {first: x, second: y, rng.choice(others): rng.randint(2, 9)}
    right, swapped = (x // y, x * y) if operation == "/" else (x * y, max(x, y) // min(x, y))
    shared = rng.random() < factors.sharing
    texts = _options(rng, right, [swapped, x + y, abs(x - y)]) if shared else _law_options(rng, quantity)
    answer_text = str(right) if shared else f"{first} {operation} {second}"
    row = dict(rng.sample(sorted(values.items()), len(values)))
    letters = [chr(ord("A") + k) for k in range(len(texts))]
    listed = ", ".join(f"{text} ({letter})" for letter, text in zip(letters, texts, strict=True))
    asked = f"What is the {quantity}?" if shared else f"How is the {quantity} found?"
    answer = letters[texts.index(answer_text)]
    metadata = {"choices": texts, "quantity": quantity, "values": row, "shared": shared}
    return Task("science", "", f"Table: {table(row)}. {asked} {listed}.", answer, metadata)


def _options(rng: random.Random, right: int, wrong: list[int]) -> list[str]:
    """Four distinct options: the right value, what other laws give, and neighbors of the right value."""
    pool = [value for value in dict.fromkeys(wrong) if value != right and value >= 0]
    near = [value for value in (right + 1, right + 2, right + 3, right + 10) if value not in pool]
    chosen = [right, *(pool + near)[:3]]
    return [str(value) for value in rng.sample(chosen, 4)]


def _law_options(rng: random.Random, quantity: str) -> list[str]:
    """Four distinct laws, one of them that of the quantity: no arithmetic."""
    operation, first, second = LAWS[quantity]
    other = "*" if operation == "/" else "/"
    laws = [f"{first} {operation} {second}", f"{first} {other} {second}", f"{first} + {second}", f"{first} - {second}"]
    return rng.sample(laws, 4)


def instructions_task(rng: random.Random, factors: Factors) -> Task:
    """Write about a topic under 2 or 3 checkable instructions (public IFEval ids and kwargs)."""
    topic = rng.choice(sorted(TOPICS))
    drawn = [_instruction(kind, rng, topic) for kind in rng.sample(sorted(_INSTRUCTIONS), rng.choice((2, 3, 3)))]
    prompt = f"Write about the {topic}. " + " ".join(said for said, _, _ in drawn)
    metadata = {
        "instruction_id_list": [identifier for _, identifier, _ in drawn],
        "kwargs": [kwargs for _, _, kwargs in drawn], "topic": topic,
    }
    return Task("instructions", "", prompt, None, metadata)


_INSTRUCTIONS = {
    "keyword": "keywords:existence", "forbidden": "keywords:forbidden_words", "ending": "startend:end_checker",
    "comma": "punctuation:no_comma", "length": "length_constraints:number_words", "frequency": "keywords:frequency",
    "bullets": "detectable_format:number_bullet_lists",
}


def _instruction(kind: str, rng: random.Random, topic: str) -> tuple[str, str, dict]:
    """(what the prompt says, public id, public kwargs) of one instruction."""
    adjectives = TOPICS[topic]
    foreign = sorted({word for words in TOPICS.values() for word in words} - set(adjectives))
    word, banned, ending = rng.choice(foreign), rng.choice(adjectives), rng.choice(ENDINGS)
    words, times, bullets = rng.randint(8, 14), rng.choice((2, 3)), rng.choice((2, 3))
    said, kwargs = {
        "keyword": (f"Use the word {word}.", {"keywords": [word]}),
        "forbidden": (f"Do not use the word {banned}.", {"forbidden_words": [banned]}),
        "ending": (f"End with: {ending}", {"end_phrase": ending}),
        "comma": ("Use no commas.", {}),
        "length": (f"Use at least {words} words.", {"relation": "at least", "num_words": words}),
        "frequency": (f"Use the word {topic} at least {times} times.",
                      {"relation": "at least", "keyword": topic, "frequency": times}),
        "bullets": (f"Use exactly {bullets} bullet points.", {"num_bullets": bullets}),
    }[kind]
    return said, _INSTRUCTIONS[kind], kwargs


def agent_task(rng: random.Random, factors: Factors) -> Task:
    """A request to a small workplace: look up, then change, by an amount (shared) or to a value (not shared)."""
    people, ids, hours = rng.sample(PEOPLE, 3), rng.sample(range(1, 10), 6), rng.sample(range(8, 18), 3)
    events = [{"id": k, "who": who, "hour": hour} for k, who, hour in zip(ids[:3], people, hours, strict=True)]
    customers = [{"id": k, "name": name, "credit": rng.randint(10, 60)}
                 for k, name in zip(ids[3:], people, strict=True)]
    state = {"events": events, "customers": customers, "tasks": [], "emails": []}
    shared = rng.random() < factors.sharing
    kind = rng.choice(("move", "credit", "email"))
    who, other = people[0], people[1]
    if kind == "move":
        prompt, calls, change = _move(rng, next(e for e in events if e["who"] == who), shared)
    elif kind == "credit":
        prompt, calls, change = _credit(rng, next(c for c in customers if c["name"] == who), shared)
    else:
        hour = next(e for e in events if e["who"] == who)["hour"]
        prompt = f"Send {other} an e-mail with the hour of the meeting with {who}."
        calls, change = [{"name": "send_email", "arguments": {"to": other, "text": str(hour)}}], 0
    metadata = {"state": state, "calls": calls, "kind": kind, "who": who, "other": other, "shared": shared,
                "change": change}
    for rows in (events, customers):
        rng.shuffle(rows)
    return Task("agent", "", prompt, None, metadata)


def _move(rng: random.Random, event: dict, shared: bool) -> tuple[str, list[dict], int]:
    shift = rng.choice([d for d in range(-6, 7) if d and 6 <= event["hour"] + d <= 22])
    hour = event["hour"] + shift
    said = f"{abs(shift)} hours {'later' if shift > 0 else 'earlier'}" if shared else f"to {hour}"
    call = {"name": "move_event", "arguments": {"id": event["id"], "hour": hour}}
    return f"Move the meeting with {event['who']} {said}.", [call], shift


def _credit(rng: random.Random, customer: dict, shared: bool) -> tuple[str, list[dict], int]:
    change = rng.choice([d for d in range(-30, 31) if abs(d) > 2 and 0 <= customer["credit"] + d <= 99])
    credit = customer["credit"] + change
    said = (f"{'Raise' if change > 0 else 'Lower'} the credit of {customer['name']} by {abs(change)}." if shared
            else f"Set the credit of {customer['name']} to {credit}.")
    return said, [{"name": "set_credit", "arguments": {"id": customer["id"], "credit": credit}}], change
