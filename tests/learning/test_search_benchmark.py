from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
from PIL import Image

from shoplens.errors import FormatError
from shoplens.learning.search_benchmark_data import read_search_data
from shoplens.learning.search_metrics import Ranking, figures_by_language, ranking_figures, search_figures
from shoplens.learning.search_text_photo import bench_text_photo
from shoplens.learning.search_text_product import bench_text_product
from shoplens.learning.search_text_title import bench_text_title
from shoplens.testing.tiny_encoders import tiny_parts

PAINT = {"Red": (200, 30, 40), "Blue": (30, 60, 190), "Green": (30, 140, 60)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """400 plain photos, 320 to learn from; queries by colour."""
    folder = tmp_path_factory.mktemp("search")
    random = np.random.default_rng(0)
    rows, judged = [], []
    with ZipFile(folder / "images.zip", "w") as archive:
        for row in range(400):
            colour, kind = random.choice(list(PAINT)), random.choice(["Caps", "Belts"])
            split = "train" if row < 320 else "test"
            rows.append((row, f"{random.choice(['Zola', 'Quint'])} {colour} {kind[:-1]}", kind, colour, split))
            if split == "test":
                judged += [(f"{language}-{colour}", row, 1) for language in ("en", "zh")]
            shade = np.clip(np.array(PAINT[colour]) + random.normal(0, 9, 3), 0, 255).astype(int)
            file = io.BytesIO()
            Image.new("RGB", (16, 20), tuple(shade.tolist())).save(file, "PNG")
            archive.writestr(f"photos/{row}.png", file.getvalue())
    words = {"Red": "红色", "Blue": "藍色", "Green": "绿色"}
    asked = [(f"en-{one}", "en", one.lower()) for one in PAINT] + [(f"zh-{one}", "zh", words[one]) for one in PAINT]
    write(folder / "products.csv", ("product_id", "title", "category", "colour", "split"), rows)
    write(folder / "queries.csv", ("query_id", "language", "text"), [*asked, ("en-none", "en", "nothing fits")])
    write(folder / "qrels.csv", ("query_id", "product_id", "gain"), judged)
    return folder


def write(file: Path, head: tuple[str, ...], rows: Sequence[tuple[object, ...]]) -> None:
    with file.open("w", newline="", encoding="utf-8") as out:
        csv.writer(out).writerows([head, *rows])


def test_reading_leaves_out_what_has_no_answer(folder: Path) -> None:
    data = read_search_data(folder)
    assert (len(data.learn), len(data.gallery), len(data.queries)) == (320, 80, 6)
    assert data.languages == ["en"] * 3 + ["zh"] * 3
    assert data.gains.shape == (6, 80)
    assert (data.gains[:3].sum(0) == 1).all()
    assert data.learn[0].category
    assert set(data.learn[0].attributes) == {"colour"}


def test_reading_says_what_is_missing(folder: Path, tmp_path: Path) -> None:
    write(tmp_path / "asked.csv", ("query_id",), [("a",)])
    with pytest.raises(FormatError, match="needs a column text"):
        read_search_data(folder, queries=tmp_path / "asked.csv")


def test_figures_by_hand() -> None:
    gains = np.array([[0, 1, 1, 0], [1, 0, 0, 0]], np.float32)
    figures = search_figures(np.array([[4.0, 3, 2, 1], [1, 2, 3, 4]]), gains)
    assert figures["recall@1"] == 0
    assert figures["recall@10"] == figures["hit@10"] == 1
    assert figures["mrr"] == pytest.approx((1 / 2 + 1 / 4) / 2)
    first = (1 / np.log2(3) + 1 / 2) / (1 + 1 / np.log2(3))
    assert figures["ndcg@10"] == pytest.approx((first + 1 / np.log2(5)) / 2)
    both = figures_by_language(np.array([[4.0, 3, 2, 1], [1, 2, 3, 4]]), gains, ["en", "zh"])
    assert both["by_language"]["zh"]["mrr"] == pytest.approx(1 / 4)


def test_words_find_photos(folder: Path, tmp_path: Path) -> None:
    with tiny_parts():
        outcome = bench_text_photo(folder, cache=tmp_path, text="hashed-ngrams", image="tiny-photos")
    assert outcome["by_language"]["en"]["ndcg@10"] > 0.9
    assert outcome["by_language"]["zh"]["hit@10"] == 1
    assert outcome["without_lexicon"]["by_language"]["zh"]["queries"] == 3
    assert "zero_shot" not in outcome  # these photos say nothing in words
    assert outcome["train"]["facets"] == {"category 1": 2, "colour": 3}
    assert 0 < outcome["p50_ms"] <= outcome["p99_ms"]


def test_words_find_titles(folder: Path, tmp_path: Path) -> None:
    outcome = bench_text_title(folder, cache=tmp_path, text="hashed-ngrams")
    assert outcome["by_language"]["en"]["ndcg@10"] == pytest.approx(1)
    assert outcome["by_language"]["zh"]["ndcg@10"] == pytest.approx(1)
    assert outcome["zero_results"] == 0
    for one in ("words_alone", "meaning_alone", "default_blend", "without_lexicon"):
        assert outcome[one]["queries"] == 6
    for report in outcome["train"]["validation"].values():
        assert report["blend"] > report["words"] or not report["taken"]


def test_words_find_titles_and_photos_together(folder: Path, tmp_path: Path) -> None:
    with tiny_parts():
        outcome = bench_text_product(folder, cache=tmp_path, text="hashed-ngrams", image="tiny-photos")
    assert outcome["by_language"]["en"]["ndcg@10"] > 0.95
    assert outcome["by_language"]["zh"]["ndcg@10"] > 0.95
    for one in ("words_alone", "title_alone", "photo_alone", "default_blend"):
        assert outcome[one]["queries"] == 6
    assert outcome["train"]["blend"] == {}  # too few products to learn one on


def test_zero_results_and_what_was_not_found() -> None:
    found = Ranking(np.array([0, 1], np.float32), np.array([1, 0.5], np.float32))
    nothing = Ranking(np.zeros(0, np.float32), np.array([1], np.float32))
    figures = ranking_figures([found, nothing])
    assert figures["zero_results"] == figures["hit@10"] == 0.5
    assert figures["recall@10"] == pytest.approx(0.25)
    assert figures["mrr"] == pytest.approx(0.25)
    assert figures["ndcg@10"] == pytest.approx(0.5 * (1 / np.log2(3)) / (1 + 0.5 / np.log2(3)))
