"""Plots of a training, drawn without any global state, so that they can be made in any thread."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from sklearn import metrics

from shoplens.learning.calibration import Reliability
from shoplens.learning.evaluate import Evaluation
from shoplens.learning.metrics.bootstrap import Difference
from shoplens.learning.metrics.probability import probability_metrics

INK, MUTED, GRID = "#1f2933", "#5f6b77", "#e3e8ed"
#: Told apart also by people who do not see red and green (Okabe and Ito, 2008); greys for the baselines.
COLOURS = {
    "popularity": "#b8c0c8",
    "item-knn": "#8793a0",
    "linear": "#56b4e9",
    "fusion": "#0072b2",
    "blend": "#d55e00",
}
LINES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00")  # of things without a colour of their own
OTHERS = ("#009e73", "#cc79a7", "#e69f00", "#7a5195", "#a05a2c", "#3b4a59")


def plot_metrics(path: Path, evaluations: Mapping[str, Evaluation], *, title: str) -> None:
    """Bars with 95 % intervals: one panel for Recall, one for NDCG, one group of bars a K."""
    figure = Figure(figsize=(9, 4.2), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, color=INK, fontsize=13, fontweight="bold", x=0.01, ha="left")
    left, right = figure.subplots(1, 2)
    for axes, metric, label in ((left, "recall", "Recall"), (right, "ndcg", "NDCG")):
        _bars(axes, evaluations, metric, label)
    _legend_below(figure, left)
    figure.savefig(path)


def plot_curves(path: Path, curves: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Loss and validation metric by epoch, of every model that learns in epochs."""
    judged = [name for name in _numbers(curves) if name.startswith("valid")]
    figure = Figure(figsize=(9, 3.6), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, 1 + len(judged), squeeze=False)[0]
    for axes, name in zip(panels, ["loss", *judged], strict=True):
        for number, (model, curve) in enumerate(curves.items()):
            points = [(epoch["epoch"], epoch[name]) for epoch in curve if epoch.get(name) is not None]
            x, y = [point[0] for point in points], [point[1] for point in points]
            colour = _colour(model, number)
            axes.plot(x, y, color=colour, linewidth=2, marker="o", markersize=3.5, label=model)
            if name != "loss" and points:
                best = max(points, key=lambda point: point[1])
                axes.plot(*best, marker="o", markersize=9, markerfacecolor="none", markeredgecolor=colour)
        dress(axes, name.replace("_", " ").replace("ndcg", "NDCG"))
        axes.set_xlabel("epoch", color=MUTED, fontsize=9.5)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(axis="y", color=GRID)
        if len(curves) > 1:
            axes.legend(frameon=False, labelcolor=INK)
    figure.suptitle("Learning: " + ", ".join(curves), color=INK, fontsize=13, fontweight="bold", x=0.01, ha="left")
    figure.savefig(path)


