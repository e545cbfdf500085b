"""`shoplens embed`: texts and photos to vectors, only what changed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from shoplens.cli.app import JsonFlag, WorkspaceOption, app, console, emit, progress_bar

SHOWN_REFUSALS = 10  # lines on screen; all of them are in the JSON


@app.command()
def embed(
    *,
    workspace: WorkspaceOption = Path(),
    modality: Annotated[
        list[str] | None, typer.Option("--modality", help="text or image; repeat for several. Default: all.")
    ] = None,
    retry: Annotated[bool, typer.Option("--retry", help="Try photos again that were refused before.")] = False,
    allow_private: Annotated[
        bool, typer.Option("--allow-private", help="Photo addresses may point into your own network.")
    ] = False,
    workers: Annotated[int | None, typer.Option(min=1, help="Threads. Default: all cores.")] = None,
    json: JsonFlag = False,
) -> None:
    """Turn texts and photos into vectors. Only what changed since the last time is encoded."""
    from shoplens.compute.local import LocalExecutor
    from shoplens.service.embedding import embed_shop
    from shoplens.service.settings import Workspace
    from shoplens.store.sql import open_store

    shop = Workspace.open(workspace)
    store = open_store(shop.database_url)
    try:
        total = store.catalogue.count()
        with progress_bar() as bar:
            tasks = {}

            def tell(name: str, done: int) -> None:
                if name not in tasks:
                    tasks[name] = bar.add_task(f"embed {name}", total=total)
                bar.update(tasks[name], completed=done)

            reports = embed_shop(
                shop,
                store,
                executor=LocalExecutor(workers),
                modalities=modality,
                progress=tell,
                retry_refused=retry,
                allow_private=allow_private,
            )
    finally:
        store.close()
    result: dict[str, Any] = {
        name: {
            "encoded": report.encoded,
            "reused": report.reused,
            "missing": report.missing,
            "unusable": report.unusable,
            "removed": report.removed,
            "vectors": report.vectors,
            "seconds": round(report.seconds, 3),
            "refused": [{"item_id": item_id, "reason": reason} for item_id, reason in report.refused],
        }
        for name, report in reports.items()
    }
    emit({"modalities": result}, json=json, table=_table(result))
    _tell_refusals(result)


def _table(result: dict[str, Any]) -> Table:
    """A line a modality."""
    columns = ("encoded", "reused", "missing", "unusable", "removed", "vectors", "seconds")
    table = Table("modality", *columns)
    for name, report in result.items():
        table.add_row(name, *(str(report[column]) for column in columns))
    return table


def _tell_refusals(result: dict[str, Any]) -> None:
    """The first few refused inputs, on stderr."""
    for name, report in result.items():
        refused = report["refused"]
        for one in refused[:SHOWN_REFUSALS]:
            console.print(f"{name} of {one['item_id']}: {one['reason']}", style="yellow", markup=False, highlight=False)
        if len(refused) > SHOWN_REFUSALS:
            console.print(f"… and {len(refused) - SHOWN_REFUSALS} more (--json lists all)", markup=False)
