"""Only what changed is encoded, once, and being killed loses little."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from shoplens.compute.local import LocalExecutor
from shoplens.domain.catalogue import Product
from shoplens.encoders.base import Vectors
from shoplens.encoders.blocks import pooled
from shoplens.encoders.hashed import HashedNgramEncoder
from shoplens.encoders.photos import PhotoOpener
from shoplens.features.embed import EmbedReport, embed
from shoplens.features.inputs import PhotoInputs, TextInputs
from shoplens.features.table import FeatureTable, TableWriter


class CountingEncoder(HashedNgramEncoder):
    """Remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__(size=64)
        self.texts: list[str] = []

    def encode(self, inputs: Sequence[str]) -> Vectors:
        self.texts += inputs
        return super().encode(inputs)


class ColourEncoder:
    """A photo's mean colour, as a unit vector."""

    name, version, modality, size = "colour", "1", "image", 3

    def encode(self, inputs: Sequence[Image.Image]) -> Vectors:
        means = np.array([np.asarray(photo).mean((0, 1)) + 1 for photo in inputs], np.float32).reshape(-1, 3)
        vectors: Vectors = (means / np.linalg.norm(means, axis=1, keepdims=True)).astype(np.float32)
        return vectors


def products(n: int, start: int = 0) -> list[Product]:
    return [Product(item_id=f"p{i}", title=f"product number {i}") for i in range(start, start + n)]


def run(
    folder: Path, catalogue: list[Product], encoder: CountingEncoder | None = None, **options: object
) -> tuple[EmbedReport, list[str]]:
    encoder = encoder or CountingEncoder()
    chunks = [catalogue[i : i + 37] for i in range(0, len(catalogue), 37)]
    with TableWriter(folder, encoder.size) as table:
        report = embed(
            chunks,
            table,
            encoder,
            TextInputs(),
            executor=LocalExecutor(2),
            batch=8,
            **options,  # type: ignore[arg-type]
        )
    return report, encoder.texts


def test_the_second_run_encodes_nothing(tmp_path: Path) -> None:
    catalogue = products(500)
    first, texts = run(tmp_path, catalogue)
    assert (first.encoded, first.reused, first.vectors, len(texts)) == (500, 0, 500, 500)
    second, texts = run(tmp_path, catalogue)
    assert (second.encoded, second.reused, len(texts)) == (0, 500, 0)
    values, present = FeatureTable(tmp_path).matrix([product.item_id for product in catalogue])
    assert present.all()
    assert np.array_equal(values, HashedNgramEncoder(size=64).encode([product.text for product in catalogue]))


def test_only_what_changed_is_encoded(tmp_path: Path) -> None:
    catalogue = products(100)
    run(tmp_path, catalogue)
    catalogue[7] = replace(catalogue[7], title="a new title")
    catalogue[8] = replace(catalogue[8], price=None, stock=3)  # not part of the text
    catalogue += products(3, start=100)
    del catalogue[50]
    report, texts = run(tmp_path, catalogue)
    assert sorted(texts) == ["a new title", "product number 100", "product number 101", "product number 102"]
    assert (report.encoded, report.reused, report.removed) == (4, 98, 1)
    assert "p50" not in FeatureTable(tmp_path)


def test_equal_inputs_are_encoded_once(tmp_path: Path) -> None:
    catalogue = [Product(item_id=str(i), title=f"kind {i % 5}") for i in range(300)]
    report, texts = run(tmp_path, catalogue)
    assert sorted(texts) == [f"kind {i}" for i in range(5)]
    assert (report.encoded, report.reused, report.vectors) == (5, 295, 5)
    table = FeatureTable(tmp_path)
    assert (len(table), table.rows) == (300, 5)
    # A new product with a known text costs nothing either.
    report, texts = run(tmp_path, [*catalogue, Product(item_id="new", title="kind 3")])
    assert (report.encoded, texts) == (0, [])
    new, known = FeatureTable(tmp_path).matrix(["new", "3"])[0]
    assert np.array_equal(new, known)


