"""What happened inside: weights (Table 5, Figure 3), policies (Figure 4), gains (Figure 5), bits, layers (ours)."""

from __future__ import annotations

import pandas as pd

from paper.published import CHANGED, NONE, Fact, consistency, neighbor, overlap
from paper.saved import NotSaved, Saved
from paper.tables.rows import COUNTS, beside, joined, kept, ranked
from studies.weight_figure import experts_only

CELLS = "t, (layer, module) cells crossed with seeds"
LIMITS = ("ci_low", "ci_high")
RANGE = "range over seeds, no interval"
PROFILE = {  # column of layers.csv: (name, unit)
    "weights_relative_l2": ("weights moved", "relative L2"),
    "weights_changed_fraction": ("weights changed", "share"),
    "activations_relative_l2": ("activations moved", "relative L2"),
    "activations_cka": ("activations alike", "debiased CKA"),
    "patching_recovered": ("patching recovers", "share of the KL"),
    "lens_settled": ("answers settled", "share of tokens"),
    "probe_right_auroc": ("probe: is the answer right", "AUROC"),
    "probe_right_tokens": ("words: is the answer right", "AUROC"),
    "probe_next_auroc": ("probe: does a check come next", "AUROC"),
    "probe_next_tokens": ("words: does a check come next", "AUROC"),
}


def footprints(saved: Saved) -> pd.DataFrame:
    """Table 5: the share of weights that each run changed."""
    table = saved.table("weight_shift", "models", ("model", "dtype"),
                        ("changed_fraction", "lowest", "highest", "n_params", "n_seeds"))
    fact = Fact("about 30 %", "M2RL v1, Table 5, second-hand [N1]; by domain: not found", 100 * CHANGED)
    table = table.assign(value=100 * table.changed_fraction, low=100 * table.lowest, high=100 * table.highest)
    return beside(table, ("model",), ("value", "low", "high"), "% of weights",
                  lambda model: fact if model.startswith("expert-") else Fact("not found", fact.source),
                  lambda model: saved.verdict("weight_shift", "changed-a-minority") if model.startswith("expert-")
                  else "", n="n_params", interval=RANGE)


def overlaps(saved: Saved) -> pd.DataFrame:
    """Table 5: Jaccard of the weights that two runs change, with its chance level."""
    table = _pairs(saved, ("jaccard", "jaccard_low", "jaccard_high", "jaccard_chance"))
    found = beside(table, ("model_a", "model_b"), ("jaccard", "jaccard_low", "jaccard_high"), "Jaccard",
                   lambda a, b: overlap(a, b) if b.startswith("expert-") else NONE,
                   lambda a, b: saved.verdict("weight_shift", "overlap-above-chance" if b.startswith("expert-")
                                              else ""), n="n_cells", interval=CELLS)
    return found.assign(chance=table.jaccard_chance)


def cosines(saved: Saved) -> pd.DataFrame:
    """Figure 3: cosine of two updates, exact; `projected`: after projection to 256 dimensions, as in the paper."""
    table = _pairs(saved, ("cosine", "cosine_low", "cosine_high", "sketch_cosine", "sketch_std"))
    fact = Fact("positive, modest; values: not found", "M2RL, Figure 3, in words [N1][R]")
    found = beside(table, ("model_a", "model_b"), ("cosine", "cosine_low", "cosine_high"), "cosine",
                   lambda a, b: fact if b.startswith("expert-") else NONE, lambda a, b: _of_cosine(saved, b),
                   n="n_cells", interval=CELLS)
    return found.assign(projected=table.sketch_cosine, projected_std=table.sketch_std)


def _of_cosine(saved: Saved, other: str) -> str:
    claims = {"twin": "twin-closest", "expert": "cosine-positive"}
    return saved.verdict("weight_shift", claims.get(other.split("-")[0], ""))


def _pairs(saved: Saved, numbers: tuple[str, ...]) -> pd.DataFrame:
    """Pairs of experts, and each expert with its own controls."""
    table = saved.table("weight_shift", "pairs", ("model_a", "model_b"), numbers)
    cells = saved.table("weight_shift", "overlap", ("module",), ("layer", "seed"))
    theirs = table.apply(lambda row: row.model_a.startswith("expert-")
                         and row.model_b in {f"{kind}-{row.model_a[7:]}" for kind in ("twin", "shuffled", "steps")},
                         axis=1)
    table = kept(table, table.index.isin(experts_only(table).index) | theirs, "pair of experts")
    return table.assign(n_cells=len(cells[["layer", "module"]].drop_duplicates()), n_seeds=cells.seed.nunique())


