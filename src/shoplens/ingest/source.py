"""Where rows come from: a file, a folder, standard input or an http(s) URL; gzip and any encoding."""

from __future__ import annotations

import gzip
import os
import shutil
import sys
import tempfile
import weakref
import zlib
from collections.abc import Collection
from functools import cached_property
from hashlib import blake2b
from io import BufferedReader, RawIOBase
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from shoplens.errors import FormatError, InputError, UnsafeInputError
from shoplens.ingest.encoding import Utf8Stream, detect_encoding
from shoplens.ingest.remote import download, shown

MAX_UNPACKED = 256 << 30  # bytes; more than any feed, less than a disk
MAX_RATIO = 200  # logs compress 5 to 40 times; a bomb 1,000 times
_RATIO_FROM = 64 << 20  # below this size a bomb does no harm
_BLOCK = 1 << 20
_GZIP_MAGIC = b"\x1f\x8b"


class SourceFile:
    """One file to read: `path` on disk, `name` for messages, bytes decompressed on the fly.

    A temporary file (standard input, a download) is deleted when the object is, or by `close`.
    """

    def __init__(self, path: Path, name: str | None = None, *, temporary: bool = False) -> None:
        self.path = path
        self.name = name or str(path)
        self._delete = weakref.finalize(self, _unlink, path) if temporary else None

    def __repr__(self) -> str:
        return f"SourceFile({self.name!r})"

    @property
    def size(self) -> int:
        """Bytes on disk (compressed, if it is)."""
        return self.path.stat().st_size

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the content as stored (BLAKE2b, 32 hex digits): the same content is the same source."""
        digest = blake2b(digest_size=16)
        with self._raw() as file:
            while block := file.read(_BLOCK):
                digest.update(block)
        return digest.hexdigest()

    @cached_property
    def compressed(self) -> bool:
        """Whether the content is gzip, by its magic number."""
        with self._raw() as file:
            return file.read(2) == _GZIP_MAGIC

    @cached_property
    def encoding(self) -> str:
        """Python's name of the text encoding: utf-8, utf-8-sig, utf-16, gb18030, cp1252, …"""
        with self.open() as file:
            return detect_encoding(file)

    def open(self) -> BinaryIO:
        """The bytes, decompressed. Reading raises UnsafeInputError when they grow out of proportion."""
        if not self.compressed:
            return self._raw()
        return cast(BinaryIO, BufferedReader(_Unpacking(self.path, self.name), _BLOCK))

    def open_utf8(self) -> BinaryIO:
        """The text as UTF-8 without a byte order mark, transcoded on the fly when the file is in another encoding."""
        encoding = self.encoding  # before anything is open: it may refuse the file
        file = self.open()
        if encoding == "utf-8":
            return file
        if encoding == "utf-8-sig":
            file.read(3)
            return file
        return cast(BinaryIO, BufferedReader(Utf8Stream(file, encoding), _BLOCK))

    def head(self, n: int = 65_536) -> bytes:
        """The first `n` bytes, decompressed, in the file's own encoding."""
        with self.open() as file:
            return file.read(n)

    def head_text(self, n: int = 65_536) -> str:
        """About the first `n` bytes as text, for detection of formats."""
        with self.open_utf8() as file:
            return file.read(n).decode("utf-8", "ignore")

    def close(self) -> None:
        """Delete the file if it is temporary."""
        if self._delete is not None:
            self._delete()

    def _raw(self) -> BinaryIO:
        try:
            return self.path.open("rb")
        except OSError as error:
            raise InputError(f"{self.name}: cannot be read ({error.strerror})") from error


class _Unpacking(RawIOBase):
    """Decompressed bytes of a gzip file, refused when out of proportion."""

    def __init__(self, path: Path, name: str) -> None:
        self._file = gzip.open(path, "rb")  # noqa: SIM115 closed by close()
        self._name = name
        self._limit = min(MAX_UNPACKED, max(_RATIO_FROM, MAX_RATIO * path.stat().st_size))
        self._given = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            block = self._file.read1(len(buffer))
        except (OSError, EOFError, zlib.error) as error:
            raise FormatError(f"{self._name}: the gzip data is damaged or cut off ({error}); send it again") from error
        self._given += len(block)
        if self._given > self._limit:
            raise UnsafeInputError(
                f"{self._name}: unpacks to more than {self._limit:,} bytes; if that is right, unpack it yourself first"
            )
        buffer[: len(block)] = block
        return len(block)

    def close(self) -> None:
        self._file.close()
        super().close()


def find_sources(
    location: str, *, suffixes: Collection[str] | None = None, allow_private: bool = False
) -> list[SourceFile]:
    """The files behind a location: a file, a folder (with subfolders, by name), "-" or an http(s) URL.

    `suffixes` (".csv", …; a ".gz" after them does not matter) filters folders only. `allow_private` lets a URL point
    into the shop's own network. InputError when there is nothing to read.
    """
    if location == "-":
        return [_spool(sys.stdin.buffer)]
    if "://" in location:
        return [SourceFile(download(location, allow_private=allow_private), shown(location), temporary=True)]
    path = Path(location)
    if path.is_dir():
        return _in_folder(path, suffixes)
    if not path.exists():
        raise InputError(f"{location}: there is no such file or folder")
    return [SourceFile(path)]


def _in_folder(folder: Path, suffixes: Collection[str] | None) -> list[SourceFile]:
    """The regular, visible files of a folder, by name."""
    found = []
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if not path.is_file() or any(part.startswith((".", "_")) for part in inside.parts):
            continue  # hidden files, and the _SUCCESS markers of exports
        if suffixes is not None and Path(path.name.removesuffix(".gz")).suffix.lower() not in suffixes:
            continue
        found.append(SourceFile(path))
    if not found:
        wanted = f" ending in {', '.join(sorted(suffixes))}" if suffixes else ""
        raise InputError(f"{folder}: the folder holds no files{wanted}")
    return found


def _spool(stream: IO[bytes]) -> SourceFile:
    """Standard input in a temporary file: it is read twice, to detect and to import."""
    handle, name = tempfile.mkstemp(prefix="shoplens-stdin-")
    with os.fdopen(handle, "wb") as file:
        shutil.copyfileobj(stream, file, _BLOCK)
    return SourceFile(Path(name), "standard input", temporary=True)


def _unlink(path: Path) -> None:
    path.unlink(missing_ok=True)
