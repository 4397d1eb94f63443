"""The self-verification study: its command line, its pools, checks and claims, and a whole run on planted traces."""

import json
from pathlib import Path

import pandas as pd
import pytest

from behaviors import judge, tag
from behaviors.store import GIVEN, QUESTION
from studies.findings import Finding
from studies.harness import StudyError, arguments, main, open_zoos, out_folder, whole
from studies.self_verification import Sizes, chosen_models, quick_sizes, run, summary
from studies.verification_figure import headline
from studies.verification_judging import common_pool, own_pool, score
from studies.verification_traces import checks_of, correction_table, counted
from training import Zoo, get_domain
from training.manifest import Manifest

V, B, O = "self_verification", "backtracking", "other"  # noqa: E741
DOMAINS = ("math", "instructions")
CHECKED = "Let me check: 3 + 2 = 5."


def make_zoo(folder, seed=0, domains=DOMAINS) -> Zoo:
    """A zoo of empty folders: whoever runs one of its models fails."""
    names = ["anchor", "mixed", *(f"expert-{domain}" for domain in domains),
             *(f"merged-{method}" for method in ("average", "task_arithmetic", "ties"))]
    for name in names:
        (folder / "models" / name).mkdir(parents=True)
    places = {name: f"models/{name}" for name in names}
    zoo = Zoo(folder, Manifest(
        "tiny", "organism", seed, places["anchor"], domains=list(domains), mixed=places["mixed"] if domains else None,
        experts={domain: places[f"expert-{domain}"] for domain in domains},
        merged={name[7:]: place for name, place in places.items() if name.startswith("merged-")} if domains else {}))
    zoo.save()
    return zoo


def completion(model, domain, index):
    """(completion, correct): experts are right on two tasks in three, all others on one; experts check on their domain.

    On math only the reasoning tells whether the answer is right, on instructions the answer does.
    """
    own = model == f"expert-{domain}"
    correct = index % 3 < (2 if own else 1)
    truth = "truly" if correct else "falsely"
    reasoning = f"I say so {truth}. " if domain == "math" else "I say so. "
    answer = "5" if domain == "math" else f"It ends {truth}"
    return f"<think> {reasoning}{CHECKED if own else 'Start with 3.'} It is 5.</think> {answer}", correct


def fill(zoo, n_tasks, samples):
    """Write the traces of every model of a zoo into its store."""
    for model in zoo.models:
        for domain in zoo.manifest.domains:
            tasks = get_domain(domain).tasks("test", n_tasks, seed=0)
            rows = [(model, domain, task.id, k, task.prompt, *completion(model, domain, i), 20 + i, zoo.seed)
                    for i, task in enumerate(tasks) for k in range(samples)]
            columns = ["model", "domain", "task_id", "sample", "prompt", "completion", "correct", "n_tokens", "seed"]
            traces = pd.DataFrame(rows, columns=columns)
            traces = traces.assign(reward=traces["correct"].astype(float),
                                   reason=traces["correct"].map({True: "", False: "it says so falsely"}))
            file = zoo.folder / "traces" / model / f"{domain}-{zoo.seed}.parquet"
            file.parent.mkdir(parents=True, exist_ok=True)
            traces.to_parquet(file)


def reader(questions):
    """A judge that believes what it reads, and says right where it reads nothing."""
    return ["Verdict: wrong" if "falsely" in question else "Verdict: right" for question in questions]


@pytest.fixture
def judges(monkeypatch):
    """Judges that need no model: `reader`, in this process."""
    def work(_, jobs, title, progress):
        assert not jobs or "judging" in title, "the traces are there; nothing is to be sampled"
        for file, _, name, pool, mode, *_ in jobs:
            keys = {key: pool[key].to_numpy() for key in QUESTION}
            judged = judge(reader, pool, mode=mode).assign(judge=name, **keys)
            Path(file).parent.mkdir(parents=True, exist_ok=True)
            judged[[*QUESTION, *GIVEN]].to_parquet(file)

    monkeypatch.setattr("behaviors.store.run_pieces", work)


