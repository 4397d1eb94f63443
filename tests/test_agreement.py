"""Agreement with gold and rates without the tagger's error: oracles, brute force, coverage, levels, odd inputs."""

from math import isnan

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from scipy.stats import spearmanr
from sklearn.metrics import cohen_kappa_score, f1_score, precision_score, recall_score

import behaviors.agreement as module
from behaviors.agreement import agreement, corrected, corrected_rates, gain, same_error
from behaviors.taxonomy import BACKTRACKING, LABELS, OTHER, SELF_VERIFICATION
from training.intervals import holm, interval

SHORT = {"s": SELF_VERIFICATION, "b": BACKTRACKING, "o": OTHER}
SCORES = {"precision": precision_score, "recall": recall_score, "f1": f1_score}


def sentences(traces, **extra):
    """A table from {trace: (gold, label)}, each a string of s, b and o."""
    rows = [(trace, SHORT[g], SHORT[s])
            for trace, (gold, said) in traces.items() for g, s in zip(gold, said, strict=True)]
    return pd.DataFrame(rows, columns=["trace", "gold", "label"]).assign(**extra)


def noisy(rng, n, mean, rate=0.2, sensitivity=0.8, specificity=0.95, spread=0.0, name="t", model="m"):
    """n traces of about `mean` sentences; the rate, and with it the error, moves from trace to trace by `spread`."""
    trace = np.repeat(np.arange(n), 1 + rng.poisson(mean - 1, n))
    move = spread * rng.uniform(-1, 1, n)[trace]
    gold = rng.random(len(trace)) < rate * (1 + move)
    sensitivity = np.broadcast_to(sensitivity, n)[trace]
    hit = np.where(gold, sensitivity + move * (1 - sensitivity), 1 - specificity + move * (1 - specificity))
    labels = [np.where(x, SELF_VERIFICATION, OTHER) for x in (gold, rng.random(len(trace)) < hit)]
    return pd.DataFrame({"model": model, "trace": [f"{name}{t}" for t in trace], "gold": labels[0], "label": labels[1]})


def counted(table, by=("model",)):
    """The counts of tagged sentences a trace."""
    flags = {"sentences": 1, **{name: (table["label"] == name).astype(int) for name in LABELS[:2]}}
    return table.assign(**flags).groupby([*by, "trace"], as_index=False, observed=True)[list(flags)].sum()


def of(found, label=SELF_VERIFICATION, **where):
    """The one row of a label."""
    for name, value in {"label": label, **where}.items():
        found = found[found[name] == value]
    assert len(found) == 1
    return found.iloc[0]


CHECKED = ["precision", "precision_low", "recall", "recall_low", "f1", "f1_low", "f1_high", "kappa", "kappa_low",
           "kappa_high", "spearman"]
TRACES = {"t0": ("ssoob", "sooob"), "t1": ("osbbo", "oosbb"), "t2": ("oooo", "ooso"), "t3": ("sss", "sss")}
tagged = st.lists(st.tuples(*[st.sampled_from("sbo")] * 2), min_size=1, max_size=6)
tagged = tagged.map(lambda rows: [*zip(*rows, strict=True)])
tables = st.dictionaries(st.integers(0, 5), tagged, min_size=1).map(sentences)


@pytest.fixture
def few_draws(monkeypatch):
    """A bootstrap small enough for many repetitions."""
    monkeypatch.setattr(module, "DRAWS", 80)


def test_agreement_exact():
    found = agreement(sentences(TRACES))
    assert found["label"].tolist() == [SELF_VERIFICATION, BACKTRACKING]
    one = of(found)  # gold: 2 + 1 + 0 + 3, tagged: 1 + 1 + 1 + 3, both: 1 + 0 + 0 + 3
    assert (one["n"], one["positives"], one["n_traces"]) == (17, 6, 4)
    assert (one["precision"], one["recall"], one["f1"]) == pytest.approx((4 / 6, 4 / 6, 4 / 6))
    assert one["kappa"] == pytest.approx((13 / 17 - (36 + 121) / 289) / (1 - (36 + 121) / 289))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("label", LABELS[:2])
