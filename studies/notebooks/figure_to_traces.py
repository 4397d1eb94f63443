# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # From a point of a figure to the traces behind it
#
# Every point of a figure is a row of a CSV beside it, and every row is made of traces that the zoo still holds. Here: a
# point of the synergy study, the completions behind it, and a page to read them on.

# %%
from pathlib import Path

import pandas as pd
from IPython.display import IFrame, Image

from behaviors import tag
from behaviors.page import write_page
from behaviors.store import TraceStore
from studies import synergy
from training import Zoo

zoo = Zoo.load("runs/organism/seed0")  # <- the line to change
RESULTS = Path("results", zoo.name, "synergy-quick")
SIZES = TASKS, SAMPLES = 12, 4  # of the study; fewer is faster

synergy.run([zoo], RESULTS, quick=True, progress=False, sizes=SIZES)  # what was sampled before is used again
Image(RESULTS / "synergy.png", width=900)

# %% [markdown]
# ## Pick a point
#
# A row of `transfer.csv` is a cell of the first panel: what training on one domain gained on another, in points.

# %%
transfer = pd.read_csv(RESULTS / "transfer.csv")
cells = transfer[(transfer["kind"] == "expert") & (transfer["measured_on"] != "others")]
cells.pivot(index="trained_on", columns="measured_on", values="gain").style.format("{:+.1f}").background_gradient(
    "RdBu", axis=None, vmin=-30, vmax=30)

# %% [markdown]
# The one that is furthest from 0 off the diagonal, or on it where there is one domain; choose yours by its names.

# %%
others = cells[~cells["own"]]
choice = others if len(others) else cells
point = choice.loc[choice["gain"].abs().idxmax()]
model, domain = f"expert-{point.trained_on}", point.measured_on
point.to_frame("value")

# %% [markdown]
# ## Its traces
#
# The store reads exactly those: this model and the anchor, this domain, the study's tasks and samples. The point comes
# out of them again.

# %%
traces = TraceStore(zoo, progress=False).traces(["anchor", model], [domain], TASKS, SAMPLES)
right = traces.pivot_table(index="task_id", columns="model", values="correct", aggfunc="mean")
tasks = (100 * (right[model] - right["anchor"])).rename("points")
print(f"{model} on {domain}: {tasks.mean():+.2f} points from the traces, {point.gain:+.2f} in the figure")
tasks.sort_values().to_frame().style.bar(align=0, color=["#d65f5f", "#5fba7d"]).format("{:+.0f}")

# %% [markdown]
# ## Read them
#
# The task that moved most, one completion of each model, its sentences colored: checks blue, turns back orange.

# %%
COLORS = {"self_verification": "#cfe3f7", "backtracking": "#fdd9b5", "other": "transparent"}
moved = traces[(traces["task_id"] == tasks.abs().idxmax()) & (traces["sample"] == 0)].reset_index(drop=True)
tags = tag(moved["completion"].tolist())
sentences = tags.assign(model=moved["model"].reindex(tags["text_id"]).to_numpy())[["model", "text", "label"]]
print(moved["prompt"].iloc[0])
colored = sentences.style.apply(lambda row: [f"background-color: {COLORS[row['label']]}"] * len(row), axis=1)
colored.format(escape="html").hide()

# %% [markdown]
# All of them on one page, to search and filter, that needs no server.

# %%
traces = traces.sort_values(["task_id", "model", "sample"], ignore_index=True)
tags = tag(traces["completion"].tolist())
names = (f"{row.task_id}, {row.model}, sample {row.sample}: {'right' if row.correct else row.reason}"
         for row in traces.itertuples())
named = ((name, text, tags[tags["text_id"] == k])
         for k, (name, text) in enumerate(zip(names, traces["completion"], strict=True)))
page = RESULTS.with_name(f"{model}-on-{domain}.html")
print(f"{write_page(named, page, f'{model} on {domain}')} traces on {page}")
IFrame(str(page), width="100%", height=500)
