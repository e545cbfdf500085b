"""Products that nobody knows are named in the note, in both languages, and what was said before stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from shoplens.recommend.pipeline import Answer
from shoplens.recommend.unknown import with_unknown
from shoplens.testing.served_shop import open_tiny_shop


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", "Not in the catalogue and left out: never (1)."), ("zh", "目录中没有、未予考虑的商品：never（共1件）。")],
)
def test_the_note_names_them_once(tmp_path: Path, language: str, said: str) -> None:
    with open_tiny_shop(tmp_path, trained=False) as shop:
        known = shop.shelf.facts.ids[-1]
        plain = Answer((), "popular+new", None)
        assert with_unknown(plain, shop.shelf, (None, known), language) is plain
        assert with_unknown(plain, shop.shelf, ("never", known, "never"), language).note == said
        spoken = Answer((), "popular+new", None, note="Before.")
        assert with_unknown(spoken, shop.shelf, ("never",), language).note == f"Before. {said}"
