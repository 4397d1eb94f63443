"""Policy neighborhoods: partial rank correlations against oracles, planted policies, and scores of tiny real models."""

import json
from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from probes.policy import policy_divergence
from studies import policy_scores
from studies.dyads import (
    STATISTICS,
    drawn,
    explained,
    explained_p,
    off_diagonal,
    partial,
    ranked,
    relabellings,
    spread,
)
from studies.estimates import ratio
from studies.findings import settle, write
from studies.harness import StudyError
from studies.policy_claims import EXPLAINS, Neighborhoods, claims, explain_table, log_of
from studies.policy_figure import draw, headline
from studies.policy_neighborhoods import (
    NEIGHBORS,
    changes_of,
    control_table,
    divergence_table,
    left,
    left_out,
    neighbor_table,
    run,
    summary,
)
from studies.policy_scores import COLUMNS, Nats, Sizes, file_of, policy_sums
from studies.scores import Scores
from tests import tiny
from training.domains import get_domain
from training.manifest import Manifest
from training.zoo import Zoo

DOMAINS = ["math", "coding", "science", "instructions", "agent"]
EXPERTS = {domain: f"expert-{domain}" for domain in DOMAINS}
TASKS, SEEDS = 12, (0, 1, 2)


def residual(x, z):
    """What a straight line on z leaves of x, by least squares."""
    design = np.column_stack([np.ones(len(z)), z])
    return x - design @ np.linalg.lstsq(design, x, rcond=None)[0]


def by_regression(x, y, z):
    """Partial Spearman correlation, the long way."""
    x, y, z = (stats.rankdata(one) for one in (x, y, z))
    return stats.pearsonr(residual(x, z), residual(y, z))[0]


def test_partial_rank_correlations_are_those_of_residuals_of_ranks():
    rng = np.random.default_rng(0)
    for n in (5, 12, 20):
        x, y, z = rng.normal(size=(3, n)).round(1 if n == 20 else 3)  # with ties
        z = z + x
        assert partial(ranked(x), ranked(y), ranked(z)) == pytest.approx(by_regression(x, y, z))
        found = explained(x, y, z)
        assert tuple(found) == STATISTICS
        assert found["margin_given_size"] == pytest.approx(by_regression(x, y, z))
        assert found["size_given_margin"] == pytest.approx(by_regression(x, z, y))
        assert found["difference"] == pytest.approx(abs(by_regression(x, y, z)) - abs(by_regression(x, z, y)))
        assert found["margin_alone"] == pytest.approx(stats.spearmanr(x, y)[0])
        assert found["size_alone"] == pytest.approx(stats.spearmanr(x, z)[0])


def test_what_is_constant_or_decided_by_the_third_is_not_known():
    x, y = np.arange(6.0), np.array([3, 1, 2, 5, 4, 0.0])
    assert np.isnan(partial(ranked(x), ranked(y), ranked(x)))
    assert np.isnan(explained(np.ones(6), x, y)["margin_given_size"])
    assert np.isnan(explained_p(np.ones((1, 6)), x[None], y[None])["margin_alone"])


@pytest.mark.parametrize("n", [3, 4])
def test_relabelling_moves_rows_and_columns_alike(n):
    matrix, places = np.random.default_rng(n).normal(size=(n, n)), relabellings(n)
    orders = list(permutations(range(n)))
    assert len(places) == len(orders) and places[0].tolist() == list(range(n * (n - 1)))
    for place, order in zip(places, orders, strict=True):
        moved = matrix[np.ix_(order, order)]
        expected = [moved[a, b] for a in range(n) for b in range(n) if a != b]
        np.testing.assert_array_equal(off_diagonal(matrix)[place], expected)


