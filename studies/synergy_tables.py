"""Differences between the models of a zoo, their tables, and the published numbers beside which they stand.

M2RL v1 (arXiv 2602.12566), Tables 2, 3 and the merges of Table 4 as the official README gives them [R]; v3 second-hand
[N3] (tags as in INDEX.md). A domain of the paper is the mean of its two benchmarks. Our domains are fixed strata, not a
sample of domains: a mean over them is one of differences paired by task, domain by domain.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from studies.estimates import Estimate, average
from studies.findings import NOT_FOUND
from studies.scores import Scores
from studies.training_logs import COSTS, by_domain, routes
from training.zoo import Zoo

TABLE, TABLES = "M2RL v1, Table 3 [R]", "M2RL v1, Tables 3 and 4 [R]"
VERSION_3 = "M2RL v3, Table 3, second-hand [N3]"
COLUMNS = ("anchor", "expert-math", "expert-coding", "expert-science", "expert-instructions", "mixed-paper",
           "merged-average", "merged-task_arithmetic", "merged-ties", "distilled")
"""The paper's mixed run takes half of the experts' steps: it is `mixed-paper` here, and there is no `mixed`."""
PUBLISHED = pd.DataFrame({  # anchor to mixed: Table 3; merges and distillation: Table 4
    "AIME'24": (54.90, 71.51, 60.78, 63.65, 64.06, 73.85, 66.72, 74.27, 71.67, 71.41),
    "AIME'25": (51.30, 63.54, 55.57, 57.19, 61.67, 64.11, 61.82, 67.29, 66.72, 65.00),
    "LCB v5": (51.27, 56.99, 59.40, 58.75, 59.09, 59.77, 60.35, 50.58, 57.80, 57.50),
    "LCB v6": (53.43, 53.71, 55.43, 54.57, 55.43, 56.57, 53.71, 45.14, 53.14, 53.14),
    "HLE": (5.24, 5.93, 6.02, 5.28, 6.26, 5.84, 5.93, 6.02, 5.70, 6.44),
    "GPQA-D": (46.09, 56.82, 49.12, 56.19, 49.37, 53.66, 53.03, 55.56, 56.19, 56.82),
    "IFEval": (79.48, 83.18, 81.33, 81.51, 88.17, 90.34, 81.70, 85.40, 89.83, 90.76),
    "IFBench": (38.44, 40.14, 39.80, 38.10, 56.12, 55.78, 39.80, 58.16, 53.74, 54.08),
}, index=COLUMNS).T
BENCHMARKS = {"math": ["AIME'24", "AIME'25"], "coding": ["LCB v5", "LCB v6"], "science": ["HLE", "GPQA-D"],
              "instructions": ["IFEval", "IFBench"]}
AGENT = {"expert-agent": 59.14, "mixed-paper": 60.74, "merged-ties": 61.73}
"""BFCL v3, version 3; the anchor's and the other experts': not found."""
GPU_HOURS = {"experts": 6524.8, "merged": 6524.8, "mixed-paper": 2166.4, "distilled": 6524.8 + 816.0}
"""Table 2, v1 [R]; what merging itself took: not found."""

MIXING = ["model", "domain", "difference", "ci_low", "ci_high", "p", "n_tasks", "n_seeds", "interval", "prompts_ratio",
          "published", "published_in"]


def published(a: str, b: str, domain: str) -> tuple[float | str, str]:
    """(accuracy of a minus that of b on a domain, as published, in points; where), or (not found, "")."""
    if domain in BENCHMARKS and {a, b} <= set(COLUMNS):
        means = PUBLISHED.loc[BENCHMARKS[domain]].mean()
        merged = any(name.startswith("merged-") or name == "distilled" for name in (a, b))
        return round(float(means[a] - means[b]), 3), TABLES if merged else TABLE
    if domain == "agent" and {a, b} <= set(AGENT):
        return round(AGENT[a] - AGENT[b], 3), VERSION_3
    return NOT_FOUND, ""


def published_mean(differences: list[tuple[str, str, str]]) -> tuple[float | str, str]:
    """(mean of published differences (a, b, domain), where), of version 1's if there are several."""
    known = [published(*one) for one in differences]
    if len(known) == 1:
        return known[0]
    first = [one for one in known if one[1] in (TABLE, TABLES)]
    return (round(float(np.mean([value for value, _ in first])), 3), first[0][1]) if first else (NOT_FOUND, "")


