"""The assistant is taught and measured over HTTP, beside the process that serves."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from shoplens.errors import ConflictError
from shoplens.http.app import create_app
from shoplens.http.wire.assistant_jobs import JobOut, JobsAnswer
from shoplens.service import assistant_jobs
from shoplens.service.assistant_jobs import SENT, AssistantJobs, work
from shoplens.service.runtime import Runtime
from shoplens.service.sample_support import sample_dialogues
from shoplens.testing.assisted_shop import API_KEY, open_assisted_shop

INTENTS = ("track_order", "cancel_order", "get_refund")
READER, ADMIN = {"x-api-key": "a-reader"}, {"x-api-key": API_KEY}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Runtime]:
    with open_assisted_shop(tmp_path, learnt=False) as shop:
        yield shop


@pytest.fixture
def client(shop: Runtime) -> TestClient:
    return TestClient(create_app(shop), raise_server_exceptions=False)


def sample() -> list[dict[str, str]]:
    """The sample shop's dialogues as rows of a request."""
    with Path(sample_dialogues()).open(encoding="utf-8", newline="") as file:
        rows = [{name: value for name, value in row.items() if value} for row in csv.DictReader(file)]
    told = [{name: row[name] for name in ("utterance", "intent", "answer") if name in row} for row in rows]
    return [one for one in told if one["intent"] in INTENTS]  # few: learning all takes seconds


def post(client: TestClient, what: str, code: int = 202, **body: Any) -> dict[str, Any]:
    answer = client.post(f"/v1/assistant/{what}", json=body, headers=ADMIN)
    assert answer.status_code == code, answer.text
    return dict(answer.json())


def test_it_learns_elsewhere(client: TestClient, shop: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []
    monkeypatch.setattr(assistant_jobs, "begin", lambda _root, name: started.append(name))
    begun = post(client, "learn", examples=sample())
    JobOut.model_validate(begun)
    assert (begun["state"], started) == ("running", [begun["job_id"]])
    post(client, "evaluate", 409, examples=sample()[:2])
    folder = shop.workspace.runs / "assistant"
    assert list(folder.glob("*.sent.jsonl"))
    work(shop.workspace.root, started[0])
    assert not list(folder.glob("*.sent.jsonl")), "what was sent goes with the job"
    done = client.get(f"/v1/assistant/jobs/{started[0]}", headers=ADMIN).json()
    assert (done["state"], done["result"]["intents"]) == ("done", len(INTENTS))
    shop.assistant.refresh()
    asked = {"text": "where is my order?"}
    assert client.post("/v1/assistant", json=asked, headers=READER).json()["intent"] == "track_order"


@pytest.mark.slow  # turns are played, and passages searched, for every question
def test_it_is_measured_elsewhere(client: TestClient, shop: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assistant_jobs, "begin", lambda *_: None)
    work(shop.workspace.root, post(client, "learn", examples=sample())["job_id"])
    judged = post(client, "evaluate", examples=sample()[:10])
    work(shop.workspace.root, judged["job_id"])
    told = client.get("/v1/assistant/jobs", headers=ADMIN).json()
    JobsAnswer.model_validate(told)
    assert [one["kind"] for one in told["jobs"]] == ["evaluate", "learn"]
    assert told["jobs"][0]["result"]["intent accuracy"]["value"] > 0.9


def test_two_workers_asked_at_once_begin_one_job(shop: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    began: list[str] = []
    monkeypatch.setattr(assistant_jobs, "begin", lambda _root, name: began.append(name))
    left = shop.workspace.runs / "assistant" / f"1700000000000-0badcafe{SENT}"
    left.parent.mkdir(parents=True)
    left.write_text("what a customer wrote to a process that was killed")

    def ask(_: int) -> str:
        try:
            return AssistantJobs(shop.workspace).start("learn", sample()[:3]).state
        except ConflictError as error:
            return str(error)

    with ThreadPoolExecutor(6) as pool:
        told = list(pool.map(ask, range(6)))
    assert (told.count("running"), len(began)) == (1, 1)
    assert all("one at a time" in one for one in told if one != "running")
    assert [file.name for file in left.parent.glob("*" + SENT)] == [began[0] + SENT]


def test_what_cannot_be_done(client: TestClient, shop: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assistant_jobs, "begin", lambda *_: None)
    assert client.post("/v1/assistant/learn", json={}, headers=READER).status_code == 403
    post(client, "evaluate", 422, examples=[])
    post(client, "learn", 422, examples=[{"utterance": "hi", "what": 1}])
    assert client.get("/v1/assistant/jobs/..%2Fx", headers=ADMIN).status_code == 404
    nothing = post(client, "learn")
    assert "nothing to learn from" in work(shop.workspace.root, nothing["job_id"]).error
    lost = post(client, "learn", examples=sample()[:3])
    monkeypatch.setattr(assistant_jobs, "START_SECONDS", -1.0)
    told = client.get(f"/v1/assistant/jobs/{lost['job_id']}", headers=ADMIN).json()
    assert (told["state"], told["error"]) == ("failed", "its process was ended before it was done")
    post(client, "learn", examples=sample()[:3])
