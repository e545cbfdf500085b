"""What a tagger did, for people: figures as JSON and one page with all tables, confusions and a list of errors."""

from __future__ import annotations

import html
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from shoplens.learning.report import page, table
from shoplens.learning.tagging.judging import JudgedTagger

HEADER = ["", "precision", "recall", "f1", "support"]


def write_tagging(folder: Path, judged: JudgedTagger, *, title: str, figures: Mapping[str, Any]) -> Path:
    """Write metrics.json and report.html into a folder; returns the page."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "metrics.json").write_bytes(orjson.dumps(dict(figures), option=orjson.OPT_INDENT_2, default=str))
    parts: list[str] = []
    for name, figures_of in (
        ("Entities: kind and both ends right", judged.entities),
        ("Labels of units, without O", judged.tokens_without_o),
        (f"Labels of units, O counted (always O: {judged.always_o:.4f})", judged.tokens),
    ):
        rows = [[html.escape(cell) for cell in row] for row in judged.rows(figures_of)]
        parts += [f"<h2>{html.escape(name)}</h2>", table(HEADER, rows)]
    confused = [
        [html.escape(label), html.escape(other), f"{times:,}"]
        for label, others in judged.confusion.items()
        for other, times in others.items()
    ]
    parts += ["<h2>Who was taken for whom</h2>", table(["truth", "said", "units"], confused)]
    errors = [
        [html.escape(cell) for cell in (" ".join(one.units), _listed(one.missed), _listed(one.invented))]
        for one in judged.mistakes
    ]
    parts += ["<h2>Errors, spread over the sentences</h2>", table(["text", "missed", "invented"], errors)]
    written = folder / "report.html"
    written.write_text(page(title, parts), encoding="utf-8")
    return written


def _listed(entities: tuple[tuple[str, str], ...]) -> str:
    return "; ".join(f"{text} ({kind})" for kind, text in entities) or "–"
