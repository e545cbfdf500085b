"""Segments reach a server: from Python, from the command line, over HTTP; signed, and tried again when it is away."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr
from tests.service.hook_receiver import Receiver, receiving
from typer.testing import CliRunner

from shoplens.cli import profile as _profile  # noqa: F401 - registers its commands
from shoplens.cli.app import app
from shoplens.errors import ServiceError
from shoplens.http.app import create_app
from shoplens.service import profiles
from shoplens.service.profiles import send_segments
from shoplens.service.runtime import Runtime
from shoplens.service.settings import ProfileSettings
from shoplens.service.webhook import is_signed
from shoplens.testing.profile_shop import PEOPLE, open_profile_shop

SECRET = "between us"
AWAY = [(500, {"Retry-After": "0"}), (500, {})]  # the second time without a word about when to come again: a second


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("shop")
    open_profile_shop(where, now=int(time.time() * 1e6)).close()
    return where


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as server:
        yield server


@pytest.fixture
def shop(folder: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runtime]:
    """The shop whose settings name the receiver, as a shop names it in the environment."""
    monkeypatch.setenv("SHOPLENS_PROFILE__WEBHOOK_URL", receiver.url)
    monkeypatch.setenv("SHOPLENS_PROFILE__WEBHOOK_SECRET", SECRET)
    monkeypatch.setenv("SHOPLENS_PROFILE__WEBHOOK_PRIVATE", "true")
    with Runtime.open(folder) as found:
        yield found


def messages(receiver: Receiver, tries: int) -> list[dict[str, object]]:
    """What was acknowledged, in its order; all that was sent is signed, and tries of one message are the same."""
    assert len(receiver.got) == tries
    for headers, body in receiver.got:
        assert is_signed(SECRET.encode(), body, headers["x-shoplens-signature"], now=time.time())
        assert not is_signed(b"another", body, headers["x-shoplens-signature"], now=time.time())
    bodies = {headers["idempotency-key"]: body for headers, body in receiver.got}
    assert len({(headers["idempotency-key"], body) for headers, body in receiver.got}) == len(bodies)
    return [orjson.loads(body) for body in bodies.values()]


def test_it_goes_on_where_a_part_did_not_arrive(
    shop: Runtime, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profiles, "MEMBERS_A_MESSAGE", 100)
    receiver.answers = [(200, {}), (400, {})]
    with pytest.raises(ServiceError, match="part 2 of 2 did not arrive, go on after user_id 'u099'"):
        send_segments(shop.settings.profile, shop.profiles, shop.shelf, None)
    seen: list[tuple[int, int]] = []
    rest = send_segments(
        shop.settings.profile, shop.profiles, shop.shelf, None, after="u099", progress=lambda *part: seen.append(part)
    )
    assert (rest["people"], rest["messages"], seen) == (PEOPLE - 100, 1, [(1, 1)])


def test_from_python(shop: Runtime, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiles, "MEMBERS_A_MESSAGE", 100)
    receiver.answers = list(AWAY)
    sent = send_segments(shop.settings.profile, shop.profiles, shop.shelf, None)
    assert sent == {"people": PEOPLE, "messages": 2, "tries": 4}
    first, second = messages(receiver, 4)
    assert (first["kind"], first["part"], first["parts"], second["part"]) == ("segments", 1, 2, 2)
    people = [*first["people"], *second["people"]]  # type: ignore[misc]
    assert {one["user_id"] for one in people} == {f"u{k:03}" for k in range(PEOPLE)}
    segments = [one.as_dict() for one in shop.profiles.segments(shop.shelf)]
    assert first["segments"] == second["segments"] == orjson.loads(orjson.dumps(segments))


def test_from_the_command_line(shop: Runtime, receiver: Receiver, folder: Path) -> None:
    segment = shop.profiles.segments(shop.shelf)[0].id
    receiver.answers = list(AWAY[:1])
    words = ["profile", "export", "--webhook", "--segment", segment, "-w", str(folder), "--json"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    (message,) = messages(receiver, 2)
    people = message["people"]
    assert isinstance(people, list)
    assert json.loads(result.stdout) == {"people": len(people), "messages": 1, "tries": 2}
    assert {one["segment"] for one in people} == {segment}
    assert [one["id"] for one in message["segments"]] == [segment]  # type: ignore[attr-defined]


def test_over_http(shop: Runtime, receiver: Receiver) -> None:
    client = TestClient(create_app(shop), raise_server_exceptions=False)
    receiver.answers = list(AWAY[:1])
    answer = client.post("/v1/segments/export")
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"people": PEOPLE, "messages": 1, "tries": 2}
    (everybody,) = messages(receiver, 2)
    receiver.got.clear()
    segment = everybody["segments"][1]["id"]  # type: ignore[index]
    assert client.post("/v1/segments/export", json={"segment": segment}).json()["messages"] == 1
    (one,) = messages(receiver, 1)
    members = client.get(f"/v1/segments/{segment}/people?limit=1000").json()["people"]
    assert [person["user_id"] for person in one["people"]] == sorted(person["user_id"] for person in members)  # type: ignore[attr-defined]
    assert client.post("/v1/segments/export", json={"segment": "s99"}).status_code == 404
    receiver.answers = [(403, {})]
    refused = client.post("/v1/segments/export")
    assert refused.status_code >= 400
    assert "refused" in refused.json()["detail"]
    assert "key=secret" not in refused.text


def test_one_that_stays_away_is_told(shop: Runtime, receiver: Receiver) -> None:
    secret = SecretStr(SECRET)
    settings = ProfileSettings(webhook_url=receiver.url, webhook_secret=secret, webhook_private=True, webhook_retries=1)
    receiver.answers = [(500, {"Retry-After": "0"})] * 2
    with pytest.raises(ServiceError, match="not delivered after 2 tries"):
        send_segments(settings, shop.profiles, shop.shelf, None)
    messages(receiver, 2)
