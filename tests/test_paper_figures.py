"""Figures have no empty panel and no text outside the canvas or over another; folders are whole or absent."""

import shutil
from itertools import combinations
from pathlib import Path

import matplotlib
import pytest
from matplotlib import pyplot
from matplotlib.text import Text

from paper.__main__ import main
from paper.contents import ITEMS
from paper.figures.panels import MOST
from paper.saved import COMMITTED, DOSE, NotSaved, opened
from paper.written import write
from studies.figures import COLORS, MARKERS, WIDTH, look_of, print_style
from tests.test_paper_saved import DAMAGES, copied, damaged, edited  # noqa: F401

FIGURES = {item.name: item.figure for item in ITEMS if item.figure}
README = Path(__file__).parents[1] / "README.md"


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    return opened(copied(tmp_path_factory.mktemp("saved")))


@pytest.fixture(autouse=True)
def printed():
    with matplotlib.rc_context():
        print_style()
        yield
    pyplot.close("all")


def shown_texts(figure) -> list[tuple[Text, object]]:
    """(text, its box in pixels) of all that is drawn."""
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    found = []
    for text in figure.findobj(Text):
        if text.get_visible() and text.get_text().strip() and in_drawn_axes(text):
            box = text.get_window_extent(renderer)
            if box.width > 0 and not hidden_tick(text, figure):
                found.append((text, box))
    return found


def in_drawn_axes(text: Text) -> bool:
    return text.axes is None or (text.axes.axison and text.axes.get_visible())


def hidden_tick(text: Text, figure) -> bool:
    """Is this the label of a tick that lies outside of its axis?"""
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]:
                if text in (tick.label1, tick.label2):
                    span = 1e-6 * (high - low)
                    return not low - span <= tick.get_loc() <= high + span
    return False


def overlapping(one, other) -> bool:
    """Do two boxes share more than a pixel?"""
    wide = min(one.x1, other.x1) - max(one.x0, other.x0)
    high = min(one.y1, other.y1) - max(one.y0, other.y0)
    return wide > 1 and high > 1


def faults(figure) -> list[str]:
    """What a reader would see go wrong."""
    texts, (width, height) = shown_texts(figure), figure.canvas.get_width_height()
    found = [f"outside: {text.get_text()}" for text, box in texts
             if box.x0 < -1 or box.y0 < -1 or box.x1 > width + 1 or box.y1 > height + 1]
    upright = [(text, box) for text, box in texts if text.get_rotation() % 90 == 0]
    found += [f"over each other: {a.get_text()} / {b.get_text()}" for (a, one), (b, other) in combinations(upright, 2)
              if overlapping(one, other)]
    empty = [axes for axes in figure.axes if axes.axison and not axes.has_data()]
    return found + [f"empty: {axes.get_title(loc='left')}" for axes in empty]


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_readable_at_print_size(saved, name):
    figure = FIGURES[name](saved)
    assert figure.get_size_inches()[0] == pytest.approx(WIDTH) and figure.get_size_inches()[1] < 9
    assert faults(figure) == []
    smallest = min(text.get_fontsize() for text, _ in shown_texts(figure))
    assert smallest >= 6


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_states_n_or_seeds_and_the_unit_of_each_axis(saved, name):
    figure = FIGURES[name](saved)
    print_ = figure.get_supxlabel().replace("\n", " ")
    assert "seed" in print_
    assert "n: " in print_ or name in ("learning", "layers", "costs")
    assert any(word in print_ for word in ("95 %", "no interval", "without intervals"))
    outer = [axes for axes in figure.axes if axes.axison and axes.get_subplotspec().is_last_row()]
    assert all(axes.get_xlabel() for axes in outer)


def test_the_faults_of_a_figure_are_found():
    figure, axes = pyplot.subplots(1, 2, figsize=(3, 1))
    axes[0].set_title("a title that is far too long for its panel", loc="left")
    axes[1].set_title("another title", loc="left")
    axes[0].plot([0, 1], [0, 1])
    axes[0].set_xticks([0.5, 0.51], ["label", "label"])
    text = " ".join(faults(figure))
    assert "outside: " in text and "over each other: label / label" in text and "empty: another title" in text


@pytest.mark.parametrize("name", ["one seed", "one model", "hundreds of models", "no numbers"])
def test_damaged_results_make_figures_or_a_sentence(damaged, name):  # noqa: F811
    made = {}
    for figure, draw in FIGURES.items():
        try:
            made[figure] = draw(damaged(name))
        except NotSaved as error:
            assert len(str(error).splitlines()) == 1
    assert set(made) >= ({"accuracy", "behaviors"} if name != "no numbers" else set())
    for figure in ("accuracy", "kl_matrix", "information"):
        if figure in made and name == "hundreds of models":
            assert faults(made[figure]) == []
            assert made[figure].get_size_inches()[1] < 12
            assert figure == "accuracy" or "of 31" in made[figure].get_supxlabel()
    if "accuracy" in made:
        assert len(made["accuracy"].axes[0].get_yticks()) <= MOST


