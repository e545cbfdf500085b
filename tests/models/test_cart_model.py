"""The cart's model: what it counts, and the laws that hold for every cart."""

from pathlib import Path
from random import Random

import numpy as np
import pytest
from cart_cases import BREAD, BUTTER, DAY, JAM, MILK, RARE, SOAP, SPONGE, baskets, model
from hypothesis import given, settings
from hypothesis import strategies as st

from shoplens.errors import BundleError
from shoplens.models.cart import Asked, Baskets, CartModel, sets
from shoplens.models.cart.habits import Habits
from shoplens.models.cart.repeats import repeat_rates
from shoplens.models.cart.settings import SITUATIONS, SOURCES

MODEL = model()

KINDLY = ("kind_often", "kind_lately")


def asked(items: list[int], bought: list[tuple[int, float]] | None = None) -> Asked:
    habits = MODEL.habits(
        np.array([item for item, _ in bought or []], np.int64), np.array([age for _, age in bought or []], np.float32)
    )
    return Asked(np.array(sorted(items), np.int64), np.ones(len(items), np.float32), habits)


def best(one: Asked, n: int = 1) -> list[int]:
    scores = MODEL.score(one).total.copy()
    scores[one.items] = -np.inf
    return [int(row) for row in np.argsort(-scores, kind="stable")[:n]]


def test_purchases_close_together_are_one_basket_and_a_product_is_in_it_once() -> None:
    minute = 60_000_000
    found = Baskets.of(
        np.array([1, 1, 1, 1, 2], np.int32),
        np.array([3, 4, 3, 4, 3], np.int32),
        np.array([0, minute, 2 * minute, DAY, 0]),
        5,
    )
    assert len(found) == 3
    assert found.sizes.sum() == 4  # 3 and 4 at once, 4 a day later, 3 by another person
    assert (np.diff(found.time) >= 0).all()


def test_the_partner_of_a_product_comes_first() -> None:
    assert best(asked([BREAD])) == [BUTTER]
    assert best(asked([SOAP])) == [SPONGE]
    assert best(asked([BREAD, BUTTER])) == [JAM]


def test_pairs_are_counted_with_the_age_of_their_baskets() -> None:
    some = baskets()
    weight = np.exp2(-some.age_days / 120.0)
    both = np.array([{BREAD, BUTTER} <= set(some.item[some.indptr[b] : some.indptr[b + 1]]) for b in range(len(some))])
    assert MODEL.together.pairs[BREAD, BUTTER] == pytest.approx(weight[both].sum(), rel=1e-4)
    assert MODEL.together.pairs[BREAD, BREAD] == 0
    assert abs(MODEL.together.pairs - MODEL.together.pairs.T).max() < 1e-4


def test_what_is_bought_every_week_is_due_after_a_week() -> None:
    weekly = [(MILK, 7.0 * week) for week in range(1, 5)]
    habits = MODEL.habits(np.array([MILK] * 4), np.array([age for _, age in weekly], np.float32))
    assert habits.times.tolist() == [4]
    assert habits.rhythm_days[0] == pytest.approx(7.0)
    just = MODEL.habits(np.array([MILK] * 4), np.array([0.5, 7.5, 14.5, 21.5], np.float32))
    assert habits.due()[0] > 0.9
    assert just.due()[0] < 0.3
    assert best(asked([], weekly)) == [MILK]
    assert len(Habits.of(np.zeros(0, np.int64), np.zeros(0, np.float32))) == 0


def test_what_people_buy_again_is_kept() -> None:
    rows = [(person, 0, day * DAY) for person in range(30) for day in (0, 9)]  # everybody twice
    rows += [(person, 1, 0) for person in range(30)]  # everybody once
    user, item, time = (np.array(column) for column in zip(*rows, strict=True))
    some = Baskets.of(user.astype(np.int32), item.astype(np.int32), time, 3)
    often, once, never = repeat_rates(some, np.zeros(3, np.int32))
    assert 1 >= often > never > once >= 0  # what nobody bought is thought of like the shop


def test_sets_are_counted_basket_by_basket() -> None:
    everything = np.ones(7, np.bool_)
    everything[BREAD] = False
    (three,) = MODEL.sets(np.array([BREAD]), everything, 3)
    assert (three.anchor, set(three.others), three.support) == (BREAD, {BUTTER, JAM}, 20)
    count = 70  # baskets of several products
    assert three.lift == pytest.approx(20 * count * count / (40 * 40 * 20))
    everything[JAM] = False
    (two,) = MODEL.sets(np.array([BREAD]), everything, 3)
    assert (two.others, two.support) == ((BUTTER,), 40)
    assert MODEL.sets(np.array([RARE]), everything, 3) == []
    assert MODEL.sets(np.array([BREAD]), everything, 0) == []


def test_sets_are_counted_in_one_window_for_all_products(monkeypatch: pytest.MonkeyPatch) -> None:
    """What everybody buys and what few buy are counted in the same baskets, or lifts would be too high."""
    everything = np.ones(7, np.bool_)
    everything[[BREAD, JAM]] = False
    (whole,) = MODEL.sets(np.array([BREAD]), everything, 3)
    monkeypatch.setattr(sets, "WINDOW", 35)
    (latest,) = MODEL.sets(np.array([BREAD]), everything, 3)
    some = baskets()
    several = np.flatnonzero(some.sizes > 1)[-35:]
    held = [set(some.item[some.indptr[b] : some.indptr[b + 1]].tolist()) for b in several]
    assert latest.support == sum({BREAD, BUTTER} <= one for one in held) < whole.support
    assert latest.lift == pytest.approx(
        latest.support * 35 / (sum(BREAD in one for one in held) * sum(BUTTER in one for one in held))
    )