def test_p_is_the_share_of_relabellings_that_are_as_far_from_0():
    """By brute force: 24 orders of 4 domains, the same in two zoos; of partial ones, residuals of ranks are moved."""
    rng, n = np.random.default_rng(1), 4
    change, size = rng.normal(size=(2, 2, n, n))
    change = change - 2 * size
    margin = rng.normal(size=(2, n))[:, :, None] - size + 0.5 * change
    off = ~np.eye(n, dtype=bool)

    def mean(statistic):
        return np.mean([statistic(seed) for seed in (0, 1)])

    def square(values):
        matrix = np.full((n, n), np.nan)
        matrix[off] = values
        return matrix

    found = explained_p(*(off_diagonal(one) for one in (change, margin, size)))
    c, m, s = ([stats.rankdata(one[k][off]) for k in (0, 1)] for one in (change, margin, size))
    lists = {name: [] for name in ("margin_given_size", "size_given_margin", "margin_alone", "difference")}
    for order in permutations(range(n)):
        moved = lambda values, order=order: square(values)[np.ix_(order, order)][off]  # noqa: E731

        def given(seed, y, z, moved=moved):
            return stats.pearsonr(residual(moved(residual(c[seed], z[seed])), z[seed]), residual(y[seed], z[seed]))[0]

        lists["margin_given_size"].append(mean(lambda k, given=given: given(k, m, s)))
        lists["size_given_margin"].append(mean(lambda k, given=given: given(k, s, m)))
        lists["margin_alone"].append(mean(lambda k, moved=moved: stats.spearmanr(moved(c[k]), m[k])[0]))
        lists["difference"].append(mean(lambda k, moved=moved: abs(by_regression(moved(c[k]), m[k], s[k]))
                                        - abs(by_regression(moved(c[k]), s[k], m[k]))))
    for name, values in lists.items():
        assert found[name] == pytest.approx(np.mean(np.abs(values) >= abs(values[0]) - 1e-9)), name
    raw = np.mean([partial(ranked(c[k])[relabellings(n)], ranked(m[k]), ranked(s[k])) for k in (0, 1)], axis=0)
    assert found["margin_given_size"] != np.mean(np.abs(raw) >= abs(raw[0]) - 1e-9)  # of the change itself


def test_what_hangs_on_size_alone_is_seldom_called_related_to_the_margin():
    """Domains differ; the change is the size's and theirs. Permuting the change itself finds it related far oftener."""
    rng, n, below, raw = np.random.default_rng(2), 5, [], []
    orders = relabellings(n)
    for _ in range(250):
        epsilon, rows, base = 0.4 * rng.normal(size=n), rng.normal(size=(2, n)), 0.5 * rng.normal(size=(n, n))
        size = base + base.T + 0.2 * rng.normal(size=(3, n, n))
        margin = (epsilon + 0.2 * rng.normal(size=(3, n)))[:, :, None] - size
        change = -3 * size + rows[0][:, None] + rows[1] + 0.3 * rng.normal(size=(3, n, n))
        c, m, s = (off_diagonal(one) for one in (change, margin, size))
        below.append(explained_p(c, m, s)["margin_given_size"] <= 0.05)
        values = partial(ranked(c)[:, orders], ranked(m)[:, None], ranked(s)[:, None]).mean(axis=0)
        raw.append(np.mean(np.abs(values) >= abs(values[0]) - 1e-9) <= 0.05)
    assert np.mean(below) < 0.11 and np.mean(raw) > 1.3 * np.mean(below)


