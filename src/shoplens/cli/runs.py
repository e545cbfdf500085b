"""`shoplens runs list|show|compare|export`: what each training did."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from shoplens.cli.app import JsonFlag, WorkspaceOption, app, console, emit
from shoplens.domain.moments import told

if TYPE_CHECKING:
    from shoplens.learning.runs.record import Listed, Run

runs_app = typer.Typer(
    help="Trainings: see them, compare two, export one. A RUN is its name, the beginning of it, or `latest`.",
    no_args_is_help=True,
)
app.add_typer(runs_app, name="runs")

RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="Name, its beginning, or `latest`.")]
SHOWN = ("recall@20", "ndcg@20")


@runs_app.command("list")
def list_all(workspace: WorkspaceOption = Path("."), json: JsonFlag = False) -> None:
    """All trainings, newest first: when, of what, and the figures of the best model on the test period."""
    from shoplens.learning.runs.record import list_runs
    from shoplens.service.workspace import Workspace

    listed = list_runs(Workspace.open(workspace).runs)
    table = Table()
    width = max((len(one.name) for one in listed), default=3)
    for name in ("run", "seed", "code", "best", *SHOWN, "problem"):
        table.add_column(name, no_wrap=name == "run", min_width=width if name == "run" else None)
    for one in listed:
        table.add_row(*(escape(cell) for cell in _line(one)))
    emit({"runs": [_summary(one) for one in listed]}, json=json, table=table)


@runs_app.command()
def show(run: RunArgument = "latest", workspace: WorkspaceOption = Path("."), json: JsonFlag = False) -> None:
    """Everything that one training kept: settings, figures of every model, differences to popularity, files."""
    from shoplens.learning.runs.record import find_run
    from shoplens.service.workspace import Workspace

    found = find_run(Workspace.open(workspace).runs, run)
    console.print(f"report: {found.folder / 'report.html'}", highlight=False, soft_wrap=True, markup=False)
    emit(found.as_dict(), json=json, table=_models_table(found))


@runs_app.command()
def compare(
    first: Annotated[str, typer.Argument(metavar="A", help="The run to start from.")],
    second: Annotated[str, typer.Argument(metavar="B", help="The run to compare with it; differences are B minus A.")],
    workspace: WorkspaceOption = Path("."),
    out: Annotated[
        Path | None, typer.Option(help="Folder for comparison.html and its pictures; default: runs/compared/A--B.")
    ] = None,
    json: JsonFlag = False,
) -> None:
    """What was different between two trainings, and how much better the second is.

    Where both were judged on the same people, every difference has a 95 % interval (paired bootstrap) and a p-value.
    """
    from shoplens.learning.runs.compare import compare_runs, write_comparison
    from shoplens.learning.runs.record import COMPARED, find_run
    from shoplens.service.workspace import Workspace

    runs = Workspace.open(workspace).runs
    found = compare_runs(find_run(runs, first), find_run(runs, second))
    files = write_comparison(out or runs / COMPARED / f"{found.first.name}--{found.second.name}", found)
    caption = escape(f"first: {found.first.name} · second: {found.second.name}\nreport: {files[-1]}")
    # Lines between rows alone: the seven columns then fit into 80 characters.
    table = Table(title="Second minus first", caption=caption, box=SIMPLE_HEAD, padding=(0, 0, 0, 1), pad_edge=False)
    header, rows = found.rows()
    for name in (*header[:2], "first", "second", "change", *header[5:]):
        text = name in ("model", "metric")
        table.add_column(escape(name), justify="left" if text else "right", no_wrap=not text)
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    if not json:
        for name, before, after in found.changes:
            console.print(f"{name}: {before} → {after}", highlight=False, markup=False, soft_wrap=True)
        for note in found.notes:
            console.print(note, highlight=False, markup=False)
    emit({**found.as_dict(), "files": [str(path) for path in files]}, json=json, table=table)


@runs_app.command()
def export(
    run: RunArgument,
    mlflow: Annotated[
        str, typer.Option(metavar="URI", help="MLflow store: http://HOST:5000, or sqlite:///FILE without a server.")
    ],
    workspace: WorkspaceOption = Path("."),
    experiment: Annotated[str, typer.Option(help="Experiment in MLflow; made when it is not there.")] = "shoplens",
    json: JsonFlag = False,
) -> None:
    """Copy a run into MLflow: parameters, figures, curves, pictures. Needs `pip install 'shoplens[mlflow]'`."""
    from shoplens.learning.runs.export import export_mlflow
    from shoplens.learning.runs.record import find_run
    from shoplens.service.workspace import Workspace

    found = find_run(Workspace.open(workspace).runs, run)
    emit({"run": found.name, "mlflow_run": export_mlflow(found, mlflow, experiment=experiment)}, json=json)


def _line(one: Listed) -> tuple[str, ...]:
    if one.run is None:
        return (one.name, "", "", "", *([""] * len(SHOWN)), one.problem or "")
    run = one.run
    code = str(run.code.get("revision") or "")[:8] + ("+" if run.code.get("changed") else "")
    code = code or str(run.code.get("shoplens", ""))
    problem = "" if run.finished else "unfinished, or older than this list"
    return (run.name, "" if run.seed is None else str(run.seed), code, run.best, *_figures(run, run.best), problem)


def _figures(run: Run, model: str) -> list[str]:
    values = run.models.get(model, {})
    return [f"{values[name]:.4f}" if isinstance(values.get(name), float) else "–" for name in SHOWN]


def _summary(one: Listed) -> dict[str, Any]:
    if one.run is None:
        return {"run": one.name, "problem": one.problem}
    run = one.run
    figures = {name: run.models.get(run.best, {}).get(name) for name in SHOWN}
    return {
        "run": run.name,
        "created": told(run.created),
        "finished": run.finished,
        "seed": run.seed,
        "code": dict(run.code),
        "data_fingerprint": run.data_fingerprint,
        "best": run.best,
        **figures,
        "problem": None,
    }


def _models_table(run: Run) -> Table:
    """Figures of every model, with the difference to popularity."""
    against = (run.figures.get("differences") or {}).get("popularity") or {}
    table = Table(title=escape(f"{run.name} · {run.figures.get('title', '')}"))
    for name in ("model", *SHOWN, "mrr", f"{SHOWN[-1]} − popularity [95 %]"):
        table.add_column(name, justify="left" if name == "model" else "right")
    for model, values in run.models.items():
        one = against.get(model, {}).get(SHOWN[-1])
        better = "–" if one is None else f"{one['mean']:+.4f} [{one['low']:+.4f}, {one['high']:+.4f}]"
        mrr = f"{values['mrr']:.4f}" if isinstance(values.get("mrr"), float) else "–"
        table.add_row(escape(model), *_figures(run, model), mrr, escape(better))
    return table