def test_agreement_is_that_of_other_libraries(seed, label):
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"trace": rng.integers(0, 12, 90), "gold": rng.choice(LABELS, 90)})
    table["label"] = np.where(rng.random(90) < 0.6, table["gold"], rng.choice(LABELS, 90))
    found, gold, said = of(agreement(table), label), table["gold"] == label, table["label"] == label
    for name, score in SCORES.items():
        assert found[name] == pytest.approx(score(gold, said))
    assert found["kappa"] == pytest.approx(cohen_kappa_score(gold, said))
    a_trace = [flags.groupby(table["trace"]).sum() for flags in (gold, said)]
    assert found["spearman"] == pytest.approx(spearmanr(*a_trace).statistic)


def resampled(table, draws=80, seed=0):
    """Bootstrap tables by brute force: whole traces copied as often as the seed's multinomial draw says."""
    traces = [group for _, group in table.groupby("trace")]
    times = np.random.default_rng(seed).multinomial(len(traces), [1 / len(traces)] * len(traces), size=draws)
    return [pd.concat([traces[t] for t in np.repeat(range(len(traces)), one)]) for one in times]


def test_intervals_are_those_of_resampled_tables(few_draws):
    table = sentences(TRACES)
    found, drawn = of(agreement(table)), resampled(table)
    pairs = [(one["gold"] == SELF_VERIFICATION, one["label"] == SELF_VERIFICATION) for one in drawn]
    for name, score in {"f1": f1_score, "kappa": cohen_kappa_score}.items():
        values = [score(*pair) for pair in pairs if pair[0].any() or pair[1].any()]
        assert [found[f"{name}_low"], found[f"{name}_high"]] == pytest.approx(np.nanquantile(values, [0.025, 0.975]))


def test_gain_is_that_of_resampled_tables(few_draws):
    table = sentences(TRACES).assign(cues=sentences({t: (g, g[::-1]) for t, (g, _) in TRACES.items()})["label"])
    found = of(gain(table, "cues"))
    tags = ("label", "cues")
    f1s = [[f1_score(one["gold"] == SELF_VERIFICATION, one[tag] == SELF_VERIFICATION, zero_division=np.nan)
            for tag in tags] for one in resampled(table)]
    assert (found["gain_low"], found["gain_high"]) == pytest.approx(
        tuple(np.nanquantile(np.subtract(*np.transpose(f1s)), [0.025, 0.975])))
    alone = [of(agreement(table.assign(label=table[tag])))["f1"] for tag in tags]
    assert (found["f1"], found["f1_than"], found["gain"]) == pytest.approx((*alone, alone[0] - alone[1]))
    assert (found["n"], found["n_traces"]) == (17, 4)


def test_pairing_removes_what_the_traces_share():
    rng = np.random.default_rng(0)
    table = noisy(rng, 60, 8, spread=0.9)
    better = np.where(rng.random(len(table)) < 0.2, table["gold"], table["label"])
    found = of(gain(table.assign(label=better, than=table["label"]), "than"))
    f1 = of(agreement(table))
    assert 0 < found["gain_low"] < found["gain"] < found["gain_high"]
    assert found["gain_high"] - found["gain_low"] < (f1["f1_high"] - f1["f1_low"]) / 2


def test_no_gain_over_oneself():
    found = gain(sentences(TRACES), "label")
    assert (found[["gain", "gain_low", "gain_high"]] == 0).all(axis=None)


