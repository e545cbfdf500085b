from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from shoplens.encoders.text_rows import APART, laid_out

LENGTHS = st.lists(st.integers(1, 150), max_size=40)


@given(lengths=LENGTHS, budget=st.sampled_from([1, 64, 200, 1_024]), threads=st.integers(1, 3))
def test_every_token_lies_somewhere_once(lengths: list[int], budget: int, threads: int) -> None:
    ids = [list(range(1_000 * text + 2, 1_000 * text + 2 + length)) for text, length in enumerate(lengths)]
    batches = laid_out(ids, budget, threads)
    assert sorted(text for batch in batches for text in batch.texts) == list(range(len(ids)))
    for batch in batches:
        there = batch.owners >= 0
        assert batch.ids.size <= max(budget, batch.ids.shape[1])  # never without a row
        assert batch.starts.tolist() == np.cumsum([0, *batch.lengths[:-1]]).tolist()
        assert batch.ids[there].tolist() == [token for text in batch.texts for token in ids[text]]
        assert batch.places[there].tolist() == [place for length in batch.lengths for place in range(length)]
        assert batch.owners[there].tolist() == np.repeat(np.arange(len(batch.texts)), batch.lengths).tolist()
        assert (batch.ids[~there] == 1).all()


def test_short_texts_share_rows() -> None:
    (batch,) = laid_out([[7] * 14] * 40 + [[7] * 8] * 10, 4_096)
    assert batch.ids.shape == (10, 64)  # 640 tokens
    short, longer = laid_out([[7] * 40] * 6 + [[7] * 30] * 2, 4_096)
    assert (short.ids.shape, longer.ids.shape) == ((1, 60), (2, 120))
    assert laid_out([], 64) == []


def test_long_texts_lie_with_those_of_like_length() -> None:
    lengths = [70, 75, 80, 90, 140, 150, 400]
    batches = laid_out([[7] * length for length in lengths], 4_096)
    assert [one.ids.shape for one in batches] == [(3, 80), (1, 90), (2, 150), (1, 400)]
    assert all(max(one.lengths) <= APART * min(one.lengths) for one in batches)


def test_threads_get_batches_of_one_size() -> None:
    assert [one.ids.shape for one in laid_out([[7] * 16] * 320, 2_560, 2)] == [(40, 64), (40, 64)]
    assert [one.ids.shape for one in laid_out([[7] * 16] * 400, 2_560, 2)] == [(25, 64)] * 4
