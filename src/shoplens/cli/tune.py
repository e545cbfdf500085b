"""`shoplens tune`: search settings on the validation period."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from shoplens.cli.app import JsonFlag, WorkspaceOption, app, console, emit, progress_bar

if TYPE_CHECKING:
    from rich.table import Table

    from shoplens.learning.tune import Standing, Tuned

Several = list[str] | None


@app.command()
def tune(
    workspace: WorkspaceOption = Path(),
    *,
    data: Annotated[
        Path | None, typer.Option(help="A benchmark folder (train.csv, valid.csv) instead of the shop's log.")
    ] = None,
    model: Annotated[Several, typer.Option(help="Fit only these (repeatable). Several: the blend counts.")] = None,
    search: Annotated[
        Several, typer.Option(help="Search only this: a model, half_life_days, event_weights. Repeatable.")
    ] = None,
    trials: Annotated[int | None, typer.Option(help="Trials in all; those of a search that goes on count.")] = None,
    minutes: Annotated[float | None, typer.Option(help="Start no trial after so many minutes.")] = None,
    jobs: Annotated[int, typer.Option(help="Trials at the same time, each in a process with its share of cores.")] = 1,
    storage: Annotated[
        str | None, typer.Option(help="Keep the study here: sqlite:///FILE or postgresql+psycopg://user@host/database.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Of the study and of its folder runs/tune-NAME.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of everything random; default: the setting train.seed.")] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Merge what is better into shoplens.toml.")] = False,
    json: JsonFlag = False,
) -> None:
    """Search settings of the models, weights of events and their half-life, on the validation period alone.

    The first trial is the settings in force, so what is found is never worse on validation. The test period is never
    looked at. Trials whose learning curve falls behind are stopped early. Without --trials and --minutes 40 trials run.

    The same command goes on with a search that was stopped; Ctrl-C keeps what was found. The study is kept in
    runs/tune.sqlite, or in the workspace's PostgreSQL. Under runs/tune-NAME are best.toml, the table of all trials,
    and plots of the history and of what made a difference. --apply keeps the old file as shoplens.toml.before-tune.
    """
    from shoplens.errors import ConfigurationError

    if data is not None and apply:
        raise ConfigurationError("--apply is for a workspace; what is found on --data is written to best.toml")
    found = _search(
        workspace,
        data,
        apply=apply,
        seed=seed,
        name=name,
        models=model or (),
        search=search or (),
        trials=40 if trials is None and minutes is None else trials,
        minutes=minutes,
        jobs=jobs,
        storage=storage,
    )
    console.print(escape(found.advice), highlight=False)
    if found.interrupted:
        console.print("stopped; what was found is kept, the same command goes on from there", highlight=False)
    applied = apply and found.improved
    if applied:
        console.print("shoplens.toml has the new settings; train with them: shoplens train", highlight=False)
    emit({**found.as_dict(), "applied": applied}, json=json, table=None if json else _table(found))


def _search(
    workspace: Path, data: Path | None, *, apply: bool, seed: int | None, name: str | None, **options: Any
) -> Tuned:
    from shoplens.service.settings import Settings
    from shoplens.service.tuning import tune_folder, tune_shop
    from shoplens.service.workspace import Workspace
    from shoplens.store.sql import open_store

    if data is not None:
        cache = Workspace(data, Settings.read(None)).model_cache
        with _bar() as tell:
            return tune_folder(
                data, workspace / "runs", cache=cache, seed=seed or 0, name=name, progress=tell, **options
            )
    shop = Workspace.open(workspace)
    store = open_store(shop.database_url)
    try:
        with _bar() as tell:
            return tune_shop(shop, store, apply=apply, seed=seed, name=name or "shop", progress=tell, **options)
    finally:
        store.close()


def _table(found: Tuned) -> Table:
    """The best settings, and how much each made a difference."""
    from rich.table import Table

    table = Table(
        title=f"Best of {found.trials} trials · {found.people:,} people",
        caption=escape(str(found.folder / "best.toml")),
    )
    for header in ("setting", "value", "share of the spread"):
        table.add_column(header)
    rows: dict[str, str] = {}
    for part, value in found.setup.as_train_table().items():
        for field, one in value.items() if isinstance(value, dict) else [("", value)]:
            rows[f"{part}.{field}" if field else part] = "none" if one is None else str(one)
    for setting in [*found.importance, *(one for one in rows if one not in found.importance)]:
        share = found.importance.get(setting)
        table.add_row(setting, rows.get(setting, "as it was"), "–" if share is None else f"{share:.0%}")
    return table


@contextmanager
def _bar() -> Iterator[Callable[[Standing], None]]:
    """A bar with the best so far; without a terminal, a line whenever the best changes."""
    if not console.is_terminal:
        shown: list[float | None] = []

        def say(standing: Standing) -> None:
            if not shown or shown[-1] != standing.best:
                shown.append(standing.best)
                console.print(_words(standing), highlight=False)

        yield say
        return
    with progress_bar() as progress:
        task = progress.add_task("tune", total=None)

        def tell(standing: Standing) -> None:
            progress.update(task, completed=standing.finished, total=standing.wanted, description=_words(standing))

        yield tell


def _words(standing: Standing) -> str:
    if standing.best is None or standing.default is None:
        return "tune: the settings in force"
    return (
        f"tune: {standing.finished} trials, {standing.pruned} stopped early, "
        f"best ndcg@20 {standing.best:.4f}, in force {standing.default:.4f}"
    )
