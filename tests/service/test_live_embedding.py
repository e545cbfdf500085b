"""A product that changes while the shop is open is encoded at once, alone."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock
from PIL import Image

from shoplens.compute.local import LocalExecutor
from shoplens.domain.catalogue import Product
from shoplens.service import live_embedding
from shoplens.service.embedding import embed_shop
from shoplens.service.encoders import table_of
from shoplens.service.runtime import Runtime
from shoplens.service.uploads import Upload
from shoplens.testing.served_shop import open_tiny_shop

ENCODERS = {"text": "hashed-ngrams", "image": "off", "ocr": "off"}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Runtime]:
    with open_tiny_shop(tmp_path, settings={"encoders": ENCODERS}) as shop:
        yield shop


def embed(shop: Runtime) -> None:
    embed_shop(shop.workspace, shop.store, executor=LocalExecutor(1))


def test_changed_products_are_encoded_in_the_background(shop: Runtime) -> None:
    embed(shop)
    text = table_of(shop.workspace, "text")
    before, known = text.digest("p001"), len(text)
    shop.put_products([Product(item_id="p001", title="another hammer"), Product(item_id="new", title="a saw")])
    assert shop.live.wait(30)
    text = table_of(shop.workspace, "text")
    assert text.digest("p001") != before
    assert ("new" in text, len(text)) == (True, known + 1)


def test_an_uploaded_photo_is_encoded_at_once(shop: Runtime) -> None:
    photo = io.BytesIO()
    Image.new("RGB", (40, 40), (0, 0, 200)).save(photo, "PNG")
    photo.seek(0)
    Image.new("RGB", (40, 40), (200, 0, 0)).save(shop.workspace.root / "red.png")
    shop.put_products([Product(item_id="p002", title="kettle", images=("red.png",))])
    embed(shop)  # the table of colours exists from here on
    shop.add_media("p001", [Upload("photo", photo)])
    assert shop.live.wait(30)
    assert sorted(table_of(shop.workspace, "colour").ids) == ["p001", "p002"]
    (image,) = shop.store.catalogue.get(["p001"])["p001"].images
    shop.delete_media("p001", image.rpartition("/")[2])
    assert shop.live.wait(30)
    assert table_of(shop.workspace, "colour").ids == ["p002"]


def test_nothing_is_begun_before_the_first_embed_nor_for_an_import(shop: Runtime) -> None:
    assert not shop.live.submit([Product(item_id="x", title="x")])
    embed(shop)
    assert not shop.live.submit([Product(item_id=f"x{k}", title="x") for k in range(live_embedding.MOST + 1)])
    assert shop.live.wait(0)


def test_a_table_that_is_being_written_is_tried_again(shop: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    embed(shop)
    monkeypatch.setattr(live_embedding, "PAUSE", 0.05)
    with FileLock(table_of(shop.workspace, "text").folder / "writer.lock"):
        shop.put_products([Product(item_id="new", title="a saw")])
        assert not shop.live.wait(0.2)
    assert shop.live.wait(30)
    assert "new" in table_of(shop.workspace, "text")


def test_prices_and_stock_are_not_encoded(shop: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    embed(shop)
    submitted: list[str] = []
    monkeypatch.setattr(shop.live, "submit", lambda products: submitted.extend(one.item_id for one in products))
    product = shop.store.catalogue.get(["p001"])["p001"]
    shop.put_products([replace(product, stock=5)])
    shop.put_products([replace(product, stock=5, title="a longer hammer")])
    assert submitted == ["p001"]


def test_it_can_be_switched_off(tmp_path: Path) -> None:
    settings = {"encoders": ENCODERS, "server": {"embed_changes": False}}
    with open_tiny_shop(tmp_path, settings=settings) as shop:
        embed(shop)
        shop.put_products([Product(item_id="new", title="a saw")])
        assert shop.live.wait(0)
        assert "new" not in table_of(shop.workspace, "text")
