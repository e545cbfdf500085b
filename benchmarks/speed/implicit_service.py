"""What a shop would put around `implicit` itself: FastAPI, the model and everybody's history in memory. Run by `live`.

iALS learns from the same events as Shoplens. A request folds the person's history in as it is now, scores the catalogue
with one product of a matrix and a vector, applies the filter's mask (kept once computed) and takes the best. A cart is
folded in like a history. An event is added to the history in memory: nothing is stored, and a second process would know
nothing of it. There is no search.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import scipy.sparse as sp
import uvicorn
from fastapi import FastAPI, Response
from implicit.als import AlternatingLeastSquares
from pydantic import BaseModel, ConfigDict
from threadpoolctl import threadpool_limits

from benchmarks.speed.implicit_models import KINDS
from shoplens.domain.events import event_weight
from shoplens.testing.large_shop import LargeShop

FACTORS = 64


class Asked(BaseModel):
    """What both services understand of a request."""

    model_config = ConfigDict(extra="ignore")

    user_id: str | None = None
    items: list[str] = []
    n: int = 20
    filter: dict[str, Any] | None = None


class Happened(BaseModel):
    """An event."""

    model_config = ConfigDict(extra="ignore")

    user_id: str
    item_id: str
    event_type: str


class Service:
    """Model, histories, facts for filters."""

    def __init__(self, shop: LargeShop) -> None:
        self.histories: dict[str, dict[int, float]] = defaultdict(dict)
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
        self.category: list[tuple[str, ...]] = []
        self.brand: list[str] = []
        prices, colours = [], []
        for products in shop.catalogue():
            for one in products:
                self.category.append(one.category)
                self.brand.append(str(one.brand))
                prices.append(float(one.price or 0))
                colours.append(one.attributes["colour"][0])
        self.price, self.colour = np.array(prices), np.array(colours)
        self.kept = lru_cache(1_000)(self._mask)

    def best(self, history: dict[int, float], n: int, wanted: dict[str, Any] | None) -> bytes:
        """The answer to a history."""
        if not history:
            return orjson.dumps({"items": []})
        places = np.fromiter(history, np.int32)
        row = sp.csr_matrix((np.fromiter(history.values(), np.float32), places, [0, len(places)]), (1, self.products))
        scores = self.model.item_factors @ self.model.recalculate_user(0, row)
        scores[places] = -np.inf
        if wanted is not None:
            scores = np.where(self.kept(json.dumps(wanted)), scores, -np.inf)
        top = np.argpartition(-scores, n)[:n]
        top = top[np.argsort(-scores[top])]
        items = [{"item_id": f"p{k}", "score": float(scores[k])} for k in top.tolist() if np.isfinite(scores[k])]
        return orjson.dumps({"items": items})

    def _mask(self, wanted: str) -> npt.NDArray[np.bool_]:
        return self._holds(json.loads(wanted))

    def _holds(self, one: dict[str, Any]) -> npt.NDArray[np.bool_]:
        if "and" in one:
            return np.asarray(np.logical_and.reduce([self._holds(inner) for inner in one["and"]]), np.bool_)
        if one["field"] == "category":
            return np.array([one["eq"] in names for names in self.category])
        if one["field"] == "brand":
            return np.asarray(np.isin(self.brand, one["in"]), np.bool_)
        if one["field"] == "attributes.colour":
            return np.asarray(self.colour == one["eq"])
        bounds = one["range"]
        return np.asarray((self.price >= bounds.get("gte", -np.inf)) & (self.price < bounds.get("lt", np.inf)))


def application(service: Service) -> FastAPI:
    """Its routes."""
    app = FastAPI(openapi_url=None)

    @app.get("/health/live")
    async def live() -> dict[str, str]:
        return {"status": "live"}

    @app.post("/v1/recommend")
    async def recommend(asked: Asked) -> Response:
        history = service.histories.get(asked.user_id or "", {})
        return Response(service.best(history, asked.n, asked.filter), media_type="application/json")

    @app.post("/v1/cart")
    async def cart(asked: Asked) -> Response:
        held = {int(one[1:]): 1.0 for one in asked.items}
        return Response(service.best(held, asked.n, asked.filter), media_type="application/json")

    @app.post("/v1/events")
    async def event(happened: Happened) -> dict[str, int]:
        history, place = service.histories[happened.user_id], int(happened.item_id[1:])
        history[place] = history.get(place, 0.0) + (1.0 if happened.event_type == "purchase" else 0.3)
        return {"stored": 1}

    return app


def main() -> None:
    """Learn, then serve until a signal."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--products", type=int, required=True)
    parser.add_argument("--people", type=int, required=True)
    parser.add_argument("--port", type=int, required=True)
    wanted = parser.parse_args()
    service = Service(LargeShop(wanted.products, wanted.people, seed=0))
    threadpool_limits(1)
    print("ready", file=sys.stderr, flush=True)
    uvicorn.run(application(service), port=wanted.port, access_log=False, log_level="warning", http="httptools")


if __name__ == "__main__":
    main()
