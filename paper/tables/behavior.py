"""What models do and how they judge: behaviors, verification (Table 7), the tagger, steering; and controls, learning.

And `doses`: how synergy, overlap and the better judge respond to what domains share and where they slip (ours).
"""

from __future__ import annotations

import pandas as pd

from paper.published import JUDGES, LACKING, Fact, gain
from paper.saved import DOSE, Saved
from paper.tables.rows import COUNTS, beside, joined, kept, ranked, unmeasured
from studies.synergy_figure import PIECES, curve

CHANGE = ("change", "change_low", "change_high")
LIMITS = ("ci_low", "ci_high")
MEANS = {("mixed", "outcome"): "mixed-highest-own"}
"""(judge, mode) -> the claim about its mean over domains."""
TAGGED = {"f1": "F1", "kappa": "kappa"}


def behaviors(saved: Saved) -> pd.DataFrame:
    """Behaviors, accuracy and length of each model against the anchor's on the same tasks, by domain."""
    table = saved.table("self_verification", "behavior", ("model", "domain", "measure", "unit", "interval"),
                        (*CHANGE, *COUNTS))
    table = kept(table, table.model != "anchor", "model but the anchor")
    fact = Fact("rises, in words", "DeepSeek-R1, arXiv 2501.12948, in words; M2RL: not found")
    return beside(table, ("model", "domain", "measure"), CHANGE, table.unit.replace("%", "points"),
                  lambda model, domain, measure: gain(model, domain) if measure == "accuracy" else
                  fact if model == f"expert-{domain}" and measure != "backtracking" else
                  Fact("not found", fact.source),
                  lambda model, domain, measure: saved.verdict("self_verification", f"{measure}-{domain}")
                  if model == f"expert-{domain}" else "")


def judging(saved: Saved) -> pd.DataFrame:
    """Table 7: accuracy of each judge against the verifier, who sees the answer (outcome) or all of it (process)."""
    numbers = ("accuracy", "accuracy_low", "accuracy_high", *COUNTS)
    table = saved.table("self_verification", "judge", ("pool", "mode", "judge", "domain"), numbers)
    table = ranked(table.assign(**{name: 100 * table[name] for name in numbers[:3]}), "judge")
    found = beside(table, ("pool", "judge", "domain", "mode"), numbers[:3], "%",
                   lambda pool, judge, domain, mode: JUDGES.get((judge, domain, mode), LACKING)
                   if pool == "own" else LACKING)
    rest = [unmeasured({"pool": "own", "judge": judge, "domain": domain, "mode": mode}, fact, "%")
            for (judge, domain, mode), fact in JUDGES.items() if domain != "all" and judge not in set(table.judge)]
    means = [unmeasured({"pool": "own", "judge": judge, "domain": domain, "mode": mode}, fact, "%")
             | _mean(found, judge, mode, saved.verdict("self_verification", MEANS.get((judge, mode), "")))
             for (judge, domain, mode), fact in JUDGES.items() if domain == "all"]
    return joined([found, pd.DataFrame(rest), pd.DataFrame(means)])


def _mean(found: pd.DataFrame, judge: str, mode: str, verdict: str) -> dict:
    """The mean over domains of a judge's accuracy on its own trajectories, without an interval."""
    rows = found[(found.pool == "own") & (found.judge == judge) & (found["mode"] == mode)]
    return {"ours": rows.ours.mean(), "n": int(rows.n.sum()), "seeds": int(rows.seeds.max()),
            "verdict": verdict} if len(rows) else {}


def tagger(saved: Saved) -> pd.DataFrame:
    """Ours: agreement of the tagger with the organism's known labels, sentence by sentence."""
    limits = [f"{name}_{end}" for name in TAGGED for end in ("low", "high")]
    table = saved.table("self_verification", "tagger_audit", ("model", "label"), (*TAGGED, *limits, "n_traces"))
    table, made = ranked(table, "model"), saved.made.get("self_verification", {"zoos": []})
    parts = [beside(table.assign(measure=shown, seeds=len(made["zoos"])), ("label", "measure", "model"),
                    (name, f"{name}_low", f"{name}_high"), shown, n="n_traces", seeds="seeds",
                    interval="bootstrap over traces")
             for name, shown in TAGGED.items()]
    return joined(parts)


