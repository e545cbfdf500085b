"""`shoplens ingest products|events|people`: files, folders, URLs or standard input into the store."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from shoplens.cli.app import JsonFlag, WorkspaceOption, app, console, emit, progress_bar
from shoplens.errors import ConfigurationError

if TYPE_CHECKING:
    from shoplens.store.base import Store

commands = typer.Typer(no_args_is_help=True, help="Take in products, events or people.")
app.add_typer(commands, name="ingest")

Location = Annotated[str, typer.Argument(metavar="FILE|FOLDER|URL|-", help="What to read; - is standard input.")]
MapOption = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="OURS=THEIRS", help="Which of the file's columns is which of ours; repeatable."),
]
FormatOption = Annotated[str | None, typer.Option("--format", help="Default: recognised by the content.")]
StrictFlag = Annotated[bool, typer.Option("--strict", help="Store nothing when a row would be refused.")]
PrivateFlag = Annotated[bool, typer.Option("--allow-private", help="Let a URL point into your own network.")]


@commands.command()
def products(
    location: Location,
    *,
    workspace: WorkspaceOption = Path(),
    format_: FormatOption = None,
    map_: MapOption = None,
    currency: Annotated[str | None, typer.Option(help="Of prices that name none, for example EUR.")] = None,
    strict: StrictFlag = False,
    allow_private: PrivateFlag = False,
    json: JsonFlag = False,
) -> None:
    """Take in a product feed; products that are there already are replaced where they differ.

    Google Merchant, schema.org, Shopify, WooCommerce, Amazon Personalize, or any table with --map.
    """
    from shoplens.ingest.products import FIELDS
    from shoplens.service.intake import ingest_products

    with _opened(workspace) as (store, report, tell):
        result = ingest_products(
            store,
            location,
            format=format_,
            mapping=_mapping(map_, FIELDS),
            currency=currency,
            report_path=report,
            strict=strict,
            allow_private=allow_private,
            progress=tell,
        )
    _finish(result, json=json)


@commands.command()
def events(
    location: Location,
    *,
    workspace: WorkspaceOption = Path(),
    format_: FormatOption = None,
    map_: MapOption = None,
    type_: Annotated[
        str | None, typer.Option("--type", help="What rows are that name no event type, for example purchase.")
    ] = None,
    event: Annotated[
        list[str] | None,
        typer.Option(
            "--event",
            metavar="OURS=THEIRS",
            help="What your own names of event types mean, for example purchase=gekauft; repeatable.",
        ),
    ] = None,
    strict: StrictFlag = False,
    allow_private: PrivateFlag = False,
    json: JsonFlag = False,
) -> None:
    """Take in an event log; the same file twice changes nothing, and an interrupted import goes on where it stopped.

    GA4, Segment, Amazon Personalize, RecBole, MovieLens, or any table with --map, and --event
    where its event types have names of their own: view, click, impression, search, cart, remove_from_cart, checkout,
    purchase, refund, rating, comment, share, wishlist, order_status. The
    last is what became of an order: user_id, order_id, status; tracking_number, carrier, expected_delivery where known.
    """
    from shoplens.domain.events import EventType
    from shoplens.ingest.events.event_names import parse_event_names
    from shoplens.ingest.events.raw import RAW_COLUMNS
    from shoplens.service.intake import ingest_events

    if type_ is not None and type_ not in list(EventType):
        raise ConfigurationError(f"--type {type_!r}: there is no such event type; known: {', '.join(EventType)}")
    with _opened(workspace) as (store, report, tell):
        result = ingest_events(
            store,
            location,
            format=format_,
            mapping=_mapping(map_, RAW_COLUMNS),
            default_type=None if type_ is None else EventType(type_),
            own_names=parse_event_names(event or ()),
            report_path=report,
            strict=strict,
            allow_private=allow_private,
            progress=tell,
        )
    _finish(result, json=json)


@commands.command()
def people(
    location: Location,
    *,
    workspace: WorkspaceOption = Path(),
    format_: FormatOption = None,
    map_: MapOption = None,
    strict: StrictFlag = False,
    allow_private: PrivateFlag = False,
    json: JsonFlag = False,
) -> None:
    """Take in what is known about people: a column user_id, and any others."""
    from shoplens.service.intake import ingest_people

    with _opened(workspace) as (store, report, tell):
        result = ingest_people(
            store,
            location,
            format=format_,
            mapping=_mapping(map_),
            report_path=report,
            strict=strict,
            allow_private=allow_private,
            progress=tell,
        )
    _finish(result, json=json)


@contextmanager
def _opened(workspace: Path) -> Iterator[tuple[Store, Path, Callable[[str, int], None]]]:
    """The workspace's store, where its report goes, and a progress bar on stderr that counts each file's rows."""
    from shoplens.service.intake import REPORT_FILE
    from shoplens.service.workspace import Workspace
    from shoplens.store.sql import open_store

    shop = Workspace.open(workspace)
    store = open_store(shop.database_url)
    try:
        with progress_bar() as bar:
            tasks: dict[str, Any] = {}

            def tell(name: str, rows: int) -> None:
                if name not in tasks:
                    tasks[name] = bar.add_task(Path(name).name or name, total=None)
                bar.update(tasks[name], completed=rows)

            yield store, shop.root / REPORT_FILE, tell
            for task in tasks.values():  # how many rows there are is known at the end only
                bar.update(task, total=bar.tasks[task].completed)
    finally:
        store.close()


def _mapping(pairs: Sequence[str] | None, known: Collection[str] | None = None) -> dict[str, str] | None:
    """`ours=theirs` pairs as a dict. ConfigurationError when one of ours is not in `known`."""
    from shoplens.ingest.mapping import parse_mapping

    return parse_mapping(pairs or (), known) or None


def _finish(result: Mapping[str, Any], *, json: bool) -> None:
    """Print what came of it; exit code 1 when a file was refused, or every row."""
    emit(result, json=json, table=_table(result))
    begun = any(one["began_after_row"] for one in result["files"])  # an earlier run took in rows of it
    nothing = bool(result["refused"]) and not result["accepted"] and not begun
    if nothing:
        console.print(_all_refused(result), highlight=False, markup=False, soft_wrap=True)
    if told := _unknown_types(result):
        console.print(told, highlight=False, markup=False, soft_wrap=True)
    if nothing or any(one["status"] == "refused" for one in result["files"]):
        raise typer.Exit(1)


def _all_refused(result: Mapping[str, Any]) -> str:
    """What to look at when no row could be used."""
    from shoplens.ingest.events.clean import TIME_FORMS, UNREADABLE_TIME

    said = (
        f"every row was refused, nothing new is stored: {result['report']} says of each row why; correct them, or name "
    )
    said += "the columns with --map OURS=THEIRS, and import again"
    if UNREADABLE_TIME in result["reasons"]:
        said += f". Times that are understood: {TIME_FORMS}"
    return said


def _unknown_types(result: Mapping[str, Any]) -> str:
    """How to tell what names of event types mean; empty when all were known."""
    from shoplens.domain.events import EventType
    from shoplens.ingest.events.clean import UNKNOWN_TYPE

    if UNKNOWN_TYPE not in result["reasons"]:
        return ""
    return (
        "some event types have names that are not known: say what they mean, for example --event purchase=gekauft, and "
        f"import again. Types: {', '.join(EventType)}"
    )


def _table(result: Mapping[str, Any]) -> Table:
    """What came in, what did not and why."""
    title = f"{result['kind']} · {result['rows']:,} rows in {result['seconds']:.1f} s"
    table = Table(title=title, title_justify="left", min_width=len(title))  # the title in one line
    table.add_column("")
    table.add_column("rows", justify="right")
    names = {
        "stored": "stored",
        "changed": "new or changed",
        "held": "given back values that were accepted on the review list",
        "accepted": "clean",
        "refused": "refused",
        "new_products": "products unknown before, kept as stubs",
        "new_people": "people unknown before, kept as stubs",
    }
    for name, words in names.items():
        if name in result:
            table.add_row(words, f"{result[name]:,}")
    for title, key in (("refused", "reasons"), ("field left out", "dropped_fields"), ("repaired", "fixes")):
        for reason, count in result.get(key, {}).items():
            table.add_row(f"  {title}: {reason}", f"{count:,}", style="dim")
    for one in result["files"]:
        if one["status"] != "imported":
            said = f"{one['status']}: {one['reason']}" if "reason" in one else one["status"]
            console.print(f"{one['file']}: {said}", highlight=False, markup=False, soft_wrap=True)
    if result["refused"] and result["report"]:
        console.print(f"each refused row: {result['report']}", highlight=False, markup=False, soft_wrap=True)
    return table
