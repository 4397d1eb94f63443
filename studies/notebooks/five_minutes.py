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
# # Five minutes with a zoo
#
# A *zoo* is one anchor and the models trained from it: an expert a domain, a mixed run, and their merges. Here: how
# good they are, how far they moved, how they check themselves, and what merging two of them brings.
#
# To open it: `jupytext --to notebook five_minutes.py`, or the file itself in JupyterLab with jupytext installed.

# %%
from transformers.utils import logging

from behaviors import avg_at_k, paired_bootstrap, sample, summarize, tag
from behaviors.store import TraceStore
from probes import compare_weights
from training import Zoo, get_domain, merge

ZOO = "runs/organism/seed0"  # <- the line to change: a folder with a zoo.json, or a built-in name
TASKS, SAMPLES = 40, 4  # a (model, domain); fewer is faster

logging.disable_progress_bar()
zoo = Zoo.load(ZOO)
zoo

# %% [markdown]
# ## How good are they?
#
# The trace store samples each model once on each domain's held-out tasks, and keeps what it wrote; a verifier judges
# every completion. Accuracy is the mean over samples, then tasks; its interval (95 %) comes from redrawing tasks.

# %%
own = [f"expert-{domain}" for domain in zoo.experts]
models = ["anchor", *own] + ["mixed"] * bool(zoo.mixed) + ["merged-ties"] * (len(own) > 1)
traces = TraceStore(zoo, progress=False).traces(models, n_tasks=TASKS, n=SAMPLES)
accuracy = avg_at_k(traces)
accuracy

# %%
table = accuracy.pivot(index="model", columns="domain").reindex(models[::-1])
ends = [(table["accuracy"] - table["ci_low"]).T.to_numpy(), (table["ci_high"] - table["accuracy"]).T.to_numpy()]
axis = table["accuracy"].plot.barh(xerr=[*zip(*ends, strict=True)], xlabel="accuracy", ylabel="", xlim=(0, 1),
                                   figsize=(7, 1 + 0.5 * len(models)), title="Accuracy by domain, with 95 % intervals")
legend = axis.legend(loc="upper left", bbox_to_anchor=(1, 1))

# %% [markdown]
# ## How far did they move?
#
# One pass over the weights. `changed_fraction` is the share of weights that differ; a cosine near 0 means that two
# experts moved in unrelated directions. Chance is printed beside an overlap, because it is not small.

# %%
shift = compare_weights(zoo.anchor, {name: zoo.models[name] for name in own}, progress=False)
shift

# %% [markdown]
# ## How do they check themselves?
#
# The tagger labels each sentence: `self_verification`, `backtracking` or `other`. Rates are per 100 sentences.

# %%
rates = summarize(traces, tag(traces["completion"].tolist())).set_index(["model", "domain"])
rates.filter(regex="^(tokens|self_verification|backtracking)").round(1)

# %% [markdown]
# ## A merge of your own
#
# All experts added to the anchor, a quarter of each. It is compared with the anchor on the same tasks of one domain, so
# that the difference is paired. `p` is of the difference being 0.

# %%
merged = merge(zoo.anchor, dict(zoo.experts), zoo.folder / "models/own-merge", "task_arithmetic", weight=0.25,
               overwrite=True, progress=False)
domain = next(iter(zoo.experts))
tasks = get_domain(domain, **zoo.manifest.factors).tasks("test", TASKS)
mine = sample(merged, tasks, n=SAMPLES, seed=zoo.seed, progress=False)
anchor = traces[(traces["model"] == "anchor") & (traces["domain"] == domain)]
paired_bootstrap(mine, anchor).to_frame().assign(domain=domain)

# %% [markdown]
# ## Where to go next
#
# - Your own checkpoints: `own_checkpoints.py`. Your own domain and verifier: `own_domain.py`.
# - A behavior that the tagger does not know: `own_label.py`. From a figure to its traces: `figure_to_traces.py`.
# - Every study: `python -m studies` lists them with what they ask, take and need.
