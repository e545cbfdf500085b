"""Who reads what shoppers type: one encoder, read once a query, for meaning, looks and attributes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from shoplens.encoders.base import TextEncoder
from shoplens.encoders.centring import LanguageMeans
from shoplens.features.align.alignment import Alignment
from shoplens.features.align.facets import LEVEL, Codes, Facet
from shoplens.features.align.glosses import glossary
from shoplens.features.align.reading import Reader
from shoplens.features.table import DIGEST_BYTES
from shoplens.recommend.facts import CatalogueFacts
from shoplens.retrieval.query_means import query_means

MEANS = "query_means.npy"  # beside the table of texts
ENOUGH = 200  # titles that means are worth keeping of; with fewer they are made again at the next start

STATED_SEED = 1  # of the numbers that mix what is stated into digests: they are kept on disk, so it must not change


def query_reader(folder: Path, encoder: TextEncoder, facts: CatalogueFacts) -> Reader:
    """Reads queries for products whose texts are in the table at `folder`.

    The means of queries are made of this catalogue's titles once, which takes some seconds, and kept beside the table.
    """
    means = LanguageMeans.load(folder / MEANS)
    if means is None:
        titles = [title for title in list(facts.titles) if title]
        means = query_means(encoder, titles)
        if len(titles) >= ENOUGH:
            means.save(folder / MEANS)
    return Reader(encoder, glossary=glossary(), means=means)


def reading_along(space: Alignment, reader: Reader) -> Alignment:
    """The same space, whose reader remembers what `reader` read: a query is encoded once for both."""
    if space.reader.glossary is None or space.reader.encoder is not reader.encoder:
        return space
    return replace(space, reader=reader.through(space.reader.glossary).centred_by(space.reader.means))


def stated(facts: CatalogueFacts, rows: npt.NDArray[np.int64], facets: Sequence[Facet]) -> Codes:
    """Place among a facet's values of the one that the catalogue states, -1 where it states none. [rows, facets]"""
    columns = facts.columns
    _, nodes, node_of = np.unique(columns.category[rows], return_index=True, return_inverse=True)
    _, brands, brand_of = np.unique(columns.brand[rows], return_index=True, return_inverse=True)
    paths = [facts.category_path_of(row) for row in rows[nodes].tolist()]
    codes = np.full((len(rows), len(facets)), -1, np.int64)
    for column, facet in enumerate(facets):
        if facet.name.startswith(LEVEL):
            level = int(facet.name.removeprefix(LEVEL))
            codes[:, column] = _places(facet, ["".join(path[level - 1 : level]) for path in paths])[node_of]
            continue
        held, values = facts.first_values(facet.name)
        codes[:, column] = _places(facet, values)[held[rows]]
        if facet.name == "brand":
            own = _places(facet, [facts.brand_of(row) for row in rows[brands].tolist()])[brand_of]
            codes[:, column] = np.where(held[rows] > 0, codes[:, column], own)
    return codes


def told_digests(facts: CatalogueFacts, texts: Mapping[str, bytes], facets: Sequence[Facet]) -> dict[str, bytes]:
    """By item id the digest of its text → one that changes with what the catalogue states, too."""
    ids = list(texts)
    if not ids:
        return {}
    random = np.random.default_rng(STATED_SEED)
    factors = random.integers(1 << 63, size=(len(facets), DIGEST_BYTES // 8), dtype=np.uint64) | np.uint64(1)
    codes = stated(facts, facts.rows(ids), facets).astype(np.uint64) + np.uint64(2)  # 1 = not stated
    said = b"".join(text.ljust(DIGEST_BYTES, b"\0") for text in texts.values())
    mixed = np.frombuffer(said, np.uint64).reshape(len(ids), -1) ^ codes @ factors
    told = mixed.tobytes()
    return {item_id: told[at * DIGEST_BYTES : (at + 1) * DIGEST_BYTES] for at, item_id in enumerate(ids)}


def _places(facet: Facet, values: Sequence[str]) -> Codes:
    """Where each of the values stands among the facet's, -1 where it does not; "" is no value. [len(values)]"""
    known = {value.casefold(): place for place, value in enumerate(facet.values)}
    return np.array([known.get(value.casefold(), -1) if value else -1 for value in values], np.int64)
