"""Recognising products in customers' photos: learnt from a shop's files, felt by search, alone where it helps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from shoplens.compute.local import LocalExecutor
from shoplens.domain.catalogue import Product
from shoplens.encoders.photo_hash import photo_hashes, rough_colours
from shoplens.errors import FormatError
from shoplens.features.current import prune
from shoplens.http.app import create_app
from shoplens.learning.recognising import RecognitionReport
from shoplens.recommend.asking import Ask
from shoplens.service import recognition
from shoplens.service.embedding import embed_shop
from shoplens.service.labelled_photos import customer_photos, different
from shoplens.service.loose_media import Part
from shoplens.service.recognition import LEAST_PRODUCTS, Recognised, learn_recogniser
from shoplens.service.runtime import Runtime
from shoplens.service.settings import Settings
from shoplens.service.workspace import Workspace
from shoplens.store.sql import open_store
from shoplens.testing.recognised_photos import held_photo
from shoplens.testing.tiny_encoders import TINY, tiny_parts

PRODUCTS = LEAST_PRODUCTS + 4
LATE = "late"  # comes after training
SETTINGS: dict[str, Any] = {
    "encoders": {**TINY, "image": "tiny-halves", "ocr": "off", "colour": "off"},
    "train": {"customer_photos": "customers.csv"},
}  # fmt: skip


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Workspace, Recognised]]:
    """Things of many colours on white; customers photograph them on anything."""
    folder = tmp_path_factory.mktemp("recognised")
    Workspace.create(folder, **SETTINGS)
    workspace = Workspace(folder, Settings.read(folder / "shoplens.toml", **SETTINGS))
    lines = ["photo,product_id", "nowhere.png,p0", "p0.png,stranger"]
    for number in range(PRODUCTS + 1):
        name = f"p{number}" if number < PRODUCTS else LATE
        held_photo(number).save(folder / f"{name}.png")
        for taken in range(4 if number < PRODUCTS else 0):
            held_photo(number, 10 * number + taken).save(folder / f"{name}-{taken}.png")
            lines.append(f"{name}-{taken}.png,{name}")
    lines.append("p0-0.png,p0")  # once more: counts once
    held_photo(1, 11, side=64).save(folder / "copy.jpg", quality=85)
    lines.append("copy.jpg,p1")  # p1-1.png, resized and compressed anew: counts once, too
    (folder / "customers.csv").write_text("\n".join(lines))
    held_photo(7, 5).save(folder / "asked.png")
    held_photo(PRODUCTS, 5).save(folder / "asked-late.png")
    goods = [Product(item_id=f"p{one}", title=f"Thing {one}", images=(f"p{one}.png",)) for one in range(PRODUCTS)]
    store = open_store(workspace.database_url)
    store.catalogue.upsert(goods)
    with tiny_parts():
        embed_shop(workspace, store, executor=LocalExecutor(1), modalities=("text", "image"))
        learnt = learn_recogniser(workspace, store)
        store.catalogue.upsert([Product(item_id=LATE, title="Another", images=(f"{LATE}.png",))])
        embed_shop(workspace, store, executor=LocalExecutor(1), modalities=("text", "image"))
        store.close()
        yield workspace, learnt


def test_what_was_gained_is_told(shop: tuple[Workspace, Recognised]) -> None:
    _, learnt = shop
    assert learnt.fresh
    assert learnt.folder is not None
    assert learnt.report["recognised"] > learnt.report["nearest"]
    assert "the right one comes first for" in learnt.told
    assert learnt.as_dict()["version"] == learnt.folder.name


def test_a_photo_and_its_copy_count_once(shop: tuple[Workspace, Recognised]) -> None:
    _, learnt = shop
    assert "; 1 photos were left out: they cannot be read or copy another one" in learnt.told


def test_copies_look_alike_in_shape_and_colour() -> None:
    photos = [held_photo(1, 2, side=64), held_photo(1, 2, side=100), held_photo(3, 2, side=64), held_photo(1, 2)]
    assert different(photo_hashes(photos), rough_colours(photos).astype(np.float32)) == [0, 2]
    photos.insert(0, held_photo(1, side=64))  # on white
    assert different(photo_hashes(photos), rough_colours(photos).astype(np.float32)) == [0, 1, 3]


def test_photos_that_were_looked_at_outlive_a_pruning(shop: tuple[Workspace, Recognised]) -> None:
    workspace, _ = shop
    prune(workspace.features, ())
    assert len(list(workspace.features.glob("recogniser/photos/*/index.*"))) >= 1


def test_the_same_photos_are_learnt_from_once(
    shop: tuple[Workspace, Recognised], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, learnt = shop
    looked: list[int] = []
    monkeypatch.setattr("shoplens.service.labelled_photos._look", lambda *_: looked.append(1))
    store = open_store(workspace.database_url)
    again = learn_recogniser(workspace, store)
    store.close()
    assert (again.fresh, again.folder, again.report) == (False, learnt.folder, learnt.report)
    assert not looked
    assert "learnt before" in again.told


def test_what_gained_nothing_is_judged_once(
    shop: tuple[Workspace, Recognised], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, learnt = shop
    withdrawn: list[int] = []
    judged: list[int] = []

    def judge(*_: object, **_options: object) -> RecognitionReport:
        judged.append(1)
        return RecognitionReport(**{**learnt.report, "gained": False, "weight": 0.0})

    monkeypatch.setattr(recognition, "judge_recogniser", judge)
    monkeypatch.setattr(recognition, "_withdraw", lambda home: withdrawn.append(1))
    store = open_store(workspace.database_url)
    first, again, other = (learn_recogniser(workspace, store, seed=seed) for seed in (1, 1, 2))
    store.close()
    assert (first.fresh, again.fresh, other.fresh) == (True, False, True)
    assert len(judged) == 2
    assert len(withdrawn) == 3, "an older recogniser answers no more"
    assert "(judged before)" in again.told
    assert again.told.endswith("the nearest photos alone stay")
    assert again.report == first.report


def test_search_and_conversations_recognise(shop: tuple[Workspace, Recognised]) -> None:
    workspace, _ = shop
    with Runtime(workspace, open_store(workspace.database_url)) as running:
        part = Part("image", workspace.root / "asked.png", "asked.png")
        given = running.search.see([part]).given
        assert [one.signal for one in given] == ["image", "recognised"]
        found = running.search.look(Ask(given=given))
        assert found.items[0].item_id == "p7"
        assert "recognised" in found.items[0].parts
        alone = running.search.look(Ask(given=given[:1]))
        assert alone.items[0].item_id != "p7"  # the nearest photo is another thing
        late = running.search.see([Part("image", workspace.root / "asked-late.png", "late")]).given
        assert LATE in [one.item_id for one in running.search.look(Ask(given=late)).items[:3]]
        with TestClient(create_app(running)) as client:
            photo = {"image": (workspace.root / "asked.png").read_bytes()}
            assert client.post("/v1/search", files=photo).json()["items"][0]["item_id"] == "p7"
            told = client.post("/v1/interact", files=photo).json()
            assert told["items"][0]["item_id"] == "p7"
        many = running.search.see([part] * 12)
        assert {one.signal for one in many.given} == {"image"}


def test_other_encoders_and_damage_do_without(
    shop: tuple[Workspace, Recognised], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    workspace, learnt = shop
    assert learnt.folder is not None
    file = learnt.folder / recognition.FILE
    content = file.read_bytes()
    try:
        file.write_bytes(content[:-4])
        with Runtime(workspace, open_store(workspace.database_url)) as running:
            given = running.search.see([Part("image", workspace.root / "asked.png", "asked.png")]).given
            assert [one.signal for one in given] == ["image"]
        assert "without recognising" in caplog.text
    finally:
        file.write_bytes(content)
    monkeypatch.setattr("shoplens.service.recognition_in_use.PhotoReader.signature", "other encoders")
    with Runtime(workspace, open_store(workspace.database_url)) as running:
        given = running.search.see([Part("image", workspace.root / "asked.png", "asked.png")]).given
        assert [one.signal for one in given] == ["image"]
    assert "train again" in caplog.text


def learn_of(workspace: Workspace, *, least: int, monkeypatch: pytest.MonkeyPatch) -> Recognised:
    monkeypatch.setattr(recognition, "LEAST_PRODUCTS", least)
    store = open_store(workspace.database_url)
    monkeypatch.setattr(recognition, "_withdraw", lambda home: None)
    try:
        return learn_recogniser(workspace, store)
    finally:
        store.close()


def test_too_few_photos_are_told(shop: tuple[Workspace, Recognised], monkeypatch: pytest.MonkeyPatch) -> None:
    learnt = learn_of(shop[0], least=PRODUCTS + 1, monkeypatch=monkeypatch)
    assert learnt.told.startswith(f"{PRODUCTS} products have 3 photos or more, {PRODUCTS + 1} are needed")


def test_customers_photos_of_unknown_products_are_told(
    shop: tuple[Workspace, Recognised], monkeypatch: pytest.MonkeyPatch
) -> None:
    (shop[0].root / "more.csv").write_text("photo,product_id\na.png,没有\nb.png,p0\n")
    train = {"customer_photos": "more.csv"}
    other = Workspace(shop[0].root, Settings.read(None, encoders=SETTINGS["encoders"], train=train))
    learnt = learn_of(other, least=PRODUCTS + 1, monkeypatch=monkeypatch)
    assert learnt.told.endswith("names 1 products that the catalogue lacks ('没有')")


def test_it_can_be_switched_off_and_tables_are_read_with_care(shop: tuple[Workspace, Recognised]) -> None:
    workspace, _ = shop
    assert len(customer_photos(workspace)["p0"]) == 5
    for train, word in (
        ({"customer_photos": "no.csv"}, "cannot be read"),
        ({"customer_photos": "p0.csv"}, "product_id"),
    ):
        (workspace.root / "p0.csv").write_text("photo,item\na.png,p0\n")
        other = Workspace(workspace.root, Settings.read(None, train=train))
        with pytest.raises(FormatError, match=word):
            customer_photos(other)
    off = Workspace(workspace.root, Settings.read(None, encoders=SETTINGS["encoders"], train={"recognise_photos": 0}))
    store = open_store(workspace.database_url)
    assert recognition.current(workspace) is not None
    assert "off" in learn_recogniser(off, store).told
    assert recognition.current(workspace) is None, "what was learnt before answers no more"
    store.close()
