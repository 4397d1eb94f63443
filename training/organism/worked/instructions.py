"""Instructions, worked: state the plan, perhaps draft and check it, write the answer. The plan is right; slips lie in
the answer text (or its draft), which breaks one instruction. A check reads the draft against each instruction."""

from __future__ import annotations

from dataclasses import dataclass, replace

from training.domains.compact import TOPICS
from training.domains.task import Task
from training.organism.worked.trace import CHECKS, Worked, Writer

SHORT = {
    "keywords:existence": "keyword", "keywords:forbidden_words": "forbidden", "startend:end_checker": "ending",
    "punctuation:no_comma": "comma", "length_constraints:number_words": "length", "keywords:frequency": "frequency",
    "detectable_format:number_bullet_lists": "bullets",
}


@dataclass(frozen=True)
class Text:
    """A text about a topic: its clauses (lists of adjectives) and its ornaments."""

    topic: str
    clauses: tuple[tuple[str, ...], ...]
    named: int
    """In how many clauses the topic is named (else `It`)."""
    ending: str = ""
    bullets: bool = False
    comma: bool = False

    def __str__(self) -> str:
        lines = [self._clause(k, adjectives) for k, adjectives in enumerate(self.clauses)]
        body = "\n".join(f"* {line}" for line in lines) if self.bullets else " ".join(lines)
        return f"{body}{chr(10) if self.bullets else ' '}{self.ending}" if self.ending else body

    def _clause(self, k: int, adjectives: tuple[str, ...]) -> str:
        subject = f"The {self.topic}" if k < self.named else "It"
        glue = ", " if self.comma and k == 0 and len(adjectives) > 1 else " and "
        return f"{subject} is {glue.join(adjectives)}."

    @property
    def words(self) -> int:
        return len(str(self).replace("*", "").split())


def wanted(task: Task) -> dict:
    """The task's instructions by short name, with what each asks: `{"keyword": "tall", "comma": None}`."""
    ids, kwargs = task.metadata["instruction_id_list"], task.metadata["kwargs"]
    first = {"keyword": "keywords", "forbidden": "forbidden_words", "ending": "end_phrase", "length": "num_words",
             "frequency": "frequency", "bullets": "num_bullets", "comma": ""}
    asked = {}
    for identifier, arguments in zip(ids, kwargs, strict=True):
        name = SHORT[identifier]
        value = arguments.get(first[name])
        asked[name] = value[0] if isinstance(value, list) else value
    return asked


def compose(task: Task, writer: Writer) -> Text:
    """A text that obeys every instruction of the task (but names the topic at most once a bullet point)."""
    asked, rng = wanted(task), writer.rng
    pool = [word for word in TOPICS[task.metadata["topic"]] if word != asked.get("forbidden")]
    least = max(asked.get("frequency") or 1, 1)
    count = asked.get("bullets") or max(least, rng.choice((1, 2)))
    clauses = [(rng.choice(pool),) for _ in range(count)]
    if "keyword" in asked:
        k = rng.randrange(count)
        clauses[k] = (*clauses[k], asked["keyword"])
    text = Text(task.metadata["topic"], tuple(clauses), max(least, rng.randint(1, count)), asked.get("ending") or "",
                "bullets" in asked, "comma" not in asked and rng.random() < 0.3)
    while text.words < (asked.get("length") or 0):
        text = _longer(text, pool, writer, may_add="bullets" not in asked)
    return text


def _longer(text: Text, pool: list[str], writer: Writer, may_add: bool) -> Text:
    """One more clause, or one more adjective in the shortest clause."""
    if may_add and writer.rng.random() < 0.5:
        return replace(text, clauses=(*text.clauses, (writer.rng.choice(pool),)))
    k = min(range(len(text.clauses)), key=lambda i: len(text.clauses[i]))
    longer = (*text.clauses[k], writer.rng.choice(pool))
    return replace(text, clauses=(*text.clauses[:k], longer, *text.clauses[k + 1:]))


