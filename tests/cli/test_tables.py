"""The tables of results fit where people read them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text
from typer.testing import CliRunner

from shoplens import __version__
from shoplens.cli.app import app, emit
from shoplens.cli.tables import METRICS, counted, moment, results_table


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


def test_nothing_is_cut_on_a_narrow_screen_nor_wrapped_in_a_pipe(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    version = "20261127T033824367-4b2657f4"

    def printed(columns: str | None) -> str:
        table = Table("version", "first", "second", "third")
        table.add_row(version, "商品" * 10, "b" * 20, "x" * 20)
        monkeypatch.delenv("COLUMNS", raising=False)
        if columns is not None:
            monkeypatch.setenv("COLUMNS", columns)
        emit({}, json=False, table=Group(table, Text("below")))
        return capsys.readouterr().out

    narrow = printed("40")
    assert "…" not in narrow
    assert narrow.count("x") == 20
    assert narrow.count("商") == 10
    assert max(map(cell_len, narrow.splitlines())) <= 40
    assert version in printed(None)
    assert "x" * 20 in printed(None)


def test_times_and_counts_in_words() -> None:
    assert moment(1_795_751_232_202_937) == "2026-11-27 03:47"
    assert counted({"people": 1, "events": 1_037, "searches": 1, "opinions": 0}) == "1 person, 1,037 events, 1 search"


def test_the_version_is_told() -> None:
    assert CliRunner().invoke(app, ["--version"]).output == f"shoplens {__version__}\n"
