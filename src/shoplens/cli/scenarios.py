"""`shoplens scenarios`: the places of the shop that show products, and what each asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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
        sources = ", ".join(f"{name} {weight:g}" for name, weight in one.sources)
        rules = ", ".join(f"{name} {_said(value)}" for name, value in scenario_json(one)["rules"].items())
        table.add_row(*map(escape, (one.name, sources, str(one.n), rules, one.about)))
    emit({"scenarios": [scenario_json(one) for one in found.values()]}, json=json, table=table)


def _said(rule: Any) -> str:
    """A rule as it stands in shoplens.toml."""
    if isinstance(rule, dict):
        return "{" + ", ".join(f"{name} = {_said(value)}" for name, value in rule.items() if value is not None) + "}"
    if isinstance(rule, list | tuple):
        return "[" + ", ".join(map(_said, rule)) + "]"
    return f"{rule:g}" if isinstance(rule, float) else str(rule)