def plot_segments(path: Path, evaluations: Mapping[str, Evaluation]) -> None:
    """For whom and for which products each model is good: NDCG by length of history, recall by kind of product."""
    figure = Figure(figsize=(9, 3.9), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    depth = max(next(iter(evaluations.values())).ks) if evaluations else 0
    panels: tuple[tuple[str, str, str, Callable[[Evaluation], Mapping[str, Mapping[str, float]]]], ...] = (
        (f"NDCG@{depth} by length of history", f"ndcg@{depth}", "people", lambda one: one.segments),
        (f"Recall@{depth} by kind of product", "recall", "relevant", lambda one: one.products),
    )
    left, right = figure.subplots(1, 2)
    for axes, (label, metric, count, read) in zip((left, right), panels, strict=True):
        groups: dict[str, float] = {}
        for one in evaluations.values():
            groups |= {name: values[count] for name, values in read(one).items()}
        width = 0.82 / max(len(evaluations), 1)
        for number, (name, one) in enumerate(evaluations.items()):
            place = [k + (number - (len(evaluations) - 1) / 2) * width for k in range(len(groups))]
            values = [read(one).get(group, {}).get(metric, 0.0) for group in groups]
            axes.bar(place, values, width * 0.92, color=_colour(name, number), label=name)
        axes.set_xticks(range(len(groups)), [f"{group}\n{number:,.0f}" for group, number in groups.items()])
        axes.margins(y=0.1)
        dress(axes, f"{label} (below: {count if count == 'people' else 'pairs'})")
        axes.grid(axis="y", color=GRID)
    _legend_below(figure, left)
    figure.savefig(path)


def plot_calibration(path: Path, reliability: Mapping[str, Reliability]) -> None:
    """Of what was shown with a probability, how much was taken, with 95 % intervals and how many each point is."""
    figure = Figure(figsize=(6.2, 5.6), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    axes, below = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    most = max((max(one["predicted"], one["high"]) for line in reliability.values() for one in line.bins), default=1.0)
    most = min(most * 1.08, 1.0) or 1.0
    axes.plot([0, most], [0, most], color=MUTED, linewidth=1.2, linestyle=":", label="exact")
    for number, (name, line) in enumerate(reliability.items()):
        x = [one["predicted"] for one in line.bins]
        y = [one["taken"] for one in line.bins]
        spread = [
            [max(one["taken"] - one["low"], 0) for one in line.bins],
            [max(one["high"] - one["taken"], 0) for one in line.bins],
        ]
        colour = LINES[number % len(LINES)]
        label = f"{name}: ECE {line.shown['ece']:.4f}"
        axes.errorbar(x, y, spread, color=colour, linewidth=1.6, marker="o", markersize=4.5, capsize=2.5, label=label)
        below.vlines(x, 0, [one["count"] for one in line.bins], color=colour, linewidth=5, alpha=0.75)
    axes.set_ylabel("share that was taken", color=MUTED, fontsize=9.5)
    axes.legend(frameon=False, labelcolor=INK, fontsize=9, loc="upper left")
    axes.set_ylim(0, most)
    below.set_xlabel("probability that the answer gave", color=MUTED, fontsize=9.5)
    below.set_ylim(bottom=0)
    for one in (axes, below):
        dress(one, "Calibration of what people see first" if one is axes else "products shown")
        one.set_xlim(0, most)
        one.grid(axis="y", color=GRID)
    figure.savefig(path)


def plot_differences(path: Path, differences: Mapping[str, tuple[float, Difference | None]], *, title: str) -> None:
    """One line a difference: its value and, where known, its 95 % interval; those that leave zero out in colour."""
    figure = Figure(figsize=(8, 1.6 + 0.28 * max(len(differences), 1)), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.axvline(0, color=MUTED, linewidth=1)
    for row, (value, interval) in enumerate(differences.values()):
        clear = interval is not None and interval.clear
        colour = MUTED if not clear else LINES[0] if value > 0 else LINES[1]
        if interval is not None:
            axes.plot([interval.low, interval.high], [row, row], color=colour, linewidth=2)
        axes.plot(
            [value], [row], marker="o", color=colour, markersize=5, markerfacecolor=colour if interval else "none"
        )
    axes.set_yticks(range(len(differences)), list(differences))
    axes.invert_yaxis()
    axes.margins(y=0.08)
    dress(axes, title)
    axes.set_xlabel("difference [95 % interval]; hollow: no interval", color=MUTED, fontsize=9.5)
    axes.grid(axis="x", color=GRID)
    figure.savefig(path)


def plot_classification(
    path: Path, truth: npt.ArrayLike, probability: npt.ArrayLike | Mapping[str, npt.ArrayLike]
) -> None:
    """ROC and precision–recall curves of probabilities [n] against outcomes [n] of 0 and 1, one line a model.

    Beside them what chance gives. With one outcome only there is no curve, and the picture says so.
    """
    happened = np.asarray(truth).astype(np.int64)
    models = probability if isinstance(probability, Mapping) else {"model": probability}
    figure = Figure(figsize=(9, 4.2), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    roc, precise = figure.subplots(1, 2)
    rate = float(happened.mean()) if len(happened) else 0.0
    roc.plot([0, 1], [0, 1], color=MUTED, linewidth=1.2, linestyle=":", label="chance")
    precise.plot([0, 1], [rate, rate], color=MUTED, linewidth=1.2, linestyle=":", label=f"chance ({rate:.3f})")
    for number, (name, chance) in enumerate(models.items()):
        known = probability_metrics(happened, chance)
        colour = _colour(name, number) if name in COLOURS else LINES[number % len(LINES)]
        if known.auc is not None:
            x, y, _ = metrics.roc_curve(happened, np.asarray(chance))
            roc.plot(x, y, color=colour, linewidth=2, label=f"{name}: AUC {known.auc:.3f}")
        if known.auc is not None and known.average_precision is not None:
            y, x, _ = metrics.precision_recall_curve(happened, np.asarray(chance))
            precise.step(
                x, y, where="post", color=colour, linewidth=2, label=f"{name}: AP {known.average_precision:.3f}"
            )
        for note in known.notes:
            roc.annotate(note, (0.5, 0.5), ha="center", fontsize=9, color=MUTED)
    for axes, title, x, y in (
        (roc, "ROC", "false positives", "true positives"),
        (precise, "Precision and recall", "recall", "precision"),
    ):
        dress(axes, title)
        axes.set_xlabel(x, color=MUTED, fontsize=9.5)
        axes.set_ylabel(y, color=MUTED, fontsize=9.5)
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1.02)
        axes.grid(color=GRID)
        axes.legend(frameon=False, labelcolor=INK, fontsize=9, loc="lower right" if axes is roc else "best")
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
    dress(axes, label)
    axes.grid(axis="y", color=GRID)


def _legend_below(figure: Figure, axes: Axes) -> None:
    """One legend for all panels."""
    handles, names = axes.get_legend_handles_labels()
    figure.legend(
        handles,
        names,
        loc="outside lower center",
        ncols=max(len(names), 1),
        frameon=False,
        labelcolor=INK,
        fontsize=9.5,
    )


def dress(axes: Axes, title: str) -> None:
    """The look of every panel: title to the left, no frame but a line below."""
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