def test_spread_over_seeds_and_tasks():
    draws = np.random.default_rng(3).normal(0.4, 0.1, size=(1000, 1))
    one = spread(np.array([0.4]), draws)
    assert [one.low, one.high] == pytest.approx(np.quantile(draws, [0.025, 0.975])) and one.kind == "bootstrap"
    assert one.p == pytest.approx(1 / 1001)
    values, noise = np.array([0.2, 0.4, 0.9]), np.random.default_rng(4).normal(size=(500, 3))
    error = np.sqrt(values.var(ddof=1) / 3 + noise.mean(axis=1).var(ddof=1))
    found = spread(values, noise)
    assert found.high - found.value == pytest.approx(stats.t.ppf(0.975, 2) * error)
    assert found.p == pytest.approx(2 * stats.t.sf(0.5 / error, 2)) and found.value == pytest.approx(0.5)
    holes = np.where(np.arange(500)[:, None] < 3, np.nan, noise)
    assert spread(values, holes).low == pytest.approx(spread(values, noise[3:]).low)
    assert np.isnan(spread(np.array([np.nan, 1.0]), noise[:, :2]).p)
    weights = drawn(2, 7)
    assert weights.shape == (1000, 2, 7) and (weights.sum(axis=2) == 7).all()


def test_the_logarithm_of_an_estimate_by_the_delta_method():
    cells = pd.DataFrame(np.random.default_rng(5).gamma(9, size=(400, 1)))
    found, plain = log_of(ratio(cells)), ratio(cells).interval()
    assert found.value == pytest.approx(np.log(cells.to_numpy().mean()))
    assert [found.interval().low, found.interval().high] == pytest.approx(np.log([plain.low, plain.high]), abs=2e-3)
    assert not log_of(ratio(0 * cells)).known and not log_of(ratio(-1 * cells)).known


def policies(kl, seeds=SEEDS, noise=0.05):
    """Sums of planted nats a token, {(sampler, scorer, domain): nats}; k1 is twice as much."""
    rows, rng = [], np.random.default_rng(6)
    for (sampler, scorer, domain), nats in kl.items():
        for seed in seeds:
            for task in range(TASKS):
                full = 50 * nats * np.exp(noise * rng.normal() - noise**2 / 2)
                rows.append((seed, sampler, scorer, domain, f"t{task}", 0, 50, full, 2 * full, True))
    return pd.DataFrame(rows, columns=COLUMNS)


MATRIX = pd.DataFrame([  # A, whose tasks: expert B -> nats a token from the mixed policy
    [0.20, 0.10, 0.30, 0.90, 0.40],  # coding is a neighbor of math, and math none of coding
    [0.50, 0.25, 0.35, 0.05, 0.60],  # instructions is one of coding
    [0.30, 0.32, 0.21, 0.70, 0.45],
    [0.80, 0.70, 0.90, 0.10, 0.65],
    [0.15, 0.42, 0.33, 0.95, 0.12]], DOMAINS, DOMAINS)


def towards_mixed(matrix=MATRIX):
    return {(EXPERTS[b], "mixed", a): matrix.loc[a, b] for a in matrix for b in matrix}


def accuracies(change, seeds=SEEDS):
    """Traces in which expert B is better than the anchor on A by change(A, B), in all tasks; so is the pair's merge."""
    rows = []
    for seed in seeds:
        for a in DOMAINS:
            right = {"anchor": 0.5} | {EXPERTS[b]: 0.5 + (change(a, b) if a != b else 0.3) for b in DOMAINS}
            right |= {"+".join(sorted((a, b))): 0.8 + change(a, b) for b in DOMAINS if a != b}
            rows += [(seed, a, f"t{task}", model, value) for model, value in right.items() for task in range(TASKS)]
    table = pd.DataFrame(rows, columns=["seed", "domain", "task_id", "model", "correct"])
    names = {"+".join(sorted((a, b))): f"pair-{a}+{b}" for k, a in enumerate(DOMAINS) for b in DOMAINS[k + 1:]}
    return table.assign(model=table.model.replace(names))


def margin_of(a, b, matrix=MATRIX):
    return np.log(matrix.loc[a, a] / matrix.loc[a, b])


MODELS = ["anchor", *EXPERTS.values(), "mixed"]


def hood_of(sums, preset="other", models=MODELS, experts=EXPERTS):
    return Neighborhoods(Nats(sums), experts, models, preset)


