"""`shoplens train`: from the store to a bundle that answers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from shoplens.cli.app import JsonFlag, WorkspaceOption, app, console, emit, stage_progress
from shoplens.cli.tables import results_table

ONLY_CSV = ("epochs", "batch_size", "learning_rate", "loss", "optimizer", "history", "out")  # options


@app.command()
def train(
    context: typer.Context,
    workspace: WorkspaceOption = Path(),
    model: Annotated[
        list[str] | None, typer.Option(help="Fit only these (repeat the option); default: all in the settings.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of everything random; default: the setting train.seed.")] = None,
    json: JsonFlag = False,
    csv: Annotated[
        Path | None,
        typer.Option("--csv", help="Learn from this one table instead: user_id, item_id, label and feature columns."),
    ] = None,
    epochs: Annotated[int, typer.Option(min=1, help="--csv: how often all rows are seen.")] = 10,
    batch_size: Annotated[int, typer.Option(min=1, help="--csv: rows a step; 1024 is quicker on large files.")] = 32,
    learning_rate: Annotated[float | None, typer.Option(help="--csv: default by optimizer.")] = None,
    loss: Annotated[
        Literal["bce", "mse", "bpr"] | None, typer.Option(help="--csv: default: bce, for ratings mse.")
    ] = None,
    optimizer: Annotated[Literal["adam", "adamw", "sgd"], typer.Option(help="--csv: who makes the steps.")] = "adam",
    history: Annotated[
        Literal["mlp", "gru", "cnn", "transformer"], typer.Option(help="--csv: who reads histories.")
    ] = "mlp",
    out: Annotated[Path, typer.Option(help="--csv: the model's file.")] = Path("recommendation_model.pt"),
) -> None:
    """Split in time, fit every model, choose the blend on validation, test once, write and promote a bundle.

    The table, the plots and report.html are kept under runs/. A server that is running takes the new bundle over by
    itself; `shoplens bundles rollback` returns to the one before.

    Where enough products have a photo and words (300), it also learns to find photos by words, from these products
    alone, and says what that gained on products held out. With the same products and photos as before it is kept.

    With --csv no workspace is needed: one table in, one model file out, and `shoplens predict` asks it.
    """
    for name in ("workspace", "model") if csv is not None else ONLY_CSV:
        if (source := context.get_parameter_source(name)) is not None and source.name == "COMMANDLINE":
            option = "--" + name.replace("_", "-")
            raise typer.BadParameter(
                f"{option} {'has no meaning with --csv' if csv is not None else 'needs --csv FILE'}"
            )
    if csv is not None:
        from shoplens.cli.train_csv import train_csv

        settings: dict[str, Any] = {
            "epochs": epochs,
            "batch_size": batch_size,
            "learning_rate": learning_rate,
            "loss": loss,
        }
        settings |= {"optimiser": optimizer, "history": history, "seed": 0 if seed is None else seed}
        train_csv(csv, out=out, json=json, **settings)
        return
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
    console.print(done.alignment.told, highlight=False)
    emit(
        {
            "bundle": done.version,
            "report": str(done.report),
            "best_on_validation": done.best,
            "weights": dict(done.weights),
            "valid": {name: one.as_dict() for name, one in done.valid.items()},
            "test": {name: one.as_dict() for name, one in done.test.items()},
            "alignment": done.alignment.as_dict(),
            "seconds": dict(done.seconds),
        },
        json=json,
        table=results_table(done.test, title=f"Test, scored once · report: {done.report / 'report.html'}"),
    )
