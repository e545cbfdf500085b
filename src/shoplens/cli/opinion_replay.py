"""`shoplens opinions replay`: what was said once, as if it were said now."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shoplens.cli.app import JsonFlag, WorkspaceOption, console, emit, stage_progress, tell_refused
from shoplens.cli.opinions import REPORT_FILE, opinions_app, watched_json, watched_view

if TYPE_CHECKING:
    from shoplens.store.opinions import AlertRecord


@opinions_app.command()
def replay(
    sources: Annotated[list[str], typer.Argument(metavar="SOURCE…", help="File, folder, or shop:reviews.")],
    workspace: WorkspaceOption = Path("."),
    speed: Annotated[
        float, typer.Option(min=0, help="Seconds that pass in one: 3600 = an hour a second; 0 = as fast as it goes.")
    ] = 3600.0,
    from_: Annotated[
        datetime | None,
        typer.Option(
            "--from", formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="UTC; earlier is left out, or see --after-all."
        ),
    ] = None,
    after_all: Annotated[
        bool, typer.Option("--after-all", help="Count what is earlier than --from at once: it tells what is usual.")
    ] = False,
    days: Annotated[float | None, typer.Option(min=0, help="How much of it: 1 = a day.")] = None,
    map_: Annotated[
        list[str] | None, typer.Option("--map", help="ours=theirs: which column holds which field.")
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Play a file of posts again: they come, windows end and alerts rise as they did, at a speed of your choice.

    The alerts are those of `opinions watch` for the same posts. What was counted once counts no more, so play it in a
    workspace of its own: shoplens init trial. Nobody is told of alerts about what is older than a day.

    Example: shoplens opinions replay posts.csv --speed 3600 --from 2026-11-20 --after-all --days 1 -w trial
    """
    from shoplens.apps.opinions.telling import subject_of
    from shoplens.domain.moments import told
    from shoplens.http.wire.fields import microseconds
    from shoplens.ingest.mapping import parse_mapping
    from shoplens.ingest.opinions import COLUMNS
    from shoplens.ingest.report import IngestReport
    from shoplens.service.opinion_replay import Stretch
    from shoplens.service.opinion_replay import replay as play
    from shoplens.service.opinion_sources import SourceOptions
    from shoplens.service.runtime import Runtime

    if after_all and from_ is None:
        raise typer.BadParameter("--after-all needs --from")
    since = microseconds(from_.replace(tzinfo=UTC)) if from_ is not None else None
    with (
        Runtime.open(workspace) as shop,
        IngestReport(workspace / REPORT_FILE) as report,
        stage_progress() as tell,
    ):
        language = shop.settings.language

        def rises(alert: AlertRecord) -> None:
            line = f"{told(alert.opened)}  {subject_of(alert, language)}"
            console.print(line, style="bold red", markup=False, highlight=False, soft_wrap=True)

        done = play(
            shop.opinions,
            sources,
            speed=speed,
            options=SourceOptions(mapping=parse_mapping(map_ or (), COLUMNS)),
            report=report,
            stretch=Stretch(since, days, after_all),
            on_alert=rises,
            on_beat=lambda now, so_far: tell(told(now)[:16], so_far.posts, 0),
        )
        report.flush()
        tell_refused(report.summary(), workspace / REPORT_FILE)
        result = watched_json(done, shop)
        emit(result, json=json, table=watched_view(result, done, shop))
