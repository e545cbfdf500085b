"""The reference case runs from end to end at a reduced size, and its photos show what they should."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).parents[2] / "examples" / "reference_case"


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    for name in ("made_up_shop", "reference_case"):
        monkeypatch.delitem(sys.modules, name, raising=False)


def test_the_whole_path(tmp_path: Path) -> None:
    script = import_module("reference_case")
    words = ["--out", str(tmp_path), "--people", "80", "--products", "40", "--text-encoder", "hashed-ngrams"]
    results = script.run(script.arguments_of([*words, "--no-photos"]))
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "SYNTHETIC" in page
    assert set(results.valid) == {"popularity", "Adam", "SGD"}
    assert results.test["oracle"].means["ndcg@10"] > results.test["popularity"].means["ndcg@10"]
    assert results.notes["answer changed after an event"] == "yes"
    assert set(results.diets) == {"behaviour only", "with texts", "with everything"}  # there are no photos
    assert len(results.served) == 3
    assert (tmp_path / "shop" / "bundles").is_dir()


def test_the_made_up_shop_is_as_described() -> None:
    shop = import_module("made_up_shop").make_shop(50, 40, seed=1)
    assert shop.attributes.shape == (40, 5)
    assert shop.attributes.max() <= 9
    counts = np.bincount([person for person, _, _ in shop.purchases], minlength=50)
    assert (counts == 5).all()
    assert len({(person, product) for person, product, _ in shop.purchases}) == 250
    new = {product for _, product, when in shop.purchases if (when - shop.purchases[0][2]).days < 90}
    assert max(new) < 36  # the last tenth comes later


def test_photos_differ_in_colour_pattern_and_shape() -> None:
    draw = import_module("made_up_shop").draw
    base = np.asarray(draw(np.array([0, 0, 0, 0, 0])), np.int64)
    for place in range(3):
        seen = []
        for value in range(10):
            codes = np.zeros(5, np.int64)
            codes[place] = value
            seen.append(draw(codes).tobytes())
        assert len(set(seen)) == 10
    unseen = draw(np.array([0, 0, 0, 9, 9]))
    assert (np.asarray(unseen, np.int64) == base).all()
