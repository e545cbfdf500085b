"""What a training did, for people: figures, plots and one page that needs nothing else."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from shoplens.learning.evaluate import Evaluation
from shoplens.learning.plots import plot_curves, plot_metrics

COLUMNS = ("recall", "ndcg")


def write_report(
    folder: Path,
    evaluations: Mapping[str, Evaluation],
    *,
    title: str,
    best: str,
    weights: Mapping[str, float] | None = None,
    train_seconds: Mapping[str, float] | None = None,
    curves: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
    notes: Mapping[str, Any] | None = None,
) -> list[Path]:
    """Write metrics.json, metrics.png, training_curve.png (when a model learns in epochs) and report.html.

    `evaluations` in the order in which they should appear; `notes` are facts about the data (name → value). Returns
    the files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    seconds = train_seconds or {}
    figures = {
        "title": title,
        "best": best,
        "weights": dict(weights or {}),
        "notes": dict(notes or {}),
        "models": {
            name: {**evaluation.as_dict(), "train_seconds": seconds.get(name)}
            for name, evaluation in evaluations.items()
        },
        "curves": {name: [dict(epoch) for epoch in curve] for name, curve in (curves or {}).items()},
    }
    files = [folder / "metrics.json", folder / "metrics.png"]
    files[0].write_bytes(orjson.dumps(figures, option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY, default=str))
    plot_metrics(files[1], evaluations, title=title)
    if curves:
        files.append(folder / "training_curve.png")
        plot_curves(files[-1], curves)
    page = folder / "report.html"
    page.write_text(_page(evaluations, figures, seconds, files[1:]), encoding="utf-8")
    return [*files, page]


def table_rows(
    evaluations: Mapping[str, Evaluation], train_seconds: Mapping[str, float] | None = None
) -> tuple[list[str], list[list[str]]]:
    """Header and rows of the results table: each metric with its 95 % interval."""
    ks = next(iter(evaluations.values())).ks if evaluations else ()
    names = [f"{metric}@{k}" for metric in COLUMNS for k in ks] + ["mrr"]
    deepest = max(ks, default=0)
    header = ["model", *names, "coverage", f"cold recall@{deepest}", "train s", "people/s"]
    rows = []
    for model, one in evaluations.items():
        cells = [
            f"{one.means[name]:.4f} ({one.low[name]:.4f}–{one.high[name]:.4f})" if one.people else "–" for name in names
        ]
        cold = "–" if one.cold_recall is None else f"{one.cold_recall:.4f}"
        took = "–" if train_seconds is None or model not in train_seconds else f"{train_seconds[model]:.1f}"
        rows.append([model, *cells, f"{one.coverage:.3f}", cold, took, f"{one.users_per_second:,.0f}"])
    return header, rows


def _page(
    evaluations: Mapping[str, Evaluation],
    figures: Mapping[str, Any],
    seconds: Mapping[str, float],
    pictures: Sequence[Path],
) -> str:
    """The page: facts, table, segments, pictures. Pictures are inside it, so that it can be sent by mail."""
    best = figures["best"]
    header, rows = table_rows(evaluations, seconds)
    people = max((one.people for one in evaluations.values()), default=0)
    facts = {"best on validation": best, "people judged": f"{people:,}", **figures["notes"]}
    if figures["weights"]:
        facts["blend"] = ", ".join(f"{name} {weight:g}" for name, weight in figures["weights"].items())
    marked = [[f"<b>{html.escape(row[0])}</b>" if row[0] == best else html.escape(row[0]), *row[1:]] for row in rows]
    parts = [
        "<dl>" + "".join(f"<dt>{_text(name)}</dt><dd>{_text(value)}</dd>" for name, value in facts.items()) + "</dl>",
        _table(header, marked),
        "<p>The whole catalogue was ranked for every person. In brackets: 95 % bootstrap intervals over people.</p>",
        *(f'<img alt="{_text(path.stem)}" src="{_inline(path)}">' for path in pictures),
        _segments(evaluations),
    ]
    return PAGE.replace("{title}", _text(figures["title"])).replace("{body}", "\n".join(part for part in parts if part))


def _segments(evaluations: Mapping[str, Evaluation]) -> str:
    """Short histories against long ones, one row a model."""
    names = list(dict.fromkeys(name for one in evaluations.values() for name in one.segments))
    if not names:
        return ""
    deepest = max(next(iter(evaluations.values())).ks)
    first = next(iter(evaluations.values()))
    header = ["model", *(f"{name} ({first.segments[name]['people']:,.0f} people)" for name in names)]
    rows = [
        [html.escape(model), *(f"{one.segments[name][f'ndcg@{deepest}']:.4f}" for name in names)]
        for model, one in evaluations.items()
    ]
    return f"<h2>NDCG@{deepest} by length of history</h2>" + _table(header, rows)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Cells are HTML already."""
    head = "".join(f"<th>{_text(cell)}</th>" for cell in header)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _text(value: object) -> str:
    return html.escape(str(value))


def _inline(path: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()


PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>
<style>
body{font:15px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem;color:#1f2933;background:#fff}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;display:block;overflow-x:auto}
th,td{padding:.35rem .7rem;border-bottom:1px solid #dde3e9;text-align:right;white-space:nowrap}
th:first-child,td:first-child{text-align:left}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1.2rem}dt{color:#5f6b77}dd{margin:0}
img{max-width:100%;margin:1rem 0}
</style></head><body><h1>{title}</h1>
{body}
</body></html>
"""
