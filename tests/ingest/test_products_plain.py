"""Tables of a shop's own making, mapped to our fields; wrong uses; resuming."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest

from shoplens.domain.catalogue import Availability, Product
from shoplens.errors import ConfigurationError, FormatError
from shoplens.ingest.products import detect, read_products
from shoplens.ingest.report import IngestReport
from shoplens.ingest.source import SourceFile

FIXTURES = Path(__file__).parent / "fixtures" / "products"
NOW = datetime(2026, 6, 1, tzinfo=UTC)
ZH = {
    "item_id": "编号", "title": "商品名", "category": "类目", "price": "价格", "attributes.color": "颜色",
    "images": "图片", "created_at": "上架日期",
}  # fmt: skip


def read(
    path: Path, **options: Any
) -> tuple[dict[str, Product], dict[str, int], list[tuple[int, str | None, str, bool]]]:
    """(products, their lines, what the report says: line, field, reason, whether the row was kept)."""
    products: dict[str, Product] = {}
    lines: dict[str, int] = {}
    with IngestReport(path.with_name("report.jsonl")) as report:
        for chunk in read_products(SourceFile(path), report=report, now=NOW, **options):
            products |= {product.item_id: product for product in chunk.products}
            lines |= {product.item_id: line for product, line in zip(chunk.products, chunk.lines, strict=True)}
    assert report.path is not None
    notes = [orjson.loads(line) for line in report.path.read_bytes().splitlines()] if report.path.exists() else []
    return products, lines, sorted((note["line"], note["field"], note["reason"], "kept" in note) for note in notes)


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16"])
def test_plain_chinese_table_with_a_mapping(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "feed.csv"
    path.write_bytes((FIXTURES / "plain_zh.csv").read_text(encoding="utf-8").encode(encoding))
    products, lines, notes = read(path, mapping=ZH)
    assert products["001"] == Product(
        item_id="001", title="保温杯", category=("家居", "厨房"), price=Decimal("89.00"), currency="CNY",
        attributes={"color": ("红", "蓝"), "容量": ("500 ml",)}, images=("img/1.jpg", "img/2.jpg"),
        created_at=datetime(2026, 1, 5, tzinfo=UTC),
    )  # fmt: skip
    assert products["002"].title == "茶壶， 紫砂"
    assert products["002"].price == Decimal("129.00")
    assert products["002"].attributes["categories"] == ("家居 > 厨房", "茶具")
    assert lines == {"001": 2, "002": 3, "003": 5}
    assert notes == [
        (3, "created_at", "date cannot be read or is impossible", True),
        (5, "price", "price cannot be read", True),
        (6, "item_id", "id came before in this file", False),
        (7, None, "wrong number of fields", False),
    ]


PLAIN: Mapping[str, Any] = {
    "item_id": "7", "title": "Lamp", "brand": "Lux", "category": ["Home", "Light"], "price": 12.5, "currency": "EUR",
    "availability": True, "stock": 3, "images": ["a.jpg", "b.jpg"], "watts": 40, "colours": ["red", "blue"],
}  # fmt: skip
EXPECTED = Product(
    item_id="7", title="Lamp", brand="Lux", category=("Home", "Light"), price=Decimal("12.50"), currency="EUR",
    availability=Availability.IN_STOCK, stock=3, images=("a.jpg", "b.jpg"),
    attributes={"watts": ("40",), "colours": ("red", "blue")},
)  # fmt: skip


@pytest.mark.parametrize("kind", ["csv", "semicolon", "tsv", "jsonl", "parquet"])
def test_plain_tables_of_every_kind_give_the_same_product(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "products"
    if kind == "jsonl":
        path.write_bytes(orjson.dumps(dict(PLAIN)) + b"\n")
    elif kind == "parquet":
        pl.DataFrame([dict(PLAIN)]).write_parquet(path)
    else:
        flat = {**PLAIN, "category": "Home > Light", "images": "a.jpg|b.jpg", "colours": "red|blue"}
        separator = {"csv": ",", "semicolon": ";", "tsv": "\t"}[kind]
        pl.DataFrame([flat]).write_csv(path, separator=separator)
    assert detect(SourceFile(path)) == "plain"
    assert read(path)[0] == {"7": EXPECTED}


def test_plain_attributes_in_one_column_and_other_spellings(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(
        'ID,Name,attributes,attributes.fit\n1,Shirt,color=red|size:M,slim\n2,Hat,"{""color"": [""blue""]}",\n'
    )
    products, _, _ = read(path)
    assert products["1"].attributes == {"color": ("red",), "size": ("M",), "fit": ("slim",)}
    assert products["2"].attributes == {"color": ("blue",)}


def test_wrong_uses_are_explained(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("colour,shape\nred,round\n")
    source, report = SourceFile(path), IngestReport()
    with pytest.raises(FormatError, match="--map item_id"):
        detect(source)
    with pytest.raises(FormatError, match="no column holds the product's id"):
        list(read_products(source, report=report, format="plain"))
    with pytest.raises(ConfigurationError, match="no product format 'magento'"):
        list(read_products(source, report=report, format="magento"))
    with pytest.raises(ConfigurationError, match="no column 'sku'"):
        list(read_products(source, report=report, mapping={"item_id": "sku"}))
    with pytest.raises(ConfigurationError, match="--map is for plain tables"):
        list(read_products(source, report=report, format="shopify", mapping={"item_id": "colour"}))
    path.write_bytes(b"")
    with pytest.raises(FormatError, match="empty"):
        detect(source)


def test_resuming_gives_the_rest_and_still_knows_earlier_ids(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    rows = [f"{n},Lamp {n},{10 + n % 5}" if n % 1_000 else f"{n},broken" for n in range(12_000)]
    rows += ["3,Lamp again,5", "12000,Last,11"]
    path.write_text("item_id,title,price\n" + "\n".join(rows) + "\n")
    whole = list(read_products(SourceFile(path), report=IngestReport(), now=NOW))
    report = IngestReport()
    rest = list(read_products(SourceFile(path), report=report, skip_rows=whole[0].rows_done, now=NOW))
    assert rest == whole[1:]
    assert whole[-1].rows_done == 12_002
    assert whole[0].rows_done == 5_006
    assert report.summary()["reasons"] == {"wrong number of fields": 6, "id came before in this file": 1}
    assert report.accepted == 12_001 - 12 - len(whole[0].products)
    assert list(read_products(SourceFile(path), report=IngestReport(), skip_rows=whole[-1].rows_done, now=NOW)) == []
