"""TIFU-KNN, the published method for a person's next basket, as a yardstick.

Hu, He, Gao and Zhang, Modeling Personalized Item Frequency Information for Next-basket Recommendation, SIGIR 2020. A
person's baskets are cut into groups; within a group older baskets fade by `within`, and older groups by `between`; the
prediction mixes the person's own vector with the mean of the nearest people's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

Basket = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Settings:
    """In the paper: m, r_b, r_g, k, alpha. Defaults: the paper's for Instacart-like data."""

    groups: int = 7
    within: float = 0.9
    between: float = 0.7
    neighbours: int = 300
    own: float = 0.7  # alpha: share of the person's own vector


def person_vector(baskets: Sequence[Basket], n_items: int, settings: Settings) -> Any:
    """CSR float32 [1, n_items] of somebody's baskets, oldest first. Where there are fewer baskets than groups each is
    a group; the first groups are the smaller ones."""
    count = len(baskets)
    groups = max(1, min(settings.groups, count))
    edges = np.floor(np.arange(groups + 1) * count / groups).astype(int)
    rows: list[Basket] = []
    values: list[npt.NDArray[np.float32]] = []
    for group in range(groups):
        size = int(edges[group + 1] - edges[group])
        for place in range(size):
            basket = baskets[edges[group] + place]
            value = settings.within ** (size - 1 - place) / size * settings.between ** (groups - 1 - group) / groups
            rows.append(basket)
            values.append(np.full(len(basket), value, np.float32))
    if not rows:
        return sp.csr_matrix((1, n_items), dtype=np.float32)
    items = np.concatenate(rows)
    vector = sp.csr_matrix((np.concatenate(values), items, [0, len(items)]), shape=(1, n_items))
    vector.sum_duplicates()
    return vector


class TifuKnn:
    """People of the training part, among whom neighbours are looked for."""

    def __init__(self, people: Any, settings: Settings) -> None:
        self.people = people  # CSR [n_people, n_items]
        self.settings = settings
        self._squared = np.asarray(people.multiply(people).sum(axis=1)).ravel()

    def scores(self, baskets: Sequence[Basket]) -> npt.NDArray[np.float32]:
        """Of all products, for somebody with these baskets. [n_items]"""
        mine = person_vector(baskets, self.people.shape[1], self.settings)
        distance = self._squared - 2.0 * (self.people @ mine.T).toarray().ravel()  # Euclidean, but for a constant
        k = min(self.settings.neighbours, len(distance))
        nearest = np.argpartition(distance, k - 1)[:k]
        others = np.asarray(self.people[nearest].mean(axis=0), np.float32).ravel()
        result: npt.NDArray[np.float32] = (1 - self.settings.own) * others
        result[mine.indices] += np.float32(self.settings.own) * mine.data
        return result
