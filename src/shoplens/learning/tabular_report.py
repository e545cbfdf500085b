"""What a training on a table did, for people: curves and one page beside the model."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from shoplens.learning.plots import GRID, INK, MUTED
from shoplens.learning.report import inline, page, table
from shoplens.learning.tabular_training import TableTraining

LEARNT, KEPT_ASIDE, CONSTANT = "#0072b2", "#d55e00", "#8793a0"  # Okabe and Ito (2008)


def write_table_report(folder: Path, done: TableTraining, *, name: str) -> Path:
    """Write NAME_metrics.json, NAME_curves.png and NAME_report.html; returns the page."""
    folder.mkdir(parents=True, exist_ok=True)
    figures = {"facts": done.facts, "test": done.test.as_dict(), "epochs": done.history, "notes": list(done.notes)}
    metrics = folder / f"{name}_metrics.json"
    metrics.write_bytes(orjson.dumps(figures, option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY, default=str))
    picture = folder / f"{name}_curves.png"
    plot_epochs(picture, done.history, base=_base(done))
    written = folder / f"{name}_report.html"
    facts = {key: value for key, value in done.facts.items() if not isinstance(value, Mapping)}
    for reason, count in done.facts["refused_because"].items():
        facts[f"refused, {reason}"] = count
    facts["seconds"] = f"{done.seconds:.1f}"
    header, rows = done.test.table()
    body = [
        _facts(facts),
        "<h2>Test</h2>",
        table(header, [[html.escape(cell) for cell in row] for row in rows]),
        "<p>Intervals are from a bootstrap over test rows, the same ones for all. Popularity and base rate are what "
        "answers without a model reach; accuracy alone says little where most labels are the same.</p>",
        *_classes(done),
        f'<img alt="loss and accuracy by epoch" src="{inline(picture)}">',
        "<h2>Columns</h2>",
        "<ul>" + "".join(f"<li>{html.escape(line)}</li>" for line in done.notes) + "</ul>",
    ]
    written.write_text(page(f"Model {name}", body), encoding="utf-8")
    return written


def plot_epochs(path: Path, history: Sequence[Mapping[str, float]], *, base: float | None = None) -> None:
    """Loss, and accuracy or RMSE, by epoch: of the rows learnt from and of those kept aside. `base`: a line there."""
    figure = Figure(figsize=(9, 3.6), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    second = "rmse" if history and "rmse" in history[0] else "accuracy"
    for axes, metric in zip(figure.subplots(1, 2), ("loss", second), strict=True):
        epochs = [entry["epoch"] for entry in history]
        for key, colour, label in ((metric, LEARNT, "training"), (f"valid_{metric}", KEPT_ASIDE, "validation")):
            axes.plot(epochs, [entry[key] for entry in history], color=colour, linewidth=2, marker="o", label=label)
        if metric == second and base is not None:
            axes.axhline(base, color=CONSTANT, linewidth=1.5, linestyle="--", label="constant answer, test")
        axes.set_title({"rmse": "RMSE"}.get(metric, metric), loc="left", color=MUTED, fontsize=10.5)
        axes.set_xlabel("epoch", color=MUTED, fontsize=9.5)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(axis="y", color=GRID)
        axes.tick_params(colors=MUTED, labelsize=9, length=0)
        axes.legend(frameon=False, labelcolor=INK)
    figure.savefig(path)


def _classes(done: TableTraining) -> list[str]:
    """Precision, recall and F1 by label; ratings have none."""
    report = done.test.classes
    if report is None:
        return []
    header, rows = report.rows()
    return ["<h2>Test, by label (1 from a probability of 0.5 on)</h2>", table(header, rows)]


def _base(done: TableTraining) -> float | None:
    """Accuracy of the constant answer; ratings are on another scale there."""
    if done.test.rating:
        return None
    return next(values["accuracy"] for name, values in done.test.rows.items() if name.startswith("base"))


def _facts(facts: Mapping[str, Any]) -> str:
    cells = "".join(
        f"<dt>{html.escape(str(key))}</dt><dd>{html.escape(str(value))}</dd>" for key, value in facts.items()
    )
    return f"<dl>{cells}</dl>"