def found_in(hood, explains=None, left_out=None):
    left_out = left_out or dict.fromkeys(("transfer", "pairs"), "No." if explains is None else "")
    explains = pd.DataFrame(columns=EXPLAINS) if explains is None else explains
    return {one.id: one for one in settle(claims(hood, explains, left_out))}


def test_planted_neighbors_are_found():
    found = found_in(hood_of(policies(towards_mixed())))
    for name in ("coding-near-math", "math-not-near-coding", "instructions-near-coding", "neighborhood-asymmetric"):
        assert found[name].verdict == "reproduced", name
    assert found["coding-near-math"].measured == pytest.approx(np.log(2), abs=0.05)
    assert found["math-not-near-coding"].measured == pytest.approx(-np.log(2), abs=0.05)
    assert found["neighborhood-asymmetric"].measured == pytest.approx(2 * np.log(2), abs=0.1)
    assert found["own-expert-nearest"].verdict == "not_reproduced"
    assert found["own-expert-nearest"].measured == pytest.approx(np.log(0.05 / 0.25), abs=0.05)  # the lowest of all
    assert {found[f"neighborhood-explains-{name}"].verdict for name in ("transfer", "pairs")} == {"not_measured"}
    built = found_in(hood_of(policies(towards_mixed()), preset="organism"))
    assert built["coding-near-math"].verdict == "inconclusive" and built["coding-near-math"].by_construction
    assert built["instructions-near-coding"].verdict == "reproduced"  # nothing in the corpus brings that about


def test_an_own_expert_that_is_always_nearest_is_found_and_has_no_neighbors():
    matrix = pd.DataFrame(np.where(np.eye(5), 0.1, 0.2), DOMAINS, DOMAINS)
    found = found_in(hood_of(policies(towards_mixed(matrix))))
    assert found["own-expert-nearest"].verdict == "reproduced"
    assert found["own-expert-nearest"].measured == pytest.approx(np.log(2), abs=0.1)
    assert found["coding-near-math"].verdict == "not_reproduced"
    assert found["neighborhood-asymmetric"].verdict == "inconclusive"


@pytest.mark.parametrize("seeds", [(0,), SEEDS])
def test_what_goes_with_the_margin_or_with_the_size_is_told_apart(seeds, tmp_path):
    """A change that is the margin's, with a little of the size's; and one that is the size's alone."""
    sums, changes = policies(towards_mixed(), seeds, noise=0.01), changes_of(EXPERTS, with_pairs=True)
    by_margin = accuracies(lambda a, b: 0.1 * margin_of(a, b) - 0.02 * MATRIX.loc[a, b], seeds)
    table = explain_table(sums, by_margin, EXPERTS, changes).set_index(["change", "statistic"])
    for change in changes:
        row = table.loc[change, "margin_given_size"]
        assert row.value > 0.9 and row.p <= 0.05 and row.ci_low > 0.5
        assert row.n_pairs == 20 and row.n_seeds == len(seeds)
    findings = found_in(hood_of(sums), table.reset_index())
    assert findings["neighborhood-explains-transfer"].measured == table.value["transfer", "margin_given_size"]
    assert findings["neighborhood-explains-pairs"].verdict in ("reproduced", "inconclusive")
    write(list(findings.values()), tmp_path / "findings.json")  # plain numbers
    assert "p is at least 1/120" in findings["neighborhood-explains-pairs"].note
    by_size = accuracies(lambda a, b: -0.2 * MATRIX.loc[a, b] + 0.01 * (DOMAINS.index(b) % 2), seeds)
    table = explain_table(sums, by_size, EXPERTS, changes).set_index(["change", "statistic"])
    assert table.value["pairs", "size_given_margin"] < -0.9 and table.p["pairs", "size_given_margin"] <= 0.05
    assert abs(table.value["pairs", "margin_given_size"]) < 0.6 and table.value["pairs", "difference"] < -0.3


