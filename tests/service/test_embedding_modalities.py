"""`embed_shop` over all modalities: what is embedded, what is left out and why, and which table is read."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import pytest
from PIL import Image

from shoplens import registry
from shoplens.compute.local import LocalExecutor
from shoplens.domain.catalogue import Product
from shoplens.domain.events import Event, EventBatch, EventType
from shoplens.encoders.base import EncoderOptions, Vectors
from shoplens.encoders.hashed import HashedNgramEncoder
from shoplens.errors import ConfigurationError, MissingExtraError
from shoplens.features.current import read_current
from shoplens.features.shots import ShotTable
from shoplens.service.contents import FeatureContents
from shoplens.service.embedding import embed_products, embed_shop, found_texts, prune_features, shop_modalities
from shoplens.service.encoders import encoder_in_use, table_of, version_of
from shoplens.service.media_sources import MediaSources
from shoplens.service.settings import Settings
from shoplens.service.workspace import Workspace
from shoplens.store.base import Store
from shoplens.store.sql import open_store
from shoplens.testing.sample_media import sample_tone, sample_video, sample_wav
from shoplens.testing.served_shop import train_tiny_shop
from shoplens.testing.tiny_encoders import TINY, TinyWriting, tiny_parts

ORDER = ["tea", "kettle", "talk", "plain"]


class OtherTexts(HashedNgramEncoder):
    """Another encoder of texts, which can be stopped."""

    stop_after: int | None = None
    name = "other-texts"

    def encode(self, inputs: Sequence[str]) -> Vectors:
        if OtherTexts.stop_after is not None:
            OtherTexts.stop_after -= len(inputs)
            if OtherTexts.stop_after < 0:
                raise KeyboardInterrupt
        return super().encode(inputs)


class NeedsExtra:
    """What cannot be opened here."""

    @classmethod
    def open(cls, options: EncoderOptions) -> Self:
        raise MissingExtraError("tiny", "speech")


SETTINGS: dict[str, Any] = {"encoders": {**TINY, "batch": 4}}


@pytest.fixture(autouse=True)
def _tiny_parts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(registry.PARTS["encoders"], "other-texts", registry.Part(f"{__name__}:OtherTexts"))
    for kind in ("encoders", "recognisers"):
        monkeypatch.setitem(registry.PARTS[kind], "needs-extra", registry.Part(f"{__name__}:NeedsExtra"))
    monkeypatch.setattr(OtherTexts, "stop_after", None)
    with tiny_parts():
        yield


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.create(tmp_path / "shop", **SETTINGS)


@pytest.fixture
def store(workspace: Workspace) -> Iterator[Store]:
    root = workspace.root
    Image.new("RGB", (200, 120), (200, 20, 20)).save(root / "red.png")
    (root / "film.mp4").write_bytes(sample_video(sound=sample_tone(2.0, rate=48_000)))
    (root / "talk.wav").write_bytes(sample_wav(sample_tone(3.0)))
    store = open_store(workspace.database_url)
    store.catalogue.upsert([
        Product(item_id="tea", title="green tea", images=("red.png",)),
        Product(item_id="kettle", title="red kettle", images=("red.png", "gone.png"), videos=("film.mp4",)),
        Product(item_id="talk", title="audio book", audio=("talk.wav",)),
        Product(item_id="plain", title="绿茶"),
    ])  # fmt: skip
    yield store
    store.close()


def embed(workspace: Workspace, store: Store, **options: Any) -> dict[str, Any]:
    return embed_shop(workspace, store, executor=LocalExecutor(1), **options)


def other(workspace: Workspace, **encoders: str) -> Workspace:
    """The same folder with other encoders."""
    return Workspace(workspace.root, Settings.read(None, encoders={**SETTINGS["encoders"], **encoders}))


def test_all_modalities_of_a_shop(workspace: Workspace, store: Store) -> None:
    reports = embed(workspace, store)
    counts = {name: (one.encoded, one.reused, one.missing, one.unusable) for name, one in reports.items()}
    assert counts == {
        "text": (4, 0, 0, 0), "image": (2, 0, 2, 0), "colour": (2, 0, 2, 0), "video": (1, 0, 3, 0),
        "audio": (2, 0, 2, 0), "ocr": (2, 0, 2, 0), "speech": (2, 0, 2, 0),
    }  # fmt: skip
    assert [name for name, _ in reports["image"].refused] == ["kettle"]
    again = embed(workspace, store)
    assert all(one.encoded == one.vectors == 0 for one in again.values())
    found = {one.name: one for one in shop_modalities(workspace, store, ORDER)}
    assert list(found) == ["text", "image", "colour", "video", "audio", "ocr", "speech"]
    assert found["speech"].present.tolist() == [False, True, True, False]
    assert found["video"].present.tolist() == [False, True, False, False]
    written = found_texts(workspace, ORDER, "ocr")
    assert [(one.text, one.source, one.place) for one in written["kettle"]] == [("organic 1", "red.png", 0)]
    heard = found_texts(workspace, ORDER, "speech")
    assert (heard["talk"][0].text, heard["talk"][0].start) == ("about 3 seconds", 0.0)
    assert heard["kettle"][0].source == "film.mp4"
    assert [one.source for one in found_texts(workspace, ORDER)["kettle"]] == ["red.png", "film.mp4"]
    shots = ShotTable(table_of(workspace, "video"))
    assert [hit.start for hit in shots.of("kettle")][:1] == [0.0]


def test_a_shop_of_texts_opens_nothing_else(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(workspace.database_url)
    store.catalogue.upsert([Product(item_id="tea", title="green tea")])
    broken = other(workspace, image="no-such", audio="no-such", speech="no-such", ocr="no-such", video="no-such")
    reports = embed(broken, store)
    assert reports["text"].encoded == 1
    assert {name: one.skipped for name, one in reports.items() if name != "text"} == {
        "image": "no product has a photo", "colour": "no product has a photo", "video": "no product has a video",
        "audio": "no product has sound or video", "ocr": "no product has a photo",
        "speech": "no product has sound or video",
    }  # fmt: skip
    assert [one.name for one in shop_modalities(broken, store, ["tea"])] == ["text"]
    assert {one.name for one in workspace.features.iterdir() if one.is_dir()} == {"text"}
    store.close()


def test_a_missing_part_is_left_out_unless_asked_for(workspace: Workspace, store: Store) -> None:
    without = other(workspace, audio="needs-extra", speech="needs-extra")
    reports = embed(without, store)
    assert "shoplens[speech]" in reports["audio"].skipped
    assert "shoplens[speech]" in reports["speech"].skipped
    assert reports["video"].encoded == 1
    with pytest.raises(MissingExtraError):
        embed(without, store, modalities=["speech"])
    with pytest.raises(ConfigurationError, match=r"encoders\.image is off"):
        embed(other(workspace, image="off"), store, modalities=["image"])
    assert "image" not in embed(other(workspace, image="off"), store)


def test_words_in_many_photos_wait_until_asked_for(
    workspace: Workspace, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shoplens.service.embedding.READ_AT_ONCE", 0)
    assert "--modality ocr" in embed(workspace, store)["ocr"].skipped
    asked = embed(workspace, store, modalities=["ocr"])["ocr"]
    assert not asked.skipped
    again = embed(workspace, store)["ocr"]
    assert not again.skipped
    assert again.reused == asked.encoded + asked.reused


def test_another_encoder_is_read_once_its_table_is_complete(workspace: Workspace, store: Store) -> None:
    embed(workspace, store)
    before = version_of(workspace, "text")
    changed = other(workspace, text="other-texts")
    assert version_of(changed, "text") == before, "nothing is embedded yet"
    OtherTexts.stop_after = 2
    with pytest.raises(KeyboardInterrupt):
        embed(changed, store, modalities=["text"])
    assert version_of(changed, "text") == before
    assert encoder_in_use(changed, "text").name == "hashed-ngrams"
    assert len(table_of(changed, "text")) == 4
    OtherTexts.stop_after = None
    embed(changed, store)
    assert version_of(changed, "text").startswith("other-texts/")
    assert encoder_in_use(changed, "text").name == "other-texts"
    assert read_current(changed.features)["ocr"].name == "other-texts", "found words are read by the same encoder"


def test_found_words_switch_with_what_finds_them(
    workspace: Workspace, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    embed(workspace, store)
    monkeypatch.setattr(TinyWriting, "version", "2")
    assert found_texts(workspace, ["tea"], "ocr")["tea"][0].text == "organic 1"
    embed(workspace, store)
    assert found_texts(workspace, ["tea"], "ocr")["tea"][0].text == "organic 2"
    assert [modality for modality, _ in prune_features(workspace)] == ["ocr"]
    assert found_texts(workspace, ["tea"], "ocr")["tea"][0].text == "organic 2"


def test_prune_keeps_what_is_in_use_and_configured(workspace: Workspace, store: Store) -> None:
    embed(workspace, store)
    changed = other(workspace, text="other-texts")
    embed(changed, store)
    assert {modality for modality, _ in prune_features(workspace)} == {"ocr", "speech"}, "its texts are configured here"
    assert [modality for modality, _ in prune_features(changed)] == ["text"]
    assert prune_features(changed) == []
    assert len(table_of(changed, "text")) == 4


def test_one_product_is_encoded_alone(workspace: Workspace, store: Store) -> None:
    embed(workspace, store)
    product = Product(item_id="new", title="blue kettle", images=("red.png",))
    encoders = {name: encoder_in_use(workspace, name) for name in ("text", "image")}
    with MediaSources(workspace) as sources:
        reports = embed_products(workspace, [product], encoders, sources, executor=LocalExecutor(1))
    assert {name: one.products for name, one in reports.items()} == {"text": 1, "image": 1}
    assert "new" in table_of(workspace, "text")
    assert "tea" in table_of(workspace, "text"), "others stay"
    without = Product(item_id="new", title="blue kettle")
    with MediaSources(workspace) as sources:
        embed_products(workspace, [without], encoders, sources, executor=LocalExecutor(1))
    assert "new" not in table_of(workspace, "image")


def test_new_products_are_compared_in_the_space_of_the_bundle(workspace: Workspace, store: Store) -> None:
    embed(workspace, store)
    batch = EventBatch()
    for k, item in enumerate(["tea", "kettle", "tea", "talk"]):
        batch.append(Event(event_type=EventType.PURCHASE, timestamp=10**15 + k, user_id=f"u{k % 2}", item_id=item))
    store.events.append(batch)
    noted = {"text": version_of(workspace, "text")}
    train_tiny_shop(store, workspace.bundles, content=False, encoders=noted)
    changed = other(workspace, text="other-texts")
    embed(changed, store)
    assert [one.name for one in FeatureContents(changed)(["tea"])] == ["text"]
    assert "text" not in {modality for modality, _ in prune_features(changed)}, "the bundle needs it"
    for folder in (workspace.features / "text").glob("hashed*"):
        shutil.rmtree(folder)
    assert FeatureContents(changed)(["tea"]) == (), "another space is worse than none"


def test_a_killed_embed_leaves_the_old_version_in_use(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "shop", encoders={"text": "hashed-ngrams", "batch": 8})
    store = open_store(workspace.database_url)
    store.catalogue.upsert([Product(item_id=f"p{k}", title=f"product {k}") for k in range(400)])
    embed_shop(workspace, store, executor=LocalExecutor(1))
    store.close()
    script = textwrap.dedent(f"""
        import sys, time
        from pathlib import Path
        from shoplens import registry
        from shoplens.compute.local import LocalExecutor
        from shoplens.encoders.hashed import HashedNgramEncoder
        from shoplens.features import embed as embedding
        from shoplens.service.embedding import embed_shop
        from shoplens.service.settings import Settings
        from shoplens.service.workspace import Workspace
        from shoplens.store.sql import open_store

        class Slow(HashedNgramEncoder):
            name = "slow"
            def encode(self, inputs):
                print("encoding", flush=True)
                time.sleep(0.05)
                return super().encode(inputs)

        registry.PARTS["encoders"]["slow"] = registry.Part("__main__:Slow")
        embedding.embed.__kwdefaults__["commit_seconds"] = 0.0
        settings = Settings.read(None, encoders={{"text": "slow", "batch": 8}})
        workspace = Workspace(Path({str(workspace.root)!r}), settings)
        embed_shop(workspace, open_store(workspace.database_url), executor=LocalExecutor(1))
    """)
    child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    for _ in range(12):
        assert child.stdout.readline()
    child.send_signal(signal.SIGKILL)
    child.wait(timeout=10)
    child.stdout.close()
    partial = [one for one in (workspace.features / "text").iterdir() if one.name.startswith("slow")]
    assert partial, "the new table was begun"
    changed = Workspace(workspace.root, Settings.read(None, encoders={"text": "slow"}))
    assert version_of(changed, "text").startswith("hashed-ngrams/")
    assert len(table_of(changed, "text")) == 400
