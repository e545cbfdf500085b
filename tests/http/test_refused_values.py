"""Values that would harm the shop are refused at the door, with the field and what is wrong."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import orjson
import pytest
from fastapi.testclient import TestClient

from shoplens.domain.catalogue import Product
from shoplens.domain.moments import told
from shoplens.http.app import create_app
from shoplens.service.runtime import Runtime
from shoplens.testing.served_shop import open_tiny_shop


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    with open_tiny_shop(tmp_path_factory.mktemp("shop"), trained=False) as shop:
        yield shop


@pytest.fixture(scope="module")
def client(shop: Runtime) -> Iterator[TestClient]:
    with TestClient(create_app(shop)) as client:
        yield client


def refused(answer: Any) -> dict[str, str]:
    """Field → reason of a 422."""
    assert answer.status_code == 422, answer.text
    fields = [one["field"] for one in answer.json()["errors"]]
    assert len(set(fields)) == len(fields), "one line a field"
    return {one["field"]: one["reason"] for one in answer.json()["errors"]}


@pytest.mark.parametrize(
    "created_at",
    ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "1899-12-31T23:59:59Z", "2200-12-31T23:00:00-02:00"],
)
def test_a_date_out_of_range(client: TestClient, created_at: str) -> None:
    row = {"title": "x", "created_at": created_at}
    assert "1900 to 2200" in refused(client.put("/v1/products/N2", json=row))["created_at"]
    lines = [{"item_id": "N2", **row}, {"item_id": "N3", "title": "y", "created_at": "2024-05-01T01:00:00+02:00"}]
    answer = client.post("/v1/products/bulk", content=b"\n".join(map(orjson.dumps, lines))).json()
    assert (answer["accepted"], answer["refused"]) == (1, 1)
    assert (answer["errors"][0]["line"], answer["errors"][0]["field"]) == (1, "created_at")
    assert client.get("/v1/products/N2").status_code == 404
    assert client.get("/v1/products/N3").json()["created_at"] == "2024-04-30T23:00:00Z"


def test_a_stored_date_out_of_range_is_read_as_unknown(shop: Runtime, client: TestClient) -> None:
    east = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))
    shop.store.catalogue.upsert([Product(item_id="old", title="Old", created_at=east)])
    assert client.get("/v1/products/old").json()["created_at"] is None
    assert {"old"} <= {one.item_id for chunk in shop.store.catalogue.scan() for one in chunk}
    first = datetime.min.replace(tzinfo=UTC)
    shop.store.catalogue.upsert([Product(item_id="old", title="Old", created_at=first)])
    assert shop.store.catalogue.get(["old"])["old"].created_at == first


EVENT = {"event_type": "view", "session_id": "s", "item_id": "p001"}


@pytest.mark.parametrize(
    "context", ['{"n": 1e999}', '{"n": NaN}', '{"n": [18446744073709551616]}', r'{"a": "\ud800"}', r'{"\udfff": 1}']
)
def test_a_context_that_cannot_be_stored(client: TestClient, context: str) -> None:
    bad = orjson.dumps(EVENT)[:-1] + b', "context": ' + context.encode() + b"}"
    assert "stored" in refused(client.post("/v1/events", content=bad))["context"]
    good = orjson.dumps({**EVENT, "query": context, "context": {"n": 2**63, "half": 0.5, "deep": [{"a": "é"}]}})
    answer = client.post("/v1/events/bulk", content=b"\n".join([good, bad]))
    assert answer.status_code == 200, answer.text
    assert (answer.json()["stored"], answer.json()["refused"]) == (1, 1)
    assert [(one["line"], one["field"]) for one in answer.json()["errors"]] == [(2, "context")]


def test_the_place_in_a_list_is_named(client: TestClient) -> None:
    answer = client.post("/v1/events", json=[EVENT, {**EVENT, "event_type": "look", "price": -1}])
    assert set(refused(answer)) == {"1.event_type", "1.price"}
    assert answer.json()["detail"].startswith("1.event_type: ")
    nobody = client.post("/v1/events", json={"event_type": "view", "item_id": "p001"})
    assert refused(nobody) == {"body": "say who it was: user_id, or session_id for a guest"}
    assert refused(client.post("/v1/events", json={**EVENT, "query": 5})).keys() == {"query"}
    assert refused(client.post("/v1/events", content=b'"text"')).keys() == {"body"}


def test_another_content_type(client: TestClient) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    posts: list[tuple[str, dict[str, Any]]] = [("/v1/events", EVENT), ("/v1/recommend", {"n": 3})]
    for path, body in posts:
        assert client.post(path, content=orjson.dumps(body), headers=form).status_code == 200
    puts: list[tuple[str, dict[str, Any]]] = [("/v1/products/c", {"title": "C"}), ("/v1/people/c", {"fields": {}})]
    for path, body in puts:
        answer = client.put(path, content=orjson.dumps(body), headers=form)
        assert answer.status_code == 422
        assert "send content-type: application/json" in answer.json()["detail"]
        assert client.put(path, json=body).status_code == 200


def test_places_are_those_of_the_body(client: TestClient) -> None:
    body = {"filter": {"and": [{"field": "brand", "eq": {}}, {"not": {"field": "field", "in": 5}}]}}
    assert set(refused(client.post("/v1/recommend", json=body))) == {"filter.and[0].eq", "filter.and[1].not.in"}
    assert set(refused(client.put("/v1/people/p", json={"fields": {"age": [1], "float": {}}}))) == {
        "fields.age",
        "fields.float",
    }
    half = client.put("/v1/people/p", content=rb'{"\ud800": 1}', headers={"content-type": "application/json"})
    assert half.status_code == 422


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"event_type": "rating", "value": 0.9}, "value"),
        ({"event_type": "rating", "value": 5.5}, "value"),
        ({"quantity": -1}, "quantity"),
        ({"price": -0.01}, "price"),
        ({"timestamp": "0001-01-01T00:00:00+14:00"}, "timestamp"),
        ({"item_id": "a\ufffdb"}, "item_id"),
        ({"session_id": "a\x85b"}, "session_id"),
    ],
)
def test_an_event_with_a_wrong_value(client: TestClient, change: dict[str, Any], field: str) -> None:
    reasons = refused(client.post("/v1/events", json={**EVENT, **change}))
    assert set(reasons) == {field}
    assert "Value error" not in reasons[field]
    assert client.post("/v1/events", json={**EVENT, "event_type": "rating", "value": 5}).status_code == 200


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("t", {}, "title"),
        ("t", {"title": ""}, "title"),
        ("t", {"title": " \t"}, "title"),
        ("t", {"title": "x", "price": "-1"}, "price"),
        ("t%EF%BF%BD", {"title": "x"}, "item_id"),
        ("t%07b", {"title": "x"}, "item_id"),
    ],
)
def test_a_product_with_a_wrong_value(client: TestClient, path: str, body: dict[str, Any], field: str) -> None:
    assert set(refused(client.put(f"/v1/products/{path}", json=body))) == {field}


def test_head_of_health(shop: Runtime, client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    assert client.head("/health/live").status_code == 200
    assert client.head("/health/ready").status_code == 200
    monkeypatch.setattr(type(shop), "problems", lambda _: ["the store is away"])
    assert client.head("/health/ready").status_code == 503


def test_an_id_that_is_blank_is_nobody(client: TestClient) -> None:
    """A file's blank ids are refused; so are those sent here."""
    assert "not blank" in refused(client.post("/v1/people/u001/sign-in", json={"session_id": " \u3000"}))["session_id"]
    assert "not blank" in refused(client.post("/v1/people/%20/sign-in", json={"session_id": "s1"}))["user_id"]
    assert client.post("/v1/people/u 1/sign-in", json={"session_id": "s 1"}).status_code == 200


