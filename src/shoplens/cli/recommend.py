"""`shoplens recommend [USER]`: what this person, a guest or anybody would see now."""

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
    given_of,
    named,
)


@app.command()
def recommend(
    user: Annotated[str | None, typer.Argument(help="user_id, known or not; without one a guest, or anybody.")] = None,
    workspace: WorkspaceOption = Path("."),
    n: CountOption = None,
    scenario: ScenarioOption = "home",
    viewing: Annotated[str | None, typer.Option(help="item_id that is looked at now.")] = None,
    cart: Annotated[list[str] | None, typer.Option(help="item_id in the cart; repeat the option.")] = None,
    filter_: FilterOption = None,
    boost: BoostOption = None,
    exclude: ExcludeOption = None,
    explain: ExplainFlag = False,
    diversity: DiversityOption = None,
    exploration: Annotated[
        float | None, typer.Option(min=0, max=1, help="Share of places that are left to chance.")
    ] = None,
    freshness: Annotated[
        float | None, typer.Option(min=-10, max=10, help="Standard deviations that a product of today is lifted.")
    ] = None,
    repeat: Annotated[
        bool | None,
        typer.Option("--repeat/--new-only", help="Whether products of the history may come back.", show_default=False),
    ] = None,
    session: SessionOption = None,
    json: JsonFlag = False,
) -> None:
    """Recommend products to a person, from everything they did up to now: as `POST /v1/recommend` answers, experiments
    and caps included. A look is no visit: nothing is written down, so no cap and no experiment counts it.

    Examples:

      shoplens recommend u001 --scenario product --viewing p017 --explain

      shoplens recommend --session s77 --filter '{"field": "price", "range": {"lt": 50}}'
    """
    from shoplens.cli.ranking import answer_json, answer_table
    from shoplens.service.runtime import Runtime

    named(user, "USER")
    named(session, "--session", "session_id")
    given = given_of(
        filter_=filter_,
        boost=boost,
        exclude=exclude,
        n=n,
        explain=explain,
        diversity=diversity,
        exploration=exploration,
        freshness=freshness,
        viewing=viewing,
        cart=tuple(cart) if cart else None,
        repeat=repeat,
    )
    with Runtime.open(workspace) as shop:
        shown = shop.answers.recommend(shop.wish(scenario, **given), user, session, noted=False)
        emit(
            {"user_id": user, **answer_json(shown.answer, explain=explain)},
            json=json,
            table=answer_table(shop, shown.answer, f"For {user or session or 'anybody'}"),
        )
