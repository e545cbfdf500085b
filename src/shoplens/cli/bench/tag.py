"""`shoplens bench tag DIR`: how well entities are found."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shoplens.cli.app import DeviceOption, JsonFlag, LearningPrecision, console, emit
from shoplens.cli.bench import bench
from shoplens.cli.entities import EPOCHS, LAYERS, MINUTES, tagging_progress, tell_rows
from shoplens.cli.text_figures import judged_table


@bench.command()
def tag(
    folder: Annotated[
        Path,
        typer.Argument(metavar="DIR", help="Holds train.txt and dev.txt (or .jsonl), as `entities train` reads them."),
    ],
    *,
    test: Annotated[Path | None, typer.Option(help="Report on this file, asked once; dev.txt then chooses.")] = None,
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
    seed: Annotated[int, typer.Option(help="Seed of all randomness.")] = 0,
    state: Annotated[Path | None, typer.Option(help="File to go on from after a kill.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write figures and a page into this folder.")] = None,
    json: JsonFlag = False,
) -> None:
    """Fine-tune a tagger on train.txt and say how well it finds the entities of sentences that chose nothing.

    Without --test, dev.txt is reported, and a tenth of train.txt is set aside to choose the epoch. Whole entities count
    when kind and both ends are right. Units are counted with and without O; beside them stand always naming O, and the
    phrases of train.txt found again.

    Example:

      shoplens bench tag conll2003 --json
    """
    from shoplens.encoders.hub_body import open_body
    from shoplens.learning.tagging.benchmark import run_tag
    from shoplens.learning.tagging.written import write_tagging
    from shoplens.models.text_body.settings import FineTuning
    from shoplens.service.learning_device import on_device
    from shoplens.service.settings import Settings
    from shoplens.service.workspace import Workspace

    known = Settings.read(None)
    settings = FineTuning(trained_layers=layers, epochs=epochs, minutes=minutes, seed=seed)
    settings = on_device(settings, known, device, precision)
    with tagging_progress() as progress:
        body = open_body(encoder, Workspace(folder, known).model_cache)
        outcome = run_tag(folder, test, settings, body=body, state=state, progress=progress)
    tell_rows(outcome.rows, None)
    figures = outcome.as_dict()
    if report is not None:
        page = write_tagging(report, outcome.judged, title=f"Entities of {outcome.reported.name}", figures=figures)
        console.print(f"report: {page}", highlight=False)
    caption = (
        f"trained in {outcome.train_seconds:.0f} s, {outcome.sentences_per_second:.0f} sentences/s, chosen on "
        f"{outcome.chosen_on}; known phrases reach entity F1 {outcome.baseline.entities['micro']['f1']:.4f}"
    )
    title = f"{folder.name}/{outcome.reported.name} · {outcome.judged.sentences:,} sentences"
    emit(figures, json=json, table=None if json else judged_table(outcome.judged, title, caption))
