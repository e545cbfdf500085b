"""Keys, jobs, findings and the record of who was forgotten, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from shoplens.http.app import create_app
from shoplens.service.keyring import Keyring
from shoplens.service.runtime import Runtime
from shoplens.service.schedule import Schedule
from shoplens.testing.served_shop import open_tiny_shop

BOSS = {"x-api-key": "the-boss"}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Runtime]:
    keys = {"server": {"api_keys": {"the-boss": "admin"}}}
    with open_tiny_shop(tmp_path, trained=False, settings=keys) as shop:
        yield shop


@pytest.fixture
def client(shop: Runtime) -> TestClient:
    return TestClient(create_app(shop))


def test_a_key_is_told_once_and_ends(client: TestClient, shop: Runtime) -> None:
    wanted = {"name": "storefront", "role": "write", "scopes": ["shop", "events"], "per_minute": 100}
    made = client.post("/v1/keys", json=wanted, headers=BOSS)
    assert made.status_code == 201
    key = made.json().pop("key")
    assert made.headers["cache-control"] == "no-store"
    (kept,) = client.get("/v1/keys", headers=BOSS).json()["keys"]
    assert kept == {name: value for name, value in made.json().items() if name != "key"}
    assert kept["scopes"] == ["events", "shop"]
    assert client.post("/v1/keys", json=wanted, headers=BOSS).status_code == 409
    theirs = {"x-api-key": key}
    assert client.post("/v1/recommend", json={}, headers=theirs).status_code == 200
    assert client.get("/v1/keys", headers=theirs).status_code == 403
    assert client.delete("/v1/keys/storefront", headers=BOSS).json()["name"] == "storefront"
    assert client.post("/v1/recommend", json={}, headers=theirs).status_code == 401
    assert client.delete("/v1/keys/storefront", headers=BOSS).status_code == 404
    assert shop.keyring.begun


def test_no_key_reaches_further_than_the_one_that_makes_it(client: TestClient, shop: Runtime) -> None:
    mine = {"x-api-key": shop.keyring.create("operator", "admin", scopes=["operation", "shop"])}
    shop.keyring.create("all", "read")
    for reach, status in (
        ({"role": "admin"}, 403),
        ({"role": "read"}, 403),
        ({"role": "read", "scopes": ["people"]}, 403),
        ({"role": "read", "scopes": ["shop", "people"]}, 403),
        ({"role": "write", "scopes": ["shop"]}, 201),
    ):
        assert client.post("/v1/keys", json={"name": "x", **reach}, headers=mine).status_code == status, reach
    slow = {"x-api-key": shop.keyring.create("slow", "admin", per_minute=30)}
    for often, status in ((31, 403), (30, 201)):
        made = client.post("/v1/keys", json={"name": "y", "role": "read", "per_minute": often}, headers=slow)
        assert made.status_code == status, made.text
    assert client.delete("/v1/keys/all", headers=mine).status_code == 403
    assert client.delete("/v1/keys/x", headers=mine).status_code == 200
    assert client.delete("/v1/keys/all", headers=BOSS).status_code == 200


def test_the_first_key_is_made_at_the_machine(tmp_path: Path) -> None:
    with open_tiny_shop(tmp_path, trained=False) as shop:
        client = TestClient(create_app(shop))
        assert client.get("/v1/keys").json() == {"keys": []}
        refused = client.post("/v1/keys", json={"name": "x", "role": "admin"})
        assert refused.status_code == 403
        assert "shoplens keys create" in refused.json()["detail"]
        assert not Keyring(tmp_path).begun


@pytest.mark.parametrize(
    "body",
    [{"name": "a b"}, {"name": "a", "role": "root"}, {"name": "a", "scopes": []}, {"name": "a", "scopes": ["x"]}],
)
def test_keys_that_make_no_sense(client: TestClient, body: dict[str, Any]) -> None:
    assert client.post("/v1/keys", json=body, headers=BOSS).status_code == 422


def test_a_backup_is_asked_for_here_and_written_elsewhere(client: TestClient, shop: Runtime) -> None:
    asked = client.post("/v1/jobs", json={"what": "backup", "without": ["features"]}, headers=BOSS)
    assert asked.status_code == 202
    job = asked.json()
    assert (job["state"], job["began"]) == ("waiting", None)
    assert "shoplens schedule" in job["note"]
    assert client.post("/v1/jobs", json=asked_again(job), headers=BOSS).json()["job_id"] == job["job_id"]
    assert not (shop.workspace.root / "backups").exists()
    keeper = Schedule(shop.workspace, shop.store)
    try:
        assert client.get("/v1/jobs", headers=BOSS).json()["attended"] is True
        assert keeper.do_jobs() == []
    finally:
        keeper.close()
    done = client.get(f"/v1/jobs/{job['job_id']}", headers=BOSS).json()
    assert done["state"] == "done", done
    (file,) = (shop.workspace.root / "backups").iterdir()
    assert done["outcome"].startswith(file.name)
    assert client.get("/v1/jobs", headers=BOSS).json() == {"jobs": [done], "attended": False}
    assert client.get("/v1/jobs/nothing", headers=BOSS).status_code == 404
    for body in ({"what": "restore"}, {"what": "backup", "without": ["/etc"]}, {"what": "train", "without": ["media"]}):
        assert client.post("/v1/jobs", json=body, headers=BOSS).status_code == 422


def asked_again(job: dict[str, Any]) -> dict[str, Any]:
    return {name: job[name] for name in ("what", "without")}


def test_what_is_wrong_here(client: TestClient) -> None:
    found = client.get("/v1/doctor", headers=BOSS).json()
    assert not found["well"]
    assert "train" in next(one["advice"] for one in found["findings"] if one["subject"] == "bundle")


def test_who_was_forgotten(client: TestClient, shop: Runtime) -> None:
    shop.forget_person("u001")
    told = client.get("/v1/erasures", params={"user_id": "u001"}, headers=BOSS).json()
    assert (told["broken"], told["about"], told["records"][0]["kind"]) == (None, [1], "person")
    assert "u001" not in str(told)
    assert client.get("/v1/erasures", params={"session_id": "u001"}, headers=BOSS).json()["about"] == []
    both = client.get("/v1/erasures", params={"session_id": "a", "user_id": "b"}, headers=BOSS)
    assert both.status_code == 422
