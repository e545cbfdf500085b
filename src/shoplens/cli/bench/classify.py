"""`shoplens bench classify TRAIN TEST`: how well texts are put into classes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from shoplens.cli.app import DeviceOption, JsonFlag, LearningPrecision, console, emit, stage_progress
from shoplens.cli.bench import bench
from shoplens.cli.text_figures import classes_table

if TYPE_CHECKING:
    from rich.table import Table

    from shoplens.learning.text_classes.benchmark import Benchmark


@bench.command()
def classify(
    train: Annotated[Path, typer.Argument(help="CSV, TSV, JSONL or Parquet with the columns text and label.")],
    test: Annotated[Path, typer.Argument(help="The same with other texts; asked once, at the end.")],
    *,
    effort: Annotated[
        Literal["fast", "good"],
        typer.Option(help="fast: frozen vectors and words, seconds to minutes; good: fine-tuning too, if it wins."),
    ] = "good",
    minutes: Annotated[float | None, typer.Option(min=0.1, help="Of fine-tuning at most.", show_default="10")] = None,
    encoder: Annotated[
        str,
        typer.Option(
            help="Frozen encoder of texts, or none: words alone (which makes fast faster). A folder or a name of the "
            "hub (with hub: before it or not) is fine-tuned as well; otherwise that is e5-small."
        ),
    ] = "e5-small",
    text: Annotated[str, typer.Option(help="Column of texts.")] = "text",
    label: Annotated[str, typer.Option(help="Column of classes.")] = "label",
    device: DeviceOption = None,
    precision: LearningPrecision = None,
    seed: Annotated[int, typer.Option(help="Seed of all randomness.")] = 0,
    state: Annotated[
        Path | None, typer.Option(help="File that a fine-tuning is kept in; asked for again after a kill, it goes on.")
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Write figures, a picture and a page into this folder.")] = None,
    json: JsonFlag = False,
) -> None:
    """Learn from TRAIN, choose on a part of it, and say how well TEST is classified.

    The part kept aside from TRAIN chooses regularisation, the weights of all views, and whether fine-tuning is used.
    Beside the outcome stand tf-idf with a logistic regression, and always naming the most frequent class.

    Example:

      shoplens bench classify reviews-train.csv reviews-test.csv --json
    """
    from shoplens.encoders.base import EncoderOptions, open_encoder
    from shoplens.encoders.hub_body import PREFIX, encoder_name, open_body
    from shoplens.learning.text_classes.benchmark import run_classify
    from shoplens.learning.text_classes.written import write_classes
    from shoplens.models.classifier.finetuned import SETTINGS
    from shoplens.service.learning_device import on_device
    from shoplens.service.settings import Settings
    from shoplens.service.workspace import Workspace

    known = Settings.read(None)
    settings = on_device(SETTINGS, known, device, precision)
    cache = Workspace(train.parent, known).model_cache
    named = encoder_name(encoder)
    reader = None if named == "none" else open_encoder(named, EncoderOptions(cache))
    with stage_progress() as progress:
        outcome = run_classify(
            train, test, encoder=reader, effort=effort, minutes=minutes, text=text, label=label, seed=seed,
            progress=progress, state=state, body=open_body(named, cache) if named.startswith(PREFIX) else None,
            settings=settings,
        )  # fmt: skip
    figures = outcome.as_dict()
    if report is not None:
        page = write_classes(report, outcome.judged, title=f"Classes of {test.name}", figures=figures)
        console.print(f"report: {page}", highlight=False)
    emit(figures, json=json, table=None if json else _table(outcome))


def _table(outcome: Benchmark) -> Table:
    lr = outcome.baseline.report
    paths = ", ".join(f"{name} {one.report.accuracy:.4f}" for name, one in outcome.trained.validation.items())
    return classes_table(
        outcome.judged.report,
        f"{outcome.test.name} · {len(outcome.test):,} texts, asked once",
        f"{outcome.trained.chosen}, trained in {outcome.trained.seconds:.0f} s; on validation: {paths}",
        confused=outcome.judged.confused(),
        beside=[["accuracy of tf-idf + LR", "", "", f"{lr.accuracy:.4f}", f"{lr.n:,}"]],
    )
