"""What a training did, for people: figures, plots and one page that needs nothing else."""

from __future__ import annotations

import base64
import html
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson

from shoplens.learning.calibration import Reliability
from shoplens.learning.evaluate import Evaluation
from shoplens.learning.metrics.bootstrap import Difference
from shoplens.learning.plots import (
    plot_calibration,
    plot_curves,
    plot_differences,
    plot_metrics,
    plot_segments,
)

COLUMNS = ("recall", "ndcg")
CALIBRATION = ("base_rate", "ece", "brier", "baseline_brier", "log_loss", "baseline_log_loss")
BASELINE = "popularity"  # what every model has to beat
RUNNING = "the running model"


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
    reliability: Mapping[str, Reliability] | None = None,
    running: Evaluation | None = None,
    drawings: Mapping[str, Callable[[Path], None]] | None = None,
) -> list[Path]:
    """Write metrics.json, pictures and report.html; returns the files.

    `evaluations` in the order in which they should appear; `notes` are facts about the data (name → value);
    `reliability` says how far probabilities can be believed, by the people they were measured on; `running` is the
    model that answers now, judged on the same holdout; `drawings`: file name → what draws a further picture. Pictures:
    metrics.png, segments.png, and, when there is something to draw, differences.png, training_curve.png and
    calibration.png.
    """
    folder.mkdir(parents=True, exist_ok=True)
    seconds = train_seconds or {}
    differences = _differences(evaluations, running)
    figures = {
        "title": title,
        "best": best,
        "weights": dict(weights or {}),
        "notes": dict(notes or {}),
        "models": {
            name: {**evaluation.as_dict(), "train_seconds": seconds.get(name)}
            for name, evaluation in evaluations.items()
        },
        "differences": differences,
        "calibration": {name: one.as_dict() for name, one in (reliability or {}).items()},
        "curves": {name: [dict(epoch) for epoch in curve] for name, curve in (curves or {}).items()},
    }
    files = [folder / "metrics.json", folder / "metrics.png", folder / "segments.png"]
    files[0].write_bytes(orjson.dumps(figures, option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY, default=str))
    plot_metrics(files[1], evaluations, title=title)
    plot_segments(files[2], evaluations)
    if better := differences.get(BASELINE):
        files.append(folder / "differences.png")
        plot_differences(files[-1], _deepest(better), title=f"Difference to {BASELINE}")
    if reliability:
        files.append(folder / "calibration.png")
        plot_calibration(files[-1], reliability)
    if curves:
        files.append(folder / "training_curve.png")
        plot_curves(files[-1], curves)
    for name, draw in (drawings or {}).items():
        files.append(folder / name)
        draw(files[-1])
    report = folder / "report.html"
    report.write_text(_page(evaluations, figures, seconds, files[1:]), encoding="utf-8")
    return [*files, report]


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
    marked = [
        [
            f"<b>{html.escape(row[0])}</b>" if row[0] == best else html.escape(row[0]),
            *(cell.replace(" (", "<br>(") for cell in row[1:]),  # intervals below, or the table is wider than screens
        ]
        for row in rows
    ]
    parts = [
        "<dl>" + "".join(f"<dt>{_text(name)}</dt><dd>{_text(value)}</dd>" for name, value in facts.items()) + "</dl>",
        table(header, marked),
        "<p>The whole catalogue was ranked for every person. In brackets: 95 % bootstrap intervals over people.</p>",
        *(_difference_table(other, models) for other, models in figures["differences"].items()),
        *(f'<img alt="{_text(path.stem)}" src="{inline(path)}">' for path in pictures),
        _segments(evaluations),
        _products(evaluations),
        _calibration(figures["calibration"]),
    ]
    return page(figures["title"], parts)


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
    return f"<h2>NDCG@{deepest} by length of history</h2>" + table(header, rows)


def _differences(
    evaluations: Mapping[str, Evaluation], running: Evaluation | None
) -> dict[str, dict[str, dict[str, dict[str, Any]]]]:
    """What is compared with → model → metric → mean, low, high, p_value, clear. Paired over the same people."""
    others = {BASELINE: evaluations.get(BASELINE), RUNNING: running}
    return {
        name: {
            model: {metric: {**asdict(one), "clear": one.clear} for metric, one in ours.against(other).items()}
            for model, ours in evaluations.items()
            if ours is not other
        }
        for name, other in others.items()
        if other is not None and other.people
    }


