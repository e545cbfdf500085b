"""Vocabulary: ids to rows and back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoplens.domain.vocabulary import Vocabulary
from shoplens.errors import NotFoundError


@given(st.lists(st.text(), unique=True))
def test_there_and_back(ids: list[str]) -> None:
    vocabulary = Vocabulary(ids)
    rows = vocabulary.rows(ids)
    assert rows.tolist() == list(range(len(ids)))
    assert vocabulary.names(rows) == ids


def test_unknown_ids_are_minus_one_or_an_error() -> None:
    vocabulary = Vocabulary(["a"])
    assert vocabulary.rows(["b", "a"]).tolist() == [-1, 0]
    assert vocabulary.get("b") == -1
    with pytest.raises(NotFoundError, match="b"):
        vocabulary.row("b")


def test_double_ids_are_refused() -> None:
    with pytest.raises(ValueError, match="unique"):
        Vocabulary(["a", "a"])


def test_rows_are_int64() -> None:
    assert Vocabulary(["a"]).rows(["a"]).dtype == np.int64