def test_products_without_text_are_normal(tmp_path: Path) -> None:
    catalogue = [*products(3), Product(item_id="stub", stub=True)]
    report, _ = run(tmp_path, catalogue)
    assert (report.encoded, report.missing, report.products) == (3, 1, 4)
    # A product that loses its text loses its vector.
    catalogue[0] = replace(catalogue[0], title="")
    report, _ = run(tmp_path, catalogue)
    assert (report.missing, report.removed) == (2, 1)
    assert FeatureTable(tmp_path).matrix(["p0", "stub", "p1"])[1].tolist() == [False, False, True]


def test_a_part_of_the_catalogue_leaves_the_rest_alone(tmp_path: Path) -> None:
    run(tmp_path, products(10))
    report, _ = run(tmp_path, products(2, start=10), complete=False)
    assert report.removed == 0
    assert len(FeatureTable(tmp_path)) == 12


def test_progress_counts_up_to_all(tmp_path: Path) -> None:
    told: list[int] = []
    run(tmp_path, [*products(200), Product(item_id="empty")], progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 201


def test_rows_of_texts_long_gone_are_dropped(tmp_path: Path) -> None:
    for edition in range(4):
        run(tmp_path, [Product(item_id=str(i), title=f"edition {edition} of {i}") for i in range(50)])
    assert FeatureTable(tmp_path).rows <= 100


def test_an_error_keeps_what_was_finished(tmp_path: Path) -> None:
    class Failing(CountingEncoder):
        def encode(self, inputs: Sequence[str]) -> Vectors:
            if len(self.texts) >= 300:
                raise MemoryError("out of memory")
            return super().encode(inputs)

    catalogue = products(2000)
    with pytest.raises(MemoryError):
        run(tmp_path, catalogue, Failing())
    kept = len(FeatureTable(tmp_path))
    assert kept > 0
    report, texts = run(tmp_path, catalogue)
    assert (report.reused, report.encoded) == (kept, 2000 - kept)
    assert len(texts) == 2000 - kept


KILLED = """
    import sys, time
    from pathlib import Path
    from shoplens.compute.local import LocalExecutor
    from shoplens.domain.catalogue import Product
    from shoplens.encoders.hashed import HashedNgramEncoder
    from shoplens.features.embed import embed
    from shoplens.features.inputs import TextInputs
    from shoplens.features.table import TableWriter

    class Slow(HashedNgramEncoder):
        def encode(self, inputs):
            time.sleep(0.01)
            return super().encode(inputs)

    catalogue = [Product(item_id=f"p{i}", title=f"product number {i}") for i in range(20_000)]
    with TableWriter(Path(sys.argv[1]), 64) as table:
        print("ready", flush=True)
        embed([catalogue], table, Slow(size=64), TextInputs(), executor=LocalExecutor(1), batch=8, commit_seconds=0.0)
"""


def test_a_killed_run_goes_on_where_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "table"
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(KILLED), str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    deadline = time.monotonic() + 60
    while not (folder / "index.npz").exists() or len(FeatureTable(folder)) < 200:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    kept = len(FeatureTable(folder))
    assert kept >= 200
    catalogue = products(20_000)
    report, texts = run(folder, catalogue)
    assert (report.reused, report.encoded, len(texts)) == (kept, 20_000 - kept, 20_000 - kept)
    values, present = FeatureTable(folder).matrix([product.item_id for product in catalogue])
    assert present.all()
    assert np.array_equal(values, HashedNgramEncoder(size=64).encode([product.text for product in catalogue]))


def test_the_check_of_an_unchanged_catalogue_is_fast(tmp_path: Path) -> None:
    catalogue = products(20_000)
    run(tmp_path, catalogue)
    started = time.process_time()
    report, _ = run(tmp_path, catalogue)
    assert report.reused == 20_000
    assert time.process_time() - started < 2.0  # a tenth of that on a free core


# Photos


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, colour in {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}.items():
        Image.new("RGB", (20, 20), colour).save(folder / f"{name}.png")
    (folder / "bad.jpg").write_bytes(b"not a photo")
    return folder


def run_photos(shop: Path, catalogue: list[Product], **options: object) -> EmbedReport:
    with PhotoOpener(shop) as opener, TableWriter(shop.parent / "table", 3) as table:
        return embed(
            [catalogue],
            table,
            ColourEncoder(),
            PhotoInputs(opener),
            executor=LocalExecutor(2),
            **options,  # type: ignore[arg-type]
        )


def photos(item_id: str, *images: str) -> Product:
    return Product(item_id=item_id, images=images)


def test_photos_are_pooled_with_the_first_counting_double(shop: Path) -> None:
    run_photos(shop, [photos("one", "red.png"), photos("two", "red.png", "green.png", "green.png")])
    values, _ = FeatureTable(shop.parent / "table").matrix(["one", "two"])
    assert np.allclose(values[0], [1, 0, 0], atol=0.01)
    assert np.allclose(values[1], np.array([1, 1, 0]) / np.sqrt(2), atol=0.01)  # 2 × red + green + green


def test_bad_photos_are_reported_and_the_others_count(shop: Path) -> None:
    catalogue = [
        photos("good", "blue.png"), photos("partly", "bad.jpg", "green.png"), photos("bad", "bad.jpg", "absent.png"),
        photos("none"),
    ]  # fmt: skip
    report = run_photos(shop, catalogue)
    assert (report.encoded, report.unusable, report.missing) == (2, 1, 1)
    assert [item_id for item_id, _ in report.refused] == ["bad", "partly"]
    reasons = dict(report.refused)
    assert "bad.jpg" in reasons["partly"]
    assert "absent.png" in reasons["bad"]
    values, present = FeatureTable(shop.parent / "table").matrix(["good", "partly", "bad", "none"])
    assert present.tolist() == [True, True, False, False]
    assert np.allclose(values[1], [0, 1, 0], atol=0.01)


def test_refused_photos_wait_until_they_change_or_are_asked_for(shop: Path) -> None:
    catalogue = [photos("bad", "bad.jpg"), photos("good", "red.png")]
    assert run_photos(shop, catalogue).unusable == 1
    again = run_photos(shop, catalogue)
    assert (again.unusable, again.reused, again.encoded, len(again.refused)) == (1, 1, 0, 1)
    assert run_photos(shop, catalogue, retry_refused=True).unusable == 1
    Image.new("RGB", (20, 20), (0, 0, 255)).save(shop / "bad.jpg", "JPEG")
    mended = run_photos(shop, catalogue)
    assert (mended.unusable, mended.encoded, mended.refused) == (0, 1, [])


def test_a_photo_whose_server_was_away_can_be_tried_again(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    catalogue = [photos("far", "red.png", "green.png")]
    real = PhotoOpener.read

    def away(self: PhotoOpener, source: str) -> bytes:
        if source == "red.png":
            from shoplens.errors import InputError

            raise InputError("no answer")
        return real(self, source)

    monkeypatch.setattr(PhotoOpener, "read", away)
    assert run_photos(shop, catalogue).refused == [("far", "no answer")]
    monkeypatch.undo()
    assert run_photos(shop, catalogue).encoded == 0
    report = run_photos(shop, catalogue, retry_refused=True)
    assert (report.encoded, report.refused) == (1, [])
    values, _ = FeatureTable(shop.parent / "table").matrix(["far"])
    assert np.allclose(values[0], np.array([2, 1, 0]) / np.sqrt(5), atol=0.01)


def test_opposite_vectors_leave_the_first() -> None:
    vectors = np.array([[1, 0], [-1, 0]], np.float32)
    assert pooled(vectors, [1, 1]).tolist() == [1, 0]


def test_memory_stays_lazy(tmp_path: Path) -> None:
    """The catalogue is read while vectors are made, not before."""
    consumed: list[int] = []

    class Watching(CountingEncoder):
        def encode(self, inputs: Sequence[str]) -> Vectors:
            if consumed[-1] < 40:
                early.append(consumed[-1])
            return super().encode(inputs)

    early: list[int] = []

    def chunks() -> Iterator[list[Product]]:
        for number in range(1, 41):
            consumed.append(number)
            yield products(100, start=number * 100)

    encoder = Watching()
    with TableWriter(tmp_path, 64) as table:
        report = embed(chunks(), table, encoder, TextInputs(), executor=LocalExecutor(1), batch=8)
    assert report.encoded == 4000
    assert early
    assert min(early) < 10
