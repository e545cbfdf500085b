"""Zip archives of photos, read in memory; nothing is ever unpacked to disk."""

from __future__ import annotations

import threading
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from shoplens.errors import InputError, UnsafeInputError


class PhotoArchives:
    """Archives, each opened once: reading a large one's directory takes longer than reading a photo.

    Safe to share between threads.
    """

    def __init__(self) -> None:
        self._open: dict[Path, zipfile.ZipFile] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close all archives."""
        with self._lock:
            for archive in self._open.values():
                archive.close()
            self._open.clear()

    def read(self, path: Path, member: str, max_bytes: int) -> bytes:
        """A member's content. InputError with the reason, UnsafeInputError when it is refused for safety."""
        source = f"{path}#{member}"
        name = PurePosixPath(member)
        if name.is_absolute() or ".." in name.parts or "\\" in member or ":" in member:
            raise UnsafeInputError(f"{source}: refused, the name leaves the archive")
        archive = self._archive(path)
        try:
            entry = archive.getinfo(member)
        except KeyError:
            raise InputError(f"{source}: there is no such member in the archive") from None
        if entry.flag_bits & 0x1:
            raise InputError(f"{source}: the member is encrypted")
        if entry.file_size > max_bytes:
            raise UnsafeInputError(f"{source}: refused, larger than {max_bytes:,} bytes")
        try:
            with archive.open(entry) as stream:  # the declared size may lie: never read beyond the limit
                content = stream.read(max_bytes + 1)
        except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError) as error:
            raise InputError(f"{source}: the member is damaged or of an unknown kind ({error})") from error
        if len(content) > max_bytes:
            raise UnsafeInputError(f"{source}: refused, larger than {max_bytes:,} bytes")
        return content

    def stamp(self, path: Path, member: str) -> str:
        """Size and checksum of a member as the archive's directory states them; "absent" when it is not there."""
        try:
            entry = self._archive(path).getinfo(member)
        except (InputError, KeyError):
            return "absent"
        return f"{entry.file_size}|{entry.CRC:08x}"

    def _archive(self, path: Path) -> zipfile.ZipFile:
        with self._lock:
            archive = self._open.get(path)
            if archive is None:
                try:
                    archive = self._open[path] = zipfile.ZipFile(path)
                except (zipfile.BadZipFile, NotImplementedError, EOFError) as error:
                    raise InputError(f"{path}: the archive is damaged or of an unknown kind ({error})") from error
                except OSError as error:
                    raise InputError(f"{path}: cannot be read ({error.strerror})") from error
        return archive
