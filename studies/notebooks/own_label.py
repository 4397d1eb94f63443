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
# # A behavior label of your own
#
# The shipped tagger knows self-verification and backtracking. Here is a third: **restating**, a sentence that only says
# again what the question gives. Not restating: a new value, a check, a verdict, a law that the question does not state.
#
# Say what it is, label some sentences by hand, try two instruments against the hand labels, then measure rates.

# %%
import re

import pandas as pd

from behaviors import avg_at_k, paired_bootstrap
from behaviors.agreement import agreement
from behaviors.segmentation import spans
from behaviors.store import TraceStore
from behaviors.tagger import BehaviorTagger
from training import Zoo

zoo = Zoo.load("runs/organism/seed0")  # <- the line to change
TASKS, SAMPLES = 40, 4  # a (model, domain); fewer is faster

# %% [markdown]
# ## Hand labels
#
# One trace a paragraph: its question, then its sentences, those that restate with a `>`. Label the sentences of your
# models in their context; a few dozen traces give a usable interval, these few a first look.

# %%
LABELLED = """
Boxes: gray 12, green 32. Start with gray. Add green. What is left?
> Start with gray, 12.
green is 32: 12 + 32 = 44.
Check: 44 - 32 = 12.
It was 12.
Good.

Boxes: blue 25, green 27, red 18. Start with green. Take away red. Add 9. What is left?
> Start with green, 27.
red is 18: 27 - 18 = 9.
9 + 9 = 18.

Boxes: gray 20, red 37. Start with red. Take away gray. What is left?
> We start with red, which is 37.
> gray is 20.
37 - 20 = 17.
Let me check: 17 + 20 = 37.
That matches.

Table: time 3, energy 21, distance 7. What is the power? 63 (A), 7 (B), 18 (C).
The power is energy / time.
> The energy is 21 and the time is 3.
21 / 3 = 7.
That is 7.
63 (A), no.
7 (B), yes.

Table: distance 6, time 2, force 7. What is the work? 42 (A), 43 (B), 1 (C).
The work is force * distance.
> The force is 7 and the distance is 6.
7 * 6 = 42.
Let me check: A is 42.
It must be 42.

Table: volume 8, mass 64. What is the density? 56 (A), 8 (B).
The density is mass / volume.
> The mass is 64 and the volume is 8.
64 / 8 = 8.
Wait, that is wrong.
56 (A), no.

Write about the wind. Use exactly 2 bullet points. Use the word wind at least 2 times.
> I need 2 bullet points and the word wind 2 times.
* The wind is loud.
* The wind is cold.
Check: there are 2 bullet points of 2: yes.

Write about the town. End with: Bye. Do not use the word small.
> I need the end Bye and no word small.
Draft: The town is dark.
It is old.
Let me verify: the end is Bye: yes.

Raise the credit of Zoe by 8.
I look up Zoe.
The credit is 13.
13 + 8 = 21.
I call set_credit.

Write a Python function f. f(1) is 6, f(2) is 8, f(4) is 12.
> f(1) is 6 and f(2) is 8.
The slope is 8 - 6 = 2.
The offset is 6 - 2 = 4.

A train leaves at 9 and arrives at 14. It stops for 2 hours on the way. How long does it move?
> The problem says that it leaves at 9 and arrives at 14.
So it is under way for 14 - 9 = 5 hours.
> It stops for 2 hours.
That leaves 3 hours.
Does that make sense?

Mira buys 3 packs with 12 pencils each and gives away 9. How many are left?
> We are given 3 packs with 12 pencils each.
That is 36 pencils.
> She gives away 9.
So 27 are left.
Let me recount the packs.
"""
rows = [{"trace": k, "question": lines[0], "text": line.removeprefix("> "),
         "gold": "restating" if line.startswith("> ") else "other"}
        for k, lines in enumerate(part.split("\n") for part in LABELLED.strip().split("\n\n")) for line in lines[1:]]