def test_intervals_cover_where_sentences_cluster(few_draws):
    """Of half the traces the tagger finds every second check, of the others all."""
    rng, covered = np.random.default_rng(1), {"trace": [], "sentence": []}
    for _ in range(80):
        table = noisy(rng, 30, 10, rate=0.5, sensitivity=rng.choice([0.5, 1], 30))
        for unit, one in {"trace": table, "sentence": table.assign(trace=range(len(table)))}.items():
            found = of(agreement(one))
            covered[unit].append(found["recall_low"] <= 0.75 <= found["recall_high"])
    assert np.mean(covered["trace"]) >= 0.87  # 3 standard errors of 80 draws below 95 %
    assert np.mean(covered["sentence"]) < 0.87  # sentences redrawn one by one are too narrow


@pytest.mark.parametrize(("traces", "nan"), [
    ({"a": ("so", "so")}, {"f1_low", "f1_high", "kappa_low", "spearman"}),  # one trace: no interval
    ({"a": ("so", "so"), "b": ("oo", "oo")}, {"spearman"}),  # two traces: no ranks to speak of
    ({"a": ("oo", "oo"), "b": ("oo", "oo"), "c": ("oo", "oo")}, set(CHECKED)),
    ({"a": ("oo", "so"), "b": ("oo", "oo"), "c": ("o", "o")}, {"recall", "recall_low", "spearman"}),  # no gold positive
    ({"a": ("so", "oo"), "b": ("oo", "oo"), "c": ("o", "o")}, {"precision", "precision_low", "spearman"}),
    ({"a": ("so", "so"), "b": ("os", "os"), "c": ("so", "so")}, {"spearman"}),  # constant counts
    ({"a": ("s", "s"), "b": ("s", "s"), "c": ("ss", "ss")}, {"kappa", "kappa_low", "kappa_high"}),  # all chance
])
def test_what_is_not_defined_is_missing(traces, nan):
    found = of(agreement(sentences(traces)))
    missing = {name for name in CHECKED if isnan(found[name])}
    assert nan <= missing and (len(traces) < 2 or missing <= nan)


def test_sentences_that_are_not_scored_do_not_count():
    table = sentences(TRACES)
    masked = table.assign(scored_self_verification=table["trace"] != "t2", scored_backtracking=False)
    found = agreement(masked)
    assert_frame_equal(found.head(1), agreement(table[table["trace"] != "t2"]).head(1))
    blind = of(found, BACKTRACKING)
    assert (blind["n"], blind["positives"], blind["n_traces"]) == (0, 0, 0)
    assert blind[["f1", "f1_low", "kappa", "spearman"]].isna().all()
    compared = same_error(masked.assign(model=masked["trace"]))
    assert of(compared, BACKTRACKING, measure="specificity")["missing"] == "t0, t1, t2, t3"


@settings(max_examples=15, deadline=None)
@given(tables, st.randoms(use_true_random=False))
def test_neither_the_order_of_rows_nor_the_other_groups_matter(table, random):
    order = random.sample(range(len(table)), len(table))
    alone = agreement(table)
    assert_frame_equal(agreement(table.iloc[order]), alone)
    both = pd.concat([table.assign(source="a", model=1), sentences(TRACES, source="b", model=1)]).iloc[::-1]
    found = agreement(both, by=("source", "model"))
    assert found[["source", "model"]].values.tolist() == [["a", 1]] * 2 + [["b", 1]] * 2
    assert_frame_equal(found.head(2).drop(columns=["source", "model"]), alone)


@settings(max_examples=15, deadline=None)
@given(tables)
def test_a_perfect_tagger_agrees_in_all(table):
    found = agreement(table.assign(label=table["gold"]))
    for name in ("precision", "recall", "f1", "kappa", "spearman"):
        assert found[name].dropna().tolist() == pytest.approx([1] * found[name].notna().sum())
    assert (found["f1"].isna() == (found["positives"] == 0)).all()