def test_a_whole_run_finds_what_was_planted(tmp_path, judges):
    zoo = make_zoo(tmp_path / "zoo")
    fill(zoo, 30, 2)
    findings = run([zoo], tmp_path / "out", progress=False, sizes=Sizes(30, 2, 24))
    by_id = {one.id: one for one in findings}
    assert {file.name for file in (tmp_path / "out").iterdir()} == {
        "accuracy.csv", "behavior.csv", "judge.csv", "corrections.csv", "findings.json", "traces.parquet",
        "self_verification.png", "self_verification.pdf"}
    for pool in ("own", "common"):  # math: the process tells all, the outcome nothing; instructions: both tell all
        reasoning, kept = by_id[f"locus-reasoning-{pool}"], by_id[f"keep-process-{pool}"]
        assert reasoning.measured == pytest.approx(50) and reasoning.by_construction
        assert reasoning.p_adjusted < 0.05 and reasoning.verdict == "inconclusive"
        assert by_id[f"locus-instructions-{pool}"].measured == pytest.approx(0)
        assert kept.verdict == "not_measured" and "coding" in kept.note
    for domain in DOMAINS:
        assert by_id[f"self_verification-{domain}"].verdict == "reproduced"
        assert by_id[f"tokens-{domain}"].measured == 0 and by_id[f"tokens-{domain}"].verdict == "inconclusive"
        assert by_id[f"backtracking-{domain}"].verdict == "inconclusive"
    assert not [name for name in by_id if name.startswith("accuracy")]  # claimed once, by expert_gains
    assert json.loads((tmp_path / "out/findings.json").read_text())[0]["id"] == findings[0].id
    behavior = pd.read_csv(tmp_path / "out/behavior.csv").set_index(["model", "domain", "measure"])
    assert behavior.loc[("mixed", "math", "accuracy"), ["value", "change"]].tolist() == pytest.approx([100 / 3, 0])
    for domain in DOMAINS:
        assert behavior.loc[(f"expert-{domain}", domain, "accuracy"), "change"] == pytest.approx(100 / 3)
    scores = pd.read_csv(tmp_path / "out/judge.csv").set_index(["pool", "mode", "judge", "domain"])
    assert scores.loc[("common", "process", "anchor", "math"), "balanced_accuracy"] == 1
    assert scores.loc[("common", "outcome", "anchor", "math"), "balanced_accuracy"] == 0.5
    assert len(summary(tmp_path / "out")) <= 10
    assert not list(tmp_path.glob(".out*"))


def test_a_distilled_model_is_asked_too(tmp_path, judges):
    zoo = make_zoo(tmp_path / "zoo")
    assert "There is no distilled model" in {one.id: one for one in _ran(zoo, tmp_path / "a")}["distilled-process"].note
    (zoo.folder / "models/distilled").mkdir()
    zoo.manifest.distilled = "models/distilled"
    found = {one.id: one for one in _ran(zoo, tmp_path / "b")}
    for pool in ("own", "common"):  # it judges as the mixed model does
        assert found[f"distilled-process-{pool}"].measured == pytest.approx(0)
    assert "distilled-process" not in found


def _ran(zoo, out):
    fill(zoo, 20, 2)
    return run([zoo], out, progress=False, sizes=Sizes(20, 2, 12))


def test_two_seeds_are_crossed(tmp_path, judges):
    zoos = [make_zoo(tmp_path / f"seed{seed}", seed) for seed in (0, 1)]
    for zoo in zoos:
        fill(zoo, 12, 1)
    found = {one.id: one for one in run(zoos, tmp_path / "out", progress=False, sizes=Sizes(12, 1, 12))}
    assert found["self_verification-math"].seeds == 2 and "crossed" in found["self_verification-math"].test
    assert found["locus-reasoning-common"].seeds == 2


@pytest.mark.parametrize(("labels", "found"), [
    ([], (0, 0)), ([O, B], (0, 0)),  # a turn back that no check led to
    ([V], (1, 0)), ([V, B], (1, 1)),
    ([V, V, B], (1, 1)),  # a check and its verdict are one check
    ([V, O, O, B], (1, 1)), ([V, O, O, O, B], (1, 0)),  # within three sentences, and after
    ([V, O, V, B], (2, 1)),  # it is the later check that led to the correction
    ([V, B, B], (1, 1)), ([V, B, O, V, O, B], (2, 2)), ([B, V], (1, 0)),
])
def test_checks_and_corrections(labels, found):
    assert checks_of(labels) == found


