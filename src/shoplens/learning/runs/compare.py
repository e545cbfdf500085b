"""Two runs side by side: what was different, and how much better the second one is."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from shoplens.learning.metrics.bootstrap import Difference, compare_all
from shoplens.learning.plots import plot_curves, plot_differences
from shoplens.learning.report import inline, page, table
from shoplens.learning.runs.record import Run

METRICS = ("recall", "ndcg", "mrr", "coverage", "cold_recall")
BEST = "best of each"


@dataclass(frozen=True, slots=True)
class Line:
    """One metric of one model in both runs. `paired` only where both were judged on the same people."""

    model: str
    metric: str
    first: float
    second: float
    paired: Difference | None = None

    @property
    def difference(self) -> float:
        """Second minus first."""
        return self.second - self.first

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        paired = None if self.paired is None else {**asdict(self.paired), "clear": self.paired.clear}
        return {
            "model": self.model,
            "metric": self.metric,
            "first": self.first,
            "second": self.second,
            "difference": self.difference,
            "paired": paired,
        }


@dataclass(frozen=True, slots=True)
class RunComparison:
    """What `compare_runs` found."""

    first: Run
    second: Run
    changes: tuple[tuple[str, Any, Any], ...]  # (setting, in the first, in the second); None = not there
    lines: tuple[Line, ...]
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "first": self.first.name,
            "second": self.second.name,
            "changes": [{"setting": name, "first": old, "second": new} for name, old, new in self.changes],
            "metrics": [one.as_dict() for one in self.lines],
            "notes": list(self.notes),
        }

    def rows(self) -> tuple[list[str], list[list[str]]]:
        """Header and rows of the table of metrics."""
        rows = []
        for one in self.lines:
            interval = p_value = "–"
            if one.paired is not None:
                interval = f"[{one.paired.low:+.4f}, {one.paired.high:+.4f}]" + (" *" if one.paired.clear else "")
                p_value = f"{one.paired.p_value:.3f}"
            rows.append(
                [
                    one.model,
                    one.metric,
                    f"{one.first:.4f}",
                    f"{one.second:.4f}",
                    f"{one.difference:+.4f}",
                    interval,
                    p_value,
                ]
            )
        return ["model", "metric", self.first.name, self.second.name, "difference", "95 % interval", "p"], rows


def compare_runs(first: Run, second: Run, *, resamples: int = 1000, seed: int = 0) -> RunComparison:
    """Settings that differ, and every metric of every model that both have; differences are second minus first."""
    notes = []
    if first.data_fingerprint != second.data_fingerprint:
        notes.append("the two learnt from different events")
    ours, theirs = first.per_person(), second.per_person()
    pairs = {model: (model, model) for model in first.models if model in second.models}
    if first.best in first.models and second.best in second.models and first.best != second.best:
        pairs[f"{BEST} ({first.best}, {second.best})"] = (first.best, second.best)
    lines: list[Line] = []
    unpaired = False
    for label, (one, other) in pairs.items():
        before, after = first.models[one], second.models[other]
        paired: Mapping[str, Difference] = {}
        if before.get("holdout") and before.get("holdout") == after.get("holdout") and one in ours and other in theirs:
            paired = _paired(theirs[other], ours[one], resamples, seed)
        unpaired |= not paired
        for metric, value in before.items():
            now = after.get(metric)
            if metric.split("@")[0] in METRICS and is_number(value) and is_number(now):
                lines.append(Line(label, metric, float(value), float(now or 0.0), paired.get(metric)))
    if unpaired and lines:
        notes.append(
            "without intervals: the two were judged on different people or products, or figures by person were not "
            "kept; a difference may be one of the test periods"
        )
    if not lines:
        notes.append("the two have no model in common")
    return RunComparison(first, second, tuple(_changes(first, second)), tuple(lines), tuple(notes))


def write_comparison(folder: Path, comparison: RunComparison) -> list[Path]:
    """differences.png, curves.png (when a model learns in epochs) and comparison.html, which holds them."""
    folder.mkdir(parents=True, exist_ok=True)
    first, second = comparison.first, comparison.second
    title = f"{second.name} against {first.name}"
    files = [folder / "differences.png"]
    plot_differences(
        files[0],
        {
            f"{one.model}  {one.metric}": (one.difference, one.paired)
            for one in comparison.lines
            if one.metric.split("@")[0] in ("recall", "ndcg")
        },
        title=title,
    )
    curves = {f"{model} · {run.name}": curve for run in (first, second) for model, curve in run.curves.items()}
    if curves:
        files.append(folder / "curves.png")
        plot_curves(files[-1], curves)
    header, rows = comparison.rows()
    changes = [[html.escape(str(cell)) for cell in row] for row in comparison.changes]
    parts = [
        *(f"<p>{html.escape(note[0].upper() + note[1:])}.</p>" for note in comparison.notes),
        "<h2>What was different</h2>",
        table(["setting", first.name, second.name], changes) if changes else "<p>The settings are the same.</p>",
        "<h2>What came out</h2>",
        table(header, [[html.escape(cell) for cell in row] for row in rows]),
        "<p>Paired bootstrap over the same people. *: the interval leaves zero out.</p>",
        *(f'<img alt="{path.stem}" src="{inline(path)}">' for path in files),
    ]
    report = folder / "comparison.html"
    report.write_text(page(title, parts), encoding="utf-8")
    return [*files, report]


def _paired(ours: Mapping[str, Any], theirs: Mapping[str, Any], resamples: int, seed: int) -> Mapping[str, Difference]:
    """Nothing where a file was cut short and the people do not match."""
    try:
        return compare_all(ours, theirs, resamples, seed=seed)
    except ValueError:
        return {}


def _changes(first: Run, second: Run) -> list[tuple[str, Any, Any]]:
    """Leaves of what went in that are not equal."""
    sides = [
        leaves(
            {
                "config": one.config,
                "seed": one.seed,
                "code": one.code,
                "data": {"fingerprint": one.data_fingerprint[:16], **(one.figures.get("notes") or {})},
                "weights": one.figures.get("weights") or {},
            }
        )
        for one in (first, second)
    ]
    names = dict.fromkeys([*sides[0], *sides[1]])
    return [
        (name, sides[0].get(name), sides[1].get(name)) for name in names if sides[0].get(name) != sides[1].get(name)
    ]


def leaves(value: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Nested tables as one, names joined by dots."""
    result: dict[str, Any] = {}
    for name, one in value.items():
        if isinstance(one, Mapping):
            result |= leaves(one, f"{before}{name}.")
        else:
            result[f"{before}{name}"] = one
    return result


def is_number(value: Any) -> bool:
    """Whether a value of a JSON file is a number (true and false are none)."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)
