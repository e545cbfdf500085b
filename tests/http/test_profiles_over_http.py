"""Profiles, segments, look-alikes and exports over HTTP: exact shapes, both languages, roles, and a signed webhook."""

import csv
import io
import json
import time
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from shoplens.http.app import create_app
from shoplens.http.wire.profiles import AudienceAnswer, LookAlikesAnswer, MembersAnswer, ProfileOut, SegmentsAnswer
from shoplens.service.runtime import Runtime
from shoplens.testing.profile_shop import GUEST, PEOPLE, STEADY, open_profile_shop

KEYS = {"reader": "read", "writer": "write", "boss": "admin"}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    settings = {"server": {"api_keys": KEYS}, "encoders": {"text": "hashed-ngrams"}}
    now = int(time.time() * 1e6)
    with open_profile_shop(tmp_path_factory.mktemp("shop"), now=now, settings=settings) as shop:
        yield shop


@pytest.fixture(scope="module")
def client(shop: Runtime) -> TestClient:
    return TestClient(create_app(shop), headers={"X-API-Key": "boss"}, raise_server_exceptions=False)


def test_a_profile(client: TestClient) -> None:
    answer = client.get(f"/v1/people/{STEADY}/profile")
    assert answer.status_code == 200, answer.text
    body = answer.json()
    ProfileOut.model_validate(body, strict=True)
    assert set(body) == set(ProfileOut.model_fields)
    assert body["rhythm"]["gap_days"] == 7
    zh = client.get(f"/v1/people/{STEADY}/profile?language=zh").json()
    assert zh["summary"][0]["text"].startswith("自")
    told = {"summary", "segment", "as_of", "missing"}
    assert {name: zh[name] for name in zh if name not in told} == {
        name: body[name] for name in body if name not in told
    }
    guest = client.get(f"/v1/sessions/{GUEST}/profile").json()
    assert (guest["user_id"], guest["session_id"]) == (None, GUEST)
    assert client.get("/v1/people/nobody/profile").status_code == 404
    assert client.get(f"/v1/people/{STEADY}/profile?language=fr").status_code == 422
    held = client.get(f"/v1/people/{STEADY}/export").json()
    assert held["profile"]["activity"] == body["activity"]


def test_segments_and_look_alikes(client: TestClient) -> None:
    segments = client.get("/v1/segments").json()
    SegmentsAnswer.model_validate(segments, strict=True)
    first = segments["segments"][0]["id"]
    members = client.get(f"/v1/segments/{first}/people?limit=3").json()
    MembersAnswer.model_validate(members, strict=True)
    assert len(members["people"]) == 3
    assert members["total"] >= segments["segments"][0]["people"] - 5
    everybody = client.get(f"/v1/segments/{first}/people?limit=1000").json()
    assert everybody["cursor"] is None
    paged, page = list(members["people"]), members
    while page["cursor"] is not None:
        asked = {"limit": 3, "cursor": page["cursor"]}
        page = client.get(f"/v1/segments/{first}/people", params=asked).json()
        paged += page["people"]
    assert paged == everybody["people"]
    refused = client.get(f"/v1/segments/{first}/people?cursor=none")
    assert refused.status_code == 422
    assert "start again without a cursor" in refused.json()["detail"]
    for path in (f"/v1/people/{STEADY}/look-alikes?n=4", f"/v1/segments/{first}/look-alikes?n=4"):
        alike = client.get(path).json()
        LookAlikesAnswer.model_validate(alike, strict=True)
        assert len(alike["people"]) <= 4
    assert client.get(f"/v1/people/{STEADY}/look-alikes?n=4").json()["people"]
    assert client.get("/v1/segments/s99/people").status_code == 404


def test_all_profiles_and_profiles_as_they_were(client: TestClient) -> None:
    answer = client.get("/v1/profiles")
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    every = [json.loads(line) for line in answer.text.splitlines()]
    assert len(every) == PEOPLE
    ProfileOut.model_validate(every[0], strict=True)
    assert len(client.get("/v1/profiles", params={"after": every[-3]["user_id"]}).text.splitlines()) == 2
    assert client.get("/v1/profiles?after=nobody").status_code == 404
    early = client.get(f"/v1/people/{STEADY}/profile?as_of=2020-01-31").json()
    assert early["activity"]["events"] == 0
    assert early["as_of"] == "2020-01-31T23:59:59Z"
    assert client.get(f"/v1/people/{STEADY}/profile?as_of=yesterday").status_code == 422
    csv_then = client.get("/v1/segments/export?as_of=2020-01-31T12:00Z").text.splitlines()
    assert csv_then[1].endswith(",0,0.0,")


def test_people_like_those_of_a_list(client: TestClient) -> None:
    asked = {"user_ids": [f"u{k:03}" for k in range(0, 120, 4)] + ["ghost"], "n": 5}
    body = client.post("/v1/look-alikes", json=asked).json()
    AudienceAnswer.model_validate(body, strict=True)
    assert len(body["people"]) == 5
    assert body["unknown"] == ["ghost"]
    assert body["found_again"]["share"] > body["found_again"]["chance"]
    assert client.post("/v1/look-alikes", json={"user_ids": ["ghost"]}).status_code == 404
    assert client.post("/v1/look-alikes", json={"user_ids": []}).status_code == 422


def test_an_export_is_csv(client: TestClient) -> None:
    answer = client.get("/v1/segments/export")
    assert answer.headers["content-type"].startswith("text/csv")
    assert client.get("/v1/segments/export?excel=true").content == b"\xef\xbb\xbf" + answer.content
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(rows) == PEOPLE
    assert {"user_id", "segment", "segment_name", "churn", "recency_days", "visits", "paid"} <= set(rows[0])
    first = client.get("/v1/segments").json()["segments"][0]
    some = list(csv.DictReader(io.StringIO(client.get(f"/v1/segments/export?segment={first['id']}").text)))
    assert {row["segment_name"] for row in some} == {first["names"]["en"]}
    nowhere = client.post("/v1/segments/export", json={})
    assert client.post("/v1/segments/export").json()["detail"] == nowhere.json()["detail"]
    assert nowhere.status_code == 409
    assert "webhook_url" in nowhere.json()["detail"]


@pytest.mark.parametrize(
    ("method", "path", "role"),
    [
        ("GET", f"/v1/people/{STEADY}/profile", "reader"),
        ("GET", "/v1/segments", "reader"),
        ("GET", f"/v1/people/{STEADY}/look-alikes", "writer"),
        ("GET", "/v1/segments/export", "writer"),
        ("GET", f"/v1/people/{STEADY}/export", "writer"),
        ("POST", "/v1/look-alikes", "writer"),
        ("GET", "/v1/profiles?after=nobody", "writer"),
        ("POST", "/v1/segments/export", "boss"),
    ],
)
def test_roles(client: TestClient, method: str, path: str, role: str) -> None:
    below = list(KEYS)[: list(KEYS).index(role)]
    body: dict[str, str] | None = {} if method == "POST" else None
    for key in below:
        assert client.request(method, path, json=body, headers={"X-API-Key": key}).status_code == 403
    assert client.request(method, path, json=body, headers={"X-API-Key": role}).status_code not in (401, 403)
