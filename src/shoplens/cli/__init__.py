"""The `shoplens` command: one command a file."""

from __future__ import annotations

import _thread
import errno
import pkgutil
import sys
import threading
from collections.abc import Callable
from importlib import import_module
from typing import Any

from rich.markup import escape

from shoplens.cli.app import app, console
from shoplens.errors import ShoplensError

INTERRUPTED = 130  # the exit code that typer makes of Ctrl-C
#: Commands, by their first word, that go on where they were stopped. Others leave nothing half done.
GO_ON = ("classify", "embed", "entities", "ingest", "opinions", "train", "tune")
#: What the system refuses and whoever runs the command can put right: a full disk, a folder that is not theirs.
OF_THE_MACHINE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)
AGAIN = 0.05  # seconds until a Ctrl-C that was dropped is repeated


def main() -> None:
    """Entry point: load every command file, run, turn deliberate errors into exit code 1."""
    try:
        for module in sorted(info.name for info in pkgutil.walk_packages(__path__, prefix=f"{__name__}.")):
            import_module(module)
        sys.unraisablehook = keep_interrupts(sys.unraisablehook)
        app()
    except ShoplensError as error:
        console.print(f"[bold red]refused:[/bold red] {escape(str(error))}", highlight=False, soft_wrap=True)
        sys.exit(1)
    except OSError as error:
        if error.errno not in OF_THE_MACHINE:
            raise
        where = f"{error.filename}: " if error.filename else ""
        console.print(f"[bold red]refused:[/bold red] {escape(where + str(error.strerror))}", highlight=False)
        sys.exit(1)
    except KeyboardInterrupt:  # before a command began, where typer does not hear it yet
        console.print("stopped before it began")
        sys.exit(INTERRUPTED)
    except SystemExit as end:
        if end.code == INTERRUPTED:
            console.print(_stopped())
        raise


def _stopped() -> str:
    """What Ctrl-C leaves behind, by the command that it ended."""
    if any(word in GO_ON for word in sys.argv[1:2]):
        return "stopped; what was confirmed is kept, the same command goes on from there"
    return "stopped"


def keep_interrupts(otherwise: Callable[[Any], object]) -> Callable[[Any], object]:
    """A `sys.unraisablehook` for Ctrl-C that arrives while an object is being tidied away.

    Python drops an exception that is raised in `__del__`, and the command would go on as if nobody had pressed it.
    """

    def hook(unraisable: Any) -> None:
        if issubclass(unraisable.exc_type, KeyboardInterrupt):
            again = threading.Timer(AGAIN, _thread.interrupt_main)  # not here: in this hook it would be dropped too
            again.daemon = True
            again.start()
        else:
            otherwise(unraisable)

    return hook
