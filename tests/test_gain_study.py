"""The gain study on planted zoos: skills that are shared, emerge or are lost are found; luck is not taken for them."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from probes.emergent import luck
from probes.skills import MEASURES, measure_gains
from studies import gain_consistency
from studies.findings import settle
from studies.gain_claims import Alone, above_luck, claims, consistency, share
from studies.gain_consistency import asked_again, consistency_table, count_table, gathered, run, summary
from studies.gain_figure import draw, headline, rows, small_print
from studies.harness import StudyError, main
from training import Zoo, get_domain
from training.manifest import Manifest

DOMAINS = ("math", "coding")
EXPERTS = [f"expert-{domain}" for domain in DOMAINS]
COMBINED = ["mixed", "distilled", "merged-ties", "twin-math"]
TASKS, K = 40, 4


def planted(rng, gain: float = 0.6, emergent: int = 6, lost: int = 6) -> dict[str, np.ndarray]:
    """True rates of 2 x 40 tasks. Half of a domain's tasks its expert gains on, and so do the merge, the distilled
    model and the twin (its own domain); the mixed model gains on one half of these, and on as many others. Then each
    domain has tasks that only the mixed model solves, and tasks that only its expert solves."""
    place, domain = np.tile(np.arange(TASKS), 2), np.repeat([0, 1], TASKS)
    base = rng.uniform(0.05, 0.35, 2 * TASKS)
    skill, other = place % 4 < 2, place % 4 == 2
    rates = {"anchor": base} | {name: base + gain * (skill & (domain == at)) for at, name in enumerate(EXPERTS)}
    rates |= {"distilled": base + gain * skill, "merged-ties": base + gain * skill, "twin-math": rates[EXPERTS[0]],
              "mixed": base + gain * ((place % 4 == 1) | other)}
    fresh, gone = place >= TASKS - emergent, (place >= TASKS - emergent - lost) & (place < TASKS - emergent)
    own = {name: 0.98 * (name in (*EXPERTS, "merged-ties", "distilled")) for name in rates}
    return {name: np.select([fresh, gone], [0.98 * (name == "mixed"), own[name]], of) for name, of in rates.items()}


def traces_of(rates: dict[str, np.ndarray], rng, seed: int = 0, k: int = 2 * K) -> pd.DataFrame:
    """Traces of all models: k samples of each task, in the columns that the study reads."""
    asked = [task for domain in DOMAINS for task in get_domain(domain).tasks("test", TASKS, seed=0)]
    one = pd.DataFrame([(task.domain, task.id, task.prompt, sample, seed) for task in asked for sample in range(k)],
                       columns=["domain", "task_id", "prompt", "sample", "seed"])
    return pd.concat([one.assign(model=name, correct=rng.random(len(one)) < np.repeat(of, k))
                      for name, of in rates.items()], ignore_index=True)


def store(folder, traces: pd.DataFrame, seed: int = 0, **fields) -> Zoo:
    """A zoo whose store holds the traces: nothing is sampled, so no model need be there."""
    for (model, domain), part in traces.groupby(["model", "domain"]):
        file = folder / "traces" / model / f"{domain}-{seed}.parquet"
        file.parent.mkdir(parents=True, exist_ok=True)
        part.to_parquet(file)
    names = {"experts": dict.fromkeys(DOMAINS, "-"), "mixed": "-", "distilled": "-",
             "controls": {"twin-math": "-"}}
    zoo = Zoo(folder, Manifest(f"planted/seed{seed}", "planted", seed, "-", domains=list(DOMAINS), **names | fields))
    zoo.save()
    return zoo


def with_average(rates: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Every zoo with experts has an average of them."""
    return rates | {"merged-average": (rates["anchor"] + rates["merged-ties"]) / 2}


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    """(folder of results, findings by id) of three zoos."""
    folder, rng = tmp_path_factory.mktemp("three"), np.random.default_rng(0)
    rates = with_average(planted(rng))
    zoos = [store(folder / f"seed{seed}", traces_of(rates, rng, seed), seed) for seed in range(3)]
    return folder / "out", {one.id: one for one in run(zoos, folder / "out", progress=False, sizes=(TASKS, K))}


