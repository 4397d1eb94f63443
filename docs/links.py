"""Pages of the site that lie elsewhere in the repository: what a page links to outside docs/ comes along.

A hook of mkdocs (mkdocs.yml). In docs/ and beyond, links are written as files lie in the repository, so that they work
where the Markdown is read; here they become links of the site, where such files lie under repository/.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
DOCS, OUTSIDE = "docs", "repository"
FENCED = re.compile(r"(^```.*?^```)", re.DOTALL | re.MULTILINE)
CITED = re.compile(r"(?<=\])\[(?=[A-Z]\d?\])")
"""Two tags of sources side by side, which Markdown reads as a link."""
LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^)\s#]+)(?=[)#])")


def linked(file: PurePosixPath, text: str) -> list[PurePosixPath]:
    """The files of the repository that a Markdown file links to."""
    return [PurePosixPath(normpath(file.parent / link)) for link in LINK.findall(FENCED.sub("", text))]


def place_of(file: PurePosixPath) -> str:
    """Where the site has a file of the repository."""
    return str(file.relative_to(DOCS) if file.parts[0] == DOCS else OUTSIDE / file)


def file_of(place: str) -> PurePosixPath:
    """The file of the repository that the site has there."""
    path = PurePosixPath(place)
    return path.relative_to(OUTSIDE) if path.parts[0] == OUTSIDE else DOCS / path


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add all that is linked to outside docs/, and what that links to."""
    left = [file_of(file.src_uri) for file in files.documentation_pages()]
    left += [file_of(place) for place in _nav(config.nav) if place.startswith(OUTSIDE)]
    seen = set(left)
    while left:
        file = left.pop()
        if file.parts[0] != DOCS and (ROOT / file).is_file():
            files.append(File.generated(config, place_of(file), abs_src_path=str(ROOT / file)))
        if file.suffix == ".md" and (ROOT / file).is_file():
            new = [one for one in linked(file, (ROOT / file).read_text(encoding="utf-8")) if one not in seen]
            left, seen = left + new, seen | set(new)
    return files


def on_page_markdown(markdown: str, page: Page, **_) -> str:
    """The links of a page as the site has them."""
    file = file_of(page.file.src_uri)

    def moved(match: re.Match) -> str:
        target = PurePosixPath(normpath(file.parent / match[1]))
        return relpath(place_of(target), PurePosixPath(page.file.src_uri).parent)

    parts = FENCED.split(markdown)  # text and code in turn
    parts[::2] = [CITED.sub(r"\[", LINK.sub(moved, part)) for part in parts[::2]]
    return "".join(parts)


def _nav(item: object) -> list[str]:
    """The places that a navigation names."""
    if isinstance(item, str):
        return [item]
    return [place for part in (item.values() if isinstance(item, dict) else item) for place in _nav(part)]
