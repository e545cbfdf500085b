"""A folder of products, photos, queries and judgements → what the benchmark of search works on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import numpy as np
import numpy.typing as npt
import polars as pl

from shoplens.domain.catalogue import Product
from shoplens.encoders.base import Encoder, Vectors
from shoplens.encoders.centring import LANGUAGES, language_of
from shoplens.encoders.photos import PhotoOpener
from shoplens.errors import FormatError, InputError
from shoplens.files import replaced

#: Columns of products.csv that are not attributes. The levels of the category come from broad to narrow.
LEVELS = ("category", "subcategory", "type")
OWN = ("product_id", "title", "brand", "split", "description", "image")

BATCH = 64  # photos that are open at a time

Progress = Callable[[str, int, int], None]  # what is being done, how far, of how much


@dataclass(frozen=True, slots=True)
class SearchData:
    """Products to learn from, products that are searched, queries, and which products answer them."""

    name: str
    learn: list[Product]  # split "train"
    gallery: list[Product]  # split "test": what is searched
    queries: list[str]
    languages: list[str]  # of the queries
    gains: npt.NDArray[np.float32]  # [queries, gallery]: 0 = no answer


def read_search_data(folder: Path, queries: Path | None = None, qrels: Path | None = None) -> SearchData:
    """Read products.csv (product_id, title, split, attributes), queries.csv (query_id, text[, language]) and qrels.csv
    (query_id, product_id[, gain]). Queries without an answer among the searched products are left out."""
    table = _table(folder / "products.csv", ("product_id", "title", "split"))
    products = [(_product(row), row["split"]) for row in table.iter_rows(named=True)]
    learn = [product for product, split in products if split == "train"]
    gallery = [product for product, split in products if split == "test"]
    if not learn or not gallery:
        raise FormatError(f"{folder / 'products.csv'}: the column split must name products both train and test")
    asked = _table(queries or folder / "queries.csv", ("query_id", "text"))
    judged = _table(qrels or folder / "qrels.csv", ("query_id", "product_id"))
    rows = {name: row for row, name in enumerate(asked["query_id"].to_list())}
    columns = {product.item_id: column for column, product in enumerate(gallery)}
    gains = np.zeros((len(asked), len(gallery)), np.float32)
    for judgement in judged.iter_rows(named=True):
        row, column = rows.get(judgement["query_id"]), columns.get(judgement["product_id"])
        if row is not None and column is not None:
            gains[row, column] = float(judgement.get("gain") or 1)
    answered = gains.any(axis=1)
    if not answered.any():
        raise FormatError(f"{folder}: no query has an answer among the products with split test")
    texts = asked["text"].to_list()
    told = asked["language"].to_list() if "language" in asked.columns else [None] * len(texts)
    languages = [said or LANGUAGES[language_of(text)] for said, text in zip(told, texts, strict=True)]
    kept = np.flatnonzero(answered)
    return SearchData(
        folder.name, learn, gallery, [texts[row] for row in kept], [languages[row] for row in kept], gains[kept]
    )


def photo_vectors(
    products: Sequence[Product],
    archive: Path,
    encoders: Sequence[Encoder],
    cache: Path,
    progress: Progress | None = None,
) -> tuple[dict[str, Vectors], npt.NDArray[np.bool_]]:
    """What each encoder says of the photos PRODUCT_ID.jpg (or .png, …) in a zip archive: modality → [products, size],
    rows of zeros where there is none, and which products have one. Kept in `cache` for the next run."""
    members, mark = _members(archive)
    names = [members.get(product.item_id) for product in products]
    present = np.array([name is not None for name in names], bool)
    if not present.any():
        raise InputError(f"{archive} holds no photo named after a product of products.csv")
    found: dict[str, Vectors] = {}
    for encoder in encoders:
        stamp = blake2b(
            "\n".join([encoder.name, encoder.version, mark, *(name or "" for name in names)]).encode(), digest_size=16
        )
        file = cache / "benchmarks" / f"{stamp.hexdigest()}.npy"
        if not file.exists():
            _encode(encoder, archive, names, file, progress)
        found[encoder.modality] = np.load(file, allow_pickle=False)
    return found, present


def _encode(
    encoder: Encoder, archive: Path, names: Sequence[str | None], file: Path, progress: Progress | None
) -> None:
    vectors = np.zeros((len(names), encoder.size), np.float32)
    todo = iter([(row, name) for row, name in enumerate(names) if name is not None])
    done = 0
    with PhotoOpener(archive.parent) as opener:
        while batch := list(islice(todo, BATCH)):
            photos = [opener.open(f"{archive.name}#{name}") for _, name in batch]
            vectors[[row for row, _ in batch]] = encoder.encode(photos)
            done += len(batch)
            if progress is not None:
                progress(f"look at photos with {encoder.name}", done, len(names))
    with replaced(file) as stream:
        np.save(stream, vectors, allow_pickle=False)


def _members(archive: Path) -> tuple[dict[str, str], str]:
    """File names by stem, and a mark that changes with the archive's content."""
    try:
        with ZipFile(archive) as opened:
            infos = [info for info in opened.infolist() if not info.is_dir()]
    except (BadZipFile, OSError) as error:
        raise FormatError(f"{archive} is not a readable zip archive: {error}") from error
    mark = blake2b("\n".join(f"{info.filename} {info.CRC}" for info in infos).encode(), digest_size=16).hexdigest()
    return {Path(info.filename).stem: info.filename for info in infos}, mark


def _product(row: dict[str, str | None]) -> Product:
    levels = tuple(value for name in LEVELS if (value := row.get(name)))
    attributes = {name: (value,) for name, value in row.items() if value and name not in (*LEVELS, *OWN)}
    return Product(
        item_id=str(row["product_id"]),
        title=row["title"] or "",
        brand=row.get("brand"),
        category=levels,
        attributes=attributes,
    )


def _table(file: Path, needed: Sequence[str]) -> pl.DataFrame:
    try:
        table = pl.read_csv(file, infer_schema=False)
    except (pl.exceptions.PolarsError, OSError, UnicodeError) as error:
        raise FormatError(f"{file} cannot be read as CSV: {error}") from error
    if missing := [name for name in needed if name not in table.columns]:
        raise FormatError(f"{file} needs a column {missing[0]}; it has: {', '.join(table.columns)}")
    return table
