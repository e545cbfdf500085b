"""Everything held about a person comes out, and goes, with a record that does not tell who."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from shoplens.apps.interaction.turns import Turn
from shoplens.cli import people as _people  # noqa: F401 - registers its commands
from shoplens.cli.app import app
from shoplens.http.app import create_app
from shoplens.http.wire.catalogue import Forgotten, GuestExport, GuestForgotten, PersonExport
from shoplens.recommend.asking import Ask
from shoplens.service.runtime import Runtime
from shoplens.testing.served_shop import open_tiny_shop


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Runtime]:
    with open_tiny_shop(tmp_path, trained=False, settings={"encoders": {"text": "hashed-ngrams"}}) as shop:
        yield shop


def test_all_that_is_held_comes_out_and_goes(shop: Runtime) -> None:
    client = TestClient(create_app(shop))
    client.post("/v1/recommend", json={"user_id": "u001", "n": 3})
    shop.search.search(Ask(text="hammer", user_id="u001"))
    shop.interaction.turn(Turn(text="hammer", user_id="u001"))
    shop.search.suggest("", 5, "u001")
    held = client.get("/v1/people/u001/export").json()
    PersonExport.model_validate(held, strict=True)
    assert held["fields"]["region"] == "r1"
    assert held["events"][0].keys() >= {"event_type", "timestamp", "item_id", "price", "session_id"}
    assert [one["query"] for one in held["searches"]] == ["hammer", "hammer"]
    assert len(held["impressions"][0]["shown"]) == 3
    assert len(held["conversations"]) == 1
    gone = client.delete("/v1/people/u001").json()
    Forgotten.model_validate(gone, strict=True)
    assert gone["events"] == len(held["events"])
    assert [gone[name] for name in ("people", "searches", "impressions", "conversations")] == [1, 2, 1, 1]
    assert client.get("/v1/people/u001/export").status_code == 404
    assert client.delete("/v1/people/u001").status_code == 404
    assert shop.search.suggest("", 5, "u001") == shop.search.suggest("", 5, "nobody")


def test_a_guest_comes_out_and_goes_alone(shop: Runtime) -> None:
    client = TestClient(create_app(shop))
    for session, user in (("g1", None), ("g2", None), ("g1", "u001")):
        who = {"session_id": session, **({"user_id": user} if user else {})}
        event = {"event_type": "view", "item_id": "p001", **who}
        assert client.post("/v1/events", json=event).status_code == 200
        client.post("/v1/recommend", json={"n": 3, **who})
        shop.search.search(Ask(text="hammer", user_id=user, session_id=session))
        shop.search.suggest("", 5, user, session)
    talk = shop.interaction.turn(Turn(text="hammer")).session_id
    held = client.get("/v1/sessions/g1/export").json()
    GuestExport.model_validate(held, strict=True)
    assert [len(held[name]) for name in ("events", "searches", "impressions", "conversations")] == [1, 1, 1, 0]
    assert held["profile"] is not None
    assert len(client.get(f"/v1/sessions/{talk}/export").json()["conversations"]) == 1
    before = client.get("/v1/people/u001/export").json()
    gone = client.delete("/v1/sessions/g1").json()
    GuestForgotten.model_validate(gone, strict=True)
    assert gone.pop("session_id") == "g1"
    assert gone == {"events": 1, "searches": 1, "impressions": 1, "transcripts": 0, "conversations": 0}
    assert client.delete(f"/v1/sessions/{talk}").json()["conversations"] == 1
    assert not len(shop.interaction.sessions)
    for answer in (client.get("/v1/sessions/g1/export"), client.delete("/v1/sessions/g1")):
        assert answer.status_code == 404
    assert "g1" not in shop.answers._exposure._recent
    assert client.get("/v1/sessions/g2/export").json()["searches"]
    assert client.get("/v1/people/u001/export").json()["events"] == before["events"]


def test_what_they_wrote_in_public_comes_out_and_goes(shop: Runtime) -> None:
    client = TestClient(create_app(shop))
    post = {"text": "the lid leaks", "item_id": "p001", "author": "u001"}
    assert client.post("/v1/opinions", json={"posts": [post]}).json()["accepted"] == 1
    assert [one["text"] for one in client.get("/v1/people/u001/export").json()["opinions"]] == ["the lid leaks"]
    assert client.delete("/v1/people/u001").json()["opinions"] == 1


def test_another_process_drops_what_it_remembers(shop: Runtime) -> None:
    shop.search.search(Ask(text="hammer", user_id="u001"))
    shop.search.suggestions.note("hammer", 1, user_id="u001")
    with Runtime(shop.workspace, shop.store) as other:
        other.forget_person("u001")
        shop.watching.look()
        assert not shop.search.suggestions._own


def test_the_commands(shop: Runtime, tmp_path: Path) -> None:
    def run(*words: str, code: int = 0) -> str:
        result = CliRunner().invoke(app, ["people", *words, "-w", str(tmp_path)])
        assert result.exit_code == code, result.output
        return result.stdout

    assert json.loads(run("export", "u002"))["user_id"] == "u002"
    assert json.loads(run("export", "u002", "-o", str(tmp_path / "out.json"), "--json"))["events"] > 0
    assert json.loads((tmp_path / "out.json").read_bytes())["user_id"] == "u002"
    assert "nobody was forgotten" in run("audit")
    run("forget", "u002", "--json", code=2)  # nobody can be asked, and nothing goes
    run("forget", "u002", code=2)
    assert json.loads(run("forget", "u002", "--yes", "--json"))["people"] == 1
    assert "u003 is forgotten" in run("forget", "u003", "--yes")
    found = json.loads(run("audit", "--user", "u002", "--json"))
    assert (len(found["records"]), found["broken"], found["about"]) == (2, None, [1])
    assert "u003 was forgotten" in run("audit", "--user", "u003")
    assert "u004 is not among those who were forgotten" in run("audit", "--user", "u004")
    assert "1 person" in run("audit")
    shop.answers.recommend(shop.wish(), None, "g1")
    assert shop.logs["impressions"].flush()
    assert len(json.loads(run("export", "--session", "g1"))["impressions"]) == 1
    assert "session g1 is forgotten: 1 " in run("forget", "--session", "g1", "--yes")
    found = json.loads(run("audit", "--session", "g1", "--json"))
    assert (found["about"], [one["kind"] for one in found["records"]]) == ([3], ["person", "person", "guest"])
    assert json.loads(run("audit", "--user", "g1", "--json"))["about"] == []
    for words in (("export",), ("export", "u004", "--session", "g1"), ("forget", "--yes")):
        run(*words, code=2)
    with shop.store._database.writing() as connection:  # type: ignore[attr-defined]
        connection.exec_driver_sql("UPDATE erasure SET counts = '{}' WHERE sequence = 1")
    assert json.loads(run("audit", "--json", code=1))["broken"] == 1
