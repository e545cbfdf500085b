"""`shoplens opinions watch|report|alerts|train`: what people say in public, and when somebody should look."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from shoplens.cli.app import (
    DeviceOption,
    JsonFlag,
    LearningPrecision,
    WorkspaceOption,
    app,
    console,
    emit,
    stage_progress,
    tell_refused,
)
from shoplens.cli.tables import moment

if TYPE_CHECKING:
    from shoplens.service.opinion_watch import Watched
    from shoplens.service.runtime import Runtime
    from shoplens.store.opinions import AlertRecord

opinions_app = typer.Typer(help="Opinions: what people say, trends, and alerts when it turns.", no_args_is_help=True)
app.add_typer(opinions_app, name="opinions")
REPORT_FILE = "opinions-report.jsonl"  # in the workspace: refused rows with their lines and reasons
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
KINDS = ("topic", "product", "entity", "aspect")


@opinions_app.command()
def watch(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE…", help="File, folder, RSS or Atom address, - (standard input), shop:reviews, shop:tickets."
        ),
    ],
    workspace: WorkspaceOption = Path("."),
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with whatever comes, until Ctrl-C.")] = False,
    name: Annotated[str, typer.Option(help="What the source is called, where posts do not say; else the file's.")] = "",
    map_: Annotated[
        list[str] | None, typer.Option("--map", help="ours=theirs: which column holds which field.")
    ] = None,
    allow_private: Annotated[
        bool, typer.Option("--allow-private", help="Feeds may lie in the shop's own network.")
    ] = False,
    strict: Annotated[bool, typer.Option(help="Stop at the first row that cannot be used.")] = False,
    json: JsonFlag = False,
) -> None:
    """Read posts, count each exactly once, and raise alerts.

    Rows need a text and a time (text, timestamp; review, date; and so on). Whoever stops this command, even by kill -9,
    runs it again: it goes on where it was. The same file read twice changes nothing. Rows that cannot be used are in
    opinions-report.jsonl with their lines and reasons.

    Examples:

      shoplens opinions watch reviews.csv                                 a file, in the order of time

      shoplens opinions watch posts.ndjson https://example.com/rss -f     a growing file and a feed, for ever

      shoplens opinions watch shop:reviews shop:tickets                   what customers told the shop itself
    """
    from shoplens.ingest.mapping import parse_mapping
    from shoplens.ingest.opinions import COLUMNS
    from shoplens.ingest.report import IngestReport
    from shoplens.service.handover_delivery import open_courier
    from shoplens.service.opinion_sources import SourceOptions
    from shoplens.service.opinion_watch import watch as watch_sources
    from shoplens.service.runtime import Runtime

    mapping = parse_mapping(map_ or (), COLUMNS)
    with (
        Runtime.open(workspace) as shop,
        IngestReport(workspace / REPORT_FILE, strict=strict) as report,
        stage_progress() as tell,
    ):
        options = SourceOptions(name, mapping, allow_private, shop.settings.opinions.feed_minutes)
        courier = open_courier(shop.store, shop.settings)
        if follow:
            courier.start()
            console.print("watching; Ctrl-C ends", highlight=False)
        try:
            done = watch_sources(
                shop.opinions,
                sources,
                options=options,
                report=report,
                follow=follow,
                tell=lambda now: tell("posts", now.posts + now.duplicates, 0),
            )
            courier.deliver()
        finally:
            courier.close()
        report.flush()
        tell_refused(report.summary(), workspace / REPORT_FILE)
        result = watched_json(done, shop)
        emit(result, json=json, table=watched_view(result, done, shop))


@opinions_app.command()
def report(
    workspace: WorkspaceOption = Path("."),
    series: Annotated[
        str | None, typer.Option(help="all, topic:NAME, product:ID, entity:NAME or aspect:NAME: one series over time.")
    ] = None,
    kind: Annotated[str | None, typer.Option(help=f"Series of one kind: {', '.join(KINDS)}.")] = None,
    days: Annotated[float | None, typer.Option(min=0, help="Only the latest so many days.")] = None,
    step: Annotated[str, typer.Option(help="hour, day or week.")] = "day",
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="Series of each kind.")] = 10,
    json: JsonFlag = False,
) -> None:
    """What people say: how many posts, how many of them negative (with the 95 % interval), by series or over time.

    Examples:

      shoplens opinions report                                  topics, products, names and aspects

      shoplens opinions report --series product:p001            one product, day by day, by hour and weekday
    """
    from shoplens.apps.opinions.surges import DAY
    from shoplens.http.wire.opinions import totals_json, trend_json
    from shoplens.service.runtime import Runtime

    if kind is not None and kind not in KINDS:
        raise typer.BadParameter(f"there is no kind {kind!r}; the kinds are {', '.join(KINDS)}", param_hint="--kind")
    with Runtime.open(workspace) as shop:
        since = 0 if days is None else int(shop.store.opinions.newest() - days * DAY)
        if series is not None:
            begin = None if days is None else since
            trend = trend_json(shop.opinions.trend(series, since=begin, step=step))
            emit(trend, json=json, table=_trend(trend))
            return
        wanted = (None, *KINDS) if kind is None else (kind,)
        found = {
            one or "all": totals_json(shop.opinions.totals(one, since=since, limit=limit))["series"] for one in wanted
        }
    emit({"series": found}, json=json, table=_totals(found))


@opinions_app.command()
def alerts(
    workspace: WorkspaceOption = Path("."),
    open_only: Annotated[bool, typer.Option("--open", help="Only those that go on.")] = False,
    acknowledge: Annotated[
        str | None, typer.Option(metavar="ALERT", help="Say that somebody looks after this one: no further messages.")
    ] = None,
    by: Annotated[str, typer.Option(help="Who does.")] = "",
    note: Annotated[str, typer.Option(help="What about it.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1_000)] = 20,
    json: JsonFlag = False,
) -> None:
    """Alerts with their evidence, the latest first; or acknowledge one."""
    from shoplens.http.wire.opinions import alerts_json
    from shoplens.service.runtime import Runtime

    with Runtime.open(workspace) as shop:
        if acknowledge is not None:
            found = [shop.opinions.acknowledge(acknowledge, by=by, note=note)]
        else:
            found = shop.opinions.alerts(open_only=open_only, limit=limit)
        told = alerts_json(found, shop.opinions, shop.settings.language)
        emit(told, json=json, table=_alerts(found, shop))


@opinions_app.command()
def train(
    file: Annotated[Path, typer.Argument(help="CSV, TSV, JSONL or Parquet with a column of texts and one of labels.")],
    workspace: WorkspaceOption = Path("."),
    text: Annotated[str, typer.Option(help="Column of texts.")] = "text",
    label: Annotated[str, typer.Option(help="Column of labels.")] = "label",
    what: Annotated[
        str, typer.Option(help="tone (labels positive, neutral, negative) or topic (any labels).")
    ] = "tone",
    effort: Annotated[
        Literal["fast", "good"],
        typer.Option(
            help="fast: vectors and words, in a minute; good: fine-tuning too, kept if it is right more often. "
            "A fine-tuned model reads each post once more."
        ),
    ] = "fast",
    minutes: Annotated[float | None, typer.Option(min=0.1, help="Of fine-tuning at most.", show_default="10")] = None,
    device: DeviceOption = None,
    precision: LearningPrecision = None,
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
    json: JsonFlag = False,
) -> None:
    """Learn tone or topic from the shop's own labels; posts are read by it from then on.

    Before that, tone is read by example sentences and words that judge, topics by their names. The figures are of a
    part of the examples that is kept aside. A training that was stopped goes on when the same command runs again.

    Examples:

      shoplens opinions train labelled.csv --what tone

      shoplens opinions train labelled.csv --what topic --effort good --minutes 20
    """
    from shoplens.learning.text_classes.examples import read_examples
    from shoplens.models.classifier.finetuned import SETTINGS
    from shoplens.service.learning_device import on_device
    from shoplens.service.opinion_training import train_reader
    from shoplens.service.workspace import Workspace

    if what not in ("tone", "topic"):
        raise typer.BadParameter(f"{what!r} cannot be learnt; write tone or topic", param_hint="--what")
    opened = Workspace.open(workspace)
    refused = opened.runs / f"opinions-{what}" / "refused.jsonl"
    refused.unlink(missing_ok=True)
    examples = read_examples(file, text=text, label=label, refused=refused)
    with stage_progress() as tell:
        saved, trained = train_reader(
            opened, "tone" if what == "tone" else "topic", examples,
            effort=effort, minutes=minutes, seed=seed, progress=tell,
            settings=on_device(SETTINGS, opened.settings, device, precision, effort=effort),
        )  # fmt: skip
    result = {"model": saved.name, "version": saved.version, "labels": list(saved.labels), "examples": len(examples)}
    result |= {"refused": examples.report["refused"], "path": trained.chosen}
    for path, judged in trained.validation.items():
        result |= {"held_out": judged.report.n, f"held_out_accuracy_{path}": round(judged.report.accuracy, 4)}
    if trained.validation:
        result["held_out_accuracy"] = result[f"held_out_accuracy_{trained.chosen}"]
    tell_refused(examples.report, refused)
    emit(result, json=json)


def watched_json(done: Watched, shop: Runtime) -> dict[str, Any]:
    """What a run did, how posts were read, and the alerts that it opened, as they are now."""
    from shoplens.http.wire.opinions import alerts_json

    told = alerts_json(_opened(done, shop), shop.opinions, shop.settings.language)
    return _result(done) | {"read_by": shop.opinions.reader().how()} | told


def watched_view(result: dict[str, Any], done: Watched, shop: Runtime) -> RenderableType:
    """The same for people."""
    return _watched(result, _alerts(_opened(done, shop), shop))


def _opened(done: Watched, shop: Runtime) -> list[AlertRecord]:
    return [now for one in done.alerts if (now := shop.store.opinions.alert(one.alert_id)) is not None]


def _result(done: Watched) -> dict[str, Any]:
    rate = (done.posts + done.duplicates) / done.seconds if done.seconds else 0.0
    numbers = {name: getattr(done, name) for name in ("posts", "duplicates", "copies", "late", "refused")}
    return numbers | {"seconds": round(done.seconds, 2), "posts_per_second": round(rate, 1)}


def _watched(result: dict[str, Any], shown: RenderableType) -> RenderableType:
    if not any(result[name] for name in ("posts", "duplicates", "refused")):
        return Text("nothing new: the sources are empty, or were read to their end before")
    said = Text(
        f"{result['posts']:,} posts counted ({result['copies']:,} of them copies, {result['late']:,} late), "
        f"{result['duplicates']:,} known before, {result['refused']:,} refused; "
        f"tone read by {result['read_by']['tone']}, topic by {result['read_by']['topic']}"
    )
    return Group(said, Text(), shown) if result["alerts"] else said


def _alerts(found: Sequence[AlertRecord], shop: Runtime) -> RenderableType:
    """Each as the message that was sent about it."""
    from shoplens.apps.opinions.telling import text_of

    if not found:
        return Text("no alerts")
    parts: list[RenderableType] = []
    for one in found:
        subject, _, rest = text_of(one, shop.opinions.evidence(one), shop.settings.language).partition("\n")
        state = "goes on" if one.closed is None else f"over since {moment(one.closed)} UTC"
        seen = f", seen by {one.acknowledged_by or 'somebody'}" if one.acknowledged else ""
        parts += [Text(subject, style="bold"), Text(f"{one.alert_id}, {state}{seen}", style="dim"), Text(rest), Text()]
    return Group(*parts)


def _totals(found: dict[str, list[dict[str, Any]]]) -> RenderableType:
    if not any(found.values()):
        return Text("nothing was said yet; how to begin: shoplens opinions watch --help")
    table = Table("series")
    for name in ("posts", "negative", "share", "95 %", "reach"):
        table.add_column(name, justify="right")
    for rows in found.values():
        for one in rows:
            table.add_row(escape(one["series"]), *_numbers(one))
        table.add_section()
    return table


def _trend(trend: dict[str, Any]) -> RenderableType:
    parts: list[RenderableType] = []
    named = {
        f"{trend['step']} (UTC)": [(_step(trend["step"], one["start"]), one) for one in trend["steps"]],
        "weekday": [(day, one) for day, one in zip(WEEKDAYS, trend["weekdays"], strict=True) if one["posts"]],
        "hour (UTC)": [(f"{hour:02d}", one) for hour, one in enumerate(trend["hours"]) if one["posts"]],
    }
    for title, rows in named.items():
        table = Table(title)
        for name in ("posts", "negative", "share", "95 %", "reach"):
            table.add_column(name, justify="right")
        for label, one in rows:
            table.add_row(label, *_numbers(one))
        parts.append(table)
    return Group(Text(trend["series"], style="bold"), *parts)


def _numbers(one: dict[str, Any]) -> list[str]:
    interval = f"{one['low']:.0%}…{one['high']:.0%}"
    return [f"{one['posts']:,}", f"{one['negative']:,}", f"{one['share']:.0%}", interval, f"{one['reach']:,}"]


def _step(step: str, start: str) -> str:
    """When a step of a trend begins; days and weeks have no time of day."""
    return moment(start) if step == "hour" else moment(start).partition(" ")[0]
