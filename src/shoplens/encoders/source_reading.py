"""Gets at media that somebody else named: files, http(s) addresses, zip members. Nothing is decoded here."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shoplens.encoders.photo_archive import PhotoArchives
from shoplens.encoders.remote_media import MediaClient
from shoplens.errors import InputError, UnsafeInputError


class SourceReader:
    """Reads sources within limits. `root` is where relative file names start. Safe to share between threads."""

    def __init__(
        self,
        root: Path | None = None,
        *,
        timeout_seconds: float = 10.0,
        total_seconds: float = 30.0,
        max_redirects: int = 5,
        allow_private: bool = False,
    ) -> None:
        self.root = root if root is not None else Path()
        self._network = (timeout_seconds, total_seconds, max_redirects, allow_private)
        self._client: MediaClient | None = None
        self._lock = threading.Lock()
        self._archives = PhotoArchives()

    def close(self) -> None:
        """Close connections and archives."""
        if self._client is not None:
            self._client.close()
            self._client = None
        self._archives.close()

    def read(self, source: str, max_bytes: int) -> bytes:
        """The bytes behind a path, an http(s) URL or `archive.zip#member`. InputError or UnsafeInputError says why not.

        UnsafeInputError when there are more than `max_bytes`.
        """
        if is_url(source):
            return self._remote().fetch(source, max_bytes)
        archive, member = split_archive(source)
        if member is not None:
            return self._archives.read(self.root / archive, member, max_bytes)
        return _read_file(self.root / source, max_bytes)

    @contextmanager
    def local(self, source: str, max_bytes: int) -> Iterator[Path | bytes]:
        """A file to read from, for large media: the file itself, or a temporary copy of what a URL gives.

        Members of archives come as bytes.
        """
        if is_url(source):
            with tempfile.TemporaryDirectory(prefix="shoplens-media-") as folder:
                path = Path(folder) / "media"
                with path.open("wb") as file:
                    self._remote().download(source, file, max_bytes)
                yield path
            return
        archive, member = split_archive(source)
        if member is not None:
            yield self._archives.read(self.root / archive, member, max_bytes)
            return
        path = self.root / source
        try:
            size = path.stat().st_size
            regular = path.is_file()
        except (OSError, ValueError) as error:  # ValueError: a null byte in the name
            raise InputError(f"{path}: cannot be read ({_reason(error)})") from error
        if not regular:  # a device or a pipe may never end
            raise InputError(f"{path}: cannot be read (it is no file)")
        if size > max_bytes:
            raise UnsafeInputError(f"{path}: refused, larger than {max_bytes:,} bytes")
        yield path.resolve()

    def stamp(self, source: str) -> str:
        """What changes when the content does, without reading it: size and time of a file, checksum of a zip member.

        A URL stands for its content: shops give changed media a new address. An absent file has the stamp "absent".
        """
        if is_url(source):
            return source
        archive, member = split_archive(source)
        if member is not None:
            return f"{source}|{self._archives.stamp(self.root / archive, member)}"
        try:
            status = (self.root / source).stat()
        except (OSError, ValueError):  # ValueError: a null byte in the name
            return f"{source}|absent"
        return f"{source}|{status.st_size}|{status.st_mtime_ns}"

    def _remote(self) -> MediaClient:
        with self._lock:
            if self._client is None:
                timeout, total, redirects, private = self._network
                self._client = MediaClient(
                    timeout_seconds=timeout, total_seconds=total, max_redirects=redirects, allow_private=private
                )
            return self._client


def is_url(source: str) -> bool:
    """Whether a source has a scheme (any scheme: those that are not fetched are refused later, by name)."""
    return "://" in source[:16]


def split_archive(source: str) -> tuple[str, str | None]:
    """`archive.zip#member` → both parts; anything else → (source, None)."""
    archive, mark, member = source.partition("#")
    if mark and archive.lower().endswith(".zip"):
        return archive, member
    return source, None


def _read_file(path: Path, max_bytes: int) -> bytes:
    try:
        with path.open("rb") as stream:
            content = stream.read(max_bytes + 1)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({_reason(error)})") from error
    if len(content) > max_bytes:
        raise UnsafeInputError(f"{path}: refused, larger than {max_bytes:,} bytes")
    return content


def _reason(error: OSError | ValueError) -> object:
    return error.strerror if isinstance(error, OSError) else error
