"""Each vendor's export in its own shape, with dirty rows: what comes out, field by field, and what is refused where."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest

from shoplens.domain.catalogue import Availability, Product
from shoplens.errors import FormatError, StrictError, UnsafeInputError
from shoplens.ingest.products import FORMATS, detect, read_products
from shoplens.ingest.report import IngestReport
from shoplens.ingest.source import SourceFile

FIXTURES = Path(__file__).parent / "fixtures" / "products"
NOW = datetime(2026, 6, 1, tzinfo=UTC)


class Result:
    """What a feed gave."""

    def __init__(self, path: Path, report: Path, **options: Any) -> None:
        self.report = IngestReport(report)
        self.products: dict[str, Product] = {}
        self.lines: dict[str, int] = {}
        self.chunks = []
        for chunk in read_products(SourceFile(path), report=self.report, now=NOW, **options):
            self.chunks.append(chunk)
            for product, line in zip(chunk.products, chunk.lines, strict=True):
                self.products[product.item_id] = product
                self.lines[product.item_id] = line
        self.report.close()
        notes = [orjson.loads(line) for line in report.read_bytes().splitlines()] if report.exists() else []
        self.refused = [(note["line"], note["field"], note["reason"]) for note in notes if "kept" not in note]
        self.dropped = [(note["line"], note["field"], note["reason"]) for note in notes if "kept" in note]


@pytest.fixture
def result(tmp_path: Path) -> Any:
    def read(name: str | Path, **options: Any) -> Result:
        return Result(FIXTURES / name, tmp_path / "report.jsonl", **options)

    return read


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("google.tsv", "google_merchant"), ("google_rss.xml", "google_merchant"),
        ("google_atom.xml", "google_merchant"),
        ("shopify.csv", "shopify"), ("woocommerce.csv", "woocommerce"), ("personalize.csv", "personalize"),
        ("schema_org.html", "schema_org"), ("schema_org.json", "schema_org"),
    ],
)  # fmt: skip
def test_formats_are_detected_by_content_also_compressed(tmp_path: Path, name: str, expected: str) -> None:
    path = tmp_path / "feed"
    path.write_bytes((FIXTURES / name).read_bytes())
    assert detect(SourceFile(path)) == expected
    path.write_bytes(gzip.compress(path.read_bytes()))
    assert detect(SourceFile(path)) == expected


def test_google_table(result: Any) -> None:
    found = result("google.tsv")
    assert found.products["B-100"] == Product(
        item_id="B-100",
        title="Trail Running Shoe",
        description="Grippy & light.\nDries fast",
        brand="Fellhof",
        category=("Apparel & Accessories", "Shoes"),
        price=Decimal("89.90"),
        sale_price=Decimal("69.90"),
        currency="EUR",
        availability=Availability.IN_STOCK,
        gtin="4006381333931",
        mpn="FH-100",
        group_id="FH-TRAIL",
        link="https://shop.example/b100",
        attributes={
            "color": ("Red", "Black"),
            "size": ("42",),
            "gender": ("male",),
            "product_highlight": ("Vibram sole", "Light, fast"),
            "condition": ("new",),
            "custom_label_0": ("bestseller",),
            "Drop": ("6 mm",),
            "Weight": ("280 g",),
            "categories": ("Apparel & Accessories > Shoes", "Men > Shoes > Trail"),
        },
        images=("https://img.example/b100.jpg", "https://img.example/b100-2.jpg", "https://img.example/b100-3.jpg"),
    )
    older = found.products["B-101"]
    assert (older.sale_price, older.gtin, older.availability) == (None, None, Availability.OUT_OF_STOCK)
    assert older.category == ("Men", "Shoes", "Trail")
    assert older.attributes["google_product_category"] == ("187",)
    assert found.products["B-102"].price == Decimal("12.50")
    assert found.products["B-106"].description == "Café lamp"
    assert found.lines == {"B-100": 2, "B-101": 3, "B-102": 4, "B-105": 9, "B-106": 10}
    assert sorted(found.refused) == [
        (5, "item_id", "id came before in this file"),
        (6, "item_id", "no id"),
        (7, "title", "no title"),
        (8, None, "wrong number of fields"),
    ]
    assert sorted(found.dropped) == [
        (3, "gtin", "wrong check digit or length of GTIN"),
        (9, "availability", "unknown availability"),
        (9, "images", "only http(s) addresses and files can be used"),
        (9, "price", "negative price"),
        (10, "link", "link is no http(s) address"),
        (10, "sale_price", "sale price above the price"),
    ]


def test_google_table_with_underscores_commas_and_a_repeated_column(tmp_path: Path, result: Any) -> None:
    path = tmp_path / "feed.csv"
    path.write_text(
        "id,title,price,image_link,additional_image_link,additional_image_link,availability\n"
        '1,"Lamp, tall",1.99 GBP,https://x/1.jpg,https://x/2.jpg,https://x/3.jpg,in_stock\n'
    )
    assert detect(SourceFile(path)) == "google_merchant"
    product = result(path).products["1"]
    assert product.images == ("https://x/1.jpg", "https://x/2.jpg", "https://x/3.jpg")
    assert product.title == "Lamp, tall"


def test_google_rss(result: Any) -> None:
    found = result("google_rss.xml")
    tea = found.products["T-1"]
    assert tea.title == "Longjing green tea"
    assert tea.description == "Picked in April\nPan-fired & sweet"
    assert tea.brand == "龙井茶庄"
    assert tea.category == ("Food, Beverages & Tobacco", "Beverages", "Tea")
    assert (tea.price, tea.currency, tea.gtin) == (Decimal("129.00"), "CNY", "6901234567892")
    assert tea.link == "https://tee.example/t1?a=1&b=2"
    assert tea.images == ("https://img.example/t1.jpg", "https://img.example/t1-b.jpg", "https://img.example/t1-c.jpg")
    assert tea.videos == ("https://img.example/t1.mp4",)
    assert tea.attributes == {
        "product_highlight": ("First flush", "Hand-picked, hand-fired"),
        "size": ("250 g",),
        "Village": ("Meijiawu, Hangzhou",),
        "categories": ("Food, Beverages & Tobacco > Beverages > Tea", "茶 > 绿茶"),
    }
    assert found.products["T-2"].availability is Availability.BACKORDER
    assert found.lines == {"T-1": 7, "T-2": 35}
    assert found.refused == [(42, "item_id", "no id")]
    assert found.dropped == [(35, "price", "price cannot be read")]


def test_google_atom(result: Any) -> None:
    (product,) = result("google_atom.xml").products.values()
    assert product == Product(
        item_id="P-1", title="Chain, 11 speed", description="Nickel plated", category=("Drivetrain", "Chains"),
        price=Decimal("24.95"), currency="USD", availability=Availability.IN_STOCK, link="https://bike.example/p1",
    )  # fmt: skip


def test_xml_in_gb18030_with_control_characters(tmp_path: Path, result: Any) -> None:
    path = tmp_path / "feed.xml"
    text = (FIXTURES / "google_rss.xml").read_text(encoding="utf-8").replace("Clay pot", "紫砂\x0b壶，非常漂亮的茶壶")
    path.write_bytes(text.replace('encoding="UTF-8"', 'encoding="GB18030"').encode("gb18030"))
    found = result(path)
    assert found.products["T-1"].brand == "龙井茶庄"
    assert found.products["T-2"].description == "紫砂壶，非常漂亮的茶壶"


def test_broken_xml_gives_what_came_before_and_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "feed.xml"
    text = (FIXTURES / "google_rss.xml").read_text(encoding="utf-8")
    path.write_text(text.replace("<g:id>T-2</g:id>", "<g:id>T-2"), encoding="utf-8")
    chunks = read_products(SourceFile(path), report=IngestReport(), now=NOW)
    assert [product.item_id for product in next(chunks).products] == ["T-1"]
    with pytest.raises(FormatError, match=r"line 4\d: the XML is broken"):
        next(chunks)


def test_entity_bombs_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "feed.xml"
    path.write_text(
        '<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>'
        "<rss><channel><item><title>&b;</title></item></channel></rss>"
    )
    with pytest.raises(UnsafeInputError, match="entities"):
        list(read_products(SourceFile(path), report=IngestReport()))


def test_shopify(result: Any) -> None:
    found = result("shopify.csv", currency="EUR")
    assert found.products["LS-SAND-M"] == Product(
        item_id="LS-SAND-M",
        title="Linen Shirt",
        description='Washed linen.\nCut wide, "boxy".',
        brand="Nordwind",
        category=("Apparel & Accessories", "Clothing", "Shirts"),
        price=Decimal("79.00"),
        sale_price=Decimal("59.00"),
        currency="EUR",
        availability=Availability.IN_STOCK,
        stock=4,
        gtin="4006381333931",
        group_id="linen-shirt",
        attributes={
            "Color": ("Sand",),
            "Size": ("M",),
            "tags": ("summer", "linen"),
            "categories": ("Apparel & Accessories > Clothing > Shirts", "Shirts"),
        },
        images=tuple(f"https://img.example/ls-{name}.jpg" for name in ("sand", 2, 1, 3)),
    )
    large, ink = found.products["LS-SAND-L"], found.products["linen-shirt/Ink/M"]
    assert (large.stock, large.availability, large.sale_price) == (0, Availability.OUT_OF_STOCK, None)
    assert (ink.availability, ink.price, ink.sale_price) == (Availability.BACKORDER, Decimal("59.00"), None)
    assert {product.group_id for product in (large, ink)} == {"linen-shirt"}
    assert found.products["mug"].attributes == {}
    assert found.products["OM-1"].availability is Availability.OUT_OF_STOCK
    assert found.lines == {"LS-SAND-M": 2, "LS-SAND-L": 4, "linen-shirt/Ink/M": 5, "mug": 7, "OM-1": 8}
    assert sorted(found.refused) == [(9, "Handle", "no handle"), (10, "title", "no title")]
    assert sorted(found.dropped) == [
        (8, "gtin", "wrong check digit or length of GTIN"),
        (8, "price", "price cannot be read"),
    ]


def test_woocommerce(result: Any) -> None:
    found = result("woocommerce.csv", currency="EUR")
    assert found.products["21"] == Product(
        item_id="21",
        title="Hoodie - Small",
        description="Soft hoodie\nBrushed cotton.\nMachine wash.",
        category=("Clothing", "Hoodies"),
        price=Decimal("45.00"),
        sale_price=Decimal("35.00"),
        currency="EUR",
        availability=Availability.IN_STOCK,
        stock=3,
        mpn="HOOD-S",
        group_id="20",
        attributes={
            "tags": ("warm", "cotton"),
            "Size": ("Small",),
            "Material": ("Cotton, organic", "Wool"),
            "categories": ("Clothing > Hoodies", "Winter"),
        },
        images=("https://img.example/hood-s.jpg",),
    )
    parent = found.products["20"]
    assert parent.group_id == "20"
    assert parent.attributes["upsells"] == ("30", "31")
    assert parent.attributes["cross_sells"] == ("31", "UNKNOWN")
    assert parent.attributes["Size"] == ("Small", "Large")
    large = found.products["22"]
    assert (large.sale_price, large.images) == (None, parent.images)
    assert found.products["30"].price == Decimal("1299.00")
    assert found.products["30"].availability is Availability.BACKORDER
    assert found.products["31"].availability is Availability.OUT_OF_STOCK
    assert found.refused == [(7, "Parent", "variation without its parent in the file")]
    assert sorted(found.dropped) == [(8, "availability", "unknown availability"), (8, "price", "price cannot be read")]


def test_personalize(result: Any) -> None:
    found = result("personalize.csv")
    assert found.products["i1"] == Product(
        item_id="i1",
        title="Dark chocolate with sea salt",
        description="Dark chocolate with sea salt",
        category=("Food", "Sweets"),
        price=Decimal("12.50"),
        attributes={
            "gender": ("Any",),
            "genres": ("vegan", "fair trade"),
            "categories": ("Food > Sweets", "Gifts > Boxes"),
        },
        created_at=datetime(2020, 1, 1, tzinfo=UTC),
    )
    assert found.lines == {"i1": 2, "i2": 3}
    assert sorted(found.refused) == [(4, "item_id", "no id"), (5, "title", "no title")]
    assert sorted(note[:2] for note in found.dropped) == [(3, "created_at"), (3, "price")]


def test_schema_org_page(result: Any) -> None:
    found = result("schema_org.html")
    assert found.products["0446310786"] == Product(
        item_id="0446310786",
        title="Executive Anvil",
        description='Sleeker than "classic" anvils',
        brand="ACME",
        category=("Tools", "Anvils"),
        price=Decimal("149.00"),
        sale_price=Decimal("119.99"),
        currency="USD",
        availability=Availability.IN_STOCK,
        gtin="14006381333938",
        mpn="925872",
        link="https://shop.example/anvil",
        attributes={
            "color": ("black",),
            "material": ("iron", "steel"),
            "weight": ("50 kg",),
            "Horn": ("round",),
            "rating": ("4.4",),
            "reviews": ("89",),
        },
        images=("https://img.example/anvil-1.jpg", "https://img.example/anvil-2.jpg"),
    )
    assert found.lines == {"0446310786": 14}
    assert found.refused == [(30, None, "broken JSON")]


def test_schema_org_document(result: Any) -> None:
    found = result("schema_org.json")
    small, medium, cup = (found.products[name] for name in ("COAT-S", "COAT-M", "CUP"))
    assert (small.title, small.price, small.availability) == ("Wool coat S", Decimal("229.00"), Availability.PREORDER)
    assert (medium.title, medium.price, medium.availability) == ("Wool coat", Decimal("249.00"), Availability.IN_STOCK)
    assert medium.images == ("https://img.example/coat-m.jpg",)
    assert small.images == ("https://img.example/coat.jpg",)
    assert small.group_id == medium.group_id == "COAT"
    assert (small.brand, small.description, small.category) == ("Loden & Co", "Heavy wool", ("Clothing", "Coats"))
    assert small.attributes == {"size": ("S",), "categories": ("Clothing > Coats", "Winter")}
    assert (cup.title, cup.price, cup.currency, cup.gtin) == ("保温杯", Decimal("89.00"), "CNY", None)
    assert found.refused == [(31, "title", "no title")]
    assert found.dropped == [(26, "gtin", "wrong check digit or length of GTIN")]


def test_schema_org_lines(tmp_path: Path, result: Any) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(
        '{"@type": "Product", "sku": "1", "name": "A", "offers": {"lowPrice": "5", "priceCurrency": "GBP"}}\n'
        "broken\n"
        '{"@type": "ItemList", "itemListElement": [{"item": {"@type": "Product", "sku": "2", "name": "B"}}]}\n'
    )
    found = result(path)
    assert {name: product.price for name, product in found.products.items()} == {"1": Decimal("5.00"), "2": None}
    assert found.lines == {"1": 1, "2": 3}
    assert found.refused == [(2, None, "broken JSON")]


@pytest.mark.parametrize("name", ["google.tsv", "shopify.csv", "woocommerce.csv", "personalize.csv", "google_rss.xml"])
def test_strict_refuses_the_file(name: str) -> None:
    with pytest.raises(StrictError, match="line"):
        list(read_products(SourceFile(FIXTURES / name), report=IngestReport(strict=True)))


def test_every_format_has_both_functions() -> None:
    for module in FORMATS.values():
        assert callable(module.matches)
        assert callable(module.read)
        assert module.__doc__
