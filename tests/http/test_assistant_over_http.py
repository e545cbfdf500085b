"""POST /v1/assistant: JSON and events, feedback, transcripts, who may do what."""

from __future__ import annotations

import asyncio
import io
import threading
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, cast

import orjson
import pytest
from fastapi.testclient import TestClient
from PIL import Image
from starlette.requests import Request
from typer.testing import CliRunner

from shoplens.apps.assistant import Reply, Sentence
from shoplens.apps.assistant.listening import Listener
from shoplens.apps.interaction.keeping import FolderKeeper
from shoplens.cli import assistant_evaluate as _assistant  # noqa: F401 - registers all its commands
from shoplens.cli.app import app
from shoplens.errors import StoreUnavailableError
from shoplens.http.app import create_app
from shoplens.http.routes.assistant_stream import stream_turn
from shoplens.http.wire.assistant import AssistantAnswer, TranscriptOut
from shoplens.service.assistant_tools import shopping_session
from shoplens.service.runtime import Runtime
from shoplens.service.sample_support import sample_dialogues
from shoplens.testing.assisted_shop import API_KEY, open_assisted_shop

READER, ADMIN = {"x-api-key": "a-reader"}, {"x-api-key": API_KEY}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    with open_assisted_shop(tmp_path_factory.mktemp("served")) as shop:
        yield shop


@pytest.fixture(scope="module")
def client(shop: Runtime) -> TestClient:
    return TestClient(create_app(shop), raise_server_exceptions=False)


def test_a_message_is_answered(client: TestClient) -> None:
    body = client.post("/v1/assistant", json={"text": "how long can I return shoes?"}, headers=READER).json()
    AssistantAnswer.model_validate(body, strict=False)
    assert set(body) == set(AssistantAnswer.model_fields)
    assert "30 days" in body["text"]
    assert {name for one in body["sentences"] for name in one["sources"]} <= {one["id"] for one in body["sources"]}
    following = {"text": "hello", "conversation_id": body["conversation_id"]}
    assert client.post("/v1/assistant", json=following, headers=READER).json()["turn"] == 2


def test_what_became_of_an_order_is_told_from_then_on(client: TestClient) -> None:
    event = {"event_type": "order_status", "user_id": "carol"}
    assert client.post("/v1/events", json={**event, "context": {"status": "shipped"}}, headers=ADMIN).status_code == 422
    told = {"order_id": "5000123", "status": "shipped", "carrier": "DHL", "tracking_number": "0034"}
    assert client.post("/v1/events", json={**event, "context": told}, headers=ADMIN).json()["stored"] == 1
    asked = {"text": "what is the tracking number of my order?", "user_id": "carol"}
    text = client.post("/v1/assistant", json=asked, headers=READER).json()["text"]
    assert "Tracking number: DHL 0034." in text
    asked = {"text": "where is order 5000123", "user_id": "dora"}
    assert "0034" not in client.post("/v1/assistant", json=asked, headers=READER).json()["text"]


@pytest.mark.parametrize("asked", [{"headers": {"accept": "text/event-stream"}}, {"stream": True}])
def test_events_come_sentence_by_sentence(client: TestClient, asked: dict[str, object]) -> None:
    headers = {**READER, **asked.get("headers", {})}  # type: ignore[dict-item]
    sent = {"text": "delivery costs?", **({"stream": True} if "stream" in asked else {})}
    answer = client.post("/v1/assistant", json=sent, headers=headers)
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = [block.split("\n") for block in answer.text.strip().split("\n\n")]
    told = [orjson.loads(lines[1].removeprefix("data: ")) for lines in events]
    names = [lines[0].removeprefix("event: ") for lines in events]
    assert names == ["stage", "stage", *["sentence"] * (len(names) - 3), "reply"]
    whole, sentences = told[-1], told[2:-1]
    assert whole["sentences"] == sentences
    assert "3.90 EUR" in whole["text"]
    assert [one["stage"] for one in told[:2]] == ["understood", "found"]
    assert (told[0]["language"], told[1]["outcome"]) == ("en", "answered")
    assert told[1]["sources"] == [one["id"] for one in whole["sources"]]


