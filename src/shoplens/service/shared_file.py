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

from shoplens.errors import InputError, StoreError, StoreUnavailableError

FORMAT = 1

Content = TypeVar("Content")


class SharedFile(Generic[Content]):
    """What a file says, as of the latest `follow`. It is replaced as a whole, so nobody reads half of it.

    `read` turns the entries into what they mean and may raise whatever bad entries cause; `empty` is meant while there
    is no file. Safe between threads. A `lenient` one does not stop whoever opens it when it cannot be read: `content`
    stays as it was, `problem` says why, and nobody changes the file until it is put right.
    """

    def __init__(
        self,
        file: Path,
        read: Callable[[list[dict[str, Any]]], Content],
        empty: Content,
        *,
        lenient: bool = False,
    ) -> None:
        self._file = file
        self._read = read
        self._empty = empty
        self._lenient = lenient
        self.problem: str | None = None
        self._stamp: tuple[int, int] | None = None
        self._lock = threading.Lock()
        self.content = empty
        self.follow()

    @property
    def exists(self) -> bool:
        """Whether there is a file."""
        return self._stamp is not None

    def follow(self) -> bool:
        """Look again. Returns whether `content` changed. StoreError when the file cannot be read: `content` stays."""
        with self._lock:
            try:
                state = self._file.stat()
            except FileNotFoundError:
                stamp = None
            else:
                stamp = (state.st_mtime_ns, state.st_ino)
            if stamp == self._stamp:
                return False
            try:
                self.content = self._empty if stamp is None else self._opened()
            except StoreError as error:
                if not self._lenient:
                    raise
                self.problem, self._stamp = str(error), stamp
                return False
            self.problem, self._stamp = None, stamp
            return True

    def checked(self) -> Content:
        """`content`; StoreUnavailableError while the file cannot be read."""
        if self.problem is not None:
            raise StoreUnavailableError(self.problem)
        return self.content

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Nobody else changes the file meanwhile, and `content` is the newest."""
        with FileLock(self._file.with_name(f".{self._file.name}.lock")):
            self.follow()
            self.checked()
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
