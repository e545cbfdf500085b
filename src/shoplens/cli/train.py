"""`shoplens train`: from the store to a bundle that answers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shoplens.cli.app import JsonFlag, WorkspaceOption, app, emit, stage_progress
from shoplens.cli.tables import results_table


@app.command()
def train(
    workspace: WorkspaceOption = Path(),
    model: Annotated[
        list[str] | None, typer.Option(help="Fit only these (repeat the option); default: all in the settings.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of everything random; default: the setting train.seed.")] = None,
    json: JsonFlag = False,
) -> None:
    """Split in time, fit every model, choose the blend on validation, test once, write and promote a bundle.

    The table, the plots and report.html are kept under runs/. A server that is running takes the new bundle over by
    itself; `shoplens bundles rollback` returns to the one before.
    """
    from shoplens.service.settings import Workspace
    from shoplens.service.training import train_shop
    from shoplens.store.sql import open_store

    shop = Workspace.open(workspace)
    store = open_store(shop.database_url)
    try:
        with stage_progress() as tell:
            done = train_shop(shop, store, models=model or (), seed=seed, progress=tell)
    finally:
        store.close()
    emit(
        {
            "bundle": done.version,
            "report": str(done.report),
            "best_on_validation": done.best,
            "weights": dict(done.weights),
            "valid": {name: one.as_dict() for name, one in done.valid.items()},
            "test": {name: one.as_dict() for name, one in done.test.items()},
            "seconds": dict(done.seconds),
        },
        json=json,
        table=results_table(done.test, title=f"Test, scored once · report: {done.report / 'report.html'}"),
    )
