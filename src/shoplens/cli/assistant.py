"""`shoplens assistant learn|add|documents|remove|chat|ask`: the customer-service assistant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from shoplens.cli.app import JsonFlag, WorkspaceOption, app, console, emit, stage_progress, tell_refused
from shoplens.errors import InputError

if TYPE_CHECKING:
    from shoplens.apps.assistant import Reply, Sentence
    from shoplens.apps.assistant.listening import Listener

assistant_app = typer.Typer(
    help="The customer-service assistant: answers from dialogues of the past, documents, the catalogue and a"
    " person's own "
    "orders; each fact with its source. Begin with: shoplens assistant add policies/ · shoplens assista"
    "nt learn tickets.csv",
    no_args_is_help=True,
)
app.add_typer(assistant_app, name="assistant")
UserOption = Annotated[str | None, typer.Option("--user", "-u", help="user_id of who is signed in: own orders.")]
HELP = (
    "/good and /bad judge the last answer.   /image FILE goes with what you say next.   /new begins anew.   /quit ends."
)


@assistant_app.command()
def learn(
    file: Annotated[
        str | None,
        typer.Argument(
            help="CSV, TSV or JSON lines: utterance (instruction, text), intent, answer (response), slots or "
            "entity_type and entity_value. Without intents they are discovered. No FILE: take up corrections."
        ),
    ] = None,
    workspace: WorkspaceOption = Path("."),
    add: Annotated[bool, typer.Option("--add", help="Keep what was learnt before, beside the file.")] = False,
    sample: Annotated[bool, typer.Option("--sample", help="The made-up dialogues of the sample shop.")] = False,
    json: JsonFlag = False,
) -> None:
    """Learn intents and answers from dialogues of the past. Running servers answer by them within a second or two.

    Example: shoplens assistant learn tickets.csv
    """
    from shoplens.service.assistant_learning import learn_assistant
    from shoplens.service.intake import REPORT_FILE
    from shoplens.service.sample_support import sample_dialogues
    from shoplens.service.workspace import Workspace
    from shoplens.store.sql import open_store

    if sample and file is not None:
        raise typer.BadParameter("name a FILE or --sample, not both", param_hint="--sample")
    opened = Workspace.open(workspace)
    store = open_store(opened.database_url)
    try:
        with stage_progress() as tell:
            source = sample_dialogues() if sample else file
            did = learn_assistant(opened, store, source, add=add, progress=tell).as_dict()
    finally:
        store.close()
    tell_refused(did, opened.root / REPORT_FILE)
    emit(did, json=json, table=_learnt(did))


@assistant_app.command("add")
def add_documents(
    documents: Annotated[
        list[Path] | None,
        typer.Argument(help="Markdown, HTML, PDF, text, CSV of question and answer; or folders of them."),
    ] = None,
    workspace: WorkspaceOption = Path("."),
    sample: Annotated[bool, typer.Option("--sample", help="The made-up policies of the sample shop.")] = False,
    json: JsonFlag = False,
) -> None:
    """Add documents to answer from: policies, questions and answers. One of the same name is replaced."""
    from shoplens.service.assistant_knowledge import Documents
    from shoplens.service.sample_support import add_sample_support
    from shoplens.service.workspace import Workspace

    if not documents and not sample:
        raise typer.BadParameter("name documents or folders, or take --sample", param_hint="DOCUMENTS")
    opened = Workspace.open(workspace)
    kept = Documents(opened)
    if sample:
        add_sample_support(opened)
    kept.add(documents or [])
    _emit_documents(kept.passages(), json)


@assistant_app.command()
def documents(workspace: WorkspaceOption = Path("."), json: JsonFlag = False) -> None:
    """The documents there are, and into how many passages each was cut."""
    from shoplens.service.assistant_knowledge import Documents
    from shoplens.service.workspace import Workspace

    _emit_documents(Documents(Workspace.open(workspace)).passages(), json)


@assistant_app.command()
def remove(
    name: Annotated[str, typer.Argument(help="As `shoplens assistant documents` names it.")],
    workspace: WorkspaceOption = Path("."),
    json: JsonFlag = False,
) -> None:
    """Take a document out: nothing is answered from it any more."""
    from shoplens.service.assistant_knowledge import Documents
    from shoplens.service.workspace import Workspace

    kept = Documents(Workspace.open(workspace))
    kept.remove(name)
    emit({"removed": name, "documents": kept.names()}, json=json, table=Text(f"{name} is removed"))


@assistant_app.command()
def ask(
    text: Annotated[list[str], typer.Argument(help="What the customer says; several are several turns.")],
    workspace: WorkspaceOption = Path("."),
    user: UserOption = None,
    image: Annotated[
        list[Path] | None, typer.Option(exists=True, dir_okay=False, help="A photo for the first turn.")
    ] = None,
    conversation: Annotated[str | None, typer.Option(help="conversation_id to go on with.")] = None,
    json: JsonFlag = False,
) -> None:
    """Ask, and print the answer with its sources.

    Example: shoplens assistant ask "how long can I return shoes?"
    """
    from shoplens.apps.assistant import Turn
    from shoplens.apps.interaction import PhotoAsk
    from shoplens.http.wire.assistant import reply_json
    from shoplens.service.runtime import Runtime

    replies: list[Reply] = []
    with Runtime.open(workspace) as shop:
        for place, said in enumerate(text):
            photos = tuple(map(PhotoAsk, image or ())) if place == 0 else ()
            replies.append(
                shop.assistant.turn(Turn(text=said, conversation_id=conversation, user_id=user, photos=photos))
            )
            conversation = replies[-1].conversation_id
    emit({"turns": [reply_json(one) for one in replies]}, json=json, table=Group(*map(reply_view, replies)))


@assistant_app.command()
def chat(workspace: WorkspaceOption = Path("."), user: UserOption = None) -> None:
    """Talk to the assistant in the terminal."""
    from shoplens.apps.assistant import Turn
    from shoplens.apps.interaction import PhotoAsk
    from shoplens.service.runtime import Runtime

    console.print(HELP, style="dim", highlight=False, markup=False)
    with Runtime.open(workspace) as shop:
        if shop.assistant.documents.names() == []:
            console.print("no documents yet: shoplens assistant add DOCUMENTS (or --sample)", style="yellow")
        last: Reply | None = None
        photos: tuple[PhotoAsk, ...] = ()
        while True:
            try:
                line = console.input("[bold cyan]›[/bold cyan] ").strip()
            except EOFError:
                console.print()
                return
            if line in ("/quit", "/q", "/exit"):
                return
            if line == "/new":
                last = None
            elif line in ("/good", "/bad") and last is not None:
                shop.assistant.judge(last.conversation_id, last.turn, helpful=line == "/good")
            elif line.startswith("/image "):
                photos = (*photos, PhotoAsk(Path(line.removeprefix("/image ").strip()).expanduser()))
            elif line:
                try:
                    turn = Turn(text=line, user_id=user, photos=photos)
                    last = shop.assistant.turn(
                        replace(turn, conversation_id=None if last is None else last.conversation_id), _speaking()
                    )
                except InputError as error:
                    console.print(str(error), style="yellow", markup=False, highlight=False)
                    continue
                photos = ()
                Console().print()
                emit({}, json=False, table=reply_view(last, said=True))


def _learnt(did: Mapping[str, Any]) -> RenderableType:
    """What a training did, in words."""
    accuracy, baseline = did.get("accuracy"), did.get("baseline")
    said = [f"learnt {did['intents']:,} intents and {did['templates']:,} answers from {did['examples']:,} messages"]
    if accuracy is not None and baseline is not None:
        said.append(
            f"of {did['held_out']:,} that were kept aside, {accuracy:.1%} got their intent; always the commonest: "
            f"{baseline:.1%}"
        )
    if did["discovered"]:
        said.append(f"{did['discovered']:,} intents were found and named: look whether the names are yours")
    if did["corrections"]:
        said.append(f"{did['corrections']:,} corrections of the shop are among them")
    return Text("\n".join([*said, *did["notes"], f"version {did['version']}"]))


def _speaking() -> Listener:
    """Prints each sentence when it is ready."""
    from shoplens.apps.assistant.listening import Nobody

    class Speaking(Nobody):
        def sentence(self, sentence: Sentence) -> None:
            said = sentence.lead + sentence.text
            out.print(said, end="", style="bold green", markup=False, highlight=False, soft_wrap=True)

    out = Console()
    return Speaking()


def reply_view(reply: Reply, *, said: bool = False) -> RenderableType:
    """For people: the answer (unless it was `said` already), its sources, what is asked back, and the summary of a
    handover."""
    lines: list[RenderableType] = [] if said else [Text(reply.text, style="bold green")]
    lines += [
        Text(f"  [{one.id}] {one.title} ({one.location})" if one.location else f"  [{one.id}] {one.title}", style="dim")
        for one in reply.sources
    ]
    if reply.options:
        lines.append(Text("  ".join(f"[{one}]" for one in reply.options), style="cyan"))
    if reply.handover is not None:
        lines.append(Text(reply.handover.summary, style="yellow"))
    return Group(*lines)


def _emit_documents(passages: object, json: bool) -> None:
    counts: dict[str, int] = {}
    for one in passages if isinstance(passages, list) else []:
        counts[one.document] = counts.get(one.document, 0) + 1
    table = Table("document", "passages")
    for name, count in counts.items():
        table.add_row(name, f"{count:,}")
    none = Text("no documents yet; how to add some: shoplens assistant add --help")
    emit({"documents": counts, "passages": sum(counts.values())}, json=json, table=table if counts else none)
