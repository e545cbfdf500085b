from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoplens.apps.attributes.found import FoundValue, Source
from shoplens.apps.attributes.photo import PhotoAttribute, Visible
from shoplens.apps.attributes.written import Written
from shoplens.errors import ModelFileError
from shoplens.features.found_text import FoundText, joined


@given(st.lists(st.text(st.sampled_from("aB1 .红"), max_size=4), max_size=6))
def test_every_letter_belongs_to_its_line(texts: list[str]) -> None:
    lines = [FoundText(text, f"{n}.png", box=(0, 0, n, 1), size=(10, 10)) for n, text in enumerate(texts)]
    written = Written(lines)
    assert written.text == joined(lines)
    for place, letter in enumerate(written.text):
        if letter != "\n":
            found = FoundValue(attribute="a", value="v", source=Source.DICTIONARY, confidence=1.0, field="ocr",
                               start=place, end=place + 1)  # fmt: skip
            placed = written.placed(found)
            assert placed.photo is not None
            line = lines[int(placed.photo.removesuffix(".png"))]
            assert letter in line.text
            assert placed.box == line.region


def test_what_was_read_elsewhere_keeps_its_place() -> None:
    title = FoundValue(
        attribute="a", value="v", source=Source.DICTIONARY, confidence=0.5, field="title", start=0, end=1
    )
    assert Written([FoundText("wool", "a.png")]).placed(title) == title
    unsure = Written([FoundText("wool", "a.png", confidence=0.8)]).placed(
        FoundValue(attribute="a", value="wool", source=Source.DICTIONARY, confidence=0.5, field="ocr", start=0, end=4)
    )
    assert (unsure.photo, unsure.box, unsure.confidence) == ("a.png", None, 0.4)


@pytest.mark.parametrize("values", [("red", "blue"), ("red", "blue", "green")])
def test_what_photos_show_is_kept_without_pickles(values: tuple[str, ...], tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    truth = [values[row % len(values)] for row in range(90)]
    middle = np.eye(8, dtype=np.float32)[[values.index(one) for one in truth]] * 4
    vectors = middle + random.normal(0, 0.7, (90, 8)).astype(np.float32)
    fitted = PhotoAttribute.fit("colour", vectors, truth)
    assert fitted is not None
    assert np.mean([one.value == own for one, own in zip(fitted.see(vectors), truth, strict=True)]) > 0.9
    Visible({"colour": fitted}, (("image", "tiny/1"),)).save(tmp_path)
    again = Visible.load(tmp_path)
    assert again.parts == (("image", "tiny/1"),)
    assert again.attributes["colour"].see(vectors) == fitted.see(vectors)
    matrices = (tmp_path / "visible.npz").read_bytes()
    for damaged in (b"", matrices[:200]):
        (tmp_path / "visible.npz").write_bytes(damaged)
        with pytest.raises(ModelFileError, match="attributes complete"):
            Visible.load(tmp_path)
    (tmp_path / "visible.json").write_text("{}")
    with pytest.raises(ModelFileError, match="attributes complete"):
        Visible.load(tmp_path)
