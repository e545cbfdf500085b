from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from shoplens.encoders.chunks import FIRST_WEIGHT, ChunkLayout, pool_chunks
from shoplens.encoders.text import E5Encoder

STOP, END = 7, 2
LAYOUT = ChunkLayout(lead=3, window=32, most=4, sentence_ends=frozenset({STOP}))
CARE = "Wash at thirty degrees and do not tumble dry. " * 30


def ids_of(body: list[int]) -> list[int]:
    return [0, 41, 12, *body, END]


@given(st.lists(st.integers(5, 40), max_size=300), st.integers(9, 64), st.integers(1, 6))
def test_pieces_fit_begin_alike_and_lose_nothing_before_the_limit(body: list[int], window: int, most: int) -> None:
    pieces = ChunkLayout(3, window, most, frozenset({STOP})).cut(ids_of(body))
    assert 1 <= len(pieces) <= most
    assert all(len(piece) <= window and piece[:3] == [0, 41, 12] and piece[-1] == END for piece in pieces)
    read = [token for piece in pieces for token in piece[3:-1]]
    assert read == body[: len(read)]
    assert len(read) == len(body) or len(pieces) == most


def test_a_list_that_fits_stays_as_it_is() -> None:
    ids = ids_of(list(range(10, 38)))
    assert LAYOUT.cut(ids) == [ids]


def test_sentences_stay_whole_where_one_ends_near() -> None:
    sentence = [*([20] * 24), STOP]
    assert LAYOUT.cut(ids_of([*sentence, *([21] * 30)])) == [ids_of(sentence), ids_of([21] * 28), ids_of([21] * 2)]


def test_the_first_piece_counts_double_and_lengths_are_one() -> None:
    pieces = np.eye(4, dtype=np.float32)
    pooled = pool_chunks(pieces, [1, 3])
    assert np.array_equal(pooled[0], pieces[0])
    assert np.allclose(pooled[1], np.array([0, FIRST_WEIGHT, 1, 1]) / np.sqrt(FIRST_WEIGHT**2 + 2))
    opposite = np.array([[1, 0], [-1, 0], [-1, 0]], np.float32)
    assert np.array_equal(pool_chunks(opposite, [3]), opposite[:1])


def test_what_stands_at_the_end_of_a_long_description_counts(e5: E5Encoder, model_cache: Path) -> None:
    cut = E5Encoder(model_cache, threads=1, max_chunks=1)
    texts = [f"Winter coat. {CARE}The hood is lined with {fur}." for fur in ("sheepskin", "silk")]
    assert np.array_equal(*cut.encode(texts))
    wool, silk = e5.encode(texts)
    query = e5.encode_queries(["coat with a hood of silk"])[0]
    assert query @ silk > query @ wool
    assert cut.version != e5.version


def test_a_short_text_has_the_vector_it_has_without_chunks(e5: E5Encoder, model_cache: Path) -> None:
    cut = E5Encoder(model_cache, threads=1, max_chunks=1)
    short = ["Winter coat with a hood", "冬季连帽外套"]
    assert np.array_equal(e5.encode(short), cut.encode(short))
    beside_a_long_one = e5.encode([*short, f"Winter coat. {CARE}"])
    assert np.allclose(beside_a_long_one[:2], cut.encode(short), atol=1e-5)


def test_a_long_text_costs_a_bounded_number_of_pieces(model_cache: Path) -> None:
    small = E5Encoder(model_cache, threads=1, max_tokens=16, max_chunks=3)
    assert len(small.tokens(["word " * 10_000])[0]) == 48
    assert np.isfinite(small.encode(["word " * 10_000, "红色" * 5_000, "x" * 100_000])).all()
