"""Every route, every role and scope: who is let in, who is refused, and that OpenAPI says so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from shoplens.http.app import create_app
from shoplens.service.grants import ROLES, SCOPES, read_grant
from shoplens.testing.served_shop import open_tiny_shop

OPEN = {"GET /health/live", "GET /health/ready", "GET /metrics"}
#: All that needs a key: role and scopes → operations. A new route has to be put where it belongs.
NEEDED = {
    "read shop": """
        POST /v1/recommend, POST /v1/similar, POST /v1/cart, POST /v1/search, GET /v1/suggest, POST /v1/interact,
        POST /v1/assistant, POST /v1/assistant/feedback,
        GET /v1/assistant/conversations/{conversation_id}/messages,
        POST /v1/assistant/conversations/{conversation_id}/leave""",
    "read shop|catalogue": """
        GET /v1/products/{item_id}, GET /v1/products/{item_id}/media, GET /v1/products/{item_id}/media/{name}""",
    "read shop|analysis": "GET /v1/search/trending, POST /v1/audio/transcriptions",
    "read analysis|catalogue": "GET /v1/search/rules",
    "read shop|operation": "GET /v1/scenarios",
    "write events": "POST /v1/events, POST /v1/events/bulk, POST /v1/people/{user_id}/sign-in",
    "write catalogue": """
        POST /v1/search/rules, DELETE /v1/search/rules/{rule_id}, POST /v1/search/rules/{rule_id}/restore,
        POST /v1/products/bulk, PUT /v1/products/{item_id}, DELETE /v1/products/{item_id},
        POST /v1/products/{item_id}/media, DELETE /v1/products/{item_id}/media/{name},
        POST /v1/attributes/proposals/accept, POST /v1/attributes/proposals/reject,
        POST /v1/attributes/proposals/reopen""",
    "read catalogue|analysis": """
        POST /v1/attributes/extract, GET /v1/attributes/proposals, POST /v1/attributes/check,
        GET /v1/attributes/insights, GET /v1/attributes/alike/{item_id}""",
    "read people": """
        GET /v1/people/{user_id}, GET /v1/people/{user_id}/profile, GET /v1/sessions/{session_id}/profile,
        GET /v1/segments""",
    "write people": """
        PUT /v1/people/{user_id}, DELETE /v1/people/{user_id}, GET /v1/people/{user_id}/export,
        DELETE /v1/sessions/{session_id}, GET /v1/sessions/{session_id}/export,
        GET /v1/people/{user_id}/look-alikes, POST /v1/look-alikes, GET /v1/profiles, GET /v1/segments/export,
        GET /v1/segments/{segment}/people,
        GET /v1/segments/{segment}/look-alikes, GET /v1/assistant/conversations,
        GET /v1/assistant/conversations/{conversation_id}, GET /v1/erasures,
        DELETE /v1/assistant/conversations/{conversation_id}, GET /v1/assistant/handovers,
        POST /v1/assistant/handovers/{conversation_id}/take, POST /v1/assistant/handovers/{conversation_id}/answer,
        POST /v1/assistant/handovers/{conversation_id}/give-back""",
    "admin people": "POST /v1/segments/export",
    "read analysis": """
        GET /v1/search/analytics, POST /v1/classify, GET /v1/classify, POST /v1/entities, GET /v1/entities,
        POST /v1/embeddings, GET /v1/opinions/series, GET /v1/opinions/topics, GET /v1/opinions/trends,
        GET /v1/opinions/alerts""",
    "write analysis": "POST /v1/opinions, POST /v1/opinions/alerts/{alert_id}/acknowledge",
    "read operation": """
        GET /v1/bundles, GET /v1/bundles/history, GET /v1/experiments, GET /v1/experiments/{name}""",
    "write operation": """
        POST /v1/assistant/learn, POST /v1/assistant/evaluate, GET /v1/assistant/jobs,
        GET /v1/assistant/jobs/{job_id}""",
    "admin operation": """
        POST /v1/bundles/{version}/judge, POST /v1/bundles/{version}/replay, POST /v1/bundles/{version}/promote,
        POST /v1/bundles/{version}/rollback, POST /v1/experiments, POST /v1/experiments/{name}/stop,
        GET /v1/keys, POST /v1/keys, DELETE /v1/keys/{name}, GET /v1/jobs, POST /v1/jobs, GET /v1/jobs/{job_id},
        GET /v1/doctor""",
}
OPERATIONS = {one.strip(): needed for needed, many in NEEDED.items() for one in many.split(",")}
GRANTS = [*ROLES, *(f"admin:{scope}" for scope in SCOPES), *(f"read:{scope}" for scope in SCOPES), "write:shop,events"]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    keys = {"server": {"api_keys": {f"key {grant}": grant for grant in GRANTS}}, "encoders": {"text": "hashed-ngrams"}}
    with open_tiny_shop(tmp_path_factory.mktemp("asked"), settings=keys) as shop:
        yield TestClient(create_app(shop))


@pytest.fixture(scope="module")
def described(client: TestClient) -> dict[str, Any]:
    paths = client.get("/openapi.json").json()["paths"]
    return {f"{method.upper()} {path}": one for path, methods in paths.items() for method, one in methods.items()}


def test_every_route_is_in_the_table(described: dict[str, Any]) -> None:
    assert set(described) - OPEN == set(OPERATIONS)
    assert all("security" not in described[one] for one in OPEN)


@pytest.mark.parametrize("grant", GRANTS)
def test_a_key_opens_what_its_role_and_scopes_reach(client: TestClient, described: dict[str, Any], grant: str) -> None:
    held, wrong = read_grant(grant), []
    for operation, needed in OPERATIONS.items():
        role, scopes = needed.split(" ")
        method, path = operation.split(" ")
        allowed = held.as_deep_as(role) and held.covers(scopes.split("|"))
        assert described[operation]["security"] == [
            {scheme: [role, scope]} for scheme in ("apiKey", "bearer") for scope in scopes.split("|")
        ], operation
        # nothing that would do anything: no body, and ids of nobody
        answer = client.request(
            method, path.replace("{", "no-").replace("}", ""), headers={"x-api-key": f"key {grant}"}
        )
        if (answer.status_code == 403) is allowed or answer.status_code == 401 or answer.status_code >= 500:
            wrong.append((operation, answer.status_code, answer.text[:200]))
        elif not allowed:
            assert (f"{role!r}" if not held.as_deep_as(role) else scopes.split("|")[0]) in answer.json()["detail"]
    assert not wrong


def test_a_storefronts_key_reads_nobody(client: TestClient) -> None:
    headers = {"x-api-key": "key write:shop,events"}
    event = {"event_type": "view", "user_id": "u1", "item_id": "p1"}
    assert client.post("/v1/events", json=event, headers=headers).status_code == 200
    assert client.post("/v1/recommend", json={"user_id": "u1"}, headers=headers).status_code == 200
    refused = client.get("/v1/people/u1", headers=headers)
    assert refused.status_code == 403
    assert refused.json()["detail"] == "this key may write:events,shop; the scope 'people' is needed here"
    asked = {"text": "where is my order?", "user_id": "u1"}
    form: Any = {name: (None, value) for name, value in asked.items()}
    for refused in (
        client.post("/v1/assistant", json=asked, headers=headers),
        client.post("/v1/assistant", files=form, headers=headers),
    ):
        assert refused.status_code == 403, refused.text
        assert "people" in refused.json()["detail"]
    messages = client.get("/v1/assistant/conversations/none/messages?user_id=u1", headers=headers)
    assert messages.status_code == 403
    assert client.post("/v1/assistant", json={"text": "hello"}, headers=headers).status_code == 200


def test_what_a_message_meant_is_learnt_from_who_may_write_about_people(client: TestClient) -> None:
    said = {"conversation_id": "none", "turn": 1, "helpful": True, "intent": "greeting"}
    asked = "/v1/assistant/feedback"
    assert client.post(asked, json=said, headers={"x-api-key": "key write:shop,events"}).status_code == 403
    assert client.post(asked, json=said, headers={"x-api-key": "key write"}).status_code == 404
