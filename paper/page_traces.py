"""The browser of traces on the page: those that the results of the study self_verification keep, or why there are none.
"""

from __future__ import annotations

from html import escape
from io import StringIO

from behaviors.browser import Trace, parts, write_data
from paper.saved import NotSaved, Saved, place
from studies.verification_examples import CHARACTERS, EACH, FILE, TRACES, read_examples

STUDY = "self_verification"


def browser(saved: Saved) -> str:
    """HTML: the browser with its traces and its script, or a section that says why it is not there."""
    try:
        data = _data(saved)
    except NotSaved as error:
        return f'<section id="traces"><h2>Traces</h2><p>{escape(str(error))}</p></section>'
    known = parts()
    return (f'<h2 class="browser-title">Traces</h2>\n{known["browser"]}\n<script type="application/json" '
            f'id="trace-data">{data}</script>\n<script type="module">\n{known["script"]}\n</script>')


def _data(saved: Saved) -> str:
    """The traces as JSON. Raises NotSaved where the results keep none that can be read."""
    where = f"{STUDY}/{FILE}"
    again = f"{saved.made[STUDY]['command'] if STUDY in saved.made else f'python studies/{STUDY}.py'} writes it"
    try:
        traces = list(read_examples(place(saved.folder, STUDY) / FILE))
        text = StringIO()
        write_data(text, traces, limit=TRACES, note=_note(traces, saved))
    except FileNotFoundError:
        raise NotSaved(f"No traces to read: {where} is not there; {again}.") from None
    except (OSError, ValueError) as error:
        raise NotSaved(f"No traces to read: {where}: {str(error).splitlines()[0]}; {again}.") from None
    return text.getvalue()


def _note(traces: list[Trace], saved: Saved) -> str:
    """Which traces these are, and how many models have none."""
    said = (f"The first {EACH} right and the first {EACH} wrong completions of each model and domain, of one seed; at "
            f"most {TRACES} traces and {CHARACTERS / 1e6:g} million characters.")
    try:
        models = set(saved.table(STUDY, "accuracy", ("model",)).model)
    except NotSaved:
        return said
    without = models - {trace.facts["model"] for trace in traces}
    return said + (f" {len(without)} of {len(models)} models have none here." if without else "")
