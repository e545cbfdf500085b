"""`shoplens similar ITEM`: products like one product."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shoplens.cli.app import JsonFlag, WorkspaceOption, app, emit
from shoplens.cli.ranking import (
    BoostOption,
    CountOption,
    DiversityOption,
    ExcludeOption,
    ExplainFlag,
    FilterOption,
    ScenarioOption,
    SessionOption,
    UserOption,
    given_of,
    named,
)


@app.command()
def similar(
    item: Annotated[str, typer.Argument(help="item_id of a product.")],
    workspace: WorkspaceOption = Path("."),
    n: CountOption = None,
    scenario: ScenarioOption = "product",
    filter_: FilterOption = None,
    boost: BoostOption = None,
    exclude: ExcludeOption = None,
    diversity: DiversityOption = None,
    explain: ExplainFlag = False,
    user: UserOption = None,
    session: SessionOption = None,
    json: JsonFlag = False,
) -> None:
    """Show products like one product: by content where it is known, else by who likes both. As `POST /v1/similar`
    answers; nothing is written down, so no cap and no experiment counts it."""
    from shoplens.cli.ranking import answer_json, answer_table
    from shoplens.service.runtime import Runtime

    named(user, "--user")
    named(session, "--session", "session_id")
    given = given_of(filter_=filter_, boost=boost, exclude=exclude, n=n, diversity=diversity, explain=explain)
    with Runtime.open(workspace) as shop:
        answer = shop.answers.similar(item, shop.wish(scenario, **given), user, session, noted=False).answer
        emit(
            {"item_id": item, **answer_json(answer, explain=explain)},
            json=json,
            table=answer_table(shop, answer, f"Like {item}"),
        )