@pytest.mark.parametrize(("change", "said"), [
    ({"gold": ["verify"] * 17}, "row 0 has 'verify' as gold; choose one of self_verification, backtracking, other"),
    ({"label": [OTHER] * 3 + [None] + [OTHER] * 13}, "row 3 has (None|nan) as label; choose one of self_verification"),
    ({"trace": [0.0, np.nan] + [1.0] * 15}, "row 1 has no trace"),
    ({"model": [None] * 17}, "row 0 has no model"),
    ({"scored_backtracking": 1.0}, "'scored_backtracking' holds float64"),
    ({"scored_backtracking": pd.array([True] * 16 + [None], dtype="boolean")}, "'scored_backtracking' holds boolean"),
])
@pytest.mark.parametrize("function", [
    lambda table: agreement(table, by=("model",)), lambda table: gain(table, "label", by=("model",)), same_error,
    lambda table: corrected_rates(counted(sentences(TRACES, model="m")), table)])
def test_odd_tables_are_named(change, said, function):
    with pytest.raises(ValueError, match=said):
        function(sentences(TRACES, model="m").assign(**change))


@pytest.mark.parametrize(("function", "said"), [
    (lambda table: agreement(table.drop(columns=["gold"])), "no column 'gold'; the table needs trace, gold, label"),
    (lambda table: agreement(table, by=("source",)), "no column 'source'"),
    (lambda table: agreement(table.head(0)), "no rows"),
    (lambda table: gain(table, "cues"), "no column 'cues'"),
    (lambda table: gain(table.assign(cues="x"), "cues"), "row 0 has 'x' as cues"),
    (lambda table: same_error(table), "no column 'model'"),
])
def test_what_a_table_lacks_is_named(function, said):
    with pytest.raises(ValueError, match=said):
        function(sentences(TRACES))


@pytest.mark.parametrize(("given_rates", "expected"), [
    ((0.2, 1, 1), 0.2), ((0.26, 0.8, 0.9), 0.16 / 0.7), ((0.05, 0.8, 0.9), 0), ((0.95, 0.8, 0.9), 1),
    ((0.2, 0.4, 0.6), np.nan), ((0.2, 0.1, 0.2), np.nan), ((0.2, 0.58, 0.42), np.nan), ((np.nan, 0.8, 0.9), np.nan),
    ((0.2, np.nan, 0.9), np.nan)])
def test_corrected_exact(given_rates, expected):
    assert corrected(*given_rates) == pytest.approx(expected, nan_ok=True)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_corrected_undoes_the_misclassification(rate, sensitivity, specificity):
    tagged = min(rate * sensitivity + (1 - rate) * (1 - specificity), 1)
    if sensitivity + specificity > 1 + 1e-3:
        assert corrected(tagged, sensitivity, specificity) == pytest.approx(rate, abs=1e-9)


def test_corrected_broadcasts():
    assert corrected([[0.26], [0.19]], [0.8, 1.0], 0.9) == pytest.approx(np.array([[16 / 70, 16 / 90], [9 / 70, 0.1]]))


@pytest.mark.parametrize("given_rates", [(1.2, 0.8, 0.9), ([0.1, 20], 0.8, 0.9)])
def test_a_rate_is_a_share(given_rates):
    with pytest.raises(ValueError, match="rate lies between 0 and 1, got (1.2|20.0)"):
        corrected(*given_rates)
    with pytest.raises(ValueError, match="specificity lies between 0 and 1, got -1"):
        corrected(0.5, 0.8, -1)


def test_corrected_rates_exact():
    audit = sentences({"a": ("ssssoooooo", "sssosooooo"), "b": ("so", "so")}, model="m")
    counts = pd.DataFrame({"model": "m", "trace": ["x", "y", "z"], "sentences": [10, 10, 0],
                           "self_verification": [4, 3, 0], "backtracking": [0, 1, 0]})
    found = corrected_rates(counts, audit)
    one = of(found)
    assert one[["raw", "sensitivity", "specificity"]].tolist() == pytest.approx([7 / 20, 4 / 5, 6 / 7])
    assert one["corrected"] == pytest.approx((7 / 20 - 1 / 7) / (4 / 5 - 1 / 7))
    assert (one["n_traces"], one["n_audited"], one["model"]) == (3, 2, "m")
    assert one["raw_low"] < one["raw"] < one["raw_high"] and one["corrected_low"] < one["corrected_high"]
    none = of(found, BACKTRACKING)  # no positive audited
    assert none["raw"] == 1 / 20 and none["specificity"] == 1
    assert none[["sensitivity", "corrected", "corrected_low", "corrected_high"]].isna().all()


