"""`shoplens scenarios`: the places of the shop that show products, and what each asks for."""

from __future__ import annotations

from pathlib import Path

from rich.markup import escape
from rich.table import Table

from shoplens.cli.app import JsonFlag, WorkspaceOption, app, emit


@app.command()
def scenarios(workspace: WorkspaceOption = Path("."), json: JsonFlag = False) -> None:
    """List scenarios: built-in ones and those in shoplens.toml, with who proposes products in each.

    Make one with a table [scenario.NAME] in shoplens.toml; see docs/live.md. Running servers read it when they start.
    """
    from shoplens.http.wire.scenarios import scenario_json
    from shoplens.service.scenario_settings import scenarios_of
    from shoplens.service.workspace import Workspace

    found = scenarios_of(Workspace.open(workspace).settings.scenario)
    table = Table("scenario", "sources", "n", "rules", "about")
    for one in found.values():
        told = scenario_json(one)
        sources = ", ".join(f"{name} {weight:g}" for name, weight in one.sources)
        rules = ", ".join(f"{name} {value}" for name, value in told["rules"].items())
        table.add_row(*map(escape, (one.name, sources, str(one.n), rules, one.about)))
    emit({"scenarios": [scenario_json(one) for one in found.values()]}, json=json, table=table)
