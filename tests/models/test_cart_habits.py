"""What habits are read from: sizes and moments of baskets, and when people come back for a product."""

from __future__ import annotations

import numpy as np
import pytest
from cart_cases import DAY
from hypothesis import given, settings
from hypothesis import strategies as st

from shoplens.models.cart import Baskets
from shoplens.models.cart.habits import Habits
from shoplens.models.cart.repeats import portions
from shoplens.models.cart.returns import SPANS, Returns, span_of

MILK, BREAD, FUEL, PAN = range(4)


def habits(bought: list[tuple[int, float]]) -> Habits:
    return Habits.of(np.array([item for item, _ in bought], np.int64), np.array([age for _, age in bought], np.float32))


def logged(rows: list[tuple[int, int, float]], n_items: int = 4) -> Baskets:
    """From (person, product, day)."""
    user, item, day = (np.array(column) for column in zip(*rows, strict=True))
    return Baskets.of(user.astype(np.int32), item.astype(np.int32), (day * DAY).astype(np.int64), n_items)


def test_what_is_bought_alone_has_the_whole_basket() -> None:
    milk, bread, fuel = range(3)
    of = habits([(milk, 3.0), (bread, 3.0), (fuel, 10.0)])
    assert of.portion[milk] == pytest.approx(of.portion[bread]) == pytest.approx(of.often[milk] / 2)
    assert of.portion[fuel] == pytest.approx(of.often[fuel])
    assert of.portion.sum() == pytest.approx(1.0)


def test_baskets_like_this_moment_say_more() -> None:
    """Milk at this hour of this weekday, after as long a pause as now; bread at another hour and day, right after."""
    of = habits([(MILK, 7.0), (BREAD, 10.3), (MILK, 14.0), (BREAD, 17.3)])
    for share in (of.hour, of.weekday):
        assert share[MILK] / of.often[MILK] > 2 * share[BREAD] / of.often[BREAD]
    regular = habits([(MILK, 5.0), (BREAD, 10.0), (MILK, 10.2), (BREAD, 15.2)])  # each milk five days after a bread …
    assert regular.pause[0] / regular.often[0] > 2 * regular.pause[1] / regular.often[1]  # … and it is five days again


def test_products_that_people_come_for_alone_are_known() -> None:
    rows = [(person, FUEL, 0.0) for person in range(40)]
    rows += [(person, item, 5.0) for person in range(40) for item in (MILK, BREAD)]
    portion = portions(logged(rows))
    assert portion[FUEL] > portion[MILK] == portion[BREAD]
    assert portion[FUEL] > portion[PAN] > portion[MILK]  # what nobody bought is thought of like the shop


def test_people_come_back_for_milk_after_a_week() -> None:
    rows = [(person, MILK, 7.0 * week) for person in range(50) for week in range(6)]
    rows += [(person, PAN, 0.0) for person in range(50)]
    rows += [(person, BREAD, 7.0 * week) for person in range(8) for week in range(0, 6, 5)]
    kind = np.array([1, 1, 0, 2], np.int32)
    returns = Returns.fit(logged(rows), kind)

    def at(item: int, days: float) -> float:
        return float(returns.of(np.array([item]), kind, np.array([days]))[0])

    assert at(MILK, 7.2) > 0.5 > at(MILK, 3.0)
    assert at(MILK, 7.2) > 10 * at(PAN, 7.2)
    assert returns.factor[MILK] > 1 > returns.factor[BREAD]  # of one kind, and bread is bought again more rarely


people = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3), st.floats(0, 300)), min_size=1, max_size=40)


@settings(max_examples=40, deadline=None)
@given(people, st.floats(0, 1e4))
def test_chances_are_chances(rows: list[tuple[int, int, float]], days: float) -> None:
    kind = np.array([0, 1, 1, 2], np.int32)
    some = logged(rows)
    returns = Returns.fit(some, kind)
    assert returns.chance.shape == (3, len(SPANS))
    assert ((returns.chance > 0) & (returns.chance <= 1)).all()
    assert np.isfinite(returns.factor).all()
    assert (returns.factor > 0).all()
    assert 0 <= span_of(np.array([days]))[0] < len(SPANS)
    assert ((portions(some) > 0) & (portions(some) <= 1)).all()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.floats(0, 400, width=32)), min_size=1, max_size=30))
def test_habits_are_shares(bought: list[tuple[int, float]]) -> None:
    of = habits(bought)
    assert of.portion.sum() == pytest.approx(1.0, abs=1e-4)
    for share in (of.often, of.lately, of.ever, of.portion, of.hour, of.weekday, of.pause):
        assert ((share >= 0) & (share <= 1 + 1e-6)).all()
    assert (of.portion <= of.often + 1e-6).all()
