"""Accuracies of models on domains as estimates: any two can be subtracted, and the difference is paired by task.

    scores = Scores(traces); (scores.of("mixed", ["math"]) - scores.of("anchor", ["math"])).interval()
"""

from __future__ import annotations

import pandas as pd

from behaviors.metrics import grid
from studies.estimates import Estimate, ratio


class Scores:
    """Accuracies, in percent, of models on domains; every (model, domain) on the same tasks."""

    def __init__(self, traces: pd.DataFrame):
        self._by_model = dict(list(traces.groupby("model", sort=False)))

    def of(self, model: str, domains: list[str]) -> Estimate:
        """Mean over the tasks of these domains, of which each has as many."""
        traces = self._by_model[model]
        return 100 * ratio(grid(traces[traces.domain.isin(domains)], "correct", by=("domain", "task_id")))

    def __contains__(self, model: str) -> bool:
        return model in self._by_model
