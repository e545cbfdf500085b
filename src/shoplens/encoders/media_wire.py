"""Messages between a process and the worker that decodes for it: a JSON header and raw bytes, with their lengths.

Nothing is unpickled: a worker that a hostile file has taken over can send wrong pictures, but not run code here.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from typing import Any, Protocol

_LENGTHS = struct.Struct("<IQ")  # bytes of the header, bytes that follow it
MAX_HEADER = 1 << 20  # bytes; thousands of times are a few ten thousand

Buffer = bytes | bytearray | memoryview


class Raw(Protocol):
    """An unbuffered end of a pipe."""

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Bytes read; 0 at the end."""
        ...

    def write(self, buffer: Buffer, /) -> int | None:
        """Bytes written."""
        ...


def send(stream: Raw, header: dict[str, Any], parts: Sequence[Buffer] = ()) -> None:
    """One message. BrokenPipeError when nobody reads."""
    text = json.dumps(header).encode()
    length = sum(len(part) for part in parts)
    first = _LENGTHS.pack(len(text), length) + text
    for part in (first, *parts):
        left = memoryview(part).cast("B")
        while left:
            left = left[stream.write(left) or 0 :]


def receive(stream: Raw, most: int) -> tuple[dict[str, Any], memoryview] | None:
    """One message; None at the end of the stream. ValueError for one that is longer than `most` bytes, or none."""
    first = _read(stream, _LENGTHS.size)
    if first is None:
        return None
    header_length, length = _LENGTHS.unpack(first)
    if header_length > MAX_HEADER or length > most:
        raise ValueError(f"a message of {header_length} + {length} bytes")
    text, body = _read(stream, header_length), _read(stream, length)
    if text is None or body is None:
        return None
    header = json.loads(bytes(text))
    if not isinstance(header, dict):
        raise ValueError("a message without a header")
    return header, body


def _read(stream: Raw, length: int) -> memoryview | None:
    """Exactly so many bytes; None when the stream ends before."""
    content = memoryview(bytearray(length))
    done = 0
    while done < length:
        count = stream.readinto(content[done:])
        if not count:
            return None
        done += count
    return content
