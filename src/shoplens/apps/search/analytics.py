"""What people searched for in a period, what they did not find, and what they left alone."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from statistics import fmean

from shoplens.domain.events import EventType
from shoplens.domain.queries import query_form
from shoplens.store.records import QueryCount, SearchResponse

TAKES = frozenset({EventType.CLICK, EventType.VIEW})  # what leads from an answer to a product
MOST_QUERIES = 500_000  # different queries of one period; about 300 bytes each
LEAST_SEARCHES = 3  # before it is said of a query that nobody clicks


@dataclass(frozen=True, slots=True)
class QueryFigures:
    """One query in a period."""

    query: str  # as most people typed it
    searches: int
    askers: int  # different people and sessions
    empty: int  # searches that found nothing
    clicked: int  # searches that led to at least one product
    clicks: int
    position: float | None  # mean place of what was clicked, first = 1; None without clicks
    carts: int  # products put into the cart from answers
    purchases: int

    @property
    def ctr(self) -> float:
        """Share of the searches that led to a product."""
        return self.clicked / self.searches if self.searches else 0.0


@dataclass(frozen=True, slots=True)
class SearchFigures:
    """A period as a whole, and the queries that matter in it."""

    searches: int
    queries: int  # different ones
    empty_share: float  # of the searches
    ctr: float
    position: float | None  # mean place of what was clicked
    carts: int
    purchases: int
    top: tuple[QueryFigures, ...]  # searched for most
    without_results: tuple[QueryFigures, ...]  # found nothing most often
    without_clicks: tuple[QueryFigures, ...]  # found something that nobody looked at, most searched for first


@dataclass(slots=True)
class _Tally:
    query: str = ""
    typed: int = 0  # searches spelt as `query`
    searches: int = 0
    askers: int = 0
    empty: int = 0
    clicked: set[str] = field(default_factory=set)  # impressions
    positions: list[int] = field(default_factory=list)
    clicks: int = 0
    carts: int = 0
    purchases: int = 0


def analyse(counts: Iterable[QueryCount], responses: Iterable[SearchResponse], *, n: int = 50) -> SearchFigures:
    """Figures of a period from the store's log: `SearchLog.queries` and `SearchLog.responses` of the same bounds.

    Searches that only an import tells of are left out: nobody knows what they found. Spellings that differ in letter
    case or spaces are one query.
    """
    tallies = _count(counts)
    _respond(tallies, responses)
    figures = [_figures(one) for one in tallies.values()]
    searches = sum(one.searches for one in figures)
    positions = [place for one in tallies.values() for place in one.positions]
    ignored = [one for one in figures if not one.clicked and one.searches - one.empty >= LEAST_SEARCHES]
    return SearchFigures(
        searches=searches,
        queries=len(figures),
        empty_share=sum(one.empty for one in figures) / searches if searches else 0.0,
        ctr=sum(one.clicked for one in figures) / searches if searches else 0.0,
        position=fmean(positions) if positions else None,
        carts=sum(one.carts for one in figures),
        purchases=sum(one.purchases for one in figures),
        top=_most(figures, n, lambda one: one.searches),
        without_results=_most([one for one in figures if one.empty], n, lambda one: one.empty),
        without_clicks=_most(ignored, n, lambda one: one.searches),
    )


def _count(counts: Iterable[QueryCount]) -> dict[str, _Tally]:
    tallies: dict[str, _Tally] = {}
    for one in counts:
        form = query_form(one.query)
        if one.empty is None or not form:
            continue
        if form not in tallies and len(tallies) >= MOST_QUERIES:
            continue  # most askers come first, so that what is left out was asked by hardly anybody
        tally = tallies.setdefault(form, _Tally())
        if one.searches > tally.typed:
            tally.query, tally.typed = one.query, one.searches
        tally.searches += one.searches
        tally.askers += one.askers
        tally.empty += one.empty
    return tallies


def _respond(tallies: dict[str, _Tally], responses: Iterable[SearchResponse]) -> None:
    for one in responses:
        tally = tallies.get(query_form(one.query))
        if tally is None:
            continue
        if one.event_type in TAKES:
            tally.clicked.add(one.impression_id)
            tally.clicks += 1
            if one.position is not None:
                tally.positions.append(one.position)
        tally.carts += one.event_type is EventType.CART
        tally.purchases += one.event_type is EventType.PURCHASE


def _figures(tally: _Tally) -> QueryFigures:
    return QueryFigures(
        query=tally.query,
        searches=tally.searches,
        askers=tally.askers,
        empty=tally.empty,
        clicked=min(len(tally.clicked), tally.searches),  # further pages have impressions of their own
        clicks=tally.clicks,
        position=fmean(tally.positions) if tally.positions else None,
        carts=tally.carts,
        purchases=tally.purchases,
    )


def _most(figures: Iterable[QueryFigures], n: int, by: Callable[[QueryFigures], int]) -> tuple[QueryFigures, ...]:
    """The n largest; of equals by name, so that the same log gives the same list."""
    return tuple(heapq.nsmallest(n, figures, key=lambda one: (-by(one), one.query)))
