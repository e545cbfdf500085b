"""From photos and text vectors to the review list: what shows in a photo, what products like it have, what is listed
twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from shoplens.compute.local import LocalExecutor
from shoplens.domain.catalogue import Product
from shoplens.domain.proposals import Proposal, ProposalKind
from shoplens.service.embedding import embed_shop
from shoplens.service.runtime import Runtime
from shoplens.service.workspace import Workspace
from shoplens.testing.tiny_encoders import TINY, TinyWriting, tiny_parts

PAINT = {"red": (200, 30, 40), "blue": (30, 60, 190), "green": (30, 140, 60)}
MATERIALS = {"Harbour": "canvas", "Meadow": "wool", "Quarry": "leather"}  # what each line of caps is made of
CAPS = ("Wear", "Caps")
SETTINGS: dict[str, Any] = {"encoders": {**TINY, "ocr": "tiny-writing"}}


def paint(path: Path, colour: tuple[int, int, int], seed: int) -> None:
    """A colour with a pattern of its own, so that no two photos look the same."""
    random = np.random.default_rng(seed)
    pattern = Image.fromarray(random.integers(0, 90, (6, 6), np.uint8)).resize((48, 48), Image.Resampling.BICUBIC)
    pixels = np.array(colour, np.float32) + np.asarray(pattern, np.float32)[..., None] - 45
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path)


def caps() -> list[Product]:
    """No title says a colour or a material: photos show the one, and caps of the same line have the other."""
    lines, colours = list(MATERIALS), list(PAINT)
    return [
        Product(
            item_id=f"c{row:02}",
            title=f"{lines[row % 3]} {lines[row % 3]} line cap {row}",
            category=CAPS,
            price=Decimal(10 + row),
            currency="EUR",
            attributes={"colour": (colours[row // 3 % 3],), "material": (MATERIALS[lines[row % 3]],)},
            images=(f"{row}.png",),
        )
        for row in range(90)
    ]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    workspace = Workspace.create(tmp_path_factory.mktemp("photos") / "shop", **SETTINGS)
    products = caps()
    for row, product in enumerate(products):
        paint(workspace.root / f"{row}.png", PAINT[product.attributes["colour"][0]], row)
    with Image.open(workspace.root / "20.png") as photo:
        photo.resize((64, 64)).save(workspace.root / "20-again.jpg", quality=80)
    paint(workspace.root / "other.png", PAINT["red"], 500)
    products += [
        replace(products[20], item_id="photo-again", images=("20-again.jpg",)),
        replace(products[30], item_id="text-again", images=()),
        replace(products[40], item_id="looks-otherwise", images=("other.png",)),
        *(
            replace(products[50], item_id=f"many-{number}", images=(), category=CAPS if number % 2 else ("Outlet",))
            for number in range(5)
        ),
    ]
    products[5] = replace(products[5], attributes={"material": products[5].attributes["material"]})
    products[7] = replace(products[7], attributes={"colour": products[7].attributes["colour"]}, images=())
    with tiny_parts(), Runtime.open(workspace.root) as shop:
        shop.put_products(products)
        embed_shop(workspace, shop.store, executor=LocalExecutor(1), modalities=("text", "image", "colour"))
        completed = shop.attributes.complete(progress=lambda _what, _done, _total: None)
        assert completed.sources["photos"]["colour"]["accuracy"] > 0.9
        shop.attributes.check(progress=lambda _what, _done, _total: None)
        yield shop


@pytest.fixture(scope="module")
def proposals(shop: Runtime) -> list[Proposal]:
    return shop.store.proposals.list(limit=1_000)


def test_photos_and_neighbours_say_what_is_missing(proposals: list[Proposal]) -> None:
    values = {one.item_id: one for one in proposals if one.kind is ProposalKind.VALUE}
    colour = values["c05"]
    assert (colour.attribute, colour.value, colour.source) == ("colour", "blue", "photo")
    assert colour.evidence["photo"] == "5.png"
    left, top, right, bottom = colour.evidence["box"]
    assert 0 <= left < right <= 1
    assert 0 <= top < bottom <= 1
    assert colour.confidence > 0.8
    material = values["c07"]
    assert (material.attribute, material.value, material.source) == ("material", "wool", "neighbours")
    assert material.confidence > 0.7
    assert set(values) == {"c05", "c07"}


def test_duplicates_under_other_ids_are_found(proposals: list[Proposal]) -> None:
    twice = {one.item_id: (one.value, one.source) for one in proposals if one.kind is ProposalKind.DUPLICATE}
    many = {f"many-{number}": ("c50", "text") for number in range(5)}
    assert twice == {"photo-again": ("c20", "photo"), "text-again": ("c30", "text"), **many}, "other photos rule it out"


def test_a_product_is_read_with_its_photos(shop: Runtime) -> None:
    """One that `complete` knew, and one that came since, whose photo no vector was made of: a blue cap on black."""
    found = shop.attributes.of_product("c05").values
    (colour,) = [one for one in found if one.attribute == "colour"]
    assert (colour.value, colour.source, colour.photo, colour.family) == ("blue", "photo", "5.png", "blue")
    assert colour.confidence > 0.8
    ground = Image.new("RGB", (200, 100), "black")
    ImageDraw.Draw(ground).rectangle((50, 25, 99, 74), PAINT["blue"])
    ground.save(shop.workspace.root / "new.png")
    shop.store.catalogue.upsert([Product(item_id="new", title="Cap", category=CAPS, images=("new.png",))])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TinyWriting, "version", "wool")  # what it reads in every photo is "organic wool"
        found = shop.attributes.of_product("new").values
    (colour,) = [one for one in found if one.attribute == "colour"]
    assert (colour.value, colour.source, colour.photo) == ("blue", "photo", "new.png")
    assert colour.box == pytest.approx((0.25, 0.25, 0.5, 0.75), abs=0.05)
    (material,) = [one for one in found if one.attribute == "material" and one.field == "ocr"]
    assert (material.value, material.said, material.photo) == ("wool", "wool", "new.png")
    assert material.box == pytest.approx((0.0, 0.0, 1 / 200, 1 / 100)), "the line's, as shares of the photo"


def test_a_photo_that_changed_is_looked_at_anew(shop: Runtime) -> None:
    """Vectors of the photo before say nothing of the one there is now."""
    paint(shop.workspace.root / "88.png", PAINT["red"], 900)
    found = shop.attributes.of_product("c88").values
    (colour,) = [one for one in found if one.attribute == "colour" and one.source == "photo"]
    assert caps()[88].attributes["colour"] == ("green",)
    assert (colour.value, colour.photo) == ("red", "88.png")
    with shop.workspace.root.joinpath("88.png").open("ab") as file:
        file.write(b"and more")
    seen = shop.attributes._photos.classified(caps()[87:89], shop.attributes.knowledge())
    assert [len(one) for one in seen] == [1, 0], "of many products nothing is opened"


def test_a_photo_that_cannot_be_read_is_named(shop: Runtime) -> None:
    shop.store.catalogue.upsert([Product(item_id="lost", title="Red cap", category=CAPS, images=("lost.png",))])
    read = shop.attributes.of_product("lost")
    assert [(one.value, one.source) for one in read.values] == [("red", "dictionary")]
    assert (read.unread, "lost.png" in read.why) == ("lost.png", True)


def test_colours_are_named_before_anything_was_learnt(tmp_path: Path) -> None:
    Image.new("RGB", (48, 48), PAINT["red"]).save(tmp_path / "red.png")
    (tmp_path / "shoplens.toml").write_text('[encoders]\ntext = "hashed-ngrams"\nocr = "off"\n', encoding="utf-8")
    cap = Product(item_id="seen", title="Cap", category=CAPS, images=("red.png",))
    with Runtime.open(tmp_path) as opened:
        opened.put_products([*(replace(one, images=()) for one in caps()[:20]), cap])
        found = opened.attributes.of_product("seen").values
    (colour,) = found
    assert (colour.attribute, colour.value, colour.source, colour.box) == ("colour", "red", "photo", (0, 0, 1, 1))
    assert colour.confidence == pytest.approx(0.5), "nobody has measured it"