def neighborhoods(saved: Saved) -> pd.DataFrame:
    """Figure 4: KL from each expert to the mixed policy on the tasks of each domain; epsilon: the own expert's."""
    table = _divergence(saved)
    experts = table.sampler.str.startswith(("expert-", "twin-", "shuffled-", "steps-"))
    table = kept(table, (table.scored_by == "mixed") & experts, "expert beside a mixed policy")
    own = {row.domain: row.kl for row in table.itertuples() if row.sampler == f"expert-{row.domain}"}
    found = beside(table, ("domain", "sampler"), ("kl", *LIMITS), "nats a token",
                   lambda domain, sampler: neighbor(domain, sampler.removeprefix("expert-")),
                   lambda domain, sampler: saved.verdict("policy_neighborhoods",
                                                         _neighbor_claim(domain, sampler.removeprefix("expert-"))))
    return found.assign(epsilon=found.domain.map(own))


def _neighbor_claim(domain: str, expert: str) -> str:
    return {("math", "coding"): "coding-near-math", ("coding", "math"): "math-not-near-coding",
            ("coding", "instructions"): "instructions-near-coding"}.get(
                (domain, expert), "own-expert-nearest" if domain == expert else "")


def divergences(saved: Saved) -> pd.DataFrame:
    """Figure 4: KL from each model, which wrote the completions, to each other one, by domain."""
    table = _divergence(saved)
    table = kept(table, table.sampler != table.scored_by, "pair of models")
    return beside(table, ("domain", "sampler", "scored_by"), ("kl", *LIMITS), "nats a token",
                  lambda *_: Fact("not found", "M2RL v1, Figure 4: values not found"))


def _divergence(saved: Saved) -> pd.DataFrame:
    table = saved.table("policy_neighborhoods", "divergence", ("sampler", "scored_by", "domain", "estimator"),
                        ("kl", *LIMITS, *COUNTS))
    return kept(table, table.estimator == "full", "KL over the whole vocabulary")


def gains(saved: Saved) -> pd.DataFrame:
    """Figure 5: consistency of each model's gains with the union of the experts', without noise; `plain`: with it."""
    numbers = ("consistency", "corrected", "corrected_low", "corrected_high", "ceiling", "chance", *COUNTS)
    table = saved.table("gain_consistency", "consistency", ("model", "domain", "interval"), numbers)
    table = ranked(table, "model")
    claims = {("mixed", "math"): "math-highest", ("merged-ties", "all"): "ties-above-mixed",
              ("distilled", "all"): "distilled-above-mixed"}
    found = beside(table, ("model", "domain"), ("corrected", "corrected_low", "corrected_high"), "cosine", consistency,
                   lambda *names: saved.verdict("gain_consistency", claims.get(names, "")))
    return found.assign(plain=table.consistency, chance=table.chance, ceiling=table.ceiling)


def information(saved: Saved) -> pd.DataFrame:
    """Ours for "information constraints": bits a completion that a model moves from the anchor, and what they buy."""
    numbers = ("bits", "bits_low", "bits_high", "gain", "gain_low", "gain_high", *COUNTS)
    table = saved.table("information_constraints", "bits", ("model", "route", "domain", "interval"), numbers)
    table = kept(table, table.route != "anchor", "model but the anchor")
    fact = Fact("not found", "M2RL, Information constraints: named in its abstract alone")
    found = beside(table, ("model", "domain"), ("bits", "bits_low", "bits_high"), "bits a completion", lambda *_: fact)
    return found.assign(gain=table.gain, gain_low=table.gain_low, gain_high=table.gain_high)


def layers(saved: Saved) -> pd.DataFrame:
    """Ours: how far each layer moved and what can be read from it, by expert; means over seeds, without intervals."""
    table = saved.table("layer_probes", "layers", ("domain",), ("layer",))
    there = {column: said for column, said in PROFILE.items() if column in table}
    if not there:
        raise NotSaved("layer_probes/layers.csv has none of the measures")
    weights = saved.table("layer_probes", "weights", ("domain",), ("seed",))
    parts = []
    for column, (name, unit) in there.items():
        rows = table.dropna(subset=[column]).assign(measure=name, none=float("nan"), n_tasks=0,
                                                    n_seeds=weights.seed.nunique())
        parts.append(beside(rows, ("domain", "measure", "layer"), (column, "none", "none"), unit, interval="none"))
    return joined(parts)


def grafts(saved: Saved) -> pd.DataFrame:
    """Ours: what an expert's layer brings when it is put into the anchor, or costs when it is taken out."""
    table = saved.table("layer_probes", "grafts", ("domain", "direction", "part", "measure"),
                        ("change", *LIMITS, *COUNTS, "layer"))
    table = kept(table, table.part == "all", "graft of whole layers")
    unit = table.measure.map({"accuracy": "points"}).fillna("per 100 sentences")
    return beside(table, ("domain", "direction", "measure", "layer"), ("change", *LIMITS), unit)
