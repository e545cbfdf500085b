"""Who reads what shoppers type: one encoder, read once a query, for meaning, looks and attributes."""

from __future__ import annotations

from collections.abc import Sequence
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
from shoplens.recommend.facts import CatalogueFacts
from shoplens.retrieval.query_means import query_means

MEANS = "query_means.npy"  # beside the table of texts
ENOUGH = 200  # titles that means are worth keeping of; with fewer they are made again at the next start


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
    places = [{value.casefold(): place for place, value in enumerate(facet.values)} for facet in facets]
    codes = np.full((len(rows), len(facets)), -1, np.int64)
    for line, row in enumerate(rows.tolist()):
        attributes = {name.casefold(): values for name, values in facts.attributes_of(row).items()}
        path, brand = facts.category_path_of(row), facts.brand_of(row)
        for column, (facet, known) in enumerate(zip(facets, places, strict=True)):
            if facet.name.startswith(LEVEL):
                level = int(facet.name.removeprefix(LEVEL))
                values: Sequence[str] = path[level - 1 : level]
            else:
                values = attributes.get(facet.name.casefold(), (brand,) if facet.name == "brand" else ())
            if values:
                codes[line, column] = known.get(values[0].casefold(), -1)
    return codes
