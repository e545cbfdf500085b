"""What a shop would put around a library of models itself: FastAPI, and everybody's history in memory.

Imports nothing of Shoplens, so that it runs in a peer's environment. An event is added to the history in memory:
nothing is stored, and a second process would know nothing of it. There is no search.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import uvicorn
from fastapi import FastAPI, Response
from pydantic import BaseModel, ConfigDict

History = dict[int, float]  # place of a product → how much was done with it
Mask = npt.NDArray[np.bool_]
#: A history, how many, and which products may come (None: all) → places and scores, best first.
Best = Callable[[History, int, Mask | None], Sequence[tuple[int, float]]]


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


@dataclass
class Facts:
    """What filters ask about; products are named p0, p1, … by their places."""

    category: list[tuple[str, ...]] = field(default_factory=list)
    brand: list[str] = field(default_factory=list)
    price: list[float] = field(default_factory=list)
    colour: list[str] = field(default_factory=list)

    def add(self, category: tuple[str, ...], brand: str, price: float, colour: str) -> None:
        """The next product."""
        self.category.append(category)
        self.brand.append(brand)
        self.price.append(price)
        self.colour.append(colour)

    def holds(self, one: dict[str, Any]) -> Mask:
        """Which products a filter keeps."""
        if "and" in one:
            return np.asarray(np.logical_and.reduce([self.holds(inner) for inner in one["and"]]), np.bool_)
        if one["field"] == "category":
            return np.array([one["eq"] in names for names in self.category])
        if one["field"] == "brand":
            return np.asarray(np.isin(self.brand, one["in"]), np.bool_)
        if one["field"] == "attributes.colour":
            return np.asarray(np.array(self.colour) == one["eq"])
        bounds, price = one["range"], np.array(self.price)
        return np.asarray((price >= bounds.get("gte", -np.inf)) & (price < bounds.get("lt", np.inf)))


def histories() -> defaultdict[str, History]:
    """Of nobody yet."""
    return defaultdict(dict)


def serve(port: int, kept: defaultdict[str, History], facts: Facts, best: Best) -> None:
    """Answer until a signal."""
    uvicorn.run(application(kept, facts, best), port=port, access_log=False, log_level="warning", http="httptools")


def application(kept: defaultdict[str, History], facts: Facts, best: Best) -> FastAPI:
    """Its routes."""
    app = FastAPI(openapi_url=None)

    @cache
    def mask(wanted: str) -> Mask:
        return facts.holds(json.loads(wanted))

    def answer(history: History, asked: Asked) -> Response:
        allowed = None if asked.filter is None else mask(json.dumps(asked.filter))
        found = best(history, asked.n, allowed) if history else []
        items = [{"item_id": f"p{place}", "score": score} for place, score in found]
        return Response(orjson.dumps({"items": items}), media_type="application/json")

    @app.get("/health/live")
    async def live() -> dict[str, str]:
        return {"status": "live"}

    @app.post("/v1/recommend")
    async def recommend(asked: Asked) -> Response:
        return answer(kept.get(asked.user_id or "", {}), asked)

    @app.post("/v1/cart")
    async def cart(asked: Asked) -> Response:
        return answer({int(one[1:]): 1.0 for one in asked.items}, asked)

    @app.post("/v1/events")
    async def event(happened: Happened) -> dict[str, int]:
        history, place = kept[happened.user_id], int(happened.item_id[1:])
        history[place] = history.get(place, 0.0) + (1.0 if happened.event_type == "purchase" else 0.3)
        return {"stored": 1}

    return app
