"""Weights of the cart: chosen on later baskets, kept only where they are clearly better, never with a look ahead."""

import numpy as np

from shoplens.domain.events import MICROSECONDS_PER_DAY
from shoplens.learning.cart import (
    Pool,
    Purchases,
    any_baskets,
    choose_weights,
    leave_one_out,
    listwise,
    next_baskets,
    weigh,
)
from shoplens.models.cart import Baskets, CartModel
from shoplens.models.cart.settings import SITUATIONS, SOURCE_OF, USUAL
from shoplens.testing.large_shop import DAYS, START, LargeShop

NAMES = list(SOURCE_OF)
SHOP = LargeShop(products=300, people=200)
KIND = (SHOP.shelf + 1).astype(np.int32)
LATER = START + (DAYS - 60) * MICROSECONDS_PER_DAY


def baskets() -> Baskets:
    """Two hundred people, some of whom come twice."""
    some = SHOP.baskets()
    return Baskets(some.indptr, some.item, some.time, some.user % 120, some.n_items)


def pool(told: str, misled: str, questions: int = 400) -> Pool:
    """Questions in which one signal tells what is wanted and another misleads."""
    random = np.random.default_rng(0)
    values = np.zeros((len(NAMES), questions, 20), np.float32)
    values[NAMES.index(misled)] = random.random((questions, 20))
    hit = np.zeros((questions, 20), np.bool_)
    hit[np.arange(questions), random.integers(0, 20, questions)] = True
    values[NAMES.index(told)][hit] = 0.5
    return Pool(values, np.ones_like(hit), hit, np.ones(questions, np.int64))


def test_the_signal_that_tells_gets_the_weight() -> None:
    weights, told = weigh(pool("cosine", "nearest"), {"nearest": 1.0, "cosine": 0.1})
    assert told["chosen"]
    assert told["cross-fitted"] > 0.95 > told["usual"]
    assert weights["cosine"] > 2 * weights["nearest"]


def test_luck_changes_nothing() -> None:
    noise = pool("cosine", "nearest")
    noise.values[:] = np.random.default_rng(1).random(noise.values.shape)
    usual = {"cosine": 1.0}
    assert listwise(noise) != {name: usual.get(name, 0.0) for name in NAMES}
    weights, told = weigh(noise, usual)
    assert not told["chosen"]
    assert weights == {name: usual.get(name, 0.0) for name in NAMES}


def test_questions_are_of_later_baskets_and_know_nothing_later() -> None:
    some = baskets()
    later = np.flatnonzero(some.time >= LATER)
    purchases = Purchases(some)
    for one in leave_one_out(some, later):
        whole = set(some.item[some.indptr[one.basket] : some.indptr[one.basket + 1]].tolist())
        assert {*one.cart.tolist(), *one.wanted.tolist()} == whole
        assert len(one.wanted) == 1
        _, age = purchases.before(one.basket)
        assert (age > 0).all()
        owners = some.user[purchases.baskets_before(one.basket)]
        assert set(owners.tolist()) <= {int(some.user[one.basket])}
    following = next_baskets(some, later)
    assert len({int(some.user[one.basket]) for one in following}) == len(following)
    assert all(some.time[one.basket] >= LATER and not len(one.cart) for one in following)


def test_a_person_is_judged_by_what_others_chose() -> None:
    """One person who asks many times is one witness: what only they would want is not chosen."""
    noise = pool("cosine", "nearest", 100)
    noise.values[:] = np.random.default_rng(2).random(noise.values.shape)
    noise.values[NAMES.index("due"), :60][noise.hit[:60]] = 2.0
    people = np.where(np.arange(100) < 60, 0, np.arange(100)).astype(np.int32)
    assert weigh(noise, {"cosine": 1.0})[1]["chosen"]
    assert not weigh(noise, {"cosine": 1.0}, people)[1]["chosen"]


def test_nothing_to_learn_from_gives_no_weight() -> None:
    nothing = pool("cosine", "nearest", 10)
    nothing.hit[:] = False
    assert set(listwise(nothing).values()) == {0.0}


def test_any_basket_can_be_asked() -> None:
    some = baskets()
    later = np.flatnonzero(some.time >= LATER)
    every = any_baskets(some, later)
    assert [one.basket for one in every] == later.tolist()
    assert len(any_baskets(some, later, most=5)) == 5
    for one in every[:20]:
        assert one.wanted.tolist() == some.item[some.indptr[one.basket] : some.indptr[one.basket + 1]].tolist()


def test_few_baskets_keep_the_usual_weights() -> None:
    chosen = choose_weights(baskets(), KIND, days=5)
    for situation in SITUATIONS:
        assert not chosen.figures[situation]["chosen"]
        for name in NAMES:
            assert chosen.weights[situation][name] == USUAL[situation].get(name, 0.0)
    assert CartModel.fit(baskets(), KIND).weighed(chosen.weights).settings.weights == chosen.weights
