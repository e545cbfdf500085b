"""Plots of a search, in the style of `learning.plots`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from shoplens.learning.plots import COLOURS, GRID, INK, MUTED

MOST_SETTINGS = 15  # bars


def plot_history(path: Path, trials: Sequence[tuple[int, float | None]], metric: str) -> None:
    """Every trial by number, the best so far as a line, the settings in force dashed; those stopped early at the foot.

    `trials`: (number, value; None = stopped early).
    """
    figure, axes = _sheet("Trials", height=3.8)
    done = [(number, value) for number, value in trials if value is not None]
    x, y = [one[0] for one in done], [one[1] for one in done]
    axes.scatter(x, y, s=22, color=COLOURS["linear"], label="trial", zorder=3)
    axes.step(x, np.maximum.accumulate(y), where="post", color=COLOURS["blend"], linewidth=2, label="best so far")
    axes.axhline(y[0], color=MUTED, linewidth=1, linestyle="--", label="settings in force")
    stopped = [number for number, value in trials if value is None]
    if stopped:
        foot = min(y) - 0.05 * max(max(y) - min(y), 1e-6)
        axes.scatter(stopped, [foot] * len(stopped), s=22, marker="x", color=MUTED, label="stopped early")
    axes.set_xlabel("trial", color=MUTED, fontsize=9.5)
    axes.set_ylabel(metric.upper() + " on validation", color=MUTED, fontsize=9.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis="y", color=GRID)
    axes.legend(frameon=False, labelcolor=INK, fontsize=9)
    figure.savefig(path)


def plot_importance(path: Path, importance: Mapping[str, float]) -> None:
    """Bars: how much of the spread of the trials each setting explains, the largest on top."""
    shown = list(importance.items())[:MOST_SETTINGS]
    figure, axes = _sheet("What made a difference", height=1.4 + 0.28 * len(shown))
    axes.barh([name for name, _ in shown][::-1], [share for _, share in shown][::-1], color=COLOURS["fusion"])
    axes.set_xlabel("share of the spread explained (fANOVA)", color=MUTED, fontsize=9.5)
    axes.grid(axis="x", color=GRID)
    figure.savefig(path)


def _sheet(title: str, *, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(9, height), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, color=INK, fontsize=13, fontweight="bold", x=0.01, ha="left")
    axes = figure.subplots()
    axes.set_axisbelow(True)
    axes.tick_params(colors=MUTED, labelsize=9, length=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(GRID)
    return figure, axes
