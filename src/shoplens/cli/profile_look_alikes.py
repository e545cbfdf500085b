"""`shoplens profile look-alikes`: who is like somebody, like a segment, or like the people of a list."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from shoplens.cli.app import JsonFlag, WorkspaceOption, console, emit, ready_to_write
from shoplens.cli.profile import ExcelFlag, SegmentOption, profile_app

if TYPE_CHECKING:
    from shoplens.apps.profile import Audience


@profile_app.command()
def look_alikes(
    users: Annotated[list[str] | None, typer.Argument(metavar="[USER]…", help="One user_id, or several.")] = None,
    segment: SegmentOption = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", "-f", help="A list: CSV with a column user_id, or an id a line; - is stdin."),
    ] = None,
    n: Annotated[int, typer.Option("--n", "-n", min=1, max=100_000, help="How many.")] = 10,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="CSV file to write; of a list only.")] = None,
    excel: ExcelFlag = False,
    workspace: WorkspaceOption = Path("."),
    json: JsonFlag = False,
) -> None:
    """People who choose what somebody chooses, or are most like a segment without being in it, or like those of a list.

    A list (who bought it, who answered the letter) is learnt from: by tastes, and from 20 people on also by how often
    and lately they come. It is told how many of the list would have been found had they not been on it, beside simply
    taking those who come most.

    Examples:

      shoplens profile look-alikes u005

      shoplens profile look-alikes --segment s2 -n 100

      shoplens profile look-alikes --file buyers.csv -n 1000 -o reach.csv
    """
    from shoplens.http.wire.profiles import audience_json
    from shoplens.service.profiles import audience_csv
    from shoplens.service.runtime import Runtime

    seeds = [*(users or []), *([] if file is None else _listed(file))]
    if file is not None or len(seeds) > 1:
        if segment is not None:
            raise typer.BadParameter("give people or a segment, not both", param_hint="--segment")
        if out is not None:
            ready_to_write(out)
        with Runtime.open(workspace) as shop:
            audience = shop.profiles.audience(shop.shelf, seeds, n)
        if out is not None:
            out.write_text(audience_csv(audience, excel=excel), encoding="utf-8", newline="")
            console.print(f"{len(audience.people):,} people in {out}", highlight=False)
        emit(audience_json(audience), json=json, table=_audience_shown(audience, rows=out is None))
        return
    if out is not None:
        raise typer.BadParameter("is of a list of people: --file, or several USERs", param_hint="--out")
    with Runtime.open(workspace) as shop:
        found = shop.profiles.look_alikes(shop.shelf, user_id=seeds[0] if seeds else None, segment=segment, n=n)
    table = Table("user_id", "likeness")
    for one in found:
        table.add_row(escape(one.user_id), f"{one.likeness:.3f}")
    emit(
        {"people": [{"user_id": one.user_id, "likeness": one.likeness} for one in found]},
        json=json,
        table=table if found else Text("nobody is alike: too little is known of them"),
    )


def _listed(file: Path) -> list[str]:
    """The people of a file, or of stdin."""
    from shoplens.errors import InputError
    from shoplens.service.profiles import read_user_ids

    try:
        raw = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        return read_user_ids(raw.decode("utf-8"))
    except UnicodeDecodeError:
        raise InputError(f"{file} is not UTF-8; in Excel: save as “CSV UTF-8”") from None
    except OSError as error:
        raise InputError(f"{file}: {error.strerror}") from error


def _audience_shown(found: Audience, *, rows: bool) -> RenderableType:
    """What is known of the list, and the people."""
    said = f"learnt from {found.seeds:,} people of the list"
    for ids, why in ((found.unknown, "unknown"), (found.little_known, "too few visits")):
        if ids:
            said += f"; {len(ids):,} {why} ({', '.join(ids[:3])}{', …' if len(ids) > 3 else ''})"
    parts: list[RenderableType] = [Text(said)]
    if (again := found.found_again) is not None:
        parts.append(
            Text(
                f"of those on it, {again.share:.0%} [{again.low:.0%}, {again.high:.0%}] are among the best "
                f"{again.chance:.0%} of all when they are set aside; {again.most_active:.0%} among those who come most"
            )
        )
    if rows:
        table = Table("user_id", "more alike than")
        for one in found.people:
            table.add_row(escape(one.user_id), f"{one.percentile:.1%}")
        parts.append(table)
    return Group(*parts)
