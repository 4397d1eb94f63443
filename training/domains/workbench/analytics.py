"""The web analytics of a workbench: six tools on the visits to its site. A plot is a path; nobody draws it.

Bounds are days, both inclusive, compared as text.
"""

from __future__ import annotations

from collections import Counter

from training.domains.workbench import rows
from training.domains.workbench.tables import PLOTS, VISITS, Change, Tables
from training.domains.workplace import ToolError, short

PLOTTED = ("total_visits", "session_duration_seconds", "user_engaged", "visits_direct", "visits_referral",
           "visits_search_engine", "visits_social_media")
KINDS = ("bar", "line", "scatter", "histogram")


def engaged_users_count(tables: Tables, time_min: str = "", time_max: str = "") -> dict[str, int]:
    """Visits of engaged users by day; 0 on a day with none but others."""
    return _per_day(tables, time_min, time_max, _engaged)


def get_visitor_information_by_id(tables: Tables, visitor_id: str) -> list[dict]:
    """All visits of a visitor, `user_engaged` as a truth value."""
    found = [{**visit, "user_engaged": _engaged(visit)} for visit in tables[VISITS]
             if visit["visitor_id"] == visitor_id]
    if not found:
        raise ToolError(f"there is no visitor_id {short(visitor_id)}")
    return found


def create_plot(tables: Tables, time_min: str, time_max: str, value_to_plot: str, plot_type: str) -> Change:
    """Make a plot; its path is given, and is all of it."""
    rows.check_choice("value_to_plot", value_to_plot, PLOTTED)
    rows.check_choice("plot_type", plot_type, KINDS)
    path = f"plots/{time_min}_{time_max}_{value_to_plot}_{plot_type}.png"
    return Change(PLOTS, (*tables[PLOTS], {"file_path": path}), path)


def traffic_source_count(tables: Tables, time_min: str = "", time_max: str = "", traffic_source: str = "",
                         ) -> dict[str, int]:
    """Visits from a source by day; from any where none is named."""
    return _per_day(tables, time_min, time_max,
                    lambda visit: not traffic_source or visit["traffic_source"] == traffic_source)


def total_visits_count(tables: Tables, time_min: str = "", time_max: str = "") -> dict[str, int]:
    """Visits by day."""
    return _per_day(tables, time_min, time_max, lambda visit: True)


def get_average_session_duration(tables: Tables, time_min: str = "", time_max: str = "") -> dict[str, float]:
    """Mean duration of the visits by day, in seconds."""
    seconds = _per_day(tables, time_min, time_max, lambda visit: float(visit["session_duration_seconds"]))
    visits = total_visits_count(tables, time_min, time_max)
    return {day: total / visits[day] for day, total in seconds.items()}


def _per_day(tables: Tables, time_min: str, time_max: str, measure) -> dict[str, float]:
    """The sum of a measure over the visits of each day, in the order of days."""
    totals: Counter = Counter()
    for visit in rows.between(tables[VISITS], "date_of_visit", time_min, time_max):
        totals[visit["date_of_visit"]] += measure(visit)
    return dict(sorted(totals.items()))


def _engaged(visit: dict) -> bool:
    return visit["user_engaged"] == "True"


TOOLS = (engaged_users_count, get_visitor_information_by_id, create_plot, traffic_source_count, total_visits_count,
         get_average_session_duration)
