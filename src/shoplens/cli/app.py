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
from typing import Annotated, Any, Literal

import orjson
import typer
from rich.console import Console, Group, RenderableType
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
from rich.table import Table
from rich.text import Text

from shoplens import __version__
from shoplens.errors import ConfigurationError

app = typer.Typer(
    name="shoplens",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)


def _version(asked: bool) -> None:
    if asked:
        sys.stdout.write(f"shoplens {__version__}\n")
        raise typer.Exit


@app.callback()
def shoplens(
    _version_asked: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """From a shop's products and event log to recommendations. Start with `shoplens demo` or `shoplens init`."""


#: For people: progress, notes, warnings. stdout stays clean for results.
console = Console(stderr=True)

NO_SCREEN = 80  # the width that rich takes where there is no terminal to ask
PIPED = 1_000  # the width instead: a table is as wide as what is in it

#: Options that many commands share.
JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")]
WorkspaceOption = Annotated[
    Path, typer.Option("--workspace", "-w", help="Folder with shoplens.toml.", envvar="SHOPLENS_WORKSPACE")
]
LanguageOption = Annotated[
    Literal["en", "zh"] | None, typer.Option("--language", help="Of sentences. Default: the shop's.")
]
DeviceOption = Annotated[
    str | None,
    typer.Option(
        help="Where fine-tuning happens: cpu, cuda, cuda:1, or auto: a CUDA GPU where there is one. What a GPU learnt "
        "answers on any CPU. Default: the setting encoders.device.",
    ),
]
LearningPrecision = Annotated[
    Literal["auto", "float32", "bfloat16"] | None,
    typer.Option(
        "--precision",
        help="Of matrix products in fine-tuning; auto: bfloat16 where the chip multiplies it. Default: the setting "
        "encoders.learning_precision.",
    ),
]


def emit(result: Mapping[str, Any], *, json: bool, table: RenderableType | None = None) -> None:
    """Print a command's result: `result` as JSON, or `table` (default: a line per key) for people."""
    if json:
        options = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS
        sys.stdout.write(orjson.dumps(result, option=options, default=str).decode() + "\n")
        return
    out = Console()
    if not out.is_terminal and out.width == NO_SCREEN:
        out.width = PIPED  # cron, CI, a file: lines as long as they are
    if table is None:
        for key, value in result.items():
            out.print(f"[bold]{key}[/bold]  {escape(str(value))}", highlight=False)
    else:
        for one in _tables(table):
            for column in one.columns:
                column.overflow = "fold"  # a cut id cannot be copied, a cut number is a wrong one
        # One sentence may hold a command to copy: the terminal wraps it, not we.
        out.print(table, soft_wrap=isinstance(table, Text))


def tell_refused(summary: Mapping[str, Any], file: Path | None) -> None:
    """Say on stderr how many rows were refused, why, and in which file each is; nothing when none was."""
    for reason, count in summary["reasons"].items():
        console.print(f"refused: {count:,} × {reason}", highlight=False, markup=False, soft_wrap=True)
    if summary["refused"] and file is not None:
        console.print(f"each refused row: {file}", highlight=False, markup=False, soft_wrap=True)


def _tables(table: RenderableType) -> Iterator[Table]:
    """The tables in what is printed."""
    if isinstance(table, Table):
        yield table
    elif isinstance(table, Group):
        for part in table.renderables:
            yield from _tables(part)


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
