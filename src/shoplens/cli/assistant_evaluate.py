"""`shoplens assistant evaluate`: how good the assistant is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from shoplens.cli.app import JsonFlag, WorkspaceOption, emit, stage_progress
from shoplens.cli.assistant import assistant_app


@assistant_app.command()
def evaluate(
    file: Annotated[
        str | None,
        typer.Argument(
            help="Columns as of `learn`; also source, what answers the utterance: FILE, 'FILE: HEADING' or HEADING; "
            "several with | between them."
        ),
    ] = None,
    workspace: WorkspaceOption = Path("."),
    split: Annotated[
        bool,
        typer.Option(
            "--split",
            help="Learn from four fifths of FILE and judge on the rest, near-duplicates on one side; the shop's own "
            "intents stay as they are.",
        ),
    ] = False,
    sample: Annotated[
        bool, typer.Option("--sample", help="Questions about the made-up policies of the sample shop.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Of the split, and of intervals by resampling.")] = 0,
    json: JsonFlag = False,
) -> None:
    """Measure: intents, messages out of scope, retrieval, groundedness, answers; each beside its baseline.

    Examples:

      shoplens assistant evaluate tickets.csv --split     intents, learnt from four fifths of the file

      shoplens assistant evaluate questions.csv           utterance,source: are the right passages found?
    """
    from shoplens.service.assistant_evaluation import evaluate_assistant
    from shoplens.service.sample_support import sample_questions
    from shoplens.service.workspace import Workspace

    if (file is None) != sample:
        raise typer.BadParameter("name a FILE, or take --sample", param_hint="FILE")
    asked = file if file is not None else sample_questions()
    with stage_progress() as tell:
        figures = evaluate_assistant(Workspace.open(workspace), asked, split=split, seed=seed, progress=tell)
    table = Table("figure", "value", "95 %", "baseline", "over")
    for name, one in figures.items():
        value, baseline = ("–" if one[key] is None else f"{one[key]:.4f}" for key in ("value", "baseline"))
        interval = " … ".join(f"{bound:.4f}" for bound in one.get("interval", ()))
        table.add_row(name, value, interval, baseline, str(one["over"]))
    emit(figures, json=json, table=table)
