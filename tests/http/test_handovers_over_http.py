"""People answer over HTTP and on the command line; the customer reads it in the same conversation."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import orjson
import pytest
from fastapi import FastAPI, HTTPException
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from shoplens.cli import assistant_desk as _desk  # noqa: F401 - registers its commands
from shoplens.cli.app import app
from shoplens.errors import ServiceUnavailableError
from shoplens.http.app import create_app
from shoplens.http.listeners import Listeners
from shoplens.http.routes import handovers
from shoplens.http.wire.assistant import AssistantAnswer
from shoplens.http.wire.handovers import HandoversAnswer, HandoverStateOut, MessageOut, MessagesAnswer
from shoplens.service.runtime import Runtime
from shoplens.testing.assisted_shop import API_KEY, open_assisted_shop

READER, ADMIN = {"x-api-key": "a-reader"}, {"x-api-key": API_KEY}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    with open_assisted_shop(tmp_path_factory.mktemp("served"), learnt=False) as shop:
        yield shop


@pytest.fixture(scope="module")
def client(shop: Runtime) -> TestClient:
    return TestClient(create_app(shop), raise_server_exceptions=False)


def hand_over(client: TestClient, **said: str) -> str:
    answer = client.post("/v1/assistant", json={"text": "a human please", **said}, headers=READER).json()
    assert answer["outcome"] == "handed_over"
    return str(answer["conversation_id"])


def step(client: TestClient, name: str, what: str, code: int = 200, **body: str) -> Any:
    answer = client.post(f"/v1/assistant/handovers/{name}/{what}", json={"agent": "Mia", **body}, headers=ADMIN)
    assert answer.status_code == code, answer.text
    return answer.json()


def test_a_conversation_goes_to_a_person_and_back(client: TestClient) -> None:
    name = hand_over(client)
    queue = client.get("/v1/assistant/handovers", headers=ADMIN).json()
    HandoversAnswer.model_validate(queue)
    assert [one["conversation_id"] for one in queue["handovers"]] == [name]
    assert client.get("/v1/assistant/handovers", headers=READER).status_code == 403
    HandoverStateOut.model_validate(step(client, name, "take"))
    step(client, name, "take", 409, agent="Bo")
    said = step(client, name, "answer", text="I am here.")
    MessageOut.model_validate(said)
    assert (said["by"], said["agent"], said["turn"]) == ("agent", "Mia", 2)
    step(client, name, "answer", 422, text=" ")
    body = {"text": "good", "conversation_id": name}
    assert client.post("/v1/assistant", json=body, headers=READER).json()["outcome"] == "with_agent"
    at = f"/v1/assistant/conversations/{name}/messages"
    told = client.get(f"{at}?after=1", headers=READER).json()
    MessagesAnswer.model_validate(told)
    assert [(one["turn"], one["by"]) for one in told["messages"]] == [(2, "agent"), (3, "customer"), (3, "assistant")]
    assert step(client, name, "give-back", to="assistant")["state"] == "returned"
    assert client.get(f"{at}?after=3", headers=READER).json()["state"] == "returned"
    assert client.get("/v1/assistant/handovers", headers=ADMIN).json() == {"handovers": []}
    returned = client.get("/v1/assistant/handovers?state=returned&agent=Mia", headers=ADMIN).json()["handovers"]
    assert [one["conversation_id"] for one in returned] == [name]


def test_who_waits_may_leave_the_queue(client: TestClient) -> None:
    name = hand_over(client, user_id="ann")

    def leave(code: int, **body: str) -> Any:
        answer = client.post(f"/v1/assistant/conversations/{name}/leave", json=body, headers=READER)
        assert answer.status_code == code, answer.text
        return answer.json()

    leave(404, user_id="bob")
    left = AssistantAnswer.model_validate(leave(200, user_id="ann"))
    assert (left.outcome, left.turn) == ("left", 2)
    assert client.get("/v1/assistant/handovers", headers=ADMIN).json() == {"handovers": []}
    told = client.get(f"/v1/assistant/conversations/{name}/messages?after=1&user_id=ann", headers=READER).json()
    assert (told["state"], [(one["turn"], one["by"]) for one in told["messages"]]) == ("returned", [(2, "assistant")])
    leave(409, user_id="ann")
    step(client, name, "take", 409)


def test_messages_come_as_events(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    name = hand_over(client, user_id="ann")
    step(client, name, "answer", text="I am here.")
    monkeypatch.setattr(handovers, "LONGEST", 0.0)
    at = f"/v1/assistant/conversations/{name}/messages?user_id=ann"
    answer = client.get(at, headers={**READER, "accept": "text/event-stream", "last-event-id": "1"})
    first, state = answer.text.strip().split("\n\n")
    assert first.startswith("id: 2\nevent: message\ndata: ")
    assert orjson.loads(state.removeprefix("event: state\ndata: ")) == {"state": "with_agent", "agent": "Mia"}
    for whose in ("", "?user_id=bob"):
        assert client.get(at.removesuffix("?user_id=ann") + whose, headers=READER).status_code == 404
    assert client.delete(f"/v1/assistant/conversations/{name}", headers=ADMIN).status_code == 200
    step(client, name, "answer", 404, text="still there?")


def test_streams_that_wait_take_no_place_from_others(shop: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two customers listen: a third is told to come again, and whoever wants an answer has one."""
    name = hand_over(TestClient(create_app(shop)), user_id="eve")
    server = shop.settings.server.model_copy(update={"max_in_flight": 2, "max_message_streams": 2})
    few = shop.settings.model_copy(update={"server": server})
    monkeypatch.setattr(Runtime, "settings", property(lambda _: few))
    third, plain, meanwhile, afterwards = asyncio.run(_listen(create_app(shop), name))
    assert (third.status_code, third.headers["retry-after"]) == (503, "1")
    assert "max_message_streams" in third.json()["detail"]
    assert plain.status_code == 200
    assert "shoplens_message_streams 2.0" in meanwhile.text
    assert "shoplens_message_streams 0.0" in afterwards.text


