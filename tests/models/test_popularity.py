"""Popularity: decay, conformance."""

from pathlib import Path

import numpy as np
import pytest

from shoplens.domain.dataset import Interactions
from shoplens.domain.events import MICROSECONDS_PER_DAY
from shoplens.domain.vocabulary import Vocabulary
from shoplens.errors import BundleError, ConfigurationError
from shoplens.models.base import Recommender
from shoplens.models.popularity import Popularity, decayed_counts
from shoplens.testing.recommenders import check_recommender


def sales(*, timed: bool = True) -> Interactions:
    """Product 0: three old sales. Product 1: two fresh ones. Product 2: a fresh sale, a refund. Product 3: none."""
    days = np.array([0, 0, 0, 100, 100, 100, 100])
    return Interactions(
        Vocabulary(["a"]),
        Vocabulary(["p0", "p1", "p2", "p3"]),
        np.zeros(7, np.int32),
        np.array([0, 0, 0, 1, 1, 2, 2], np.int32),
        np.array([1, 1, 1, 1, 1, 1, -1], np.float32),
        (days * MICROSECONDS_PER_DAY).astype(np.int64),
        timed,
    )


def test_fresh_sales_count_more() -> None:
    counts = decayed_counts(sales(), 50.0)
    assert counts.tolist() == pytest.approx([0.75, 2, 1, 0])


def test_without_times_nothing_decays() -> None:
    assert decayed_counts(sales(timed=False), 50.0).tolist() == [3, 2, 1, 0]
    assert decayed_counts(sales(), None).tolist() == [3, 2, 1, 0]


def test_conformance(tmp_path: Path) -> None:
    check_recommender(Popularity, tmp_path)
    assert isinstance(Popularity(), Recommender)


def test_a_half_life_of_nothing_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="half_life_days"):
        Popularity(half_life_days=0)


def test_a_damaged_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="train again"):
        Popularity.load(tmp_path)
