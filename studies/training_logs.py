"""What training left behind: the logs of all runs, what each run cost, and each route to one model for all domains.

A zoo keeps the log of a run beside its model (`models/RUN/log.csv`, one row a step and domain: `training.rlvr`) and its
cost in zoo.json. Tokens are those that the models sampled; seconds are of the clock, beside whatever else the machine
did. A run's earlier state (`mixed-paper`, `part_of` the mixed run) cost what the run's log says up to its step.
"""

from __future__ import annotations

import pandas as pd

from training.zoo import Zoo

COSTS = ("tokens", "optimizer_steps", "seconds")
RUN_FIELDS = ("optimizer_steps", "rollouts", "tokens", "seconds", "changed")


def logs(zoos: list[Zoo]) -> pd.DataFrame:
    """The logs of all runs that left one: seed, run, then a log's own columns, share and prompts_seen.

    share: the domain's share of the step's prompts; prompts_seen: its prompts so far, this step's included.
    """
    found = [_realised(pd.read_csv(file)).assign(seed=zoo.seed, run=file.parent.name)
             for zoo in zoos for file in sorted(zoo.folder.glob("models/*/log.csv"))]
    if not found:
        return pd.DataFrame(columns=["seed", "run", "step", "domain", "prompts", "share", "prompts_seen"])
    table = pd.concat(found, ignore_index=True)
    return table[["seed", "run", *(name for name in table if name not in ("seed", "run"))]]


def _realised(log: pd.DataFrame) -> pd.DataFrame:
    """A log with what its mixture came to."""
    return log.assign(share=log["prompts"] / log.groupby("step")["prompts"].transform("sum"),
                      prompts_seen=log.groupby("domain")["prompts"].cumsum())


def log_of(zoo: Zoo, run: str) -> pd.DataFrame | None:
    """The log of a run, or of a run's earlier state up to its step; None where the zoo has none."""
    part_of = zoo.runs.get(run, {}).get("part_of")
    file = zoo.folder / "models" / (part_of or run) / "log.csv"
    if not file.is_file():
        return None
    log = pd.read_csv(file)
    return log[log["step"] < zoo.runs[run]["optimizer_steps"]] if part_of else log


def by_domain(zoo: Zoo, run: str, column: str) -> dict[str, float]:
    """Domain -> sum over a run's steps of `prompts`, or of `tokens` over all its rollouts; {} without a log."""
    log = log_of(zoo, run)
    if log is None:
        return {}
    values = log["tokens"] * log["rollouts"] if column == "tokens" else log[column]
    return values.groupby(log["domain"], sort=False).sum().to_dict()


def run_table(zoos: list[Zoo]) -> pd.DataFrame:
    """One row a (seed, run) whose cost is recorded: steps, rollouts, tokens, seconds, share of weights changed."""
    return pd.DataFrame([{"seed": zoo.seed, "run": name, **{key: cost[key] for key in RUN_FIELDS}}
                         for zoo in zoos for name, cost in zoo.runs.items() if set(RUN_FIELDS) <= set(cost)])


def cost(zoo: Zoo, run: str) -> dict[str, float]:
    """Tokens, optimizer steps and seconds of a run, or of a run's earlier state; NaN where they were not recorded."""
    known = zoo.runs.get(run, {})
    found = {key: known.get(key, float("nan")) for key in COSTS}
    if "part_of" in known and (log := log_of(zoo, run)) is not None:
        found["tokens"] = round(float((log["tokens"] * log["rollouts"]).sum()))
        found["seconds"] = round(float(log.groupby("step")["seconds"].max().sum()), 1)
    return found


def routes(zoo: Zoo) -> dict[str, dict[str, float]]:
    """Route -> what it cost in all: `merged` needs the experts, `distilled` the experts and its own training.

    Other routes: `experts` (together), `mixed` and `mixed-paper`. The arithmetic of a merge is not counted.
    """
    runs = [cost(zoo, f"expert-{domain}") for domain in zoo.experts]
    experts = {key: round(sum(one[key] for one in runs), 1) for key in COSTS}
    found = {"experts": experts} | {name: cost(zoo, name) for name in ("mixed", "mixed-paper") if name in zoo.models}
    found["merged"] = dict(experts)
    if "distilled" in zoo.models:
        own = cost(zoo, "distilled")
        found["distilled"] = {key: round(experts[key] + own[key], 1) for key in COSTS}
    return found
