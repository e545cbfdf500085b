"""Words drawn into pictures are read back."""

from __future__ import annotations

import logging
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont, features

from shoplens.encoders import ocr
from shoplens.encoders.ocr import Line, PhotoText, RapidOcrReader, in_reading_order
from shoplens.errors import ModelFileError

CHINESE_FONTS = ("NotoSansCJK-Regular.ttc", "wqy-microhei.ttc", "wqy-zenhei.ttc", "msyh.ttc", "PingFang.ttc")


@pytest.fixture(scope="module")
def reader() -> RapidOcrReader:
    return RapidOcrReader(threads=1)


@cache
def font(size: int) -> ImageFont.FreeTypeFont:
    import matplotlib

    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", size)


def label(words: list[tuple[int, int, int, str]], size: tuple[int, int] = (400, 300)) -> Image.Image:
    """A picture with words at (left, top, height)."""
    picture = Image.new("RGB", size, (250, 248, 240))
    draw = ImageDraw.Draw(picture)
    for left, top, height, text in words:
        draw.text((left, top), text, font=font(height), fill=(30, 30, 90))
    return picture


def test_words_and_prices_are_read_in_reading_order(reader: RapidOcrReader) -> None:
    words = [(20, 20, 30, "Organic Green Tea"), (220, 92, 24, "$12.99"), (20, 90, 24, "250 g"), (20, 160, 24, "¥99.00")]
    photo = label([*words, (20, 220, 36, "$5")])
    (found,) = reader.read([photo])
    assert found.text == "Organic Green Tea\n250 g $12.99\n¥99.00\n$5"
    assert found.confidence > 0.9
    left, top, right, bottom = found.lines[2].box
    assert 200 < left < right < 330
    assert 80 < top < bottom < 130


def test_a_photo_without_writing(reader: RapidOcrReader) -> None:
    gradient = Image.linear_gradient("L").resize((300, 200)).convert("RGB")
    assert reader.read([gradient, Image.new("RGB", (1, 1)), Image.new("RGB", (600, 2))]) == [ocr.NOTHING] * 3
    assert reader.read([]) == []


def test_a_large_photo_is_shrunk_and_boxes_are_in_its_own_pixels(reader: RapidOcrReader) -> None:
    photo = label([(2_000, 1_000, 300, "Hello")], (4_000, 2_000))
    (found,) = reader.read([photo])
    assert found.text == "Hello"
    assert 1_900 < found.lines[0].box[0] < 2_100


def test_any_mode_of_picture(reader: RapidOcrReader) -> None:
    photo = label([(20, 20, 40, "Coffee")], (240, 100))
    assert [one.text for one in reader.read([photo.convert("L"), photo.convert("RGBA")])] == ["Coffee"] * 2


def test_unsure_lines_are_left_out() -> None:
    photo = label([(20, 20, 40, "Coffee")], (240, 100))
    assert RapidOcrReader(confidence=1.01, threads=1).read([photo]) == [ocr.NOTHING]
    assert RapidOcrReader(confidence=0.9).version != RapidOcrReader().version


def test_a_round_thing_is_no_letter(reader: RapidOcrReader) -> None:
    picture = label([(20, 130, 30, "Gala")], (200, 200))
    ImageDraw.Draw(picture).ellipse((60, 20, 130, 100), outline="red", width=12)
    assert reader.read([picture])[0].text == "Gala"
    assert reader.read([label([(20, 20, 60, "O")], (120, 120))]) == [ocr.NOTHING]


def test_chinese(reader: RapidOcrReader) -> None:
    chinese = _chinese_font()
    if chinese is None:
        pytest.skip("no font with Chinese characters on this machine")
    picture = Image.new("RGB", (400, 100), "white")
    ImageDraw.Draw(picture).text((20, 20), "红色跑步鞋 ¥199", font=chinese, fill="black")
    (found,) = reader.read([picture])
    assert found.text.replace(" ", "").replace("￥", "¥") == "红色跑步鞋¥199"


def _chinese_font() -> ImageFont.FreeTypeFont | None:
    assert features.check("freetype2")
    for name in CHINESE_FONTS:
        try:
            return ImageFont.truetype(name, 40)
        except OSError:
            continue
    return None


def test_rows_are_read_from_left_to_right_and_top_to_bottom() -> None:
    def line(text: str, left: float, top: float, height: float = 10) -> Line:
        return Line(text, 0.5, (left, top, left + 10, top + height))

    found = in_reading_order(
        [line("d", 0, 40), line("b", 50, 3), line("c", 0, 20), line("a", 0, 0), line("e", 30, 44, 4)]
    )
    assert found.text == "a b\nc\nd e"
    assert [one.text for one in found.lines] == ["a", "b", "c", "d", "e"]
    assert in_reading_order([]) == PhotoText("", (), 0.0)


def test_it_is_silent_and_downloads_nothing(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    import rapidocr.utils.download_file as downloads

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("it tried to download")

    monkeypatch.setattr(downloads.DownloadFile, "run", refuse)
    RapidOcrReader(threads=1).read([label([(10, 10, 30, "Tea")], (120, 60))])
    assert capfd.readouterr() == ("", "")
    assert logging.getLogger().level == logging.WARNING


def test_a_missing_model_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ocr.MODELS, "Det", "absent.onnx")
    with pytest.raises(ModelFileError, match=r"absent\.onnx.*pip install"):
        RapidOcrReader().load()


def test_the_same_photo_reads_the_same_twice(reader: RapidOcrReader) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    photo = Image.fromarray(noise).resize((200, 150))
    ImageDraw.Draw(photo).text((10, 10), "SALE 50%", font=font(30), fill="black")
    assert reader.read([photo]) == reader.read([photo])