def test_what_was_planted_is_found(three):
    out, found = three
    for name in ("ties-above-mixed", "distilled-above-mixed", "mixed-emergent", "experts-lost"):
        assert found[name].verdict == "reproduced", found[name]
        assert found[name].seeds == 3 and found[name].n == 2 * TASKS
    assert found["ties-above-mixed"].ci_low > 0.2 and found["distilled-above-mixed"].ci_low > 0.2
    assert found["math-highest"].verdict == "inconclusive"
    assert 100 * 6 / TASKS <= found["mixed-emergent"].measured < 100 * 6 / TASKS + 2
    assert found["mixed-emergent"].note.startswith("Per 100 tasks; luck confirms 0.71 at most, which is the null. Of ")
    assert found["mixed-emergent"].note.endswith(", in 3 zoo(s).")
    table = pd.read_csv(out / "consistency.csv").query("domain == 'all'").set_index("model")
    assert table.corrected["merged-ties"] > 0.9 > 0.7 > table.corrected["mixed"]
    assert table[["n_tasks", "n_seeds", "k"]].loc["mixed"].tolist() == [2 * TASKS, 3, 2 * K]
    assert set(table.interval) == {"crossed_t"} and "expert-math" in table.index and "twin-math" in table.index


def test_each_candidate_of_each_zoo_is_listed_and_counted(three):
    out, _ = three
    emergent, counts = pd.read_csv(out / "emergent.csv"), pd.read_csv(out / "emergent_counts.csv")
    assert set(emergent.seed) == {0, 1, 2} and (emergent.groupby(["model", "kind"]).seed.nunique() <= 3).all()
    alone = emergent[(emergent.model == "mixed") & (emergent.kind == "combined") & emergent.confirmed]
    assert set(alone.task_id) >= {task.id for domain in DOMAINS
                                  for task in get_domain(domain).tasks("test", TASKS, seed=0)[-6:]}
    for (model, kind), part in emergent.groupby(["model", "kind"]):
        row = counts[(counts.model == model) & (counts.kind == kind)].iloc[0]
        assert [row.candidates, row.confirmed] == pytest.approx([len(part) / 3, part.confirmed.sum() / 3])
        assert row.confirmed_low <= row.confirmed <= row.confirmed_high
        assert row.expected_false == pytest.approx(part.groupby("seed").expected_false.first().mean(), abs=3)
    assert counts.luck[counts.kind == "combined"].unique() == pytest.approx(luck(K, K) * 2 * TASKS)
    assert counts.luck[counts.kind == "experts"].unique() == pytest.approx(luck(K, K, 2) * 2 * TASKS)


def test_the_study_writes_what_it_says_and_sums_it_up(three):
    out, found = three
    assert {file.name for file in out.iterdir()} == {
        "consistency.csv", "emergent.csv", "emergent_counts.csv", "findings.json", "gain_consistency.png",
        "gain_consistency.pdf"}
    assert [one["id"] for one in json.loads((out / "findings.json").read_text())] == list(found)
    lines = summary(out)
    assert lines[0].startswith("consistency with the experts' gains, 80 tasks x 8 samples, 3 seed(s)")
    assert lines[-2] == "findings: 4 reproduced, 0 not_reproduced, 1 inconclusive, 0 not_measured"
    assert any(line.startswith("tasks a zoo solved by it alone") for line in lines) and len(lines) <= 11


@pytest.mark.parametrize("seeds", [1, 3])
def test_intervals_of_estimates_are_those_of_the_table(seeds):
    rng = np.random.default_rng(1)
    rates = planted(rng)
    traces = pd.concat([traces_of(rates, rng, seed) for seed in range(seeds)])
    gains = measure_gains(traces, "anchor", EXPERTS, COMBINED, n_splits=5)
    for row in consistency_table(gains).to_dict("records"):
        for measure in MEASURES:
            found = consistency(gains, row["model"], row["domain"], measure).interval()
            want = [row[f"{measure}{end}"] for end in ("", "_low", "_high")]
            assert [found.value, found.low, found.high] == pytest.approx(want, nan_ok=True)
            assert found.kind == row["interval"]


def test_differences_are_paired():
    """Two models with the very same samples differ by nothing; two with samples of their own by noise."""
    rng = np.random.default_rng(2)
    traces = traces_of(planted(rng, emergent=0, lost=0), rng)
    same = traces[traces.model == "mixed"].assign(model="again")
    gains = measure_gains(pd.concat([traces, same]), "anchor", EXPERTS, [*COMBINED, "again"], n_splits=5)
    paired = (consistency(gains, "mixed") - consistency(gains, "again")).interval()
    assert [paired.low, paired.value, paired.high] == pytest.approx([0, 0, 0])
    other = (consistency(gains, "distilled") - consistency(gains, "merged-ties")).interval()
    assert other.low < 0 < other.high and other.high - other.low > 0.02


