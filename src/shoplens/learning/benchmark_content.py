"""What a benchmark folder says about its products: ready vectors, texts, photos, attributes → modalities."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from PIL import Image, UnidentifiedImageError

from shoplens.domain.dataset import Modality
from shoplens.domain.vocabulary import Vocabulary
from shoplens.encoders.base import EncoderOptions, open_encoder
from shoplens.errors import FormatError, InputError
from shoplens.files import replaced

TEXT_ENCODER, IMAGE_ENCODER = "e5-small", "efficientnet-lite0"
BATCH = 256  # inputs encoded at a time: bounds the photos in memory
Progress = Callable[[str, int, int], None]  # what is being done, how far, of how much
MAX_ATTRIBUTES = 4096  # most frequent values that get a column of their own


def feature_rows(folder: Path) -> int:
    """How many products the feature files speak of; 0 without any. FormatError when they disagree."""
    sizes = {path.name: len(_load(path)) for path in sorted((folder / "features").glob("*.npy"))}
    if len(set(sizes.values())) > 1:
        raise FormatError(f"{folder / 'features'}: files have different numbers of rows: {sizes}")
    return next(iter(sizes.values()), 0)


def read_items(folder: Path) -> pl.DataFrame | None:
    """items.csv with all columns as texts, one row a product; None when there is none."""
    path = folder / "items.csv"
    if not path.exists():
        return None
    try:
        table = pl.read_csv(path, infer_schema=False)
    except (pl.exceptions.PolarsError, OSError, UnicodeError) as error:
        raise FormatError(f"{path} cannot be read as CSV: {error}") from error
    if "item_id" not in table.columns or table["item_id"].null_count():
        raise FormatError(f"{path} needs a column item_id that is never empty; it has: {', '.join(table.columns)}")
    table = table.with_columns(pl.col("item_id").str.strip_chars())
    return table.unique("item_id", keep="first", maintain_order=True)


def read_content(
    folder: Path,
    items: Vocabulary,
    described: pl.DataFrame | None,
    *,
    cache: Path,
    without: Sequence[str] = (),
    progress: Progress | None = None,
) -> tuple[Modality, ...]:
    """All modalities but those in `without`, each for the whole catalogue. InputError when one of `without` is unknown.

    Ready features win over encoding items.csv when both have one modality.
    """
    encode = _Encoding(cache, progress)
    makers: dict[str, Callable[[], Modality]] = {}
    if described is not None:
        rows = items.rows(described["item_id"].to_list())
        columns = set(described.columns)
        if columns & {"title", "description"}:
            makers["text"] = lambda: _encode_texts(described, rows, len(items), encode)
        if columns & {"image", "image path", "image_path"}:
            makers["image"] = lambda: _encode_photos(folder, described, rows, len(items), encode)
        if "attributes" in columns:
            makers["attributes"] = lambda: _count_attributes(described, rows, len(items))
    for path in sorted((folder / "features").glob("*.npy")):
        makers[path.stem] = _feature_reader(path, items)
    unknown = sorted(set(without) - set(makers))
    if unknown:
        has = ", ".join(makers) or "none"
        raise InputError(f"{folder} has no modality {unknown[0]!r} to leave out; it has: {has}")
    found = [make() for name, make in makers.items() if name not in without]
    return tuple(one for one in found if one.present.any())


def read_texts(items: Vocabulary, described: pl.DataFrame | None) -> tuple[str, ...] | None:
    """What a ranker reads of each product: title, tags and description as one text. [n_items]; None without any.

    Tags come before the description: a reader that stops after some dozen words shall have seen them.
    """
    columns = [name for name in ("title", "attributes", "description") if described is not None and name in described]
    if described is None or not set(columns) & {"title", "description"}:
        return None
    texts = [""] * len(items)
    for row, parts in zip(items.rows(described["item_id"].to_list()), described[columns].rows(), strict=True):
        told = ((part or "").replace("|", ", ").strip() for part in parts)
        texts[row] = ". ".join(part for part in told if part)
    return tuple(texts) if any(texts) else None


def _feature_reader(path: Path, items: Vocabulary) -> Callable[[], Modality]:
    def read() -> Modality:
        matrix = _load(path)
        numbers = [int(name) if name.isdecimal() else -1 for name in items.ids]
        if -1 in numbers:
            name = items.ids[numbers.index(-1)]
            raise FormatError(f"{path}: rows are item ids, so ids must be whole numbers; {name!r} is not")
        row = np.array(numbers, np.int64)
        present = row < len(matrix)
        values = np.zeros((len(items), matrix.shape[1]), np.float32)
        values[present] = matrix[row[present]]
        present &= np.isfinite(values).all(axis=1) & (values != 0).any(axis=1)
        values[~present] = 0
        return Modality(path.stem, values, present)

    return read


def _encode_texts(described: pl.DataFrame, rows: npt.NDArray[np.int64], n_items: int, encode: _Encoding) -> Modality:
    columns = [name for name in ("title", "description") if name in described.columns]
    texts = [". ".join(part.strip() for part in parts if part and part.strip()) for parts in described[columns].rows()]
    kept = [number for number, text in enumerate(texts) if text]
    identity = [texts[number].encode() for number in kept]
    vectors = encode(TEXT_ENCODER, identity, (texts[number] for number in kept), len(kept))
    return _placed("text", vectors, rows[kept], n_items)


def _encode_photos(
    folder: Path, described: pl.DataFrame, rows: npt.NDArray[np.int64], n_items: int, encode: _Encoding
) -> Modality:
    column = next(name for name in ("image", "image path", "image_path") if name in described.columns)
    paths = [folder / name if name else None for name in described[column].fill_null("").to_list()]
    kept = [number for number, path in enumerate(paths) if path is not None and path.is_file()]
    files = [path for path in (paths[number] for number in kept) if path is not None]
    vectors = encode(IMAGE_ENCODER, (path.read_bytes() for path in files), map(_photo, files), len(files))
    return _placed("image", vectors, rows[kept], n_items)


def _photo(path: Path) -> Image.Image:
    try:
        with Image.open(path) as photo:
            return photo.convert("RGB")
    except (UnidentifiedImageError, OSError) as error:
        raise FormatError(f"{path} is not a readable picture: {error}") from error


@dataclass(frozen=True, slots=True)
class _Encoding:
    """Runs encoders; vectors are kept under a hash of the encoder's version and the contents."""

    cache: Path
    progress: Progress | None

    def __call__(
        self, name: str, contents: Iterable[bytes], inputs: Iterator[Any], number: int
    ) -> npt.NDArray[np.float32]:
        """Vectors of `number` inputs, whose identity is in `contents`. float32 [number, size]."""
        encoder = open_encoder(name, EncoderOptions(self.cache))
        digest = blake2b(f"{encoder.name} {encoder.version}".encode(), digest_size=16)
        for content in contents:
            digest.update(len(content).to_bytes(8, "little") + content)
        path = self.cache / "benchmarks" / f"{digest.hexdigest()}.npy"
        if path.exists():
            return np.load(path, allow_pickle=False)  # type: ignore[no-any-return]
        vectors = np.zeros((number, encoder.size), np.float32)
        for start in range(0, number, BATCH):
            batch = list(islice(inputs, BATCH))
            vectors[start : start + len(batch)] = encoder.encode(batch)
            if self.progress is not None:
                self.progress(f"encode with {name}", start + len(batch), number)
        with replaced(path) as stream:
            np.save(stream, vectors)
        return vectors


