"""How good a text model is, as tables for people: whole entities and labels of units, or classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from shoplens.learning.metrics.classification import ClassificationReport
    from shoplens.learning.tagging.judging import JudgedTagger

TOLD = 5  # confusions below a table; the report has all
NUMBERS = ("precision", "recall", "f1", "support")


def judged_table(judged: JudgedTagger, title: str, caption: str) -> Table:
    """Entities; then labels of units. A label's row is the same with and without O, only the averages differ."""
    table = _table(title, _lines(caption, judged.confused(TOLD)), ("", *NUMBERS))
    for row in judged.rows(judged.entities):
        table.add_row(*(escape(cell) for cell in row))
    table.add_section()
    averages, without = judged.averages(judged.tokens), judged.averages(judged.tokens_without_o)
    for row in judged.rows({name: one for name, one in judged.tokens.items() if name not in averages}):
        table.add_row(f"unit {escape(row[0])}", *row[1:])
    table.add_section()
    for what, part in (("units without O", without), ("units, O counted", averages)):
        for row in judged.rows(part):
            table.add_row(f"{what}, {row[0]}", *row[1:])
    table.add_row("units, always O, micro", "", "", f"{judged.always_o:.4f}", "")
    return table


def classes_table(
    report: ClassificationReport,
    title: str,
    caption: str,
    *,
    confused: Sequence[tuple[str, str, int]] = (),
    beside: Sequence[Sequence[str]] = (),
) -> Table:
    """Classes, averages, accuracy, the baseline, and further rows beside it."""
    header, rows = report.rows()
    table = _table(title, _lines(caption, confused), header)
    for row in (*rows, *beside):
        table.add_row(*(escape(cell) for cell in row))
    return table


def _table(title: str, caption: str, header: Sequence[str]) -> Table:
    table = Table(title=escape(title), caption=escape(caption))
    for place, name in enumerate(header):
        table.add_column(name, justify="left" if place == 0 else "right")
    return table


def _lines(caption: str, confused: Sequence[tuple[str, str, int]]) -> str:
    """The caption, and in a line of its own which truth was taken for what most often."""
    told = ", ".join(f"{truth} for {said} ({times:,})" for truth, said, times in confused[:TOLD])
    return "\n".join(line for line in (told and f"most often taken: {told}", caption) if line)
