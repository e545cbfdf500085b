"""`shoplens suggest PREFIX`: what is offered while a shopper types."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from shoplens.cli.app import JsonFlag, LanguageOption, WorkspaceOption, app, emit


@app.command()
def suggest(
    prefix: Annotated[str, typer.Argument(help="What was typed so far; Chinese also as pinyin.")] = "",
    workspace: WorkspaceOption = Path("."),
    user: Annotated[str | None, typer.Option(help="user_id: own searches come first.")] = None,
    session: Annotated[str | None, typer.Option(help="session_id: its searches come first.")] = None,
    language: LanguageOption = None,
    n: Annotated[int, typer.Option("--n", "-n", min=1, max=50, help="How many.")] = 10,
    json: JsonFlag = False,
) -> None:
    """Complete what a shopper types: popular and own searches, categories, brands, products."""
    from shoplens.cli.found import highlighted, no_products
    from shoplens.http.wire.suggest import suggestion_json
    from shoplens.service.runtime import Runtime

    with Runtime.open(workspace) as shop:
        found = shop.search.suggest(prefix, n, user, session, language or shop.settings.language)
        table = Table("suggestion", "what")
        table.add_column("searches", justify="right")
        for one in found:
            table.add_row(highlighted(one.highlight), Text(one.kind), Text(f"{one.count:,}" if one.count else ""))
        view = (no_products(shop) if not found else None) or table
        emit({"suggestions": [suggestion_json(one) for one in found]}, json=json, table=view)
