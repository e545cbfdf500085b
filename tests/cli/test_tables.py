"""The tables of results fit where people read them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from rich.console import Console

from shoplens.cli.tables import METRICS, results_table


def test_results_fit_into_80_columns_whatever_the_name() -> None:
    one: Any = SimpleNamespace(
        means=dict.fromkeys((*METRICS, "mrr"), 0.4918),
        low=dict.fromkeys(METRICS, 0.4128),
        high=dict.fromkeys(METRICS, 0.5729),
        cold_recall=0.25,
        people=104,
    )
    console = Console(width=80, record=True, quiet=False, file=None)
    with console.capture() as shown:
        console.print(results_table({"content-ranker": one, "popularity": one}, title="Test"))
    lines = shown.get().splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert any(line.rstrip().endswith("0.2500 │") for line in lines)  # the last column is whole
