from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shoplens.domain.catalogue import Availability, Product
from shoplens.errors import ConfigurationError, StrictError
from shoplens.ingest.mapping import check_columns, parse_mapping
from shoplens.ingest.products import FIELDS
from shoplens.ingest.products.availability import parse_availability
from shoplens.ingest.products.cleaning import ProductCleaner, UniqueKeys
from shoplens.ingest.products.dates import parse_date, within
from shoplens.ingest.products.gtin import clean_gtin
from shoplens.ingest.products.raw import RawProduct, split_path, split_urls
from shoplens.ingest.report import IngestReport

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def clean(report: IngestReport, *raws: RawProduct, currency: str | None = None) -> list[Product]:
    return [product for product, _ in ProductCleaner("feed", report, currency=currency, now=NOW).clean(raws)]


def raw(line: int = 2, item_id: str = "1", title: str = "Lamp", **more: Any) -> RawProduct:
    return RawProduct(line=line, item_id=item_id, title=title, **more)


def test_absurd_prices_are_dropped_per_category_and_the_products_kept(tmp_path: Path) -> None:
    report = IngestReport(tmp_path / "report.jsonl")
    cleaner = ProductCleaner("feed", report, now=NOW)
    tea = [raw(n, f"t{n}", price=f"{3 + n % 7}.50 EUR", categories=[("Tea",)]) for n in range(40)]
    cars = [raw(n, f"c{n}", price=f"{30_000 + 500 * n} EUR", categories=[("Cars",)]) for n in range(40, 80)]
    odd = [
        raw(80, "t80", price="39999.00 EUR", categories=[("Tea",)]),
        raw(81, "c81", price="3.50 EUR", categories=[("Cars",)]),
        raw(82, "n82", price="39999.00 EUR", categories=[("New category",)]),
        raw(83, "y83", price="39999.00 JPY", categories=[("Tea",)]),
    ]
    products = {product.item_id: product for product, _ in cleaner.clean([*tea, *cars, *odd])}
    later = {
        product.item_id: product
        for product, _ in cleaner.clean([raw(84, "t84", price="0.0005", categories=[("Tea",)])])
    }
    assert len(products) == 84
    assert products["t80"].price is None
    assert products["c81"].price is None
    assert products["n82"].price == products["y83"].price == Decimal("39999.00")
    assert sum(product.price is None for product in products.values()) == 2
    assert later["t84"].price is not None  # no currency: another group, too small to judge
    report.close()
    notes = [orjson.loads(line) for line in (tmp_path / "report.jsonl").read_bytes().splitlines()]
    assert [(note["line"], note["field"], note["reason"]) for note in notes] == [
        (80, "price", "price absurd for its category"),
        (81, "price", "price absurd for its category"),
    ]


def test_ids_are_unique_across_chunks_and_titles_needed() -> None:
    report = IngestReport()
    cleaner = ProductCleaner("feed", report, now=NOW)
    first = cleaner.clean([raw(2, "a"), raw(3, "b"), raw(4, "a"), raw(5, ""), raw(6, "c", title=" \u200b ")])
    second = cleaner.clean([raw(7, "b"), raw(8, " d ")])
    assert [(product.item_id, line) for product, line in first + second] == [("a", 2), ("b", 3), ("d", 8)]
    assert report.summary()["reasons"] == {"id came before in this file": 2, "no id": 1, "no title": 1}


def test_strict_refuses_a_duplicate_but_not_a_dropped_field() -> None:
    report = IngestReport(strict=True)
    (product,) = clean(report, raw(gtin="123", price="-1"))
    assert product.gtin is None
    with pytest.raises(StrictError, match="feed, line 3"):
        clean(report, raw(2, "a"), raw(3, "a"))


