"""Places of the shop: who proposes what, the shop's rules, guests who sign in, and models that fail."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from shoplens.apps.interaction import Turn
from shoplens.domain.experiments import Arm, Experiment
from shoplens.errors import ConfigurationError
from shoplens.http.app import create_app
from shoplens.recommend.asking import Ask
from shoplens.recommend.sources import SOURCES
from shoplens.service.error_watch import ErrorWatch
from shoplens.service.runtime import Runtime
from shoplens.service.settings import Settings
from shoplens.testing.served_shop import open_tiny_shop
from shoplens.testing.tiny_shop import CATEGORIES

TEA = {"field": "category", "eq": "shop > tea"}
SCENARIOS: dict[str, Any] = {
    "everything": {"sources": dict.fromkeys(SOURCES, 1.0), "n": 6},
    "strict": {"rules": {"per_brand": 1, "hide": TEA, "pin": ["p003", "p018", "p004"]}},
    "shelf": {"rules": {"per_category": 2}, "diversity": 0.5},
    "once": {"n": 5, "rules": {"cap": {"times": 1, "days": 7}}},
    "once-tea": {"based_on": "once", "filter": TEA},
    "once-each": {"n": 9, "rules": {"cap": {"times": 1, "days": 7}, "per_brand": 2, "pin": ["p003", "p010"]}},
    "mixed-each": {"based_on": "once-each", "sources": {"model": 1.0, "new": 0.5}},
    "near": {"sources": {"similar": 1.0, "popular": 0.5}, "rules": {"price_band": [0.5, 2.0]}},
    "earning": {"rules": {"margin": {"attribute": "Margin", "by": 10}}},
    "stocked": {"rules": {"min_stock": 3}},
    "only-due": {"sources": {"repurchase": 1.0}, "n": 4},
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    with open_tiny_shop(tmp_path_factory.mktemp("shop"), settings={"scenario": SCENARIOS}) as shop:
        yield shop


@pytest.fixture(scope="module")
def client(shop: Runtime) -> Iterator[TestClient]:
    with TestClient(create_app(shop)) as client:
        yield client


def ask(client: TestClient, scenario: str, **body: Any) -> dict[str, Any]:
    answer = client.post("/v1/recommend", json={"scenario": scenario, "explain": True, **body})
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]


def ids(answer: dict[str, Any]) -> list[str]:
    return [one["item_id"] for one in answer["items"]]


def category(item_id: str) -> str:
    return list(CATEGORIES)[int(item_id[1:]) % len(CATEGORIES)]


def brand(item_id: str) -> int:
    return int(item_id[1:]) % 7


def test_what_scenarios_there_are(client: TestClient) -> None:
    found = {one["name"]: one for one in client.get("/v1/scenarios").json()["scenarios"]}
    assert list(found)[:5] == ["home", "product", "cart", "checkout", "email"]
    assert found.keys() >= SCENARIOS.keys()
    assert found["once-tea"]["rules"]["cap"] == {"times": 1, "days": 7.0}
    refused = client.post("/v1/recommend", json={"scenario": "hom"})
    assert refused.status_code == 422
    assert "home, product" in refused.json()["detail"]


def test_several_sources_have_a_say_and_are_counted(client: TestClient) -> None:
    answer = ask(client, "everything", user_id="u004", viewing="p001")
    assert answer["model"] == "mixed"
    assert len(ids(answer)) == 6
    assert answer["candidates"].keys() == SOURCES.keys()
    assert all(answer["candidates"][name] > 0 for name in ("model", "last_seen", "similar", "popular", "favourites"))
    assert all(one["sources"] for one in answer["items"])
    assert len(answer["items"][0]["sources"]) > 2
    scores = [one["score"] for one in answer["items"]]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] <= 1
    metrics = client.get("/metrics").text
    assert 'shoplens_candidates{scenario="everything",source="similar"}' in metrics


@pytest.mark.parametrize("scenario", ["product", "checkout", "cart", "email"])
def test_built_in_places_answer_everybody(client: TestClient, scenario: str) -> None:
    for who in ({"user_id": "u001"}, {"session_id": "nobody"}, {}):
        answer = ask(client, scenario, **who, viewing="p002", cart=["p006"], n=3)
        assert len(ids(answer)) == 3
        assert not {"p002", "p006"} & set(ids(answer))
    alone = ask(client, scenario, session_id="stranger")
    assert alone["fallback"] == "cold_start"
    assert alone["note"]
    assert alone["items"]


def test_what_is_looked_at_decides_on_a_product_page(client: TestClient) -> None:
    answer = ask(client, "product", session_id="guest", viewing="p003", n=6)
    assert answer["fallback"] is None
    assert [category(one) for one in ids(answer)].count("garden") >= 5
    assert "because you looked at rake 3" in answer["items"][0]["reasons"]


def test_rules_hold_whatever_is_asked(client: TestClient) -> None:
    strict = ids(
        ask(client, "strict", user_id="u000", filter={"field": "price", "range": {"gte": 1}}, n=7, repeat=True)
    )
    assert strict[0] == "p003"  # pinned; p018 cannot be ordered, p004 is hidden
    assert "tea" not in {category(one) for one in strict}
    assert len({brand(one) for one in strict}) == len(strict), "what is pinned counts, too"
    shelf = [category(one) for one in ids(ask(client, "shelf", user_id="u001", n=8))]
    assert len(shelf) == 8
    assert max(shelf.count(one) for one in shelf) == 2
    prices = [int(one[1:]) % 40 + 1.99 for one in ids(ask(client, "near", viewing="p010", n=5))]
    assert all(0.5 * 11.99 <= price <= 2 * 11.99 for price in prices[:3])


def test_margin_stock_and_freshness(client: TestClient) -> None:
    def change(item_id: str, **fields: Any) -> None:
        kept = {name: one for name, one in client.get(f"/v1/products/{item_id}").json().items() if one is not None}
        del kept["item_id"], kept["stub"]
        assert client.put(f"/v1/products/{item_id}", json={**kept, **fields}).status_code == 200

    change("p011", attributes={"margin": ["40"]})
    change("p015", attributes={"margin": ["2"]})
    change("p019", attributes={"margin": ["1"]})
    assert ids(ask(client, "earning", user_id="u001", repeat=True))[0] == "p011"
    change("p001", stock=2)
    stocked = ids(ask(client, "stocked", user_id="u001", n=1000, repeat=True))
    assert "p001" not in stocked
    assert "p005" in stocked
    change("p079", created_at=f"{time.strftime('%Y-%m-%d')}T00:00:00Z")
    assert ids(ask(client, "home", user_id="u001", freshness=10, repeat=True))[0] == "p079"


def test_nothing_is_shown_twice_in_a_while(client: TestClient, shop: Runtime) -> None:
    first, second = (set(ids(ask(client, "once", user_id="u007"))) for _ in range(2))
    assert len(first) == len(second) == 5
    assert not first & second
    assert shop.answers.log is not None
    shop.answers.log.flush()
    assert not set(ids(ask(client, "once", user_id="u007"))) & (first | second)
    assert set(ids(ask(client, "once", user_id="u011"))) & (first | second)
    tea = [ask(client, "once-tea", session_id="drinker", n=15) for _ in range(2)]
    assert tea[0]["fallback"] == "cold_start"
    assert tea[1]["fallback"] == "shown_again"
    assert len(ids(tea[1])) == 15
    assert ids(tea[1])[:4] != ids(tea[0])[:4]


@pytest.mark.parametrize("scenario", ["once-each", "mixed-each"])
@pytest.mark.parametrize("who", ["known", "guest"])
def test_limits_hold_for_what_is_shown_again_and_beside_pins(client: TestClient, scenario: str, who: str) -> None:
    known, guest = {"user_id": "u012" if scenario == "once-each" else "u013"}, {"session_id": f"guest-{scenario}"}
    body = known if who == "known" else guest
    first, *later = (ask(client, scenario, **body, repeat=True) for _ in range(9))
    assert ids(first)[:2] == ["p003", "p010"]
    assert "shown_again" in {one["fallback"] for one in later}
    for answer in (first, *later):
        brands = [brand(one) for one in ids(answer)]
        assert len(set(ids(answer))) == len(brands)
        assert max(map(brands.count, brands)) <= 2


def test_what_is_bought_regularly_comes_when_it_is_due(client: TestClient) -> None:
    day = 86_400_000
    now = int(time.time() * 1_000)
    for ago in (40, 30, 20, 10):
        event = {"user_id": "regular", "item_id": "p009", "event_type": "purchase", "timestamp": now - ago * day}
        client.post("/v1/events", json=event)
    answer = ask(client, "only-due", user_id="regular")
    assert ids(answer)[0] == "p009"
    assert answer["candidates"] == {"repurchase": 1}
    assert answer["fallback"] == "filled"
    assert len(ids(answer)) == 4


def test_a_guest_who_signs_in_stays_who_they_were(client: TestClient, shop: Runtime) -> None:
    arms = tuple(Arm(f"a{number}", 0.05) for number in range(20))
    shop.start_experiment(Experiment("many", arms))
    try:
        running = shop.experiments.running["many"]
        client.post("/v1/events", json={"session_id": "s77", "event_type": "cart", "item_id": "p003"})
        ask(client, "home", session_id="s77")
        signed = client.post("/v1/people/newcomer/sign-in", json={"session_id": "s77"})
        assert signed.json() == {"user_id": "newcomer", "session_id": "s77", "events": 1}
        assert client.post("/v1/people/newcomer/sign-in", json={"session_id": "s77"}).json()["events"] == 0
        assert category(ids(ask(client, "home", user_id="newcomer"))[0]) == "garden"
        assert ask(client, "home", session_id="s77")["fallback"] == "cold_start"
        as_guest = running.arm_of("s77")
        assert as_guest is not None
        assert shop.answers.arms("newcomer") == {"many": as_guest}
        shown = shop.store.impressions.latest(user_id="newcomer")
        assert {one.arms["many"] for one in shown} == {as_guest.name}
        # Somebody who had been shown something as themselves stays where they are.
        ask(client, "home", user_id="u020")
        shop.sign_in("u020", "s78")
        assert shop.answers.arms("u020") == {"many": running.arm_of("u020")}
    finally:
        shop.stop_experiment("many")


def test_a_model_that_fails_costs_its_answer_only(
    client: TestClient, shop: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    learned = shop.shelf.learned
    assert learned is not None

    def broken(_: object) -> None:
        raise ValueError("this model is broken")

    monkeypatch.setattr(type(learned.model), "score", broken)
    for _ in range(4):
        answer = ask(client, "home", user_id="u001")
        assert answer["fallback"] == "model_failed"
        assert answer["items"]
    assert shop.answers.errors.failing() == (shop.shelf.version,)


def test_rare_failures_are_no_reason() -> None:
    watch = ErrorWatch()
    for number in range(20_000):
        (watch.failed if number % 1_000 == 7 else watch.answered)("v1")
    assert watch.failing() == ()
    for _ in range(3):
        watch.failed("v2")
        watch.answered("v1")
    assert watch.failing() == ()
    watch.failed("v2")
    watch.failed("v3")
    assert watch.failing() == ("v2",)
    watch.forget("v2")
    assert watch.failing() == ()


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"x": {"sources": {"magic": 1.0}}}, "there is no source magic"),
        ({"x": {"filter": {"field": "colour", "eq": "red"}}}, "is not one of category"),
        ({"x": {"based_on": "y"}}, "there is no 'y'"),
        ({"x": {"rules": {"per_brand": 0}}}, "scenario.x.rules.per_brand"),
        ({"x": {"colour": 1}}, "no such setting"),
    ],
)
def test_settings_that_make_no_sense_are_refused(tmp_path: Path, table: dict[str, Any], said: str) -> None:
    from shoplens.service.scenario_settings import scenarios_of

    with pytest.raises(ConfigurationError, match=said):
        scenarios_of(Settings.read(None, scenario=table).scenario)


def test_a_search_follows_the_scenario_that_it_names_and_the_one_for_searches(
    shop: Runtime, client: TestClient
) -> None:
    def found(**body: Any) -> set[str]:
        answer = client.post("/v1/search", json={"text": "tea", "n": 100, "unavailable": True, **body})
        assert answer.status_code == 200, answer.text
        return {one["item_id"] for one in answer.json()["items"]}

    tea = found(filter=TEA)
    assert tea
    assert not found(scenario="strict") & tea
    said = client.post("/v1/interact", json={"text": "tea", "n": 100, "scenario": "strict"}).json()
    assert not {one["item_id"] for one in said["items"]} & tea
    assert client.post("/v1/interact", files={"text": (None, "tea"), "scenario": (None, "strickt")}).status_code == 422
    refused = client.post("/v1/search", json={"text": "tea", "scenario": "strickt"})
    assert refused.status_code == 422
    assert "strict" in refused.text
    with open_tiny_shop(
        shop.workspace.root.parent / "shy", trained=False, settings={"scenario": {"search": SCENARIOS["strict"]}}
    ) as shy:
        assert not {one.item_id for one in shy.search.search(Ask(text="tea", n=100)).items} & tea
        assert not {one.item_id for one in shy.interaction.turn(Turn(text="tea")).found.items} & tea
        titles = {one.title for one in shop.store.catalogue.get(sorted(tea)).values()}
        for prefix in {title[:5] for title in titles}:
            assert {one.text for one in shop.search.suggest(prefix, 50)} & titles
            assert not {one.text for one in shy.search.suggest(prefix, 50)} & titles, "what is hidden is not suggested"
        shown = shy.store.catalogue.get(sorted(tea))[min(tea)]
        shy.put_products([replace(shown, category=("shop", "pantry"))])
        assert shown.title in {one.text for one in shy.search.suggest(shown.title, 50)}


def test_what_people_say_of_products_is_felt_in_searches(shop: Runtime, client: TestClient) -> None:
    def first() -> str:
        return str(client.post("/v1/search", json={"text": "hammer"}).json()["items"][0]["item_id"])

    before = first()
    shop.facts.review_tone.put(shop.facts.rows([before]), np.ones(1, np.float32), 3.0)
    try:
        assert first() != before
    finally:
        shop.facts.review_tone.put(np.zeros(0, np.int64), np.zeros(0, np.float32), 0.0)
    assert first() == before


def test_what_fills_the_last_page_keeps_to_its_rules(client: TestClient) -> None:
    price = client.get("/v1/products/p013").json()["price"]
    for who in ({"user_id": "u001"}, {"session_id": "s"}, {}):
        body = {"scenario": "checkout", "cart": ["p013"], "n": 20, **who}
        shown = client.post("/v1/recommend", json=body).json()["items"]
        products = [client.get(f"/v1/products/{one['item_id']}").json() for one in shown]
        assert len(products) > 1
        assert all(float(one["price"]) <= float(price) for one in products)
        assert len({tuple(one["category"]) for one in products}) == len(products), "one of a category"
