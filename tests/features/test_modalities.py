from __future__ import annotations

from pathlib import Path

import numpy as np

from shoplens.compute.local import LocalExecutor
from shoplens.domain.catalogue import Product
from shoplens.encoders.hashed import HashedNgramEncoder
from shoplens.features.embed import embed
from shoplens.features.inputs import TextInputs
from shoplens.features.modalities import assemble, language_means, table_modality, update_language_means
from shoplens.features.table import FeatureTable, TableWriter

SHELF = [
    *(Product(item_id=f"en{i}", title=f"green tea number {i}") for i in range(30)),
    *(Product(item_id=f"zh{i}", title=f"绿茶 {i} 号") for i in range(30)),
    Product(item_id="stub"),
]


def table_in(folder: Path) -> FeatureTable:
    with TableWriter(folder, 512) as table:
        embed([SHELF], table, HashedNgramEncoder(), TextInputs(), executor=LocalExecutor(1))
        update_language_means(table)
    return FeatureTable(folder)


def test_text_is_centred_by_language(tmp_path: Path) -> None:
    table = table_in(tmp_path)
    ids = ["stub", "zh3", "en3"]
    raw, centred = table_modality("text", table, ids, centre=False), table_modality("text", table, ids)
    assert centred.present.tolist() == [False, True, True]
    assert np.allclose(np.linalg.norm(centred.values, axis=1), [0, 1, 1], atol=1e-5)
    means = language_means(table)
    assert means is not None
    assert np.allclose(centred.values[1:], means.centre_texts(raw.values[1:], ["绿茶", "tea"]), atol=1e-6)


def test_without_means_vectors_stay_as_they_are(tmp_path: Path) -> None:
    table = table_in(tmp_path)
    (tmp_path / "language-means.npy").unlink()
    assert language_means(table) is None
    raw = table.matrix(["en1", "zh1"])[0]
    assert np.array_equal(table_modality("text", table, ["en1", "zh1"]).values, raw)


def test_modalities_that_nobody_has_are_left_out(tmp_path: Path) -> None:
    table = table_in(tmp_path / "text")
    absent = FeatureTable(tmp_path / "image")
    assert [one.name for one in assemble([("text", table), ("image", absent)], ["en1", "stub"])] == ["text"]
    assert assemble([("text", table)], ["stub"]) == ()
