"""Vectors of the shots of products' videos, so that a hit says where in which video.

They lie beside the table of videos, in its folder `shots`, and belong to the digest of a product's videos rather than
to the product: products with equal videos share them, and they go when the last such product goes or changes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

import numpy as np
import numpy.typing as npt
import orjson

from shoplens.encoders.media import Clip
from shoplens.encoders.video import ShotVectors
from shoplens.features.table import DIGEST_BYTES, FeatureTable, TableWriter

FOLDER = "shots"
ROWS_A_PART = 16_384  # shots that are compared at once

#: What a row's name says: digest of the videos, number of the video, of the shot, its first and last second, its time.
_Name = tuple[str, int, int, float, float, float]


@dataclass(frozen=True, slots=True)
class ShotHit:
    """A shot of a product's video."""

    item_id: str
    video: int  # its number among the videos that were read, from 0
    start: float  # seconds
    end: float
    time: float  # second of the frame that is most like the whole shot
    score: float  # inner product with what was asked for


class ShotTable:
    """Shots of the products in a table of videos, opened for reading."""

    def __init__(self, videos: FeatureTable) -> None:
        self._shots = FeatureTable(videos.folder / FOLDER)
        self._items: dict[str, list[str]] = defaultdict(list)  # digest in hex → products
        for item_id in videos.ids:
            digest = videos.digest(item_id)
            if digest is not None:
                self._items[digest.hex()].append(item_id)
        self._names = [name for name in map(_parsed, self._shots.ids) if name[0] in self._items]
        self._names.sort()
        self._own: dict[str, list[_Name]] = defaultdict(list)  # digest in hex → its rows, in order
        for name in self._names:
            self._own[name[0]].append(name)
        self._videos = videos

    def __len__(self) -> int:
        """Different shots."""
        return len(self._names)

    def of(self, item_id: str) -> list[ShotHit]:
        """The shots of a product, in order; scores are 0."""
        digest = self._videos.digest(item_id) or b""
        return [
            ShotHit(item_id, video, start, end, time, 0.0)
            for _, video, _, start, end, time in self._own.get(digest.hex(), ())
        ]

    def vectors(self, item_id: str) -> npt.NDArray[np.float32]:
        """Those of the product's shots, in the order of `of`. float32 [shots, size], unit length"""
        digest = self._videos.digest(item_id) or b""
        return self._shots.matrix([_written(name) for name in self._own.get(digest.hex(), ())])[0]

    def everything(self) -> tuple[list[str], npt.NDArray[np.float32]]:
        """All shots: the product of each, and vectors [shots, size]; products with equal videos have them each."""
        owners = [(item_id, digest) for digest in self._own for item_id in self._items[digest]]
        names = [_written(name) for _, digest in owners for name in self._own[digest]]
        return [item_id for item_id, digest in owners for _ in self._own[digest]], self._shots.matrix(names)[0]

    def digest(self, item_id: str) -> bytes | None:
        """Of the product's videos; None when they have no shots."""
        digest = self._videos.digest(item_id)
        return digest if digest is not None and digest.hex() in self._own else None

    def was_refused(self, item_id: str) -> bool:
        """Whether some of the product's videos could not be used: then numbers of videos leave them out."""
        return self._videos.was_refused(item_id)

    def nearest(
        self, vector: npt.NDArray[np.floating], n: int = 10, *, within: Collection[str] | None = None
    ) -> list[ShotHit]:
        """The `n` shots with the largest inner product with a vector [size], best first; of `within` only, if given."""
        names = self._names
        if within is not None:
            allowed = set(within)
            digests = {digest.hex() for digest in map(self._videos.digest, sorted(allowed)) if digest is not None}
            names = [name for digest in sorted(digests) for name in self._own.get(digest, ())]
        query = np.asarray(vector, np.float32).reshape(-1)
        best: list[tuple[float, _Name]] = []
        for start in range(0, len(names), ROWS_A_PART):
            part = names[start : start + ROWS_A_PART]
            values, _ = self._shots.matrix([_written(name) for name in part])
            scores = values @ query
            top = np.argpartition(-scores, min(n, len(part)) - 1)[:n]
            best.extend((float(scores[place]), part[place]) for place in top.tolist())
            best = sorted(best, key=lambda one: (-one[0], one[1]))[:n]
        hits = [
            ShotHit(item_id, name[1], name[3], name[4], name[5], score)
            for score, name in best
            for item_id in self._items[name[0]]
            if within is None or item_id in allowed
        ]
        return hits[:n]


@runtime_checkable
class ShotEncoder(Protocol):
    """An encoder of videos that tells where what is to be seen, as `encoders.video.VideoEncoder` does."""

    def encode_shots(self, clip: Clip) -> ShotVectors:
        """One vector a shot."""
        ...

    def pooled(self, shots: ShotVectors) -> npt.NDArray[np.float32]:
        """The vector of the whole clip. [size]"""
        ...


class ShotWriter:
    """The only process that may change the shots beside a table of videos. Use in a `with` block."""

    def __init__(self, videos_folder: Path, size: int) -> None:
        self._table = TableWriter(videos_folder / FOLDER, size)
        self._known: dict[str, list[str]] = defaultdict(list)  # digest in hex → names of its rows
        for name in self._table.all_ids:
            self._known[_parsed(name)[0]].append(name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._table.__exit__(kind, error, trace)

    def __contains__(self, digest: object) -> bool:
        return isinstance(digest, bytes) and digest.hex() in self._known

    def put(self, digest: bytes, videos: Sequence[ShotVectors]) -> None:
        """The shots of the videos that have this digest."""
        self._table.remove(self._known.pop(digest.hex(), ()))
        for video, shots in enumerate(videos):
            names = [
                _written((digest.hex(), video, place, float(first), float(last), float(time)))
                for place, ((first, last), time) in enumerate(zip(shots.bounds, shots.times, strict=True))
            ]
            keys = [blake2b(name.encode(), digest_size=DIGEST_BYTES).digest() for name in names]
            self._table.append(keys, shots.vectors)
            for name, key in zip(names, keys, strict=True):
                self._table.link(name, key)
            self._known[digest.hex()].extend(names)

    def keep(self, digests: Iterable[bytes]) -> int:
        """Forget the shots of all other digests. Returns how many shots went."""
        used = {digest.hex() for digest in digests}
        gone = [digest for digest in self._known if digest not in used]
        return self._table.remove([name for digest in gone for name in self._known.pop(digest)])

    def commit(self) -> None:
        """Make everything so far survive a crash."""
        self._table.commit()

    def tidy(self) -> None:
        """Drop vectors that no product uses when they are more than half."""
        if self._table.rows > 2 * max(1, len(self._table.all_ids)):
            self._table.compact()


def _written(name: _Name) -> str:
    return orjson.dumps(name).decode()


def _parsed(name: str) -> _Name:
    digest, video, place, first, last, time = orjson.loads(name)
    return digest, video, place, first, last, time
