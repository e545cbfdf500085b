"""From feature tables to what models read: one matrix per modality over the catalogue's own order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from shoplens.domain.dataset import Modality
from shoplens.encoders.centring import LANGUAGES, LanguageMeans, language_sums
from shoplens.features.table import FeatureTable

MEANS = "language-means.npy"
ROWS_A_PART = 16_384  # keeps working copies at some tens of MB


def update_language_means(table: FeatureTable) -> LanguageMeans:
    """Estimate each language's mean vector on the whole table and keep it beside the vectors."""
    ids = table.ids
    sums = np.zeros((len(LANGUAGES), table.size))
    counts = np.zeros(len(LANGUAGES), np.int64)
    for start in range(0, len(ids), ROWS_A_PART):
        part = ids[start : start + ROWS_A_PART]
        values, _ = table.matrix(part)
        more, many = language_sums(values, table.groups(part))
        sums += more
        counts += many
    means = LanguageMeans.from_sums(sums, counts)
    means.save(table.folder / MEANS)
    return means


def language_means(table: FeatureTable) -> LanguageMeans | None:
    """The means kept beside a table; None when there are none, then vectors stay as the encoder made them."""
    return LanguageMeans.load(table.folder / MEANS)


def table_modality(name: str, table: FeatureTable, item_ids: Sequence[str], *, centre: bool = True) -> Modality:
    """One modality over `item_ids`: unit vectors (zero where absent), language-centred when means are kept."""
    values, present = table.matrix(item_ids)
    means = language_means(table) if centre else None
    if means is not None:
        groups = table.groups(item_ids)
        places = np.flatnonzero(present)
        for start in range(0, len(places), ROWS_A_PART):
            part = places[start : start + ROWS_A_PART]
            values[part] = means.centre(values[part], groups[part])
    return Modality(name, values, present)


def assemble(
    tables: Iterable[tuple[str, FeatureTable]], item_ids: Sequence[str], *, centre: bool = True
) -> tuple[Modality, ...]:
    """Modalities over `item_ids` from (name, table) pairs; those that no product has are left out."""
    modalities = (table_modality(name, table, item_ids, centre=centre) for name, table in tables if table.size)
    return tuple(modality for modality in modalities if modality.present.any())
