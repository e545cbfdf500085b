"""A small JSON file of a workspace that every process looks at often and somebody changes now and then."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Generic, TypeVar

import orjson
from filelock import FileLock

from shoplens.errors import InputError, StoreError

FORMAT = 1

Content = TypeVar("Content")


class SharedFile(Generic[Content]):
    """What a file says, as of the latest `follow`. It is replaced as a whole, so nobody reads half of it.

    `read` turns the entries into what they mean and may raise whatever bad entries cause; `empty` is meant while there
    is no file. Safe between threads.
    """

    def __init__(self, file: Path, read: Callable[[list[dict[str, Any]]], Content], empty: Content) -> None:
        self._file = file
        self._read = read
        self._empty = empty
        self._stamp: tuple[int, int] | None = None
        self._lock = threading.Lock()
        self.content = empty
        self.follow()

    @property
    def exists(self) -> bool:
        """Whether there is a file."""
        return self._stamp is not None

    def follow(self) -> bool:
        """Look again. Returns whether the file changed; StoreError when it cannot be read, and `content` stays."""
        with self._lock:
            try:
                state = self._file.stat()
            except FileNotFoundError:
                stamp = None
            else:
                stamp = (state.st_mtime_ns, state.st_ino)
            if stamp == self._stamp:
                return False
            self.content = self._empty if stamp is None else self._opened()
            self._stamp = stamp
            return True

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Nobody else changes the file meanwhile, and `content` is the newest."""
        with FileLock(self._file.with_name(f".{self._file.name}.lock")):
            self.follow()
            yield

    def write(self, entries: list[dict[str, Any]]) -> None:
        """Say this from now on; within `changing`. Only the owner may read it."""
        body = orjson.dumps({"format": FORMAT, "entries": entries}, option=orjson.OPT_INDENT_2)
        partial = self._file.with_name(f".{self._file.name}.partial")
        partial.unlink(missing_ok=True)
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(body)
        partial.replace(self._file)
        self.follow()

    def _opened(self) -> Content:
        try:
            body = orjson.loads(self._file.read_bytes())
            if body["format"] != FORMAT:
                raise ValueError(f"format {body['format']} is not known to this version of Shoplens")
            return self._read(body["entries"])
        except (OSError, ValueError, TypeError, KeyError, InputError) as error:
            raise StoreError(f"{self._file} cannot be read ({error}); put it right or delete it") from error