def test_nobody_holds_all_streams() -> None:
    listeners = Listeners(8, 0.75)
    held = [listeners.take("storefront", f"c{k // 3}") for k in range(6)]
    with pytest.raises(HTTPException, match="message_stream_share") as refused:
        listeners.take("storefront", "c9")
    assert refused.value.status_code == 429
    held += [listeners.take("kiosk", "c1")]
    with pytest.raises(HTTPException, match="of this conversation"):
        listeners.take("kiosk", "c1")
    held += [listeners.take("kiosk", "c2")]
    with pytest.raises(ServiceUnavailableError, match="max_message_streams"):
        listeners.take("app", "c3")
    for leave in held:
        leave()
    assert len(listeners) == 0
    for k in range(6):
        listeners.take("storefront", f"c{k // 3}")  # all as it was


async def _listen(served: FastAPI, name: str) -> list[httpx.Response]:
    """Answers to a third stream, a plain question and for metrics while two streams wait, and for metrics when they
    are gone."""
    path = f"/v1/assistant/conversations/{name}/messages"
    gone = asyncio.Event()

    async def listener(begun: asyncio.Event) -> None:
        headers = [(b"accept", b"text/event-stream"), (b"x-api-key", b"a-reader")]
        scope = {"type": "http", "method": "GET", "path": path, "query_string": b"user_id=eve", "headers": headers}
        asked = iter([{"type": "http.request", "body": b"", "more_body": False}])

        async def receive() -> dict[str, Any]:
            for message in asked:
                return message
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if message.get("body"):
                begun.set()

        await served({**scope, "raw_path": path.encode(), "http_version": "1.1", "server": ("shop", 80)}, receive, send)

    began = [asyncio.Event() for _ in range(2)]
    streams = [asyncio.create_task(listener(one)) for one in began]
    for one in began:
        await asyncio.wait_for(one.wait(), 10)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(served), base_url="http://shop") as client:
        answers = [
            await client.get(f"{path}?user_id=eve", headers={**READER, "accept": "text/event-stream"}),
            await client.get(f"{path}?user_id=eve", headers=READER),
            await client.get("/metrics", headers=ADMIN),
        ]
        gone.set()
        await asyncio.gather(*streams)
        return [*answers, await client.get("/metrics", headers=ADMIN)]


def test_the_commands(client: TestClient, shop: Runtime) -> None:
    def run(*words: str, code: int = 0) -> Any:
        options = ["-w", str(shop.workspace.root), "--json"]
        result = CliRunner().invoke(app, ["assistant", *words, *options], catch_exceptions=code != 0)
        assert result.exit_code == code, result.output
        return orjson.loads(result.stdout) if code == 0 else {}

    name = hand_over(client)
    assert name in [one["conversation_id"] for one in run("waiting")["handovers"]]
    assert run("take", name, "--agent", "Mia")["state"] == "with_agent"
    run("take", name, "--agent", "Bo", code=1)
    assert run("answer", name, "I am here.", "--agent", "Mia")["by"] == "agent"
    assert [one["conversation_id"] for one in run("waiting", "--agent", "Mia")["handovers"]] == [name]
    assert run("give-back", name, "--agent", "Mia", "--to", "closed")["state"] == "closed"
    assert [one["by"] for one in run("messages", name, "--after", "1")["messages"]] == ["agent", "assistant"]
    waits = hand_over(client)
    assert run("leave", waits)["outcome"] == "left"
    assert waits not in [one["conversation_id"] for one in run("waiting")["handovers"]]
    run("leave", waits, code=1)
