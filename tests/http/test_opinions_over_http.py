"""POST /v1/opinions: each post exactly once, also those that nobody numbered."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from shoplens.http.app import create_app
from shoplens.service.runtime import Runtime
from shoplens.service.workspace import Workspace

PLAIN: dict[str, Any] = {"text": "the kettle leaks", "item_id": "p1", "source": "shop"}


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    Workspace.create(tmp_path, encoders={"text": "off", "image": "off"})
    with Runtime.open(tmp_path) as shop:
        yield TestClient(create_app(shop))


def sent(client: TestClient, *posts: dict[str, Any]) -> tuple[int, int]:
    """How many were new, and how many were there already."""
    told = client.post("/v1/opinions", json={"posts": posts}).json()
    return told["accepted"], told["duplicates"]


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"author": "ann"},
        {"link": "https://shop.example/1"},
        {"post_id": "7"},
        {"timestamp": "2026-01-01T00:00:00Z"},
    ],
)
def test_what_is_sent_again_changes_nothing(client: TestClient, more: dict[str, Any]) -> None:
    assert sent(client, PLAIN | more) == (1, 0)
    assert sent(client, PLAIN | more) == (0, 1)
    assert client.get("/v1/opinions/series").json()["series"][0]["posts"] == 1


def test_what_differs_in_anything_is_another_post(client: TestClient) -> None:
    others = (
        {"author": "ann"},
        {"author": "bob"},
        {"link": "https://shop.example/1"},
        {"text": "the kettle hums"},
        {"source": "forum"},
        {"item_id": "p2"},
    )
    posts = [PLAIN, *(PLAIN | other for other in others)]
    assert sent(client, *posts) == (len(posts), 0)
    assert sent(client, *posts) == (0, len(posts))


@pytest.mark.parametrize("text", ["", "  ", "\n\t", "\u3000"])
def test_a_post_without_a_word_is_refused_and_not_counted(client: TestClient, text: str) -> None:
    answer = client.post("/v1/opinions", json={"posts": [PLAIN, {"text": text}]})
    assert answer.status_code == 422
    assert "posts[1].text" in answer.json()["detail"]
    assert client.get("/v1/opinions/series").json()["series"] == []
