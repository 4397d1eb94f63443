"""What the paper's reproduction is made of: each item with its place, caption, table and figure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from paper.figures import behavior as drawn_behavior
from paper.figures import layers as drawn_layers
from paper.figures import outcomes as drawn_outcomes
from paper.figures import policies as drawn_policies
from paper.figures import weights as drawn_weights
from paper.published import CHANCE
from paper.saved import Saved
from paper.tables import behavior, inside, outcomes


@dataclass(frozen=True)
class Item:
    """A table, a figure, or both."""

    name: str
    place: str
    """Where in the paper, or Ours."""
    caption: str
    table: Callable[[Saved], pd.DataFrame] | None = None
    figure: Callable[[Saved], object] | None = None
    wide: bool = False
    """Is the table also printed with a column a domain?"""


ITEMS = (
    Item("accuracy", "Table 3", "Accuracy of the anchor, experts, mixed, merged and distilled models, by domain. The "
         "paper's benchmarks and its model of 4 B are others than ours. RL-Multi took half of the experts' steps, as "
         "`mixed, paper's budget` does.", outcomes.accuracies, drawn_outcomes.accuracy, wide=True),
    Item("transfer", "Table 3", "What training on one domain changes on each: points over the anchor.",
         behavior.transfers, drawn_outcomes.transfer),
    Item("merging_methods", "Table 4", "Ways to merge all experts, and distillation, beside the mixed runs.",
         outcomes.methods, drawn_outcomes.methods, wide=True),
    Item("costs", "Table 2", "What each route to one model costs, the experts together being 100 %; then each expert's "
         "share.", outcomes.costs, drawn_outcomes.costs),
    Item("footprints", "Table 5", "Share of the stored weights that each run changed.", inside.footprints,
         drawn_weights.footprints),
    Item("overlaps", "Table 5", "Jaccard overlap of the weights that two runs changed, and its level by chance. "
         f"Published for random masks: {CHANCE} [N1].", inside.overlaps),
    Item("cosines", "Figure 3", "Cosine of the updates of two runs, exact and after projection to 256 dimensions.",
         inside.cosines, drawn_weights.cosines),
    Item("neighborhoods", "Figure 4", "KL from each expert to the mixed policy, by domain; a neighbor is nearer than "
         "epsilon, the KL of the domain's own expert.", inside.neighborhoods, drawn_policies.neighborhoods),
    Item("kl_matrix", "Figure 4", "KL between all models; the first wrote the completions.", inside.divergences,
         drawn_policies.divergences),
    Item("gain_consistency", "Figure 5", "Do combined models gain where the experts gain? Cosine of a model's gains "
         "with the union of the experts', without noise (not measured where gains are too small for that); and "
         "plain, as the paper measures it.", inside.gains, drawn_policies.gains),
    Item("pairs", "Table 6", "What merging another expert into a domain's own changes on that domain.",
         outcomes.pairs, drawn_outcomes.pairs),
    Item("verification", "Table 7", "Accuracy of each model as a judge, who sees the answer (outcome) or the whole "
         "trace (process), on its own trajectories and on a pool that all see.", behavior.judging,
         drawn_behavior.judging),
    Item("official", "Table 8", "RL-Multi against the official post-trained model. A zoo has no such model.",
         outcomes.official),
    Item("behaviors", "DeepSeek-R1", "Change of behaviors, accuracy and length against the anchor.",
         behavior.behaviors, drawn_behavior.behaviors),
    Item("information", "Information constraints", "Bits a completion that a model moves away from the anchor, and the "
         "gain in accuracy.", inside.information, drawn_policies.information),
    Item("controls", "Ours", "An expert beside its controls: a second run, permuted rewards, more steps of fewer "
         "prompts; and the anchor sampled again.", behavior.controls, drawn_outcomes.controls),
    Item("learning", "Ours", "Learning curves: accuracy in training by prompts of the domain seen.", behavior.learning,
         drawn_outcomes.learning),
    Item("guided_merging", "Ours", "Merges made for one domain by the cosine of updates alone, against its own expert.",
         outcomes.guided, drawn_outcomes.guided),
    Item("layers", "Ours", "Layer profile: how far layers moved, what they bring along and what can be read there. "
         "Layer -1: embeddings, last norm and head.", inside.layers, drawn_layers.profile),
    Item("grafting", "Ours", "Layers of an expert put into the anchor, and taken out of the expert. Layer -1: "
         "embeddings, last norm and head; direction `expert`: the whole expert.", inside.grafts, drawn_layers.grafts),
    Item("steering", "Ours", "The anchor with the direction before checks added at a layer, by dose.",
         behavior.steering, drawn_layers.steering),
    Item("tagger", "Ours", "Agreement of the behavior tagger with known labels.", behavior.tagger,
         drawn_behavior.tagger),
    Item("dose_response", "Ours", "How synergy, overlap and the better judge respond to what domains share and where "
         "they slip.", behavior.doses, drawn_behavior.doses),
    Item("claims", "All", "Every claim of every study.", behavior.claims),
)
