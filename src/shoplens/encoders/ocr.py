"""Words and prices written in photos, in English and Chinese: PP-OCR (Du et al. 2020, arXiv:2009.09941) by RapidOCR.

A detector finds lines, a recogniser reads each; a photo without writing costs the detector only. The models are inside
the package, nothing is downloaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version as installed_version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

import numpy as np
from PIL import Image

from shoplens.encoders.base import EncoderOptions
from shoplens.encoders.session import Later, available_cores
from shoplens.errors import ModelFileError

REVISION = "2"  # of sizes, limits and reading order: part of `version`
LONGEST_SIDE = 1_920  # pixels of a photo; a larger one is shrunk first, so that time and memory stay bounded
DETECTED_SIDE = 960  # pixels at which lines are looked for; they are then read at the photo's own size
FEWEST_CHARACTERS = 2  # letters, digits or signs of currencies in a line
CURRENCIES = "$€£¥￥"
SAME_ROW = 0.5  # share of the lower line's height by which two lines overlap when they stand in one row
MODELS = {
    "Det": "PP-OCRv6_det_small.onnx",
    "Cls": "ch_ppocr_mobile_v2.0_cls_mobile.onnx",  # turns lines that stand on their head
    "Rec": "PP-OCRv6_rec_small.onnx",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of writing."""

    text: str
    confidence: float  # 0 to 1, mean over its characters
    box: tuple[float, float, float, float]  # left, top, right, bottom in pixels of the photo


@dataclass(frozen=True, slots=True)
class PhotoText:
    """All that is written in one photo."""

    text: str  # rows from top to bottom, one a line; "" when nothing is written
    lines: tuple[Line, ...]  # in reading order
    confidence: float  # mean of its lines, by their length; 0 when there are none


NOTHING = PhotoText("", (), 0.0)


class RapidOcrReader:
    """Reads photos. Loads at the first one; safe in several threads.

    Lines read with less than `confidence` are left out: they are mostly texture taken for letters. So are lone letters
    and digits, however sure: anything round looks like an O or an 8.
    """

    name = "rapidocr"
    modality = "ocr"

    def __init__(self, *, confidence: float = 0.75, threads: int | None = None) -> None:
        self.version = f"{installed_version('rapidocr')}-{REVISION}-{confidence:g}"
        self._confidence = confidence
        self._engine: Later[Any] = Later(lambda: _open_engine(threads or available_cores()))

    @classmethod
    def open(cls, options: EncoderOptions) -> Self:
        """As the settings want it."""
        return cls(threads=options.threads)

    def load(self) -> None:
        """Load the networks now rather than at the first photo. ModelFileError when they are missing."""
        self._engine.get()

    def read(self, photos: Sequence[Image.Image]) -> list[PhotoText]:
        """What is written in each photo, in the order given. Tenths of a second for a label, less for a thumbnail."""
        return [self._read(photo) for photo in photos]

    def _read(self, photo: Image.Image) -> PhotoText:
        shrunk = min(1.0, LONGEST_SIDE / max(photo.size))
        size = max(1, round(photo.width * shrunk)), max(1, round(photo.height * shrunk))
        seen = photo.convert("RGB")
        if size != photo.size:
            seen = seen.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
        found = self._engine.get()(np.ascontiguousarray(np.asarray(seen)[:, :, ::-1]))  # it wants blue, green, red
        if found.boxes is None or found.txts is None:
            return NOTHING
        scale = np.array([photo.width / size[0], photo.height / size[1]])
        lines = [
            Line(text.strip(), round(float(score), 4), _upright(np.asarray(corners, np.float64) * scale))
            for text, score, corners in zip(found.txts, found.scores, found.boxes, strict=True)
            if score >= self._confidence and _says_something(text)
        ]
        return in_reading_order(lines)


def _says_something(text: str) -> bool:
    return sum(one.isalnum() or one in CURRENCIES for one in text) >= FEWEST_CHARACTERS


def in_reading_order(lines: Sequence[Line]) -> PhotoText:
    """Lines that stand side by side form a row, read from left to right; rows are read from top to bottom."""
    if not lines:
        return NOTHING
    rows: list[list[Line]] = []
    for line in sorted(lines, key=lambda line: (line.box[1] + line.box[3], line.box[0])):
        if rows and _overlap(rows[-1][0], line) >= SAME_ROW:
            rows[-1].append(line)
        else:
            rows.append([line])
    for row in rows:
        row.sort(key=lambda line: line.box[0])
    ordered = tuple(line for row in rows for line in row)
    weights = [len(line.text) for line in ordered]
    confidence = float(np.average([line.confidence for line in ordered], weights=weights))
    return PhotoText("\n".join(" ".join(line.text for line in row) for row in rows), ordered, round(confidence, 4))


def _overlap(one: Line, other: Line) -> float:
    """How much of the lower of two lines' heights they share."""
    shared = min(one.box[3], other.box[3]) - max(one.box[1], other.box[1])
    return shared / max(min(one.box[3] - one.box[1], other.box[3] - other.box[1]), 1e-9)


def _upright(corners: Any) -> tuple[float, float, float, float]:
    """The upright box around four corners [4, 2]."""
    left, top = corners.min(axis=0)
    right, bottom = corners.max(axis=0)
    return round(float(left), 1), round(float(top), 1), round(float(right), 1), round(float(bottom), 1)


def _open_engine(threads: int) -> Any:
    """RapidOCR, silent, with the models of its own wheel (it would download others)."""
    from rapidocr import RapidOCR

    spec = find_spec("rapidocr")
    folder = Path(spec.submodule_search_locations[0]) if spec and spec.submodule_search_locations else Path()
    params: dict[str, Any] = {
        "Global.log_level": "critical",
        "Global.text_score": 0.0,  # unsure lines are left out by us
        "EngineConfig.onnxruntime.intra_op_num_threads": threads,
        "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        "Det.limit_type": "max",
        "Det.limit_side_len": DETECTED_SIDE,
        "Global.max_side_len": LONGEST_SIDE,
    }
    for part, model in MODELS.items():
        path = folder / "models" / model
        if not path.is_file():
            raise ModelFileError(
                f"{path} is missing from the package rapidocr; install it again (pip install --force-reinstall "
                'rapidocr), or write ocr = "off" under [encoders] in shoplens.toml'
            )
        params[f"{part}.model_path"] = str(path)
    return RapidOCR(params=params)
