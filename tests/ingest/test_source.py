from __future__ import annotations

import gzip
import io
import sys
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoplens.errors import FormatError, InputError, UnsafeInputError
from shoplens.ingest import source as source_module
from shoplens.ingest.encoding import detect_encoding, detect_text_encoding
from shoplens.ingest.source import SourceFile, find_sources


def test_a_file_is_one_source(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"id\n1\n")
    (found,) = find_sources(str(path))
    assert found.name == str(path)
    assert found.size == 5
    with found.open() as file:
        assert file.read() == b"id\n1\n"
    assert found.head(2) == b"id"


def test_a_folder_is_read_by_name_with_subfolders(tmp_path: Path) -> None:
    for name in ("b.csv", "a.csv.gz", "c.json", ".hidden.csv", "_SUCCESS", "day/2.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    found = [source.path.relative_to(tmp_path).as_posix() for source in find_sources(str(tmp_path))]
    assert found == ["a.csv.gz", "b.csv", "c.json", "day/2.csv"]
    found = [source.path.name for source in find_sources(str(tmp_path), suffixes={".csv"})]
    assert found == ["a.csv.gz", "b.csv", "2.csv"]


def test_nothing_to_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        find_sources(str(tmp_path / "missing.csv"))
    with pytest.raises(InputError, match=r"holds no files ending in \.csv"):
        find_sources(str(tmp_path), suffixes={".csv"})


def test_standard_input_is_spooled_and_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stdin:
        buffer = io.BytesIO(b"id\n1\n")

    monkeypatch.setattr(sys, "stdin", Stdin())
    (found,) = find_sources("-")
    assert found.name == "standard input"
    with found.open() as file:
        assert file.read() == b"id\n1\n"
    path = found.path
    found.close()
    assert not path.exists()


def test_a_file_whose_encoding_cannot_be_told_is_not_left_open(tmp_path: Path) -> None:
    path = tmp_path / "cut.csv.gz"
    path.write_bytes(gzip.compress(b"id\n" * 1_000)[:20])
    with pytest.raises(FormatError, match="cut off") as caught:
        SourceFile(path).open_utf8()
    assert caught.tb is not None  # it holds what was open
    assert str(path) not in [file.path for file in psutil.Process().open_files()]


def test_gzip_is_known_by_its_content(tmp_path: Path) -> None:
    path = tmp_path / "feed.csv"  # no .gz in the name
    path.write_bytes(gzip.compress(b"id\n1\n") + gzip.compress(b"2\n"))
    (found,) = find_sources(str(path))
    assert found.compressed
    with found.open() as file:
        assert file.read() == b"id\n1\n2\n"


def test_damaged_gzip_is_a_format_error(tmp_path: Path) -> None:
    path = tmp_path / "feed.csv.gz"
    path.write_bytes(gzip.compress(bytes(range(256)) * 400)[:-200])
    with SourceFile(path).open() as file, pytest.raises(FormatError, match="damaged or cut off"):
        file.read()


def test_a_decompression_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_module, "_RATIO_FROM", 1 << 20)
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(bytes(32 << 20)))
    with SourceFile(path).open() as file:
        for _ in range(4):
            assert len(file.read(1 << 20)) == 1 << 20
        with pytest.raises(UnsafeInputError, match="unpacks to more than"):
            file.read(16 << 20)


def test_the_fingerprint_is_of_the_content(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"same")
    (tmp_path / "b").write_bytes(b"same")
    (tmp_path / "c").write_bytes(b"other")
    a, b, c = (SourceFile(tmp_path / name).fingerprint for name in "abc")
    assert a == b != c
    assert len(a) == 32


CHINESE = "编号,商品名,价格\n1,保温杯,89元\n2,紫砂茶壶,129元\n"
WESTERN = "id,name\n1,Café Crème brûlée à la carte\n2,Größe M, süß\n"


@pytest.mark.parametrize(
    ("text", "encoding", "expected"),
    [
        (CHINESE, "utf-8", "utf-8"),
        (CHINESE, "utf-8-sig", "utf-8-sig"),
        (CHINESE, "gb18030", "gb18030"),
        (CHINESE, "gbk", "gb18030"),
        (CHINESE, "utf-16", "utf-16"),
        (WESTERN, "utf-8", "utf-8"),
        (WESTERN, "cp1252", "cp1252"),
        (WESTERN, "latin-1", "cp1252"),
        (WESTERN, "utf-16-le", "utf-16-le"),
        (WESTERN, "utf-16-be", "utf-16-be"),
        ("1,Ленинград\n2,Самовар медный, новый, для чая и кофе\n", "cp1251", "cp1251"),
        ("1,商品名稱\n2,這是一個漂亮的茶壺，適合送禮，歡迎選購\n", "big5", "big5"),
        ("1,商品名\n2,これはとても美しい急須です。贈り物にどうぞ\n", "shift_jis", "shift_jis"),
        ("id,name\n1,plain\n", "ascii", "utf-8"),
        ("id,name\n" + "1,x\n" * 200_000 + CHINESE, "gb18030", "gb18030"),  # the first 800 kB are ASCII
    ],
)
def test_encodings_are_detected(tmp_path: Path, text: str, encoding: str, expected: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(text.encode(encoding))
    source = SourceFile(path)
    assert source.encoding == expected
    with source.open_utf8() as file:
        assert file.read() == text.encode()


def test_a_mixed_file_counts_as_utf8() -> None:
    sample = "1,保温杯\n2,茶壶\n".encode() + "3,紫砂壶\n".encode("gb18030")
    assert detect_text_encoding(sample) == "utf-8"


@given(st.text(alphabet=st.characters(codec="gb18030", exclude_categories=["Cs"]), max_size=300))
def test_transcoding_gives_the_text_back_whatever_the_block_size(text: str) -> None:
    source = io.BytesIO(text.encode("gb18030"))
    from shoplens.ingest.encoding import Utf8Stream

    stream = Utf8Stream(source, "gb18030")
    pieces = []
    while piece := stream.read(7):
        pieces.append(piece)
    assert b"".join(pieces).decode() == text


@given(st.text(max_size=200))
def test_utf8_is_always_recognised(text: str) -> None:
    data = text.encode("utf-8", "ignore")
    if b"\x00" not in data and not data.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        assert detect_encoding(io.BytesIO(data)) == "utf-8"