def _count_attributes(described: pl.DataFrame, rows: npt.NDArray[np.int64], n_items: int) -> Modality:
    """One column a value: rare values weigh more (inverse document frequency), rows have unit length."""
    table = described.select(
        pl.Series("row", rows), pl.col("attributes").fill_null("").str.split("|").alias("value")
    ).explode("value")
    table = table.with_columns(pl.col("value").str.strip_chars()).filter(pl.col("value") != "").unique()
    counts = table.group_by("value").len().sort(["len", "value"], descending=[True, False]).head(MAX_ATTRIBUTES)
    values = np.zeros((n_items, max(len(counts), 1)), np.float32)
    column = {value: number for number, value in enumerate(counts["value"].to_list())}
    rarity = np.log(max(len(described), 1) / counts["len"].to_numpy() + 1.0)
    for row, value in table.iter_rows():
        if value in column:
            values[row, column[value]] = rarity[column[value]]
    norm = np.linalg.norm(values, axis=1, keepdims=True)
    return Modality("attributes", (values / np.where(norm > 0, norm, 1)).astype(np.float32), norm[:, 0] > 0)


def _placed(name: str, vectors: npt.NDArray[np.float32], rows: npt.NDArray[np.int64], n_items: int) -> Modality:
    """Vectors at their products' rows."""
    values = np.zeros((n_items, vectors.shape[1]), np.float32)
    present = np.zeros(n_items, np.bool_)
    values[rows], present[rows] = vectors, True
    return Modality(name, values, present)


def _load(path: Path) -> npt.NDArray[Any]:
    try:
        matrix: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError) as error:
        raise FormatError(f"{path} is not a NumPy file of numbers: {error}") from error
    if matrix.ndim != 2 or not np.issubdtype(matrix.dtype, np.number):
        raise FormatError(
            f"{path} must hold a matrix of numbers, one row a product; it holds {matrix.shape} {matrix.dtype}"
        )
    return matrix
