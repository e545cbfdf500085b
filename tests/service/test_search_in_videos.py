"""A product without a photo is found by what its videos show, and a hit says where in them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import orjson
import pytest
from fastapi.testclient import TestClient
from PIL import Image
from typer.testing import CliRunner

from shoplens.cli import search as _search  # noqa: F401 - registers the command
from shoplens.cli.app import app
from shoplens.compute.local import LocalExecutor
from shoplens.domain.catalogue import Product
from shoplens.http.app import create_app
from shoplens.recommend.asking import Ask, Hit
from shoplens.service.embedding import embed_shop
from shoplens.service.loose_media import Part
from shoplens.service.runtime import Runtime
from shoplens.service.workspace import Workspace
from shoplens.store.sql import open_store
from shoplens.testing.sample_media import BLUE, GREEN, RED, sample_scene, sample_video
from shoplens.testing.tiny_encoders import TINY, tiny_parts

ENCODERS: dict[str, Any] = {**TINY, "ocr": "off", "audio": "off", "speech": "off"}
SHARED = {"text": "tiny-shared-texts", "image": "tiny-shared-photos"}
SCENES = [sample_scene(colour, seed=1) for colour in (RED, BLUE)]  # of a second each


def photo_of(colour: tuple[int, int, int]) -> bytes:
    stream = io.BytesIO()
    sample_scene(colour, seed=1).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture(scope="module", params=["with photos", "videos alone"])
def shop(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Runtime]:
    """`film` has a video and no photo; `both` has another video and, as `still`, a green photo. Who changes it puts it
    back."""
    workspace = Workspace.create(tmp_path_factory.mktemp("films") / "shop", encoders=ENCODERS | SHARED)
    root = workspace.root
    (root / "film.mp4").write_bytes(sample_video(SCENES))
    (root / "green.mp4").write_bytes(sample_video([sample_scene((90, 90, 90), seed=1), sample_scene(GREEN, seed=1)]))
    Image.new("RGB", (32, 32), GREEN).save(root / "green.png")
    photos = ("green.png",) if request.param == "with photos" else ()
    store = open_store(workspace.database_url)
    store.catalogue.upsert([
        Product(item_id="film", title="Thing", videos=("film.mp4",)),
        Product(item_id="both", title="Thing", videos=("green.mp4",), images=photos),
        Product(item_id="still", title="Thing", images=photos),
    ])  # fmt: skip
    with tiny_parts():
        embed_shop(workspace, store, executor=LocalExecutor(1))
        with Runtime(workspace, store) as shop:
            yield shop


def by_photo(shop: Runtime, photo: bytes) -> list[Hit]:
    file = shop.workspace.root / "asked.png"
    file.write_bytes(photo)
    return list(shop.search.search(shop.search.see([Part("image", file, "asked.png")]).join(Ask())).items)


def test_a_frame_finds_its_video_and_says_where(shop: Runtime) -> None:
    for colour, start in ((RED, 0.0), (BLUE, 1.0)):
        best, *others = by_photo(shop, photo_of(colour))
        assert best.item_id == "film"
        (moment,) = best.moments
        assert moment.video == "film.mp4"
        assert moment.start == pytest.approx(start, abs=0.15)
        assert moment.end == pytest.approx(start + 1, abs=0.15)
        assert all(not one.moments or one.item_id == "both" for one in others)


def test_a_video_finds_itself(shop: Runtime) -> None:
    seen = shop.search.see([Part("video", shop.workspace.root / "film.mp4", "film.mp4")])
    best = shop.search.search(seen.join(Ask())).items[0]
    assert best.item_id == "film"
    assert [one.video for one in best.moments] == ["film.mp4"]


def test_words_find_a_video_and_say_where(shop: Runtime) -> None:
    found = {one.item_id: one for one in shop.search.search(Ask(text="blue thing")).items}
    (moment,) = found["film"].moments
    assert moment.start == pytest.approx(1, abs=0.15)
    assert not found["still"].moments
    assert not shop.search.search(Ask(text="blue thing", prefix=True)).items[0].moments
    assert not any(one.moments for one in shop.search.search(Ask()).items)


def test_a_photo_that_fits_better_than_any_shot_leaves_moments_out(shop: Runtime) -> None:
    flat = io.BytesIO()
    Image.new("RGB", (32, 32), GREEN).save(flat, "PNG")
    found = {one.item_id: one for one in by_photo(shop, flat.getvalue())}
    with_photos = bool(shop.store.catalogue.get(["both"])["both"].images)
    assert bool(found["both"].moments) != with_photos


def test_a_product_that_gets_a_photo_is_known_by_it(shop: Runtime) -> None:
    (film,) = shop.store.catalogue.get(["film"]).values()
    Image.new("RGB", (32, 32), (240, 240, 20)).save(shop.workspace.root / "yellow.png")
    shop.put_products([replace(film, images=("yellow.png",))])
    embed_shop(shop.workspace, shop.store, executor=LocalExecutor(1))
    yellow = io.BytesIO()
    Image.new("RGB", (32, 32), (240, 240, 20)).save(yellow, "PNG")
    assert by_photo(shop, yellow.getvalue())[0].item_id == "film"
    assert not shop.search.index.vectors.seen_in_video("film")
    shop.put_products([film])
    embed_shop(shop.workspace, shop.store, executor=LocalExecutor(1))
    assert by_photo(shop, photo_of(RED))[0].item_id == "film"
    assert shop.search.index.vectors.seen_in_video("film")


def test_moments_go_over_the_wire(shop: Runtime) -> None:
    with TestClient(create_app(shop)) as client:
        by_words = client.post("/v1/search", json={"text": "blue thing"}).json()
        by_photo = client.post("/v1/search", files={"image": ("red.png", photo_of(RED), "image/png")}).json()
    for answer, start in ((by_words, 1.0), (by_photo, 0.0)):
        (film,) = (one for one in answer["items"] if one["item_id"] == "film")
        (moment,) = film["moments"]
        assert moment["video"] == "film.mp4"
        assert moment["start"] == pytest.approx(start, abs=0.15)
        assert set(moment) == {"video", "start", "end", "score"}


def test_moments_are_printed(shop: Runtime) -> None:
    folder = str(shop.workspace.root)
    result = CliRunner().invoke(app, ["search", "blue thing", "--json", "--workspace", folder])
    assert result.exit_code == 0, result.output
    (film,) = (one for one in orjson.loads(result.stdout)["items"] if one["item_id"] == "film")
    assert [one["video"] for one in film["moments"]] == ["film.mp4"]


def test_what_is_seen_for_a_moment_in_one_of_several_videos_is_found(shop: Runtime) -> None:
    """The mean of all shots is greyish: only the shot itself is as yellow as what is asked."""
    root = shop.workspace.root
    greys = [sample_scene((shade, shade, shade), seed=1) for shade in (60, 120, 180)]
    (root / "greys.mp4").write_bytes(sample_video(greys, seconds=0.5))
    (root / "moment.mp4").write_bytes(sample_video([greys[0], sample_scene((220, 220, 20), seed=1)], seconds=0.5))
    Image.new("RGB", (32, 32), (110, 190, 110)).save(root / "grass.png")
    shop.put_products([
        Product(item_id="several", title="Thing", videos=("greys.mp4", "moment.mp4")),
        Product(item_id="grass", title="Thing", images=("grass.png",)),
    ])  # fmt: skip
    embed_shop(shop.workspace, shop.store, executor=LocalExecutor(1))
    best = by_photo(shop, photo_of((220, 220, 20)))[0]
    assert best.item_id == "several"
    (moment,) = best.moments
    assert moment.video == "moment.mp4"
    assert moment.start == pytest.approx(0.5, abs=0.1)
    views, shop.search.index.vectors.views = shop.search.index.vectors.views, {}
    blurred = {one.item_id: one.parts["image"] for one in by_photo(shop, photo_of((220, 220, 20)))}
    assert best.parts["image"] > blurred.get("several", 0.0) + 0.05
    shop.search.index.vectors.views = views
    shop.search.index.vectors.changed([], ["several"])
    assert "several" not in [one.item_id for one in by_photo(shop, photo_of((220, 220, 20)))]
