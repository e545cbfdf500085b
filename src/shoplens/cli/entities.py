"""`shoplens entities …`: names of brands, products, people, places found in texts."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
    console,
    emit,
    stage_progress,
    tell_refused,
)
from shoplens.cli.piped import piped_lines
from shoplens.cli.text_figures import judged_table

if TYPE_CHECKING:
    from shoplens.domain.tagging import Entity
    from shoplens.models.tagger.training import Progress
    from shoplens.service.text_models import SavedTextModel

REFUSED_SHOWN = 5  # rows that are named where no file lists them
AT_ONCE = 512  # texts that are read together
MINUTES, EPOCHS, LAYERS = 25.0, 0, 6

commands = typer.Typer(
    name="entities",
    help="Find entities in texts: brands, products, people, places, whatever was marked in examples.",
    no_args_is_help=True,
)
app.add_typer(commands)


@commands.command()
def train(
    source: Annotated[
        Path,
        typer.Argument(help="Folder with train.txt and dev.txt (or .jsonl), or one file: CoNLL columns or JSON lines."),
    ],
    *,
    name: Annotated[str, typer.Option(help="Under which it answers, such as brands.")],
    workspace: WorkspaceOption = Path("."),
    minutes: Annotated[float, typer.Option(min=0.1, help="Of learning at most.")] = MINUTES,
    epochs: Annotated[
        int, typer.Option(min=0, help="Passes over the sentences at most; 0: about 1,200 steps, in 3 to 20 passes.")
    ] = EPOCHS,
    layers: Annotated[int, typer.Option(min=0, max=12, help="Uppermost layers of the encoder that learn.")] = LAYERS,
    encoder: Annotated[
        str, typer.Option(help="What is fine-tuned: e5-small, or a folder or hub name of a network like BERT.")
    ] = "e5-small",
    device: DeviceOption = None,
    precision: LearningPrecision = None,
    report: Annotated[
        Path | None, typer.Option(help="Folder of the report; default: runs/entities-NAME in the workspace.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of all randomness.")] = 0,
    json: JsonFlag = False,
) -> None:
    """Learn kinds of entity from marked sentences, and answer under a name from now on.

    A line holds a word and its label: O outside, B-KIND where an entity begins, I-KIND where it goes on; an empty line
    ends a sentence. Of Chinese, a line holds one character. dev chooses the epoch; without it a tenth of the
    sentences is set aside for that. A training that was stopped goes on when the same command runs again.

    JSON lines (or one list) as spaCy, Prodigy, doccano, Label Studio and Hugging Face datasets write them are read too:
    {"text", "entities": [{"start", "end", "label"}]} counts characters, {"tokens", "ner_tags"} has labels as above. An
    entity that ends inside a word takes all of it; of those that overlap the longest stays. Rows that cannot be used
    are left out and told, each with its line in refused.jsonl beside the report.

    Examples:

      shoplens entities train marked/ --name brands

      shoplens entities train titles.txt --name products --minutes 10

      shoplens entities train doccano.jsonl --name products

      shoplens entities train marked/ --name brands --encoder sentence-transformers/all-MiniLM-L6-v2
    """
    from shoplens.encoders.hub_body import open_body
    from shoplens.learning.tagging.written import write_tagging
    from shoplens.models.text_body.settings import FineTuning
    from shoplens.service.learning_device import on_device
    from shoplens.service.taggers import Taggers, described
    from shoplens.service.text_models import checked_name
    from shoplens.service.workspace import Workspace

    checked_name(name)
    shop = Workspace.open(workspace)
    folder = report or shop.runs / f"entities-{name}"
    refused = folder / "refused.jsonl"
    refused.unlink(missing_ok=True)
    settings = FineTuning(trained_layers=layers, epochs=epochs, minutes=minutes, seed=seed)
    settings = on_device(settings, shop.settings, device, precision)
    with tagging_progress() as progress:
        body = open_body(encoder, shop.model_cache)
        done = Taggers(shop).train(name, source, settings, body=body, progress=progress, refused=refused)
    tell_rows(done.rows, refused)
    result = {
        **described(done.saved),
        "encoder": done.chosen.trained.body.name,
        "precision": done.chosen.precision,
        "int8_loss": round(done.chosen.int8_loss, 4),
        "epoch": done.chosen.trained.fitted.epoch,
        "train_seconds": round(done.chosen.trained.fitted.seconds, 1),
        "device": done.chosen.trained.fitted.device,
        "timed_out": done.chosen.trained.fitted.timed_out,
        "validation": done.judged.as_dict(),
        "rows": dict(done.rows),
    }
    if result["timed_out"]:
        console.print(
            f"the {minutes:g} minutes ended before learning did; better with --minutes {2 * minutes:g}", highlight=False
        )
    if not done.judged.entities["micro"]["f1"]:
        console.print(
            f"{name} finds none of the marked entities and is of no use yet: give it more minutes, passes or sentences",
            highlight=False,
        )
    result["report"] = str(write_tagging(folder, done.judged, title=f"Tagger {name}", figures=result))
    title = f"{name} · on {done.judged.sentences:,} sentences that chose its epoch"
    emit(result, json=json, table=None if json else judged_table(done.judged, title, f"report: {result['report']}"))


@commands.command()
def tag(
    texts: Annotated[list[str] | None, typer.Argument(metavar="[TEXT]…", help="Texts to read.")] = None,
    *,
    model: Annotated[str | None, typer.Option("--model", "-m", help="Its name; not needed while there is one.")] = None,
    workspace: WorkspaceOption = Path("."),
    file: Annotated[Path | None, typer.Option(help="One text a line; or CSV, TSV, JSONL, Parquet.")] = None,
    stdin: Annotated[
        bool, typer.Option("--stdin", help="One text a line from standard input, answered as it comes.")
    ] = False,
    text: Annotated[str, typer.Option(help="Column of texts, with --file.")] = "text",
    json: JsonFlag = False,
) -> None:
    """Find the entities of each text: which characters, of which kind, how sure.

    With --json every text has a JSON line of its own ({"text", "entities": [{"start", "end", "text", "kind",
    "score"}]}), with --stdin always, so that it can stand in a pipe.

    Examples:

      shoplens entities tag "Nike Air Max 90 for men, size 42" -m brands

      cat titles.txt | shoplens entities tag --stdin -m brands
    """
    from shoplens.learning.text_classes.examples import read_texts
    from shoplens.service.taggers import Taggers
    from shoplens.service.workspace import Workspace

    if sum((bool(texts), file is not None, stdin)) != 1:
        raise typer.BadParameter("give texts, or --file, or --stdin")
    shop = Taggers(Workspace.open(workspace))
    given = piped_lines() if stdin else _pieces(read_texts(file, text=text) if file is not None else list(texts or ()))
    for chunk in given:
        found = shop.tag(chunk, model).entities
        if json or stdin:
            _print_lines(chunk, found)
        else:
            emit({}, json=False, table=_found(chunk, found))


@commands.command()
def evaluate(
    file: Annotated[
        Path, typer.Argument(help="Marked sentences that it has not learnt from: CoNLL columns or JSON lines.")
    ],
    *,
    model: Annotated[str | None, typer.Option("--model", "-m", help="Its name; not needed while there is one.")] = None,
    workspace: WorkspaceOption = Path("."),
    report: Annotated[Path | None, typer.Option(help="Write figures and a page into this folder.")] = None,
    json: JsonFlag = False,
) -> None:
    """Say how good a tagger is on marked sentences, without learning from them.

    Whole entities count when kind and both ends are right; labels of units are counted with and without O. A kind that
    it never learnt is one it can only miss. Files are read as `entities train` reads them; of JSON rows that cannot be
    used, refused.jsonl in the folder of --report has the lines.

    Example:

      shoplens entities evaluate newest.txt --model brands
    """
    from shoplens.learning.tagging.written import write_tagging
    from shoplens.service.taggers import Taggers
    from shoplens.service.workspace import Workspace

    refused = report / "refused.jsonl" if report is not None else None
    if refused is not None:
        refused.unlink(missing_ok=True)
    found = Taggers(Workspace.open(workspace)).evaluate(file, model, refused=refused)
    tell_rows(found.rows, refused)
    result: dict[str, Any] = {
        "model": found.model.name,
        "version": found.model.version,
        "file": str(file),
        "figures": found.judged.as_dict(),
        "sentences_per_second": round(found.sentences_per_second, 1),
        "learnt_from": found.learnt_from,
        "rows": dict(found.rows),
        "report": None,
    }
    told = [f"{found.sentences_per_second:.0f} sentences/s"]
    if report is not None:
        title = f"Tagger {found.model.name} on {file.name}"
        result["report"] = str(write_tagging(report, found.judged, title=title, figures=result))
        told.append(f"report: {result['report']}")
    if found.learnt_from:
        console.print(f"{file}: {found.model.name} was trained on these sentences, so they flatter it", highlight=False)
    title = f"{found.model.name} · {file.name} · {found.judged.sentences:,} sentences"
    emit(result, json=json, table=None if json else judged_table(found.judged, title, " · ".join(told)))


@commands.command(name="list")
def list_(workspace: WorkspaceOption = Path("."), json: JsonFlag = False) -> None:
    """The taggers of this workspace, what they find, and how good they were on the sentences that chose them."""
    from shoplens.service.taggers import Taggers, described
    from shoplens.service.workspace import Workspace

    found = Taggers(Workspace.open(workspace)).all()
    none = Text("no tagger yet; train one: shoplens entities train FILE --name NAME")
    emit({"taggers": [described(one) for one in found]}, json=json, table=_listed(found) if found else none)


@contextmanager
def tagging_progress() -> Iterator[Progress]:
    """Bars of a training; where there is no terminal, a line for each stage and one for each tenth of learning."""
    with stage_progress() as progress:
        said = -1

        def tell(what: str, done: int, most: int, figures: dict[str, float]) -> None:
            nonlocal said
            progress(what, done, most)
            tenth = 10 * done // max(most, 1)
            if figures and tenth > said:
                said = tenth
                told = ", ".join(f"{name} {value:.4f}" for name, value in figures.items())
                console.print(f"step {done:,} of at most {most:,}: {told}", highlight=False)

        yield tell


def tell_rows(rows: Mapping[str, Any], refused: Path | None) -> None:
    """Say on stderr which rows of marked sentences were refused, and what was changed in others."""
    tell_refused(rows, refused)
    for change, count in (*rows["dropped_fields"].items(), *rows["fixes"].items()):
        console.print(f"changed: {count:,} × {change}", highlight=False, markup=False, soft_wrap=True)
    if rows["refused"] and refused is None:
        for one in rows["examples"][:REFUSED_SHOWN]:
            console.print(f"line {one['line']}: {one['reason']}", highlight=False, markup=False, soft_wrap=True)


def _pieces(texts: Sequence[str]) -> Iterator[list[str]]:
    for start in range(0, len(texts), AT_ONCE):
        yield list(texts[start : start + AT_ONCE])


def _print_lines(texts: Sequence[str], found: Sequence[Sequence[Entity]]) -> None:
    for text, entities in zip(texts, found, strict=True):
        row: dict[str, Any] = {"text": text, "entities": list(entities)}
        sys.stdout.write(orjson.dumps(row).decode() + "\n")
    sys.stdout.flush()


def _found(texts: Sequence[str], found: Sequence[Sequence[Entity]]) -> Table:
    table = Table()
    for name in ("text", "entity", "kind", "sure"):
        table.add_column(name, justify="right" if name == "sure" else "left", overflow="fold")
    for text, entities in zip(texts, found, strict=True):
        table.add_section()
        if not entities:
            table.add_row(escape(text[:200]), "–", "", "")
        for place, one in enumerate(entities):
            shown = escape(text[:200]) if place == 0 else ""
            table.add_row(shown, escape(one.text), escape(one.kind), f"{one.score:.3f}")
    return table


def _listed(found: Sequence[SavedTextModel]) -> Table:
    from shoplens.service.taggers import described

    table = Table()
    for name in ("name", "finds", "entity F1", "sentences", "trained (UTC)"):
        table.add_column(name, justify="right" if name in ("entity F1", "sentences") else "left")
    for one in map(described, found):
        row = (one["name"], ", ".join(one["kinds"]), f"{one['validation_entity_f1']:.4f}", f"{one['sentences']:,}")
        table.add_row(*map(escape, row), one["created"][:16].replace("T", " "))
    return table
