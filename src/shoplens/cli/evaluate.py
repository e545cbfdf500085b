"""`shoplens evaluate`: how good is what answers."""

from __future__ import annotations

from pathlib import Path

from shoplens.cli.app import JsonFlag, WorkspaceOption, app, console, emit, stage_progress
from shoplens.cli.tables import manifest_table, results_table


@app.command()
def evaluate(workspace: WorkspaceOption = Path(), json: JsonFlag = False) -> None:
    """Score the current bundle on events that arrived after its training; without any, show what training measured.

    The first is the stricter test: nothing about those events can have been known. Popularity is a row of both tables.
    """
    from shoplens.service.forward_test import forward_test, trained_metrics
    from shoplens.service.workspace import Workspace
    from shoplens.store.sql import open_store

    shop = Workspace.open(workspace)
    store = open_store(shop.database_url)
    try:
        with stage_progress() as tell:
            fresh = forward_test(shop, store, progress=tell)
    finally:
        store.close()
    if fresh:
        figures = {name: one.as_dict() for name, one in fresh.items()}
        emit(
            {"split": "after training", "models": figures},
            json=json,
            table=results_table(fresh, title="Events after the training of this bundle"),
        )
        return
    console.print("no event is newer than this bundle; these are the figures of its training's test period")
    trained = trained_metrics(shop)
    emit({"split": "test", **trained}, json=json, table=manifest_table(trained["test"]))
