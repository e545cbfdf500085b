"""`shoplens classify …`: texts into classes that were learnt from examples."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import orjson
import typer
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from shoplens.cli.app import (
    DeviceOption,
    JsonFlag,
    LearningPrecision,
    WorkspaceOption,
    app,
    emit,
    stage_progress,
    tell_refused,
)
from shoplens.cli.piped import piped_lines
from shoplens.cli.text_figures import classes_table
from shoplens.domain.moments import told

if TYPE_CHECKING:
    from shoplens.learning.text_classes.choosing import TrainedClassifier
    from shoplens.service.classifiers import Classified
    from shoplens.service.text_models import SavedTextModel

AT_ONCE = 512  # texts between two words of progress

commands = typer.Typer(
    name="classify",
    help="Put texts into classes: tone, intent, topic, anything learnt from examples.",
    no_args_is_help=True,
)
app.add_typer(commands)


@commands.command()
def train(
    file: Annotated[Path, typer.Argument(help="CSV, TSV, JSONL or Parquet with a column of texts and one of classes.")],
    *,
    name: Annotated[str, typer.Option(help="Under which it answers, such as tone or intent.")],
    workspace: WorkspaceOption = Path("."),
    text: Annotated[str, typer.Option(help="Column of texts.")] = "text",
    label: Annotated[str, typer.Option(help="Column of classes.")] = "label",
    effort: Annotated[
        Literal["fast", "good"],
        typer.Option(help="fast: frozen vectors and words; good: fine-tuning too, kept if it is right more often."),
    ] = "good",
    minutes: Annotated[float | None, typer.Option(min=0.1, help="Of fine-tuning at most.", show_default="10")] = None,
    words_only: Annotated[bool, typer.Option("--words-only", help="Fast path without the encoder: fastest.")] = False,
    encoder: Annotated[
        str, typer.Option(help="What is fine-tuned: e5-small, or a folder or hub name of a network like BERT.")
    ] = "e5-small",
    device: DeviceOption = None,
    precision: LearningPrecision = None,
    report: Annotated[
        Path | None, typer.Option(help="Folder of the report; default: runs/classify-NAME in the workspace.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of all randomness.")] = 0,
    json: JsonFlag = False,
) -> None:
    """Learn classes from examples, a hundred or more, and answer under a name from now on.

    A part of the examples is kept aside: it chooses regularisation, the weights of all views and whether fine-tuning is
    used, and the figures shown are of that part. Rows without text or label are refused, by line. A training that was
    stopped goes on when the same command runs again.

    Examples:

      shoplens classify train reviews.csv --name tone

      shoplens classify train tickets.csv --name intent --text utterance --label intent --effort fast
    """
    from shoplens.encoders.hub_body import open_body
    from shoplens.learning.text_classes.examples import read_examples
    from shoplens.learning.text_classes.written import write_classes
    from shoplens.models.classifier.finetuned import SETTINGS
    from shoplens.service.classifiers import Classifiers
    from shoplens.service.learning_device import on_device
    from shoplens.service.text_models import checked_name
    from shoplens.service.workspace import Workspace

    checked_name(name)
    shop = Workspace.open(workspace)
    folder = report or shop.runs / f"classify-{name}"
    refused = folder / "refused.jsonl"
    refused.unlink(missing_ok=True)
    examples = read_examples(file, text=text, label=label, refused=refused)
    with stage_progress() as progress:
        saved, trained = Classifiers(shop).train(
            name, examples, effort=effort, minutes=minutes, words_only=words_only, seed=seed, progress=progress,
            body=None if effort == "fast" else open_body(encoder, shop.model_cache),
            settings=on_device(SETTINGS, shop.settings, device, precision, effort=effort),
        )  # fmt: skip
    result = _result(saved, trained, dict(examples.report), refused)
    tell_refused(examples.report, refused)
    if trained.validation:
        judged = trained.validation[trained.chosen]
        result["report"] = str(write_classes(folder, judged, title=f"Classifier {name}", figures=result))
    emit(result, json=json, table=None if json else _figures(saved, trained, result))


@commands.command()
def predict(
    texts: Annotated[list[str] | None, typer.Argument(metavar="[TEXT]…", help="Texts to put into classes.")] = None,
    *,
    model: Annotated[str | None, typer.Option("--model", "-m", help="Its name; not needed while there is one.")] = None,
    workspace: WorkspaceOption = Path("."),
    file: Annotated[
        Path | None, typer.Option(help="One text a line; or CSV, TSV, JSONL, Parquet with a column of texts.")
    ] = None,
    stdin: Annotated[
        bool, typer.Option("--stdin", help="One text a line from standard input, answered as it comes.")
    ] = False,
    text: Annotated[str, typer.Option(help="Column of texts, with --file.")] = "text",
    top: Annotated[int, typer.Option(min=1, max=2_000, help="Classes to show for each text.")] = 3,
    json: JsonFlag = False,
) -> None:
    """Say which class each text belongs to, and how sure that is.

    With --stdin every text has a JSON line of its own, so that it can stand in a pipe.

    Examples:

      shoplens classify predict "很好用，下次还买" --model tone

      tail -f posts.txt | shoplens classify predict --stdin -m tone
    """
    from shoplens.learning.text_classes.examples import read_texts
    from shoplens.service.classifiers import Classifiers
    from shoplens.service.workspace import Workspace

    if sum((bool(texts), file is not None, stdin)) != 1:
        raise typer.BadParameter("give texts, or --file, or --stdin")
    shop = Classifiers(Workspace.open(workspace))
    if stdin:
        for chunk in piped_lines():
            _print_lines(chunk, shop.classify(chunk, model), top)
        return
    given = read_texts(file, text=text) if file is not None else list(texts or ())
    with stage_progress() as progress:
        rows: list[dict[str, Any]] = []
        for start in range(0, len(given), AT_ONCE):
            progress("classifying", start, len(given))
            chunk = given[start : start + AT_ONCE]
            said = shop.classify(chunk, model)
            rows += [_row(one, said, place, top) for place, one in enumerate(chunk)]
        progress("classifying", len(given), len(given))
    emit({"model": said.model.name, "version": said.model.version, "results": rows}, json=json, table=_said(rows))


@commands.command(name="list")
def list_(workspace: WorkspaceOption = Path("."), json: JsonFlag = False) -> None:
    """The classifiers of this workspace: their classes, and how good they were on what was kept aside."""
    from shoplens.service.classifiers import Classifiers
    from shoplens.service.workspace import Workspace

    found = Classifiers(Workspace.open(workspace)).all()
    none = Text("no classifier yet; train one: shoplens classify train FILE --name NAME")
    emit({"classifiers": [described(one) for one in found]}, json=json, table=_listed(found) if found else none)


def described(one: SavedTextModel) -> dict[str, Any]:
    """A classifier as JSON tells of it."""
    path = str(one.details.get("path"))
    return {
        "name": one.name,
        "version": one.version,
        "path": path,
        "classes": list(one.labels),
        "validation": one.metrics.get(path),
        "examples": one.details.get("examples"),
        "created": told(one.created),
    }


def _result(saved: SavedTextModel, trained: TrainedClassifier, rows: dict[str, Any], refused: Path) -> dict[str, Any]:
    """What a training says of itself."""
    known = trained.validation.get(trained.chosen)
    return {
        "model": saved.name,
        "version": saved.version,
        "path": trained.chosen,
        "classes": list(saved.labels),
        "validation": {name: one.report.as_dict() for name, one in trained.validation.items()},
        "confused": known.as_dict()["confused"] if known is not None else [],
        "errors": known.as_dict()["errors"] if known is not None else [],
        "rows": rows,
        "refused": str(refused) if rows["refused"] else None,
        "notes": list(trained.notes),
        "train_seconds": round(trained.seconds, 2),
        "report": None,
    }


def _figures(saved: SavedTextModel, trained: TrainedClassifier, result: dict[str, Any]) -> Table | Text:
    if trained.chosen not in trained.validation:
        return Text(
            f"{saved.name} answers, but how well is not known: nothing could be kept aside; give every class two "
            "different examples at least, better fifty"
        )
    return classes_table(
        trained.validation[trained.chosen].report,
        f"{saved.name} · {trained.chosen} · on examples kept aside",
        f"trained in {trained.seconds:.0f} s · report: {result['report']}",
    )


def _print_lines(texts: Sequence[str], said: Classified, top: int) -> None:
    for place, one in enumerate(texts):
        sys.stdout.write(orjson.dumps(_row(one, said, place, top)).decode() + "\n")
    sys.stdout.flush()


def _row(text: str, said: Classified, place: int, top: int) -> dict[str, Any]:
    ranked = said.ranked(place, top)
    return {
        "text": text,
        "label": ranked[0][0],
        "probability": round(ranked[0][1], 6),
        "classes": [{"label": name, "probability": round(chance, 6)} for name, chance in ranked],
    }


def _said(rows: Sequence[dict[str, Any]]) -> Table:
    table = Table()
    for name in ("text", "class", "sure", "next"):
        table.add_column(name, justify="right" if name == "sure" else "left", overflow="fold")
    for row in rows:
        rest = ", ".join(f"{one['label']} {one['probability']:.2f}" for one in row["classes"][1:])
        table.add_row(escape(row["text"][:200]), escape(row["label"]), f"{row['probability']:.3f}", escape(rest))
    return table


def _listed(found: Sequence[SavedTextModel]) -> Table:
    table = Table()
    for name in ("name", "classes", "path", "accuracy", "examples", "trained (UTC)"):
        table.add_column(name, justify="right" if name in ("classes", "accuracy", "examples") else "left")
    for one in found:
        known = described(one)
        figures = known["validation"]
        accuracy = "–" if figures is None else f"{figures['accuracy']:.4f}"
        table.add_row(
            escape(one.name),
            str(len(one.labels)),
            known["path"],
            accuracy,
            f"{known['examples']:,}",
            one.created[:16].replace("T", " "),
        )
    return table