def steering(saved: Saved) -> pd.DataFrame:
    """Ours: what the anchor does when the direction before checks, or a random one, is added at a layer, by dose."""
    table = saved.table("layer_probes", "steering", ("domain", "direction", "measure"),
                        ("layer", "dose", "value", *LIMITS, *COUNTS))
    unit = table.measure.map({"accuracy": "%", "tokens": "tokens"}).fillna("per 100 sentences")
    return beside(table, ("domain", "measure", "layer", "direction", "dose"), ("value", *LIMITS), unit)


def controls(saved: Saved) -> pd.DataFrame:
    """Ours: gains over the anchor of experts that have controls, and of these: twin, permuted rewards, more steps."""
    table = saved.table("synergy", "transfer", ("trained_on", "measured_on", "kind", "interval"),
                        ("gain", *LIMITS, *COUNTS))
    theirs = table[table.kind == "control"].trained_on.str.partition("-")[2]
    table = kept(table, (table.kind == "control") | table.trained_on.isin(set(theirs) - {""}), "control")
    claims = {"shuffled": "transfer-above-shuffled", "twin": "mixing-above-twin", "steps": "mixing-above-steps"}
    table = table.assign(model=[f"expert-{row.trained_on}" if row.kind == "expert" else row.trained_on
                                for row in table.itertuples()])
    return beside(table, ("model", "measured_on"), ("gain", *LIMITS), "points",
                  verdict=lambda model, place: saved.verdict("synergy", claims.get(model.split("-")[0], ""))
                  if place == "others" else "")


def transfers(saved: Saved) -> pd.DataFrame:
    """Table 3, differences: what training on one domain gains over the anchor on each."""
    table = saved.table("synergy", "transfer", ("trained_on", "measured_on", "kind", "interval"),
                        ("gain", *LIMITS, *COUNTS))
    table = kept(table, (table.kind == "expert") & (table.measured_on != "others"), "expert")
    return beside(table, ("trained_on", "measured_on"), ("gain", *LIMITS), "points",
                  lambda trained, measured: gain(f"expert-{trained}", measured))


def learning(saved: Saved) -> pd.DataFrame:
    """Ours: accuracy in training, by prompts of a domain that a run has seen, in equal pieces; mean over seeds."""
    numbers = ("seed", "prompts_seen", "accuracy", "rollouts")
    table = saved.table("synergy", "learning", ("run", "domain"), numbers)
    own = table[table.run == "expert-" + table.domain].groupby("domain").prompts_seen.max()
    parts = []
    for (run, domain), _ in table.groupby(["run", "domain"], sort=False):
        if domain in own.index:
            found = 100 * curve(table, run, domain, own[domain] / PIECES)
            rows = pd.DataFrame({"run": run, "domain": domain, "prompts": found.index, "value": found.mean(axis=1),
                                 "low": found.min(axis=1), "high": found.max(axis=1), "n_seeds": found.shape[1],
                                 "n_tasks": 0})
            parts.append(beside(rows, ("run", "domain", "prompts"), ("value", "low", "high"), "%",
                                interval="range over seeds, no interval"))
    return joined(parts)


def doses(saved: Saved) -> pd.DataFrame:
    """Ours: how each measure responds to what domains share (sharing) and to where slips lie."""
    table = saved.table(DOSE, "doses", ("measure", "group", "slips", "unit", "interval"),
                        ("sharing", "value", *LIMITS, *COUNTS))
    return beside(table, ("measure", "group", "sharing", "slips"), ("value", *LIMITS), table.unit)


def claims(saved: Saved) -> pd.DataFrame:
    """Every claim of every study: what was published, ours, the verdict."""
    table = pd.DataFrame([{"study": study, **one} for (study, _), one in saved.findings.items()])
    table = kept(table, pd.Series(True, table.index), "finding")
    for name in ("measured", "ci_low", "ci_high"):
        table[name] = pd.to_numeric(table[name])
    facts = {(row.study, row.id): Fact(str(row.published), row.source) for row in table.itertuples()}
    said = {(row.study, row.id): row.verdict.replace("_", " ") for row in table.itertuples()}
    return beside(table, ("study", "id", "claim"), ("measured", *LIMITS), "as in the claim",
                  lambda *one: facts[one[:2]], lambda *one: said[one[:2]], n="n", seeds="seeds",
                  interval="95 %, not adjusted")
