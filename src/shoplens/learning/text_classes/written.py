"""What a classifier of texts did, for people: figures as JSON, who was taken for whom as a picture, one page."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from shoplens.learning.plot_fonts import font_for, numbered
from shoplens.learning.plots import INK, MUTED
from shoplens.learning.report import inline, page, table
from shoplens.learning.text_classes.judging import Judged

LABELLED = 30  # classes up to which every row and column of the picture has its name
NUMBERED = 15  # classes up to which every cell has its number


def write_classes(folder: Path, judged: Judged, *, title: str, figures: Mapping[str, Any]) -> Path:
    """Write metrics.json, confusion.png and report.html into a folder; returns the page."""
    folder.mkdir(parents=True, exist_ok=True)
    options = orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY
    body = {**figures, "classes": judged.classes, "confusion": judged.confusion.tolist()}
    (folder / "metrics.json").write_bytes(orjson.dumps(body, option=options, default=str))
    named = plot_confusion(folder / "confusion.png", judged)
    header, rows = judged.report.rows()
    parts = [
        table(header, [[html.escape(cell) for cell in row] for row in rows]),
        *_beside(figures),
        "<h2>Who was taken for whom</h2>",
        f'<img alt="confusion matrix" src="{inline(folder / "confusion.png")}">',
        *([] if named else [_numbers(judged.classes)]),
        "<h2>The surest errors</h2>",
        table(
            ["text", "truth", "said", "probability"],
            [
                [html.escape(one.text), html.escape(one.truth), html.escape(one.said), f"{one.probability:.3f}"]
                for one in judged.errors
            ],
        ),
    ]
    written = folder / "report.html"
    written.write_text(page(title, parts), encoding="utf-8")
    return written


def plot_confusion(path: Path, judged: Judged) -> bool:
    """Shares of each true class (a row) by what was said; darker is more. Whether classes stand there by their names:
    where no font has their letters they have numbers, from 1 in the order of the classes."""
    count = len(judged.classes)
    shares = judged.confusion / np.maximum(judged.confusion.sum(1, keepdims=True), 1)
    side = float(np.clip(2.5 + 0.35 * count, 4.5, 14))
    figure = Figure(figsize=(side, side), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xlabel("said", color=MUTED)
    axes.set_ylabel("truth", color=MUTED)
    places = range(count)
    names = [name[:24] for name in judged.classes]
    font = font_for(names)
    if count <= LABELLED:
        shown = numbered(names, font)
        axes.set_xticks(places, shown, rotation=90, fontproperties=font, fontsize=8, parse_math=False)
        axes.set_yticks(places, shown, fontproperties=font, fontsize=8, parse_math=False)
    if count <= NUMBERED:
        for row in places:
            for column in places:
                colour = "white" if shares[row, column] > 0.5 else INK
                number = f"{judged.confusion[row, column]:,}"
                axes.text(column, row, number, ha="center", va="center", fontsize=8, color=colour)
    figure.savefig(path)
    return font is not None or count > LABELLED


def _numbers(classes: Sequence[str]) -> str:
    """Which class has which number in the picture."""
    told = " · ".join(f"{number} {html.escape(name)}" for number, name in enumerate(classes, start=1))
    return f"<p>No font of the machine that drew this has all letters of the classes; in the picture: {told}</p>"


def _beside(figures: Mapping[str, Any]) -> list[str]:
    """Baselines and what each path did on validation, where the figures have them."""
    rows = [
        [html.escape(f"{kind}: {name}"), f"{one['accuracy']:.4f}", f"{one['macro_f1']:.4f}"]
        for kind in ("baselines", "validation")
        for name, one in figures.get(kind, {}).items()
    ]
    return ["<h2>Beside it</h2>", table(["", "accuracy", "macro F1"], rows)] if rows else []