@pytest.mark.parametrize(
    ("fields", "price", "sale", "reason"),
    [
        ({"price": "10 EUR", "sale_price": "8 EUR"}, "10.00", "8.00", None),
        ({"price": "10", "sale_price": "12"}, "10.00", None, "sale price above the price"),
        ({"price": "10", "sale_price": "10"}, "10.00", None, None),
        ({"price": "10 EUR", "sale_price": "8 USD"}, "10.00", None, "sale price in another currency"),
        ({"price": "-1"}, None, None, "negative price"),
        ({"price": "ask"}, None, None, "price cannot be read"),
        ({"price": "ask", "sale_price": "8"}, None, None, "price cannot be read"),
        ({"sale_price": "8"}, "8.00", None, None),
        ({"price": "0"}, "0.00", None, None),
        ({"price": "10", "sale_price": "8", "sale_period": "2026-01-01/2026-12-31"}, "10.00", "8.00", None),
        ({"price": "10", "sale_price": "8", "sale_period": "2025-01-01/2025-12-31"}, "10.00", None, None),
        ({"price": "10", "sale_price": "8", "sale_period": "soon"}, "10.00", None, "period cannot be read"),
    ],
)
def test_prices(fields: dict[str, Any], price: str | None, sale: str | None, reason: str | None) -> None:
    report = IngestReport()
    (product,) = clean(report, raw(**fields))
    assert product.price == (Decimal(price) if price else None)
    assert product.sale_price == (Decimal(sale) if sale else None)
    assert list(report.summary()["dropped_fields"]) == ([reason] if reason else [])


def test_the_currency_comes_from_the_price_the_column_or_the_feed() -> None:
    report = IngestReport()
    products = clean(
        report,
        raw(2, "a", price="1 USD", currency="EUR"),
        raw(3, "b", price="1", currency="rmb"),
        raw(4, "c", price="1"),
        raw(5, "d", price="1", currency="gold"),
        currency="chf",
    )
    assert [product.currency for product in products] == ["USD", "CNY", "CHF", None]
    assert report.summary()["dropped_fields"] == {"unknown currency": 1}


def test_all_other_fields() -> None:
    report = IngestReport()
    (product,) = clean(
        report,
        raw(
            description="<p>a</p>b", brand=" ACME\n", categories=[("A ", "", "B"), ("C",)], stock="-3", mpn=" x ",
            attributes={"size": ["3L"], "volume": ["500ML", "0.5 l"], " ": ["x"], "empty": [" "]},
            images=["//cdn.example/a.jpg", "a.jpg", "a.jpg", "ftp://x/y.jpg", "data:image/png;base64,xx",
        "http://x/?a=1&amp;b=2"],
            created_at="2200-01-01", link="javascript:alert(1)", availability="In Stock", gtin="4006381333931",
        ),
    )  # fmt: skip
    assert product.description == "a\nb"
    assert product.brand == "ACME"
    assert product.category == ("A", "B")
    assert product.stock == 0
    assert product.mpn == "x"
    assert product.attributes == {"size": ("3L",), "volume": ("500 ml",), "categories": ("A > B", "C")}
    assert product.images == ("https://cdn.example/a.jpg", "a.jpg", "http://x/?a=1&b=2")
    assert product.created_at is None
    assert product.link is None
    assert product.availability is Availability.IN_STOCK
    assert report.summary()["dropped_fields"] == {
        "link is no http(s) address": 1,
        "only http(s) addresses and files can be used": 1,
        "date cannot be read or is impossible": 1,
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4006381333931", "4006381333931"), ("4006381333930", None), ("036000291452", "036000291452"),
        ("96385074", "96385074"),
        ("0-306-40615-2", "9780306406157"), ("080442957X", "9780804429573"), ("0804429570", None),
        ("400 6381 333931", "4006381333931"),
        ("14006381333938", "14006381333938"), ("4006381333931.0", "4006381333931"), ("4.00638E+12", None),
        ("0000000000000", None),
        ("12345", None), ("abc", None), ("４００６３８１３３３９３１", None), ("'4006381333931", "4006381333931"),
    ],
)  # fmt: skip
def test_gtins(text: str, expected: str | None) -> None:
    assert clean_gtin(text) == expected


