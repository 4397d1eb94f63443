"""The site builds without a network and without a warning, its links resolve, and its lists are those of the code."""

import re
import socket
import subprocess
from functools import cache
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path

import pytest
from markdown.extensions.toc import slugify
from mkdocs.commands.build import build
from mkdocs.config import load_config

from docs.columns import as_markdown
from tests.desk import ROOT

LINK = re.compile(r"\]\(\s*(?![a-z]+:)([^)\s]*)\)")
FENCE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}
"""Element -> the attribute by which a page loads something."""
INNER = ("training/domains/equivalence.py",)
"""What is started by other programs, and by no user."""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, built where nothing can be connected to; a warning is an error."""
    folder = tmp_path_factory.mktemp("site")

    def refused(*_):
        raise OSError("no network here")

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        patch.setattr(socket.socket, "connect", refused)
        config = load_config(str(ROOT / "mkdocs.yml"), site_dir=str(folder))
        assert config.strict
        build(config)
    return folder


def test_pages_load_nothing_from_a_network(site):
    pages = [*site.rglob("*.html")]
    loaded = [(page.name, target) for page in pages for target in targets(page)]
    assert len(pages) > 15 and len(loaded) > 100
    assert [one for one in loaded if re.match(r"(https?:)?//", one[1])] == []
    for sheet in site.rglob("*.css"):
        assert not re.search(r"(@import|url\()\s*['\"]?(https?:)?//", sheet.read_text(encoding="utf-8")), sheet


def targets(page: Path) -> list[str]:
    """All that a page loads."""
    found = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attrs):
            found.extend(value for name, value in attrs if name == LOADED.get(tag) and value)

    Reader().feed(page.read_text(encoding="utf-8"))
    return found


def test_figures_and_pages_from_elsewhere_come_along(site):
    assert (site / "repository/paper/results/organism/synergy/synergy.png").stat().st_size > 10_000
    page = (site / "index.html").read_text(encoding="utf-8")
    assert 'src="repository/paper/results/organism/synergy/synergy.png"' in page
    assert 'href="repository/studies/INDEX.html"' in page
    assert 'href="docs/' not in (site / "repository/CONTRIBUTING.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("package", ["training", "behaviors", "probes"])
def test_public_names_stand_in_the_reference(site, package):
    page = (site / f"reference/{package}.html").read_text(encoding="utf-8")
    headings = set(re.findall(r'<h\d id="([\w.]+)"', page))
    for name in import_module(package).__all__:
        assert any(one.startswith(f"{package}.") and one.endswith(f".{name}") for one in headings), name


@pytest.mark.parametrize("page", sorted((ROOT / "docs/reference").glob("*.md")), ids=lambda page: page.stem)
def test_what_the_reference_names_is_there(page):
    text = page.read_text(encoding="utf-8")
    asked = re.findall(r"^::: (\S+)\n    options:\n      members: \[(.*)\]$", text, re.MULTILINE)
    assert len(asked) == text.count("\n::: ")
    for module, members in asked:
        assert [name for name in re.findall(r"\w+", members) if name not in vars(import_module(module))] == [], module


def markdown_files() -> list[str]:
    """All Markdown files of the repository."""
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"], cwd=ROOT,
                            capture_output=True, text=True, check=True)
    return listed.stdout.splitlines()


@pytest.mark.parametrize("file", markdown_files())
def test_links_of_markdown_files_resolve(file):
    for link in LINK.findall(FENCE.sub("", (ROOT / file).read_text(encoding="utf-8"))):
        path, _, anchor = link.partition("#")
        target = (ROOT / file).parent / path if path else ROOT / file
        assert target.exists(), f"{file} links to {link}"
        assert not anchor or anchor in anchors(target), f"{file} links to {link}"


@cache
def anchors(file: Path) -> set[str]:
    """The anchors of the headings of a Markdown file."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", file.read_text(encoding="utf-8")), re.MULTILINE)
    return {slugify(heading, "-") for heading in headings}


def test_the_house_names_every_file():
    text = (ROOT / "docs/house.md").read_text(encoding="utf-8")
    for package in ("training", "behaviors", "probes"):
        for file in sorted((ROOT / package).glob("[!_]*.py")):
            assert re.search(rf"\b{file.stem}\b", text), f"docs/house.md does not name {package}/{file.name}"


def test_every_command_line_is_listed():
    text = (ROOT / "docs/reference/commands.md").read_text(encoding="utf-8")
    for package in ("training", "behaviors", "studies", "paper"):
        for file in sorted((ROOT / package).rglob("*.py")):
            path = str(file.relative_to(ROOT))
            if '__name__ == "__main__"' in file.read_text(encoding="utf-8") and path not in INNER:
                module = path.removesuffix(".py").removesuffix("/__main__").replace("/", ".")
                assert f"python {path}" in text or re.search(rf"python -m {module}\s", text), path


@pytest.mark.parametrize(("docstring", "names", "markdown"), [
    ("One line.", (), "One line."),
    ("Kinds:\n\na    the first\nbb   the second", (), "Kinds:\n\n    a    the first\n    bb   the second"),
    ("Such are\n- one,\n- two", (), "Such are\n\n- one,\n- two"),
    ("Args: model, a folder; n and seed, as\nthere; it is read. Raises ValueError.", ("model", "n", "seed"),
     "Args:\n    model: a folder\n    n, seed: as there; it is read.\n\nRaises ValueError."),
    ("Args: as of `other`; rank, one.", ("rank",), "Args: as of `other`; rank, one."),
])
def test_docstrings_as_markdown(docstring, names, markdown):
    assert as_markdown(docstring, names) == markdown
