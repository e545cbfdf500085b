from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from shoplens.encoders.e5_torch import E5Body, attend, mean_of_tokens, padded, token_batches
from shoplens.encoders.packed_e5 import read_packed_e5
from shoplens.encoders.text import WEIGHTS, E5Encoder

TEXTS = ["red cotton shirt", "Milk, whole. dairy. 1 gallon", "自行车 头盔", ""]


@pytest.mark.slow
def test_the_torch_form_reads_as_the_encoder_does(model_cache: Path) -> None:
    body = E5Body()
    ids, present = padded(body.tokens(TEXTS, 32))
    with torch.inference_mode():
        states = body.embed(ids)
        for number in range(body.sizes.layers):
            states = body.layer(number)(states, present)
        vectors = torch.nn.functional.normalize(mean_of_tokens(states, present), dim=1).numpy()
    expected = E5Encoder(model_cache, precision="fp32", threads=1).encode(TEXTS)
    np.testing.assert_allclose(vectors, expected, atol=2e-4)


def test_rows_of_a_packed_table_are_those_of_the_whole() -> None:
    packed = read_packed_e5(WEIGHTS.locate())
    rows = np.array([5, 0, 383])
    whole = packed.unpacked("l0.q.w", packed.sizes.hidden)
    assert np.array_equal(packed.unpacked_rows("l0.q.w", packed.sizes.hidden, rows), whole[rows])


def test_texts_are_cut_and_batched_by_length() -> None:
    body = E5Body()
    assert [len(one) for one in body.tokens(["word " * 100, "word"], 12)] == [12, 5]
    assert sorted(row for batch in token_batches([5, 2000, 3000, 4]) for row in batch) == [0, 1, 2, 3]


def test_attention_that_learns_in_bfloat16_is_the_fused_one() -> None:
    random = torch.Generator().manual_seed(3)
    given = [torch.randn(3, 2, size, 4, generator=random, requires_grad=True) for size in (3, 6, 6)]
    present = torch.arange(6) < torch.tensor([[6], [4], [1]])
    weight = torch.randn(3, 2, 3, 4, generator=random)
    query, key, value = given
    exact = attend(query, key, value, present)
    slopes = torch.autograd.grad((exact * weight).sum(), given)
    rounded = [one.detach().bfloat16().requires_grad_() for one in given]
    query, key, value = rounded
    found = attend(query, key, value, present)
    torch.testing.assert_close(found.float(), exact, atol=0.03, rtol=0.03)
    found_slopes = torch.autograd.grad((found.float() * weight).sum(), rounded)
    for one, other in zip(found_slopes, slopes, strict=True):
        torch.testing.assert_close(one.float(), other, atol=0.05, rtol=0.05)
    assert not found_slopes[1][1, :, 4:].any()  # what is absent learns nothing
