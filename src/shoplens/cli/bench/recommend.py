"""`shoplens bench recommend`: how well each model recommends on a folder of interactions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shoplens.cli.app import JsonFlag, console, emit, stage_progress
from shoplens.cli.bench import bench

if TYPE_CHECKING:
    from rich.table import Table

    from shoplens.learning.benchmark import Outcome


@bench.command()
def recommend(
    folder: Annotated[Path, typer.Argument(help="Folder with train.csv and valid.csv (user_id,item_id[,timestamp]).")],
    *,
    test: Annotated[Path | None, typer.Option(help="Score this file instead of valid.csv.")] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="Row of the table: popularity, item-knn, linear, fusion, content-ranker, blend. Repeatable; "
            "default: all but content-ranker, which fine-tunes the text encoder and takes minutes."
        ),
    ] = None,
    without: Annotated[
        list[str] | None, typer.Option(help="Leave a modality out (text, image, attributes, …). Repeatable.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of all randomness.")] = 0,
    report: Annotated[Path | None, typer.Option(help="Write plots and a page into this folder too.")] = None,
    json: JsonFlag = False,
) -> None:
    """Train on train.csv, choose on valid.csv, rank the whole catalogue for everybody and print the table.

    Without --test nothing but valid.csv is scored. A protocol.json in the folder says what is masked and what is read
    as history: {"mask": ["train"], "history": ["train"]}.
    """
    from shoplens.learning.benchmark import run_benchmark
    from shoplens.service.settings import Settings
    from shoplens.service.workspace import Workspace

    cache = Workspace(folder, Settings.read(None)).model_cache
    with stage_progress() as progress:
        outcome = run_benchmark(
            folder, cache=cache, test=test, models=model or (), without=without or (), seed=seed, progress=progress
        )
    if report is not None:
        _write(outcome, report)
    emit(outcome.as_dict(), json=json, table=None if json else _table(outcome))


def _write(outcome: Outcome, folder: Path) -> None:
    from shoplens.learning.report import write_report

    files = write_report(
        folder,
        outcome.evaluations,
        title=f"{outcome.data}: recommendations, {outcome.split}",
        best=outcome.trained.best,
        weights=outcome.trained.weights,
        train_seconds=outcome.trained.train_seconds,
        curves=outcome.trained.curves,
        notes={"modalities": ", ".join(outcome.modalities) or "none", "seed": outcome.seed},
    )
    console.print(f"report: {files[-1]}", highlight=False)


def _table(outcome: Outcome) -> Table:
    """Models as rows; the one that was best on validation in bold."""
    from rich.table import Table

    from shoplens.learning.report import table_rows

    header, rows = table_rows(outcome.evaluations, outcome.trained.train_seconds)
    people = max(one.people for one in outcome.evaluations.values())
    table = Table(
        title=f"{outcome.data} · {outcome.split} · {people:,} people · 95 % intervals",
        caption=f"best on validation: {outcome.trained.best}",
    )
    for number, name in enumerate(header):
        table.add_column(name, justify="left" if number == 0 else "right")
    for row in rows:
        table.add_row(*row, style="bold" if row[0] == outcome.trained.best else None)
    return table
