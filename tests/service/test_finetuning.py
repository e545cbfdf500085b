"""`finetune_shop`: tables side by side, kept only where it is better, resumed after a kill, or refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import FileLock
from PIL import Image

from shoplens.compute.local import LocalExecutor
from shoplens.domain.catalogue import Product
from shoplens.errors import ConfigurationError, InputError, StoreError
from shoplens.features.align import versions
from shoplens.features.current import read_current
from shoplens.learning.finetune import sayings
from shoplens.learning.finetune.fitting import FitSettings
from shoplens.learning.finetune.judging import Verdict, verdict
from shoplens.service import finetuning
from shoplens.service.alignment import align_shop
from shoplens.service.embedding import embed_shop
from shoplens.service.encoders import encoder_in_use, encoder_of, table_of
from shoplens.service.finetuned import CHECKPOINT, UNFINISHED, prune_models, read_tuned
from shoplens.service.finetuning import finetune_shop
from shoplens.service.workspace import Workspace
from shoplens.store.base import Store
from shoplens.store.sql import open_store
from shoplens.testing.tiny_encoders import TINY, tiny_parts

PAINT = {"Red": (200, 30, 40), "Blue": (30, 60, 190), "Green": (30, 140, 60), "Yellow": (220, 200, 40)}
PRODUCTS, PHOTOS = 400, 24
ONE = LocalExecutor(1)
SHORT = FitSettings(epochs=1, batch=16)


@pytest.fixture(autouse=True)
def _few_photos(monkeypatch: pytest.MonkeyPatch) -> None:
    """That are learnt from; judging takes more."""
    monkeypatch.setattr(sayings, "MOST_PHOTOS", 120)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


def new_shop(root: Path, models: Path, **encoders: str) -> tuple[Workspace, Store]:
    """Painted squares and bars; equal photos are looked at once."""
    workspace = Workspace.create(root, encoders={**TINY, "ocr": "off", **encoders}, model_cache=str(models))
    random = np.random.default_rng(0)
    products = []
    for row in range(PRODUCTS):
        colour, kind = list(PAINT)[row % 4], ("Caps", "Belts")[row // 4 % 2]
        title = f"{('Zola', 'Quint', 'Marbo')[row % 3]} {colour} {kind[:-1]}"
        attributes = {"colour": (colour,)}
        shown = (f"{row % PHOTOS}.png",)
        products.append(
            Product(
                item_id=f"p{row:03}",
                title=f"{title} {row}",
                category=("Wear", kind),
                attributes=attributes,
                images=shown,
            )
        )
        if row < PHOTOS:
            photo = Image.new("RGB", (48, 48), (250, 250, 250))
            fill = np.clip(np.array(PAINT[colour]) + random.normal(0, 9, 3), 0, 255).astype(int)
            photo.paste(tuple(fill.tolist()), (8, 8, 40, 40) if kind == "Caps" else (4, 20, 44, 28))
            photo.save(root / shown[0])
    store = open_store(workspace.database_url)
    store.catalogue.upsert(products)
    embed_shop(workspace, store, executor=ONE, modalities=("text", "image", "colour"))
    return workspace, store


@pytest.fixture
def shop(tmp_path: Path, models: Path) -> Iterator[tuple[Workspace, Store]]:
    """Real eyes, texts without weights."""
    with tiny_parts():
        workspace, store = new_shop(tmp_path / "shop", models, image="efficientnet-lite0")
        yield workspace, store
        store.close()


def judged(better: bool) -> Any:
    """A judge who has made up his mind."""

    def judge(*_args: Any, **_more: Any) -> Verdict:
        low, high = {"photos by titles": np.linspace(0, 0.8, 50)}, {"photos by titles": np.linspace(0.1, 0.9, 50)}
        return verdict(low, high, products=50, seed=0) if better else verdict(high, low, products=50, seed=0)

    return judge


@pytest.mark.slow
def test_kept_where_it_is_better_and_not_learnt_twice(
    shop: tuple[Workspace, Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, store = shop
    monkeypatch.setattr(finetuning, "judge", judged(better=True))
    before, frozen = read_current(workspace.features)["image"], encoder_in_use(workspace, "image")
    old = table_of(workspace, "image").matrix(["p000"])[0]
    (done,) = finetune_shop(workspace, store, ["image"], executor=ONE, settings=SHORT)
    assert done.kept
    assert "the fine-tuned encoder answers" in done.told
    assert done.report["fit"]["epoch"] == 1
    encoder = encoder_in_use(workspace, "image")
    assert (encoder.name, encoder.version.startswith(f"{frozen.version}+")) == (frozen.name, True)
    assert encoder_of(workspace, "image").version == encoder.version  # what `embed` would use, too
    table = table_of(workspace, "image")
    assert len(table) == PRODUCTS
    cosine = float((table.matrix(["p000"])[0] * old).sum())
    assert 0.5 < cosine < 0.9999
    assert before.folder(workspace.features, "image").is_dir()  # bundles of before may read it
    assert not (workspace.models / UNFINISHED / f"image{CHECKPOINT}").exists()

    assert prune_models(workspace) == []  # it is in use

    (again,) = finetune_shop(workspace, store, ["image"], executor=ONE, settings=SHORT)
    assert (again.fresh, again.kept, again.encoder) == (False, True, done.encoder)
    aligned = align_shop(workspace, store)
    assert aligned.folder is not None
    assert versions.learnt_from(aligned.folder).image == f"{encoder.name}/{encoder.version}"


@pytest.mark.slow
def test_discarded_where_it_is_not(shop: tuple[Workspace, Store], monkeypatch: pytest.MonkeyPatch) -> None:
    workspace, store = shop
    monkeypatch.setattr(finetuning, "judge", judged(better=False))
    before = read_current(workspace.features)
    (done,) = finetune_shop(workspace, store, ["image"], executor=ONE, settings=SHORT)
    assert not done.kept
    assert "discarded" in done.told
    assert read_current(workspace.features) == before
    assert "+" not in encoder_of(workspace, "image").version
    assert [one.name for one in (workspace.features / "image").iterdir()] == [
        before["image"].folder(workspace.features, "image").name
    ]
    assert not list(workspace.models.glob("*/manifest.json"))
    assert finetune_shop(workspace, store, ["image"], executor=ONE, settings=SHORT)[0].fresh is False


@pytest.mark.slow
def test_killed_after_an_epoch_it_goes_on(shop: tuple[Workspace, Store], monkeypatch: pytest.MonkeyPatch) -> None:
    workspace, store = shop
    monkeypatch.setattr(finetuning, "judge", judged(better=True))
    settings = replace(SHORT, epochs=2)

    def kill(what: str, done: int, _total: int) -> None:
        if what.startswith("fine-tune") and done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        finetune_shop(workspace, store, ["image"], executor=ONE, settings=settings, progress=kill)
    assert (workspace.models / UNFINISHED / f"image{CHECKPOINT}").exists()
    assert "+" not in encoder_in_use(workspace, "image").version
    told: list[int] = []

    def listen(what: str, done: int, _total: int) -> None:
        if what.startswith("fine-tune"):
            told.append(done)

    (done,) = finetune_shop(workspace, store, ["image"], executor=ONE, settings=settings, progress=listen)
    assert told[0] == 2  # the second epoch, not the first
    assert len(done.report["fit"]["losses"]) == 3
    assert read_tuned(workspace.models)["image"].folder in done.encoder


@pytest.mark.slow
def test_texts_are_judged_by_what_they_find(tmp_path: Path, models: Path) -> None:
    with tiny_parts():
        workspace, store = new_shop(tmp_path / "shop", models, text="e5-small")
        (done,) = finetune_shop(workspace, store, ["text"], executor=ONE, settings=SHORT)
        store.close()
        kinds = done.report["judgement"]["kinds"]
        assert {"photos by English phrases", "English phrases by photos", "titles by Chinese phrases"} <= set(kinds)
        assert kinds["photos by English phrases"]["questions"] >= 4
        assert done.kept == done.report["judgement"]["better"] == ("+" in encoder_in_use(workspace, "text").version)


def test_what_cannot_be_fine_tuned_says_so(tmp_path: Path) -> None:
    with tiny_parts():
        workspace = Workspace.create(tmp_path / "shop", encoders=TINY)
        store = open_store(workspace.database_url)
        for modality, said in (("text", "hashed-ngrams.*e5-small can"), ("image", "lite0 or"), ("audio", "text,image")):
            with pytest.raises(ConfigurationError, match=said):
                finetune_shop(workspace, store, [modality], executor=ONE)
        store.close()
        other = Workspace.create(tmp_path / "other", encoders={**TINY, "image": "efficientnet-lite0"})
        (other.models / UNFINISHED).mkdir(parents=True)
        store = open_store(other.database_url)
        with (
            FileLock(other.models / UNFINISHED / "lock"),
            pytest.raises(StoreError, match="another process is fine-tuning"),
        ):
            finetune_shop(other, store, ["image"], executor=ONE)
        with pytest.raises(InputError, match="0 products have a photo and words; fine-tuning takes 376"):
            finetune_shop(other, store, ["image"], executor=ONE)
        store.close()
