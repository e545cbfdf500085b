"""What the settings say reaches the encoders, and what is read is never of another version."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from shoplens.compute.local import LocalExecutor
from shoplens.domain.catalogue import Product
from shoplens.errors import ConfigurationError, StoreError
from shoplens.features.current import FILE_NAME, InUse, folder_noted, read_current, switch
from shoplens.features.table import table_folder
from shoplens.service.embedding import embed_shop
from shoplens.service.encoders import (
    MODALITIES,
    encoder_in_use,
    encoder_of,
    has_media,
    modalities_on,
    options_of,
    recogniser_of,
    table_of,
)
from shoplens.service.settings import Settings
from shoplens.service.workspace import Workspace
from shoplens.store.sql import open_store
from shoplens.testing.tiny_encoders import TINY, TinySpeech, tiny_parts


def shop(folder: Path, **encoders: Any) -> Workspace:
    return Workspace(folder, Settings.read(None, encoders=encoders))


def test_settings_reach_the_encoders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOPLENS_ENCODERS__ENDPOINT__API_KEY", "k3y-of-ours")
    endpoint = {"url": "https://api.example.com/v1", "size": 256, "query_prefix": "query: "}
    workspace = shop(tmp_path, text="endpoint:small", device="cuda:1", image="efficientnet-lite2", endpoint=endpoint)
    options = options_of(workspace, "ocr", threads=1)
    assert (options.modality, options.device, options.threads, options.photo) == (
        "text",
        "cuda:1",
        1,
        "efficientnet-lite2",
    )
    assert options.endpoint is not None
    assert (options.endpoint.api_key, options.endpoint.size, options.endpoint.query_prefix) == (
        "k3y-of-ours",
        256,
        "query: ",
    )
    assert "k3y-of-ours" not in repr(options)
    assert "k3y-of-ours" not in repr(workspace.settings)
    assert options_of(shop(tmp_path), "text").endpoint is None
    assert encoder_of(workspace, "video").version.startswith("efficientnet-lite2-")


def test_modalities_can_be_switched_off(tmp_path: Path) -> None:
    assert modalities_on(shop(tmp_path)) == MODALITIES
    assert modalities_on(shop(tmp_path, text="off", video="off")) == ("image", "colour", "audio")
    with pytest.raises(ConfigurationError, match=r"encoders\.text is off"):
        encoder_of(shop(tmp_path, text="off"), "speech")
    with pytest.raises(ConfigurationError, match=r"encoders\.ocr is off"):
        recogniser_of(shop(tmp_path, ocr="off"), "ocr")
    with pytest.raises(ConfigurationError, match="finds words of ocr"):
        recogniser_of(shop(tmp_path, speech="rapidocr"), "speech")


def test_what_a_product_has(tmp_path: Path) -> None:
    product = Product(item_id="a", title="x", videos=("film.mp4",))
    assert [name for name in MODALITIES if has_media(product, name)] == ["text", "video", "audio", "speech"]


def test_a_table_of_another_version_is_not_asked(tmp_path: Path) -> None:
    with tiny_parts():
        workspace = Workspace.create(tmp_path, encoders=TINY)
        store = open_store(workspace.database_url)
        store.catalogue.upsert([Product(item_id="a", title="kettle")])
        embed_shop(workspace, store, executor=LocalExecutor(1))
        store.close()
        chosen = read_current(workspace.features)["text"]
        table = chosen.folder(workspace.features, "text")
        table.rename(table.with_name("hashed-ngrams-0"))
        switch(workspace.features, "text", InUse(chosen.setting, chosen.precision, chosen.name, "0"))
        assert len(table_of(workspace, "text")) == 1
        with pytest.raises(ConfigurationError, match=r"were made by hashed-ngrams 0, installed is .*shoplens embed"):
            encoder_in_use(workspace, "text")


def test_names_with_slashes_and_readers_find_their_folder_again(tmp_path: Path) -> None:
    chosen = InUse("hub:a/b", "int8", "hub-a/b", "1+2", f"{TinySpeech.name}-x/y")
    folder = chosen.folder(tmp_path, "speech")
    assert folder.parent == tmp_path / "speech"
    assert folder_noted(tmp_path, "speech", chosen.noted) is None
    folder.mkdir(parents=True)
    assert folder_noted(tmp_path, "speech", chosen.noted) == folder
    assert folder_noted(tmp_path, "speech", "tiny-1") is None
    assert table_folder(tmp_path, "text", "../..", "/etc").parent == tmp_path / "text"


def test_the_pointer_is_replaced_as_a_whole_and_damage_is_named(tmp_path: Path) -> None:
    one, other = (InUse("e5-small", "int8", "e5-small", version) for version in ("1", "2"))
    assert switch(tmp_path, "text", one) is None
    assert switch(tmp_path, "text", other) == one
    assert read_current(tmp_path) == {"text": other}
    assert [file.name for file in tmp_path.glob("*.partial")] == []
    (tmp_path / FILE_NAME).write_bytes(orjson.dumps({"format": 99, "tables": {}}))
    with pytest.raises(StoreError, match="another version"):
        read_current(tmp_path)
    (tmp_path / FILE_NAME).write_text("{")
    with pytest.raises(StoreError, match="damaged"):
        read_current(tmp_path)


def test_folders_of_models_are_relative_to_the_workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, elsewhere = tmp_path / "shop", tmp_path / "elsewhere"
    elsewhere.mkdir()
    (root / "nets" / "clip").mkdir(parents=True)
    monkeypatch.chdir(elsewhere)
    opened: list[str] = []

    def opening(name: str, options: Any) -> Any:
        opened.extend((name, options.photo))
        return SimpleNamespace(modality=options.modality)

    monkeypatch.setattr("shoplens.service.encoders.open_encoder", opening)
    encoder_of(shop(root, text="hub:nets/clip", image="hub: ../shop/nets/clip"), "text")
    folders = [Path(name.removeprefix("hub:")).resolve() for name in opened]
    assert folders == [root / "nets" / "clip"] * 2
    opened.clear()
    encoder_of(shop(root, text="hub:BAAI/bge-m3", image="efficientnet-lite2"), "text")
    assert opened == ["hub:BAAI/bge-m3", "efficientnet-lite2"]


def test_a_setting_that_does_not_exist_is_called_so(tmp_path: Path) -> None:
    (tmp_path / "shoplens.toml").write_text('[encoders]\nimagee = "colour"\n')
    with pytest.raises(ConfigurationError, match=r"encoders\.imagee: there is no such setting; did you mean image\?"):
        Workspace.open(tmp_path)
