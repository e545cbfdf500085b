from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoplens.errors import BundleError
from shoplens.models.calibration import FILE, Calibration

LINE = Calibration(np.array([-1.0, 0.5, 2.0]), np.array([0.01, 0.2, 0.4]), "isotonic", 700)


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=20))
def test_order_is_kept_and_answers_are_probabilities(scores: list[float]) -> None:
    ordered = np.sort(scores)
    found = LINE(ordered)
    assert (np.diff(found) >= 0).all()
    assert ((found >= 0) & (found <= 1)).all()


def test_between_knots_different_scores_stay_different() -> None:
    assert LINE([0.5, 1.25]).tolist() == pytest.approx([0.2, 0.3])
    assert LINE(np.zeros((2, 3), np.float32)).shape == (2, 3)


def test_saved_and_loaded(tmp_path: Path) -> None:
    assert Calibration.load(tmp_path) is None
    LINE.save(tmp_path)
    again = Calibration.load(tmp_path)
    assert again is not None
    assert again.method == "isotonic"
    assert again.positives == 700
    assert (again([0.0, 0.7]) == LINE([0.0, 0.7])).all()


@pytest.mark.parametrize(
    "change",
    [
        {"score": [1.0, 1.0, 2.0]},
        {"probability": [0.3, 0.2, 0.4]},
        {"probability": [0.0, 0.2, 1.4]},
        {"score": []},
        {"score": [0.0, float("nan"), 1.0]},
        {"score": "many"},
    ],
)
def test_what_cannot_be_used_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    LINE.save(tmp_path)
    content = json.loads((tmp_path / FILE).read_text())
    (tmp_path / FILE).write_text(json.dumps(content | change))
    with pytest.raises(BundleError, match="train again"):
        Calibration.load(tmp_path)