def test_names_and_fields_are_refused_in_words(client: TestClient) -> None:
    arms = [{"name": "a", "share": 0.5}, {"name": "b", "share": 0.5, "bundel": "x"}]
    reasons = refused(client.post("/v1/experiments", json={"name": "My test", "arms": arms}))
    assert "no such field" in reasons["arms[1].bundel"]
    assert "small letters" in reasons["name"]
    assert "is needed" in refused(client.post("/v1/experiments", json={"name": "x"}))["arms"]
    answer = client.post("/v1/attributes/proposals/accept", json={"proposal_ids": ["first"]})
    assert "32 digits and letters" in refused(answer)["proposal_ids[0]"]


def test_a_time_that_we_told_may_be_sent_again(shop: Runtime, client: TestClient) -> None:
    """Answers say microseconds; the same event in each form is one event."""
    event = {"event_type": "view", "session_id": "again", "item_id": "p001"}
    forms: list[Any] = [
        1_700_000_000,
        1_700_000_000_000,
        1_700_000_000_000_000,
        "2023-11-14T22:13:20Z",
        "2023-11-14T22:13:20",
    ]
    answers = [client.post("/v1/events", json=event | {"timestamp": form}).json()["stored"] for form in forms]
    assert answers == [1, 0, 0, 0, 0]
    exact = 1_700_000_000_123_457
    client.post("/v1/events", json=event | {"timestamp": exact})
    assert max(one.timestamp for one in shop.store.events.history(session_id="again", limit=9)) == exact
    post = {"text": "the lid leaks", "timestamp": exact}
    assert client.post("/v1/opinions", json={"posts": [post]}).json()["posts"][0]["timestamp"] == told(exact)
    for since in (exact - 10**9, told(exact - 10**9)):
        assert client.get("/v1/opinions/trends", params={"since": since}).json()["since"] == told(exact - 10**9)
    assert "before 1970" in refused(client.post("/v1/events", json=event | {"timestamp": 10**17 - 1}))["timestamp"]
