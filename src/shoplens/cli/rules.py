"""`shoplens rules list|curate|synonyms|words|import|remove|restore`: what the shop tells its search."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Group
from rich.table import Table
from rich.text import Text

from shoplens.cli.app import JsonFlag, WorkspaceOption, app, emit
from shoplens.cli.tables import moment
from shoplens.domain.search_rules import RuleKind

if TYPE_CHECKING:
    from shoplens.domain.search_rules import SearchRule
    from shoplens.service.search_rules import RuleFile, SearchRules

rules_app = typer.Typer(
    help="Rules of search: pin, hide, boost and bury products; synonyms; words of the shop's own.",
    no_args_is_help=True,
)
app.add_typer(rules_app, name="rules")
Numbers = Annotated[list[int], typer.Argument(help="As `shoplens rules list` numbers them.", min=1)]
BoostOption = typer.Option(help='JSON: {"filter": {…}, "by": 1.0}, by in standard deviations; repeat for several.')
KindOption = Annotated[RuleKind, typer.Option("--kind", help="What the file is about.")]
ReplaceFlag = Annotated[bool, typer.Option("--replace", help="What was told before of this kind holds no more.")]


@rules_app.command("list")
def list_all(
    kind: Annotated[RuleKind | None, typer.Argument(help="Only of this kind.")] = None,
    removed: Annotated[bool, typer.Option("--removed", help="Those that were taken away instead.")] = False,
    workspace: WorkspaceOption = Path("."),
    json: JsonFlag = False,
) -> None:
    """What was told, with numbers; and which files of the workspace hold beside it."""
    from shoplens.http.wire.search_rules import files_json, rules_json

    with _rules(workspace) as rules:
        found, files = rules.list(kind, removed=removed), rules.files()
    emit(
        {"rules": rules_json(found), "files": files_json(files)},
        json=json,
        table=Group(_table(found), *(Text(_said(file)) for file in files if file.rules or file.problem)),
    )


@rules_app.command()
def curate(
    query: Annotated[list[str], typer.Argument(help='Queries it is about; "*" stands for any words.')],
    pin: Annotated[list[str] | None, typer.Option(help="item_id, or item_id@PLACE; repeat: first, second, …")] = None,
    hide: Annotated[list[str] | None, typer.Option(help="item_id; repeat for several.")] = None,
    boost: Annotated[list[str] | None, BoostOption] = None,
    bury: Annotated[list[str] | None, BoostOption] = None,
    since: Annotated[str | None, typer.Option("--from", help="First day, such as 2026-06-01 (UTC).")] = None,
    until: Annotated[str | None, typer.Option(help="Last day.")] = None,
    workspace: WorkspaceOption = Path("."),
    json: JsonFlag = False,
) -> None:
    """Decide about results. Running servers follow within a second.

    Example: shoplens rules curate "*summer dress*" --pin d3 --pin d1@4 --hide d4 --until 2026-08-31
    """
    told: dict[str, Any] = {
        "query": query,
        "pin": [_pin(one, place) for place, one in enumerate(pin or (), start=1)],
        "hide": hide,
        "boost": [_boost(one, "--boost") for one in boost or ()],
        "bury": [_boost(one, "--bury") for one in bury or ()],
        "from": since,
        "until": until,
    }
    _tell(workspace, RuleKind.CURATION, [{name: value for name, value in told.items() if value}], json)


@rules_app.command()
def synonyms(
    line: Annotated[list[str], typer.Argument(help='"sofa, couch": any finds all; "tv => television": one way.')],
    workspace: WorkspaceOption = Path("."),
    json: JsonFlag = False,
) -> None:
    """Let words be read as others. Nothing is indexed again; running servers follow within a second.

    Example: shoplens rules synonyms "sneaker, trainer, running shoe" "iphone => apple phone, 苹果手机"
    """
    _tell(workspace, RuleKind.SYNONYMS, line, json)


@rules_app.command()
def words(
    word: Annotated[list[str], typer.Argument(help="A name with Chinese characters.")],
    workspace: WorkspaceOption = Path("."),
    json: JsonFlag = False,
) -> None:
    """Keep names whole that Chinese segmentation would cut apart. Nothing is indexed again.

    Example: shoplens rules words 优衣库 水桶包
    """
    _tell(workspace, RuleKind.WORDS, word, json)


@rules_app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Written like the workspace's own files.")],
    kind: KindOption,
    replace: ReplaceFlag = False,
    workspace: WorkspaceOption = Path("."),
    json: JsonFlag = False,
) -> None:
    """Tell all that a file says, or nothing when a line of it cannot be read. What holds already is not told twice.

    Example: shoplens rules import curation.toml --kind curation --replace
    """
    from shoplens.service.search_rules import sorted_words

    with _rules(workspace) as rules:
        made = rules.tell_file(kind, file, replace=replace)
    said = f"{len(made):,} rules were new"
    left_out = sorted_words(file)[1] if kind is RuleKind.WORDS else ()
    if left_out:
        said += f"; {len(left_out):,} words without a Chinese character are left out, since nothing cuts them apart"
    _emit(made, json, said, left_out=list(left_out))


@rules_app.command()
def remove(rule: Numbers, workspace: WorkspaceOption = Path("."), json: JsonFlag = False) -> None:
    """Take rules away. They are kept: see `shoplens rules list --removed` and `shoplens rules restore`."""
    with _rules(workspace) as rules:
        gone = rules.remove(rule)
    _emit(gone, json, "taken away:")


@rules_app.command()
def restore(rule: Numbers, workspace: WorkspaceOption = Path("."), json: JsonFlag = False) -> None:
    """Let rules hold again that were taken away."""
    with _rules(workspace) as rules:
        back = rules.restore(rule)
    _emit(back, json, "hold again:")


@contextmanager
def _rules(workspace: Path) -> Iterator[SearchRules]:
    from shoplens.service.search_rules import SearchRules
    from shoplens.service.workspace import Workspace
    from shoplens.store.sql import open_store

    opened = Workspace.open(workspace)
    store = open_store(opened.database_url)
    try:
        yield SearchRules(opened, store, strict=False)  # a broken file is shown, and hinders nobody from mending rules
    finally:
        store.close()


def _tell(workspace: Path, kind: RuleKind, told: Sequence[Any], json: bool) -> None:
    with _rules(workspace) as rules:
        made = rules.tell({kind: told})
    _emit(made, json, "holds from now on:" if made else "that holds already")


def _emit(changed: Sequence[SearchRule], json: bool, said: str, **more: Sequence[str]) -> None:
    from shoplens.http.wire.search_rules import rules_json

    emit(
        {"rules": rules_json(changed), **more},
        json=json,
        table=Group(Text(said), *([_table(changed)] if changed else [])),
    )


def _table(rules: Sequence[SearchRule]) -> Table | Text:
    if not rules:
        return Text("no rules; how to tell one: shoplens rules --help")
    table = Table("rule", "kind", "what it says", "told (UTC)", "taken away")
    for one in rules:
        gone = "" if one.removed is None else moment(one.removed)
        table.add_row(str(one.rule_id), one.kind.value, Text(one.body), moment(one.added), gone)
    return table


def _said(file: RuleFile) -> str:
    told = f"{file.name} ({file.kind}): {file.rules:,} rules more hold"
    if file.left_out:
        told += f"; {file.left_out:,} words without a Chinese character are left out, since nothing cuts them apart"
    return told if file.problem is None else f"{told}; {file.problem}"


def _pin(text: str, place: int) -> str | Mapping[str, Any]:
    item, at, number = text.rpartition("@")
    if not at or not number.isdecimal():
        return {"item": text, "place": place}
    return {"item": item, "place": int(number)}


def _boost(text: str, option: str) -> Any:
    import orjson

    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise typer.BadParameter(f"it is not JSON: {error}", param_hint=option) from error
