"""Laws of what looks at a list as a whole: fused places, limits, bands, wishes as JSON."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shoplens.recommend.filters import parse_filter
from shoplens.recommend.limits import inside, limited
from shoplens.recommend.mixing import mix
from shoplens.recommend.past import Past
from shoplens.recommend.rules import Boost, Cap, Margin, Wish
from shoplens.recommend.shelf import Shelf
from shoplens.recommend.sources import SOURCES, Ground, Rows
from shoplens.recommend.wish_json import parse_wish, wish_json
from shoplens.testing.served_shop import open_tiny_shop


def proposing(rows: Rows) -> Callable[[Ground], Rows]:
    return lambda _: rows


TEA = parse_filter({"field": "category", "eq": "shop > tea"})


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    with open_tiny_shop(tmp_path_factory.mktemp("shop")) as shop:
        return shop.shelf


@settings(deadline=None, max_examples=40)
@given(st.permutations(range(1, 81)), st.integers(1, 5) | st.none(), st.integers(1, 5) | st.none())
def test_limits_hold_and_leave_nothing_out_without_need(
    shelf: Shelf, order: list[int], per_brand: int | None, per_category: int | None
) -> None:
    rows = np.array(order)
    kept = limited(shelf, rows, Wish(per_brand=per_brand, per_category=per_category))
    columns = shelf.facts.columns
    assert (np.diff(kept) > 0).all()
    for column, most in ((columns.brand, per_brand), (columns.category, per_category)):
        counts = np.bincount(column[rows[kept]])
        assert most is None or counts.max() <= most
    left = np.setdiff1d(np.arange(len(rows)), kept)
    for position in left.tolist():
        above = rows[kept[kept < position]]
        full = [
            most is not None and (column[above] == column[rows[position]]).sum() >= most
            for column, most in ((columns.brand, per_brand), (columns.category, per_category))
        ]
        assert any(full)


@settings(deadline=None, max_examples=40)
@given(st.permutations(range(1, 81)), st.integers(0, 20), st.integers(1, 5))
def test_what_stands_before_counts_as_if_it_were_in_the_list(
    shelf: Shelf, order: list[int], split: int, most: int
) -> None:
    wish = Wish(per_brand=most, per_category=most + 1)
    rows = np.array(order)
    above = rows[:split][limited(shelf, rows[:split], wish)]
    whole = np.concatenate([above, rows[split:]])
    below = replace(wish, before=tuple(shelf.facts.ids[row] for row in above.tolist()))
    kept = np.concatenate([np.arange(len(above)), len(above) + limited(shelf, rows[split:], below)])
    assert limited(shelf, whole, wish).tolist() == kept.tolist()


@settings(deadline=None, max_examples=30)
@given(st.lists(st.floats(0.1, 5), min_size=2, max_size=4), st.integers(0, 2**31))
def test_fused_places(shelf: Shelf, weights: list[float], seed: int) -> None:
    random = np.random.default_rng(seed)
    lists = [random.permutation(np.arange(1, 30))[: int(random.integers(1, 29))] for _ in weights]
    names = list(SOURCES)[: len(weights)]
    wish = Wish(sources=tuple(zip(names, weights, strict=True)))
    everything = np.ones(len(shelf.facts), np.bool_)
    ground = Ground(shelf, Past(), wish, everything, everything, 100)
    with pytest.MonkeyPatch.context() as patch:
        for name, rows in zip(names, lists, strict=True):
            patch.setitem(cast(dict[str, Any], SOURCES), name, proposing(rows))
        mixed = mix(ground)
    assert set(mixed.rows.tolist()) == {int(row) for rows in lists for row in rows}
    assert (np.diff(mixed.scores) <= 0).all()
    assert 0 < mixed.scores.min() <= mixed.scores.max() <= 1 + 1e-6
    for row, score in zip(mixed.rows.tolist(), mixed.scores.tolist(), strict=True):
        places = [(w, rows.tolist().index(row)) for w, rows in zip(weights, lists, strict=True) if row in rows]
        assert score == pytest.approx(sum(w * 61 / (61 + place) for w, place in places) / sum(weights), rel=1e-5)


def test_a_wish_comes_back_as_it_was() -> None:
    wish = Wish(
        n=7,
        scenario="email",
        sources=(("model", 1.0), ("new", 0.5)),
        viewing="p1",
        cart=("p2",),
        filter=TEA,
        boost=(Boost(TEA, 0.5),),
        diversity=0.1,
        exploration=0.2,
        freshness=0.3,
        margin=Margin("margin", 0.1),
        pin=("p9",),
        per_brand=1,
        per_category=2,
        price_band=(0.5, 2.0),
        cap=Cap(1, 7.0),
        shown=("p3",),
        before=("p5",),
        exclude=("p4",),
        repeat=True,
    )
    kept = wish_json(wish)
    assert kept is not None
    assert parse_wish(kept) == wish
    assert wish_json(Wish()) == {}
    assert wish_json(Wish(exclude=tuple(map(str, range(5_000))))) is None


def test_unknown_prices_are_in_no_band() -> None:
    assert inside(np.array([1.0, np.nan, 3.0]), (1.0, 2.0)).tolist() == [True, False, False]


def test_sources_are_in_the_documents() -> None:
    page = (Path(__file__).parents[2] / "docs" / "live.md").read_text(encoding="utf-8")
    for name in SOURCES:
        assert f"| `{name}` |" in page
