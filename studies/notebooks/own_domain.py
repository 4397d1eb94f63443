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
# # Your own domain and verifier
#
# A model learns what its reward asks for, also what nobody meant. Here: math whose verifier also wants brevity. A
# completion is rewarded if its answer is right *and* it has at most 40 words. Does the model solve as much as before?
# Does it stop checking itself?
#
# A domain is a module, and its dotted path is its name. It draws tasks, judges answers, and knows a right one.

# %%
from importlib import invalidate_caches
from pathlib import Path

import pandas as pd
from transformers.utils import logging

from behaviors import paired_bootstrap, sample, tag
from training import Zoo, build_zoo, get_domain
from training.domains import split_reasoning

logging.disable_progress_bar()
zoo = Zoo.load("runs/organism/seed0")  # <- the line to change: any zoo; its anchor is trained
STEPS, TASKS, SAMPLES = 24, 60, 4  # fewer is faster

# %%
MODULE = '''"""Math in at most MOST words: right and brief, or no reward."""

from training.domains import Domain, Task, get_domain, split_reasoning

MATH, MOST = get_domain("math"), 40


class BriefMath(Domain):
    name = __name__  # always so: workers and traces find the module by it

    def compact(self, rng):
        task = MATH.compact(rng)
        return Task(self.name, "", task.prompt, task.answer)

    def answer_text(self, completion):
        return completion  # what `check` is given: all of it, since the reasoning's words count

    def check(self, task, text):
        right, why = MATH.check(task, split_reasoning(text)[1])
        if (words := len(text.split())) > MOST:
            return False, f"{'right' if right else 'wrong'}, but in {words} words; at most {MOST}"
        return right, why

    def reference(self, task):
        return MATH.reference(task)


DOMAIN = BriefMath
'''
Path("my_lab").mkdir(exist_ok=True)
Path("my_lab/brief_math.py").write_text(MODULE, encoding="utf-8")
invalidate_caches()
NAME = "my_lab.brief_math"
brief = get_domain(NAME)
tasks = brief.tasks("test", TASKS)
pd.DataFrame(tasks[:3])

# %% [markdown]
# The module must lie where Python finds it: in the folder that you work in, or on PYTHONPATH. After changing it, start
# the kernel anew.
#
# ## Look at verdicts before you train
#
# A verdict says why a reward is 0. What is hardly ever rewarded cannot be learned, what always is need not be.

# %%
def sampled(name: str, model: str) -> pd.DataFrame:
    return sample(model, tasks, n=SAMPLES, progress=False).assign(model=name)


anchor = sampled("anchor", zoo.anchor)
print(f"the anchor is rewarded for {anchor['reward'].mean():.0%} of its completions")
few = anchor.groupby("reward").head(4).sort_values("reward")[["reward", "reason", "completion"]]
few.style.format(precision=0, escape="html").hide()

# %% [markdown]
# ## Two short runs
#
# An expert on the new domain, and its control, whose rewards are permuted within each batch: what the verifier taught
# is what the expert does and the control does not.

# %%
own = build_zoo("organism", "runs/brief_math/seed0", domains=[NAME], steps=STEPS, controls=("shuffled",),
                anchor=zoo.anchor, progress=False)
own

# %%
log = pd.concat([pd.read_csv(own.folder / "models" / run / "log.csv").assign(run=run)
                 for run in (f"expert-{NAME}", f"shuffled-{NAME}")])
axis = log.pivot(index="step", columns="run", values="reward").rolling(4, min_periods=1).mean().plot(
    ylabel="mean reward", title="Reward while training, mean of 4 steps", figsize=(7, 3.5))

# %% [markdown]
# ## What changed
#
# On held-out tasks, each minus the anchor, paired by task, with 95 % intervals. `right` is the math verifier's word,
# however long the completion; `checks` are its sentences of self-verification.

# %%
def measured(traces: pd.DataFrame) -> pd.DataFrame:
    asked, tags = {task.id: task for task in tasks}, tag(traces["completion"].tolist())
    checks = tags["label"].eq("self_verification").groupby(tags["text_id"]).sum().reindex(range(len(traces)))
    right = [get_domain("math").check(asked[task], split_reasoning(text)[1])[0]
             for task, text in zip(traces["task_id"], traces["completion"], strict=True)]
    words = traces["completion"].str.split().str.len()
    return traces.assign(right=right, words=words, checks=checks.fillna(0).to_numpy())


before = measured(anchor)
models = {"expert": own.experts[NAME], "control": own.controls[f"shuffled-{NAME}"]}
after = {name: measured(sampled(name, model)) for name, model in models.items()}
changes = pd.concat([paired_bootstrap(traces, before, value=value).to_frame().assign(model=name)
                     for value in ("reward", "right", "words", "checks") for name, traces in after.items()])
changes = changes.rename(columns={"mean_a": "after", "mean_b": "anchor"}).set_index(["value", "model"])
changes[["anchor", "after", "difference", "ci_low", "ci_high"]].round(3)

# %% [markdown]
# On the shipped organism (seed 0, 24 steps) the expert was rewarded for 62 % of its completions, the anchor for 28 %:
# +35 points [27, 43]. It is right more often (45 -> 65 %, +19 [12, 27]), in fewer words (40 -> 28, -12 [-13, -10]), and
# has all but stopped checking itself (1.5 -> .13 sentences a completion, -1.4 [-1.6, -1.2]). Its control, on permuted
# rewards, unlearned the task (right: 3 %), so its fewer words and checks say nothing about brevity. What brevity did is
# better asked against an expert on plain `math`, whose reward does not count words: give `domains=["math", NAME]`.

# %% [markdown]
# ## Further
#
# One seed: the intervals are over tasks, and say nothing about another training. Train with `seed=1, 2, ...` and give
# all traces to `paired_bootstrap` to have both. The new domain works wherever a built-in one does: `build_zoo(domains=[
# "math", NAME])`, `python -m training --domains math,my_lab.brief_math`, and every study of such a zoo.
