"""The benchmark of the live service: its mix, its figures, its table; a whole run is slow."""

from __future__ import annotations

import json
import sys
from collections import Counter
from importlib import import_module

import numpy as np
import pytest
from benchmarks.speed import live
from benchmarks.speed.implicit_service import Folding, facts_of
from benchmarks.speed.live_load import by_kind, mixed
from benchmarks.speed.peer_service import Asked as PeerAsked
from benchmarks.speed.peer_service import application
from fastapi.testclient import TestClient

from shoplens.testing.large_shop import LargeShop
from shoplens.testing.large_shop_served import Asked
from shoplens.testing.load import Measured

SHOP = LargeShop(300, 40, seed=0)


def test_the_mix_has_its_shares() -> None:
    requests, kinds = mixed(Asked(SHOP), live.WHOLE, seed=0)
    shares = Counter(kinds)
    for kind, share in live.WHOLE.items():
        assert abs(shares[kind] / len(kinds) - share / 100) < 0.01
        path = f"POST /v1/{kind} ".encode()
        assert all(requests[k].startswith(path) for k in range(200) if kinds[k] == kind)


def test_latencies_are_told_apart_by_kind() -> None:
    measured = Measured(1.0, [0.001, 0.002, 0.010], {200: 3}, [0, 2, 1])
    found = by_kind(measured, ["recommend", "search", "recommend"])
    assert found["recommend"]["p50_ms"] == 1.5
    assert found["search"] == {"p50_ms": 10.0, "p99_ms": 10.0, "requests": 1}


def test_the_peer_answers_what_it_is_asked() -> None:
    service, facts = Folding(SHOP), facts_of(SHOP)
    with TestClient(application(service.histories, facts, service.best)) as client:
        wanted = {"and": [{"field": "attributes.colour", "eq": "red"}, {"field": "price", "range": {"lt": 60}}]}
        answer = client.post("/v1/recommend", json={"user_id": "u3", "n": 20, "filter": wanted}).json()
        places = [int(one["item_id"][1:]) for one in answer["items"]]
        assert places
        assert {facts.colour[place] for place in places} == {"red"}
        assert all(facts.price[place] < 60 for place in places)
        first = client.post("/v1/recommend", json={"user_id": "u3", "n": 1}).json()["items"][0]["item_id"]
        event = {"user_id": "u3", "item_id": first, "event_type": "purchase"}
        assert client.post("/v1/events", json=event).json() == {"stored": 1}
        again = client.post("/v1/recommend", json={"user_id": "u3", "n": 20}).json()["items"]
        assert first not in [one["item_id"] for one in again]
        assert len(client.post("/v1/cart", json=PeerAsked(items=["p1", "p2"]).model_dump()).json()["items"]) == 20
    assert np.isfinite(service.model.item_factors).all()


def test_the_table_has_a_row_for_each_side_and_mix() -> None:
    one = {"p50_ms": 1.0, "p99_ms": 2.0, "requests": 5}
    found = {"steady": {"recommend": one}, "requests_per_second": 9.6, "event_to_effect_ms": 3.25}
    sides = {
        "shoplens_2": {"whole": found, "without_search": found, "peak_rss_mb": 10.4, "workers": 2},
        "implicit": {"without_search": found, "peak_rss_mb": 5.0, "workers": 1},
    }
    lines = live.table({"sides": sides}).splitlines()
    assert len(lines) == 5
    assert lines[2] == "| shoplens, 2 processes | 1.0 / 2.0 | – | – | – | 10 | 3.2 | 10 |"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_whole_run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    few = ["--products", "300", "--people", "60", "--seconds", "1", "--rate", "10", "--workers", "1"]
    few += ["--peers", "implicit"]  # RecTools would be installed first
    monkeypatch.setattr(sys, "argv", ["live", *few])
    import_module("benchmarks.speed.live").main()
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(result["sides"]) == {"shoplens_1", "implicit"}
    for side in result["sides"].values():
        assert side["without_search"]["failed"] == 0
        assert side["without_search"]["event_to_effect_ms"] > 0
    assert set(result["sides"]["shoplens_1"]["whole"]["steady"]) == set(live.WHOLE)
