"""`shoplens bench attributes`: how well attribute values are extracted from titles."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shoplens.cli.app import JsonFlag, emit, stage_progress
from shoplens.cli.bench import bench

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

MOST = 15  # attributes that the table shows


@bench.command()
def attributes(
    train: Annotated[Path, typer.Argument(help="Titles to learn from, JSON Lines.")],
    test: Annotated[
        Path | None, typer.Argument(help="Titles to judge by; read once. Without: a fifth of TRAIN, set aside.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of all randomness.")] = 0,
    json: JsonFlag = False,
) -> None:
    """Learn values of attributes from titles, extract those of others, and print precision, recall and F1.

    A line is {"input": title, "category": …, "target_scores": {attribute: {value: 1}}}; "n/a" as the value says that
    the attribute was asked for and the title has none. Looking the values of train up is the baseline. micro_… counts
    the attributes that the file asks for, open_… all that the model would offer unasked, by_attribute each attribute
    that is asked for (the table shows the 15 with most values; those that TRAIN does not know are marked).
    """
    from shoplens.learning.extraction import run_extraction_benchmark

    with stage_progress() as progress:
        figures = run_extraction_benchmark(train, test, seed=seed, progress=progress)
    emit(figures, json=json, table=None if json else _tables(figures))


def _tables(figures: Mapping[str, Any]) -> Group:
    from rich.console import Group

    return Group(_table(figures), _by_attribute(figures["by_attribute"]))


def _by_attribute(figures: Mapping[str, Mapping[str, Any]]) -> Table:
    from rich.markup import escape
    from rich.table import Table

    valued = {name: one for name, one in figures.items() if one["values"]}
    unknown = sum(not one["in_train"] for one in valued.values())
    table = Table(
        title=f"{min(MOST, len(valued))} of {len(valued)} attributes, as asked for; those with most values first",
        caption=f"{unknown} that TRAIN does not know (*) cannot be answered" if unknown else None,
    )
    for number, name in enumerate(("", "values", "precision", "recall", "F1")):
        table.add_column(name, justify="left" if number == 0 else "right")
    for name, one in list(valued.items())[:MOST]:
        told = (f"{one[what]:.3f}" for what in ("precision", "recall", "f1"))
        table.add_row(escape(name) + ("" if one["in_train"] else " *"), f"{one['values']:,}", *told)
    return table


def _table(figures: Mapping[str, Any]) -> Table:
    from rich.table import Table

    table = Table(
        title=f"{figures['data']} · {figures['titles']['test']:,} titles",
        caption=f"learnt from {figures['titles']['train']:,} titles in {figures['train_seconds']:,.0f} s; "
        f"{figures['titles_per_second']:,.0f} titles a second, "
        f"{figures['titles_per_cpu_second']:,.0f} a second of one processor",
    )
    for number, name in enumerate(("", "precision", "recall", "F1", "open precision", "open recall", "open F1")):
        table.add_column(name, justify="left" if number == 0 else "right")
    for name, row in (("extractor", figures), ("dictionary of train", figures["dictionary"])):
        table.add_row(
            name,
            *(f"{row[f'{kind}_{what}']:.3f}" for kind in ("micro", "open") for what in ("precision", "recall", "f1")),
        )
    return table