class Gains:
    """Differences between the models of a zoo, in points, paired by task.

    domains: those that are measured; experts: those that have an expert, hence those that routes are compared on.
    """

    def __init__(self, traces: pd.DataFrame, domains: list[str], experts: list[str], preset: str):
        scores, self.models = Scores(traces), list(dict.fromkeys(traces["model"]))
        self.domains, self.experts, self.preset = domains, experts, preset
        self._known = {(model, domain): scores.of(model, [domain]) for model in self.models for domain in domains}

    def accuracy(self, model: str, domains: list[str]) -> Estimate:
        """Mean over domains, in percent."""
        return average([self._known[model, domain] for domain in domains])

    def between(self, a: str, b: str, domains: list[str]) -> Estimate:
        """Accuracy of a minus that of b, mean over domains."""
        return self.accuracy(a, domains) - self.accuracy(b, domains)

    def transfer(self, trained: str, measured: str) -> Estimate:
        """What training on one domain alone gains over the anchor on another."""
        return self.between(f"expert-{trained}", "anchor", [measured])

    def mixing(self, model: str, domains: list[str]) -> Estimate:
        """A model minus each domain's own expert, mean over domains."""
        return average([self.between(model, f"expert-{domain}", [domain]) for domain in domains])

    def control(self, kind: str) -> str | None:
        """The domain whose expert has a control of that kind (`twin-DOMAIN`, `shuffled-DOMAIN`, `steps-DOMAIN`)."""
        return next((domain for domain in self.experts if f"{kind}-{domain}" in self.models), None)


def row(found: Estimate, value: str) -> dict:
    """An estimate as columns, its value under a name of its own; rounded, so that a bound at 0 does not miss it."""
    one = found.interval()
    numbers = {value: found.value, "ci_low": one.low, "ci_high": one.high}
    return {**{name: round(float(number), 9) + 0.0 for name, number in numbers.items()}, "p": one.p,
            "n_tasks": found.n_tasks, "n_seeds": found.n_seeds, "interval": one.kind}


def accuracy_table(gains: Gains) -> pd.DataFrame:
    """accuracy.csv: the accuracy of each model on each domain and over all, in percent, with its interval."""
    rows = []
    for model in gains.models:
        for place, domains in [*((domain, [domain]) for domain in gains.domains), ("all", gains.domains)]:
            one = row(gains.accuracy(model, domains), "accuracy")
            del one["p"]  # of an accuracy of 0: no question
            rows.append({"model": model, "domain": place, **one})
    return pd.DataFrame(rows)


def transfer_table(gains: Gains, controls: list[str], again: Gains) -> pd.DataFrame:
    """transfer.csv: gain over the anchor by what was trained on and where it is measured, beside the published cell.

    `others`: mean over the domains that a row was not trained on. again: the anchor alone, as `anchor` (first half of
    its samples) and `anchor again` (second half); published means are over the paper's four domains.
    """
    rows = [(domain, "expert", f"expert-{domain}", domain) for domain in gains.experts]
    rows += [(name, "control", name, name.partition("-")[2]) for name in controls]
    table = [line for label, kind, model, own in rows for line in _transfers(gains, label, kind, model, own)]
    return pd.DataFrame(table + _transfers(again, "anchor again", "control", "anchor again", None))