def test_math_is_highest_where_it_is_and_not_where_another_is():
    """The mixed model gains what the experts gain on one domain, and something else on the other."""
    for best, verdict in (("math", "reproduced"), ("coding", "not_reproduced")):
        rng = np.random.default_rng(3)
        rates = planted(rng, emergent=0, lost=0)
        there = np.repeat([domain == best for domain in DOMAINS], TASKS)
        rates["mixed"] = np.where(there, rates["merged-ties"], rates["mixed"])
        gains = measure_gains(traces_of(rates, rng, k=16), "anchor", EXPERTS, ["mixed"], n_splits=10)
        found = {one.id: one for one in settle(claims(gains, {}))}["math-highest"]
        assert found.verdict == verdict and found.note.startswith("The smallest of 1 differences. Plain consistency")


def lucky(rng, rate: float, seeds: int, n: int = 2 * TASKS) -> dict:
    """Tasks that nobody but luck tells apart: an expert and the mixed model are right at one rate, others never."""
    rates = dict.fromkeys(["anchor", "expert-coding"], np.zeros(n)) | dict.fromkeys(["expert-math", "mixed"],
                                                                                     np.full(n, rate))
    found = {("mixed", seed): asked_again(traces_of(rates, rng, seed), K, EXPERTS, "mixed")
             for seed in range(seeds)}
    return gathered(found, K)


@pytest.mark.parametrize("seeds", [1, 3])
def test_without_emergent_tasks_the_claim_is_rarely_decided(seeds):
    """At the rate where luck confirms most, in whole zoos: 20 of them, of which one may be decided."""
    rng, decided = np.random.default_rng(4), 0
    for _ in range(20):
        one = lucky(rng, 0.28, seeds)["mixed", "combined"]
        decided += above_luck(one.confirmed, one.luck).p < 0.05
    assert decided <= 1


@pytest.mark.parametrize("seeds", [1, 3])
def test_counts_that_luck_gives_are_rarely_decided(seeds):
    """The exact chance of a decision, where every task is confirmed with the largest probability."""
    bound, n, decided = luck(K, K), 100 * seeds, 0.0
    for count in range(12):
        cells = pd.DataFrame((np.arange(n) < count).reshape(-1, seeds).astype(float))
        decided += binom.pmf(count, n, bound) * (above_luck(cells, bound).p < 0.05)
    assert 0 < decided <= 0.025


def test_nothing_confirmed_decides_nothing_and_has_an_interval():
    found = above_luck(pd.DataFrame(np.zeros((300, 3))), luck(8, 8))
    assert found.p == 1 and found.value == found.low == 0
    assert found.high == pytest.approx(100 * (1 - 0.025 ** (1 / 900)))  # Clopper and Pearson, nothing of 900
    assert above_luck(pd.DataFrame([[1.0]]), 0.1) is None


def test_intervals_of_shares_are_wide_enough_for_whole_zoos_that_differ():
    """All cells of one zoo, none of two others: cells are not independent, and the exact interval alone too narrow."""
    cells = pd.DataFrame(np.tile([1.0, 0.0, 0.0], (50, 1)))
    assert [share(cells).low, share(cells).value, share(cells).high] == pytest.approx([0, 1 / 3, 1])
    alone = share(pd.DataFrame(np.tile([[1.0], [0.0], [0.0]], (50, 1))))
    assert alone.low > 0.2 and alone.high < 0.5


def test_p_is_that_of_a_binomial_and_the_interval_that_of_other_zoos():
    """Three of 900 cells at .001: twice P(3 or more). Whether in one zoo or in all, they are no luck."""
    cells = pd.DataFrame(np.zeros((300, 3)))
    cells.loc[:2, 0] = 1.0
    found = above_luck(cells, 0.001)
    assert found.p == pytest.approx(2 * (1 - sum(binom.pmf(range(3), 900, 0.001))))
    cells.loc[:30, 0] = 1.0
    found = above_luck(cells, luck(8, 8))
    assert found.p < 1e-6 and found.low == 0 and found.high > 12


def claims_of(traces: pd.DataFrame, combined: list[str], experts: list[str] = EXPERTS) -> dict:
    gains = measure_gains(traces, "anchor", experts, combined, n_splits=3)
    return {one.id: one for one in settle(claims(gains, {}))}


