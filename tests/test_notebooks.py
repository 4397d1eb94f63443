"""Every notebook runs from its first cell to its last in a kernel, on a real zoo, and shows what it promises.

The zoo: the shipped anchor, and experts that are the anchor with noise in their weights; what they wrote lies in its
store. The sizes that a notebook sets in a line of its own are made smaller, nothing else is changed.
"""

import re
import shutil
from itertools import product
from pathlib import Path

import jupytext
import nbclient
import pytest
import torch
from jupyter_client.kernelspec import KernelSpecManager
from transformers import AutoModelForCausalLM, AutoTokenizer

from behaviors import sample
from behaviors.store import write
from training import Zoo, get_domain
from training.manifest import Manifest
from training.organism.anchor import ANCHOR

FOLDER = Path(__file__).parents[1] / "studies/notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.py"))
DOMAINS, TASKS, SAMPLES = ("math", "science"), 5, 2
SMALL = {"TASKS": TASKS, "SAMPLES": SAMPLES, "STEPS": 1}
SHOWN = {  # texts of the outputs of a notebook; each is a pattern
    "five_minutes": [
        r"Zoo tiny in runs/organism/seed0: preset organism, seed 0; domains math, science", "made when first asked for",
        "1,234,567", "expert-science", "jaccard_chance", "self_verification_low", "difference"],
    "own_checkpoints": [
        "Zoo own in runs/own: preset own", "2 compared with .*models/anchor", "balanced_accuracy", "unparsed",
        "2 findings: 0 reproduced, .*", "the math expert beats the anchor on math", "AIME"],
    "own_domain": [
        "my_lab.brief_math-test-0-2", r"the anchor is rewarded for \d+%", r"but in \d+ words; at most 40",
        "&lt;think&gt; Start with", "expert-my_lab.brief_math", "shuffled-my_lab.brief_math", "words", "checks",
        "control", "difference"],
    "own_label": ["restating", "fitted", "rule", "kappa", "f1_low", "expert-math", "anchor", "difference"],
    "figure_to_traces": [
        "trained_on", r"(expert-\w+) on (\w+): (\S+) points from the traces, \3 in the figure",
        r"<td[^>]*>expert-\w+</td>\s*<td[^>]*>Answer: \S+</td>\s*<td[^>]*>other</td>",
        r"\d+ traces on results/tiny/expert-\w+-on-\w+.html", "<iframe"],
}
IMAGES = {"five_minutes": 1, "own_checkpoints": 1, "own_domain": 1, "own_label": 0, "figure_to_traces": 1}
SIZES = re.compile(r"^(.*?)((?:[A-Z]+, )*SAMPLES) = [\d, ]*\d", re.MULTILINE)


def moved(folder: Path, seed: int) -> None:
    """The anchor with noise in its matrices."""
    network, noise = AutoModelForCausalLM.from_pretrained(ANCHOR, dtype=torch.float32), torch.Generator()
    noise.manual_seed(seed)
    with torch.no_grad():
        for weights in network.parameters():
            weights += 0.03 * weights.std() * torch.randn(weights.shape, generator=noise)
    network.to(torch.bfloat16).save_pretrained(folder)
    AutoTokenizer.from_pretrained(ANCHOR).save_pretrained(folder)


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A folder to work in, with the zoo runs/organism/seed0; its traces are there, and those of the zoo runs/own."""
    place = tmp_path_factory.mktemp("work")
    folder = place / "runs/organism/seed0"
    shutil.copytree(ANCHOR, folder / "models/anchor")
    names = [*(f"expert-{domain}" for domain in DOMAINS), "mixed"]
    for seed, name in enumerate(names):
        moved(folder / "models" / name, seed)
    zoo = Zoo(folder, Manifest("tiny", "organism", 0, "models/anchor", domains=list(DOMAINS), mixed="models/mixed",
                               experts={domain: f"models/expert-{domain}" for domain in DOMAINS},
                               runs={name: {"optimizer_steps": 24, "tokens": 1234567} for name in names}))
    zoo.save()
    tasks = [task for domain in DOMAINS for task in get_domain(domain).tasks("test", TASKS)]
    for name in ("anchor", *names, "merged-ties"):
        traces = sample(zoo.models[name], tasks, n=SAMPLES, progress=False).assign(model=name)
        for home, (domain, some) in product((folder, place / "runs/own"), traces.groupby("domain")):
            write(some.reset_index(drop=True), home / "traces" / name / f"{domain}-0.parquet")
    del zoo.manifest.merged["ties"]  # five_minutes shows that it is made when first asked for
    zoo.save()
    shutil.rmtree(folder / "models/merged-ties")
    return place


def small(source: str) -> str:
    """A script with small sizes in the one line that sets them."""
    sized, lines = SIZES.subn(
        lambda line: f"{line[1]}{line[2]} = {', '.join(str(SMALL[name]) for name in line[2].split(', '))}", source)
    assert lines == 1, "a notebook sets its sizes in one line, as TASKS, SAMPLES = 40, 4"
    return sized


def executed(script: Path, place: Path):
    """The notebook of a script, with its outputs."""
    if "python3" not in KernelSpecManager().find_kernel_specs():
        pytest.fail("there is no kernel python3 to run notebooks in: ipykernel is not installed here")
    book = jupytext.reads(small(script.read_text(encoding="utf-8")), fmt="py:percent")
    where = {"metadata": {"path": str(place)}}
    return nbclient.NotebookClient(book, timeout=400, kernel_name="python3", resources=where).execute()


def outputs(book) -> list[dict]:
    return [output for cell in book.cells if cell.cell_type == "code" for output in cell.outputs]


def told(output: dict) -> str:
    """What a reader sees of an output, images apart."""
    data = output.get("data", {})
    return output.get("text", "") + data.get("text/html", data.get("text/plain", ""))


@pytest.mark.parametrize("script", NOTEBOOKS, ids=lambda script: script.stem)
def test_a_notebook_runs_and_shows_what_it_promises(script, place):
    book = executed(script, place)
    found = outputs(book)
    said = "\n".join(map(told, found))
    for pattern in SHOWN[script.stem]:
        assert re.search(pattern, said), f"{script.name} does not show {pattern!r}"
    images = [output["data"]["image/png"] for output in found if "image/png" in output.get("data", {})]
    assert len(images) == IMAGES[script.stem] and all(len(image) > 10_000 for image in images)
    last = [cell for cell in book.cells if cell.cell_type == "code"][-1]
    assert any("text/html" in output.get("data", {}) for output in last.outputs)


@pytest.mark.parametrize("script", NOTEBOOKS, ids=lambda script: script.stem)
def test_a_notebook_is_a_story_with_one_line_to_change(script):
    source = script.read_text(encoding="utf-8")
    book = jupytext.reads(source, fmt="py:percent")
    assert book.cells[0].cell_type == "markdown" and book.cells[0].source.startswith("# ")
    assert source.count("# <- the line to change") == 1
    told = [cell.source for cell in book.cells if cell.cell_type == "markdown"]
    assert len(told) > 3 and max(map(len, told)) < 900
    assert jupytext.writes(book, fmt="py:percent").count("# %%") == len(book.cells)


def test_all_notebooks_are_known_here():
    assert [script.stem for script in NOTEBOOKS] == sorted(SHOWN) == sorted(IMAGES)
