"""Words of titles that photos are learnt to go with."""

from __future__ import annotations

import numpy as np

from shoplens.features.align.head_training import HeadSettings, fit_heads
from shoplens.features.align.title_words import LEAST_TITLES, title_words


def test_words_that_many_titles_share_are_columns() -> None:
    titles = [*["Striped tee"] * LEAST_TITLES, *["Plain mug 2"] * LEAST_TITLES, *["Rare"] * (LEAST_TITLES - 1), ""]

    table = title_words(titles)

    assert table.shape == (len(titles), 4)  # striped, tee, plain, mug: no numbers, nothing rare
    assert table.sum(0).tolist() == [LEAST_TITLES] * 4
    assert not table[-1].any()


def test_words_of_nearly_every_title_tell_nothing() -> None:
    assert title_words(["Shop"] * 100).shape == (100, 0)


def test_chinese_counts_by_pairs_of_characters() -> None:
    titles = [*["条纹T恤"] * LEAST_TITLES, *["mug"] * LEAST_TITLES, *["cap"] * LEAST_TITLES]

    table = title_words(titles)

    assert table[0].sum() == 1  # 条纹: what is left of T恤 is no pair
    assert table.shape[1] == 3


def test_a_network_that_learns_words_too_answers_with_facets_only() -> None:
    random = np.random.default_rng(0)
    inputs = random.normal(size=(256, 12)).astype(np.float32)
    codes = (inputs[:, :1] > 0).astype(np.int64)
    words = inputs[:, 1:4] > 0
    settings = HeadSettings(units=16, epochs=2, batch=32)

    rows = np.arange(256)
    alone = fit_heads(inputs, rows, codes, [slice(0, 2)], settings, seed=0)
    both = fit_heads(inputs, rows, codes, [slice(0, 2)], settings, seed=0, words=words)

    assert both.network.heads.shape == alone.network.heads.shape == (16, 2)
    assert not np.allclose(both.network.hidden, alone.network.hidden)
