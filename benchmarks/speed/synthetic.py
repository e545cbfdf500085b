"""Made-up purchases with a planted signal, for benchmarks that are given no data. Nothing here came from a shop."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from shoplens.domain.dataset import Interactions
from shoplens.domain.vocabulary import Vocabulary

GROUPS = 50  # planted tastes
OWN = 3  # tastes of one person
DRAWS = 12
DAY = 86_400_000_000  # microseconds


def purchases(people: int, products: int, each: int, seed: int) -> Interactions:
    """`each` purchases a person on average: popularity ~ 1 / rank^0.9, two in three from the person's own groups."""
    rng = np.random.default_rng(seed)
    number = np.clip(rng.lognormal(np.log(each), 0.6, people), 5, 1_000).astype(np.int64)
    user = np.repeat(np.arange(people), number)
    item = _tasteful(user, _tastes(people, rng), products, rng)
    return _interactions(user, item, people, products, np.arange(len(user), dtype=np.int64), timed=False)


def distinct_purchases(people: int, products: int, total: int, seed: int) -> Interactions:
    """About `total` purchases: nobody buys anything twice, activity is log-normal with some 20 at least, moments fill a
    year. 6,000 people, 3,700 products and a million have the shape of MovieLens-1M."""
    rng = np.random.default_rng(seed)
    share, tastes = rng.lognormal(0, 1.0, people), _tastes(people, rng)
    pair = np.zeros(0, np.int64)
    for _ in range(DRAWS):
        missing = total - len(pair)
        if missing <= 0:
            break
        # Draws that repeat do not count, and active people repeat themselves most.
        number = np.ceil(missing * share / share.sum()).astype(np.int64)
        user = np.repeat(np.arange(people), np.maximum(number, 20 if not len(pair) else 0))
        pair = np.union1d(pair, user * products + _tasteful(user, tastes, products, rng))
    pair = np.sort(rng.choice(pair, min(total, len(pair)), replace=False))
    moment = rng.integers(0, 365, len(pair)) * DAY + 20_000 * DAY + np.arange(len(pair))
    return _interactions(pair // products, pair % products, people, products, moment, timed=True)


def sequences(people: int, products: int, each: float, seed: int) -> Interactions:
    """Short histories in the order they happened, at least five purchases each (22,000 people, 12,000 products and 8.9
    a person have the shape of Amazon Beauty): the next product is often of the same taste as the one before."""
    rng = np.random.default_rng(seed)
    number = np.minimum(5 + rng.geometric(1 / max(1.0, each - 4), people) - 1, 200)
    user = np.repeat(np.arange(people), number)
    item = _tasteful(user, _tastes(people, rng), products, rng)
    return _interactions(user, item, people, products, np.arange(len(user), dtype=np.int64), timed=False)


def _tastes(people: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    return rng.integers(0, GROUPS, (people, OWN))


def _tasteful(
    user: npt.NDArray[np.int64], tastes: npt.NDArray[np.int64], products: int, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """A product for each entry of `user`, [len(user)]; `tastes` are the groups of each person, [people, OWN]."""
    weight = 1 / np.arange(1, products + 1) ** 0.9
    drawn = rng.choice(products, len(user), p=weight / weight.sum())
    own = tastes[user, rng.integers(0, OWN, len(user))]
    planted = np.minimum(drawn // GROUPS * GROUPS + own, products - 1)
    return np.where(rng.random(len(user)) < 2 / 3, planted, drawn)


def _interactions(
    user: npt.NDArray[np.int64],
    item: npt.NDArray[np.int64],
    people: int,
    products: int,
    moment: npt.NDArray[np.int64],
    *,
    timed: bool,
) -> Interactions:
    return Interactions(
        Vocabulary(map(str, range(people))),
        Vocabulary(map(str, range(products))),
        user.astype(np.int32),
        item.astype(np.int32),
        np.ones(len(user), np.float32),
        moment,
        timed,
    )
