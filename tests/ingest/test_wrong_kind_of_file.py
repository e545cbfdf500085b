"""A file of another kind is refused at once, in words that help; Chinese headers need no mapping."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from shoplens.errors import FormatError
from shoplens.ingest.events import read_events
from shoplens.ingest.people import read_people
from shoplens.ingest.products import read_products
from shoplens.ingest.report import IngestReport
from shoplens.ingest.source import SourceFile

Read = Callable[..., Iterator[Any]]
LOG = "user_id,item_id,event_type,timestamp\nu,i,view,1700000000\n"
PDF = "%PDF-1.7\n%âãÏÓ\n1 0 obj\n"
XML = '<?xml version="1.0"?><rss><channel/></rss>'


def refused(path: Path, read: Read, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(FormatError) as error:
        list(read(SourceFile(path), report=IngestReport()))
    return str(error.value)


@pytest.mark.parametrize("read", [read_products, read_people])
def test_an_event_log_is_recognised(tmp_path: Path, read: Read) -> None:
    lines = '{"user_id": "u", "item_id": "i", "event_type": "view", "timestamp": 1700000000}\n'
    for text in (LOG, LOG.upper(), LOG.replace(",", "\t"), lines):
        assert "this looks like an event log: shoplens ingest events" in refused(tmp_path / "file", read, text)


def test_a_table_without_titles_names_its_columns(tmp_path: Path) -> None:
    for text in ("item_id,price\n1,3\n", '{"item_id": "1", "price": 3}\n'):
        said = refused(tmp_path / "file", read_products, text)
        assert "--map title=" in said
        assert "item_id, price" in said
    assert "--format (shopify, woocommerce" in refused(tmp_path / "file", read_products, "colour,shape\nred,round\n")


@pytest.mark.parametrize("read", [read_products, read_people, read_events])
@pytest.mark.parametrize(("text", "kind"), [(PDF, "a PDF"), ("ab\x01\x02\x03\x04,\x05\n", "binary data")])
def test_binary_data_is_named(tmp_path: Path, read: Read, text: str, kind: str) -> None:
    said = refused(tmp_path / "file", read, text)
    assert f"this is {kind}; expected CSV" in said
    assert "--map" not in said


@pytest.mark.parametrize("read", [read_people, read_events])
def test_xml_is_named(tmp_path: Path, read: Read) -> None:
    said = refused(tmp_path / "file", read, XML)
    assert "this is an XML document; expected CSV" in said
    assert "--map" not in said


def test_chinese_headers_need_no_mapping(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_text("商品编号,商品名称,价格,品牌,类目,描述,库存\n1,茶壶,89,甲,家居,好,3\n", encoding="utf-8")
    (products,) = (one.products for one in read_products(SourceFile(path), report=IngestReport()))
    assert (products[0].item_id, products[0].title, products[0].brand, products[0].stock) == ("1", "茶壶", "甲", 3)
    path.write_text("用户ID,商品ID,行为类型,时间戳,数量\nu,i,view,1700000000,2\n", encoding="utf-8")
    (chunk,) = read_events(SourceFile(path), report=IngestReport())
    assert len(chunk.lines) == 1
    path.write_text("用户ID,城市\nu,北京\n", encoding="utf-8")
    (people,) = (one.people for one in read_people(SourceFile(path), report=IngestReport()))
    assert people[0].user_id == "u"
