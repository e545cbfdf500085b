"""Words found in media are found once, survive being killed, and belong to one version of what found them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shoplens.compute.local import LocalExecutor
from shoplens.domain.catalogue import Product
from shoplens.encoders.hashed import HashedNgramEncoder
from shoplens.errors import StoreError
from shoplens.features.embed import EmbedReport, embed
from shoplens.features.found_text import FILE_NAME, FoundText, FoundTextInputs, FoundTexts, Reading, joined, read_media
from shoplens.features.table import FeatureTable, TableWriter


class Reader:
    """Reads the names of photos; "bad" cannot be read, "blank" says nothing, "crash" ends the run."""

    modality, name = "ocr", "names"

    def __init__(self, version: str = "1") -> None:
        self.version = version
        self.read_ids: list[str] = []

    def digest(self, product: Product) -> bytes | None:
        return "|".join(product.images).encode().ljust(16)[:16] if product.images else None

    def read(self, product: Product) -> Reading:
        self.read_ids.append(product.item_id)
        if "crash" in product.images:
            raise KeyboardInterrupt
        refused = [f"{image}: damaged" for image in product.images if image == "bad"]
        found = [
            FoundText(f"words of {image}", image, place, "en", 0.9, box=(1.0, 2.0, 3.0, 4.0))
            for place, image in enumerate(product.images)
            if image not in ("bad", "blank")
        ]
        return Reading(found, refused, readable=len(refused) < len(product.images))


def shop() -> list[Product]:
    images = {"a": ("tea",), "b": ("tea",), "c": ("bad",), "d": (), "e": ("blank",), "f": ("box", "bad")}
    return [Product(item_id=name, images=of) for name, of in images.items()]


def run(folder: Path, reader: Reader, products: Sequence[Product], *, retry: bool = False) -> EmbedReport:
    with FoundTexts(folder, "ocr", f"names-{reader.version}", write=True) as kept:
        return read_media([products[:3], products[3:]], kept, reader, executor=LocalExecutor(1), retry_refused=retry)


def found(folder: Path, version: str = "1") -> dict[str, list[str]]:
    with FoundTexts(folder, "ocr", f"names-{version}") as kept:
        return {name: [one.text for one in texts] for name, texts in kept.texts(list("abcdef")).items()}


def test_everything_is_read_once(tmp_path: Path) -> None:
    reader = Reader()
    first = run(tmp_path, reader, shop())
    assert first.products == 6
    assert (first.missing, first.unusable) == (1, 1)
    assert first.refused == [("c", "bad: damaged"), ("f", "bad: damaged")]
    assert found(tmp_path) == {"a": ["words of tea"], "b": ["words of tea"], "f": ["words of box"]}
    again = Reader()
    second = run(tmp_path, again, shop())
    assert (second.encoded, second.reused, second.unusable, again.read_ids) == (0, 4, 1, [])
    assert second.refused == first.refused
    run(tmp_path, again, shop(), retry=True)
    assert again.read_ids == ["c", "f"]


def test_what_changes_is_read_again_and_what_goes_is_forgotten(tmp_path: Path) -> None:
    run(tmp_path, Reader(), shop())
    changed = [replace(one, images=("box",)) if one.item_id == "a" else one for one in shop() if one.item_id != "b"]
    reader = Reader()
    report = run(tmp_path, reader, changed)
    assert (reader.read_ids, report.removed) == (["a"], 1)
    assert found(tmp_path) == {"a": ["words of box"], "f": ["words of box"]}


def test_versions_lie_side_by_side(tmp_path: Path) -> None:
    run(tmp_path, Reader(), shop())
    run(tmp_path, Reader("2"), shop()[:1])
    assert len(found(tmp_path)) == 3
    assert found(tmp_path, "2") == {"a": ["words of tea"]}
    with FoundTexts(tmp_path, "ocr", "names-2", write=True) as kept:
        assert kept.forget_other_readers() == 5
        kept.commit()
    assert found(tmp_path) == {}


def test_a_stopped_run_keeps_what_it_found(tmp_path: Path) -> None:
    products = [*shop()[:1], Product(item_id="z", images=("crash",))]
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, Reader(), products)
    assert found(tmp_path) == {"a": ["words of tea"]}


def test_a_crash_loses_what_was_not_committed_and_no_more(tmp_path: Path) -> None:
    kept = FoundTexts(tmp_path, "ocr", "names-1", write=True)
    kept.put("a", b"1" * 16, Reading([FoundText("sure", "x")]))
    kept.commit()
    kept.put("b", b"2" * 16, Reading([FoundText("lost", "x")]))
    kept.close()  # without a commit, as a killed process leaves it
    assert found(tmp_path) == {"a": ["sure"]}


def test_nothing_read_yet_and_a_damaged_file(tmp_path: Path) -> None:
    assert found(tmp_path) == {}
    assert not (tmp_path / FILE_NAME).exists()
    (tmp_path / FILE_NAME).write_bytes(b"no database at all" * 100)
    with pytest.raises(StoreError, match="delete it and run"):
        found(tmp_path)


def test_words_become_vectors_and_go_with_their_photos(tmp_path: Path) -> None:
    encoder = HashedNgramEncoder(size=64)

    def vectors(products: Sequence[Product]) -> FeatureTable:
        run(tmp_path, Reader(), products)
        with FoundTexts(tmp_path, "ocr", "names-1") as kept, TableWriter(tmp_path / "table", 64) as table:
            inputs = FoundTextInputs(kept)
            embed(inputs.chunks(chunks(products)), table, encoder, inputs, executor=LocalExecutor(2))
        return FeatureTable(tmp_path / "table")

    def chunks(products: Sequence[Product]) -> Iterator[Sequence[Product]]:
        return (products[k : k + 2] for k in range(0, len(products), 2))

    table = vectors(shop())
    assert sorted(table.ids) == ["a", "b", "f"]
    values, _ = table.matrix(["a", "f"])
    assert (values == encoder.encode(["words of tea", "words of box"])).all()
    blank = [replace(one, images=("blank",)) for one in shop()]
    assert vectors(blank).ids == []


@given(st.lists(st.text(max_size=12), max_size=8))
def test_joined_says_everything_once(texts: list[str]) -> None:
    text = joined([FoundText(one, "x") for one in texts])
    lines = [line.casefold().strip() for line in text.split("\n") if line]
    said = {one.casefold().strip() for one in texts if any(letter.isalnum() for letter in one)}
    if not any("\n" in one for one in texts):
        assert sorted(lines) == sorted(said)


@settings(deadline=None, max_examples=25)
@given(
    st.text(), st.integers(0, 9), st.floats(0, 1), st.none() | st.floats(0, 1e6),
    st.none() | st.tuples(*[st.floats(0, 5000)] * 4),
)  # fmt: skip
def test_what_is_kept_comes_back(
    tmp_path_factory: pytest.TempPathFactory,
    text: str,
    place: int,
    confidence: float,
    start: float | None,
    box: tuple[float, float, float, float] | None,
) -> None:
    one = FoundText(text, "photo.jpg", place, "zh", confidence, start, start, box)
    with FoundTexts(tmp_path_factory.mktemp("kept"), "ocr", "r", write=True) as kept:
        kept.put("p", b"0" * 16, Reading([one]))
        assert kept.texts(["p", "q"]) == {"p": (one,)}
