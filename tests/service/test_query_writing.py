"""What is written in a photo that somebody searches with: a hint, read in bounded time."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from PIL import Image, ImageDraw, ImageFont

from shoplens.compute.local import LocalExecutor
from shoplens.domain.catalogue import Product
from shoplens.errors import InputError, ModelFileError
from shoplens.http.app import create_app
from shoplens.recommend.asking import MAX_TEXT, Ask
from shoplens.retrieval.asked import Given
from shoplens.service.asked_media import AskedMedia
from shoplens.service.embedding import embed_shop
from shoplens.service.query_writing import AT_ONCE, MOST, QueryWriting
from shoplens.service.runtime import Runtime
from shoplens.service.workspace import Workspace
from shoplens.store.sql import open_store
from shoplens.testing.tiny_encoders import TINY, tiny_parts

GREEN = (30, 140, 60)
TEAS = ("Jasmine", "Oolong", "Sencha", "Rooibos")


@pytest.fixture(scope="module", params=["rapidocr", "off"])
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    """Teas that look alike; `label.png` says which one it is."""
    folder = tmp_path_factory.mktemp("labels")
    encoders: dict[str, Any] = {**TINY, "ocr": request.param}
    workspace = Workspace.create(folder, encoders=encoders)
    Image.new("RGB", (40, 40), GREEN).save(folder / "tin.png")
    Image.new("RGB", (40, 40), (200, 30, 40)).save(folder / "cup.png")
    label = Image.new("RGB", (360, 160), GREEN)
    ImageDraw.Draw(label).text((40, 45), "SENCHA", fill=(255, 255, 255), font=ImageFont.load_default(56))
    label.save(folder / "label.png")
    store = open_store(workspace.database_url)
    store.catalogue.upsert([Product(item_id=one, title=f"{one} tea", images=("tin.png",)) for one in TEAS])
    store.catalogue.upsert([Product(item_id=f"cup-{one}", title=f"Cup {one}", images=("cup.png",)) for one in range(8)])
    with tiny_parts():
        embed_shop(workspace, store, executor=LocalExecutor(1), modalities=("text", "image", "colour"))
        store.close()
        with Runtime.open(folder) as runtime:
            yield runtime


def test_words_in_a_photo_are_told_and_help(shop: Runtime) -> None:
    reads = shop.settings.encoders.ocr != "off"
    photo = {"image": ("label.png", (shop.workspace.root / "label.png").read_bytes())}
    with TestClient(create_app(shop)) as client:
        found = client.post("/v1/search", files=photo).json()
        reply = client.post("/v1/interact", files=photo).json()
        typed = client.post("/v1/search", files=photo, data={"text": "oolong tea"}).json()
        words = client.post("/v1/search", json={"text": "SENCHA"}).json()
    assert found["heard"] == ("SENCHA" if reads else None)
    assert reply["read"] == ("SENCHA" if reads else None)
    assert typed["items"][0]["item_id"] == "Oolong", "what is typed stands above what is written"
    assert {one["item_id"] for one in found["items"][: len(TEAS)]} == set(TEAS), "it is a hint and no filter"
    for one in (found, reply):
        assert one["understood"] == []
        assert one.get("rescued") is None
        if reads:
            assert one["items"][0]["item_id"] == "Sencha"
    assert words["items"][0]["item_id"] == "Sencha"
    assert shop.search.log is not None
    assert shop.search.log.flush()
    asked = {one.query for part in shop.store.searches.scan(0) for _, one in part}
    assert asked == {"", "oolong tea", "SENCHA"}


class Slow:
    """Media of a shop whose reader takes as long as the test wants, or fails."""

    def __init__(self, workspace: Workspace, said: str = "", error: Exception | None = None) -> None:
        self.workspace = workspace
        self.done = threading.Event()
        self.said, self.error, self.read = said, error, 0

    def written(self, photo: Image.Image, name: str) -> str:
        self.read += 1
        assert self.done.wait(30), (photo, name)
        if self.error is not None:
            raise self.error
        return self.said


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.create(tmp_path / "shop")


def writing(media: Any, seconds: float = 5.0) -> QueryWriting:
    return QueryWriting(media, seconds=seconds, opening=0.0)


PHOTO = Image.new("RGB", (200, 200))


def test_an_answer_does_not_wait_for_a_page_full_of_text(workspace: Workspace) -> None:
    media = Slow(workspace, "late")
    reader = writing(media, 0.05)
    began = time.monotonic()
    waiting = [reader.begin(PHOTO, "a.png") for _ in range(5)]
    assert [one() for one in waiting] == [""] * 5
    assert time.monotonic() - began < 2
    media.done.set()
    reader.close()
    assert media.read <= AT_ONCE
    assert reader.begin(PHOTO, "a.png")() == "", "the shop is closed"


def test_signs_of_the_search_box_mean_nothing_in_a_photo(workspace: Workspace) -> None:
    media = Slow(workspace, '-50% "BIG"\nt-shirt 「茶」 − 9.90' + " sale" * MOST)
    media.done.set()
    read = writing(media).begin(PHOTO, "a.png")()
    assert read.startswith("50% BIG t-shirt 茶")
    assert len(read) <= MOST


@pytest.mark.parametrize(
    ("error", "tries"), [(InputError("no photo"), 2), (ModelFileError("missing"), 1), (RuntimeError("a network"), 2)]
)
def test_a_photo_is_searched_with_whatever_becomes_of_its_words(
    workspace: Workspace, error: Exception, tries: int
) -> None:
    media = Slow(workspace, error=error)
    media.done.set()
    reader = writing(media)
    assert [reader.begin(PHOTO, "a.png")() for _ in range(2)] == ["", ""]
    assert media.read == tries


def test_long_speech_is_cut_and_never_refused() -> None:
    speech = "a green tea please " * 79
    asked = AskedMedia(said=speech).join(Ask(text="cheap"))
    assert len(asked.text) <= MAX_TEXT < len(speech)
    assert asked.text.startswith("cheap a green tea")
    assert (asked.understand, asked.written) == (True, False)


def test_what_is_written_is_asked_only_where_nothing_is_wished() -> None:
    photo = AskedMedia((Given("image", [1.0]),), written="SALE")  # type: ignore[arg-type]
    assert photo.join(Ask(text="tea")).text == "tea"
    alone = photo.join(Ask())
    assert (alone.text, alone.understand, alone.written) == ("SALE", False, True)
    assert AskedMedia().join(Ask(text=" tea ")).text == "tea"
