"""Processor time by route, inside this process."""

import asyncio
from pathlib import Path

import pytest
from benchmarks.speed.routes import Inside, measured

from shoplens.testing.load import request_of
from shoplens.testing.served_shop import open_tiny_shop


def test_every_route_is_timed_and_an_error_is_no_answer(tmp_path: Path) -> None:
    event = {"user_id": "u1", "item_id": "p001", "event_type": "view"}
    requests = {
        "recommend": [request_of("/v1/recommend", {"user_id": "u1"})],
        "events": [request_of("/v1/events", event)] * 2,
    }
    with open_tiny_shop(tmp_path) as shop:
        found = asyncio.run(measured(Inside(shop), requests))
        assert set(found) == set(requests)
        assert min(found.values()) > 0
        with pytest.raises(RuntimeError, match="answered 422"):
            asyncio.run(Inside(shop).post(request_of("/v1/recommend", {"n": 0})))