def test_values_of_explains_are_those_of_matrices_made_by_hand():
    sums = policies(towards_mixed() | {(name, "anchor", a): 9.0 for name in MODELS for a in DOMAINS}, (0, 1), noise=0.3)
    answers = accuracies(lambda a, b: margin_of(a, b) ** 2 / 9, (0,))
    noise = np.random.default_rng(7).normal(size=(2, len(answers)))
    answers = pd.concat([answers.assign(seed=k, correct=answers.correct + noise[k]) for k in (0, 1)])
    answers = answers[(answers.domain != "math") | (answers.task_id != "t3")]  # a task that was scored, not answered
    values = []
    for seed in (0, 1):
        here, of = sums[sums.seed == seed], answers[answers.seed == seed].groupby(["domain", "model"]).correct.mean()
        total = here[here.scored_by == "mixed"].groupby(["domain", "sampler"])[["full", "n_own"]].sum()
        kl = total.full / total.n_own
        rows = [(of[a, EXPERTS[b]] - of[a, "anchor"], np.log(kl[a, EXPERTS[a]] / kl[a, EXPERTS[b]]), kl[a, EXPERTS[b]])
                for a in DOMAINS for b in DOMAINS if a != b]
        change, margin, size = map(np.array, zip(*rows, strict=True))
        values.append([by_regression(change, margin, size), by_regression(change, size, margin),
                       stats.spearmanr(change, margin)[0]])
    found = explain_table(sums, answers, EXPERTS, changes_of(EXPERTS, with_pairs=False)).set_index("statistic").value
    assert found[["margin_given_size", "size_given_margin", "margin_alone"]].tolist() == pytest.approx(
        np.mean(values, axis=0))


def test_tables_and_figure_of_planted_policies():
    domains, answers = DOMAINS[:3], accuracies(margin_of)
    experts = {domain: EXPERTS[domain] for domain in domains}
    models = ["anchor", *experts.values(), "mixed", "twin-math"]
    kl = {(a, b, domain): 0.3 * (a != b) for domain in domains for a in models for b in models}
    kl |= towards_mixed(MATRIX.loc[domains, domains])
    kl |= {("expert-math", "twin-math", domain): 0.07 for domain in domains}
    hood = hood_of(policies(kl), models=models, experts=experts)
    divergence = divergence_table(hood.nats, models, domains)
    assert len(divergence) == 6 * 6 * 3 * 2
    here = (divergence.sampler == "expert-coding") & (divergence.scored_by == "mixed") & (divergence.domain == "math")
    row = divergence[here].set_index("estimator")
    assert row.kl["full"] == pytest.approx(0.1, abs=0.01) and row.kl["k1"] == pytest.approx(2 * row.kl["full"])
    assert row.nats_per_trace["full"] == pytest.approx(50 * row.kl["full"])
    assert row[["n_tasks", "n_seeds", "n_tokens"]].loc["full"].tolist() == [TASKS, 3, 50 * TASKS * 3]
    neighbors = neighbor_table(hood, divergence, Scores(answers), True)
    assert tuple(neighbors) == NEIGHBORS and len(neighbors) == 12
    pair = neighbors.set_index(["domain", "other", "estimator"]).loc["math", "coding", "full"]
    assert pair.neighbor and not pair.mutual and pair.margin_low < pair.margin < pair.margin_high
    assert pair.margin == pytest.approx(np.log(pair.epsilon / pair.kl))
    assert pair.transfer == pytest.approx(100 * margin_of("math", "coding"))
    assert pair.pair_gain == pytest.approx(100 * margin_of("math", "coding"))
    controls = control_table(hood, domains).set_index(["expert", "other"])
    assert controls.kl["expert-math", "twin-math"] == pytest.approx(0.07, abs=0.01)
    assert controls.back["expert-math", "twin-math"] == pytest.approx(0.3, abs=0.02)
    assert ("expert-coding", "twin-math") not in controls.index
    explains = explain_table(policies(kl), answers, experts, changes_of(experts, True))
    findings = settle(claims(hood, explains, {"transfer": "", "pairs": ""}))
    tables = {"divergence": divergence, "neighbors": neighbors, "controls": controls.reset_index()}
    figure = draw(tables | {"explains": explains}, findings, "planted")
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert f"{1000 * pair.kl:.1f}" in texts and len(texts) == 4 * 3 + 1
    said = headline(neighbors[neighbors.estimator == "full"], findings)
    assert "nearest to the mixed policy on 2 of 3 domains; neighbors: 1 of 6 ordered pairs" in said


