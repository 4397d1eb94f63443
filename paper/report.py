"""The report, a PDF: question, method, results claim by claim, what failed, what is open, controls, limits, rerun.

The text is `report.typ`, which holds no number: it looks each up in what `values` gathers here from saved results, from
what was published, and from the constants that decide verdicts. Sentences about how a claim came out are chosen by its
verdict. Written by `python -m paper`, with the fonts that Typst and Matplotlib bring; no network.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pandas as pd

from paper.contents import ITEMS, Item
from paper.published import CHANCE, CHANGED
from paper.readme import gains_table, routes_table
from paper.saved import NotSaved, Saved, table_of
from paper.tables.rows import kept
from studies.__main__ import question
from studies.all import STUDIES
from studies.findings import ALPHA, LEAST_TASKS, VERDICTS
from studies.gain_figure import label
from studies.harness import StudyError
from studies.index import HEAD, PLACES, line_of, number, place_of

REPORT, TEMPLATE = "report.pdf", Path(__file__).with_suffix(".typ")
NONE = "none"
"""The place of what is not in the paper."""
TAGS = HEAD.split("\n\n")[-1].partition(" Claims that end")[0].replace("`", "").replace("\n", " ")
"""What the tags of sources mean, and "not found"."""
CONTROLS = ("shuffled", "twin", "steps")
"""Parts of the ids of claims about controls, which have a section of their own."""


def write_report(saved: Saved, figures: list[str], lacking: list[str], folder: Path) -> None:
    """report.pdf in `folder`, which holds the figures; `lacking` says what could not be made, as `written` does."""
    (folder / REPORT).write_bytes(compiled(values(saved, figures, lacking), folder))


def compiled(known: dict, folder: Path, **form) -> bytes | list[bytes]:
    """The report of these values, with the figures of `folder`; `form`: as `typst.compile` takes it (format, ppi)."""
    import matplotlib
    import typst

    fonts = Path(matplotlib.get_data_path()) / "fonts" / "ttf"  # of the figures, for what stands under them
    return typst.compile(TEMPLATE.read_bytes(), root=folder, sys_inputs={"values": json.dumps(known)},
                         font_paths=[fonts], ignore_system_fonts=True, **form)


def values(saved: Saved, figures: list[str], lacking: list[str]) -> dict:
    """All that the text looks up: numbers as words, claims, tables, and which figures are there."""
    findings = [{"study": study, **one} for (study, _), one in saved.findings.items()]
    zoos = sorted({zoo["name"].partition("/")[0] for how in saved.made.values() for zoo in how["zoos"]})
    tables = {"gains": lambda: _markdown(gains_table(saved.folder)),
              "routes": lambda: _markdown(routes_table(saved.folder)), "runs": lambda: runs(saved),
              "studies": lambda: studies(saved)}
    known = {"claims": grouped(findings), "tables": {name: _made(build) for name, build in tables.items()},
             "value": numbers(saved, findings)}
    return {**known, "digest": digest(known), "zoo": ", ".join(zoos), "folder": saved.folder.name,
            "counts": counts(findings), "titles": PLACES,
            "figures": {item.name: caption(item) for item in ITEMS if item.name in figures},
            "lacking": dict(_reason(line) for line in lacking), "notes": list(saved.notes)}


def digest(known: dict) -> str:
    """Of claims, tables and numbers: the report has it as a keyword, so that a kept one can be held to the results."""
    return sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()


def caption(item: Item) -> str:
    """What stands under a figure."""
    place = f"The paper's {item.place}" if item.place.startswith(("Table", "Figure")) else item.place
    return re.sub("`([^`]*)`", "\N{LEFT DOUBLE QUOTATION MARK}\\1\N{RIGHT DOUBLE QUOTATION MARK}",
                  f"{place}: {item.caption}")


def cells(one: dict) -> dict:
    """A claim as the report prints it: words alone."""
    claim, published, ours, sampled, p, *_ = _row(line_of(one))
    return {"claim": claim, "published": published, "ours": ours or "not measured", "n": sampled, "p": p,
            "verdict": one["verdict"].replace("_", " "), "note": one["note"] if one["measured"] is None else "",
            "built": one["by_construction"], "from": f"{one['study']}/{one['id']}"}


def group(one: dict) -> str:
    """The section of a claim: its place in the paper, `none`, or `controls` for comparisons of ours with these."""
    try:
        place = place_of(one["source"])
    except StudyError:  # results of a study that this version does not know
        place = NONE
    return "controls" if place == NONE and any(name in one["id"] for name in CONTROLS) else place


def grouped(findings: list[dict]) -> dict[str, list[dict]]:
    """Section -> its claims, in the order of the sections."""
    return {name: rows for name in (*PLACES, "controls")
            if (rows := [cells(one) for one in findings if group(one) == name])}


def counts(findings: list[dict]) -> list[list[str]]:
    """A row a section: its name, how many claims, and how many with each verdict."""
    tally = {name: Counter(one["verdict"] for one in findings if group(one) == name)
             for name in (*PLACES, "controls")}
    rows = [(name, tally[name]) for name in tally if tally[name]] + [("all", sum(tally.values(), Counter()))]
    return [[name, str(count.total()), *(str(count[verdict] or "") for verdict in VERDICTS)] for name, count in rows]


def numbers(saved: Saved, findings: list[dict]) -> dict[str, str | None]:
    """Name -> what the text inserts; None where it is not measured."""
    verdicts = Counter(one["verdict"] for one in findings)
    open_ones = [one for one in findings if one["verdict"] == "inconclusive"]
    seeds = sorted({zoo["seed"] for how in saved.made.values() for zoo in how["zoos"]})
    spent = sum(how["seconds"] for how in saved.made.values() if "seconds" in how)
    return {
        "claims": str(len(findings)), "studies": str(len({one["study"] for one in findings})),
        **{verdict.replace("_", " "): str(verdicts[verdict]) for verdict in VERDICTS},
        "built": str(sum(one["by_construction"] for one in open_ones)),
        "small": str(sum(one["n"] < LEAST_TASKS and not one["by_construction"] for one in open_ones)),
        "level": f"{100 * (1 - ALPHA):g} %", "alpha": f"{ALPHA:g}", "least": str(LEAST_TASKS),
        "zoos": str(len(seeds)) if seeds else None, "seed list": ",".join(map(str, seeds)),
        "minutes": f"{spent / 60:.0f}" if spent else None, "tags": TAGS,
        "dates": " to ".join(dict.fromkeys((min(dates), max(dates)))) if (
            dates := [how["date"] for how in saved.made.values()]) else None,
        "published changed": f"{100 * CHANGED:.0f} %", "published chance": f"{CHANCE:g}",
        **{name: _known(read, saved) for name, read in READ.items()}}


def _weights(saved: Saved) -> str:
    return f"{saved.table('weight_shift', 'models', numbers=('n_params',)).n_params.max():,.0f}"


def _changed(saved: Saved) -> str:
    table = saved.table("weight_shift", "models", ("model",), ("changed_fraction",))
    known = table.model.str.startswith("expert-") & table.changed_fraction.notna()
    share = 100 * kept(table, known, "expert").changed_fraction
    return f"{share.min():.0f} to {share.max():.0f} %"


def _domains(saved: Saved) -> str:
    return str(saved.table("expert_gains", "gains", ("domain",)).domain.nunique())


def _ranking(saved: Saved) -> str:
    rows = _markdown(routes_table(saved.folder))["rows"]
    return "; ".join(f"{name} {accuracy}" for name, accuracy, *_ in rows)


def _alike(saved: Saved) -> str:
    table = saved.table("weight_shift", "pairs", ("model_a", "model_b"), ("cosine",))
    own = table.model_a == "expert-" + table.model_b.str.partition("-")[2]
    twins = kept(table, own & table.model_b.str.startswith("twin-") & table.cosine.notna(), "twin")
    return number(twins.cosine.mean())


def _tagger(saved: Saved) -> str:
    table = saved.table("self_verification", "tagger_audit", ("model", "label"), ("f1",))
    scores = kept(table, table.f1.notna(), "score").f1
    return f"{scores.min():.3f} to {scores.max():.3f}"


READ: dict[str, Callable[[Saved], str]] = {
    "weights": _weights, "changed": _changed, "domains": _domains, "ranking": _ranking, "twins": _alike,
    "tagger": _tagger}
"""What is read from tables."""


def _known(read: Callable[[Saved], str], saved: Saved) -> str | None:
    try:
        return _typeset(read(saved))
    except NotSaved:
        return None


def runs(saved: Saved) -> dict:
    """What each run of the zoo took, mean over seeds."""
    means = ("optimizer_steps", "rollouts", "tokens", "seconds", "changed")
    table = table_of(saved.folder, "expert_gains", "runs", ("run",), ("seed", *means))
    rows = [[label(str(run)), *(_whole(mean[name]) for name in means[:-1]), _whole(100 * mean.changed, " %")]
            for run, mean in table.groupby("run", sort=False)[list(means)].mean().iterrows()]
    return {"note": "", "head": ["run", "optimizer steps", "completions", "tokens", "seconds", "weights changed"],
            "rows": rows}


def studies(saved: Saved) -> dict:
    """What each study asks, how many claims it settles, and how long it took with what the zoos held."""
    tally = Counter(study for study, _ in saved.findings)
    rows = [[study.replace("_", " "), question(study), str(tally[study]) if study in tally else "not measured",
             _whole(saved.made.get(study, {}).get("seconds"))] for study in STUDIES]
    return {"note": "", "head": ["study", "asks", "claims", "seconds"], "rows": rows}


def _whole(value: float | None, unit: str = "") -> str:
    return "" if value is None or pd.isna(value) else f"{value:,.0f}{unit}"


def _made(build: Callable[[], dict]) -> dict:
    """A table, or why it cannot be made."""
    try:
        return build()
    except NotSaved as error:
        return {"lacking": str(error)}


def _markdown(lines: list[str]) -> dict:
    """A Markdown table under a line of text, taken apart."""
    note, _, head, _, *rows = lines
    return {"note": note, "head": _row(head), "rows": [_row(line) for line in rows]}


def _row(line: str) -> list[str]:
    cells = (cell.strip() for cell in line.strip()[1:-1].split("|"))
    return ["not measured" if re.search(r"\bnan\b", cell) else _typeset(cell) for cell in cells]


def _typeset(text: str) -> str:
    """Text with real minus signs and arrows, its numbers not parted from %."""
    text = re.sub(r"(?<![\w.,)])-(?=[\d.])", "\N{MINUS SIGN}", text)
    return text.replace("->", "\N{RIGHTWARDS ARROW}").replace(" %", "\N{NO-BREAK SPACE}%")


def _reason(line: str) -> tuple[str, str]:
    """(item, why it is not there) of a line of what is lacking."""
    what, _, why = line.partition(": ")
    return what.partition(",")[0], why
