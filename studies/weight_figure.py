"""The figure of the weight-shift study: how much each run changed, how alike the changes are, and where in the model.

Above: the share of weights each run changed; for every two runs the Jaccard overlap with its chance level, and the
cosine of the updates. Below: share changed, overlap above chance and cosine by layer and module, means over the experts
or their pairs. The title says what was found.
"""

from __future__ import annotations

import textwrap

import numpy as np
import pandas as pd

from studies.figures import COLORS, FAINT, GREY, INK, in_percent, kind_of, shown, style, titled
from studies.findings import Finding

MODULES = ("embedding", "q", "k", "v", "qkv", "o", "gate", "up", "gate_up", "down", "norm", "lm_head")
"""The order of columns; what else there is comes after."""
MAPS = (("changed_fraction", "Share of weights changed", "mean over experts", "Blues", None),
        ("excess", "Overlap above chance", "Jaccard minus chance, mean over pairs of experts", "RdBu_r", 0.0),
        ("cosine", "Cosine of the updates", "mean over pairs of experts", "RdBu_r", 0.0))


def draw(tables: dict[str, pd.DataFrame], findings: list[Finding], zoo: str):
    """The figure of the study's tables."""
    from matplotlib import pyplot

    style()
    models = list(tables["models"]["model"])
    layers = tables["layers"]["layer"].nunique()
    heights = [max(2.6, 0.42 * len(models)), max(2.4, 0.2 * layers)]
    height = sum(heights) + 4.4
    figure = pyplot.figure(figsize=(13, height))
    grid = figure.add_gridspec(2, 3, height_ratios=heights, left=0.095, right=0.955, bottom=1.35 / height,
                               top=1 - 1.55 / height, hspace=3 / sum(heights), wspace=0.38)
    upper = [figure.add_subplot(grid[0, k]) for k in range(3)]
    _shares(upper[0], tables["models"])
    _matrix(upper[1], tables["pairs"], models, "jaccard", "Overlap of changed weights", "Jaccard; below it, chance")
    _matrix(upper[2], tables["pairs"], models, "cosine", "Cosine of the updates", "below it, half its 95 % interval")
    maps = layer_maps(tables)
    for k, (name, title, unit, colors, center) in enumerate(MAPS):
        _heat(figure, figure.add_subplot(grid[1, k]), maps[name], (title, unit), colors, center)
    _frame(figure, height, headline(tables, findings), controls(tables["pairs"]), small_print(tables, zoo))
    return figure


def headline(tables: dict[str, pd.DataFrame], findings: list[Finding]) -> str:
    """Overlap and cosine of the experts, in one sentence, with the verdicts."""
    pairs, by_id = experts_only(tables["pairs"]), {one.id: one for one in findings}
    over, positive = (pairs.jaccard > pairs.jaccard_chance).sum(), (pairs.cosine > 0).sum()
    verdicts = [by_id[name].verdict.replace("_", " ") for name in ("overlap-above-chance", "cosine-positive")]
    return (f"Experts change the same weights more often than chance in {over} of {len(pairs)} pairs (mean Jaccard "
            f"{pairs.jaccard.mean():.2f}, chance {pairs.jaccard_chance.mean():.2f}: {verdicts[0]}); their updates have "
            f"a positive cosine in {positive} ({pairs.cosine.min():+.3f} to {pairs.cosine.max():+.3f}: {verdicts[1]})")


def controls(pairs: pd.DataFrame) -> str:
    """What the controls, where there are any, say about chance as a null."""
    said = []
    for kind, what in (("twin", "with its twin (other seed)"), ("shuffled", "with its control on permuted rewards")):
        own = pairs[pairs.model_b == pairs.model_a.str.replace("expert-", f"{kind}-", regex=False)]
        said += [f"{shown(row.model_a)} {what}: Jaccard {row.jaccard:.2f}, cosine {row.cosine:+.3f}"
                 for row in own.itertuples()]
    found = "; ".join(said) if said else "this zoo has no twin and no control on permuted rewards"
    return f"Chance is no null: bf16 and the optimizer make any two runs from one anchor alike. Controls: {found}."


def small_print(tables: dict[str, pd.DataFrame], zoo: str) -> str:
    """What the figure is made of."""
    first, n = tables["models"].iloc[0], tables["layers"][["layer", "module"]].drop_duplicates().shape[0]
    seeds = f"{first.n_seeds} training seeds" if first.n_seeds > 1 else "one training seed"
    return (f"Zoo {zoo}; {first.n_params:,} stored weights in {first['dtype']}, {seeds}. Changed: differs from the "
            "anchor by more than 0.1 % of the larger of the two (in bf16: at all). Chance: the Jaccard of independent "
            f"sets of the same sizes. Intervals: over the {n} (layer, module) cells"
            f"{' and the seeds' if first.n_seeds > 1 else ' of this one training, not over trainings'}. "
            "Grey: the model has no such weights, or none of them changed.")


def short(model: str) -> str:
    """A model's name where all are runs, its second part under the first: `expert-math` is `math`."""
    return shown(model).removesuffix(" expert").replace(", ", "\n")


def experts_only(pairs: pd.DataFrame) -> pd.DataFrame:
    """The pairs of two experts."""
    return pairs[pairs.model_a.str.startswith("expert-") & pairs.model_b.str.startswith("expert-")]