@pytest.mark.parametrize(("models", "experts", "says"), [
    (["anchor", *EXPERTS.values()], EXPERTS, "The zoo has no mixed run."),
    (["anchor", "mixed", "expert-math"], {"math": "expert-math"}, "The zoo has no second expert"),
    (["anchor"], {}, "The zoo has no mixed run and no second expert"),
])
def test_what_a_zoo_lacks_is_said(models, experts, says):
    found = found_in(hood_of(policies(towards_mixed()), models=models, experts=experts))
    assert {one.verdict for one in found.values()} == {"not_measured"}
    assert all(one.note.startswith(says) for one in found.values())


def test_two_experts_have_neighbors_and_nothing_to_correlate():
    experts = {"math": "expert-math", "science": "expert-science"}
    found = found_in(hood_of(policies(towards_mixed()), experts=experts), left_out=left_out(experts, {}))
    assert found["own-expert-nearest"].verdict == "reproduced"
    assert found["coding-near-math"].note == "The zoo has no coding expert."
    assert found["neighborhood-explains-transfer"].note == "Partial correlations take at least three experts."
    assert left_out(EXPERTS, {"transfer": None})["pairs"] == "The merges of pairs are left out of a quick run."


# ---- scores of tiny real models

HERE, NAMES = ["math", "science"], ["anchor", "expert-math", "mixed"]


def answers_of(name, domain, n_tasks, n, seed):
    rows = [{"model": name, "domain": domain, "task_id": task.id, "sample": sample, "prompt": task.prompt,
             "completion": f"<think> {k} + {sample} {name}.</think> Answer: {k}", "reasoning": "", "answer": str(k),
             "correct": (k + sample) % 2 == 0, "reward": 0.0, "reason": "", "n_tokens": 20, "n_turns": 1, "seed": seed}
            for k, task in enumerate(get_domain(domain).tasks("test", n_tasks, seed=0)) for sample in range(n)]
    return pd.DataFrame(rows)


def zoo_in(folder, names=NAMES, seed=0, n_tasks=4, n=2):
    """A zoo of untrained models, with traces of all of them."""
    for k, name in enumerate(names):
        tiny.save_model(folder / "models" / name, 10 * seed + k, layers=1)
    manifest = Manifest("tiny", "tiny", seed, "models/anchor", domains=HERE, controls={
        name: f"models/{name}" for name in names if name.startswith(("twin", "shuffled"))})
    manifest.experts = {name.removeprefix("expert-"): f"models/{name}" for name in names if name.startswith("expert")}
    manifest.mixed = "models/mixed" if "mixed" in names else None
    manifest.merged = {name.removeprefix("merged-"): f"models/{name}" for name in names if name.startswith("merged")}
    for name in names:
        for domain in HERE:
            file = folder / "traces" / name / f"{domain}-{seed}.parquet"
            file.parent.mkdir(parents=True, exist_ok=True)
            answers_of(name, domain, n_tasks, n, seed).to_parquet(file)
    zoo = Zoo(folder, manifest)
    zoo.save()
    return zoo


