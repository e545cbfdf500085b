"""`shoplens searches`: what people search for, what they do not find, and what they leave alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group
from rich.table import Table
from rich.text import Text

from shoplens.cli.app import JsonFlag, WorkspaceOption, app, emit

if TYPE_CHECKING:
    from shoplens.apps.search.analytics import QueryFigures, SearchFigures
    from shoplens.apps.search.trending import TrendingSearch


@app.command()
def searches(
    workspace: WorkspaceOption = Path("."),
    days: Annotated[float, typer.Option(min=0.01, max=3_650, help="Of the last so many days.")] = 28,
    n: Annotated[int, typer.Option("--n", "-n", min=1, max=1_000, help="Queries of each list.")] = 10,
    json: JsonFlag = False,
) -> None:
    """Show what people search for: what rises, the most frequent, those without results, those without clicks."""
    from shoplens.http.wire.searches import figures_json, trending_json
    from shoplens.service.runtime import Runtime

    with Runtime.open(workspace) as shop:
        trends, figures = shop.search.trending(n), shop.search.analytics(days, n)
        order = shop.search.click_report()
    emit(
        {"trending": [trending_json(one) for one in trends], **figures_json(figures, days, order)},
        json=json,
        table=Group(
            _summary(figures, days),
            Text("clicks order nothing yet: shoplens train" if order is None else str(order["told"])),
            *([_trends(trends)] if trends else []),
            *(
                _queries(title, rows)
                for title, rows in (
                    ("searched for most", figures.top),
                    ("found nothing", figures.without_results),
                    ("found, and left alone", figures.without_clicks),
                )
                if rows
            ),
        ),
    )


def _summary(figures: SearchFigures, days: float) -> Text:
    where = "" if figures.position is None else f", at place {figures.position:.1f} on average"
    return Text(
        f"{figures.searches:,} searches for {figures.queries:,} texts in {days:g} days; {figures.empty_share:.1%} "
        f"found nothing, {figures.ctr:.1%} led to a product{where}; {figures.carts:,} carts, "
        f"{figures.purchases:,} purchases"
    )


def _trends(trends: Sequence[TrendingSearch]) -> Table:
    table = Table("rising", title="more than usual", title_justify="left")
    for name in ("a day now", "usually"):
        table.add_column(name, justify="right")
    for one in trends:
        table.add_row(Text(one.query), f"{one.now:.1f}", f"{one.usual:.1f}")
    return table


def _queries(title: str, rows: Sequence[QueryFigures]) -> Table:
    table = Table("query", title=title, title_justify="left")
    for name in ("searches", "people", "without results", "led to a product", "place", "purchases"):
        table.add_column(name, justify="right")
    for one in rows:
        place = "" if one.position is None else f"{one.position:.1f}"
        cells = (
            f"{one.searches:,}",
            f"{one.askers:,}",
            f"{one.empty:,}",
            f"{one.ctr:.1%}",
            place,
            f"{one.purchases:,}",
        )
        table.add_row(Text(one.query), *cells)
    return table