def layer_maps(tables: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Measure -> (layers, modules) frame, of experts alone; NaN where there is nothing to show."""
    changes = tables["layers"][tables["layers"]["model"].str.startswith("expert-")]
    overlap = experts_only(tables["overlap"]).assign(excess=lambda table: table.jaccard - table.jaccard_chance)
    maps = {"changed_fraction": changes, "excess": overlap, "cosine": overlap}
    return {name: _ordered(table.groupby(["layer", "module"])[name].mean().unstack()) for name, table in maps.items()}


def _ordered(table: pd.DataFrame) -> pd.DataFrame:
    known = [name for name in MODULES if name in table]
    return table[[*known, *(name for name in table if name not in known)]]


def _color(model: str) -> str:
    return COLORS["own" if model.startswith("expert-") else kind_of(model)]


def _shares(axis, models: pd.DataFrame) -> None:
    """A bar a model, with the paper's share as a line."""
    places = np.arange(len(models))
    axis.barh(places, models["changed_fraction"], color=[_color(name) for name in models["model"]], height=0.66)
    for place, row in zip(places, models.itertuples(), strict=True):
        axis.text(row.changed_fraction + 0.015, place, f"{row.changed_fraction:.0%}", va="center", fontsize=9)
    axis.axvline(0.3, color=INK, linewidth=1, linestyle=(0, (3, 3)))
    axis.text(0.3, -0.72, "paper, about 30 %", fontsize=8.5, ha="center", va="bottom", color=INK)
    axis.set_yticks(places, [short(name) for name in models["model"]])
    axis.set_ylim(len(models) - 0.5, -0.7)
    axis.set_xlim(0, 1.12 * max(0.35, models["changed_fraction"].max()))
    in_percent(axis.xaxis)
    axis.tick_params(axis="y", length=0)
    axis.set_title("Share of weights changed, by run", loc="left", pad=22, fontsize=12)


def _matrix(axis, pairs: pd.DataFrame, models: list[str], measure: str, title: str, unit: str) -> None:
    """The lower triangle of a symmetric measure, with its reference in small print in every field."""
    table = pd.DataFrame(np.nan, models, models)
    for row in pairs.itertuples():
        table.loc[row.model_b, row.model_a] = getattr(row, measure)
    table, highest = table.iloc[1:, :-1], np.nanmax(np.abs(table.to_numpy()))
    low, digits = 0 if measure == "jaccard" else -highest, 2 if highest >= 0.1 else 3
    large, small = (9.5, 7.5) if len(models) <= 6 else (7.6, 6.0)
    axis.imshow(table, cmap="Blues" if measure == "jaccard" else "RdBu_r", vmin=low, vmax=highest, aspect="auto")
    for row in pairs.itertuples():
        value, place = getattr(row, measure), (models.index(row.model_a), models.index(row.model_b) - 1)
        half = (row.cosine_high - row.cosine_low) / 2
        under = f"{row.jaccard_chance:.2f}" if measure == "jaccard" else f"± {half:.{digits}f}".replace("0.", ".")
        color = "white" if abs(value) > 0.62 * highest else INK
        axis.text(place[0], place[1] - 0.13, f"{value:.2f}" if low == 0 else f"{value:+.{digits}f}".replace("0.", "."),
                  ha="center", va="center", fontsize=large, color=color)
        axis.text(place[0], place[1] + 0.25, under, ha="center", va="center", fontsize=small, color=color)
    _slanted(axis, [short(name) for name in models[:-1]])
    axis.set_yticks(range(len(models) - 1), [short(name) for name in models[1:]])
    _titled(axis, title, unit)


def _heat(figure, axis, table: pd.DataFrame, title: tuple[str, str], colors: str, center: float | None) -> None:
    """A (layers, modules) map with its color bar; the first row is what lies outside the layers."""
    from matplotlib import colormaps

    limit = np.nanmax(np.abs(table.to_numpy()))
    colormap = colormaps[colors].with_extremes(bad="#EDEDED")
    image = axis.imshow(table, cmap=colormap, vmin=0 if center is None else -limit, vmax=limit, aspect="auto")
    step = 1 if len(table) <= 14 else 4
    ticks = [k for k, layer in enumerate(table.index) if layer < 0 or layer % step == 0]
    axis.set_yticks(ticks, ["outside" if table.index[k] < 0 else table.index[k] for k in ticks])
    _slanted(axis, list(table))
    axis.set_ylabel("layer")
    bar = figure.colorbar(image, ax=axis, fraction=0.05, pad=0.03)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=8.5, color=FAINT, labelcolor=INK)
    _titled(axis, *title)


def _slanted(axis, labels: list[str]) -> None:
    axis.set_xticks(range(len(labels)), labels, rotation=35, ha="right", rotation_mode="anchor")


def _titled(axis, title: str, unit: str) -> None:
    titled(axis, title, unit)
    axis.tick_params(length=0)
    for side in ("left", "bottom"):
        axis.spines[side].set_visible(False)


def _frame(figure, height: float, title: str, under: str, print_: str) -> None:
    figure.text(0.012, 1 - 0.12 / height, textwrap.fill(title, 120), va="top", fontsize=13, fontweight="bold")
    figure.text(0.012, 1 - 0.68 / height, textwrap.fill(under, 160), va="top", fontsize=10)
    figure.text(0.012, 0.1 / height, textwrap.fill(print_, 185), va="bottom", fontsize=8.5, color=GREY)
