"""The questions of the benchmark of photos and words that change them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from benchmarks.__main__ import commands
from benchmarks.quality.composition import ask

from shoplens.domain.catalogue import Product


def goods() -> list[Product]:
    made = [("Caps", "Red")] * 4 + [("Caps", "Blue")] * 3 + [("Belts", "Red")] * 3 + [("Belts", "Green")] * 2
    return [
        Product(item_id=str(row), category=("Things", kind), attributes={"colour": (colour,)})
        for row, (kind, colour) in enumerate(made)
    ]


def test_another_value_that_enough_of_the_kind_have() -> None:
    products = goods()
    questions = ask(products, "colour", 100, 0)
    assert sorted(questions.photos) == [0, 1, 2, 3, 4, 5, 6, 10, 11]  # red belts: too few are green
    for place, row in enumerate(questions.photos):
        kind, own = products[row].category[-1], products[row].attributes["colour"][0]
        answers = [products[column] for column in np.flatnonzero(questions.answers[place])]
        assert len(answers) >= 3
        assert {answer.category[-1] for answer in answers} == {kind}
        assert own not in {answer.attributes["colour"][0] for answer in answers}
    assert set(questions.words["en"]) == {"in red", "in blue"}
    assert set(questions.words["zh"]) == {"要红色的", "要蓝色的"}


def test_it_runs_on_every_folder_with_photos(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "search" / "fashion").mkdir(parents=True)
    (tmp_path / "search" / "fashion" / "images.zip").touch()
    monkeypatch.setenv("SHOPLENS_BENCH", str(tmp_path))
    found = commands()
    assert found["composition fashion"][-1] == str(tmp_path / "search" / "fashion")
    assert "composition" not in found
