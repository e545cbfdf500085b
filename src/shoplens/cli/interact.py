"""`shoplens interact`: a conversation about what to buy, in the terminal."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from shoplens.cli.app import JsonFlag, WorkspaceOption, app, console, emit
from shoplens.cli.ranking import FilterOption, read_filter
from shoplens.cli.search import CropOption, media_parts
from shoplens.errors import InputError

if TYPE_CHECKING:
    from shoplens.apps.interaction.turns import Question, Reply, Turn
    from shoplens.service.runtime import Runtime

HELP = (
    "Say what you look for; then refine: cheaper · not that brand · the second one in blue · show more · 更便宜一点.\n"
    "/image FILE [left,top,right,bottom]   /audio FILE   /video FILE   go with what you say next.\n"
    "/drop ID   does without a constraint.   /reset   begins anew.   /quit   ends."
)


@app.command()
def interact(
    workspace: WorkspaceOption = Path("."),
    say: Annotated[list[str] | None, typer.Option(help="Say this, and end; several are several turns.")] = None,
    image: Annotated[
        list[Path] | None, typer.Option(exists=True, dir_okay=False, help="A photo for the first turn.")
    ] = None,
    audio: Annotated[list[Path] | None, typer.Option(exists=True, dir_okay=False, help="A recording.")] = None,
    video: Annotated[list[Path] | None, typer.Option(exists=True, dir_okay=False, help="A video.")] = None,
    crop: CropOption = None,
    filter_: FilterOption = None,
    drop: Annotated[list[str] | None, typer.Option(help="Id of an understood constraint to do without.")] = None,
    session: Annotated[str | None, typer.Option(help="Go on with a conversation: session_id of its answers.")] = None,
    reset: Annotated[bool, typer.Option("--reset", help="Forget first what was said in it.")] = False,
    user: Annotated[str | None, typer.Option(help="user_id: whose taste has a say.")] = None,
    language: Annotated[Literal["en", "zh"] | None, typer.Option(help="Of sentences. Default: as you write.")] = None,
    n: Annotated[int, typer.Option("--n", "-n", min=1, max=1_000, help="How many products.")] = 5,
    scenario: Annotated[
        str | None,
        typer.Option(
            help="Place in the shop whose rules hold, see `shoplens scenarios`; default: search, if there is one."
        ),
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Talk about what you look for, turn by turn; photos, recordings and videos may come with it."""
    from shoplens.apps.interaction.turns import PhotoAsk, Turn
    from shoplens.cli.found import no_products
    from shoplens.http.wire.interact import reply_json
    from shoplens.service.runtime import Runtime

    parts = media_parts(image, audio, video, crop)
    later = Turn(session_id=session, user_id=user, n=n, language=language)
    first = replace(
        later,
        photos=tuple(PhotoAsk(part.content, part.crop) for part in parts if part.kind == "image"),
        sounds=tuple(audio or ()),
        videos=tuple(video or ()),
        filter=read_filter(filter_),
        drop=tuple(drop or ()),
        reset=reset,
    )
    one_shot = bool(say or parts or drop)
    if json and not one_shot:
        raise typer.BadParameter("a conversation has no one JSON object; say something with --say", param_hint="--json")
    with Runtime.open(workspace) as shop:
        place = shop.search.scenario(scenario)
        first, later = replace(first, scenario=place), replace(later, scenario=place)
        if not one_shot:
            _converse(shop, first)
            return
        replies: list[Reply] = []
        for number, text in enumerate(say or [""]):
            turn = first if number == 0 else later
            held = replies[-1].session_id if replies else session
            replies.append(shop.interaction.turn(replace(turn, text=text, session_id=held)))
        views = [reply_view(shop, reply) for reply in replies]
        if no_products(shop) is None:
            views.append(Text(f"go on with --session {replies[-1].session_id}", style="dim"))
        emit(
            {"turns": [reply_json(reply) for reply in replies]},
            json=json,
            table=views[0] if len(views) == 1 else Group(*views),  # a sentence alone is not wrapped
        )


def _converse(shop: Runtime, first: Turn) -> None:
    """Until /quit or the end of the input. What cannot be used is said, and the conversation goes on."""
    from shoplens.apps.interaction.turns import Turn

    console.print(HELP, style="dim", highlight=False, markup=False)
    turn, session = first, first.session_id
    for line in _lines():
        try:
            turn, ready = spoken(turn, line)
            if not ready:
                continue
            reply = shop.interaction.turn(replace(turn, session_id=session))
        except InputError as error:
            console.print(str(error), style="yellow", markup=False, highlight=False)
            continue
        turn = Turn(user_id=first.user_id, n=first.n, language=first.language, scenario=first.scenario)
        session = reply.session_id
        emit({}, json=False, table=reply_view(shop, reply))


def _lines() -> Iterator[str]:
    while True:
        try:
            line = console.input("[bold cyan]›[/bold cyan] ").strip()
        except EOFError:
            return
        if line in ("/quit", "/q", "/exit"):
            return
        if line:
            yield line


def spoken(turn: Turn, line: str) -> tuple[Turn, bool]:
    """The turn with what a line adds to it, and whether it is to be answered now. InputError for a wrong command."""
    from shoplens.apps.interaction.turns import PhotoAsk
    from shoplens.service.loose_media import parse_box

    if not line.startswith("/"):
        return replace(turn, text=line), True
    command, _, rest = line.partition(" ")
    if command == "/reset":
        return replace(turn, reset=True, text=rest), True
    if command == "/drop" and rest:
        return replace(turn, drop=(*turn.drop, rest.strip())), True
    try:
        words = shlex.split(rest)
    except ValueError as error:
        raise InputError(f"{command}: {error}") from error
    if command in ("/image", "/audio", "/video") and words:
        file = Path(words[0]).expanduser()
        if not file.is_file():
            raise InputError(f"{file}: there is no such file")
        if command == "/image":
            box = parse_box(words[1]) if len(words) > 1 else None
            return replace(turn, photos=(*turn.photos, PhotoAsk(file, box))), False
        if command == "/audio":
            return replace(turn, sounds=(*turn.sounds, file)), True  # a question that was spoken needs no words
        return replace(turn, videos=(*turn.videos, file)), False
    raise InputError(f"{line}: not known here\n{HELP}")


def reply_view(shop: Runtime, reply: Reply) -> RenderableType:
    """For people: what was said and seen, the products, and what is asked back."""
    from shoplens.cli.found import answer_view, no_products

    missing = no_products(shop) if not reply.found.items else None
    if missing is not None:
        return missing
    lines: list[RenderableType] = [Text(reply.said, style="bold green")]
    for number, seen in enumerate(reply.seen, start=1):
        told = ", ".join(f"{name} {value}" for name, value in seen.items())
        if told:
            lines.append(Text.assemble((f"photo {number} shows ", "dim"), told))
    if reply.read:
        lines.append(Text.assemble(("reads ", "dim"), reply.read))
    found = replace(reply.found, understood=reply.understood)
    lines.append(answer_view(shop, found, said=reply.said, heard=reply.heard or ""))
    lines += [
        Text(f"{one.item_id} at {one.moment.start:.1f}–{one.moment.end:.1f} s of {one.moment.video}", style="dim")
        for one in reply.moments
    ]
    if reply.question is not None:
        lines.append(_question(reply.question))
    return Group(*lines)


def _question(question: Question) -> Text:
    line = Text(question.text, style="bold")
    for one in question.options:
        line.append(f"  [{one.label}]", style="cyan")
    return line
