"""`shoplens models`: the parts that can be chosen, and the pretrained ones made ready."""

from __future__ import annotations

import time
from pathlib import Path

import typer
from rich.table import Table

from shoplens.cli.app import JsonFlag, WorkspaceOption, app, console, emit

models = typer.Typer(name="models", help="Models, encoders and indexes by name.", no_args_is_help=True)
app.add_typer(models)


@models.command("list")
def list_parts(json: JsonFlag = False) -> None:
    """Every name that shoplens.toml and the options of commands understand, those of other packages included."""
    from shoplens import registry

    known = {kind: registry.names(kind) for kind in registry.PARTS}
    table = Table("kind", "names")
    for kind, names in known.items():
        table.add_row(kind, ", ".join(names))
    emit(known, json=json, table=table)


@models.command("prepare")
def prepare(workspace: WorkspaceOption = Path(), json: JsonFlag = False) -> None:
    """Convert and check the configured pretrained encoders now, so that nothing has to wait later (or offline)."""
    from shoplens.service.encoders import encoder_of, modalities_on
    from shoplens.service.settings import Workspace

    shop = Workspace.open(workspace)
    seconds: dict[str, float] = {}
    for modality in modalities_on(shop):
        encoder = encoder_of(shop, modality)
        console.print(f"{modality}: {encoder.name} …", highlight=False)
        began = time.perf_counter()
        load = getattr(encoder, "load", None)
        if load is not None:  # encoders without weights have nothing to load
            load()
        seconds[encoder.name] = round(time.perf_counter() - began, 2)
    emit({"cache": str(shop.model_cache), "seconds": seconds}, json=json)
