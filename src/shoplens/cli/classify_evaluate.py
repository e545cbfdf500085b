"""`shoplens classify evaluate`: how good a saved classifier is on texts that it has not learnt from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from shoplens.cli.app import JsonFlag, WorkspaceOption, console, emit, tell_refused
from shoplens.cli.classify import commands
from shoplens.cli.text_figures import classes_table


@commands.command()
def evaluate(
    file: Annotated[Path, typer.Argument(help="CSV, TSV, JSONL or Parquet with a column of texts and one of classes.")],
    *,
    model: Annotated[str | None, typer.Option("--model", "-m", help="Its name; not needed while there is one.")] = None,
    workspace: WorkspaceOption = Path("."),
    text: Annotated[str, typer.Option(help="Column of texts.")] = "text",
    label: Annotated[str, typer.Option(help="Column of classes.")] = "label",
    report: Annotated[Path | None, typer.Option(help="Write figures, a picture and a page into this folder.")] = None,
    json: JsonFlag = False,
) -> None:
    """Say how good a classifier is on texts whose classes are known, without learning from them.

    Beside its figures stands always naming the most frequent class. A class that it never learnt is one it can only
    miss. Rows without text or label are left out and told; with --report each is in refused.jsonl there.

    Example:

      shoplens classify evaluate newest-reviews.csv --model tone
    """
    from shoplens.learning.text_classes.examples import read_examples
    from shoplens.learning.text_classes.written import write_classes
    from shoplens.service.classifiers import Classifiers
    from shoplens.service.workspace import Workspace

    shop = Workspace.open(workspace)
    refused = None if report is None else report / "refused.jsonl"
    if refused is not None:
        refused.unlink(missing_ok=True)
    examples = read_examples(file, text=text, label=label, refused=refused)
    found = Classifiers(shop).evaluate(examples, model)
    result: dict[str, Any] = {
        "model": found.model.name,
        "version": found.model.version,
        "path": found.model.details.get("path"),
        "file": str(file),
        "figures": found.judged.as_dict(),
        "rows": dict(examples.report),
        "refused": str(refused) if refused is not None and examples.report["refused"] else None,
        "learnt_from": found.learnt_from,
        "report": None,
    }
    told = [f"{found.judged.texts_per_second or 0:,.0f} texts/s"]
    if report is not None:
        title = f"Classifier {found.model.name} on {file.name}"
        result["report"] = str(write_classes(report, found.judged, title=title, figures=result))
        told.append(f"report: {result['report']}")
    tell_refused(examples.report, refused)
    if found.learnt_from:
        console.print(f"{file}: {found.model.name} was trained on these texts, so they flatter it", highlight=False)
    title = f"{found.model.name} · {file.name} · {len(examples):,} texts"
    figures = classes_table(found.judged.report, title, " · ".join(told), confused=found.judged.confused())
    emit(result, json=json, table=None if json else figures)