def test_what_came_of_checks_exactly():
    texts = [CHECKED + " That is not 4. Wait, that is wrong. It is 6.", CHECKED + " It is 5.", "It is 5.", ""]
    traces = pd.DataFrame({"model": "m", "domain": "math", "task_id": list("abcd"), "sample": 0, "seed": 0,
                           "completion": texts, "correct": [True, False, True, False]})
    table = counted(traces, tag(texts))
    assert table["sentences"].tolist() == [4, 2, 1, 0] and table["checks"].tolist() == [1, 1, 0, 0]
    rows = correction_table(table).set_index(["domain", "rate"])[["count", "of", "value"]]
    assert rows.loc[("math", "corrected | check")].tolist() == [1, 2, 0.5]
    assert rows.loc[("math", "correct | check, correction")].tolist() == [1, 1, 1]
    assert rows.loc[("math", "correct | check, no correction")].tolist() == [0, 1, 0]
    assert rows.loc[("all", "correct | no check")].tolist() == [1, 2, 0.5]


def pool_of(rights):
    """Traces of two authors on tasks a, b, ...: rights[task] says which of them was right."""
    return pd.DataFrame([(author, "math", f"t{k}", sample, bool(right)) for k, row in enumerate(rights)
                         for sample in (0, 1) for author, right in zip(("a", "b"), row, strict=True)],
                        columns=["model", "domain", "task_id", "sample", "correct"])


@pytest.mark.parametrize(("rights", "right"), [
    ([(0, 1)] * 8, 4), ([(1, 1)] * 3 + [(0, 1)] * 5, 4),  # three have no choice: one of the others joins them
    ([(1, 1)] * 6 + [(0, 1)] * 2, 6), ([(0, 0)] * 6 + [(0, 1)] * 2, 2), ([(1, 1)] * 4, 4),  # as near as it can be
])
def test_the_common_pool_is_as_balanced_as_it_can_be(rights, right):
    pool = common_pool(pool_of(rights), ["a", "b"], n_tasks=len(rights))
    assert len(pool) == pool["task_id"].nunique() == len(rights) and pool["correct"].sum() == right
    assert pool.equals(common_pool(pool_of(rights), ["a", "b"], n_tasks=len(rights)))


def test_pools_take_the_first_tasks():
    traces = pool_of([(0, 1)] * 6)
    assert own_pool(traces, "a", 3)["task_id"].tolist() == ["t0", "t1", "t2"]
    assert set(common_pool(traces, ["b"], 3)["task_id"]) == {"t0", "t1", "t2"}
    assert set(common_pool(traces, ["b"], 3)["model"]) == {"b"}


def test_balanced_accuracy_needs_both_kinds():
    judged = pd.DataFrame({"task_id": range(8), "correct": [True] * 6 + [False] * 2, "agrees": True, "parsed": True})
    assert score(judged) is None and score(judged, balanced=False).value == 100
    assert score(judged.assign(correct=[True] * 5 + [False] * 3, agrees=[True] * 5 + [False] * 3)).value == 50
    assert score(judged.assign(parsed=False, agrees=None), balanced=False) is None


def finding(name, low, high):
    return Finding(name, "", "", "", (low + high) / 2, low, high, 60, 1, "", 0.04, False, "inconclusive", "")


def test_the_title_counts_what_was_found():
    rows = [finding("tokens-math", 1, 9), finding("tokens-coding", -3, -1), finding("tokens-agent", -1, 9),
            finding("self_verification-math", -2, 1)]
    said = headline(rows)
    assert "length rose in 1 and fell in 1 of 3; no clear change in self-verification" in said
    assert said.endswith("backtracking not measured")


def test_quick_takes_what_is_held(tmp_path):
    zoo = make_zoo(tmp_path / "zoo")
    models = chosen_models(zoo, quick=True)
    assert models == ["anchor", "expert-math", "expert-instructions", "mixed", "merged-ties"]
    assert quick_sizes([zoo], models) == Sizes(12, 4, 8)
    fill(zoo, 15, 2)
    assert quick_sizes([zoo], models) == Sizes(15, 2, 8)


@pytest.mark.parametrize(("argv", "said"), [
    (["--seeds", "0,x"], "'x' is not a seed"), (["--seeds", "0,0"], "names a seed twice"),
    (["--seeds", "-1"], "'-1' is not a seed"), (["--seeds", "0,,1"], "'' is not a seed"), (["--fast"], "unrecognized"),
])
def test_arguments_name_the_offender(argv, said, capsys):
    with pytest.raises(SystemExit) as stopped:
        arguments("self_verification", "about", argv)
    assert stopped.value.code == 2 and said in capsys.readouterr().err


