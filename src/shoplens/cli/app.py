"""The typer application that every command file adds to, and how commands speak.

Results go to stdout (a readable table, or exactly one JSON object with `--json`), everything else to stderr.
Exit codes: 0 done, 1 refused with a reason, 2 wrong usage.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console, RenderableType
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from shoplens import __version__
from shoplens.errors import ConfigurationError

app = typer.Typer(
    name="shoplens",
    help="From a shop's products and event log to recommendations. Start with `shoplens demo` or `shoplens init`.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)


def _tell_version(asked: bool) -> None:
    if asked:
        sys.stdout.write(f"shoplens {__version__}\n")
        raise typer.Exit


@app.callback()
def _shoplens(
    version: Annotated[
        bool, typer.Option("--version", help="Which version this is.", callback=_tell_version, is_eager=True)
    ] = False,
) -> None:
    pass


#: For people: progress, notes, warnings. stdout stays clean for results.
console = Console(stderr=True)

#: Options that many commands share.
JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")]
WorkspaceOption = Annotated[
    Path, typer.Option("--workspace", "-w", help="Folder with shoplens.toml.", envvar="SHOPLENS_WORKSPACE")
]


def emit(result: Mapping[str, Any], *, json: bool, table: RenderableType | None = None) -> None:
    """Print a command's result: `result` as JSON, or `table` (default: a line per key) for people."""
    if json:
        options = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS
        sys.stdout.write(orjson.dumps(result, option=options, default=str).decode() + "\n")
        return
    out = Console()
    if table is None:
        for key, value in result.items():
            out.print(f"[bold]{key}[/bold]  {escape(str(value))}", highlight=False)
    else:
        # One sentence may hold a command to copy: the terminal wraps it, not we.
        out.print(table, soft_wrap=isinstance(table, Text))


def ready_to_write(file: Path) -> None:
    """Make the folder that `file` goes into and try it, before any work; ConfigurationError when it cannot be used."""
    if file.is_dir():
        raise ConfigurationError(f"--out {file} is a folder; name a file, for example {file / 'FILE'}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=file.parent):
            pass
    except OSError as error:
        raise ConfigurationError(
            f"--out {file}: nothing can be written there ({error.strerror}); name another"
        ) from error


def progress_bar() -> Progress:
    """A progress bar on stderr: what, how far, how long, how long yet."""
    return Progress(
        TextColumn("[progress.description]{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=False,
    )


@contextmanager
def stage_progress() -> Iterator[Callable[[str, int, int], None]]:
    """A bar for every stage that reports itself: call it with what is being done, how far, of how much (0 = unknown).

    Where there is no terminal (a log file, CI) a line says when each stage began, instead.
    """
    if not console.is_terminal:
        began = time.perf_counter()
        known: set[str] = set()

        def say(what: str, _done: int, _total: int) -> None:
            if what not in known:
                known.add(what)
                console.print(f"{time.perf_counter() - began:7.1f} s  {what}", highlight=False)

        yield say
        return
    bars: dict[str, TaskID] = {}
    with progress_bar() as progress:

        def tell(what: str, done: int, total: int) -> None:
            if what not in bars:
                bars[what] = progress.add_task(what, total=total or None)
            progress.update(bars[what], completed=done, total=total or None)

        yield tell
