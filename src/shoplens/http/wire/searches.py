"""What people search for, over the wire: trends and figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field

from shoplens.apps.search.analytics import QueryFigures, SearchFigures
from shoplens.apps.search.trending import TrendingSearch


class TrendingSearchOut(BaseModel):
    """A query that is asked more than usual."""

    query: str
    now: float = Field(description="Searches a day, lately.")
    usual: float = Field(description="Searches a day, over a month or so.")
    rise: float = Field(description="How surprising that is, in standard deviations.")


class TrendingAnswer(BaseModel):
    """What rises most first."""

    searches: list[TrendingSearchOut]


class QueryFiguresOut(BaseModel):
    """What became of one query."""

    query: str
    searches: int
    askers: int = Field(description="Different people and sessions.")
    empty: int = Field(description="Searches that found nothing.")
    clicked: int = Field(description="Searches that led to at least one product.")
    clicks: int
    ctr: float = Field(description="Share of the searches that led to a product.")
    position: float | None = Field(description="Mean place of what was clicked, from 1.")
    carts: int
    purchases: int


class ClickOrderOut(BaseModel):
    """What an order was learnt from, and how it did on the latest week then."""

    version: str
    answers: int = Field(description="Searches with words that showed something.")
    taken_from: int = Field(description="Of them, how many led to a click or more.")
    ours: float = Field(description="NDCG of what was taken, less what is taken because it stands first.")
    theirs: float = Field(description="The same of the order without clicks.")
    low: float = Field(description="95 % interval of the difference.")
    high: float


class AnalyticsAnswer(BaseModel):
    """Searches of a period as a whole, and by query."""

    days: float
    searches: int
    queries: int = Field(description="Different ones.")
    empty_share: float = Field(description="Searches that found nothing, of all.")
    ctr: float
    position: float | None = Field(description="Mean place of what was clicked, from 1.")
    carts: int
    purchases: int
    top: list[QueryFiguresOut] = Field(description="Searched for most.")
    without_results: list[QueryFiguresOut] = Field(description="Found nothing most often.")
    without_clicks: list[QueryFiguresOut] = Field(description="Found something that nobody looked at.")
    click_order: ClickOrderOut | None = Field(description="The order learnt from clicks that serves; null: none does.")


def trending_json(one: TrendingSearch) -> dict[str, Any]:
    """`TrendingSearchOut` as plain values."""
    return {"query": one.query, "now": one.now, "usual": one.usual, "rise": one.rise}


def figures_json(figures: SearchFigures, days: float, click_order: Mapping[str, Any] | None) -> dict[str, Any]:
    """`AnalyticsAnswer` as plain values."""
    order = None if click_order is None else {name: click_order[name] for name in ClickOrderOut.model_fields}
    return {
        "days": days,
        "searches": figures.searches,
        "queries": figures.queries,
        "empty_share": figures.empty_share,
        "ctr": figures.ctr,
        "position": figures.position,
        "carts": figures.carts,
        "purchases": figures.purchases,
        "top": [_query(one) for one in figures.top],
        "without_results": [_query(one) for one in figures.without_results],
        "without_clicks": [_query(one) for one in figures.without_clicks],
        "click_order": order,
    }


def _query(one: QueryFigures) -> dict[str, Any]:
    return {
        "query": one.query,
        "searches": one.searches,
        "askers": one.askers,
        "empty": one.empty,
        "clicked": one.clicked,
        "clicks": one.clicks,
        "ctr": one.ctr,
        "position": one.position,
        "carts": one.carts,
        "purchases": one.purchases,
    }