items = st.lists(st.integers(0, 6), max_size=7, unique=True)
bought = st.lists(st.tuples(st.integers(0, 6), st.floats(0, 400, width=32)), max_size=30)


@settings(max_examples=60, deadline=None)
@given(items, bought, st.randoms(use_true_random=False))
def test_every_answer_is_finite_whole_and_the_same_in_any_order(
    cart: list[int], past: list[tuple[int, float]], chance: Random
) -> None:
    one = MODEL.score(asked(cart, past))
    assert one.total.shape == (7,)
    assert np.isfinite(one.total).all()
    assert not set(one.rows.tolist()) & set(cart)
    assert set(one.parts) <= set(SOURCES)
    chance.shuffle(cart)
    chance.shuffle(past)
    again = MODEL.score(asked(cart, past))
    np.testing.assert_array_equal(one.total, again.total)
    for row in range(7):
        parts = one.parts_of(row)
        assert list(parts.values()) == sorted(parts.values(), reverse=True)
        assert one.voices(np.array([row])) == pytest.approx(parts)
    together = one.voices(np.arange(7))
    assert sum(together.values()) == pytest.approx(sum(sum(one.parts_of(row).values()) for row in range(7)), rel=1e-5)


def test_a_saved_model_answers_the_same(tmp_path: Path) -> None:
    MODEL.save(tmp_path)
    loaded = CartModel.load(tmp_path)
    one = asked([BREAD, SOAP], [(MILK, 7.0), (MILK, 14.0), (MILK, 21.0)])
    np.testing.assert_array_equal(MODEL.score(one).total, loaded.score(one).total)
    assert loaded.sets(one.items, np.ones(7, np.bool_), 3) == MODEL.sets(one.items, np.ones(7, np.bool_), 3)
    assert set(loaded.settings.weights) == set(SITUATIONS)


def test_a_model_with_one_kind_of_popularity_still_answers(tmp_path: Path) -> None:
    """Bundles of before know what sells lately, and their weights nothing else."""
    MODEL.save(tmp_path)
    np.save(tmp_path / "popular.npy", MODEL.popular)
    one = asked([BREAD], [(MILK, 7.0), (MILK, 14.0)])
    np.testing.assert_array_equal(CartModel.load(tmp_path).score(one).total, MODEL.score(one).total)


def test_a_model_that_knows_no_returns_still_answers(tmp_path: Path) -> None:
    """Bundles of before know who keeps to a product, and not when they come back nor what is bought alone."""
    MODEL.save(tmp_path)
    for name in ("portion.npy", "returns.npy", "returns-factor.npy"):
        (tmp_path / name).unlink()
    one = asked([BREAD], [(MILK, 7.0), (MILK, 14.0)])
    np.testing.assert_array_equal(CartModel.load(tmp_path).score(one).total, MODEL.score(one).total)


def test_what_a_shelf_is_asked_for_is_felt_by_its_kind() -> None:
    """Whoever buys butter often, and not this week, buys of butter's kind: jam is of it."""
    signals = MODEL.signals(asked([], [(BUTTER, 7.0), (BUTTER, 14.0), (MILK, 1.0)]))
    felt = {name: dict(zip(signals.rows.tolist(), signals.values[name].tolist(), strict=True)) for name in KINDLY}
    assert felt["kind_often"][JAM] == felt["kind_often"][BUTTER] > felt["kind_often"][SOAP] == 0
    assert felt["kind_lately"][MILK] > felt["kind_lately"][JAM] > felt["kind_lately"][SOAP] == 0


@pytest.mark.parametrize(
    "name",
    [
        "config.json",
        "kept.npy",
        "portion.npy",
        "returns.npy",
        "returns-factor.npy",
        "pairs-data.npy",
        "baskets-held.npy",
        "goes-indptr.npy",
    ],
)
@pytest.mark.parametrize("how", ["gone", "cut", "other"])
def test_a_damaged_model_is_refused(tmp_path: Path, name: str, how: str) -> None:
    MODEL.save(tmp_path)
    file = tmp_path / name
    if how == "gone":
        file.unlink()
    elif how == "cut":
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    else:
        file.write_bytes(b'{"weights": 1}' if name.endswith("json") else b"nothing")
    with pytest.raises(BundleError, match="train again"):
        CartModel.load(tmp_path)


def test_a_shop_without_baskets_or_kinds_has_a_model_that_is_silent() -> None:
    nothing = np.zeros(0, np.int32)
    empty = CartModel.fit(Baskets.of(nothing, nothing, nothing.astype(np.int64), 3))
    scores = empty.score(Asked(np.array([1]), np.ones(1, np.float32))).total
    assert scores.tolist() == [0, 0, 0]
    single = Baskets.of(np.array([1], np.int32), np.array([2], np.int32), np.array([5]), 3)
    assert CartModel.fit(single).score(Asked(np.array([2]), np.ones(1, np.float32))).total.argmax() == 2