@given(st.integers(1, 10**12 - 1), st.integers(0, 11), st.integers(1, 9))
def test_one_wrong_digit_of_a_gtin_is_always_noticed(number: int, place: int, by: int) -> None:
    body = f"{number:012}"
    valid = next(body + str(digit) for digit in range(10) if clean_gtin(body + str(digit)))
    wrong = valid[:place] + str((int(valid[place]) + by) % 10) + valid[place + 1 :]
    assert clean_gtin(wrong) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-05", datetime(2026, 1, 5, tzinfo=UTC)),
        ("2026-01-05T10:00+0100", datetime(2026, 1, 5, 9, tzinfo=UTC)),
        ("2026-01-05T10:00:00Z", datetime(2026, 1, 5, 10, tzinfo=UTC)),
        ("2026-01-05 10:00:00 UTC", datetime(2026, 1, 5, 10, tzinfo=UTC)),
        ("2026/1/5", datetime(2026, 1, 5, tzinfo=UTC)),
        ("5.1.2026", datetime(2026, 1, 5, tzinfo=UTC)),
        ("2026年1月5日", datetime(2026, 1, 5, tzinfo=UTC)),
        ("20260105", datetime(2026, 1, 5, tzinfo=UTC)),
        ("1577836800", datetime(2020, 1, 1, tzinfo=UTC)),
        ("1577836800000", datetime(2020, 1, 1, tzinfo=UTC)),
        ("Mon, 05 Jan 2026 10:00:00 +0100", datetime(2026, 1, 5, 9, tzinfo=UTC)),
        ("2026-02-30", None), ("03/04/2026", None), ("soon", None), ("", None), ("9999-12-31T23:59:59-14:00", None),
    ],
)  # fmt: skip
def test_dates(text: str, expected: datetime | None) -> None:
    assert parse_date(text) == expected


@given(st.text(max_size=25))
def test_dates_never_fail(text: str) -> None:
    moment = parse_date(text)
    assert moment is None or moment.tzinfo is UTC


def test_periods() -> None:
    assert within("2026-01-01T00:00+0100/2026-12-31", NOW) is True
    assert within("2025-01-01/2025-12-31", NOW) is False
    assert within("2025-01-01", NOW) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("in stock", "in_stock"), ("in_stock", "in_stock"), ("InStock", "in_stock"),
        ("https://schema.org/InStock", "in_stock"),
        ("http://schema.org/SoldOut", "out_of_stock"), ("Out Of Stock", "out_of_stock"),
        ("available for order", "in_stock"),
        ("preorder", "preorder"), ("PreSale", "preorder"), ("backorder", "backorder"), ("有货", "in_stock"),
        ("缺货", "out_of_stock"),
        ("1", "in_stock"), ("0", "out_of_stock"), ("perhaps", None), ("", None),
    ],
)  # fmt: skip
def test_availability(text: str, expected: str | None) -> None:
    found = parse_availability(text)
    assert (found.value if found else None) == expected


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.integers(-20, 20), max_size=15), max_size=12))
def test_unique_keys_are_an_exact_set(batches: list[list[int]]) -> None:
    keys, known = UniqueKeys(), set[int]()
    for batch in batches:
        expected = []
        for key in batch:
            expected.append(key not in known)
            known.add(key)
        assert keys.add(batch) == expected


def test_paths_and_addresses() -> None:
    assert split_path(" A > B & C >") == ("A", "B & C")
    assert split_urls("https://x/a.jpg, https://x/b,c.jpg,https://x/d.jpg") == [
        "https://x/a.jpg",
        "https://x/b,c.jpg",
        "https://x/d.jpg",
    ]
    assert split_urls("") == []


def test_mappings() -> None:
    mapping = parse_mapping(["title=商品名", " attributes.color = 颜色 ", "price=Preis (€)=brutto"], FIELDS)
    assert mapping == {"title": "商品名", "attributes.color": "颜色", "price": "Preis (€)=brutto"}
    for wrong, message in (
        ("title", "ours=theirs"),
        ("titel=x", "did you mean title"),
        ("zzz=x", "known:"),
        ("=x", "ours=theirs"),
    ):
        with pytest.raises(ConfigurationError, match=message):
            parse_mapping([wrong], FIELDS)
    with pytest.raises(ConfigurationError, match="given twice"):
        parse_mapping(["title=a", "title=b"], FIELDS)
    with pytest.raises(ConfigurationError, match="no column '商品名'"):
        check_columns(mapping, ["a", "b"], "feed.csv")
