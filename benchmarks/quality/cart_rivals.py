"""What the cart is judged beside: best sellers, a person's own best, item-knn and TIFU-KNN; validation chooses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from benchmarks.quality.tifu_knn import Settings, TifuKnn, person_vector
from shoplens.domain.dataset import Histories, Interactions, TrainingData
from shoplens.domain.events import MICROSECONDS_PER_DAY
from shoplens.domain.vocabulary import Vocabulary
from shoplens.learning.cart import Purchases, Question
from shoplens.models.cart import Baskets
from shoplens.models.item_knn import ItemKNN
from shoplens.models.popularity import Popularity

Scores = npt.NDArray[np.float32]
Ask = Callable[[Question], Scores]  # → scores of the catalogue

HALF_LIVES = (7.0, 14.0, 30.0, 90.0, None)  # days, of best sellers
TIFU = (
    Settings(),
    Settings(own=0.9),
    Settings(groups=3),
    Settings(groups=20, between=0.9),
    Settings(groups=20, between=0.95, within=0.95),
    Settings(neighbours=100),
    Settings(neighbours=900),
)


@dataclass(frozen=True, slots=True)
class Rival:
    """One method with one setting."""

    name: str
    setting: str
    ask: Ask


class Rivals:
    """Everything fitted on `fitted` (baskets before the period that is asked about); `all_baskets` holds what each
    person bought before a question's basket."""

    def __init__(self, fitted: Baskets, all_baskets: Baskets) -> None:
        self.fitted, self.baskets = fitted, all_baskets
        self.purchases = Purchases(all_baskets)
        self.data = TrainingData(_interactions(fitted))
        self._mine: dict[int, list[npt.NDArray[np.int32]]] = {}
        self._knn: ItemKNN | None = None

    def popular(self, half_life: float | None) -> Rival:
        """Best sellers, fresher sales counting more."""
        nothing = np.zeros(0, np.float32)
        model = Popularity(half_life_days=half_life).fit(self.data)
        scores = model.score(Histories.of_one(np.zeros(0, np.int32), nothing, nothing))[0]
        return Rival("top popular", f"half-life {half_life}", lambda _: scores)

    def personal(self) -> Rival:
        """In how many baskets this person had each product; among equals what sells best."""
        nothing = np.zeros(0, np.float32)
        popular = Popularity().fit(self.data).score(Histories.of_one(np.zeros(0, np.int32), nothing, nothing))[0]
        breaks = 1e-3 * popular / max(float(popular.max()), 1e-9)

        def ask(question: Question) -> Scores:
            some = self.baskets.take(self.purchases.baskets_before(question.basket))
            counted: Scores = np.bincount(some.item, minlength=self.baskets.n_items).astype(np.float32) + breaks
            return counted

        return Rival("personal top", "baskets", ask)

    def item_knn(self, *, person: bool, half_life: float | None = None) -> Rival:
        """The shop's item-knn over people, given the cart, or the cart and all that the person bought."""
        if self._knn is None:
            self._knn = ItemKNN().fit(self.data)
        model = self._knn

        def ask(question: Question) -> Scores:
            rows, ages = question.cart, np.zeros(len(question.cart), np.float32)
            if person:
                bought, age = self.purchases.before(question.basket)
                rows, ages = np.concatenate([bought, rows]), np.concatenate([age, ages])
            weight = np.exp2(-ages / half_life) if half_life else np.ones(len(rows))
            history = Histories.of_one(rows.astype(np.int32), weight.astype(np.float32), ages)
            scores: Scores = model.score(history)[0]
            return scores

        return Rival("item-knn", f"{'person and cart' if person else 'cart'}, half-life {half_life}", ask)

    def tifu(self, settings: Settings) -> Rival:
        """TIFU-KNN: the person's baskets up to this one; the cart is no basket yet."""
        owners: dict[int, list[npt.NDArray[np.int32]]] = {}
        for number, user in enumerate(self.fitted.user.tolist()):
            owners.setdefault(user, []).append(items_of(self.fitted, number))
        people: Any = sp.vstack(
            [person_vector(mine, self.fitted.n_items, settings) for mine in owners.values()], format="csr"
        )
        model = TifuKnn(people, settings)

        def ask(question: Question) -> Scores:
            return model.scores([items_of(self.baskets, k) for k in self.purchases.baskets_before(question.basket)])

        return Rival("TIFU-KNN", str(settings), ask)

    def all(self, *, cart: bool) -> list[list[Rival]]:
        """Of each method the settings among which validation chooses."""
        knn = [self.item_knn(person=True), self.item_knn(person=True, half_life=30.0)]
        return [
            [self.popular(half_life) for half_life in HALF_LIVES],
            [self.personal()],
            [*([self.item_knn(person=False)] if cart else []), *knn],
            [self.tifu(settings) for settings in TIFU],
        ]


def items_of(baskets: Baskets, number: int) -> npt.NDArray[np.int32]:
    """Products of one basket."""
    return baskets.item[baskets.indptr[number] : baskets.indptr[number + 1]]


def hits_of(ask: Ask, questions: Sequence[Question], k: int) -> npt.NDArray[np.bool_]:
    """Whether each of the k best is wanted; what is in the cart is never among them. [n_questions, k]"""
    hits = np.zeros((len(questions), k), np.bool_)
    for place, question in enumerate(questions):
        scores = ask(question).copy()
        scores[question.cart] = -np.inf
        top = np.argpartition(-scores, k - 1)[:k]
        top = top[np.argsort(-scores[top], kind="stable")]
        hits[place] = np.isin(top, question.wanted)
    return hits


def _interactions(baskets: Baskets) -> Interactions:
    """One entry a product of a basket."""
    owner = np.repeat(baskets.user, baskets.sizes)
    return Interactions(
        Vocabulary(str(k) for k in range(int(baskets.user.max(initial=-1)) + 1)),
        Vocabulary(str(k) for k in range(baskets.n_items)),
        owner.astype(np.int32),
        baskets.item.astype(np.int32),
        np.ones(len(owner), np.float32),
        np.repeat(baskets.time, baskets.sizes),
        timed=bool(len(baskets)) and int(baskets.time[-1] - baskets.time[0]) > MICROSECONDS_PER_DAY,
    )
