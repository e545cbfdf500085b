"""`shoplens attributes extract|complete|check|insights|alike`: what products are like, and what that is worth."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Group
from rich.table import Table
from rich.text import Text

from shoplens.cli.app import JsonFlag, WorkspaceOption, app, console, emit, stage_progress

if TYPE_CHECKING:
    from shoplens.apps.attributes.found import FoundValue
    from shoplens.service.attributes import Reviewed

attributes_app = typer.Typer(
    help="Attributes: find values, complete and check the catalogue, review what was found, see what values go with.",
    no_args_is_help=True,
)
app.add_typer(attributes_app, name="attributes")
Item = Annotated[str | None, typer.Option("--item", help="A product of the shop instead of a text.")]
Seed = Annotated[int, typer.Option(help="Seed of all randomness.")]


@attributes_app.command()
def extract(
    title: Annotated[str | None, typer.Argument(help="A title; none with --item.")] = None,
    workspace: WorkspaceOption = Path("."),
    item: Item = None,
    description: Annotated[str, typer.Option(help="A longer text.")] = "",
    category: Annotated[str, typer.Option(help="Path from broad to narrow, parts apart by ' > '.")] = "",
    json: JsonFlag = False,
) -> None:
    """Find values of the shop's attributes in a text or a product, with where each stands and how sure it is.

    Patterns and the shop's own values answer at once; `shoplens attributes complete` also learns from its titles and
    photos. A product's photos are looked at, too: what they show, and the words in them.

    Examples:

      shoplens attributes extract "Oat drink, 6 x 250 ml" --category "Grocery > Drinks"

      shoplens attributes extract --item p001
    """
    from shoplens.service.runtime import Runtime

    if (item is None) == (not (title or description)) or (item is not None and category):
        raise typer.BadParameter("give a title, --description or both, or --item alone")
    unread = None
    with Runtime.open(workspace) as shop:
        if item is not None:
            read = shop.attributes.of_product(item)
            found, unread = read.values, read.unread
            if unread is not None:
                console.print(f"its photo was left out: {read.why}", style="yellow", markup=False, highlight=False)
        else:
            path = tuple(part.strip() for part in category.split(">") if part.strip())
            found = shop.attributes.extract(title or "", description, path)
    told = {"values": [one.as_dict() for one in found], "unread": unread}
    emit(told, json=json, table=_values(found, seen=unread is None))


@attributes_app.command()
def complete(workspace: WorkspaceOption = Path("."), seed: Seed = 0, json: JsonFlag = False) -> None:
    """Learn from the filled attributes, find what is missing or spelt otherwise, and put it on the review list.

    Sources are titles, descriptions and words in photos, the photos themselves, and the most similar products, as far
    as `shoplens embed` has read them. How far each is believed is measured on values that the shop has filled in.
    """
    from shoplens.service.runtime import Runtime

    with Runtime.open(workspace) as shop, stage_progress() as progress:
        reviewed = shop.attributes.complete(seed=seed, progress=progress)
    emit(reviewed.as_dict(), json=json, table=_reviewed(reviewed))


@attributes_app.command()
def check(workspace: WorkspaceOption = Path("."), seed: Seed = 0, json: JsonFlag = False) -> None:
    """Find contradictions, wrong categories, products listed twice and strange prices, for the review list."""
    from shoplens.service.runtime import Runtime

    with Runtime.open(workspace) as shop, stage_progress() as progress:
        reviewed = shop.attributes.check(seed=seed, progress=progress)
    emit(reviewed.as_dict(), json=json, table=_reviewed(reviewed))


@attributes_app.command()
def insights(
    workspace: WorkspaceOption = Path("."),
    days: Annotated[float, typer.Option(min=0.01, max=3_650, help="Of the last so many days.")] = 3_650.0,
    n: Annotated[int, typer.Option("--n", "-n", min=1, max=1_000, help="Of each list.")] = 20,
    json: JsonFlag = False,
) -> None:
    """Show which values go with carts and purchases, against like products, and what people search for in vain.

    ratio 1.2: 20 % more often than products of the same category, price and popularity without the value.
    """
    from shoplens.http.wire.attributes import drive_json, gap_json
    from shoplens.service.runtime import Runtime

    with Runtime.open(workspace) as shop:
        drives, gaps = shop.attributes.insights(days=days)[:n], shop.attributes.gaps(days=days, n=n)
    told = {"drives": [drive_json(one) for one in drives], "gaps": [gap_json(one) for one in gaps]}
    emit(told, json=json, table=_insights(told))


@attributes_app.command("alike")
def find_alike(
    item: Annotated[str, typer.Argument(help="item_id.")],
    by: Annotated[list[str], typer.Option(help="Attribute to be alike in; repeat for several.")],
    workspace: WorkspaceOption = Path("."),
    n: Annotated[int, typer.Option("--n", "-n", min=1, max=1_000, help="How many products.")] = 10,
    json: JsonFlag = False,
) -> None:
    """Find products that share most of the chosen attributes with one.

    Example: shoplens attributes alike p001 --by brand --by colour
    """
    from shoplens.http.wire.attributes import alike_json
    from shoplens.service.runtime import Runtime

    with Runtime.open(workspace) as shop:
        found = shop.attributes.alike(item, by, n=n)
        titles = [shop.facts.titles[shop.facts.row(one.item_id)] for one in found]
    table = Table("product", "title", "shared")
    for one, title in zip(found, titles, strict=True):
        shared = ", ".join(f"{name} {' / '.join(values)}" for name, values in one.shared.items())
        table.add_row(Text(one.item_id), Text(title), Text(shared))
    none = Text("no other product shares any of these values")
    emit({"items": alike_json(found)}, json=json, table=table if found else none)


def _values(found: Sequence[FoundValue], *, seen: bool) -> Table | Text:
    from shoplens.service.attribute_photos import WHOLE_PHOTO

    if not found:
        return Text(
            "nothing was found; is it of a category whose products have attributes?"
            if seen
            else "nothing was found in its texts, and its photo could not be read"
        )
    table = Table("attribute", "value", "source", "sure", "where")
    for one in found:
        where = f"{one.field}: {one.said}" if one.field else one.photo or ""
        if one.box is not None and one.box != WHOLE_PHOTO:
            left, top, right, bottom = (f"{side:.0%}" for side in one.box)
            where += f" (from {left}, {top} to {right}, {bottom})"
        table.add_row(Text(one.attribute), Text(one.value), one.source.value, f"{one.confidence:.0%}", Text(where))
    return table


def _reviewed(reviewed: Reviewed) -> Text:
    found = ", ".join(f"{many:,} {kind}" for kind, many in reviewed.found.items())
    return Text(
        f"{reviewed.products:,} products in {reviewed.seconds:,.0f} s: {found}; {reviewed.new:,} are new, "
        f"{reviewed.withdrawn:,} no longer hold. See them: shoplens attributes review list"
    )


def _insights(told: dict[str, Any]) -> Group | Text:
    if not told["drives"] and not told["gaps"]:
        return Text("too few purchases or searches to say anything yet")
    drives = Table(
        "attribute", "value", "stage", title="goes with", title_justify="left",
        caption="* holds among all values that were compared (5 % false discoveries)", caption_justify="left",
    )  # fmt: skip
    for name in ("ratio", "95 %", "products", "unadjusted"):
        drives.add_column(name, justify="right")
    for one in told["drives"]:
        drives.add_row(
            Text(one["attribute"]),
            Text(one["value"]),
            one["stage"],
            f"{one['ratio']:.2f}{'*' if one['telling'] else ''}",
            f"{one['low']:.2f}-{one['high']:.2f}",
            f"{one['products']:,}",
            f"{one['plain_ratio']:.2f}",
            style="bold" if one["telling"] else None,
        )
    gaps = Table("query", title="searched for and lacking", title_justify="left")
    for name in ("people", "unknown words", "products"):
        gaps.add_column(name, justify="right")
    for one in told["gaps"]:
        products = "" if one["products"] is None else f"{one['products']:,}"
        gaps.add_row(Text(one["query"]), f"{one['askers']:,}", Text(", ".join(one["unknown"])), products)
    return Group(*([drives] if told["drives"] else []), *([gaps] if told["gaps"] else []))
