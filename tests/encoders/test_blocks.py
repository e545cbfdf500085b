"""Blocks of vectors: balance, and pooling of several photos of one product."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoplens.encoders.blocks import blocks_of, pooled, scale_blocks
from shoplens.encoders.hashed import HashedNgramEncoder

BLOCKS = {"one": slice(0, 3), "two": slice(3, 8)}


def vectors_of(seed: int, count: int) -> np.ndarray:
    values = np.random.default_rng(seed).normal(size=(count, 8)).astype(np.float32)
    return scale_blocks(values, BLOCKS)


def test_blocks_get_their_share() -> None:
    values = np.random.default_rng(0).normal(size=(4, 8)).astype(np.float32)
    values[0, :3] = 0
    scaled = scale_blocks(values, BLOCKS, [0.2, 0.8])
    assert np.allclose((scaled[:, :3] ** 2).sum(1), 0.2, atol=1e-5)
    assert np.allclose((scaled[:, 3:] ** 2).sum(1), 0.8, atol=1e-5)
    assert np.allclose(scaled[0, :3], scaled[0, 0])


@given(st.integers(0, 1000), st.integers(1, 6))
def test_pooled_vectors_keep_the_balance_of_blocks(seed: int, count: int) -> None:
    vectors = vectors_of(seed, count)
    one = pooled(vectors, [2.0] + [1.0] * (count - 1), BLOCKS)
    for block in BLOCKS.values():
        assert np.linalg.norm(one[block]) == pytest.approx(np.sqrt(0.5), abs=1e-4)
    if count == 1:
        assert np.array_equal(one, vectors[0])


def test_the_first_counts_more_and_stands_in_where_vectors_cancel_out() -> None:
    first, second = vectors_of(5, 2)
    both = pooled(np.stack([first, second]), [2.0, 1.0], BLOCKS)
    assert both @ first > both @ second
    assert np.allclose(pooled(np.stack([first, -first]), [1.0, 1.0], BLOCKS), first)
    half = first.copy()
    half[BLOCKS["two"]] *= -1
    kept = pooled(np.stack([first, half]), [1.0, 1.0], BLOCKS)
    assert np.allclose(kept, first)


def test_an_encoder_without_blocks_has_one() -> None:
    encoder = HashedNgramEncoder()
    assert blocks_of(encoder) == {"vector": slice(0, encoder.size)}
