"""Whether what profiles predict is what happens, drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from shoplens.learning.plots import GRID, INK, LINES, MUTED, dress

FILE = "profile_calibration.png"
TITLES = {"churn": "does not come back in time", "next_category": "a category in the next visit"}


def drawings_of(figures: Mapping[str, Any]) -> dict[str, Callable[[Path], None]]:
    """File name → what draws it; empty when nothing was predicted."""
    bins = {name: one["calibration"]["bins"] for name in TITLES if "calibration" in (one := figures.get(name) or {})}
    return {FILE: lambda path: plot_forecasts(path, bins)} if bins else {}


def plot_forecasts(path: Path, bins: Mapping[str, Sequence[Mapping[str, float]]]) -> None:
    """One panel a prediction: tenths of the forecasts, how often each came true with its 95 % interval."""
    figure = Figure(figsize=(4.6 * len(bins), 4.4), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle("Predictions of profiles, on the test period", color=INK, fontsize=12, x=0.01, ha="left")
    for axes, (name, line) in zip(figure.subplots(1, len(bins), squeeze=False)[0], bins.items(), strict=True):
        most = min(1.0, 1.1 * max(max(one["predicted"], one["high"]) for one in line))
        axes.plot([0, most], [0, most], color=MUTED, linewidth=1.2, linestyle=":")
        x, y = [one["predicted"] for one in line], [one["happened"] for one in line]
        spread = [
            [max(one["happened"] - one["low"], 0) for one in line],
            [max(one["high"] - one["happened"], 0) for one in line],
        ]
        axes.errorbar(x, y, spread, color=LINES[0], linewidth=1.6, marker="o", markersize=4.5, capsize=2.5)
        dress(axes, TITLES[name])
        axes.set_xlabel("probability as predicted", color=MUTED, fontsize=9.5)
        axes.set_ylabel("share that came true", color=MUTED, fontsize=9.5)
        axes.set_xlim(0, most)
        axes.set_ylim(0, most)
        axes.grid(color=GRID)
    figure.savefig(path)