def test_what_is_refused_keeps_its_status_and_what_fails_later_is_an_event(
    client: TestClient, shop: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {"headers": {**READER, "accept": "text/event-stream"}, "json": {"text": "delivery costs?"}}
    assert client.post("/v1/assistant", **asked | {"json": {"text": " "}}).status_code == 422  # type: ignore[arg-type]
    shop.assistant.follow()
    assistant = shop.assistant.assistant

    def fails(*_: object, **__: object) -> None:
        raise StoreUnavailableError("postgresql://keep-me-secret", told="the database is away")

    monkeypatch.setattr(assistant, "_answer", fails)
    monkeypatch.setattr(assistant, "_reason", lambda *_: None)
    events = client.post("/v1/assistant", **asked).text.strip().split("\n\n")  # type: ignore[arg-type]
    assert [one.split("\n")[0] for one in events] == ["event: stage", "event: error"]
    assert '"status":503' in events[-1]
    assert "keep-me-secret" not in events[-1]
    monkeypatch.setattr(assistant, "_understand", fails)
    assert client.post("/v1/assistant", **asked).status_code == 503  # type: ignore[arg-type]


def test_who_goes_away_ends_the_work(client: TestClient) -> None:
    ended, closed = threading.Event(), asyncio.Event()

    def turn(listener: Listener) -> Reply:
        try:
            while True:
                listener.sentence(Sentence("and so on"))
                time.sleep(0.001)
        finally:
            ended.set()

    async def talk() -> None:
        async with AsyncExitStack() as around:
            around.callback(closed.set)
            answer = await stream_turn(Request({"type": "http"}), turn, around.pop_all())
        events = cast("AsyncGenerator[bytes, None]", answer.body_iterator)
        assert b"and so on" in await anext(events)
        assert not closed.is_set()
        await events.aclose()
        await asyncio.wait_for(closed.wait(), 10)

    asyncio.run(talk())
    assert ended.is_set()


def test_a_form_is_streamed_too(client: TestClient) -> None:
    photo = io.BytesIO()
    Image.new("RGB", (32, 32), "red").save(photo, "PNG")
    form = {"data": {"text": "do you have this?", "stream": "true"}, "files": {"image": photo.getvalue()}}
    answer = client.post("/v1/assistant", headers=READER, **form)  # type: ignore[arg-type]
    last = answer.text.strip().split("\n\n")[-1]
    assert last.startswith("event: error"), "this shop reads no photos"
    assert '"status":422' in last


@pytest.mark.parametrize(
    "body", [{}, {"text": "  "}, {"text": 7}, {"text": "x" * 2_001}, {"text": "hi", "who": 1}, {"text": "\0"}, [], None]
)
def test_what_makes_no_sense_is_refused(client: TestClient, body: object) -> None:
    answer = client.post("/v1/assistant", json=body, headers=READER)
    assert 400 <= answer.status_code < 500
    assert answer.json()["detail"]


def test_transcripts_and_feedback(client: TestClient) -> None:
    said = client.post("/v1/assistant", json={"text": "转人工", "user_id": "ann"}, headers=READER).json()
    name = said["conversation_id"]
    note = {"conversation_id": name, "turn": 1}
    assert client.post("/v1/assistant/feedback", json={**note, "helpful": True}, headers=READER).status_code == 200
    assert client.post("/v1/assistant/feedback", json={**note, "intent": "x"}, headers=READER).status_code == 403
    assert client.post("/v1/assistant/feedback", json={**note, "intent": "x"}, headers=ADMIN).status_code == 200
    assert client.post("/v1/assistant/feedback", json=note, headers=ADMIN).status_code == 422
    assert client.get("/v1/assistant/conversations", headers=READER).status_code == 403
    open_ones = client.get("/v1/assistant/conversations?handed_over=true", headers=ADMIN).json()["conversations"]
    assert [one["conversation_id"] for one in open_ones] == [name]
    transcript = client.get(f"/v1/assistant/conversations/{name}", headers=ADMIN).json()
    TranscriptOut.model_validate(transcript)
    assert [(one["said"], one["helpful"], one["intent"]) for one in transcript["said"]] == [("转人工", True, "x")]
    assert len(client.get("/v1/people/ann/export", headers=ADMIN).json()["transcripts"]) == 1
    assert client.delete(f"/v1/assistant/conversations/{name}", headers=ADMIN).status_code == 200
    assert client.get(f"/v1/assistant/conversations/{name}", headers=ADMIN).status_code == 404
    assert client.delete(f"/v1/assistant/conversations/{name}", headers=ADMIN).status_code == 404


def test_what_was_searched_for_goes_with_the_conversation(client: TestClient, shop: Runtime) -> None:
    said = client.post("/v1/assistant", json={"text": "do you have a kettle"}, headers=READER).json()
    assert said["items"]
    name = said["conversation_id"]
    keeper = FolderKeeper(shop.workspace.conversations)
    assert keeper.load(shopping_session(name)) is not None
    assert client.delete(f"/v1/assistant/conversations/{name}", headers=ADMIN).status_code == 200
    assert keeper.load(shopping_session(name)) is None
    assert not shop.interaction.sessions.forget(shopping_session(name)), "nor is it in memory"


def test_the_commands(shop: Runtime, tmp_path: Path) -> None:
    def run(*words: str, code: int = 0) -> Any:
        options = ["-w", str(shop.workspace.root), "--json"]
        result = CliRunner().invoke(app, ["assistant", *words, *options], catch_exceptions=code != 0)
        assert result.exit_code == code, result.output
        return orjson.loads(result.stdout) if code == 0 else {}

    policy = tmp_path / "opening.md"
    policy.write_text("# Opening\n\nThe showroom opens at 11 o'clock.\n")
    assert run("add", str(policy))["documents"]["opening.md"] == 1
    (turn,) = run("ask", "when does the showroom open?")["turns"]
    assert "11 o'clock" in turn["text"]
    assert run("remove", "opening.md")["removed"] == "opening.md"
    assert "opening.md" not in run("documents")["documents"]
    assert run("learn", "--sample")["intents"] == 12
    figures = run("evaluate", sample_dialogues(), "--split")
    assert figures["intent accuracy"]["value"] > figures["intent accuracy"]["baseline"]
    assert figures["groundedness"]["value"] == 1.0
    found = run("evaluate", "--sample")["retrieval recall@5"]
    assert found["interval"][0] < found["value"] < found["interval"][1]
    run("evaluate", code=2)
    bad = tmp_path / "bad.csv"
    bad.write_text("one,two\n1,2\n")
    run("learn", str(bad), code=1)
