"""The photo department: 54 products with photographs, prices and facets from the npm package `@vendure/create`.

MIT licence; the photographs are from Unsplash. Nobody has bought these products here: they are what a new product is to
a recommender. Without npm, or without a network, the sample is left out with a sentence.
"""

from __future__ import annotations

import csv
import hashlib
import shutil
import subprocess
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path, PurePosixPath
from typing import Any

import orjson

from shoplens.errors import InputError, UnsafeInputError
from shoplens.files import replaced
from shoplens.ingest.samples import SampleFiles

PACKAGE = "@vendure/create@2.3.4"
TARBALL = "vendure-create-2.3.4.tgz"
SHA256 = "ea1205779025ad02ed84e60e33ef568157c2e8a4ab81dd33a7034f97652a38bf"
TIMEOUT = 120  # seconds for npm to fetch 5.6 MB
MAX_MEMBER = 4 << 20  # bytes; the largest photograph has a quarter of a megabyte
MAX_TOTAL = 64 << 20
MAX_MEMBERS = 2_000
_ASSETS = PurePosixPath("package/assets")


def prepare_photos(folder: Path, cache: Path) -> SampleFiles | str:
    """Write products as JSON lines and photographs into `folder`; or say in a sentence why there are none.

    `cache` keeps the package between runs. UnsafeInputError when what npm delivers is not the package that was checked.
    """
    files = SampleFiles(folder / "products.jsonl", images=folder / "images")
    assert files.images is not None
    if files.products.exists():
        return files
    tarball = cache / TARBALL
    if not tarball.exists():
        reason = _fetch(cache)
        if reason is not None:
            return f"The photo department is left out: {reason}."
    verify(tarball)
    folder.mkdir(parents=True, exist_ok=True)
    table = unpack(tarball, files.images)
    lines = b"".join(orjson.dumps(one) + b"\n" for one in products(table, files.images))
    with replaced(files.products) as stream:
        stream.write(lines)
    return files


def verify(tarball: Path) -> None:
    """UnsafeInputError, and the file is gone, when it is not byte for byte the package that was checked."""
    found = hashlib.sha256(tarball.read_bytes()).hexdigest()
    if found != SHA256:
        tarball.unlink()
        raise UnsafeInputError(
            f"{PACKAGE} from npm has SHA-256 {found}, not {SHA256}; it was deleted. "
            "Check which registry npm uses, and try again"
        )


def unpack(tarball: Path, images: Path) -> str:
    """Photographs into `images`; returns the text of products.csv. Nothing but plain files of known names is written.

    UnsafeInputError when the archive holds too much, too large files, links where files should be, or leads outside.
    """
    images.mkdir(parents=True, exist_ok=True)
    table: str | None = None
    total = 0
    try:
        with tarfile.open(tarball, "r:gz") as archive:
            for count, member in enumerate(archive):
                total += member.size
                if count >= MAX_MEMBERS or member.size > MAX_MEMBER or total > MAX_TOTAL:
                    raise UnsafeInputError(f"{tarball}: holds more or larger files than a package of photographs does")
                name = PurePosixPath(member.name)
                if name.is_absolute() or ".." in name.parts or not (member.isfile() or member.isdir()):
                    raise UnsafeInputError(f"{tarball}: refused, its member {member.name!r} is no plain file inside it")
                stream = archive.extractfile(member)
                if stream is None:
                    continue
                if name == _ASSETS / "products.csv":
                    table = stream.read().decode("utf-8")
                elif name.parent == _ASSETS / "images" and name.suffix in (".jpg", ".png"):
                    (images / name.name).write_bytes(stream.read())
    except (tarfile.TarError, EOFError, OSError, UnicodeDecodeError) as error:
        raise InputError(f"{tarball}: a damaged archive ({error}); delete it and try again") from error
    if table is None:
        raise InputError(f"{tarball}: holds no assets/products.csv")
    return table


def products(table: str, images: Path) -> Iterator[dict[str, Any]]:
    """One product for each name; the rows without a name below it are its further variants and are folded in.

    The price is that of the cheapest variant, stock is all of theirs together, options are attributes with every value.
    """
    for group in _groups(csv.DictReader(table.splitlines(), skipinitialspace=True)):
        first = group[0]
        attributes: dict[str, list[str]] = {}
        category: list[str] = []
        brand: str | None = None
        for row in group:
            for facet in [*_parts(row["facets"]), *_parts(row["variantFacets"])]:
                name, _, value = facet.partition(":")
                if name == "category":
                    category.append(value)
                elif name == "brand":
                    brand = value
                else:
                    attributes.setdefault(name, []).append(value)
            for name, value in zip(_parts(first["optionGroups"]), _parts(row["optionValues"]), strict=False):
                attributes.setdefault(name, []).append(value)
        prices = [price for row in group if (price := _price(row["price"])) is not None]
        yield {
            "item_id": f"photo-{first['slug']}",
            "title": first["name"],
            "description": first["description"],
            "brand": brand,
            "category": " > ".join(dict.fromkeys(category)),
            "price": str(min(prices)) if prices else None,
            "currency": "USD" if prices else None,
            "availability": "in_stock",
            "stock": sum(int(row["stockOnHand"]) for row in group if row["stockOnHand"].isdecimal()),
            "attributes": {name: list(dict.fromkeys(values)) for name, values in attributes.items()},
            "images": [str((images / name).resolve()) for name in _pictures(group) if (images / name).is_file()],
        }


def _groups(rows: Iterable[Mapping[str, str | None]]) -> Iterator[list[dict[str, str]]]:
    """Rows of one product together. Fields are padded with spaces in the file."""
    group: list[dict[str, str]] = []
    for row in rows:
        clean = {(name or "").strip(): (value or "").strip() for name, value in row.items() if isinstance(value, str)}
        if clean.get("name"):
            if group:
                yield group
            group = [clean]
        elif group and any(clean.values()):
            group.append(clean)
    if group:
        yield group


def _pictures(group: list[dict[str, str]]) -> list[str]:
    """File names of all pictures, without folders."""
    names = [name for row in group for name in (*_parts(row["assets"]), *_parts(row["variantAssets"]))]
    return list(dict.fromkeys(PurePosixPath(name).name for name in names))


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split("|") if part.strip()]


def _price(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def _fetch(cache: Path) -> str | None:
    """Let npm put the package into `cache`. The reason when it cannot."""
    npm = shutil.which("npm")
    if npm is None:
        return "npm is not installed"
    cache.mkdir(parents=True, exist_ok=True)
    command = [npm, "pack", "--silent", "--ignore-scripts", "--pack-destination", str(cache.resolve()), PACKAGE]
    try:
        done = subprocess.run(command, cwd=cache, capture_output=True, timeout=TIMEOUT, check=False)  # noqa: S603 fixed words
    except subprocess.TimeoutExpired:
        return f"npm did not deliver {PACKAGE} within {TIMEOUT} seconds"
    except OSError as error:
        return f"npm cannot be run ({error.strerror})"
    if done.returncode != 0 or not (cache / TARBALL).exists():
        message = done.stderr.decode("utf-8", "replace").strip().splitlines()
        return f"npm could not fetch {PACKAGE} ({message[-1] if message else f'exit code {done.returncode}'})"
    return None
