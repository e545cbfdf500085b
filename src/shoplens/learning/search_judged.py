"""Published collections of judged product searches, in the files in which they are published.

WANDS (Chen et al. 2022): product.csv, query.csv, label.csv, separated by tabs; Exact, Partial, Irrelevant.
ESCI (Reddy et al. 2022, arXiv:2206.06588): two parquet files; Exact, Substitute, Complement, Irrelevant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from shoplens.domain.catalogue import Product
from shoplens.errors import FormatError, InputError
from shoplens.ingest.text import clean_text

WANDS_GAINS = {"Exact": 1.0, "Partial": 0.5, "Irrelevant": 0.0}
ESCI_GAINS = {"E": 1.0, "S": 0.1, "C": 0.01, "I": 0.0}
ESCI_EXAMPLES, ESCI_PRODUCTS = "shopping_queries_dataset_examples.parquet", "shopping_queries_dataset_products.parquet"
LANGUAGE_OF_LOCALE = {"us": "en", "es": "es", "jp": "ja"}


@dataclass(frozen=True, slots=True, eq=False)
class JudgedQuery:
    """A query, and how well some products answer it."""

    text: str
    language: str
    rows: npt.NDArray[np.int64]  # [judged] into the list of products
    gains: npt.NDArray[np.float32]  # [judged], 0 = no answer


@dataclass(frozen=True, slots=True, eq=False)
class JudgedSearches:
    """What is searched, with which queries, and by which protocol."""

    name: str
    products: list[Product]
    queries: list[JudgedQuery]
    learn: list[JudgedQuery]  # queries that a blend may be learnt on; none of `queries`
    among_judged: bool  # True: each query orders its judged products; False: it searches all products
    protocol: str  # in words


def read_wands(folder: Path) -> JudgedSearches:
    """WANDS as it is published: every query searches all products; what nobody judged is no answer."""
    table = _tabs(folder / "product.csv", ("product_id", "product_name"))
    products = [_wands_product(row) for row in table.iter_rows(named=True)]
    asked = _tabs(folder / "query.csv", ("query_id", "query"))
    labels = _tabs(folder / "label.csv", ("query_id", "product_id", "label"))
    labels = labels.with_columns(gain=_gains(labels["label"], WANDS_GAINS, folder / "label.csv"))
    places = {product.item_id: row for row, product in enumerate(products)}
    languages = dict.fromkeys(asked["query_id"].to_list(), "en")
    queries = _queries(asked, "query", languages, labels, places)
    protocol = "all products are searched; Exact 1, Partial 0.5; products without a label are no answer"
    return JudgedSearches(folder.name, products, queries, [], False, protocol)


def read_esci(folder: Path, *, locale: str | None = None, most_learnt: int = 300) -> JudgedSearches:
    """ESCI, task 1: the test queries of the small version order their judged products.

    locale: "us", "es" or "jp"; None takes all. Up to `most_learnt` training queries of each locale come along, evenly
    spread, to learn a blend on.
    """
    needed = ("query", "query_id", "product_id", "product_locale", "esci_label", "small_version", "split")
    examples = _parquet(folder / ESCI_EXAMPLES, needed).filter(pl.col("small_version") == 1)
    if locale is not None:
        examples = examples.filter(pl.col("product_locale") == locale)
        if not len(examples):
            raise InputError(f"{folder}: no example has the locale {locale!r}; there are us, es and jp")
    examples = examples.with_columns(
        key=_keys(), gain=_gains(examples["esci_label"], ESCI_GAINS, folder / ESCI_EXAMPLES)
    )
    train = examples.filter(pl.col("split") == "train")
    ids = train.unique("query_id", maintain_order=True).select("query_id", "product_locale")
    chosen = [
        part["query_id"].gather_every(max(1, len(part) // most_learnt))[:most_learnt]
        for part in ids.partition_by("product_locale", maintain_order=True)
    ]
    train = train.filter(pl.col("query_id").is_in(pl.concat(chosen).to_list())) if chosen else train
    test = examples.filter(pl.col("split") == "test")
    if not len(test):
        raise FormatError(f"{folder / ESCI_EXAMPLES}: no example of the small version has split test")
    wanted = pl.concat([train["key"], test["key"]]).unique()
    table = _parquet(folder / ESCI_PRODUCTS, ("product_id", "product_title", "product_locale")).with_columns(
        key=_keys()
    )
    table = table.filter(pl.col("key").is_in(wanted.implode()))
    products = [_esci_product(row) for row in table.iter_rows(named=True)]
    places = {product.item_id: row for row, product in enumerate(products)}
    found = []
    for part in (test, train):
        asked = part.unique("query_id", maintain_order=True)
        told = {
            one: LANGUAGE_OF_LOCALE.get(where, where)
            for one, where in asked.select("query_id", "product_locale").iter_rows()
        }
        labels = part.select("query_id", pl.col("key").alias("product_id"), "gain")
        found.append(_queries(asked, "query", told, labels, places))
    protocol = "task 1, small version: judged products are ordered; E 1, S 0.1, C 0.01, I 0"
    return JudgedSearches(folder.name, products, found[0], found[1], True, protocol)


def _queries(
    asked: pl.DataFrame, text: str, languages: dict[str, str], labels: pl.DataFrame, places: dict[str, int]
) -> list[JudgedQuery]:
    """Queries that have an answer among the products, in the order of the file."""
    judged: dict[str, dict[int, float]] = {}
    for query_id, item_id, gain in labels.select("query_id", "product_id", "gain").iter_rows():
        row = places.get(item_id)
        if row is not None:
            known = judged.setdefault(query_id, {})
            known[row] = max(gain, known.get(row, 0.0))  # a pair that was labelled twice counts as its better label
    queries = []
    for query_id, said in asked.select("query_id", text).iter_rows():
        own = judged.get(query_id, {})
        if said and any(own.values()):
            rows, gains = np.array(list(own), np.int64), np.array(list(own.values()), np.float32)
            queries.append(JudgedQuery(said, languages[query_id], rows, gains))
    return queries


def _wands_product(row: dict[str, str | None]) -> Product:
    """Features read "name:value|name:value"; the category path is "A / B / C"."""
    attributes: dict[str, tuple[str, ...]] = {}
    for feature in (row.get("product_features") or "").split("|"):
        name, colon, value = (part.strip() for part in feature.partition(":"))
        if colon and name and value:
            attributes[name] = (*attributes.get(name, ()), value)
    path = row.get("category hierarchy") or row.get("product_class") or ""
    return Product(
        item_id=str(row["product_id"]),
        title=row["product_name"] or "",
        category=tuple(level for part in path.split("/") if (level := part.strip())),
        description=row.get("product_description") or "",
        attributes=attributes,
    )


def _esci_product(row: dict[str, str | None]) -> Product:
    points, description = row.get("product_bullet_point") or "", clean_text(row.get("product_description") or "")
    product = Product(
        item_id=str(row["key"]),
        title=row["product_title"] or "",
        brand=row.get("product_brand") or None,
        description="\n".join(part for part in (points, description) if part),
    )
    colour = row.get("product_color")
    return replace(product, attributes={"colour": (colour,)}) if colour else product


def _keys() -> pl.Expr:
    """The same id in two locales is two products."""
    return pl.format("{}@{}", pl.col("product_id"), pl.col("product_locale"))


def _gains(labels: pl.Series, gains: dict[str, float], file: Path) -> pl.Series:
    unknown = sorted(set(labels.drop_nulls().unique().to_list()) - set(gains))
    if unknown or labels.null_count():
        raise FormatError(f"{file}: the label {(unknown or [None])[0]!r} is none of {', '.join(gains)}")
    return labels.replace_strict(gains, return_dtype=pl.Float64)


def _tabs(file: Path, needed: Sequence[str]) -> pl.DataFrame:
    try:
        table = pl.read_csv(file, separator="\t", quote_char=None, infer_schema=False, truncate_ragged_lines=True)
    except (pl.exceptions.PolarsError, OSError, UnicodeError) as error:
        raise FormatError(f"{file} cannot be read as a table separated by tabs: {error}") from error
    return _with_columns(table, file, needed)


def _parquet(file: Path, needed: Sequence[str]) -> pl.DataFrame:
    try:
        table = pl.read_parquet(file)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise FormatError(f"{file} cannot be read as parquet: {error}") from error
    return _with_columns(table, file, needed)


def _with_columns(table: pl.DataFrame, file: Path, needed: Sequence[str]) -> pl.DataFrame:
    if missing := [name for name in needed if name not in table.columns]:
        raise FormatError(f"{file} needs a column {missing[0]}; it has: {', '.join(table.columns)}")
    return table
