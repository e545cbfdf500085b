"""`shoplens search "words"`: what a shopper would find now."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from shoplens.cli.app import JsonFlag, LanguageOption, WorkspaceOption, app, emit
from shoplens.cli.ranking import FilterOption, read_filter

#: An option that `interact` has as well.
CropOption = Annotated[
    str | None, typer.Option("--crop", help="What to look at in the first photo: left,top,right,bottom from 0 to 1.")
]


@app.command()
def search(
    words: Annotated[str, typer.Argument(help='What is looked for: "phrase", -without. Empty: everything.')] = "",
    workspace: WorkspaceOption = Path("."),
    image: Annotated[list[Path] | None, typer.Option(exists=True, dir_okay=False, help="A photo of it.")] = None,
    audio: Annotated[list[Path] | None, typer.Option(exists=True, dir_okay=False, help="A question spoken.")] = None,
    video: Annotated[list[Path] | None, typer.Option(exists=True, dir_okay=False, help="A short video of it.")] = None,
    crop: CropOption = None,
    filter_: FilterOption = None,
    facet: Annotated[list[str] | None, typer.Option(help="A field to count; * for those that tell most.")] = None,
    facet_values: Annotated[int, typer.Option(min=1, max=1_000, help="Most values of one facet.")] = 20,
    sort: Annotated[list[str] | None, typer.Option(help="price, created_at:asc, popularity, …")] = None,
    user: Annotated[str | None, typer.Option(help="user_id: whose taste has a say.")] = None,
    session: Annotated[str | None, typer.Option(help="session_id: what was done in it has a say.")] = None,
    personal: Annotated[float | None, typer.Option(min=0, max=1, help="How much of one.")] = None,
    n: Annotated[int, typer.Option("--n", "-n", min=1, max=1_000, help="How many products.")] = 10,
    page: Annotated[int | None, typer.Option(min=1, max=1_000_000)] = None,
    cursor: Annotated[str | None, typer.Option(help="Of the answer before: what comes after it.")] = None,
    drop: Annotated[list[str] | None, typer.Option(help="Id of an understood constraint to do without.")] = None,
    understand: Annotated[
        bool | None, typer.Option("--understand/--plain", help="Whether words become filters.", show_default=False)
    ] = None,
    prefix: Annotated[bool, typer.Option("--prefix", help="The last word is still being typed.")] = False,
    typos: Annotated[bool, typer.Option("--typos/--exact", help="Whether misspelt words are found.")] = True,
    group: Annotated[bool, typer.Option("--group/--variants", help="One product of each group, or all.")] = True,
    unavailable: Annotated[bool, typer.Option("--unavailable", help="Also what cannot be ordered now.")] = False,
    scenario: Annotated[
        str | None,
        typer.Option(
            help="Place in the shop whose rules hold, see `shoplens scenarios`; default: search, if there is one."
        ),
    ] = None,
    language: LanguageOption = None,
    explain: Annotated[bool, typer.Option("--explain", help="Say why each product is there.")] = False,
    json: JsonFlag = False,
) -> None:
    """Search by words, photos, speech and videos, alone or mixed: "red dress under 50", --image dress.jpg."""
    from shoplens.cli.found import found_view
    from shoplens.http.wire.search import found_json
    from shoplens.recommend.asking import Ask, parse_sort
    from shoplens.service.asked_media import AskedMedia
    from shoplens.service.runtime import Runtime

    parts = media_parts(image, audio, video, crop)
    wanted = read_filter(filter_)
    with Runtime.open(workspace) as shop:
        seen = shop.search.see(parts) if parts else AskedMedia()
        settings = shop.settings
        ask = Ask(
            text=words.strip(),
            user_id=user,
            session_id=session,
            n=n,
            page=page,
            cursor=cursor,
            filter=wanted,
            facets=tuple(facet or ()),
            facet_values=facet_values,
            sort=tuple(map(parse_sort, sort or ())),
            group=group,
            understand=settings.search.understand if understand is None else understand,
            drop=tuple(drop or ()),
            personal=personal,
            prefix=prefix,
            typos=typos,
            unavailable=unavailable,
            explain=explain,
            language=language or settings.language,
            scenario=shop.search.scenario(scenario),
        )
        found = shop.search.search(seen.join(ask))
        emit(
            found_json(found, explain=explain, heard=seen.heard),
            json=json,
            table=found_view(shop, found, heard=seen.heard, explain=explain),
        )


def media_parts(
    image: list[Path] | None, audio: list[Path] | None, video: list[Path] | None, crop: str | None = None
) -> list[Any]:
    """Files as parts of a question."""
    from shoplens.service.loose_media import Part, parse_box

    if crop is not None and not image:
        raise typer.BadParameter("there is no photo to look at", param_hint="--crop")
    photos = [
        Part("image", file, str(file), parse_box(crop) if crop is not None and number == 0 else None)
        for number, file in enumerate(image or ())
    ]
    sounds = [Part("audio", file, str(file)) for file in audio or ()]
    return [*photos, *sounds, *(Part("video", file, str(file)) for file in video or ())]
