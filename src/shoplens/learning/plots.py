"""Plots of a training, drawn without any global state, so that they can be made in any thread."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from shoplens.learning.evaluate import Evaluation

INK, MUTED, GRID = "#1f2933", "#5f6b77", "#e3e8ed"
#: Told apart also by people who do not see red and green (Okabe and Ito, 2008); greys for the baselines.
COLOURS = {
    "popularity": "#b8c0c8",
    "item-knn": "#8793a0",
    "linear": "#56b4e9",
    "fusion": "#0072b2",
    "blend": "#d55e00",
}
OTHERS = ("#009e73", "#cc79a7", "#e69f00")


def plot_metrics(path: Path, evaluations: Mapping[str, Evaluation], *, title: str) -> None:
    """Bars with 95 % intervals: one panel for Recall, one for NDCG, one group of bars a K."""
    figure = Figure(figsize=(9, 4.2), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, color=INK, fontsize=13, fontweight="bold", x=0.01, ha="left")
    left, right = figure.subplots(1, 2)
    for axes, metric, label in ((left, "recall", "Recall"), (right, "ndcg", "NDCG")):
        _bars(axes, evaluations, metric, label)
    handles, names = left.get_legend_handles_labels()
    figure.legend(
        handles,
        names,
        loc="outside lower center",
        ncols=max(len(names), 1),
        frameon=False,
        labelcolor=INK,
        fontsize=9.5,
    )
    figure.savefig(path)


def plot_curves(path: Path, curves: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Loss and validation metric by epoch, of every model that learns in epochs."""
    metrics = [name for name in _numbers(curves) if name.startswith("valid")]
    figure = Figure(figsize=(9, 3.6), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, 1 + len(metrics), squeeze=False)[0]
    for axes, name in zip(panels, ["loss", *metrics], strict=True):
        for number, (model, curve) in enumerate(curves.items()):
            points = [(epoch["epoch"], epoch[name]) for epoch in curve if epoch.get(name) is not None]
            x, y = [point[0] for point in points], [point[1] for point in points]
            colour = _colour(model, number)
            axes.plot(x, y, color=colour, linewidth=2, marker="o", markersize=3.5, label=model)
            if name != "loss" and points:
                best = max(points, key=lambda point: point[1])
                axes.plot(*best, marker="o", markersize=9, markerfacecolor="none", markeredgecolor=colour)
        _dress(axes, name.replace("_", " ").replace("ndcg", "NDCG"))
        axes.set_xlabel("epoch", color=MUTED, fontsize=9.5)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(axis="y", color=GRID)
        if len(curves) > 1:
            axes.legend(frameon=False, labelcolor=INK)
    figure.suptitle("Learning: " + ", ".join(curves), color=INK, fontsize=13, fontweight="bold", x=0.01, ha="left")
    figure.savefig(path)


def _bars(axes: Axes, evaluations: Mapping[str, Evaluation], metric: str, label: str) -> None:
    ks = next(iter(evaluations.values())).ks if evaluations else ()
    width = 0.82 / max(len(evaluations), 1)
    for number, (name, one) in enumerate(evaluations.items()):
        place = [group + (number - (len(evaluations) - 1) / 2) * width for group in range(len(ks))]
        values = [one.means[f"{metric}@{k}"] for k in ks]
        below = [max(value - one.low[f"{metric}@{k}"], 0) for value, k in zip(values, ks, strict=True)]
        above = [max(one.high[f"{metric}@{k}"] - value, 0) for value, k in zip(values, ks, strict=True)]
        axes.bar(
            place,
            values,
            width * 0.92,
            yerr=[below, above],
            color=_colour(name, number),
            label=name,
            error_kw={"ecolor": INK, "elinewidth": 1, "capsize": 2.5},
        )
        for x, value, up in zip(place, values, above, strict=True):
            if not math.isnan(value):
                text = f"{value:.3f}".lstrip("0") if value < 0.9995 else f"{value:.2f}"
                axes.annotate(
                    text, (x, value + up), (0, 2), textcoords="offset points", ha="center", fontsize=7.5, color=INK
                )
    axes.set_xticks(range(len(ks)), [f"{label}@{k}" for k in ks])
    axes.margins(y=0.12)
    axes.set_ylim(bottom=0)
    _dress(axes, label)
    axes.grid(axis="y", color=GRID)


def _dress(axes: Axes, title: str) -> None:
    axes.set_title(title, loc="left", color=MUTED, fontsize=10.5)
    axes.set_axisbelow(True)
    axes.tick_params(colors=MUTED, labelsize=9, length=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(GRID)


def _colour(name: str, number: int) -> str:
    return COLOURS.get(name, OTHERS[number % len(OTHERS)])


def _numbers(curves: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[str]:
    """Names of all figures that any curve has, in order of appearance; those that are never known are left out."""
    return list(
        dict.fromkeys(
            name
            for curve in curves.values()
            for epoch in curve
            for name, value in epoch.items()
            if value is not None and not math.isnan(value)
        )
    )