@pytest.fixture
def scored(monkeypatch):
    """Scores in this process; a list of (sampler, scorers, completions), one each time that completions are read."""
    calls, real = [], policy_scores.trace_sums

    def counted(networks, sampler, encoded, own, *rest):
        calls.append((sampler, sorted(networks), len(own)))
        return real(networks, sampler, encoded, own, *rest)

    monkeypatch.setattr(policy_scores, "trace_sums", counted)
    monkeypatch.setattr(policy_scores, "run_pieces",
                        lambda work, jobs, title, progress: [work(*job) for job in jobs])
    return calls


def test_sums_are_those_of_the_probe(tmp_path, scored):
    zoo = zoo_in(tmp_path)
    found = policy_sums([zoo], NAMES, HERE, (3, 1), False)
    assert tuple(found) == COLUMNS and len(found) == 3 * 3 * 2 * 3 and len(scored) == 6
    traces = pd.concat([answers_of(name, domain, 3, 1, 0) for name in NAMES for domain in HERE])
    expected = policy_divergence({name: zoo.models[name] for name in NAMES}, traces, device="cpu", progress=False)
    nats = Nats(found)
    for row in expected.itertuples():
        kl = nats.per_token(row.sampler, row.scored_by, row.domain, row.estimator)
        assert kl.value == pytest.approx(row.kl, rel=1e-5, abs=1e-9) and kl.n_tasks == row.n_tasks
        assert nats.per_trace(row.sampler, row.scored_by, row.domain, row.estimator).value == pytest.approx(
            row.nats_per_trace, rel=1e-5, abs=1e-9)
        assert nats.tokens(row.sampler, row.scored_by, row.domain) == row.n_tokens
    own = found[found.sampler == found.scored_by]
    assert own[["full", "k1"]].abs().max(axis=None) < 1e-9 and found.full.drop(own.index).min() > 1e-4
    assert found.correct.tolist() == [task % 2 == 0 for task in found.task_id.str.split("-").str[-1].astype(int)]


def test_only_what_is_missing_is_scored(tmp_path, scored):
    zoo = zoo_in(tmp_path)
    first = policy_sums([zoo], NAMES[:2], HERE[:1], (2, 1), False)
    scored.clear()
    pd.testing.assert_frame_equal(policy_sums([zoo], NAMES[:2], HERE[:1], (2, 1), False), first)
    assert scored == []
    more = policy_sums([zoo], NAMES[:2], HERE[:1], (4, 2), False)  # tasks and samples: 6 of 8 completions are new
    assert [(sampler, n) for sampler, _, n in scored] == [("anchor", 6), ("expert-math", 6)]
    again = more.merge(first[["sampler", "scored_by", "task_id", "sample"]])
    pd.testing.assert_frame_equal(again[list(COLUMNS)], first)
    scored.clear()
    policy_sums([zoo], NAMES, HERE[:1], (4, 2), False)  # a model: it scores the others, which score it
    assert scored == [("anchor", ["anchor", "mixed"], 8), ("expert-math", ["expert-math", "mixed"], 8),
                      ("mixed", sorted(NAMES), 8)]
    scored.clear()
    fewer = policy_sums([zoo], NAMES[1:], HERE[:1], (1, 1), False)
    assert scored == [] and len(fewer) == 4 and set(fewer.scored_by) == set(NAMES[1:])
    assert policy_scores.left(zoo, NAMES, HERE[:1], (4, 2)) == 0
    assert policy_scores.left(zoo, NAMES, HERE, (4, 2)) == pytest.approx(0.5)