def test_what_cannot_be_measured_is_said_in_a_sentence():
    rng = np.random.default_rng(6)
    traces = traces_of(planted(rng), rng)
    found = claims_of(traces, ["merged-ties"])
    assert {one.verdict for one in found.values()} == {"not_measured"}
    assert found["ties-above-mixed"].note == "The zoo has no model mixed."
    assert found["distilled-above-mixed"].note == "The zoo has no model distilled and no model mixed."
    assert found["math-highest"].note == "It takes a mixed model, and math and another domain."
    assert found["mixed-emergent"].note == found["experts-lost"].note == "The zoo has no mixed model."
    few = claims_of(traces[traces["sample"] < 2], COMBINED)["ties-above-mixed"]
    assert few.verdict == "not_measured" and few.note.startswith(
        "The corrected consistency takes 4 samples a task; more samples are needed. Plain consistency, with its noise:")
    still = traces_of(planted(rng, gain=0.0, emergent=0, lost=0), rng)
    found = claims_of(still, COMBINED)
    assert found["ties-above-mixed"].verdict == found["math-highest"].verdict == "not_measured"
    assert found["ties-above-mixed"].note.startswith("Too little gain for a corrected consistency of")
    assert found["math-highest"].note.count("(math)") == 1 and "smallest" not in found["math-highest"].note


def test_a_single_expert_is_the_union():
    rng = np.random.default_rng(7)
    traces = traces_of(planted(rng), rng)
    math = traces[traces.domain == "math"]
    found = claims_of(math, ["mixed", "merged-ties"], ["expert-math"])
    assert found["ties-above-mixed"].verdict == "reproduced"
    assert found["ties-above-mixed"].note.endswith("The union is that of the only expert.")
    assert found["math-highest"].verdict == "not_measured"


def test_a_zoo_without_experts_is_refused(tmp_path, capsys):
    rng = np.random.default_rng(8)
    zoo = store(tmp_path / "zoo", traces_of(planted(rng), rng), experts={})
    with pytest.raises(StudyError, match="has no experts; this study compares"):
        run([zoo], tmp_path / "out", progress=False)
    given = ["--zoo", str(zoo.folder), "--out", str(tmp_path / "out")]
    assert main("gain_consistency", "about", run, gain_consistency.summary, given) == 2
    assert "has no experts" in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_the_figure_says_what_came_out(three):
    out, found = three
    tables = {name: pd.read_csv(out / f"{name}.csv") for name in ("consistency", "emergent_counts")}
    assert rows(tables["consistency"]) == ["mixed", "distilled", "merged-ties", "merged-average", "expert-math",
                                           "twin-math"]
    said = headline(tables, list(found.values()))
    assert said.startswith("Consistency with the experts' gains: mixed 0.") and "TIES merge gains more like" in said
    assert "of 80 tasks the mixed model alone solves 12." in said
    open_ = replace(found["ties-above-mixed"], verdict="inconclusive")
    assert "no difference to the mixed model is decided" in headline(tables, [open_])
    figure = draw(tables, list(found.values()), "planted")
    assert [axis.get_title(loc="left").replace("\n", " ") for axis in figure.axes] == [
        "all tasks", "math", "coding", "solved by the model alone", "solved by experts alone"]
    names = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert names[-2:] == ["math expert", "math expert, second run"]
    assert "80 test tasks (40 a domain) x 8 samples, 3 training seed(s)" in small_print(tables, [], "planted")


def test_a_figure_of_nothing_known_says_so(three):
    out, _ = three
    tables = {name: pd.read_csv(out / f"{name}.csv") for name in ("consistency", "emergent_counts")}
    tables["consistency"] = tables["consistency"].assign(corrected=np.nan)
    assert headline(tables, []).startswith("Too little gain, or too few samples, to compare gains without noise; of 80")
    assert "18 are unknown, for want of gain or samples" in small_print(tables, [], "planted")


def test_counts_are_a_zoo():
    cells = pd.DataFrame({0: [1.0, 1, 0, 0], 1: [1.0, 0, 0, 0]})
    table = count_table({("mixed", "combined"): Alone(cells, cells.mul([1, 0, 0, 0], axis=0), 0.7, 0.01)}, 8).iloc[0]
    assert [table.candidates, table.confirmed, table.expected_false, table.luck] == [1.5, 1.0, 0.7, 0.04]
    assert [table.n_tasks, table.n_seeds, table.k, table.k_fresh] == [4, 2, 8, 8]
