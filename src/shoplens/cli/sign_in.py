"""`shoplens sign-in USER SESSION`: a guest turns out to be somebody known."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from shoplens.cli.app import JsonFlag, WorkspaceOption, app, emit


@app.command("sign-in")
def sign_in(
    user: Annotated[str, typer.Argument(help="user_id, known or not.")],
    session: Annotated[str, typer.Argument(help="session_id under which they were a guest.")],
    workspace: WorkspaceOption = Path("."),
    json: JsonFlag = False,
) -> None:
    """What a session did as a guest becomes the person's, and they stay in its arms of experiments."""
    from shoplens.service.runtime import Runtime

    if not user.strip() or not session.strip():
        raise typer.BadParameter("neither user_id nor session_id is empty")
    with Runtime.open(workspace) as shop:
        moved = shop.sign_in(user, session)
    said = Text(f"{moved} events of session {session} are those of {user} now")
    emit({"user_id": user, "session_id": session, "events": moved}, json=json, table=said)
