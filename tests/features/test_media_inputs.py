"""Videos and sounds of products to vectors: only what changed, shots beside them, and what is said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from shoplens.compute.local import LocalExecutor
from shoplens.domain.catalogue import Product
from shoplens.encoders.base import Vectors
from shoplens.encoders.media import Sound
from shoplens.encoders.media_opening import MediaOpener
from shoplens.encoders.media_pool import MediaPool
from shoplens.encoders.speech import Segment, Transcript
from shoplens.encoders.video import VideoEncoder
from shoplens.features.embed import EmbedReport, embed
from shoplens.features.media_inputs import VIDEO_PRODUCTS, SoundInputs, SpeechReader, VideoInputs
from shoplens.features.shots import ShotTable, ShotWriter
from shoplens.features.table import FeatureTable, open_writer
from shoplens.testing.sample_media import BLUE, GREEN, RED, sample_scene, sample_tone, sample_video, sample_wav

SCENES = [sample_scene(colour, seed=seed) for seed, colour in enumerate((RED, GREEN, BLUE))]


class MeanColour:
    """A photo encoder: the mean colour, centred. Counts the frames it saw."""

    name, version, modality, size = "mean-colour", "1", "image", 3

    def __init__(self) -> None:
        self.seen = 0

    def encode(self, inputs: Sequence[Image.Image]) -> Vectors:
        self.seen += len(inputs)
        values = np.array([np.asarray(one, np.float64).mean((0, 1)) - 90 for one in inputs]).reshape(-1, 3)
        vectors: Vectors = (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)
        return vectors


class Loudness:
    """An encoder of sounds: how loud, and how long."""

    name, version, modality, size = "loudness", "1", "audio", 2

    def encode(self, inputs: Sequence[Sound]) -> Vectors:
        values = np.array([(np.abs(one).mean() + 1e-3, len(one) / 16_000) for one in inputs]).reshape(-1, 2)
        vectors: Vectors = (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)
        return vectors


class Echo:
    """A recogniser that says how long it listened."""

    name, version = "echo", "1"

    def transcribe(self, sound: Sound, *, language: str | None = None, words: bool = False) -> Transcript:
        if len(sound) < 8_000:
            return Transcript("", "", ())
        said = f"{len(sound)} samples"
        return Transcript(said, "en", (Segment(said, 0.0, len(sound) / 16_000, 0.8),))


@pytest.fixture(scope="module")
def pool() -> Iterator[MediaPool]:
    with MediaPool(2) as made:
        yield made


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "three.mp4").write_bytes(sample_video(SCENES, seconds=2.0, sound=sample_tone(6, rate=48_000)))
    (tmp_path / "red.webm").write_bytes(sample_video(SCENES[:1], container="webm"))
    (tmp_path / "blue.mp4").write_bytes(sample_video(SCENES[2:], seconds=2.0))
    (tmp_path / "tone.wav").write_bytes(sample_wav(sample_tone(1.0)))
    (tmp_path / "page.mp4").write_bytes(b"<!doctype html><html></html>")
    return tmp_path


PRODUCTS = [
    Product(item_id="three", videos=("three.mp4",)),
    Product(item_id="both", videos=("red.webm", "blue.mp4")),
    Product(item_id="twin", videos=("three.mp4",)),
    Product(item_id="partly", videos=("page.mp4", "blue.mp4")),
    Product(item_id="broken", videos=("page.mp4",)),
    Product(item_id="none"),
]


def run(shop: Path, opener: MediaOpener, encoder: VideoEncoder, products: list[Product]) -> EmbedReport:
    with (
        open_writer(shop / "features", "video", encoder.name, encoder.version, encoder.size) as table,
        ShotWriter(table.folder, encoder.size) as shots,
    ):
        return embed(
            [products],
            table,
            encoder,
            VideoInputs(opener),
            executor=LocalExecutor(2),
            batch=VIDEO_PRODUCTS,
            shots=shots,
        )


def shots_of(shop: Path, encoder: VideoEncoder) -> ShotTable:
    return ShotTable(FeatureTable.open(shop / "features", "video", encoder.name, encoder.version))


def test_a_hit_says_where_in_which_video(shop: Path, pool: MediaPool) -> None:
    photo = MeanColour()
    encoder = VideoEncoder(photo)
    with MediaOpener(pool, shop) as opener:
        report = run(shop, opener, encoder, PRODUCTS)
    assert (report.encoded, report.reused, report.missing, report.unusable) == (3, 1, 1, 1)
    assert dict(report.refused).keys() == {"partly", "broken"}
    assert all("web page" in reason for _, reason in report.refused)
    table = shots_of(shop, encoder)
    green, blue = photo.encode(SCENES[1:])
    hits = table.nearest(green, 2)
    assert {hit.item_id for hit in hits} == {"three", "twin"}
    assert all(hit.video == 0 for hit in hits)
    assert all(2 - 0.1 <= hit.start <= hit.time <= hit.end <= 4 + 0.1 for hit in hits)
    hits = table.nearest(blue, 10, within=["both", "broken", "absent"])
    assert [(hit.item_id, hit.video) for hit in hits] == [("both", 1), ("both", 0)]
    assert hits[0].score > 0.95 > hits[1].score
    assert [hit.video for hit in table.of("both")] == [0, 1]
    assert [round(hit.start) for hit in table.of("twin")] == [0, 2, 4]
    assert table.of("broken") == table.of("absent") == []
    assert table.nearest(blue, 0) == []


def test_shots_follow_the_products(shop: Path, pool: MediaPool) -> None:
    photo = MeanColour()
    encoder = VideoEncoder(photo)
    with MediaOpener(pool, shop) as opener:
        run(shop, opener, encoder, PRODUCTS)
        seen = photo.seen
        again = run(shop, opener, encoder, PRODUCTS)
        assert (again.encoded, again.vectors, photo.seen) == (0, 0, seen)
        before = len(shots_of(shop, encoder))
        run(shop, opener, encoder, PRODUCTS[1:])  # its twin still has the same video
        assert len(shots_of(shop, encoder)) == before
        assert {hit.item_id for hit in shots_of(shop, encoder).nearest(np.ones(3), 99)} == {"both", "twin", "partly"}
        changed = [Product(item_id="twin", videos=("blue.mp4",)), *PRODUCTS[1:2]]
        run(shop, opener, encoder, changed)
        assert {hit.item_id for hit in shots_of(shop, encoder).nearest(np.ones(3), 99)} == {"both", "twin"}
        assert len(shots_of(shop, encoder).of("twin")) == 1
        run(shop, opener, encoder, [])
        assert len(shots_of(shop, encoder)) == 0
        assert shots_of(shop, encoder).nearest(np.ones(3)) == []


def test_one_changed_product_costs_one_video(shop: Path, pool: MediaPool) -> None:
    photo = MeanColour()
    encoder = VideoEncoder(photo)
    with MediaOpener(pool, shop) as opener:
        run(shop, opener, encoder, PRODUCTS)
        (shop / "red.webm").write_bytes(sample_video(SCENES[1:2], container="webm"))
        photo.seen = 0
        report = run(shop, opener, encoder, PRODUCTS)
    assert (report.encoded, report.vectors) == (1, 1)
    assert 0 < photo.seen <= 3


def test_sound_of_recordings_and_videos(shop: Path, pool: MediaPool) -> None:
    products = [
        Product(item_id="spoken", audio=("tone.wav",), videos=("three.mp4",)),
        Product(item_id="filmed", videos=("three.mp4",)),
        Product(item_id="silent", videos=("blue.mp4",)),
        Product(item_id="broken", audio=("page.mp4",)),
        Product(item_id="none"),
    ]
    encoder = Loudness()
    for encoded, reused in ((2, 0), (0, 2)):
        with (
            MediaOpener(pool, shop) as opener,
            open_writer(shop / "features", "audio", encoder.name, encoder.version, encoder.size) as table,
        ):
            inputs = SoundInputs(opener)
            report = embed([products], table, encoder, inputs, executor=LocalExecutor(2), batch=2)
            assert len(inputs.load(products[0]).inputs) == 2
            assert (report.encoded, report.reused, report.missing, report.unusable) == (encoded, reused, 2, 1)
            assert [name for name, _ in report.refused] == ["broken"]


def test_what_is_said_and_where(shop: Path, pool: MediaPool) -> None:
    product = Product(item_id="a", audio=("tone.wav", "page.mp4"), videos=("three.mp4", "blue.mp4"))
    with MediaOpener(pool, shop) as opener:
        reader = SpeechReader(Echo(), opener, most=4)
        reading = reader.read(product)
        digest = reader.digest(product)
        (shop / "tone.wav").write_bytes(sample_wav(sample_tone(2.0)))
        assert reader.digest(product) != digest
        assert reader.digest(Product(item_id="b")) is None
        assert not reader.read(Product(item_id="c", audio=("page.mp4",))).readable
    assert [(one.source, one.place, one.language) for one in reading.found] == [
        ("tone.wav", 0, "en"),
        ("three.mp4", 2, "en"),
    ]
    assert reading.found[0].text == "16000 samples"
    assert (reading.found[0].start, reading.found[0].end) == (0.0, 1.0)
    assert len(reading.refused) == 1
    assert reading.readable