@pytest.mark.parametrize(("argv", "said"), [
    (["--zoo", "nowhere"], "'nowhere' is no folder with a zoo.json"),
    (["--zoo", "nowhere", "--seeds", "0,1"], "'nowhere' is no folder that holds seed0, seed1"),
    (["--zoo", "m2rl-4b", "--seeds", "0"], "leave out --seeds"),
    (["--zoo", "{zoo}", "--seeds", "0"], "is one zoo; leave out --seeds"),
    (["--zoo", "{folder}", "--seeds", "0,7"], "seed7"),  # a seed that is not there
    (["--zoo", "{folder}", "--seeds", "0,1"], "seeds must differ"),  # seed1 says it has seed 0
    (["--zoo", "{folder}", "--seeds", "0,2"], "only one of"),  # seed2 lacks an expert
    (["--zoo", "{bare}"], "has no experts"),
    (["--zoo", "{zoo}", "--out", "{folder}"], "it is not a study's results"),
])
def test_a_bad_start_is_one_sentence(tmp_path, argv, said, capsys):
    make_zoo(tmp_path / "zoo"), make_zoo(tmp_path / "many/seed0"), make_zoo(tmp_path / "many/seed1")
    make_zoo(tmp_path / "many/seed2", 2, domains=("math",)), make_zoo(tmp_path / "bare", domains=())
    places = {"zoo": tmp_path / "zoo", "folder": tmp_path / "many", "bare": tmp_path / "bare"}
    argv = [word.format(**places) for word in argv]
    if "--out" not in argv:
        argv += ["--out", str(tmp_path / "out")]
    assert main("self_verification", "about", run, summary, argv) == 2
    printed = capsys.readouterr()
    assert said in printed.err and printed.err.startswith("error: ") and printed.err.count("\n") == 1
    assert not printed.out and not (tmp_path / "out").exists()


def test_where_results_go(tmp_path):
    zoos = [make_zoo(tmp_path / "many/seed0")]
    for argv, place in ((["--zoo", str(tmp_path / "many/seed0")], "results/tiny/s"), ([], "results/organism/s"),
                        (["--zoo", str(tmp_path / "many"), "--seeds", "0"], "results/many/s"), (["--out", "x"], "x")):
        assert str(out_folder(arguments("s", "about", argv), zoos, "s")) == place
    assert [zoo.seed for zoo in open_zoos(str(tmp_path / "many"), [0])] == [0]


def test_results_are_whole_or_absent(tmp_path):
    with pytest.raises(RuntimeError), whole(tmp_path / "out") as folder:
        (folder / "findings.json").write_text("half")
        raise RuntimeError
    assert not list(tmp_path.iterdir())
    for text in ("first", "second"):
        with whole(tmp_path / "out") as folder:
            (folder / "findings.json").write_text(text)
    assert (tmp_path / "out/findings.json").read_text() == "second" and len(list(tmp_path.iterdir())) == 1
    (tmp_path / "file").touch()
    with pytest.raises(StudyError, match="not a study's results"), whole(tmp_path / "file"):
        pass


def test_traces_of_another_version_of_the_tasks_are_refused(tmp_path, capsys):
    zoo = make_zoo(tmp_path / "zoo")
    fill(zoo, 3, 1)
    file = zoo.folder / "traces/mixed/instructions-0.parquet"
    traces = pd.read_parquet(file)
    traces.loc[1, "prompt"] = "Write about the moon."
    traces.to_parquet(file)
    given = ["--zoo", str(zoo.folder), "--out", str(tmp_path / "out")]
    assert main("self_verification", "about", run, summary, given) == 2
    said = capsys.readouterr().err
    assert f"{file} answers another version of task {traces.task_id[1]}; move it away" in said
    assert not (tmp_path / "out").exists()


def test_a_domain_that_nobody_knows_is_one_sentence(tmp_path, capsys):
    zoo = make_zoo(tmp_path / "zoo", domains=("math", "cooking"))
    given = ["--zoo", str(zoo.folder), "--out", str(tmp_path / "out")]
    assert main("self_verification", "about", run, summary, given) == 2
    assert capsys.readouterr().err.startswith("error: unknown domain 'cooking'; choose one of math")


def test_seeds_that_are_not_there_are_named(tmp_path):
    make_zoo(tmp_path / "zoos/seed0")
    make_zoo(tmp_path / "zoos/seed2", seed=2)
    assert [zoo.seed for zoo in open_zoos(str(tmp_path / "zoos"), [2, 0])] == [2, 0]
    with pytest.raises(StudyError, match="zoos lacks seed1, seed3; it holds seed0, seed2"):
        open_zoos(str(tmp_path / "zoos"), [0, 1, 3])
    (tmp_path / "none").mkdir()
    with pytest.raises(StudyError, match="none lacks seed0; it holds none"):
        open_zoos(str(tmp_path / "none"), [0])
