"""The Workplace Assistant of NeMo-Gym: 27 tools on five tables and a company directory, read from a folder of files.

It is WorkBench (Styles et al., 2024, arXiv 2405.00823) as M2RL (arXiv 2602.12566) trains its agent on it. The folder
is `csv_data` of resources_servers/workplace_assistant in NVIDIA-NeMo/Gym, or `data` of olly-styles/WorkBench; its
files are not part of this repository (`tables`).

    workbench = Workbench("csv_data")
    workbench.call("calendar_delete_event", {"event_id": "00000013"})    # {"output": "00000013"}
    workbench.call("calendar_delete_event", {"event_id": "00000013"})    # {"error": "there is no event_id '00000013'"}

Tools, arguments, defaults, what each changes and how states are compared were read in NeMo-Gym's code of this server
(commit 07d6b0d). What calls leave in the tables counts (`request`); a refused call changes nothing.

Departures from NeMo-Gym:
1. Answers are told in our own words: `{"output": rows, id or path}`, and `{"error": sentence}` for what is refused or
   raises there. A search that finds nothing has no rows; there it is a sentence.
2. Searches look for the text as it stands; there most take it for a regular expression, which may be none. A missing
   cell fits no search; there a search for customers may fail on one.
3. An argument is a text, or a whole number for `page` and `page_size` (1 or more). There a number in place of a text
   goes into the table, and is compared as a missing value: right for any other number.
4. Dates and times that a tool reads are ISO 8601 without a time zone; there whatever pandas can make a time of.
5. Rows are compared in their order, without the labels that pandas gives them: there an e-mail deleted before another
   is sent, and after it, makes two states, though no tool shows a difference.
6. Where the ground truth changes nothing (122 of WorkBench's 690 queries: a condition that does not hold, nobody who
   fits), right is to change nothing after at least one call that is not refused; there no call at all is right too. So
   an agent that only looks scores on these, and on no others.
7. Reading changes nothing. There an average session duration without bounds changes how visitors are shown later.
"""

from training.domains.workbench.request import Request, difference
from training.domains.workbench.tables import read_tables
from training.domains.workbench.workbench import TOOLS, Workbench

__all__ = ["TOOLS", "Request", "Workbench", "difference", "read_tables"]