def test_an_audit_of_the_same_traces_is_redrawn_with_them():
    """Then the correction gives the gold rate in every draw, so the interval is that of the gold rate."""
    table = noisy(np.random.default_rng(2), 80, 15, rate=0.3, spread=0.8)
    found = of(corrected_rates(counted(table), table))
    gold = (table["gold"] == SELF_VERIFICATION).groupby(table["trace"]).agg(["sum", "count"]).to_numpy()
    exact = interval(gold[:, :1], gold[:, 1:])
    assert found[["corrected", "corrected_low", "corrected_high"]].tolist() == pytest.approx(
        [exact.value, exact.low, exact.high])
    other = of(corrected_rates(counted(table), table.assign(trace="audit" + table["trace"])))
    assert other["corrected"] == found["corrected"]
    assert other["corrected_high"] - other["corrected_low"] > 1.1 * (exact.high - exact.low)


def test_a_draw_that_says_nothing_allows_any_rate():
    """One of three audited traces has all positives: without it, in 8 of 27 draws, sensitivity is unknown."""
    audit = sentences({"a": ("ssso", "ssoo"), "b": ("oooo", "oooo"), "c": ("oooo", "oooo")}, model="m")
    counts = pd.DataFrame({"model": "m", "trace": [f"x{k}" for k in range(9)], "sentences": 10, "self_verification": 2,
                           "backtracking": 0})
    found = of(corrected_rates(counts, audit))
    assert found[["corrected", "corrected_low", "corrected_high"]].tolist() == pytest.approx([0.3, 0, 1])


def test_traces_that_are_all_alike_leave_no_doubt():
    """Counts and audit are redrawn each at its size: no draw is without the one or the other."""
    audit = sentences({"a": ("ssoo", "sooo"), "b": ("ssoo", "sooo")}, model="m")
    found = of(corrected_rates(counted(audit.assign(trace="x" + audit["trace"])), audit))
    assert found[["corrected", "corrected_low", "corrected_high"]].tolist() == [0.5, 0.5, 0.5]


def test_corrected_intervals_cover_the_planted_rate(few_draws):
    """Some of the traces audited, or others: the interval knows both sources of chance."""
    rng, covered, shrunk = np.random.default_rng(3), {"some": [], "others": []}, []
    for _ in range(40):
        table = noisy(rng, 40, 12, spread=0.9)
        counts = counted(table)
        audits = {"some": table[table["trace"].str[1:].astype(int) < 20],
                  "others": noisy(rng, 12, 12, spread=0.9, name="audit")}
        for name, audit in audits.items():
            found = of(corrected_rates(counts, audit))
            covered[name].append(found["corrected_low"] <= 0.2 <= found["corrected_high"])
        known = corrected(found[["raw_low", "raw_high"]].astype(float), found["sensitivity"], found["specificity"])
        shrunk.append(known[0] <= 0.2 <= known[1])
    assert all(np.mean(hits) >= 0.85 for hits in covered.values())  # 3 standard errors of 40 draws below 95 %
    assert np.mean(shrunk) < 0.85  # taking the audit for exact is too narrow


def test_a_difference_made_by_the_tagger_alone_is_taken_out(few_draws):
    rng = np.random.default_rng(4)
    taggers = {"a": {"sensitivity": 0.95, "specificity": 0.99}, "b": {"sensitivity": 0.6, "specificity": 0.9}}
    counts, audit = (pd.concat([noisy(rng, n, 20, rate=0.1, name=name, model=model, **tagger)
                                for model, tagger in taggers.items()]) for n, name in ((400, "t"), (400, "audit")))
    a, b = (of(corrected_rates(counted(counts), audit), model=model) for model in "ab")
    assert a["raw_high"] < b["raw_low"]  # as tagged, b does it more
    assert abs(a["corrected"] - b["corrected"]) < 0.02 < b["raw"] - a["raw"]
    assert (a["corrected"], b["corrected"]) == pytest.approx((0.1, 0.1), abs=0.02)


