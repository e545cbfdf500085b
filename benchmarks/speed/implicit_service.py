"""`implicit` as a service (see `peer_service`). Run by `live`.

iALS learns from the same events as Shoplens. A request folds the person's history in as it is now, scores the catalogue
with one product of a matrix and a vector, applies the filter's mask (kept once computed) and takes the best. A cart is
folded in like a history.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np
import scipy.sparse as sp
from implicit.als import AlternatingLeastSquares
from threadpoolctl import threadpool_limits

from benchmarks.speed.implicit_models import KINDS
from benchmarks.speed.peer_service import Facts, History, Mask, histories, serve
from shoplens.domain.events import event_weight
from shoplens.testing.large_shop import LargeShop

FACTORS = 64


class Folding:
    """The model, and everybody's history."""

    def __init__(self, shop: LargeShop) -> None:
        self.histories = histories()
        rows, columns, weights = [], [], []
        for batch in shop.behaviour():
            weight = event_weight(np.array(batch.event_type, np.int16), np.full(len(batch), np.nan, np.float32))
            for user, item, one in zip(batch.user_id, batch.item_id, weight.tolist(), strict=True):
                place = int(str(item)[1:])
                history = self.histories[str(user)]
                history[place] = history.get(place, 0.0) + one
                rows.append(int(str(user)[1:]))
                columns.append(place)
                weights.append(one)
        matrix = sp.csr_matrix((weights, (rows, columns)), (shop.people, shop.products), np.float32)
        with threadpool_limits(1, "blas"):  # as implicit asks for: it runs its own threads
            self.model: AlternatingLeastSquares = KINDS["implicit_ials"](factors=FACTORS, random_state=0)
            self.model.fit(matrix, show_progress=False)
        self.products = shop.products

    def best(self, history: History, n: int, allowed: Mask | None) -> list[tuple[int, float]]:
        """The answer to a history."""
        places = np.fromiter(history, np.int32)
        row = sp.csr_matrix((np.fromiter(history.values(), np.float32), places, [0, len(places)]), (1, self.products))
        scores = self.model.item_factors @ self.model.recalculate_user(0, row)
        scores[places] = -np.inf
        if allowed is not None:
            scores = np.where(allowed, scores, -np.inf)
        top = np.argpartition(-scores, n)[:n]
        top = top[np.argsort(-scores[top])]
        return [(k, float(scores[k])) for k in top.tolist() if np.isfinite(scores[k])]


def facts_of(shop: LargeShop) -> Facts:
    """What filters ask about."""
    facts = Facts()
    for products in shop.catalogue():
        for one in products:
            facts.add(one.category, str(one.brand), float(one.price or 0), one.attributes["colour"][0])
    return facts


def main() -> None:
    """Learn, then serve until a signal."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--products", type=int, required=True)
    parser.add_argument("--people", type=int, required=True)
    parser.add_argument("--port", type=int, required=True)
    wanted = parser.parse_args()
    shop = LargeShop(wanted.products, wanted.people, seed=0)
    model = Folding(shop)
    threadpool_limits(1)
    print("ready", file=sys.stderr, flush=True)
    serve(wanted.port, model.histories, facts_of(shop), model.best)


if __name__ == "__main__":
    main()
