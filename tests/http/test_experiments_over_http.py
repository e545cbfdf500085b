"""Experiments from beginning to end: who gets what, what is written down, what it showed."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from shoplens.domain.experiments import Arm, Experiment
from shoplens.errors import ConflictError, NotFoundError, StoreError
from shoplens.http.app import create_app
from shoplens.service.experiments import FILE, Experiments
from shoplens.service.runtime import Runtime
from shoplens.testing.served_shop import open_tiny_shop

ARMS = [{"name": "now", "share": 0.5}, {"name": "varied", "share": 0.5, "diversity": 1.0}]


LIFTED = {"filter": {"field": "item_id", "eq": "p007"}, "by": 10.0}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Runtime]:
    with open_tiny_shop(tmp_path) as shop:
        yield shop


@pytest.fixture
def client(shop: Runtime) -> Iterator[TestClient]:
    with TestClient(create_app(shop)) as client:
        yield client


def recommended(client: TestClient, user: str, **body: Any) -> dict[str, Any]:
    answer = client.post("/v1/recommend", json={"user_id": user, "n": 5, **body})
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]


def test_what_was_shown_is_written_down(client: TestClient, shop: Runtime) -> None:
    first = recommended(client, "u001", scenario="email")
    second = client.post("/v1/similar", json={"item_id": "p001", "session_id": "s1"}).json()
    third = client.post("/v1/cart", json={"items": ["p001"], "user_id": "u001"}).json()
    assert shop.answers.log is not None
    assert shop.answers.log.flush()
    kept = {one.impression_id: one for chunk in shop.store.impressions.scan() for _, one in chunk}
    assert kept.keys() == {one["impression_id"] for one in (first, second, third)}
    one = kept[first["impression_id"]]
    assert (one.route, one.scenario, one.user_id, one.model, one.arms) == (
        "recommend", "email", "u001", first["model"], {},
    )  # fmt: skip
    assert list(one.shown) == [item["item_id"] for item in first["items"]]
    assert (kept[second["impression_id"]].route, kept[second["impression_id"]].session_id) == ("similar", "s1")
    assert kept[third["impression_id"]].route == "cart"
    assert 'shoplens_log_waiting{log="impressions"} 0.0' in client.get("/metrics").text
    assert 'shoplens_log_dropped{log="impressions"} 0.0' in client.get("/metrics").text
    shop.forget_person("u001")
    assert shop.store.impressions.count() == 1


def test_places_left_to_chance_are_written_down_with_their_chances(client: TestClient, shop: Runtime) -> None:
    answers = [recommended(client, "u001", exploration=0.5)["items"] for _ in range(20)]
    assert len({tuple(item["item_id"] for item in items) for items in answers}) > 5
    assert shop.answers.log is not None
    assert shop.answers.log.flush()
    kept = [one for chunk in shop.store.impressions.scan() for _, one in chunk]
    assert len(kept) == 20
    assert all(len(one.propensities) == len(one.shown) == 5 for one in kept)
    assert all(0 < chance < 1 for one in kept for chance in one.propensities)


def test_arms_answer_differently_and_are_compared(client: TestClient, shop: Runtime) -> None:
    started = client.post("/v1/experiments", json={"name": "varied", "arms": ARMS, "note": "is it liked?"})
    assert started.status_code == 201, started.text
    assert client.post("/v1/experiments", json={"name": "varied", "arms": ARMS}).status_code == 409
    running = shop.experiments.running["varied"]
    lucky = random.Random(1)
    plain = {}
    for number in range(200):
        user = f"guest {number}"
        shown = recommended(client, user)
        again = recommended(client, user)
        assert again["items"] == shown["items"]
        arm = running.arm_of(user)
        assert arm is not None
        plain[user] = arm.name
        clicks = lucky.random() < (0.9 if arm.name == "varied" else 0.1)
        if clicks and shown["items"]:
            event = {"user_id": user, "item_id": shown["items"][0]["item_id"], "impression_id": shown["impression_id"]}
            client.post("/v1/events", json={**event, "event_type": "click"})
            client.post("/v1/events", json={**event, "event_type": "purchase", "value": 10.0})
    found = client.get("/v1/experiments/varied").json()
    control, varied = found["arms"]
    assert (control["name"], varied["name"]) == ("now", "varied")
    assert control["people"] + varied["people"] == 200
    assert control["people"] == list(plain.values()).count("now")
    assert varied["impressions"] == 2 * varied["people"]
    assert control["against_control"] == {}
    against = varied["against_control"]["conversion"]
    assert against["decided"]
    assert against["low"] < against["difference"] < against["high"]
    assert varied["figures"]["revenue"] > control["figures"]["revenue"]
    assert not found["mismatch"]
    ended = client.post("/v1/experiments/varied/stop").json()
    assert ended["stopped"] is not None
    recommended(client, "late guest")
    assert client.get("/v1/experiments/varied").json()["arms"] == found["arms"]
    assert [one["name"] for one in client.get("/v1/experiments").json()["experiments"]] == ["varied"]


def test_only_scenarios_in_which_arms_differ_are_counted(client: TestClient, shop: Runtime) -> None:
    arms = [{"name": "now", "share": 0.5}, {"name": "varied", "share": 0.5, "scenario": "home", "diversity": 1.0}]
    client.post("/v1/experiments", json={"name": "front", "arms": arms})
    recommended(client, "ann")
    recommended(client, "bob", scenario="email")
    client.post("/v1/cart", json={"items": ["p001"], "user_id": "cem"})
    assert [sum(one.people for one in shop.experiment_report("front").arms)] == [1], "the rest is the same in all arms"


def test_where_arms_differ() -> None:
    def places(**differs: Any) -> set[str] | None:
        return Experiment("x", (Arm("a", 0.5), Arm("b", 0.5, **differs))).places

    assert places() is places(diversity=0.5) is places(bundle="1", scenario="home", diversity=0.5) is None
    assert places(scenario="home", diversity=0.5) == {"home"}


def test_events_after_the_window_do_not_count(client: TestClient, shop: Runtime) -> None:
    client.post("/v1/experiments", json={"name": "late", "arms": ARMS})
    shown = recommended(client, "ann")
    late = int((time.time() + 8 * 86_400) * 1_000)
    event = {"user_id": "ann", "item_id": "p001", "impression_id": shown["impression_id"], "event_type": "click"}
    client.post("/v1/events", json={**event, "timestamp": late})
    found = shop.experiment_report("late")
    assert sum(arm.figures["click_through"] or 0.0 for arm in found.arms) == 0.0


def test_only_what_was_shown_counts_and_is_worth_its_price(client: TestClient, shop: Runtime) -> None:
    client.post("/v1/experiments", json={"name": "worth", "arms": ARMS})
    shown = recommended(client, "ann")
    first, second = (one["item_id"] for one in shown["items"][:2])
    other = next(one for one in ("p001", "p002", "p003", "p004", "p005", "p006") if one not in str(shown["items"]))
    event = {"user_id": "ann", "impression_id": shown["impression_id"]}

    def figures(*happened: dict[str, Any]) -> dict[str, float]:
        for one in happened:
            assert client.post("/v1/events", json={**event, **one}).status_code < 300
        arms = shop.experiment_report("worth").arms
        return next({name: value or 0.0 for name, value in arm.figures.items()} for arm in arms if arm.people)

    unseen = [
        {"item_id": other, "event_type": kind, "price": 9.0, "value": 9.0} for kind in ("click", "cart", "purchase")
    ]
    assert set(figures(*unseen).values()) == {0.0}
    bought = {"event_type": "purchase", "item_id": first}
    assert figures({**bought, "price": 5.0, "quantity": 3})["revenue"] == 15.0
    found = figures({**bought, "item_id": second, "price": 2.0}, {**bought, "value": 4.0, "price": 100.0})
    assert (found["revenue"], found["conversion"]) == (21.0, 1.0)


@pytest.mark.parametrize(
    "body",
    [
        {"name": "x", "arms": ARMS[:1]},
        {"name": "../x", "arms": ARMS},
        {"name": "x", "arms": [{"name": "a", "share": 0.5}, {"name": "b", "share": 0.4}]},
        {"name": "x", "arms": [{"name": "a", "share": 0.5}, {"name": "b", "share": 0.5, "unknown": 1}]},
    ],
)
def test_what_makes_no_sense_is_refused(client: TestClient, body: dict[str, Any]) -> None:
    assert client.post("/v1/experiments", json=body).status_code == 422
    assert client.get("/v1/experiments").json() == {"experiments": []}


def test_what_is_not_there(client: TestClient) -> None:
    assert client.get("/v1/experiments/nothing").status_code == 404
    assert client.post("/v1/experiments/nothing/stop").status_code == 404
    arms = [{"name": "a", "share": 0.5}, {"name": "b", "share": 0.5, "bundle": "20990101-000000"}]
    assert client.post("/v1/experiments", json={"name": "x", "arms": arms}).status_code == 404


def test_an_arm_with_a_bundle_of_its_own(client: TestClient, shop: Runtime) -> None:
    version = shop.shelf.version
    assert version is not None
    arms = [{"name": "a", "share": 0.5}, {"name": "b", "share": 0.5, "bundle": version}]
    assert client.post("/v1/experiments", json={"name": "bundles", "arms": arms}).status_code == 201
    assert set(shop.swap.beside) == {version}
    assert recommended(client, "u001")["bundle"] == version
    client.post("/v1/experiments/bundles/stop")
    assert not shop.swap.beside


def test_arms_with_settings_of_their_own(client: TestClient, shop: Runtime) -> None:
    changed = {
        "scenario": "home",
        "sources": {"popular": 1.0},
        "boost": [{"filter": {"field": "item_id", "eq": "p003"}, "by": 10.0}],
        "exploration": 0.5,
        "margin": {"attribute": "margin"},
        "per_brand": 3,
    }
    arms = [{"name": "now", "share": 0.5}, {"name": "other", "share": 0.5, **changed}]
    started = client.post("/v1/experiments", json={"name": "sources", "arms": arms})
    assert started.status_code == 201, started.text
    told = started.json()["arms"][1]
    assert (told["sources"], told["margin"]) == ({"popular": 1.0}, {"attribute": "margin", "by": 0.3})
    running = shop.experiments.running["sources"]
    now, other = (next(f"u{n:03}" for n in range(99) if named(running, f"u{n:03}") == arm) for arm in ("now", "other"))
    assert recommended(client, now)["model"] != "popular+new"
    plain = shop.wish()
    wishes = {user: shop.answers._as_in(shop.answers.arms(user), plain, user, None)[1] for user in (now, other)}
    assert wishes[now] == plain
    assert wishes[other].sources == (("popular", 1.0),)
    assert (wishes[other].exploration, wishes[other].per_brand) == (0.5, 3)
    assert recommended(client, other, exploration=0.0, explain=True)["candidates"].keys() == {"popular"}
    wish = shop.wish("email")
    assert shop.answers._as_in(shop.answers.arms(other), wish, other, None)[1].sources == wish.sources
    said = shop.wish(exploration=0.0, boost=plain.boost, diversity=0.2)
    wish = shop.answers._as_in(shop.answers.arms(other), said, other, None)[1]
    assert (wish.exploration, wish.diversity, len(wish.boost)) == (0.0, 0.2, 1), "what a request says goes before"
    with Runtime(shop.workspace, shop.store) as another:
        assert another.experiments.running["sources"] == running
        assert another.experiments.wishes == shop.experiments.wishes
    client.post("/v1/experiments/sources/stop")
    assert not shop.experiments.wishes


def named(experiment: Experiment, user: str) -> str | None:
    arm = experiment.arm_of(user)
    return arm.name if arm is not None else None


@pytest.mark.parametrize(
    ("differs", "why"),
    [
        ({"scenario": "hme", "diversity": 0.1}, "did you mean home"),
        ({"scenario": "home"}, "say what differs"),
        ({"sources": {"models": 1.0}}, "sources"),
        ({"sources": {"model": 0.0}}, "for one of them above 0"),
        ({"boost": [{"filter": {"field": "brand"}, "by": 1}]}, "boost"),
        ({"exploration": 2}, "exploration"),
    ],
)
def test_settings_that_make_no_sense(client: TestClient, differs: dict[str, Any], why: str) -> None:
    arms = [{"name": "a", "share": 0.5}, {"name": "b", "share": 0.5, **differs}]
    refused = client.post("/v1/experiments", json={"name": "x", "arms": arms})
    assert refused.status_code == 422
    assert why in refused.text


def test_two_may_change_the_same_in_different_places() -> None:
    def changing(name: str, **differs: Any) -> Experiment:
        return Experiment(name, (Arm("a", 0.5), Arm("b", 0.5, **differs)))

    home, email = (changing(name, scenario=name, diversity=0.5, freshness=1.0) for name in ("home", "email"))
    assert home.conflicts(email) == set()
    assert home.conflicts(changing("all", freshness=0.5)) == {"freshness"}
    assert home.conflicts(changing("same", scenario="home", diversity=0.5, exploration=0.1)) == {"diversity"}
    assert changing("x", bundle="1", scenario="home", freshness=0.5).conflicts(changing("y", bundle="2")) == {"bundle"}


def test_the_assistant_recommends_by_its_scenario_and_in_arms(tmp_path: Path) -> None:
    settings = {"encoders": {"text": "hashed-ngrams"}, "scenario": {"assistant": {"rules": {"pin": ["p005"]}}}}
    with open_tiny_shop(tmp_path, settings=settings) as shop:
        recommends = shop.assistant.tools.recommends
        assert recommends is not None
        before = [one.item_id for one in recommends(None, "s", 3)]
        assert before[0] == "p005"
        assert "p007" not in before
        both = tuple(Arm(name, 0.5, scenario="assistant", boost=[LIFTED]) for name in ("a", "b"))
        shop.start_experiment(Experiment("helped", both))
        assert [one.item_id for one in recommends(None, "s", 3)][:2] == ["p005", "p007"]
        assert shop.answers.log is not None
        assert shop.answers.log.flush()
        assert shop.store.impressions.count() == 0


def test_other_processes_see_it(tmp_path: Path) -> None:
    here, there = Experiments(tmp_path, tmp_path / "bundles"), Experiments(tmp_path, tmp_path / "bundles")
    here.start(Experiment("order", (Arm("a", 0.5), Arm("b", 0.5))))
    assert there.follow()
    assert not there.follow()
    with pytest.raises(ConflictError):
        there.start(Experiment("order", (Arm("a", 0.5), Arm("b", 0.5))))
    there.stop("order")
    assert here.running.keys() == {"order"}
    here.follow()
    assert not here.running
    with pytest.raises(NotFoundError):
        here.stop("nothing")


def test_a_damaged_file_stops_no_shop(tmp_path: Path) -> None:
    with open_tiny_shop(tmp_path):
        pass
    (tmp_path / FILE).write_text("{}")
    with Runtime.open(tmp_path) as shop, TestClient(create_app(shop)) as client:
        assert recommended(client, "u001")["fallback"] is None
        health = client.get("/health/ready")
        assert health.status_code == 200
        assert any("experiments.json cannot be read" in one for one in health.json()["reasons"])
        for asked in (
            client.get("/v1/experiments"),
            client.get("/v1/experiments/order"),
            client.post("/v1/experiments", json={"name": "order", "arms": ARMS}),
            client.post("/v1/experiments/order/stop"),
        ):
            assert asked.status_code == 503
            assert "put it right or delete it" in asked.json()["detail"]
        with pytest.raises(StoreError, match="cannot be read"):
            shop.experiments.start(Experiment("order", (Arm("a", 0.5), Arm("b", 0.5))))
        (tmp_path / FILE).unlink()
        shop.experiments.follow()
        assert client.post("/v1/experiments", json={"name": "order", "arms": ARMS}).status_code == 201
