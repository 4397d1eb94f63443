"""What came out of each route: accuracies (Tables 3, 8), merges (Tables 4, 6), costs (Table 2), guided merges (ours).

A published number is of other benchmarks and of a model of 4 B; it stands beside ours, it is no target. RL-Multi takes
half of the experts' steps, hence `mixed-paper`; `mixed` takes all of them.
"""

from __future__ import annotations

import pandas as pd

from paper.published import LACKING, OFFICIAL, Fact, accuracy, hours, method, pair, training
from paper.saved import Saved
from paper.tables.rows import COUNTS, beside, joined, kept, over_seeds, ranked, unmeasured
from studies.merging_claims import TABLE_4
from studies.synergy_tables import BENCHMARKS, COLUMNS

LIMITS = ("ci_low", "ci_high")
MAIN = ("mixed", "mixed-paper", "merged-ties", "distilled", "anchor")
"""Of the main table, beside all experts."""
OVERALL = {"mixed": "mixing-gains", "merged-ties": "merging-within-two-points",
           "distilled": "distilled-within-two-points"}
"""Model -> the claim of `synergy` about its mean over domains."""


def accuracies(saved: Saved) -> pd.DataFrame:
    """Table 3: anchor, experts, mixed runs, TIES and distilled model, by domain and over all."""
    table = saved.table("synergy", "accuracy", ("model", "domain", "interval"), ("accuracy", *LIMITS, *COUNTS))
    table = kept(table, table.model.isin(MAIN) | table.model.str.startswith("expert-"), "model of Table 3")
    table = ranked(table, "model")
    found = beside(table, ("model", "domain"), ("accuracy", *LIMITS), "%", accuracy,
                   lambda model, domain: _verdict(saved, model, domain))
    there = set(zip(table.model, table.domain, strict=True))
    wanted = [(model, domain) for model in COLUMNS if model not in ("merged-average", "merged-task_arithmetic")
              for domain in (*BENCHMARKS, "all")]
    rest = [unmeasured({"model": model, "domain": domain}, accuracy(model, domain), "%") for model, domain in wanted
            if (model, domain) not in there]
    return joined([found, pd.DataFrame(rest)])


def _verdict(saved: Saved, model: str, domain: str) -> str:
    if model == f"expert-{domain}":
        return saved.verdict("expert_gains", f"expert-gains-{domain}")
    return saved.verdict("synergy", OVERALL[model]) if domain == "all" and model in OVERALL else ""


def methods(saved: Saved) -> pd.DataFrame:
    """Table 4: every way to merge all experts, and distillation, by domain and over all."""
    table = saved.table("merging_methods", "methods", ("model", "domain", "interval"), ("accuracy", *LIMITS, *COUNTS))
    routes = table.model.str.startswith("merged-") | table.model.isin(("distilled", "mixed", "mixed-paper"))
    table = kept(table, routes, "merge")
    table = table.assign(method=table.model.str.removeprefix("merged-"))
    found = beside(table, ("model", "method", "domain"), ("accuracy", *LIMITS), "%",
                   lambda model, name, domain: _of_method(model, name, domain),
                   lambda model, name, domain: _of_merge(saved, name) if domain == "all" else "")
    rest = [unmeasured({"model": _model(name), "method": name, "domain": "all"}, method(name), "%")
            for name in TABLE_4 if name not in set(table.method)]
    return joined([found, pd.DataFrame(rest)])


def _model(name: str) -> str:
    return name if name == "distilled" else f"merged-{name}"


def _of_method(model: str, name: str, domain: str) -> Fact:
    return method(name) if domain == "all" and name in TABLE_4 else accuracy(model, domain)


def _of_merge(saved: Saved, name: str) -> str:
    claims = {"distilled": "distilled-below-ties", "mixed": "", "mixed-paper": "",
              "dare_task_arithmetic": "dare_task_arithmetic-beats-task_arithmetic"}
    return saved.verdict("merging_methods", claims.get(name, f"ties-beats-{name}"))


def pairs(saved: Saved) -> pd.DataFrame:
    """Table 6: what merging another expert into a domain's own, by TIES, changes on that domain."""
    table = saved.table("merging_methods", "pairs", ("domain", "other"), ("gain", *LIMITS, *COUNTS))
    claims = {("math", "coding"): "coding-helps-math", ("coding", "math"): "math-hurts-coding"}
    return beside(table, ("domain", "other"), ("gain", *LIMITS), "points", pair,
                  lambda *names: saved.verdict("merging_methods", claims.get(names, "")))


def costs(saved: Saved) -> pd.DataFrame:
    """Table 2: routes to one model, in percent of all experts together, then each run's share of the experts' tokens.

    The paper counts GPU hours; ours are tokens sampled, optimizer steps and seconds.
    """
    kinds = {"tokens_ratio": "tokens", "optimizer_steps_ratio": "optimizer steps", "seconds_ratio": "seconds"}
    table = saved.table("synergy", "costs", ("route",), ("seed", *kinds))
    parts = [beside(over_seeds(table.assign(share=100 * table[column], measure=name), ["route", "measure"], "share"),
                    ("route", "measure"), ("value", "low", "high"), f"% of the experts' {name}",
                    lambda route, _: hours(route), lambda route, name: _cheap(saved, route, name))
             for column, name in kinds.items()]
    runs = saved.table("expert_gains", "runs", ("run",), ("seed", "tokens"))
    whole = runs[runs.run.str.startswith("expert-")].groupby("seed").tokens.sum()
    shares = runs.assign(share=100 * runs.tokens / runs.seed.map(whole), measure="tokens", route=runs.run)
    alone = shares.run.str.startswith("expert-") & shares.share.notna()
    parts.append(beside(over_seeds(shares[alone], ["route", "measure"], "share"), ("route", "measure"),
                        ("value", "low", "high"), "% of the experts' tokens", lambda run, _: training(run)))
    return joined(parts)


def _cheap(saved: Saved, route: str, measure: str) -> str:
    return saved.verdict("synergy", "paper-cost") if (route, measure) == ("mixed-paper", "tokens") else ""


def official(saved: Saved) -> pd.DataFrame:
    """Table 8: RL-Multi against the official post-trained model, which a zoo has nothing like."""
    source = "M2RL v1, Table 8, second-hand [N1]"
    lines = [unmeasured({"benchmark": name}, Fact(f"{multi:.2f} against {theirs:.2f}", source), "%")
             for name, (multi, theirs) in OFFICIAL.items()]
    lines += [unmeasured({"benchmark": name}, LACKING, "%") for names in BENCHMARKS.values() for name in names
              if name not in OFFICIAL]
    said = saved.verdict("synergy", "mixed-beats-official") or "not measured"
    return pd.DataFrame(lines).assign(verdict=said)


def guided(saved: Saved) -> pd.DataFrame:
    """Ours: merges made for one target domain, by a rule that knows the weights alone, minus the domain's expert."""
    table = saved.table("guided_merging", "guided", ("model", "domain", "interval"), ("against_own", *LIMITS, *COUNTS))
    table = kept(table, table.model != "own", "guided merge")
    split = table.model.str.rpartition("-")
    table = table.assign(method=split[0], rule=split[2])
    claims = {"nearest": "nearest-beats-own"}
    return beside(table, ("model", "method", "rule", "domain"), ("against_own", *LIMITS), "points",
                  verdict=lambda _, method, rule, domain: saved.verdict(
                      "guided_merging", f"{claims[rule]}-{method}") if domain == "all" and rule in claims else "")
