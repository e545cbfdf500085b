"""Result tables for people."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rich.table import Table

if TYPE_CHECKING:
    from shoplens.learning.evaluate import Evaluation

METRICS = ("recall@10", "recall@20", "ndcg@10", "ndcg@20")
WIDEST = len("[0.0000")  # of a cell, so that the table fits into 80 columns


def moment(at: int | str) -> str:
    """Microseconds since 1970, or a time as it is told in JSON, as people read it: UTC, to the minute."""
    read = datetime.fromisoformat(at) if isinstance(at, str) else datetime.fromtimestamp(at / 1e6, UTC)
    return read.strftime("%Y-%m-%d %H:%M")


def counted(counts: Mapping[str, int]) -> str:
    """What there is any of: "1 person, 37 events"."""
    said = {"people": "person", "searches": "search"}
    parts = []
    for name, count in counts.items():
        if count:
            parts.append(f"{count:,} {name if count != 1 else said.get(name, name.removesuffix('s'))}")
    return ", ".join(parts)


def results_table(evaluations: Mapping[str, Evaluation], *, title: str) -> Table:
    """One row a model: recall and NDCG with 95 % intervals, MRR, recall of new products."""
    table = Table(title=title)
    table.add_column("model", min_width=10, overflow="fold")
    for name in (*METRICS, "mrr", "new@20"):
        table.add_column(name, justify="right", width=max(len(name), WIDEST))
    for name, one in evaluations.items():
        cells = [f"{one.means[m]:.4f} [{one.low[m]:.4f} {one.high[m]:.4f}]" for m in METRICS if m in one.means]
        cold = "–" if one.cold_recall is None else f"{one.cold_recall:.4f}"
        table.add_row(name, *cells, f"{one.means['mrr']:.4f}", cold)
    people = next((one.people for one in evaluations.values()), 0)
    table.caption = f"{people:,} people; [95 % bootstrap]; new@20: recall of new products"
    return table


def manifest_table(figures: Mapping[str, Mapping[str, Any]]) -> Table:
    """The same table from figures that a bundle keeps."""
    table = Table(title="Test period of the training")
    table.add_column("model", min_width=10, overflow="fold")
    for name in (*METRICS, "mrr"):
        table.add_column(name, justify="right", width=max(len(name), WIDEST))
    for name, row in figures.items():
        cells = []
        for metric in METRICS:
            low, high = row["intervals_95"][metric]
            cells.append(f"{row[metric]:.4f} [{low:.4f} {high:.4f}]")
        table.add_row(name, *cells, f"{row['mrr']:.4f}")
    return table
