"""A photo and words that change it are one question in `POST /v1/search` and `shoplens search`, as in conversations."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import orjson
import pytest
from fastapi.testclient import TestClient
from PIL import Image
from typer.testing import CliRunner

from shoplens.apps.search.engine import SearchEngine
from shoplens.cli import search as _search  # noqa: F401 - registers the command
from shoplens.cli.app import app
from shoplens.compute.local import LocalExecutor
from shoplens.domain.catalogue import Product
from shoplens.features.align.training import AlignmentReport
from shoplens.http.app import create_app
from shoplens.recommend.asking import Ask, Found
from shoplens.retrieval.asked import Given
from shoplens.service.alignment import align_shop
from shoplens.service.asked_media import AskedMedia, Floats
from shoplens.service.embedding import embed_shop
from shoplens.service.runtime import Runtime
from shoplens.service.workspace import Workspace
from shoplens.store.sql import open_store
from shoplens.testing.tiny_encoders import TINY, tiny_parts

PAINT = {"Red": (200, 30, 40), "Blue": (30, 60, 190), "Green": (30, 140, 60)}
PHOTO = np.ones(3, np.float32)


def asked(text: str, *, shown: bool = True) -> tuple[Ask, list[str]]:
    """What a photo and words become, and what was composed."""
    changes: list[str] = []

    def compose(photos: Sequence[Floats], ask: Ask) -> Floats | None:
        assert len(photos) == 1
        changes.append(ask.text)
        return np.zeros(5, np.float32) if ask.text else None

    given = (Given("image", PHOTO), Given("audio", PHOTO))
    return AskedMedia(given, shown=(PHOTO,) if shown else (), compose=compose).join(Ask(text=text)), changes


@pytest.mark.parametrize(("text", "left"), [("like this but red", "red"), ("类似这个但是红色", "红色"), ("red", "red")])
def test_words_change_the_photo(text: str, left: str) -> None:
    ask, changes = asked(text)
    assert (ask.text, changes) == (left, [left])
    assert [(one.signal, one.weight) for one in ask.given] == [("looks", 2.0), ("image", 0.1), ("audio", 1.0)]


def test_without_words_or_a_space_the_photo_is_asked_with_as_it_is() -> None:
    for ask, changes in (asked(""), asked("like this but red", shown=False)):
        assert changes == []
        assert [(one.signal, one.weight) for one in ask.given] == [("image", 1.0), ("audio", 1.0)]
    ask, _ = asked("like this")
    assert ask.text == ""
    assert [one.signal for one in ask.given] == ["image", "audio"]


def test_what_else_is_said_of_the_order_stays_in_the_words() -> None:
    assert asked("cheapest like this")[0].text == "cheapest like this"


@pytest.mark.slow
def test_the_photo_of_a_red_thing_in_green(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AlignmentReport, "gained", True)
    workspace = Workspace.create(tmp_path / "shop", encoders={**TINY, "ocr": "off", "audio": "off", "speech": "off"})
    for name, colour in PAINT.items():
        for shade in range(30):
            Image.new("RGB", (16, 16), tuple(value + shade for value in colour)).save(
                workspace.root / f"{name}{shade}.png"
            )
    store = open_store(workspace.database_url)
    store.catalogue.upsert([
        Product(item_id=f"{name}-{row}", title=f"Thing {row}", attributes={"colour": (name,)},
                images=(f"{name}{row % 30}.png",))
        for name in PAINT for row in range(110)
    ])  # fmt: skip
    photo, asks, search = workspace.root / "Red0.png", list[Ask](), SearchEngine.search

    def note(self: SearchEngine, ask: Ask) -> Found:
        asks.append(ask)
        return search(self, ask)

    monkeypatch.setattr(SearchEngine, "search", note)
    with tiny_parts():
        embed_shop(workspace, store, executor=LocalExecutor(1))
        assert align_shop(workspace, store).folder is not None
        with Runtime(workspace, store) as shop, TestClient(create_app(shop)) as client:
            sent = {"image": ("red.png", photo.read_bytes(), "image/png")}
            answer = client.post("/v1/search", files=sent, data={"text": "like this but green", "understand": "false"})
            assert answer.status_code == 200, answer.text
        words = ["search", "like this but green", "--plain", "--image", str(photo), "--json"]
        printed = CliRunner().invoke(app, [*words, "--workspace", str(workspace.root)])
        assert printed.exit_code == 0, printed.output
    assert [one.text for one in asks] == ["green", "green"]
    assert [[given.signal for given in one.given] for one in asks] == [["looks", "image"]] * 2
    for found in (answer.json(), orjson.loads(printed.stdout)):
        assert {one["item_id"].partition("-")[0] for one in found["items"]} == {"Green"}
