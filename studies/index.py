"""The index: every table and figure of the paper, the script, what was published, what was measured, the verdict.

    python studies/index.py [--results paper/results/organism] [--out studies/INDEX.md]

Made from the findings.json of every study in a folder of results; nothing is typed in. `studies/all.py` writes one
beside its results.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path

from studies.harness import FINDINGS, StudyError
from studies.provenance import MADE
from training.durable import write_text

PLACES = {  # in the order of the index; a finding's source names its place
    "Table 2": "what each route costs",
    "Table 3": "experts, merged and mixed models on every benchmark",
    "Table 4": "merging methods and distillation",
    "Table 5": "weight shift: which weights changed, and do experts change the same ones",
    "Figure 3": "weight shift: the cosine of updates",
    "Figure 4": "policy neighborhoods",
    "Table 6": "merges of two experts",
    "Figure 5": "the same skills? Gain vectors",
    "Table 7": "locus of error: outcome and process verification",
    "Table 8": "against the official post-trained model",
    "Information constraints": "named in the abstract, not defined in what could be read",
    "DeepSeek-R1": "not of this paper: behavior under RLVR",
    "none": "comparisons of ours: controls, mechanisms, statistics",
}
HEAD = """# What the paper says, and what was measured

Written by `python studies/index.py`; do not edit. One row a claim: what was published with its source tag, ours with
its 95 % interval, the number of tasks (or what else was sampled) and of training seeds, p after Holm over the claims of
the study, the verdict, and the script and finding it comes from (CSV tables and figures lie beside each findings.json).

Source tags: [R] the paper's official README, version 1 (four domains); [R2] its guide for training; [N1] a third
party's reading of version 1; [N3] a third party's note on version 3, its tables only; [D] computed from these. What
carries [N1] or [N3] is second-hand. "Not found" was looked for, and is not in reachable material. A claim that the
organism was built to fulfil is `inconclusive` however it comes out. Claims that end in `-own` are about what each judge
wrote itself, those in `-common` about one pool that all judges see."""
COLUMNS = "| Claim | Published | Ours [95 %] | n, seeds | p | Verdict | From |\n|---|---|---|---|---|---|---|"


def findings_in(root: Path) -> list[dict]:
    """All findings in a folder of results, each with its `study`. Raises StudyError where there are none."""
    files = sorted(root.glob(f"*/{FINDINGS}"))
    if not files:
        raise StudyError(f"{root} holds no study's results (STUDY/{FINDINGS})")
    return [{"study": file.parent.name, **one} for file in files
            for one in json.loads(file.read_text(encoding="utf-8"))]


def place_of(source: str) -> str:
    """Where in the paper a claim was made: a key of PLACES. Raises StudyError for a source that names none."""
    found = [place for place in PLACES if re.search(rf"\b{place.replace('Table ', 'Tables? ')}\b", source)]
    if not found:
        raise StudyError(f"the source {source!r} names no place of the paper; known are {', '.join(PLACES)}")
    return found[0]


def line_of(one: dict) -> str:
    """A line of the table."""
    published = one["published"] if isinstance(one["published"], str) else f"{one['published']:g}"
    tag = re.findall(r"\[[A-Z0-9]+\]", one["source"])
    shown = published if tag == [] or any(mark in published for mark in tag) else f"{published} {''.join(tag)}"
    verdict = one["verdict"].replace("_", " ")
    if one["measured"] is None:
        cells = [one["claim"], shown, "", "", "", f"{verdict}: {one['note']}"]
    else:
        value = f"{number(one['measured'])} [{number(one['ci_low'])}, {number(one['ci_high'])}]"
        built = " (by construction)" if one["by_construction"] else ""
        cells = [one["claim"], shown, value, f"{one['n']}, {one['seeds']}", f"{one['p_adjusted']:.2g}", verdict + built]
    return "| " + " | ".join([*cells, f"`{one['study']}.py`, `{one['id']}`"]).replace("\n", " ") + " |"


def number(value: float) -> str:
    """Three significant digits, as a reader writes them: 12.3, -0.0456."""
    return f"{value:.1f}" if abs(value) >= 100 else f"{value:.3g}"


def index(root: Path) -> str:
    """The whole index of a folder of results, as markdown."""
    findings = findings_in(root)
    lines = [HEAD, "", made(root)]
    for place, title in PLACES.items():
        here = [one for one in findings if place_of(one["source"]) == place]
        if here:
            name = "Beyond the paper" if place == "none" else place
            lines += ["", f"## {name}: {title}", "", COLUMNS, *map(line_of, here)]
    return "\n".join(lines) + "\n"


def made(root: Path) -> str:
    """How the results were made, by study: command, date, machine."""
    lines = []
    for file in sorted(root.glob(f"*/{MADE}")):
        how = json.loads(file.read_text(encoding="utf-8"))
        versions = ", ".join(f"{name} {number}" for name, number in how["versions"].items())
        lines.append(f"- `{how['command']}`: {how['date']}, {how['seconds']:.0f} s on {how['machine']['cores']} cores "
                     f"({how['machine']['architecture']}), Python {how['machine']['python']}, {versions}")
    return "\n".join(["How each was made (seconds: with what the zoos already held):", "", *lines])


def write_index(root: Path, file: Path) -> None:
    """Write the index of a folder of results, whole or not at all."""
    write_text(file, index(root))


def main(argv: list[str] | None = None) -> int:
    """The command line; the status it ends with."""
    parser = argparse.ArgumentParser(prog="python studies/index.py", description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, default=Path("paper/results/organism"), help="folder of all results")
    parser.add_argument("--out", type=Path, default=Path("studies/INDEX.md"))
    given = parser.parse_args(argv)
    try:
        write_index(given.results, given.out)
    except StudyError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"written to {given.out}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
