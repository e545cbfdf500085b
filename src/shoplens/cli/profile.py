"""`shoplens profile USER`, `segments`, `look-alikes`, `export`: what people choose, and who is alike."""

from __future__ import annotations

import os
import sys
from contextlib import nullcontext
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text
from typer.core import TyperGroup

from shoplens.cli.app import JsonFlag, WorkspaceOption, app, console, emit, progress_bar, ready_to_write

if TYPE_CHECKING:
    from shoplens.apps.profile import Profile
    from shoplens.service.runtime import Runtime


class UserOrCommand(TyperGroup):
    """`shoplens profile ann` is `shoplens profile show ann`, where no command is called ann."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """See the class."""
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            args = ["show", *args]
        return super().resolve_command(ctx, args)


profile_app = typer.Typer(
    cls=UserOrCommand,
    no_args_is_help=True,
    help="Profiles: `shoplens profile USER` shows one; segments, look-alikes and exports for marketing.",
)
app.add_typer(profile_app, name="profile")

AsOf = Annotated[
    str | None,
    typer.Option(help="As it was then: 2026-01-31 (the end of that day) or 2026-01-31T18:00Z; default: now."),
]
Language = Annotated[str | None, typer.Option(help="en or zh; default: the shop's language.")]
ExcelFlag = Annotated[bool, typer.Option("--excel", help="Begin the CSV with the mark by which Excel knows UTF-8.")]
SegmentOption = Annotated[str | None, typer.Option(help="id of a segment, as `profile segments` lists them.")]


@profile_app.command()
def show(
    user: Annotated[str | None, typer.Argument(metavar="[USER]", help="user_id, as events name them.")] = None,
    workspace: WorkspaceOption = Path("."),
    session: Annotated[str | None, typer.Option(help="session_id of a guest, or of this person's first steps.")] = None,
    as_of: AsOf = None,
    language: Language = None,
    json: JsonFlag = False,
) -> None:
    """What somebody chooses, how they come, and what is predicted, in sentences and numbers.

    Worked out at this moment from their history; comparisons and predictions are those of the latest training. What
    rests on too little is left out, and said. A user_id that is also the name of a command: shoplens profile show USER.

    Examples:

      shoplens profile u007

      shoplens profile u007 --language zh

      shoplens profile show --session s42          a guest

      shoplens profile 1 --as-of 2017-12-31        a household of the sample shop, when its log ends
    """
    from shoplens.service.runtime import Runtime

    if user is None and session is None:
        raise typer.BadParameter("say who: a USER, or --session of a guest")
    with Runtime.open(workspace) as shop:
        said = _checked(language) or shop.settings.language
        found = shop.profiles.of(shop.shelf, user, session, language=said, now=_moment(shop, as_of))
    emit(found.as_dict(), json=json, table=_shown(found))


@profile_app.command()
def segments(workspace: WorkspaceOption = Path("."), language: Language = None, json: JsonFlag = False) -> None:
    """Groups of people alike, named by what they choose more than others. A group keeps its id over trainings."""
    from shoplens.http.wire.profiles import segment_json
    from shoplens.models.profile.wording import trait_text
    from shoplens.service.runtime import Runtime

    with Runtime.open(workspace) as shop:
        said = _checked(language) or shop.settings.language
        found, bundle = shop.profiles.segments(shop.shelf), shop.shelf.version
    table = Table("id", "name", "people", "money a visit", "chooses more of (lift)")
    for one in found:
        traits = ", ".join(f"{trait_text(field, value, said)} {lift:.2g}×" for field, value, lift in one.traits)
        money = "" if one.money is None else f"{one.money:.2f}×"
        table.add_row(one.id, escape(one.names.get(said, one.names["en"])), f"{one.people:,}", money, escape(traits))
    none = Text("no segments: the shop has too few people who came at least twice")
    told = {"bundle": bundle, "segments": [segment_json(one) for one in found]}
    emit(told, json=json, table=table if found else none)


@profile_app.command()
def export(
    out: Annotated[Path | None, typer.Option("--out", "-o", help="CSV file to write; default: stdout.")] = None,
    segment: SegmentOption = None,
    webhook: Annotated[
        bool, typer.Option("--webhook", help="Send them to profile.webhook_url, signed, instead of writing CSV.")
    ] = False,
    after: Annotated[str | None, typer.Option(help="With --webhook: go on after this user_id.")] = None,
    excel: ExcelFlag = False,
    as_of: AsOf = None,
    workspace: WorkspaceOption = Path("."),
    language: Language = None,
    json: JsonFlag = False,
) -> None:
    """Everybody with their segment, churn risk, recency, visits and money, for a marketing tool.

    --webhook posts them in parts of a thousand people to profile.webhook_url, each signed with profile.webhook_secret
    (HMAC-SHA256, X-Shoplens-Signature) and tried again when the receiver is away. Where a part did not arrive
    all the same, it is told after whom to go on: --after.
    """
    from shoplens.service.profiles import segments_csv, send_segments
    from shoplens.service.runtime import Runtime

    if out is not None:
        ready_to_write(out)
    with Runtime.open(workspace) as shop:
        if webhook:
            now, settings = _moment(shop, as_of), shop.settings.profile
            with progress_bar() as bar:
                task = bar.add_task("parts sent", total=None)
                sent = send_segments(
                    settings, shop.profiles, shop.shelf, segment, now=now, after=after,
                    progress=lambda done, parts: bar.update(task, completed=done, total=parts),
                )  # fmt: skip
            emit(sent, json=json, table=Text(f"{sent['people']:,} people sent in {sent['messages']} messages"))
            return
        said = _checked(language) or shop.settings.language
        members = shop.profiles.members(shop.shelf, segment, now=_moment(shop, as_of))
        groups = shop.profiles.segments(shop.shelf)
    text = "".join(segments_csv(members, groups, said, excel=excel))
    if out is None:
        sys.stdout.write(text)
        return
    out.write_text(text, encoding="utf-8", newline="")
    console.print(f"{len(members):,} people in {out}", highlight=False)
    if json:
        emit({"people": len(members), "file": str(out)}, json=True)


LONGEST_LINE = 1 << 20  # bytes of one profile


def whole_lines(file: Path) -> None:
    """Cut off what a killed run left of its last line."""
    if not file.exists():
        return
    with file.open("rb+") as written:
        size = written.seek(0, os.SEEK_END)
        written.seek(max(size - LONGEST_LINE, 0))
        tail = written.read()
        written.truncate(size - len(tail) + tail.rfind(b"\n") + 1)


@profile_app.command("all")
def everybody(
    out: Annotated[Path | None, typer.Option("--out", "-o", help="File to write; default: stdout.")] = None,
    after: Annotated[str | None, typer.Option(help="Go on after this user_id, the last one of an earlier run.")] = None,
    as_of: AsOf = None,
    workspace: WorkspaceOption = Path("."),
    language: Language = None,
    json: JsonFlag = False,
) -> None:
    """The profiles of all people, one JSON object a line (NDJSON), as `profile USER --json` tells each.

    Example: shoplens profile all -o profiles.jsonl --language zh
    """
    from shoplens.service.profiles import profile_lines
    from shoplens.service.runtime import Runtime

    if out is not None:
        ready_to_write(out)
    written = 0
    with Runtime.open(workspace) as shop, progress_bar() as bar:
        said = _checked(language) or shop.settings.language
        task = bar.add_task("profiles", total=None)
        lines = profile_lines(shop.profiles, shop.shelf, said, now=_moment(shop, as_of), after=after)
        first = list(islice(lines, 1))  # before anything is opened: what cannot be told leaves an older file as it is
        if out is not None and after is not None:
            whole_lines(out)
        with nullcontext(sys.stdout.buffer) if out is None else out.open("wb" if after is None else "ab") as file:
            for line in chain(first, lines):
                file.write(line)
                written += 1
                bar.update(task, completed=written)
    if out is not None:
        console.print(f"{written:,} profiles in {out}", highlight=False)
        if json:
            emit({"people": written, "file": str(out)}, json=True)


@profile_app.command()
def evaluate(workspace: WorkspaceOption = Path("."), json: JsonFlag = False) -> None:
    """How good the predictions of profiles are: what the latest training measured on its newest period, once, by models
    that had not seen it, beside simple forecasts. Plots are in its run: shoplens runs show."""
    from shoplens.service.bundle import read_manifest
    from shoplens.service.forward_test import current_bundle
    from shoplens.service.workspace import Workspace

    manifest = read_manifest(current_bundle(Workspace.open(workspace)))
    figures: dict[str, Any] = manifest["extra"].get("profiles") or {}
    emit({"bundle": manifest["version"], **figures}, json=json, table=_figures(figures))


def _figures(figures: dict[str, Any]) -> RenderableType:
    """Each prediction and its baselines: mean [95 % interval], or why there is none."""
    table = Table("prediction", "by", "measure", "value [95 %]", caption="measured once, on the newest period")
    for name in ("churn", "next_category"):
        for by, measures in ((figures.get(name) or {}).get("test") or {}).items():
            for measure, value in measures.items():
                if isinstance(value, list):
                    table.add_row(name, by, measure, _interval(value))
    for by, value in ((figures.get("due") or {}).get("absolute_error_days") or {}).items():
        table.add_row("due", by, "days off", _interval(value))
    for field, told in (figures.get("fields") or {}).items():
        for by in ("accuracy", "commonest"):
            if by in told:
                table.add_row(field, "profile" if by == "accuracy" else by, "accuracy", _interval(told[by]))
    return table if table.row_count else Text(str(figures.get("note", "no predictions were learnt")))


def _interval(value: list[float]) -> str:
    mean, low, high = value
    return f"{mean:.4f} [{low:.4f}, {high:.4f}]"


def _shown(found: Profile) -> RenderableType:
    """Sentences, the affinities as a table, and what is not said."""
    who = found.user_id or f"guest {found.session_id}"
    parts: list[RenderableType] = [Text(who, style="bold"), *(Text(one.text) for one in found.summary)]
    if found.affinities:
        table = Table("field", "value", "share [90 %]", "shop", "lift", "sure", "events")
        for one in found.affinities[:15]:
            share = f"{one.share:.1%} [{one.low:.1%}, {one.high:.1%}]"
            shop, sure = f"{one.shop_share:.1%}", f"{one.confidence:.0%}"
            table.add_row(one.field, escape(one.value), share, shop, f"{one.lift:.2f}", sure, f"{one.events:,}")
        parts.append(table)
    parts += [Text(f"{name}: {why}", style="dim") for name, why in found.missing.items()]
    return Group(*parts)


def _moment(shop: Runtime, as_of: str | None) -> int | None:
    from shoplens.service.profiles import moment_of

    return None if as_of is None else moment_of(as_of, shop.settings.profile.timezone)


def _checked(language: str | None) -> str | None:
    if language not in (None, "en", "zh"):
        raise typer.BadParameter("write en or zh", param_hint="--language")
    return language