def test_a_group_that_is_not_audited_is_named():
    audit = sentences(TRACES, model="m", domain="math")
    by, groups = ("model", "domain"), (("m", "math"), ("m", "code"), ("n", "math"))
    counts = counted(pd.concat([audit.assign(**dict(zip(by, group, strict=True))) for group in groups]), by)
    with pytest.raises(ValueError, match="no sentence of m, code or of n, math; audit every group"):
        corrected_rates(counts, audit, by)


def test_one_group_is_all_that_no_by_names():
    table = sentences(TRACES, model="m")
    assert_frame_equal(corrected_rates(counted(table), table, by=()),
                       corrected_rates(counted(table), table).drop(columns="model"))


@pytest.mark.parametrize(("change", "said"), [
    ({"trace": ["t0", "t0", "t2", "t3"]}, "trace 't0' has several rows"),
    ({"backtracking": [0, 6, 0, 0]}, "trace 't1' has 6 backtracking in 5 sentences"),
    ({"self_verification": [0, 0, -1, 0]}, "trace 't2' has -1 self_verification"),
    ({"sentences": [5, np.nan, 4, 3]}, "trace 't1' has 1 self_verification in nan sentences"),
    ({"model": ["m", None, "m", "m"]}, "row 1 has no model"),
])
def test_impossible_counts_are_named(change, said):
    table = sentences(TRACES, model="m")
    with pytest.raises(ValueError, match=said):
        corrected_rates(counted(table).assign(**change), table)
    with pytest.raises(ValueError, match="no column 'sentences'"):
        corrected_rates(counted(table).drop(columns="sentences"), table)


def test_trace_ids_of_two_kinds_are_different_traces():
    table = sentences(dict(enumerate(TRACES.values())), model="m")
    found = corrected_rates(counted(table), table.assign(trace=table["trace"].astype(str)))
    assert found["n_traces"].tolist() == found["n_audited"].tolist() == [4, 4]


def test_columns_of_categories_change_nothing():
    table = sentences(TRACES, model="m")
    other = table.astype({"trace": "category", "gold": "category", "label": "category", "model": "category"})
    for function in (lambda t: agreement(t, by=("model",)), same_error, lambda t: corrected_rates(counted(t), t)):
        assert_frame_equal(function(table), function(other), check_dtype=False)


def audits(rng, models):
    """One audit of several models, from {name: arguments of `noisy`}."""
    return pd.concat([noisy(rng, model=name, **how) for name, how in models.items()])


@pytest.mark.parametrize("models", [
    {"a": {"n": 25, "mean": 10}, "b": {"n": 25, "mean": 10}},
    {"a": {"n": 20, "mean": 8, "rate": 0.2}, "b": {"n": 50, "mean": 15, "rate": 0.5}},  # long and short traces
], ids=["alike", "short_and_long"])
def test_one_error_is_seldom_called_two(models):
    rng = np.random.default_rng(5)
    found = [same_error(audits(rng, models), draws=99, seed=k) for k in range(120)]
    p = np.stack([one["p"].to_numpy()[:2] for one in found])
    assert (np.mean(p <= 0.05, axis=0) <= 0.1).all()  # 2.5 standard errors of 120 audits above 5 %
    assert np.mean([(one["p_holm"] <= 0.05).any() for one in found]) <= 0.1
    assert (np.mean(p <= 0.5, axis=0) > 0.35).all()  # nor is the test empty