def _transfers(gains: Gains, label: str, kind: str, model: str, own: str | None) -> list[dict]:
    """One row of the matrix: each domain, then the others."""
    others = [domain for domain in gains.domains if domain != own]
    places = {**{domain: [domain] for domain in gains.domains}, **({"others": others} if others else {})}
    lines = []
    for place, domains in places.items():
        value, where = published_mean([(model, "anchor", domain) for domain in domains])
        lines.append({"trained_on": label, "measured_on": place, "kind": kind, "own": place == own,
                      **row(gains.between(model, "anchor", domains), "gain"), "published": value,
                      "published_in": where})
    return lines


def mixing_table(gains: Gains, prompts: dict[str, dict[str, float]]) -> pd.DataFrame:
    """mixing.csv: each route to one model minus the domain's own expert, by domain and over all; two controls.

    These are the expert's twin, and the expert in as many steps as the mixed run.
    prompts: run -> domain -> prompts of it that the run saw, over those that the domain's expert saw (NaN: unknown, or
    no question for a model that is merged or distilled). Published means are over the paper's four domains.
    """
    names = [name for name in gains.models if name.startswith(("mixed", "merged-", "distilled"))]
    rows = [(name, domain, [domain]) for name in names for domain in gains.experts]
    rows += [(name, "all", gains.experts) for name in names]
    rows += [(f"{kind}-{domain}", domain, [domain]) for kind in ("twin", "steps") if (domain := gains.control(kind))]
    table = []
    for model, place, domains in rows:
        value, where = published_mean([(model, f"expert-{domain}", domain) for domain in domains])
        known = [prompts.get(model, {}).get(domain, np.nan) for domain in domains]
        table.append({"model": model, "domain": place, **row(gains.mixing(model, domains), "difference"),
                      "prompts_ratio": float(np.mean(known)), "published": value, "published_in": where})
    return pd.DataFrame(table, columns=MIXING)


def prompt_ratios(zoos: list[Zoo], run: str) -> dict[str, float]:
    """Domain -> prompts of it that a run saw over those that its expert saw, mean over zoos; {} without the logs."""
    found = []
    for zoo in zoos:
        there = by_domain(zoo, run, "prompts")
        own = {domain: by_domain(zoo, f"expert-{domain}", "prompts").get(domain) for domain in zoo.experts}
        if not there or None in own.values():
            return {}
        found.append({domain: there.get(domain, 0) / count for domain, count in own.items()})
    return pd.DataFrame(found).mean().to_dict()


def tokens_sampled(zoos: list[Zoo]) -> tuple[pd.DataFrame, pd.DataFrame] | None:
    """(domains, seeds) of tokens: the mixed run's at the paper's budget, and the experts'; None without the logs."""
    mixed, own = {}, {}
    for zoo in zoos:
        there = by_domain(zoo, "mixed-paper", "tokens")
        own[zoo.seed] = {domain: by_domain(zoo, f"expert-{domain}", "tokens").get(domain) for domain in zoo.experts}
        if not there or None in own[zoo.seed].values():
            return None
        mixed[zoo.seed] = {domain: there.get(domain, 0) for domain in zoo.experts}
    return pd.DataFrame(mixed), pd.DataFrame(own)


def cost_table(zoos: list[Zoo]) -> pd.DataFrame:
    """costs.csv: what each route to one model for all domains cost, in each zoo, and relative to the experts together.

    NaN where it was not recorded. published_gpu_hours, published_ratio: the paper's, of v1 [R].
    """
    rows = []
    for zoo in zoos:
        spent = routes(zoo)
        for name, cost in spent.items():
            hours = GPU_HOURS.get(name)
            rows.append({"seed": zoo.seed, "route": name, **cost,
                         **{f"{key}_ratio": cost[key] / spent["experts"][key] for key in COSTS},
                         "published_gpu_hours": NOT_FOUND if hours is None else round(hours, 1),
                         "published_ratio": NOT_FOUND if hours is None else round(hours / GPU_HOURS["experts"], 3)})
    return pd.DataFrame(rows)