def broken(text: Text, name: str, asked: dict, writer: Writer) -> Text:
    """The text with one instruction broken."""
    clauses = text.clauses
    if name == "keyword":
        kept = tuple(tuple(w for w in clause if w != asked["keyword"]) for clause in clauses)
        return replace(text, clauses=kept)
    if name == "forbidden":
        return replace(text, clauses=((*clauses[0], asked["forbidden"]), *clauses[1:]))
    if name == "ending":
        return replace(text, ending="")
    if name == "comma":
        double = clauses[0] if len(clauses[0]) > 1 else (*clauses[0], writer.rng.choice(TOPICS[text.topic]))
        return replace(text, comma=True, clauses=(double, *clauses[1:]))
    if name == "length":
        return replace(text, clauses=tuple(clause[:1] for clause in clauses[:max(1, asked.get("bullets") or 1)]))
    if name == "frequency":
        return replace(text, named=max(0, asked["frequency"] - 1))
    return replace(text, clauses=clauses[1:] if len(clauses) > 2 else (*clauses, clauses[-1]))


def fact(shown: str, topic: str, name: str, value) -> tuple[str, bool]:
    """What a reader says of one instruction in a text, ending in yes or no, and whether it holds."""
    seen = {"length": len(shown.replace("*", "").split()), "frequency": shown.count(topic),
            "bullets": shown.count("* "), "comma": shown.count(",")}.get(name)
    there, ends = f" {value}" in shown, shown.strip().endswith(str(value))
    said, holds = {
        "keyword": (f"the word {value} is {'' if there else 'not '}there", there),
        "forbidden": (f"the word {value} is {'' if there else 'not '}there", not there),
        "ending": (f"the end is {'' if ends else 'not '}{str(value).rstrip('.')}", ends),
        "comma": (f"there is {'a' if seen else 'no'} comma", not seen),
        "length": (f"there are {seen} words of {value}", name == "length" and seen >= value),
        "frequency": (f"{topic} is there {seen} times of {value}", name == "frequency" and seen >= value),
        "bullets": (f"there are {seen} bullet points of {value}", seen == value),
    }[name]
    return f"{said}: {'yes' if holds else 'no'}.", holds


def facts(shown: str, task: Task) -> list[tuple[str, bool]]:
    """`fact` for every instruction of the task."""
    return [fact(shown, task.metadata["topic"], name, value) for name, value in wanted(task).items()]


PLAN = {
    "keyword": "the word {}", "forbidden": "no word {}", "ending": "the end {}", "comma": "no comma",
    "length": "{} words", "frequency": "the topic {} times", "bullets": "{} bullet points",
}


def work(task: Task, writer: Writer) -> Worked:
    """Solve one compact instructions task."""
    writer.own_locus = "answer"
    asked = wanted(task)
    plan = [PLAN[name].format(str(value).rstrip(".")) for name, value in asked.items()]
    dropped = writer.rng.randrange(len(plan)) if writer.slips("derivation") else None
    kept = [part for k, part in enumerate(plan) if k != dropped]
    writer.say(f"I need {', '.join(kept[:-1])} and {kept[-1]}." if len(kept) > 1 else f"I need {kept[0]}.")
    text, lost = compose(task, writer), None
    if dropped is not None:
        lost = list(asked)[dropped]
    elif writer.happens(2 * writer.habits.slip) and (writer.habits.locus or "answer") == "answer":
        lost = writer.rng.choice(list(asked))
    slipped = broken(text, lost, asked, writer) if lost else text
    if writer.happens(1.2 * writer.habits.check):
        slipped = _checked(slipped, text, asked, writer)
    writer.events.append(("answer", str(slipped)))
    return Worked([writer.think() + str(slipped)], writer.events)


def _checked(draft: Text, good: Text, asked: dict, writer: Writer) -> Text:
    """Write the draft, read it against every instruction, and redraft when one is seen to be broken."""
    writer.say(f"Draft: {str(draft).replace(chr(10), ' ')}", "step" if draft == good else "slip")
    for name, value in asked.items():
        said, holds = fact(str(draft), draft.topic, name, value)
        if not holds and writer.happens(writer.habits.careless):
            said, holds = fact(str(good), draft.topic, name, value)
        writer.say(f"{writer.rng.choice(CHECKS)} {said}", "check")
        if not holds:
            writer.settles(False)
            return good if writer.happens(writer.habits.repair) else draft
    writer.settles(True)
    return draft
