"""Every code block of the README, CONTRIBUTING.md and the docs is run, or checked against what would run it.

What is done with a block is decided by rule, and a block that no rule covers fails:

python   runs, in order, one namespace a page, in a working directory of its own (`tests.desk`), where folders of a tiny
         zoo bear the placeholders' names and SERVER is a double that lets the anchor write. A block that begins with
         `# PATH.py` is that file: it is written there, and imported or run by what follows.
sh       every command. It runs where it is RUN, or has one of the options QUICK, unless it reads from the hub. Of every
         other (trainings, studies, downloads, several GPUs) the program is started and must accept the arguments with
         its own parser, before it does anything; files of the repository that it names must be there. Of make the
         target must be there.
text     is not run. Right after an `sh` block it is what that printed, to the letter.
"""

import argparse
import importlib
import io
import re
import runpy
import shlex
import sys
from contextlib import redirect_stdout
from pathlib import Path
from unittest.mock import patch

import pytest

from tests.desk import ROOT, lay, make_zoo
from tests.test_engines import writer
from tests.test_server import serving
from training.merging.options import METHODS
from training.merging.recipes import RECIPES

PAGES = ["README.md", "CONTRIBUTING.md", *sorted(str(file.relative_to(ROOT)) for file in ROOT.glob("docs/**/*.md"))]
FENCE = re.compile(r"^```(\S*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SERVER = "http://localhost:8000/v1"
RUN = ("-m studies", "-m training.merging", "-m training.data", "-m behaviors.tagger", "studies/needs.py",
       "studies/index.py", "lengths.py")
QUICK = {"--help", "--list", "--print-config", "--dry-run"}
HUB = re.compile(r"[\w-]+/[\w.-]+(:\S+)?")
PARSE = argparse.ArgumentParser.parse_args


class Accepted(BaseException):
    """A program's parser has taken its arguments."""


@pytest.fixture(scope="module")
def zoo(tmp_path_factory):
    return make_zoo(tmp_path_factory.mktemp("zoo") / "seed0")


@pytest.fixture
def desk(zoo, tmp_path, monkeypatch):
    """The working directory, on the path; modules of my_lab that are written there are forgotten afterwards."""
    own = [name for name in sys.modules if name.partition(".")[0] == "my_lab"]
    for name in own:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.chdir(lay(tmp_path, zoo))
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in [name for name in sys.modules if name.partition(".")[0] == "my_lab"]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def server(zoo):
    with serving(writer(zoo.anchor), model="Qwen/Qwen3-4B") as double:
        yield double.url


def blocks(page: str) -> list[tuple[int, str, str, bool]]:
    """(line, language, text, does it follow the block before at once) of every fenced block."""
    source, end, found = (ROOT / page).read_text(encoding="utf-8"), 0, []
    for match in FENCE.finditer(source):
        line, follows = source.count("\n", 0, match.start()) + 2, not source[end:match.start()].strip()
        found.append((line, match[1], match[2], follows))
        end = match.end()
    assert source.count("\n```") + source.startswith("```") == 2 * len(found), f"{page}: a fence is not closed"
    return found


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)])
def test_the_code_of_a_page_runs(page, desk, server):
    namespace, said = {"__name__": "page"}, ""
    with patch.dict(METHODS), patch.dict(RECIPES):
        for line, language, text, follows in blocks(page):
            if language == "python" and (named := re.match(r"# (\S+\.py)\n", text)):
                Path(named[1]).parent.mkdir(exist_ok=True)
                Path(named[1]).write_text(text, encoding="utf-8")
                importlib.invalidate_caches()
            elif language == "python":
                exec(compile("\n" * (line - 1) + text.replace(SERVER, server), page, "exec"), namespace)
            elif language == "sh":
                said = "".join(command(words) for words in commands(text))
            else:
                assert language == "text", f"{page}:{line}: {language!r} is no language of the documentation"
                assert not follows or text == said, f"{page}:{line} is not what the commands above print"


def commands(text: str) -> list[list[str]]:
    """The words of every command of a block."""
    lines = text.replace("\\\n", " ").splitlines()
    return [shlex.split(part) for line in lines for part in re.sub(r"\s#.*", "", line).split("&&") if part.strip()]


def command(words: list[str]) -> str:
    """Do with a command what the module's docstring says, and return what it prints."""
    program, *rest = words
    if program == "make":
        targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        assert all(target in targets for target in rest), f"no target {rest} in the Makefile"
        return ""
    if program == "accelerate":
        return launched(rest)
    if program == "jupytext":
        from jupytext.cli import jupytext

        assert jupytext([*rest, "--quiet"]) == 0
        return ""
    assert program == "python", f"no rule for {program!r}"
    name, given = (f"-m {rest[1]}", rest[2:]) if rest[0] == "-m" else (rest[0], rest[1:])
    from_hub = bool(given) and HUB.fullmatch(given[0]) and not Path(given[0]).exists()
    run = QUICK & set(given) or (name in RUN and not from_hub)
    return started(name, given) if run else accepted(name, given)


def launched(words: list[str]) -> str:
    """accelerate's own parser takes the command, and the module what is left for it."""
    from accelerate.commands.launch import launch_command_parser

    assert words[0] == "launch"
    given = launch_command_parser().parse_args(words[1:])
    assert Path(given.config_file).is_file() and given.module
    return accepted(f"-m {given.training_script}", given.training_script_args)


def started(name: str, given: list[str]) -> str:
    """What a program prints. It must end well."""
    printed = io.StringIO()
    with patch.object(sys, "argv", [name, *given]), redirect_stdout(printed):
        try:
            if name.startswith("-m "):
                runpy.run_module(name.removeprefix("-m "), run_name="__main__")
            else:
                runpy.run_path(name, run_name="__main__")
        except SystemExit as end:
            assert not end.code, f"{name} {shlex.join(given)} ended with {end.code}"
    return printed.getvalue()


def accepted(name: str, given: list[str]) -> str:
    """A program's parser accepts the arguments; it is stopped there."""
    def parse(parser, *arguments, **more):
        PARSE(parser, *arguments, **more)
        raise Accepted

    for word in given:
        assert word.partition("/")[0] not in ("paper", "studies", "training") or Path(word).exists(), f"no {word}"
    with patch.object(argparse.ArgumentParser, "parse_args", parse), pytest.raises(Accepted):
        started(name, given)
    return ""