def _deepest(models: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> dict[str, tuple[float, Difference | None]]:
    """Recall and NDCG at the largest K, as they are drawn."""
    drawn: dict[str, tuple[float, Difference | None]] = {}
    for column in COLUMNS:
        for model, metrics in models.items():
            names = [name for name in metrics if name.startswith(f"{column}@")]
            deepest = max(names, key=lambda name: int(name.partition("@")[2]))
            one = metrics[deepest]
            known = Difference(one["mean"], one["low"], one["high"], one["p_value"])
            drawn[f"{model}  {deepest}"] = (known.mean, known)
    return drawn


def _difference_table(other: str, models: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    """One row a model: how much better it is, and how surely."""
    if not models:
        return ""
    shown = [name for name in next(iter(models.values())) if name.split("@")[0] in (*COLUMNS, "mrr")]
    rows = []
    for model, metrics in models.items():
        cells = []
        for name in shown:
            one = metrics[name]
            text = f"{one['mean']:+.4f}<br>[{one['low']:+.4f}, {one['high']:+.4f}]<br>p {one['p_value']:.3f}"
            cells.append(f"<b>{text}</b>" if one["clear"] else text)
        rows.append([html.escape(model), *cells])
    note = "<p>Paired bootstrap over the same people. Bold: the interval leaves zero out.</p>"
    return f"<h2>Difference to {_text(other)} [95 % interval], p</h2>" + table(["model", *shown], rows) + note


def _products(evaluations: Mapping[str, Evaluation]) -> str:
    """Cold, warm, head and tail products, one row a model: recall, and how much of the lists they take."""
    first = next(iter(evaluations.values()), None)
    if first is None or not first.products:
        return ""
    header = ["model", *(f"{name} ({one['relevant']:,.0f} pairs)" for name, one in first.products.items())]
    rows = [
        [
            html.escape(model),
            *(f"{values['recall']:.4f} · {values['shown']:.0%}" for values in one.products.values()),
        ]
        for model, one in evaluations.items()
    ]
    note = (
        "<p>Cold: no event in training. Head: the fifth of the warm products with most events; tail: the other warm "
        "ones. After the dot: the share of all places in the lists that such products take.</p>"
    )
    return f"<h2>Recall@{max(first.ks)} by kind of product</h2>" + table(header, rows) + note


def _calibration(figures: Mapping[str, Mapping[str, Any]]) -> str:
    """How far probabilities can be believed, beside always saying the base rate."""
    if not figures:
        return ""
    header = [
        "measured on",
        "products",
        "base rate",
        "ECE",
        "Brier",
        "of the base rate",
        "log-loss",
        "of the base rate",
    ]
    rows = [
        [
            html.escape(f"{name}, {'shown first' if part == 'shown' else 'whole catalogue'}"),
            f"{one[part]['n']:,.0f}",
            *(f"{one[part][key]:.4f}" for key in CALIBRATION),
        ]
        for name, one in figures.items()
        for part in ("shown", "catalogue")
    ]
    note = "<p>The probability that a person who takes something in such a period takes this product.</p>"
    return "<h2>Scores as probabilities</h2>" + table(header, rows) + note


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """An HTML table; cells are HTML already."""
    head = "".join(f"<th>{_text(cell)}</th>" for cell in header)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def page(title: str, parts: Iterable[str]) -> str:
    """A page that needs no other file, from parts that are HTML already."""
    return PAGE.replace("{title}", _text(title)).replace("{body}", "\n".join(part for part in parts if part))


def _text(value: object) -> str:
    return html.escape(str(value))


def inline(path: Path) -> str:
    """A picture as the address of an <img>."""
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()


PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>
<style>
body{font:15px/1.5 system-ui,sans-serif;max-width:80rem;margin:2rem auto;padding:0 1rem;color:#1f2933;background:#fff}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;display:block;overflow-x:auto}
th,td{padding:.35rem .55rem;border-bottom:1px solid #dde3e9;text-align:right;white-space:nowrap}
th:first-child,td:first-child{text-align:left;position:sticky;left:0;background:#fff}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1.2rem}dt{color:#5f6b77}dd{margin:0}
img{max-width:100%;margin:1rem 0}
</style></head><body><h1>{title}</h1>
{body}
</body></html>
"""