def test_clustered_errors_are_not_differences():
    """Each trace's own sensitivity: permuted sentences would call two draws from one population different."""
    rng, whole, single = np.random.default_rng(6), [], []
    for _ in range(50):
        audit = noisy(rng, 16, 30, rate=0.5, sensitivity=rng.integers(2, size=16))
        audit["model"] = np.where(audit["trace"].str[1:].astype(int) % 2, "a", "b")
        apart = audit.assign(trace=range(len(audit)))
        whole, single = ([*ps, same_error(one, draws=99)["p"][0]] for ps, one in ((whole, audit), (single, apart)))
    assert np.mean(np.array(whole) <= 0.05) <= 0.12 and np.mean(np.array(single) <= 0.05) > 0.5


def test_a_planted_difference_is_found():
    how = {"n": 40, "mean": 15}
    audit = audits(np.random.default_rng(7), {"a": how, "b": {**how, "sensitivity": 0.4}, "c": how})
    found = same_error(audit)
    one, other = of(found, measure="sensitivity"), of(found, measure="specificity")
    assert (one["lowest"], one["p"], one["missing"]) == ("b", 0.001, "") and one["highest"] in "ac"
    rates = [recall_score(group["gold"], group["label"], pos_label=SELF_VERIFICATION)
             for _, group in audit.groupby("model")]
    assert one["spread"] == pytest.approx(np.ptp(rates))
    assert other["p"] > 0.05 and other["spread"] < 0.05


def test_p_is_exact_where_few_permutations_exist():
    """Two traces a model, one of each model's all found, the other's all missed: 2 of 6 divisions part them so."""
    found = of(same_error(pd.concat([sentences({"x": ("ss", "ss"), "y": ("ss", "ss")}, model="a"),
                                     sentences({"x": ("ss", "oo"), "y": ("ss", "oo")}, model="b")]), draws=9999),
               measure="sensitivity")
    assert (found["spread"], found["lowest"], found["highest"]) == (1, "b", "a")
    assert found["p"] == pytest.approx(1 / 3, abs=0.02)


def test_groups_without_a_positive_are_left_out():
    parts = {"a": {"x": ("so", "so"), "y": ("ss", "so")}, "b": {"x": ("oo", "os")}, "c": {"x": ("os", "os")},
             "d": {"x": ("o", "o")}}
    found = same_error(pd.concat([sentences(traces, model=model) for model, traces in parts.items()]), draws=99)
    assert found["label"].tolist() == [SELF_VERIFICATION] * 2 + [BACKTRACKING] * 2
    one = of(found, measure="sensitivity")
    assert (one["missing"], one["lowest"], one["highest"]) == ("b, d", "a", "c")
    assert one["spread"] == pytest.approx(1 / 3)
    none = of(found, BACKTRACKING, measure="sensitivity")  # no group has any
    assert none["missing"] == "a, b, c, d" and none[["spread", "lowest", "highest", "p", "p_holm"]].isna().all()
    tested = found["p"].notna()
    assert tested.sum() == 3 and found["p_holm"][tested].tolist() == holm(found["p"][tested]).tolist()


def test_traces_without_a_positive_do_not_bear_on_sensitivity():
    audit = audits(np.random.default_rng(8), {"a": {"n": 12, "mean": 10}, "b": {"n": 12, "mean": 10}})
    idle = sentences({f"idle{k}": ("oooo", "ooso") for k in range(9)}, model="a")
    rows = [of(same_error(one, draws=99), measure="sensitivity") for one in (audit, pd.concat([idle, audit]))]
    assert rows[0].drop("p_holm").to_dict() == rows[1].drop("p_holm").to_dict()


def test_one_model_alone_is_not_compared():
    found = same_error(sentences(TRACES, model="m"))
    assert found[["spread", "p", "p_holm"]].isna().all(axis=None) and (found["missing"] == "").all()


def test_no_errors_are_no_difference():
    perfect = sentences({t: (g, g) for t, (g, _) in TRACES.items()})
    found = same_error(pd.concat([perfect.assign(model=model) for model in "ab"]), draws=19)
    assert (found["spread"] == 0).all() and (found["p"] == 1).all() and (found["p_holm"] == 1).all()
