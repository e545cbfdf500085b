"""Scores of answers as probabilities: another number, never another order."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from shoplens.domain.events import EventType
from shoplens.models.calibration import Calibration
from shoplens.recommend.past import Deed, Past
from shoplens.recommend.pipeline import recommend
from shoplens.recommend.rules import Wish
from shoplens.recommend.shelf import Shelf
from shoplens.service.bundle import open_bundle, write_bundle
from shoplens.testing.served_shop import open_tiny_shop

PAST = Past((Deed("p002", EventType.PURCHASE, 1.0, 0.0),))


@pytest.mark.parametrize("wish", [Wish(n=40), Wish(n=10, diversity=0.5)])
def test_order_stays_and_scores_become_probabilities(tmp_path: Path, wish: Wish) -> None:
    with open_tiny_shop(tmp_path) as shop:
        learned = shop.shelf.learned
        assert learned is not None
        plain = recommend(shop.shelf, PAST, wish)
        raw = np.array([one.score for one in plain.items])
        line = Calibration(np.array([raw.min(), raw.max()]), np.array([0.01, 0.3]), "isotonic", 600)
        shelf = Shelf(replace(learned, calibration=line), shop.facts, shop.trends.trending)
        said = recommend(shelf, PAST, wish)
        assert [one.item_id for one in said.items] == [one.item_id for one in plain.items]
        assert [one.score for one in said.items] == pytest.approx(line(raw).tolist())
        assert all(0 <= one.score <= 1 for one in said.items)


def test_a_bundle_keeps_its_calibration(tmp_path: Path) -> None:
    with open_tiny_shop(tmp_path / "shop") as shop:
        learned = shop.shelf.learned
        assert learned is not None
        assert learned.calibration is None
        line = Calibration(np.array([0.0, 1.0]), np.array([0.1, 0.2]), "platt", 20)
        folder = write_bundle(
            tmp_path, items=learned.items, models=learned.models, shipped=learned.shipped, calibration=line
        )
        again = open_bundle(folder).calibration
    assert again is not None
    assert again([0.5]).tolist() == [pytest.approx(0.15)]
