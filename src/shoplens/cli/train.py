"""`shoplens train`: from the store to a bundle that answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from shoplens.cli.app import JsonFlag, WorkspaceOption, app, console, emit, stage_progress
from shoplens.cli.tables import results_table

if TYPE_CHECKING:
    from shoplens.service.finetuning import FineTuning
    from shoplens.service.search_weights import WeightsLearnt
    from shoplens.service.workspace import Workspace
    from shoplens.store.base import Store

ONLY_WORKSPACE = ("workspace", "model", "finetune", "finetune_minutes", "finetune_epochs")
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
    finetune: Annotated[
        str | None,
        typer.Option(help="First let these encoders learn the shop's own photos and words: text, image or text,image."),
    ] = None,
    finetune_minutes: Annotated[
        float,
        typer.Option(min=0.1, help="--finetune: learning of one encoder at most; judging it comes on top."),
    ] = 10.0,
    finetune_epochs: Annotated[int, typer.Option(min=1, help="--finetune: how often all pairs are seen at most.")] = 8,
) -> None:
    """Split in time, fit every model, choose the blend on validation, test once, write and promote a bundle.

    The table, the plots and report.html are kept under runs/. A server that is running takes the new bundle over by
    itself; `shoplens bundles rollback` returns to the one before.

    Where enough products have a photo and words (300), it also learns to find photos by words, from these products
    alone, and says what that gained on products held out. With the same products and photos as before it is kept.
    Where people have searched, the order of results is learnt from what they chose, and kept only when it is better.

    --finetune text,image: the last layers of the encoders learn the catalogue's photos, titles and attributes (not
    events) before that. Products that they never saw judge the result, and only a clear gain is kept; then everything
    is embedded anew. Stopped, the same command goes on.

    With --csv no workspace is needed: one table in, one model file out, and `shoplens predict` asks it.
    """
    _refuse_options_of_the_other_kind(context, table=csv is not None)
    for name in () if finetune is not None else ("finetune_minutes", "finetune_epochs"):
        _refuse_if_given(context, name, "needs --finetune text,image")
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
    tuning = None if finetune is None else (_modalities(finetune), finetune_minutes, finetune_epochs)
    _train_workspace(workspace, model or (), seed, tuning, json=json)


def _refuse_options_of_the_other_kind(context: typer.Context, *, table: bool) -> None:
    """Wrong usage: an option that means nothing with --csv (`table`), or nothing without it."""
    for name in ONLY_WORKSPACE if table else ONLY_CSV:
        _refuse_if_given(context, name, "has no meaning with --csv" if table else "needs --csv FILE")


def _refuse_if_given(context: typer.Context, name: str, why: str) -> None:
    if (source := context.get_parameter_source(name)) is not None and source.name == "COMMANDLINE":
        raise typer.BadParameter(f"--{name.replace('_', '-')} {why}")


def _modalities(given: str) -> tuple[str, ...]:
    """What --finetune names."""
    names = tuple(dict.fromkeys(name.strip() for name in given.split(",") if name.strip()))
    if not names or not set(names) <= {"text", "image"}:
        raise typer.BadParameter(f"--finetune {given}: write text, image or text,image")
    return names


def _train_workspace(
    workspace: Path,
    models: Sequence[str],
    seed: int | None,
    tuning: tuple[tuple[str, ...], float, int] | None,
    *,
    json: bool,
) -> None:
    """From the store to a bundle; `tuning`: modalities to fine-tune first, minutes and epochs."""
    from shoplens.service.search_learning import learn_from_clicks
    from shoplens.service.training import train_shop
    from shoplens.service.unfinished import training_alone
    from shoplens.service.workspace import Workspace
    from shoplens.store.sql import open_store

    shop = Workspace.open(workspace)
    store = open_store(shop.database_url)
    try:
        with stage_progress() as tell, training_alone(shop.runs):  # nobody else's begins while the encoders learn
            finetuned = [] if tuning is None else _finetune(shop, store, *tuning, seed=seed, tell=tell)
            done = train_shop(shop, store, models=models, seed=seed, alone=True, progress=tell)
            clicks = learn_from_clicks(shop, store, seed=seed or 0, progress=tell) if store.searches.count() else None
    finally:
        store.close()
    weights = _learn_weights(shop, seed or 0)
    console.print(done.alignment.told, highlight=False)
    console.print(done.recognised.told, highlight=False)
    if weights is not None:
        console.print(weights.told, highlight=False)
    if clicks is not None:
        console.print(clicks.told, highlight=False)
    emit(
        {
            "bundle": done.version,
            "report": str(done.report),
            "best_on_validation": done.best,
            "weights": dict(done.weights),
            "valid": {name: one.as_dict() for name, one in done.valid.items()},
            "test": {name: one.as_dict() for name, one in done.test.items()},
            "alignment": done.alignment.as_dict(),
            "recogniser": done.recognised.as_dict(),
            "clicks": None if clicks is None else {"version": clicks.version, **clicks.report.as_dict()},
            "search_weights": None
            if weights is None
            else {name: one.as_dict() for name, one in weights.reports.items()},
            "finetuned": {one.modality: one.as_dict() for one in finetuned},
            "seconds": dict(done.seconds),
        },
        json=json,
        table=results_table(done.test, title=f"Test, scored once · report: {done.report / 'report.html'}"),
    )


def _learn_weights(shop: Workspace, seed: int) -> WeightsLearnt | None:
    """From the shop's own judgements of search results, where it has any."""
    from shoplens.service.runtime import Runtime
    from shoplens.service.search_weights import judgements_file

    judgements = judgements_file(shop)
    if judgements is None:
        return None
    with Runtime.open(shop.root, settings=shop.settings) as running:
        return running.search.learn_weights(judgements, seed=seed)


def _finetune(
    shop: Workspace,
    store: Store,
    modalities: tuple[str, ...],
    minutes: float,
    epochs: int,
    *,
    seed: int | None,
    tell: Callable[[str, int, int], None],
) -> list[FineTuning]:
    """Fine-tune, and say what came of it."""
    from shoplens.compute.local import LocalExecutor
    from shoplens.learning.finetune.fitting import FitSettings
    from shoplens.service.finetuning import finetune_shop

    settings = FitSettings(epochs=epochs, minutes=minutes)
    done = finetune_shop(shop, store, modalities, executor=LocalExecutor(), settings=settings, seed=seed, progress=tell)
    for one in done:
        console.print(one.told, highlight=False)
    return done
