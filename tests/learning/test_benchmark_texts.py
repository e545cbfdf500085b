from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from benchmark_cases import write_folder

from shoplens.domain.vocabulary import Vocabulary
from shoplens.learning.benchmark_content import read_texts
from shoplens.learning.benchmark_data import read_benchmark


def test_title_tags_and_description_become_one_text_a_product() -> None:
    described = pl.DataFrame(
        {
            "item_id": ["cup", "tea", "pot"],
            "title": ["Cup", None, " "],
            "description": ["Of clay", "Green", ""],
            "attributes": ["clay|blue", "", None],
        }
    )
    texts = read_texts(Vocabulary(["pot", "tea", "spoon", "cup"]), described)
    assert texts == ("", "Green", "", "Cup. clay, blue. Of clay")


def test_without_title_or_description_there_is_nothing_to_read() -> None:
    items = Vocabulary(["cup"])
    assert read_texts(items, None) is None
    assert read_texts(items, pl.DataFrame({"item_id": ["cup"], "attributes": ["clay"]})) is None
    assert read_texts(items, pl.DataFrame({"item_id": ["cup"], "title": [" "]})) is None


@pytest.mark.slow
def test_a_folder_hands_its_texts_to_training_unless_text_is_left_out(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "shop")
    assert read_benchmark(folder, cache=tmp_path).training().texts is None  # attributes alone are no text
    (folder / "items.csv").write_text("item_id,title\n0,Cup\n")
    whole = read_benchmark(folder, cache=tmp_path)
    texts = whole.training(with_valid=True).texts
    assert texts is not None
    assert len(texts) == len(whole.train.items)
    assert texts[whole.train.items.rows(["0"])[0]] == "Cup"
    assert read_benchmark(folder, cache=tmp_path, without=["text"]).training().texts is None