@pytest.mark.parametrize(("model", "look"), [
    ("expert-math", (COLORS["own"], "o", True)), ("expert-agent", (COLORS["own"], "o", True)),
    ("mixed", (COLORS["mixed"], "s", True)), ("mixed-paper", (COLORS["mixed"], "s", False)),
    ("merged-dare_ties", (COLORS["merged"], "^", True)), ("distilled", (COLORS["distilled"], "D", True)),
    ("shuffled-math", (COLORS["other"], "X", True)), ("anchor again", (COLORS["other"], "o", True)),
])
def test_a_model_looks_the_same_everywhere(model, look):
    assert look_of(model) == look


def test_kinds_differ_in_marker_so_that_grey_prints_tell_them_apart():
    assert len(set(MARKERS.values())) == len(MARKERS)


def test_all_is_written_whole_and_a_second_run_replaces_it(saved, tmp_path):
    lacking = edited(copied(tmp_path / "results"), lambda table: table.head(0))
    out = tmp_path / "out"
    outcome = write(opened(lacking), out)
    assert outcome.figures == [] and outcome.tables == ["official", "claims"]
    (out / "index.md").write_text("old")
    write(opened(lacking), out)
    index = (out / "index.md").read_text()
    assert "## Table 8: official" in index and "- accuracy, table and figure: synergy/accuracy.csv has no rows" in index
    assert sorted(file.name for file in (out / "tables").iterdir()) == [
        f"{name}.{kind}" for name in ("claims", "official") for kind in ("csv", "md", "tex")]
    assert {file.name for file in tmp_path.iterdir()} == {"results", "out"}


def test_a_failure_leaves_the_earlier_run_as_it_was(tmp_path, monkeypatch):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "index.md").write_text("earlier")

    def stopped(*_):
        raise KeyboardInterrupt
    monkeypatch.setattr("paper.written.index", stopped)
    with pytest.raises(KeyboardInterrupt):
        write(opened(edited(copied(tmp_path / "results"), lambda table: table.head(0))), tmp_path / "out")
    assert (tmp_path / "out" / "index.md").read_text() == "earlier"
    assert {file.name for file in tmp_path.iterdir()} == {"results", "out"}


def test_the_command_writes_everything_and_fills_the_readme(tmp_path, capsys, monkeypatch):
    few = [item for item in ITEMS if item.name in ("pairs", "merging_methods", "official")]
    monkeypatch.setattr("paper.written.ITEMS", few)
    monkeypatch.chdir(tmp_path)  # where no study of the user's own left results/
    readme = tmp_path / "README.md"
    text = README.read_text(encoding="utf-8")
    readme.write_text(text.replace("| math |", "| old |"), encoding="utf-8")
    kept = tmp_path / "paper" / "report.pdf"
    assert main(["--out", str(tmp_path / "out"), "--readme", str(readme), "--report", str(kept)]) == 0
    assert readme.read_text(encoding="utf-8") == text
    assert kept.read_bytes() == (tmp_path / "out" / "report.pdf").read_bytes()
    said = capsys.readouterr().out
    assert said.startswith(f"results: {COMMITTED}\n") and "2 figures, 3 tables" in said
    for kind in ("png", "pdf"):
        assert {file.stem for file in (tmp_path / "out" / "figures").glob(f"*.{kind}")} == {
            "pairs", "merging_methods"}
    assert b"CreationDate" not in (tmp_path / "out" / "figures" / "pairs.pdf").read_bytes()
    index = (tmp_path / "out" / "index.md").read_text()
    links = [link.split(")")[0] for link in index.split("](")[1:]]
    assert len(links) == 15 and all((tmp_path / "out" / link).is_file() for link in links)


def test_what_is_lacking_is_said(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("paper.written.ITEMS", [item for item in ITEMS if item.name == DOSE])
    folder = copied(tmp_path / "results")
    shutil.rmtree(folder / DOSE)
    readme = tmp_path / "README.md"
    shutil.copy(README, readme)
    main(["--results", str(folder), "--out", str(tmp_path / "out"), "--readme", str(readme)])
    said = capsys.readouterr().out
    assert "not made: dose_response, table and figure: dose_response/doses.csv is not there" in said


def test_results_without_what_the_readme_needs_leave_it_as_it_was(tmp_path, capsys):
    folder = edited(copied(tmp_path / "results"), lambda table: table.head(0))
    readme = tmp_path / "README.md"
    readme.write_text(README.read_text(encoding="utf-8"), encoding="utf-8")
    assert main(["--results", str(folder), "--out", str(tmp_path / "out"), "--readme", str(readme)]) == 0
    assert readme.read_text(encoding="utf-8") == README.read_text(encoding="utf-8")
    assert "left as it was, for expert_gains/gains.csv has no rows" in capsys.readouterr().out
    readme.write_text("no marks")
    assert main(["--results", str(folder), "--out", str(tmp_path / "out"), "--readme", str(readme)]) == 2
    assert "lacks the marks" in capsys.readouterr().err


def test_no_window_is_opened():
    assert matplotlib.get_backend().lower() == "agg"
