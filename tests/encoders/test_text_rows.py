from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from shoplens.encoders.text_rows import SHARED, SHORT, laid_out

LENGTHS = st.lists(st.integers(1, 150), max_size=40)


@given(lengths=LENGTHS, budget=st.sampled_from([1, 64, 200, 1_024]))
def test_every_token_lies_somewhere_once(lengths: list[int], budget: int) -> None:
    ids = [list(range(1_000 * text + 2, 1_000 * text + 2 + length)) for text, length in enumerate(lengths)]
    batches = laid_out(ids, budget)
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
    assert batch.ids.shape[1] == SHARED
    assert len(batch.ids) == 10  # 640 tokens
    long = laid_out([[7] * (SHORT + 1)] * 3, 4_096)
    assert [one.ids.shape for one in long] == [(3, SHORT + 1)]
    assert laid_out([], 64) == []
