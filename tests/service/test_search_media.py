"""Photos and videos that somebody searches with, in a shop whose own photos are embedded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image
from typer.testing import CliRunner

from shoplens.apps.interaction import PhotoAsk, Turn
from shoplens.cli import interact as _interact  # noqa: F401 - registers its command
from shoplens.cli.app import app
from shoplens.compute.local import LocalExecutor
from shoplens.domain.catalogue import Product
from shoplens.errors import InputError
from shoplens.http.app import create_app
from shoplens.recommend.asking import MAX_GIVEN, Ask
from shoplens.retrieval.asked import Given
from shoplens.service.embedding import embed_shop
from shoplens.service.loose_media import Part
from shoplens.service.runtime import Runtime
from shoplens.service.workspace import Workspace
from shoplens.store.sql import open_store
from shoplens.testing.sample_media import sample_scene, sample_video
from shoplens.testing.tiny_encoders import TINY, tiny_parts

PAINT = {"red": (200, 30, 40), "blue": (30, 60, 190), "green": (30, 140, 60)}
SETTINGS: dict[str, Any] = {"encoders": {**TINY, "ocr": "off"}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Three products of each colour, embedded; `green.png` and `red.mp4` are what people search with."""
    folder = tmp_path_factory.mktemp("photographed")
    workspace = Workspace.create(folder, **SETTINGS)
    for colour, paint in PAINT.items():
        Image.new("RGB", (40, 40), paint).save(folder / f"{colour}.png")
    (folder / "red.mp4").write_bytes(sample_video([Image.new("RGB", (160, 90), PAINT["red"])]))
    goods = [
        Product(item_id=f"{colour}-{number}", title=f"Cap {number}", images=(f"{colour}.png",))
        for colour in PAINT
        for number in range(3)
    ]
    store = open_store(workspace.database_url)
    store.catalogue.upsert(goods)
    with tiny_parts():
        embed_shop(workspace, store, executor=LocalExecutor(1), modalities=("text", "image", "colour"))
        store.close()
        yield folder


def first(items: Any, colour: str) -> bool:
    """Whether the three best are of that colour."""
    return {str(one["item_id"]).split("-")[0] for one in items[:3]} == {colour}


def test_a_photo_begins_a_conversation_of_a_cold_process(folder: Path) -> None:
    with Runtime.open(folder) as shop:
        reply = shop.interaction.turn(Turn(photos=(PhotoAsk(folder / "green.png"),)))
    assert first([{"item_id": one.item_id} for one in reply.found.items], "green")


def test_a_video_begins_a_conversation_of_a_cold_process(folder: Path) -> None:
    with Runtime.open(folder) as shop:
        reply = shop.interaction.turn(Turn(videos=(folder / "red.mp4",)))
    assert first([{"item_id": one.item_id} for one in reply.found.items], "red")
    assert reply.moments[0].item_id.startswith("red")


def test_a_photo_begins_a_conversation_in_the_terminal(folder: Path) -> None:
    words = ["interact", "--image", str(folder / "green.png"), "--workspace", str(folder), "--json"]
    result = CliRunner().invoke(app, words, catch_exceptions=False)
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("path", ["/v1/interact", "/v1/search"])
@pytest.mark.parametrize("watched", [False, True], ids=["by itself", "followed"])
def test_a_photo_is_the_first_thing_a_server_is_asked(folder: Path, path: str, watched: bool) -> None:
    photo = {"image": ("green.png", (folder / "green.png").read_bytes())}
    with Runtime.open(folder) as shop, TestClient(create_app(shop)) as client:
        if watched:
            shop.watch()
        answer = client.post(path, files=photo)
    assert answer.status_code == 200, answer.text
    assert first(answer.json()["items"], "green")


def test_a_photo_does_not_wait_for_vectors_that_do_not_come(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shoplens.service.search_index.SearchIndex.start", lambda _: None)
    monkeypatch.setattr("shoplens.service.search.WAIT_FOR_VECTORS", 0.01)
    with Runtime.open(folder) as shop:
        shop.search.start()
        seen = shop.search.media.photo(folder / "green.png", None)
        shop.search.index.sync()  # they come while the question is asked
        (signal,) = (one for one in shop.search.index.vectors.signals if one.name == "image")
        assert seen.given[0].vector.shape == (signal.size,)


@pytest.fixture(scope="module")
def cuts(folder: Path) -> Path:
    """A video of more shots than a search may be given vectors."""
    scenes = [sample_scene(list(PAINT.values())[number % 3], seed=number) for number in range(21)]
    (folder / "cuts.mp4").write_bytes(sample_video(scenes, seconds=0.5, key_every=6))
    return folder / "cuts.mp4"


def test_a_video_of_many_cuts_is_searched_with(folder: Path, cuts: Path) -> None:
    files = [("video", ("cuts.mp4", cuts.read_bytes())), ("image", ("green.png", (folder / "green.png").read_bytes()))]
    with Runtime.open(folder) as shop, TestClient(create_app(shop)) as client:
        for sent in (files[:1], files):
            answer = client.post("/v1/search", files=sent)
            assert answer.status_code == 200, answer.text
            assert answer.json()["items"]


def test_shots_are_put_together_without_changing_what_is_asked(folder: Path, cuts: Path) -> None:
    with Runtime.open(folder) as shop:
        shots = shop.loose_media.see([Part("video", cuts)], [{"video"}])[0].shots
        assert len(shots) > MAX_GIVEN
        given = shop.search.see([Part("video", cuts, "cuts.mp4")]).given
        many = shop.search.see([Part("video", cuts, f"{number}.mp4") for number in range(12)]).given
    frames = [one for one in given if one.signal == "image"]
    assert len(given) == MAX_GIVEN
    assert len(many) <= MAX_GIVEN
    assert sum(one.weight for one in frames) == pytest.approx(1)
    asked = np.sum([one.weight * one.vector[:3] for one in frames], axis=0)
    usual = np.mean([one.vector for one in shots], axis=0)
    assert asked / np.linalg.norm(asked) == pytest.approx(usual / np.linalg.norm(usual), abs=1e-5)
    with pytest.raises(InputError, match="at most 16"):
        Ask(given=(Given("image", np.ones(3, np.float32)),) * (MAX_GIVEN + 1))
