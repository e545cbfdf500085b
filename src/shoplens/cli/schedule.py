"""`shoplens schedule`: look after the bundles of an open shop."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from shoplens.cli.app import JsonFlag, WorkspaceOption, app, console, emit


@app.command()
def schedule(
    workspace: WorkspaceOption = Path("."),
    once: Annotated[bool, typer.Option("--once", help="Look once, do what is due, and end: for cron.")] = False,
    now: Annotated[bool, typer.Option("--now", help="Train at the first look, whatever the settings say.")] = False,
    json: JsonFlag = False,
) -> None:
    """Train again by the clock, by new events or by drift; promote what is not worse; take back what is clicked less.

    A process of its own, beside `shoplens serve`; each training is another one, with its own memory. The newest days
    judge a newer bundle beside the one that answers, through the code that serves. Settings: [schedule], docs/live.md.
    What was done and why: `shoplens bundles history`.
    """
    from shoplens.service.journal import entry_json
    from shoplens.service.schedule import Schedule
    from shoplens.service.workspace import Workspace
    from shoplens.store.sql import open_store

    opened = Workspace.open(workspace)
    store = open_store(opened.database_url)
    stop = threading.Event()
    done = []
    try:
        keeper = Schedule(opened, store)
        try:
            if not once:
                signal.signal(signal.SIGTERM, lambda *_: stop.set())
                console.print(f"looking after {workspace}, every {opened.settings.schedule.look_seconds:g} s")
            asked = "asked for" if now else None
            while not stop.is_set():
                entries = keeper.look() if asked is None else [one] if (one := keeper.renew(asked)) is not None else []
                asked = None
                for entry in entries:
                    console.print(Text(f"{entry.what.replace('_', ' ')} {entry.bundle or ''}: {entry.why}"))
                done += entries
                if once:
                    break
                stop.wait(opened.settings.schedule.look_seconds)
        finally:
            keeper.close()
    finally:
        store.close()
    emit({"done": [entry_json(one) for one in done]}, json=json, table=Text("nothing is due" if not done else "done"))
