"""Photos are found by words before `train` learnt anything, and without it where one network sees and reads."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from shoplens.compute.local import LocalExecutor
from shoplens.domain.catalogue import Product
from shoplens.features.align import versions
from shoplens.features.align.training import AlignmentReport
from shoplens.recommend.asking import Ask
from shoplens.service.alignment import align_shop, home
from shoplens.service.embedding import embed_shop
from shoplens.service.runtime import Runtime
from shoplens.service.workspace import Workspace
from shoplens.store.sql import open_store
from shoplens.testing.tiny_encoders import TINY, TinySharedTexts, tiny_parts

PAINT = TinySharedTexts.named
OFF = dict.fromkeys(("ocr", "audio", "speech"), "off")


@contextmanager
def painted(folder: Path, **encoders: Any) -> Iterator[Runtime]:
    """Three products that no word tells apart, and one without a photo."""
    workspace = Workspace.create(folder / "shop", encoders={**TINY, **OFF, **encoders})
    for name, colour in PAINT.items():
        Image.new("RGB", (32, 32), colour).save(workspace.root / f"{name}.png")
    store = open_store(workspace.database_url)
    store.catalogue.upsert([Product(item_id=name, title="Thing", images=(f"{name}.png",)) for name in PAINT])
    store.catalogue.upsert([Product(item_id="bare", title="Thing")])
    with tiny_parts():
        embed_shop(workspace, store, executor=LocalExecutor(1))
        with Runtime(workspace, store) as shop:
            yield shop


def shown(shop: Runtime, text: str) -> list[str]:
    return [one.item_id for one in shop.search.look(Ask(text=text)).items if one.parts.get("looks", 0) > 0]


def spaces(shop: Runtime) -> tuple[bool, bool]:
    """Whether what was learnt answers, and whether the bridge does."""
    vectors = shop.search.index.vectors
    return vectors.space is not None, vectors.bridge is not None


def test_one_network_finds_photos_at_once(tmp_path: Path) -> None:
    with painted(tmp_path, text="tiny-shared-texts", image="tiny-shared-photos") as shop:
        assert [shown(shop, colour) for colour in PAINT] == [[colour] for colour in PAINT]


def test_names_of_classes_find_photos_and_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with painted(tmp_path, image="tiny-classes") as shop:
        assert shown(shop, "strawberry thing") == ["red"]
        assert shown(shop, "cucumber things") == ["green"]
        assert shown(shop, "草莓 thing") == ["red"]
        kept = list((shop.workspace.features / "bridge").iterdir())
        monkeypatch.setattr("shoplens.features.align.bridge.ClassNames.read_by", None)  # whoever starts next reads it
        with Runtime.open(shop.workspace.root, settings=shop.settings) as other:
            assert shown(other, "strawberry thing") == ["red"]
        monkeypatch.undo()
        kept[0].write_bytes(b"nonsense")
        with Runtime.open(shop.workspace.root, settings=shop.settings) as other:
            assert shown(other, "strawberry thing") == ["red"]


def test_a_running_shop_does_not_wait_for_the_bridge(tmp_path: Path) -> None:
    with painted(tmp_path, image="tiny-classes") as shop:
        shop.watch()
        began = time.monotonic()
        while not shown(shop, "strawberry thing"):
            assert time.monotonic() - began < 30
            time.sleep(0.1)


def test_weights_are_learnt_of_what_answers(tmp_path: Path) -> None:
    with painted(tmp_path, text="tiny-shared-texts", image="tiny-shared-photos") as shop:
        judgements = shop.workspace.root / "judgements.csv"
        lines = [f"{colour} {number},{colour}" for colour in PAINT for number in range(12)]
        judgements.write_text("\n".join(["query,item_id", *lines]) + "\n", encoding="utf-8")
        learnt = shop.search.learn_weights(judgements)
        assert any("looks" in one for one in learnt.blend.as_dict().values()), learnt.told


@pytest.mark.slow
def test_what_train_learns_takes_the_place_of_the_bridge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AlignmentReport, "gained", True)  # three colours are too easy for the bridge
    with painted(tmp_path, image="tiny-classes") as shop:
        colours = list(PAINT)
        shop.put_products([
            Product(item_id=f"p{row:03}", title=f"{colours[row % 3]} {('cap', 'belt')[row // 3 % 2]}",
                    attributes={"colour": (colours[row % 3],)}, images=(f"{colours[row % 3]}.png",))
            for row in range(320)
        ])  # fmt: skip
        embed_shop(shop.workspace, shop.store, executor=LocalExecutor(1))
        shop.search.sync()
        assert spaces(shop) == (False, True)
        assert align_shop(shop.workspace, shop.store).folder is not None
        shop.search.sync()
        assert spaces(shop) == (True, False)
        assert shown(shop, "blue")[0].startswith(("blue", "p"))
        versions.withdraw(home(shop.workspace))
        shop.search.sync()
        assert spaces(shop) == (False, True)


def test_photos_that_say_nothing_are_not_found_by_words(tmp_path: Path) -> None:
    with painted(tmp_path) as shop:
        assert shown(shop, "red") == []
        assert "looks" not in {one.name for one in shop.search.index.vectors.signals}