def test_a_trace_or_a_model_that_changed_is_scored_anew_and_not_mixed(tmp_path, scored):
    zoo = zoo_in(tmp_path / "a")
    before = policy_sums([zoo], NAMES, HERE[:1], (3, 1), False).set_index(["sampler", "scored_by", "task_id"]).full
    file, scored[:] = zoo.folder / "traces/anchor/math-0.parquet", []
    traces = pd.read_parquet(file)
    odd = traces.task_id[0]
    traces.loc[traces.task_id == odd, "completion"] = "<think> Other.</think> Answer: 9"
    traces.to_parquet(file)
    after = policy_sums([zoo], NAMES, HERE[:1], (3, 1), False).set_index(["sampler", "scored_by", "task_id"]).full
    assert scored == [("anchor", sorted(NAMES), 1)]
    changed = after[(after - before).abs() > 1e-9]
    assert set(changed.index) == {("anchor", other, odd) for other in NAMES[1:]}
    held = pd.read_parquet(file_of(zoo, "anchor", "math"))
    assert len(held) == 9 and not held.duplicated(["task_id", "sample", "scored_by"]).any()  # what is stale is gone
    scored.clear()
    tiny.save_model(zoo.folder / "models/mixed", 77, layers=1)  # trained anew: as a scorer, and as a sampler
    last = policy_sums([zoo], NAMES, HERE[:1], (3, 1), False).set_index(["sampler", "scored_by", "task_id"]).full
    assert scored == [("anchor", ["anchor", "mixed"], 3), ("expert-math", ["expert-math", "mixed"], 3),
                      ("mixed", sorted(NAMES), 3)]
    moved = {key[:2] for key in last.index[(last - after).abs() > 1e-9]}
    assert moved == {("anchor", "mixed"), ("expert-math", "mixed"), ("mixed", "anchor"), ("mixed", "expert-math")}


def test_a_zoo_of_tiny_models_from_command_to_results(tmp_path, scored):
    """Two experts, whose four tasks decide nothing; the merge of a pair is made, its answers are there."""
    names = ["anchor", "expert-math", "expert-science", "mixed", "merged-average", "merged-task_arithmetic",
             "merged-ties"]
    zoo = zoo_in(tmp_path / "zoo", names, n=1)
    (zoo.folder / "traces/pair-math+science").mkdir()
    for domain in HERE:
        file = zoo.folder / f"traces/pair-math+science/{domain}-0.parquet"
        answers_of("pair-math+science", domain, 4, 1, 0).to_parquet(file)
    findings = run([zoo], tmp_path / "out", progress=False, sizes=Sizes((3, 1), (4, 1)))
    assert {one.verdict for one in findings} <= {"inconclusive", "not_measured"}
    assert {file.name for file in (tmp_path / "out").iterdir()} == {
        "divergence.csv", "neighbors.csv", "controls.csv", "explains.csv", "findings.json",
        "policy_neighborhoods.png", "policy_neighborhoods.pdf"}
    neighbors = pd.read_csv(tmp_path / "out/neighbors.csv")
    assert neighbors[["domain", "other"]].drop_duplicates().to_numpy().tolist() == [["math", "science"],
                                                                                  ["science", "math"]]
    assert neighbors.n_tasks.eq(3).all() and neighbors.pair_gain.notna().all()
    assert (zoo.folder / "merges/pair-math+science").is_dir()
    assert len(json.loads((tmp_path / "out/findings.json").read_text())) == 7
    assert summary(tmp_path / "out")[1].startswith("on math: own expert")
    assert 0 < left(zoo, quick=True) < 1


def test_a_zoo_without_a_mixed_run_has_a_matrix_and_one_of_a_single_model_is_refused(tmp_path, scored):
    zoo = zoo_in(tmp_path / "zoo", ["anchor", "twin-math"])
    findings = run([zoo], tmp_path / "out", progress=False, sizes=Sizes((2, 1), (2, 1)))
    assert {one.verdict for one in findings} == {"not_measured"}
    assert len(pd.read_csv(tmp_path / "out/divergence.csv")) == 2 * 2 * 2 * 2
    assert pd.read_csv(tmp_path / "out/neighbors.csv").empty
    assert summary(tmp_path / "out")[-2].endswith("7 not_measured")
    with pytest.raises(StudyError, match="has 'anchor' alone; KL is between two models"):
        run([zoo_in(tmp_path / "one", ["anchor"])], tmp_path / "none", progress=False)
    assert not (tmp_path / "none").exists()
