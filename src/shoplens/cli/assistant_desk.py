"""`shoplens assistant waiting|take|answer|give-back|leave|messages`: people answer what was handed over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Group
from rich.table import Table
from rich.text import Text

from shoplens.cli.app import JsonFlag, WorkspaceOption, emit
from shoplens.cli.assistant import assistant_app
from shoplens.cli.tables import moment

if TYPE_CHECKING:
    from shoplens.apps.assistant.desk import Desk
    from shoplens.store.records import HandoverRecord

Conversation = Annotated[str, typer.Argument(help="conversation_id, as `shoplens assistant waiting` names it.")]
AgentOption = Annotated[str, typer.Option("--agent", "-a", help="Who of the shop answers.")]


@assistant_app.command()
def waiting(
    workspace: WorkspaceOption = Path("."),
    agent: Annotated[str | None, typer.Option("--agent", "-a", help="Only those that this agent has.")] = None,
    json: JsonFlag = False,
) -> None:
    """Conversations that wait for a person or that a person has, those first that were handed over first.

    Example: shoplens assistant waiting, then take ID --agent Mia, answer ID "…" --agent Mia, give-back ID --agent Mia
    """
    from shoplens.http.wire.handovers import waiting_json

    with _desk(workspace) as desk:
        told = waiting_json(desk.waiting(agent=agent))
    table = Table("conversation", "state", "agent", "since", "customer", "why")
    for one in told["handovers"]:
        since = moment(one["opened"])
        table.add_row(one["conversation_id"], one["state"], one["agent"], since, one["user_id"] or "", one["reason"])
    summaries = [Text(f"\n{one['conversation_id']}\n{one['summary']}") for one in told["handovers"]]
    emit(told, json=json, table=Group(table, *summaries) if summaries else Text("nobody waits"))


@assistant_app.command()
def take(
    conversation: Conversation, agent: AgentOption, workspace: WorkspaceOption = Path("."), json: JsonFlag = False
) -> None:
    """Take a conversation: no other agent answers it, nor does the assistant."""
    _step(workspace, json, lambda desk: desk.take(conversation, agent=agent))


@assistant_app.command()
def answer(
    conversation: Conversation,
    text: Annotated[str, typer.Argument(help="What the customer is told.")],
    agent: AgentOption,
    workspace: WorkspaceOption = Path("."),
    json: JsonFlag = False,
) -> None:
    """Say something to the customer; takes the conversation where nobody has.

    Example: shoplens assistant answer ID "I have sent you a new label." --agent Mia
    """
    from shoplens.http.wire.handovers import turn_messages

    with _desk(workspace) as desk:
        said = next(turn_messages(desk.answer(conversation, text, agent=agent)))
    emit(said, json=json, table=Text(f"{agent}: {text}"))


@assistant_app.command("give-back")
def give_back(
    conversation: Conversation,
    agent: AgentOption,
    to: Annotated[
        Literal["assistant", "queue", "closed"],
        typer.Option(help="assistant: it answers again; queue: for another agent; closed: it is over."),
    ] = "assistant",
    workspace: WorkspaceOption = Path("."),
    json: JsonFlag = False,
) -> None:
    """Let the assistant go on, put a conversation back into the queue, or close it."""
    _step(workspace, json, lambda desk: desk.give_back(conversation, agent=agent, to=to))


@assistant_app.command()
def leave(
    conversation: Conversation,
    user: Annotated[str | None, typer.Option("--user", help="Who is signed in, where somebody is.")] = None,
    workspace: WorkspaceOption = Path("."),
    json: JsonFlag = False,
) -> None:
    """The customer waits for a person no longer: the assistant answers again. They may as well write "cancel".

    Example: shoplens assistant leave ID --user ann
    """
    from shoplens.http.wire.assistant import reply_json
    from shoplens.service.runtime import Runtime

    with Runtime.open(workspace) as shop:
        reply = shop.assistant.leave(conversation, user)
    emit(reply_json(reply), json=json, table=Text(reply.text))


@assistant_app.command()
def messages(
    conversation: Conversation,
    workspace: WorkspaceOption = Path("."),
    after: Annotated[int, typer.Option(min=0, help="Only what was said after this turn.")] = 0,
    json: JsonFlag = False,
) -> None:
    """What was said in a conversation, by the customer, the assistant and people of the shop."""
    from shoplens.http.wire.handovers import messages_json

    with _desk(workspace) as desk:
        told = messages_json(desk.messages(conversation, after))
    lines = [Text(f"{one['agent'] or one['by']}: {one['text']}") for one in told["messages"]]
    emit(told, json=json, table=Group(*lines) if lines else Text("nothing was said since"))


def _step(workspace: Path, json: bool, do: Callable[[Desk], HandoverRecord]) -> None:
    from shoplens.http.wire.handovers import handover_json

    with _desk(workspace) as desk:
        record = do(desk)
    who = f" ({record.agent})" if record.agent else ""
    emit(handover_json(record), json=json, table=Text(f"{record.conversation_id} is {record.state}{who}"))


@contextmanager
def _desk(workspace: Path) -> Iterator[Desk]:
    """Of the workspace, without a model: whoever answers need not wait for one."""
    from shoplens.apps.assistant.desk import Desk
    from shoplens.service.workspace import Workspace
    from shoplens.store.sql import open_store

    store = open_store(Workspace.open(workspace).database_url)
    try:
        yield Desk(store.transcripts, store.handovers)
    finally:
        store.close()
