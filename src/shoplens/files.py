"""Files that are there whole or not at all, whatever happens while they are written."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def replaced(file: Path, *, durable: bool = False) -> Iterator[BinaryIO]:
    """Write what a file is to hold; at the end it takes the file's place in one rename. One writer at a time.

    The folder is made where there is none. When writing fails, the file is as it was. `durable`: it is on the disk
    before it takes the place, so that not even a power cut leaves an empty one.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".{file.name}.partial")
    try:
        with partial.open("wb") as stream:
            yield stream
            if durable:
                stream.flush()
                os.fsync(stream.fileno())
        partial.replace(file)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
