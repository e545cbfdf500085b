"""`shoplens embed`: texts, photos, videos and sound to vectors and words, only what changed."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from shoplens.cli.app import JsonFlag, WorkspaceOption, app, console, emit, progress_bar, stage_progress

if TYPE_CHECKING:
    from shoplens.features.embed import EmbedReport
    from shoplens.service.workspace import Workspace
    from shoplens.store.base import Store

SHOWN_REFUSALS = 10  # lines on screen; all of them are in the JSON


@app.command()
def embed(
    files: Annotated[
        list[Path] | None, typer.Argument(help="More files for --file, such as the shell makes of *.jpg.")
    ] = None,
    *,
    workspace: WorkspaceOption = Path(),
    modality: Annotated[
        list[str] | None,
        typer.Option(
            "--modality",
            help="text, image, colour, video, audio, ocr or speech; repeat for several. "
            "Default: all that are on and that some product has; ocr and speech of more than 2,000 products are read "
            "when they are named here the first time.",
        ),
    ] = None,
    file: Annotated[
        list[Path] | None,
        typer.Option(
            "--file",
            help="Your own files or folders instead of the catalogue: their features, a line of JSON each. "
            "What each is, its content tells. Needs no workspace.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="With --file: write vectors to this .npz or .parquet instead.")
    ] = None,
    export: Annotated[
        Path | None,
        typer.Option("--export", help="Write the catalogue's vectors to this folder: MODALITY.npy and ids.json."),
    ] = None,
    prune: Annotated[
        bool,
        typer.Option("--prune", help="Delete vectors of encoders no longer in use, and uploads that no product names."),
    ] = False,
    retry: Annotated[bool, typer.Option("--retry", help="Try media again that were refused before.")] = False,
    allow_private: Annotated[
        bool, typer.Option("--allow-private", help="Addresses of media may point into your own network.")
    ] = False,
    workers: Annotated[int | None, typer.Option(min=1, help="Threads. Default: all cores.")] = None,
    json: JsonFlag = False,
) -> None:
    """Turn texts, photos, videos and sound into vectors and words. Only what changed since the last time is encoded.

    A modality that no product has costs nothing. One whose optional part is not installed is left out, and a line says
    so. Media that cannot be used are refused one by one, with the reason; the product keeps what is left.

    What words find is indexed as well, so that the first search need not wait for it.

    With another encoder in shoplens.toml a table of its own is filled, which is read once it is complete; until then,
    and when the run is stopped, the vectors before stay in use.

    Without a shop: `shoplens embed --file photos/ clip.mp4 voice.wav`, or with `--out features.npz`.
    """
    from shoplens.service.settings import FILE_NAME, Settings
    from shoplens.service.workspace import Workspace
    from shoplens.store.sql import open_store

    loose = [*(file or []), *(files or [])]
    asked = {"--file": loose, "--export": export, "--prune": prune}
    if len(several := [name for name, given in asked.items() if given]) > 1:
        raise typer.BadParameter("one of them at a time", param_hint=" and ".join(several))
    if loose:
        from shoplens.cli.embed_files import embed_files

        there = (workspace / FILE_NAME).exists()
        shop = Workspace.open(workspace) if there else Workspace(workspace, Settings.read(None))
        if not embed_files(shop, loose, modality, out, json=json):
            raise typer.Exit(1)
        return
    if out is not None:
        raise typer.BadParameter(
            "it goes with --file; the catalogue's vectors are written by --export", param_hint="--out"
        )
    shop = Workspace.open(workspace)
    store = open_store(shop.database_url)
    try:
        if export is not None:
            _export(shop, store, export, modality, json=json)
        elif prune:
            _prune(shop, store, json=json)
        else:
            _embed(shop, store, modality, workers, retry=retry, allow_private=allow_private, json=json)
    finally:
        store.close()


def _embed(
    shop: Workspace,
    store: Store,
    modality: list[str] | None,
    workers: int | None,
    *,
    retry: bool,
    allow_private: bool,
    json: bool,
) -> None:
    from shoplens.compute.local import LocalExecutor
    from shoplens.service.embedding import embed_shop
    from shoplens.service.search_words import SearchWords

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
        indexed = bar.add_task("index words", total=total)
        SearchWords(shop, store).sync(lambda done, of: bar.update(indexed, completed=done, total=of))
    result = {name: _counts(report) for name, report in reports.items()}
    emit({"modalities": result}, json=json, table=_table(result))
    _tell_refusals(result)


def _export(shop: Workspace, store: Store, folder: Path, modality: list[str] | None, *, json: bool) -> None:
    from shoplens.service.feature_export import export_tables

    with stage_progress() as tell:
        facts = export_tables(shop, store, folder, modalities=modality, progress=tell)
    table = Table("modality", "file", "rows", "size", "encoder")
    for name, one in facts.items():
        table.add_row(name, str(folder / f"{name}.npy"), str(one["rows"]), str(one["size"]), one["encoder"])
    emit({"folder": str(folder), "modalities": facts}, json=json, table=table)


def _prune(shop: Workspace, store: Store, *, json: bool) -> None:
    from shoplens.service.embedding import prune_features
    from shoplens.service.uploads import prune_media

    tables = [f"{modality}/{folder}" for modality, folder in prune_features(shop)]
    emit({"tables": tables, "uploads": prune_media(shop, store.catalogue.scan())}, json=json)


def _counts(report: EmbedReport) -> dict[str, Any]:
    return {
        "encoded": report.encoded,
        "reused": report.reused,
        "missing": report.missing,
        "unusable": report.unusable,
        "removed": report.removed,
        "vectors": report.vectors,
        "seconds": round(report.seconds, 3),
        "skipped": report.skipped or None,
        "refused": [{"item_id": item_id, "reason": reason} for item_id, reason in report.refused],
    }


def _table(result: dict[str, Any]) -> Table:
    """A line a modality; what was left out says why instead of how many."""
    columns = ("encoded", "reused", "missing", "unusable", "seconds")
    table = Table("modality", *columns)
    for name, report in result.items():
        table.add_row(name, *("–" if report["skipped"] else str(report[column]) for column in columns))
    return table


def _tell_refusals(result: dict[str, Any]) -> None:
    """What was left out and the first few refused inputs, on stderr."""
    for name, report in result.items():
        if report["skipped"]:
            _say(f"{name} is left out: {report['skipped']}", "dim")
    same: dict[tuple[str, str], list[str]] = {}  # a photo that cannot be used fails for several modalities
    for name, report in result.items():
        for one in report["refused"]:
            same.setdefault((one["item_id"], one["reason"]), []).append(name)
    for (item_id, reason), names in islice(same.items(), SHOWN_REFUSALS):
        _say(f"{', '.join(names)} of {item_id}: {reason}", "yellow")
    if len(same) > SHOWN_REFUSALS:
        _say(f"… and {len(same) - SHOWN_REFUSALS} more (--json lists all)", "yellow")
    if same:
        _say("they are tried again when they change, or with --retry", "dim")


def _say(line: str, style: str) -> None:
    console.print(line, style=style, markup=False, highlight=False, soft_wrap=True)
