"""WANDS and ESCI: files of their shape, and what is measured on them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import orjson
import polars as pl
import pytest
from typer.testing import CliRunner

from shoplens.cli.app import app
from shoplens.cli.bench import search as _command  # noqa: F401 - registers the command
from shoplens.errors import FormatError, InputError
from shoplens.learning.search_collections import bench_collection
from shoplens.learning.search_judged import ESCI_EXAMPLES, ESCI_PRODUCTS, read_esci, read_wands


@pytest.fixture
def wands(tmp_path: Path) -> Path:
    """Four products with quotation marks and an empty class, two queries with answers and one without."""
    (tmp_path / "product.csv").write_text(
        "product_id\tproduct_name\tproduct_class\tcategory hierarchy\tproduct_description\tproduct_features\t"
        "rating_count\taverage_rating\treview_count\n"
        '0\tsolid wood platform bed\tBeds\tFurniture / Bedroom Furniture / Beds\tgood, deep "sleep"\t'
        "overallwidth:64.7|dsprimaryproductstyle : modern|dsprimaryproductstyle:rustic|broken\t15.0\t4.5\t15.0\n"
        '1\t24" all-clad pot\tSlow Cookers\tKitchen / Pots\tcreate delicious dishes\tcapacity:7\t1.0\t2.0\t1.0\n'
        "2\tslow cooker\t\t\t\t\t\t\t\n"
        "3\tmetal bed frame\tBeds\tFurniture / Bedroom Furniture / Beds\t\t\t\t\t\n"
    )
    (tmp_path / "query.csv").write_text(
        "query_id\tquery\tquery_class\n0\twood bed\tBeds\n1\tslow cooker\tSlow Cookers\n2\tsalon chair\tChairs\n"
    )
    (tmp_path / "label.csv").write_text(
        "id\tquery_id\tproduct_id\tlabel\n0\t0\t0\tExact\n1\t0\t3\tPartial\n2\t0\t2\tIrrelevant\n"
        "3\t1\t2\tExact\n4\t1\t1\tPartial\n5\t2\t0\tIrrelevant\n6\t1\t9\tExact\n"
    )
    return tmp_path


@pytest.fixture
def esci(tmp_path: Path) -> Path:
    """One test query and forty of training in English, one test query in Spanish about the same product id."""
    kinds = ["lamp", "chair", "mug", "rug"]
    asked = [(f"{kinds[row % 4]}", row, "us", "train") for row in range(40)]
    asked += [("lamp red", 40, "us", "test"), ("taza", 41, "es", "test"), ("big version", 42, "us", "test")]
    rows = [
        {
            "example_id": 4 * query_id + place,
            "query": text,
            "query_id": query_id,
            "product_id": f"B{place}" if query_id % 4 else f"B{3 - place}",
            "product_locale": locale,
            "esci_label": "E"
            if kinds[place if query_id % 4 else 3 - place] in text or locale == "es"
            else "SCII"[place],
            "small_version": int(query_id < 42),
            "large_version": 1,
            "split": split,
        }
        for text, query_id, locale, split in asked
        for place in range(4)
    ]
    pl.DataFrame(rows).write_parquet(tmp_path / ESCI_EXAMPLES)
    products = [
        {
            "product_id": f"B{place}",
            "product_title": f"{kind} {locale}",
            "product_description": "<p>nice &amp; new</p>",
            "product_bullet_point": None if place else "good\nlight",
            "product_brand": "Acme",
            "product_color": "Red" if place == 0 else None,
            "product_locale": locale,
        }
        for place, kind in enumerate(kinds)
        for locale in ("us", "es", "jp")
    ]
    pl.DataFrame(products).write_parquet(tmp_path / ESCI_PRODUCTS)
    return tmp_path


def test_wands_is_read_as_published(wands: Path) -> None:
    searches = read_wands(wands)
    assert not searches.among_judged
    assert not searches.learn
    bed, pot, cooker, _ = searches.products
    assert bed.category == ("Furniture", "Bedroom Furniture", "Beds")
    assert bed.description == 'good, deep "sleep"'
    assert bed.attributes == {"overallwidth": ("64.7",), "dsprimaryproductstyle": ("modern", "rustic")}
    assert pot.title == '24" all-clad pot'
    assert cooker.category == ()
    first, second = searches.queries
    assert (first.text, first.rows.tolist(), first.gains.tolist()) == ("wood bed", [0, 3, 2], [1, 0.5, 0])
    assert second.gains.tolist() == [1, 0.5]


def test_wands_searches_all_products(wands: Path, tmp_path: Path) -> None:
    outcome = bench_collection(wands, "wands", cache=tmp_path, text="hashed-ngrams")
    assert outcome["queries"] == 2
    assert outcome["ndcg@10"] > 0.85
    assert outcome["by_language"]["en"]["zero_results"] == 0
    assert "all products are searched" in outcome["protocol"]
    assert 0 < outcome["words_alone"]["ndcg@10"] <= 1


def test_esci_is_read_by_locale_split_and_version(esci: Path) -> None:
    searches = read_esci(esci)
    assert searches.among_judged
    assert [(query.text, query.language) for query in searches.queries] == [("lamp red", "en"), ("taza", "es")]
    assert {query.language for query in searches.learn} == {"en"}
    assert len(searches.learn) == 40
    assert len(read_esci(esci, most_learnt=10).learn) == 10
    lamp = next(product for product in searches.products if product.item_id == "B0@us")
    assert lamp.attributes == {"colour": ("Red",)}
    assert lamp.description == "good\nlight\nnice & new"
    assert all("@jp" not in product.item_id for product in searches.products)  # nobody was asked about those
    query = searches.queries[0]
    assert sorted(query.gains.tolist()) == pytest.approx([0, 0.01, 0.1, 1])
    assert [query.text for query in read_esci(esci, locale="es").queries] == ["taza"]
    with pytest.raises(InputError, match="no example has the locale 'jp'"):
        read_esci(esci, locale="jp")


def test_esci_orders_judged_products_only(esci: Path, tmp_path: Path) -> None:
    outcome = bench_collection(esci, "esci", cache=tmp_path, text="hashed-ngrams", locale="us")
    assert outcome["queries"] == 1
    assert outcome["recall@10"] == 1  # all judged products are ordered
    assert outcome["ndcg@10"] > 0.9
    assert outcome["train"]["validation"]["en"]["queries"] == 40
    assert "default_blend" in outcome


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("label.csv", "query_id\tproduct_id\tlabel\n0\t0\tSplendid\n", "'Splendid' is none of Exact, Partial"),
        ("query.csv", "query_id\ttext\n0\tbed\n", "needs a column query"),
        ("product.csv", "", "cannot be read"),
    ],
)
def test_damaged_files_are_named(wands: Path, name: str, content: str, words: str) -> None:
    (wands / name).write_text(content)
    with pytest.raises(FormatError, match=words) as caught:
        read_wands(wands)
    assert name in str(caught.value)


def test_parquet_that_is_none_is_named(esci: Path) -> None:
    (esci / ESCI_EXAMPLES).write_text("not parquet")
    with pytest.raises(FormatError, match="cannot be read as parquet"):
        read_esci(esci)


def test_the_command_knows_both(wands: Path) -> None:
    told = ["bench", "search", str(wands), "--format", "wands", "--text", "hashed-ngrams"]
    result = CliRunner().invoke(app, [*told, "--json"])
    assert result.exit_code == 0, result.output
    assert orjson.loads(result.stdout)["format"] == "wands"
    for wrong in (["--task", "text-title"], ["--locale", "us"]):
        assert CliRunner().invoke(app, [*told, *wrong]).exit_code == 2


def test_gains_are_float32(wands: Path) -> None:
    assert all(query.gains.dtype == np.float32 for query in read_wands(wands).queries)
