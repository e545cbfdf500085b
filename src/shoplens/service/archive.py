"""A backup's file: a plain tar whose last member, manifest.json, says of every other how large it is and its SHA-256.

Reading trusts nothing: members are plain files in known folders under plain names, each once; what is packed inside may
not unpack to more than is plausible; and nothing counts before every checksum was right.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import re
import tarfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from shoplens.errors import FormatError, UnsafeInputError

MANIFEST = "manifest.json"
FORMAT = 1
MOST_MANIFEST = 256 << 20  # bytes; a million members have less
MOST_LINE = 64 << 20  # bytes of one line of a packed member
MOST_RATIO = 100  # times its size that a packed member may unpack to; an event log has about 5
LITTLE = 1 << 20  # bytes that may be unpacked whatever the ratio
PIECE = 1 << 20
_PLAIN = re.compile(r"[^/\\\x00-\x1f\x7f]{1,255}")


@dataclass(frozen=True, slots=True)
class Member:
    """What the manifest says of one file."""

    size: int  # bytes
    sha256: str


class ArchiveWriter:
    """Writes beside `file` and takes its name when closed without an error, so that there is never half an archive."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._partial = file.with_name(f".{file.name}.partial")
        self._partial.unlink(missing_ok=True)
        descriptor = os.open(self._partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)  # it holds people's data
        self._stream = os.fdopen(descriptor, "wb")
        self._tar = tarfile.TarFile(fileobj=self._stream, mode="w", format=tarfile.PAX_FORMAT)
        self._members: dict[str, Member] = {}

    def add(self, name: str, source: Path) -> int:
        """Take a file in, as long as it is now. Returns its bytes."""
        with source.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            return self._put(name, stream, size)

    def add_bytes(self, name: str, content: bytes) -> int:
        """Take something in that is no file."""
        return self._put(name, io.BytesIO(content), len(content))

    def close(self, about: Mapping[str, Any]) -> None:
        """Write the manifest with what `about` says, and let the archive appear."""
        members = {name: {"size": one.size, "sha256": one.sha256} for name, one in self._members.items()}
        self._put(MANIFEST, *_sized(orjson.dumps({"format": FORMAT, **about, "members": members})))
        self._tar.close()
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._stream.close()
        self._partial.replace(self._file)

    def abandon(self) -> None:
        """Leave nothing behind."""
        self._stream.close()
        self._partial.unlink(missing_ok=True)

    def _put(self, name: str, stream: BinaryIO, size: int) -> int:
        info = tarfile.TarInfo(name)
        info.size, info.mode = size, 0o600
        counted = _Counted(stream)
        self._tar.addfile(info, counted)
        self._members[name] = Member(size, counted.digest.hexdigest())
        return size


def unpack(file: Path, folder: Path, *, known: Collection[str]) -> dict[str, Any]:
    """Copy all members into `folder`, which is new, and return the manifest once everything agrees with it.

    `known`: top folders that a member may be in. UnsafeInputError for what no backup has in it, FormatError for what
    is damaged.
    """
    found: dict[str, Member] = {}
    manifest: dict[str, Any] | None = None
    try:
        with tarfile.open(file, mode="r:") as tar:
            for info in tar:
                if manifest is not None:
                    raise FormatError(f"{file}: something comes after the manifest")
                _check(info, found, known)
                content = tar.extractfile(info)
                assert content is not None, "plain files have a content"
                if info.name == MANIFEST:
                    manifest = _read_manifest(file, info, content)
                else:
                    found[info.name] = _copy(content, folder / info.name)
    except (tarfile.TarError, EOFError) as error:
        raise FormatError(f"{file} is no backup, or is damaged: {error}") from error
    if manifest is None:
        raise FormatError(f"{file} has no manifest: it is no backup, or was cut off")
    _compare(file, manifest["members"], found)
    return manifest


def packed_lines(path: Path, lines: Iterable[bytes]) -> None:
    """Write lines into a new packed file."""
    with gzip.open(path, "wb", compresslevel=3) as stream:  # most of the gain at a third of the time
        for some in lines:
            stream.write(some)


def unpacked_lines(path: Path) -> Iterator[bytes]:
    """Lines of a packed file. UnsafeInputError when they become implausibly many or long."""
    most = max(LITTLE, path.stat().st_size * MOST_RATIO)
    total = 0
    try:
        with gzip.open(path, "rb") as stream:
            while line := stream.readline(MOST_LINE + 1):
                total += len(line)
                if total > most or len(line) > MOST_LINE:
                    raise UnsafeInputError(f"{path.name} unpacks to more than a backup holds")
                yield line
    except (gzip.BadGzipFile, EOFError) as error:
        raise FormatError(f"{path.name} is damaged: {error}") from error


class _Counted:
    """A stream that is read, and the hash of what was."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        piece = self._stream.read(size)
        self.digest.update(piece)
        return piece


def _sized(content: bytes) -> tuple[BinaryIO, int]:
    return io.BytesIO(content), len(content)


def _check(info: tarfile.TarInfo, found: Collection[str], known: Collection[str]) -> None:
    shown = info.name[:200]
    if not info.isreg() or info.issparse():
        raise UnsafeInputError(f"the archive's {shown!r} is no plain file; a backup has nothing else")
    parts = info.name.split("/")
    plain = all(_PLAIN.fullmatch(part) and part not in (".", "..") for part in parts)
    if info.name != MANIFEST and (not plain or len(parts) < 2 or parts[0] not in known):
        raise UnsafeInputError(f"the archive's {shown!r} would lie outside of a shop's folders")
    if info.name in found:
        raise UnsafeInputError(f"the archive has {shown!r} twice")


def _copy(content: Any, path: Path) -> Member:
    path.parent.mkdir(parents=True, exist_ok=True)
    counted, size = _Counted(content), 0
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as copy:
        while piece := counted.read(PIECE):
            size += copy.write(piece)
    return Member(size, counted.digest.hexdigest())


def _read_manifest(file: Path, info: tarfile.TarInfo, content: Any) -> dict[str, Any]:
    if info.size > MOST_MANIFEST:
        raise UnsafeInputError(f"{file}: its manifest is larger than any backup's")
    try:
        manifest = orjson.loads(content.read())
        if manifest["format"] != FORMAT:
            raise FormatError(f"{file} has format {manifest['format']}, which this version of Shoplens does not know")
        if not isinstance(manifest["members"], dict):
            raise TypeError("its members are no object")
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise FormatError(f"{file}: its manifest cannot be read: {error!r}") from error
    return dict(manifest)


def _compare(file: Path, told: Mapping[str, Any], found: Mapping[str, Member]) -> None:
    missing, more = sorted(told.keys() - found.keys()), sorted(found.keys() - told.keys())
    if missing or more:
        raise FormatError(f"{file} is damaged: {(missing or more)[0]!r} is {'missing' if missing else 'too much'}")
    for name, one in found.items():
        if told[name] != {"size": one.size, "sha256": one.sha256}:
            raise FormatError(f"{file} is damaged: the checksum of {name!r} is wrong")
