from __future__ import annotations

import pytest

from shoplens.apps.search import analytics
from shoplens.apps.search.analytics import analyse
from shoplens.domain.events import EventType
from shoplens.store.records import QueryCount, SearchResponse

COUNTS = [
    QueryCount("tea", 10, 6, 0),
    QueryCount("unicorn", 5, 4, 5),
    QueryCount("cup", 4, 4, 1),
    QueryCount("Tea ", 2, 2, 0),
    QueryCount("rare", 1, 1, 0),
    QueryCount("imported", 50, 50, None),
    QueryCount("  ", 9, 9, 0),
]


def did(
    impression: str, kind: EventType = EventType.CLICK, query: str = "tea", place: int | None = 1
) -> SearchResponse:
    return SearchResponse(impression, query, "item", kind, 0, place)


def test_figures_of_a_period() -> None:
    found = analyse(
        COUNTS,
        [
            did("a", place=1),
            did("a", place=4),
            did("b", EventType.VIEW, "TEA", None),
            did("b", EventType.CART),
            did("b", EventType.PURCHASE),
            did("c", query="never searched for"),
        ],
    )
    assert (found.searches, found.queries) == (22, 4)
    assert found.empty_share == pytest.approx(6 / 22)
    assert found.ctr == pytest.approx(2 / 22)
    assert found.position == 2.5
    assert (found.carts, found.purchases) == (1, 1)
    tea = found.top[0]
    assert (tea.query, tea.searches, tea.askers, tea.clicked, tea.clicks) == ("tea", 12, 8, 2, 3)
    assert tea.ctr == pytest.approx(2 / 12)
    assert tea.position == 2.5
    assert [one.query for one in found.top] == ["tea", "unicorn", "cup", "rare"]
    assert [one.query for one in found.without_results] == ["unicorn", "cup"]
    assert [one.query for one in found.without_clicks] == ["cup"], "one search that nobody clicked says nothing"
    assert found.top[1].position is None


def test_an_empty_period() -> None:
    found = analyse([], [])
    assert (found.searches, found.queries, found.empty_share, found.ctr, found.position) == (0, 0, 0.0, 0.0, None)
    assert found.top == found.without_results == found.without_clicks == ()


def test_lists_and_memory_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(analytics, "MOST_QUERIES", 5)
    found = analyse([QueryCount(f"q{n}", 9 - n, 9 - n, 1) for n in range(9)], [], n=2)
    assert found.queries == 5
    assert [one.query for one in found.top] == ["q0", "q1"]
    assert [one.query for one in found.without_results] == ["q0", "q1"]


def test_further_pages_do_not_make_more_than_all_searches_clicked() -> None:
    found = analyse([QueryCount("tea", 1, 1, 0)], [did("page 1"), did("page 2", place=11)])
    assert found.ctr == 1.0
    assert found.top[0].position == 6
