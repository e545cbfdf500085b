"""The grocery sample: readable names, true rows, and the real package when it is installed."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from shoplens.errors import InputError, MissingExtraError
from shoplens.ingest.events import read_events
from shoplens.ingest.people import read_people
from shoplens.ingest.report import IngestReport
from shoplens.ingest.samples import grocery
from shoplens.ingest.samples.grocery_names import category_name, department_name, size_name, title_of
from shoplens.ingest.source import SourceFile

NOW = 1_767_225_600_000_000


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("BREAD:ITALIAN/FRENCH", "Bread: Italian/French"),
        ("FRZN ICE", "Frozen Ice"),
        ("ICE - CRUSHED/CUBED", "Ice - Crushed/Cubed"),
        ("CANDY BARS (SINGLES)(INCLUDING", "Candy Bars (Singles)"),
        ("SANDWICHES - (COLD)", "Sandwiches - (Cold)"),
        ("CHRISTMAS  SEASONAL", "Christmas Seasonal"),
        ("WOMEN S GENERAL-MAGAZINE", "Women's General-Magazine"),
        ("AUDIO/VIDEO PRODUCTS", "Audio/Video Products"),
        ("KITS AND TOYS", "Kits and Toys"),
        ("SOFT DRINKS 20PK&24PK CAN CARB", "Soft Drinks 20 Pack and 24 Pack Can Carbonated"),
        (None, ""),
    ],
)
def test_shelf_codes_become_words(code: str | None, words: str) -> None:
    assert category_name(code) == words


@pytest.mark.parametrize(
    ("code", "words"),
    [("22 LB", "22 lb"), (".5 OZ", "0.5 oz"), ("1.6 LB(", "1.6 lb"),
      ("P  3.75 OZ", "3.75 oz"), ("525378 CTN", None), ("SMALL", None), (None, None)],
)  # fmt: skip
def test_sizes(code: str | None, words: str | None) -> None:
    assert size_name(code) == words


def test_titles() -> None:
    assert title_of("Apple Sauce", "Fruit - Shelf Stable", "Grocery", "50 oz") == "Apple Sauce, 50 oz"
    assert title_of("Premium", "Ice Cream", "Grocery", None) == "Premium (Ice Cream)"
    assert title_of("Yogurt", "Yogurts", "Grocery", None) == "Yogurt"
    assert title_of("", "", "Miscellaneous", None) == "Miscellaneous"
    assert department_name("DRUG GM") == "Drugstore and Household"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tiny package of the same shape, invented."""
    data = tmp_path / "package" / "data"
    data.mkdir(parents=True)
    when = pl.Series(["2017-01-02 10:00:00", "2017-01-01 09:00:00", "2017-01-03 11:00:00"]).str.to_datetime()
    pl.DataFrame(
        {
            "household_id": [1, 2, 1], "store_id": [9, 9, 9], "basket_id": [100, 200, 300], "product_id": [11, 12, 11],
            "quantity": [2, 1, 0], "sales_value": [5.0, 0.0, 0.0], "week": [1, 1, 1], "transaction_timestamp": when,
        }
    ).write_parquet(data / "transactions.parquet")  # fmt: skip
    pl.DataFrame(
        {
            "product_id": [11, 12], "manufacturer_id": [2, 69], "department": ["GROCERY", "PASTRY"],
            "brand": ["National", "Private"], "product_category": ["FRZN ICE", None],
            "product_type": ["ICE - CRUSHED/CUBED", None], "package_size": ["22 LB", None],
        }
    ).write_parquet(data / "products.parquet")  # fmt: skip
    pl.DataFrame({"household_id": [1], "age": ["65+"], "household_size": ["2"]}).write_parquet(
        data / "demographics.parquet"
    )
    monkeypatch.setattr(grocery, "data_folder", lambda: data)
    return data


def test_the_sample_is_written_as_plain_files(package: Path, tmp_path: Path) -> None:
    files = grocery.prepare_grocery(tmp_path / "sample")
    products = pl.read_parquet(files.products).to_dicts()
    assert products == [
        {
            "item_id": "11", "title": "Ice - Crushed/Cubed, 22 lb",
            "category": "Grocery > Frozen Ice > Ice - Crushed/Cubed",
            "label": "National brand", "manufacturer": "2", "package_size": "22 lb", "price": 2.5, "currency": "USD",
        },
        {
            "item_id": "12", "title": "Pastry", "category": "Pastry", "label": "Private label", "manufacturer": "69",
            "package_size": None, "price": None, "currency": None,
        },
    ]  # fmt: skip
    assert files.events is not None
    assert files.people is not None
    with IngestReport(tmp_path / "report.jsonl") as report:
        (chunk,) = read_events(SourceFile(files.events), report=report, now=NOW)
    assert chunk.batch.item_id == ["12", "11"]
    assert chunk.batch.session_id == ["200", "100"]
    assert chunk.batch.price == [None, 2.5]
    assert report.summary()["reasons"] == {"zero quantity": 1}
    assert report.summary()["fixes"] == {"price of zero read as unknown": 1}
    (people,) = read_people(SourceFile(files.people), report=IngestReport())
    assert [(one.user_id, dict(one.fields)) for one in people.people] == [("1", {"age": "65+", "household_size": "2"})]


def test_files_that_are_there_are_kept(package: Path, tmp_path: Path) -> None:
    files = grocery.prepare_grocery(tmp_path / "sample")
    before = files.products.stat().st_mtime_ns
    assert grocery.prepare_grocery(tmp_path / "sample") == files
    assert files.products.stat().st_mtime_ns == before


def test_damaged_data_are_named(package: Path, tmp_path: Path) -> None:
    (package / "transactions.parquet").write_bytes(b"not parquet")
    with pytest.raises(InputError, match="force-reinstall"):
        grocery.prepare_grocery(tmp_path / "sample")


def test_a_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grocery, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"shoplens\[samples\]"):
        grocery.data_folder()


def test_the_real_package(tmp_path: Path) -> None:
    try:
        grocery.data_folder()
    except MissingExtraError:
        pytest.skip("the extra 'samples' is not installed")
    files = grocery.prepare_grocery(tmp_path)
    products = pl.read_parquet(files.products)
    assert products.height == products["item_id"].n_unique() == 92_331
    assert (products["title"].str.len_chars() > 2).all()
    assert not products["title"].str.contains(r"\bFRZN\b|  |\( *$").any()
    assert files.events is not None
    events = pl.scan_parquet(files.events)
    counts = events.select(
        pl.len(), pl.col("user_id").n_unique(), (pl.col("quantity") == 0).sum().alias("zero")
    ).collect()
    assert counts.row(0) == (1_469_307, 2_469, 8_869)
    (people,) = read_people(SourceFile(files.people or tmp_path), report=IngestReport())
    assert len(people.people) == 801
    # petrol: quantities of ten thousand that are right
    petrol = products.filter(pl.col("title").str.contains("Gasoline"))["item_id"]
    fuel = events.filter(pl.col("item_id").is_in(petrol.implode()), pl.col("quantity") > 0).collect()
    fuel.write_parquet(tmp_path / "fuel.parquet")
    report = IngestReport()
    paths = dict(zip(products["item_id"], products["category"], strict=True))
    kept = read_events(
        SourceFile(tmp_path / "fuel.parquet"),
        report=report,
        now=NOW,
        category_of=lambda ids: [paths.get(i) for i in ids],
    )
    assert sum(len(chunk.batch) for chunk in kept) == fuel.height > 10_000