hand = pd.DataFrame(rows)
hand.groupby("gold").agg(sentences=("text", "size"), traces=("trace", "nunique"))

# %% [markdown]
# ## Two instruments
#
# The first is fitted on the hand labels: the tagger's own features and logistic regression, which see a sentence and
# its neighbors, not the question. It is judged on traces that it was not fitted on, each held out in turn. The second
# is a rule that reads the question: no operation or equation, and every number and most words stand there.

# %%
def fitted(table: pd.DataFrame) -> BehaviorTagger:
    return BehaviorTagger.fit(table.rename(columns={"gold": "label"}))


def restates(sentence: str, question: str) -> bool:
    given, said = (set(re.findall(r"[a-z]+|\d+", text.lower())) for text in (question, sentence))
    said -= {"a", "an", "and", "are", "at", "i", "is", "it", "no", "of", "so", "the", "we", "with"}
    strange = said - given
    return (bool(said) and not re.search(r"[=+*/?]|\d -|\(|yes|no\.", sentence)
            and not any(word.isdigit() for word in strange) and len(strange) <= len(said) / 2)


held_out = [fitted(hand[hand["trace"] != k]).tag([part["text"].tolist()])["label"] for k, part in hand.groupby("trace")]
by_rule = [restates(*pair) for pair in zip(hand["text"], hand["question"], strict=True)]
instruments = pd.concat([hand.assign(instrument="fitted", label=pd.concat(held_out).to_numpy()),
                         hand.assign(instrument="rule", label=["restating" if yes else "other" for yes in by_rule])])
instruments[instruments["gold"] != instruments["label"]][["instrument", "question", "text", "gold", "label"]]

# %% [markdown]
# The errors are above; read them before any number. The agreement is below, with intervals that redraw traces.
# `agreement` knows the shipped names alone, so ours goes there under the first of them.

# %%
named = instruments.replace({"restating": "self_verification"})
table = agreement(named, by=["instrument"]).query("label == 'self_verification'").set_index("instrument")
table[["n", "positives", "precision", "recall", "f1", "f1_low", "f1_high", "kappa"]].round(2)

# %% [markdown]
# ## Rates by model
#
# The share of a completion's sentences that restate, by the instrument with the higher F1, mean over tasks, with its
# 95 % interval. It was chosen on the labels that judge it, and the rule was written with them in view: expect less of
# it on other traces, and label some of those.

# %%
best = table["f1"].idxmax()
tagger = fitted(hand)


def share(text: str, question: str) -> float:
    sentences = [text[start:end] for start, end in spans(text)]
    if best == "rule":
        found = [restates(sentence, question) for sentence in sentences]
    else:
        found = tagger.tag([sentences])["label"] == "restating"
    return sum(found) / max(1, len(sentences))


own = [f"expert-{domain}" for domain in zoo.experts]
traces = TraceStore(zoo, progress=False).traces(["anchor", *own], n_tasks=TASKS, n=SAMPLES)
traces["share"] = [share(*pair) for pair in zip(traces["completion"], traces["prompt"], strict=True)]
rates = avg_at_k(traces.assign(correct=traces["share"])).rename(columns={"accuracy": "restating"})
rates[["model", "domain", "restating", "ci_low", "ci_high", "n_tasks"]].style.format(precision=3).bar(
    subset="restating", color="#9ecae1").hide()

# %% [markdown]
# Did training change it? Each expert minus the anchor on its own domain, the same tasks.

# %%
def change(domain: str) -> pd.DataFrame:
    expert, anchor = (traces[(traces["model"] == model) & (traces["domain"] == domain)]
                      for model in (f"expert-{domain}", "anchor"))
    return paired_bootstrap(expert, anchor, value="share").to_frame().assign(domain=domain, instrument=best)


pd.concat([change(domain) for domain in zoo.experts]).set_index("domain").round(3)

# %% [markdown]
# `tagger.save("restating.safetensors")` keeps the fitted one; `python -m behaviors.tagger TRACES --out TAGS.parquet
# --weights restating.safetensors` then tags any file with it.
