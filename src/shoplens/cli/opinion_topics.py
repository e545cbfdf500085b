"""`shoplens opinions topics discover|list|adopt`: what people talk about that nobody named."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from shoplens.cli.app import JsonFlag, WorkspaceOption, emit, stage_progress
from shoplens.cli.opinions import opinions_app

topics_app = typer.Typer(
    help="Topics that nobody named: found in the posts, named by their words.", no_args_is_help=True
)
opinions_app.add_typer(topics_app, name="topics")


@topics_app.command()
def discover(
    workspace: WorkspaceOption = Path("."),
    days: Annotated[float | None, typer.Option(min=0, help="Only posts of the latest so many days.")] = None,
    most: Annotated[int, typer.Option(min=2, max=100, help="Topics.")] = 60,
    seed: Annotated[int, typer.Option(help="Of everything random: the same posts give the same topics.")] = 0,
    json: JsonFlag = False,
) -> None:
    """Find topics in the latest 5,000 posts. Topics that were found before keep their names.

    Example: shoplens opinions topics discover --days 90
    """
    from shoplens.http.wire.opinions import topics_json
    from shoplens.service.runtime import Runtime

    with Runtime.open(workspace) as shop, stage_progress() as tell:
        shop.opinions.topics.discover(days=days, most=most, seed=seed, progress=tell)
        told = topics_json(shop.opinions.topics)
    emit(told, json=json, table=_topics(told))


@topics_app.command("list")
def show(workspace: WorkspaceOption = Path("."), json: JsonFlag = False) -> None:
    """The topics that were found last, with their words."""
    from shoplens.http.wire.opinions import topics_json
    from shoplens.service.runtime import Runtime

    with Runtime.open(workspace) as shop:
        told = topics_json(shop.opinions.topics)
    emit(told, json=json, table=_topics(told))


@topics_app.command()
def adopt(
    names: Annotated[
        list[str], typer.Argument(metavar="TOPIC…", help="As `shoplens opinions topics list` shows them.")
    ],
    workspace: WorkspaceOption = Path("."),
    rename: Annotated[
        str | None, typer.Option("--as", help="What the shop calls it; several topics become one of that name.")
    ] = None,
    only: Annotated[
        bool, typer.Option("--only", help="Without the built-in topics, where the settings name none yet.")
    ] = False,
    json: JsonFlag = False,
) -> None:
    """Write topics into opinions.topics of shoplens.toml: posts are sorted into them from then on.

    Running servers do so when they are started again. The file has their words as phrases, to be made better by hand.

    Example: shoplens opinions topics adopt battery_charge_dead --as battery
    """
    from shoplens.service.runtime import Runtime

    with Runtime.open(workspace) as shop:
        topics = shop.opinions.topics.adopt(names, rename=rename, only=only)
    told = f"{len(names)} adopted; topics are now: {', '.join(topics)}"
    emit({"adopted": list(names), "topics": topics}, json=json, table=Text(told))


def _topics(told: dict[str, Any]) -> RenderableType:
    if not told["topics"]:
        return Text("no topics were found yet: shoplens opinions topics discover")
    table = Table("topic", "words", "for example")
    table.add_column("posts", justify="right")
    table.add_column("share", justify="right")
    for one in told["topics"]:
        words = " · ".join(", ".join(some) for some in one["words"].values())
        name = f"{one['name']} (adopted: {one['adopted']})" if one["adopted"] else one["name"]
        example = one["examples"][0] if one["examples"] else ""
        table.add_row(escape(name), escape(words), escape(example), f"{one['posts']:,}", f"{one['share']:.1%}")
    return table
