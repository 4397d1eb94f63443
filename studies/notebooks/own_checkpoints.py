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
# # Your own checkpoints
#
# Any checkpoints that were trained from one anchor make a zoo: safetensors folders, or ids on the hub. Nothing is
# copied; `zoo.json`, traces and merges go to a folder of their own. Then everything here works on them: comparisons,
# judges, every study.

# %%
from transformers.utils import logging

from behaviors import judge, judge_scores
from behaviors.store import TraceStore
from probes import compare_weights
from studies import expert_gains
from training import Zoo

logging.disable_progress_bar()
there = Zoo.load("runs/organism/seed0")  # <- the line to change: delete it, and write your own paths or ids below
ANCHOR, EXPERTS, MIXED = there.anchor, dict(there.experts), there.mixed  # "sft", {"math": "me/rl-math", ...}, None
TASKS, SAMPLES = 40, 4  # a (model, domain); fewer is faster

zoo = Zoo.from_models(anchor=ANCHOR, experts=EXPERTS, mixed=MIXED, out="runs/own")
zoo

# %% [markdown]
# A checkpoint with other tensors than the anchor's, or in another trainer's format, is refused here in one sentence.
#
# ## What moved
#
# Against the anchor: how many weights, and how far. Between experts: do they change the same weights (`jaccard`,
# beside its chance level), and in the same direction (`cosine`)?

# %%
shift = compare_weights(zoo.anchor, {f"expert-{name}": model for name, model in zoo.experts.items()}, progress=False)
shift

# %% [markdown]
# By layer: one row a (model, layer); -1 is what lies outside the blocks.

# %%
layers = shift.aggregate("layer").changes
axis = layers.pivot(index="layer", columns="model", values="relative_l2").plot(
    marker="o", ylabel="length of the update / of the weights", title="How far each layer moved", figsize=(7, 3.5))

# %% [markdown]
# ## Are they good judges?
#
# A model is shown the traces of the first expert and asked whether the outcome is right. Read `balanced_accuracy`: a
# judge that always says yes has .5. `unparsed` is the share of replies that gave no verdict.

# %%
domain = next(iter(zoo.experts))
traces = TraceStore(zoo, progress=False).traces(["anchor", f"expert-{domain}"], [domain], TASKS, SAMPLES)
pool = traces[(traces["model"] == f"expert-{domain}") & (traces["sample"] == 0)]
verdicts = judge(zoo.experts[domain], pool, mode="outcome", seed=zoo.seed).assign(judge=f"expert-{domain}")
scores = judge_scores(verdicts).set_index(["judge", "domain"])
scores.filter(regex="^(n_tasks|share_right|unparsed|balanced_accuracy(_low|_high)?)$").round(2)

# %% [markdown]
# ## A study of them
#
# The same from a shell: `python studies/expert_gains.py --zoo runs/own`; all studies: `python studies/all.py --zoo
# runs/own`. A claim gets a verdict after Holm's adjustment over the claims of its study.

# %%
expert_gains.run([zoo], "results/own/expert_gains", sizes=(TASKS, SAMPLES), progress=False)
