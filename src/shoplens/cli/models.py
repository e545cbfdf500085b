"""`shoplens models`: the parts that can be chosen, and the pretrained ones made ready."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from shoplens.cli.app import JsonFlag, WorkspaceOption, app, console, emit

models = typer.Typer(
    name="models",
    help="Encoders, recognisers, models and indexes by name; pretrained ones made ready.",
    no_args_is_help=True,
)
app.add_typer(models)


@models.command("list")
def list_parts(json: JsonFlag = False) -> None:
    """Every name that shoplens.toml and the options of commands understand, those of other packages included.

    Names that end in a colon are written with something after it: hub:BAAI/bge-m3, whisper:/models/large.
    """
    from shoplens import registry
    from shoplens.service.extras import EXTRAS, installed

    known = {kind: registry.names(kind) for kind in registry.PARTS}
    extras = {name: {"for": what, "installed": installed(name)} for name, (_, what) in EXTRAS.items()}
    table = Table("kind", "names")
    for kind, names in known.items():
        table.add_row(kind, ", ".join(names))
    table.add_section()
    for name, about in extras.items():
        table.add_row(f"extra {name}", f"{'installed' if about['installed'] else 'not installed'}: {about['for']}")
    emit({**known, "extras": extras}, json=json, table=table)


@models.command("prepare")
def prepare(
    *,
    workspace: WorkspaceOption = Path(),
    encoder: Annotated[
        list[str] | None,
        typer.Option("--encoder", help="This encoder rather than the configured ones, such as efficientnet-lite2."),
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Convert and check the configured pretrained encoders now, so that nothing has to wait later (or offline)."""
    from shoplens.encoders.base import open_encoder
    from shoplens.errors import MissingExtraError
    from shoplens.service.encoders import FOUND, encoder_of, modalities_on, options_of, recogniser_of
    from shoplens.service.workspace import Workspace

    shop = Workspace.open(workspace)
    seconds: dict[str, float] = {}
    left_out: dict[str, str] = {}

    def load(what: str, part: Any) -> None:
        console.print(f"{what}: {part.name} …", highlight=False)
        began = time.perf_counter()
        if hasattr(part, "load"):  # those without weights have nothing to load
            part.load()
        seconds[part.name] = round(seconds.get(part.name, 0.0) + time.perf_counter() - began, 2)

    for name in encoder or ():
        load("encoder", open_encoder(name, options_of(shop, "text")))
    for modality in () if encoder else modalities_on(shop):
        try:
            load(modality, recogniser_of(shop, modality) if modality in FOUND else encoder_of(shop, modality))
        except MissingExtraError as error:
            left_out[modality] = str(error)
            console.print(f"{modality} is left out: {error}", style="dim", markup=False, highlight=False)
    emit({"cache": str(shop.model_cache), "seconds": seconds, "left_out": left_out}, json=json)
