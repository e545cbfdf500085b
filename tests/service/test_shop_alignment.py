"""`align_shop`: what `train` learns of words and photos, when it learns it again, and what goes into a bundle."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from PIL import Image

from shoplens.compute.local import LocalExecutor
from shoplens.domain.catalogue import Product
from shoplens.errors import ModelFileError
from shoplens.features.align import versions
from shoplens.recommend.facts import CatalogueFacts
from shoplens.retrieval.asked import Asked
from shoplens.retrieval.hybrid import HybridIndex
from shoplens.service.alignment import align_shop, home, load_current, photos_of
from shoplens.service.embedding import embed_shop
from shoplens.service.loose_media import LooseMedia
from shoplens.service.media_sources import MediaSources
from shoplens.service.search_vectors import SearchVectors
from shoplens.service.workspace import Workspace
from shoplens.store.base import Store
from shoplens.store.sql import open_store
from shoplens.testing.tiny_encoders import TINY, tiny_parts

PAINT = {"Red": (200, 30, 40), "Blue": (30, 60, 190), "Green": (30, 140, 60)}
SETTINGS: dict[str, Any] = {"encoders": {**TINY, "ocr": "off"}}


def painted(products: int) -> list[Product]:
    """Plain photos; the last three products have none, or no words."""
    colours = list(PAINT)
    made = []
    for row in range(products):
        colour, kind = colours[row % 3], ("Caps", "Belts")[row // 3 % 2]
        made.append(
            Product(
                item_id=f"p{row:03}",
                title=f"{colour} {kind[:-1]} {row}",
                category=("Wear", kind),
                attributes={"colour": (colour,)},
                images=(f"{row % 90}.png",),  # equal photos are encoded once
            )
        )
    return [*made, Product(item_id="bare", images=("0.png",)), Product(item_id="said", title="Red cap")]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Workspace, Store]]:
    workspace = Workspace.create(tmp_path_factory.mktemp("aligned") / "shop", **SETTINGS)
    random = np.random.default_rng(0)
    for row in range(90):
        colour = np.clip(np.array(list(PAINT.values())[row % 3]) + random.normal(0, 9, 3), 0, 255).astype(int)
        photo = Image.new("RGB", (16, 16), (250, 250, 250))
        photo.paste(tuple(colour.tolist()), (3, 3, 13, 13))
        photo.save(workspace.root / f"{row}.png")
    store = open_store(workspace.database_url)
    store.catalogue.upsert(painted(320))
    with tiny_parts():
        embed_shop(workspace, store, executor=LocalExecutor(1), modalities=("text", "image", "colour"))
        yield workspace, store
    store.close()


@pytest.mark.slow
def test_learnt_once_and_again_when_products_change(shop: tuple[Workspace, Store]) -> None:
    workspace, store = shop
    first = align_shop(workspace, store)
    assert first.fresh
    assert first.folder is not None
    assert "NDCG@10" in first.told
    assert first.report["pairs"] == 320
    assert orjson.loads(orjson.dumps(first.as_dict()))["version"] == first.folder.name
    alignment = load_current(workspace)
    assert alignment is not None
    photos, present = photos_of(workspace, ["p000", "p001", "p002", "nobody"])
    assert present.tolist() == [True, True, True, False]
    assert alignment.scores(["red", "蓝色"], photos.take(present)).argmax(1).tolist() == [0, 1]

    again = align_shop(workspace, store)
    assert (again.fresh, again.folder) == (False, first.folder)

    store.catalogue.upsert([Product(item_id="said", title="Blue belt")])
    changed = align_shop(workspace, store)
    assert changed.fresh
    assert changed.folder is not None
    assert changed.folder != first.folder
    assert first.folder.is_dir()  # side by side

    (changed.folder / versions.NUMBERS).write_bytes(b"nonsense")
    with pytest.raises(ModelFileError, match="damaged"):
        load_current(workspace)
    versions.switch(home(workspace), first.folder.name)
    assert load_current(workspace) is not None


@pytest.mark.slow
def test_search_asks_for_what_was_learnt(shop: tuple[Workspace, Store]) -> None:
    workspace, store = shop
    align_shop(workspace, store)
    facts = CatalogueFacts(product for part in store.catalogue.scan() for product in part)
    with MediaSources(workspace) as sources:
        vectors = SearchVectors(workspace, facts, LooseMedia(workspace, sources))
        vectors.refresh(now=True)
        assert {signal.name for signal in vectors.signals} == {"meaning", "attributes", "looks", "image"}
        index = HybridIndex(
            None, vectors.signals, reader=vectors.reader, space=vectors.space, spoken=vectors.spoken,
            row_of=facts.rows, id_of=lambda rows: [facts.ids[row] for row in rows.tolist()],
        )  # fmt: skip
        for words in ("green belt", "绿色腰带"):
            found = index.search(Asked(text=words), 20)
            assert {"meaning", "attributes", "looks"} == set(found.parts)
            titles = [facts.titles[row] for row in found.rows]
            assert sum(title.startswith("Green Belt") for title in titles) >= 15, (words, titles)

        changed = Product(item_id="said", title="Wonder", category=("Wear", "Belts"), attributes={"colour": ("Green",)})
        facts.apply([changed])
        vectors.changed([changed], ["p000"])
        vectors.refresh()  # no table has the new text yet
        row = facts.row("said")
        green, red = (index.parts(Asked(text=words), np.array([row])) for words in ("green belt", "red cap"))
        assert green["attributes"][0] > red["attributes"][0] + 0.2
        assert np.isnan(green["looks"][0])  # it has no photo
        assert facts.row("p000") not in index.search(Asked(text="red cap"), 400).rows

        other = replace(changed, attributes={"colour": ("Blue",)})  # its text stays as it was
        facts.apply([other])
        vectors.changed([other], [])
        vectors.refresh()
        green, blue = (index.parts(Asked(text=f"{one} belt"), np.array([row])) for one in ("green", "blue"))
        assert blue["attributes"][0] > green["attributes"][0] + 0.2
        held = vectors._held.get("attributes")
        assert held is not None
        before = dict(held.digests)
        assert vectors._held.get("attributes") is held
        vectors.refresh(now=True)
        assert held.digests == before, "what was put in by hand is what the table and the catalogue say"


def test_too_few_pairs_say_so(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "shop", **SETTINGS)
    store = open_store(workspace.database_url)
    store.catalogue.upsert(painted(5))
    aligned = align_shop(workspace, store)  # before any encoder is opened
    store.close()
    assert aligned.folder is None
    assert aligned.told.startswith("0 products have a photo and words, 300 are needed")
    assert versions.current(home(workspace)) is None
