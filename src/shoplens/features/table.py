"""Vectors of the catalogue on disk: one table per modality, encoder and encoder version.

A table is a folder with two files that matter:

- `vectors-<generation>.bin`: rows of `size` numbers, little-endian, only ever appended to;
- `index.npz`: which product has which row, the digest of the input that row was made from, and how many rows count.

A commit writes and syncs the rows, then replaces the index in one rename. Whatever a killed writer left behind the last
counted row is ignored, and overwritten by the next writer. Readers map the file and see the table as it was when they
opened it, also while a writer appends or compacts. Products with equal inputs share a row.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import orjson
from filelock import FileLock, Timeout

from shoplens.errors import StoreError
from shoplens.files import replaced

INDEX = "index.npz"
DIGEST_BYTES = 16
REFUSED = -1  # row of a product whose input could not be used
FORMAT = 1  # of the files described above

Floats = npt.NDArray[np.float32]


@dataclass(slots=True)
class _Index:
    """What `index.npz` holds."""

    file: str
    size: int
    dtype: str
    rows: int = 0  # complete rows in the file
    entry: dict[str, tuple[int, bytes]] = field(default_factory=dict)  # item_id → row (or REFUSED), digest of its input
    group: dict[str, int] = field(default_factory=dict)  # item_id → language code of its text; absent = 0
    reasons: dict[str, str] = field(default_factory=dict)  # item_id → what of its input was refused, and why


class FeatureTable:
    """A table, opened for reading. `open_writer` gives the one that may change it.

    `open` finds the folder `<features>/<modality>/<encoder>-<version>`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._index, self._values = _load(folder)

    @classmethod
    def open(cls, features: Path, modality: str, encoder: str, version: str) -> Self:
        """Open for reading; an absent table reads as an empty one of size 0."""
        return cls(table_folder(features, modality, encoder, version))

    def __len__(self) -> int:
        """How many products have a vector."""
        return sum(1 for row, _ in self._index.entry.values() if row >= 0)

    def __contains__(self, item_id: object) -> bool:
        entry = self._index.entry.get(item_id) if isinstance(item_id, str) else None
        return entry is not None and entry[0] >= 0

    @property
    def size(self) -> int:
        """Width of a vector."""
        return self._index.size

    @property
    def ids(self) -> list[str]:
        """Products that have a vector, in no particular order."""
        return [name for name, (row, _) in self._index.entry.items() if row >= 0]

    @property
    def rows(self) -> int:
        """Different vectors on disk, those no product uses any longer included."""
        return self._index.rows

    @property
    def refusals(self) -> dict[str, str]:
        """Products whose input could not be used, in whole or in part, and why."""
        return dict(self._index.reasons)

    def was_refused(self, item_id: str) -> bool:
        """Whether some of the product's input could not be used."""
        return item_id in self._index.reasons

    def digest(self, item_id: str) -> bytes | None:
        """Digest of the input that the product's vector was made from (or that was refused)."""
        entry = self._index.entry.get(item_id)
        return None if entry is None else entry[1]

    def matrix(self, ids: Sequence[str]) -> tuple[Floats, npt.NDArray[np.bool_]]:
        """Vectors of products, in order: float32 [len(ids), size] (zero where absent) and bool [len(ids)]."""
        entry, nothing = self._index.entry, (REFUSED, b"")
        rows = np.fromiter((entry.get(name, nothing)[0] for name in ids), np.int64, len(ids))
        present = rows >= 0
        values = np.zeros((len(ids), self.size), np.float32)
        places = np.flatnonzero(present)
        for start in range(0, len(places), 16_384):  # in parts: a float16 table is widened without a second copy
            part = places[start : start + 16_384]
            values[part] = self._values[rows[part]]
        return values, present

    def groups(self, ids: Sequence[str]) -> npt.NDArray[np.uint8]:
        """Language code stored with each product, 0 where there is none. uint8 [len(ids)]."""
        group = self._index.group
        return np.fromiter((group.get(name, 0) for name in ids), np.uint8, len(ids))


class TableWriter(FeatureTable):
    """The only process that may change a table. Use in a `with` block; leaving it without an error commits."""

    def __init__(self, folder: Path, size: int, *, dtype: str = "float32", wait: float = 0.0) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(folder / "writer.lock")
        try:
            self._lock.acquire(timeout=wait)  # seconds for which another writer may take to end
        except Timeout:
            raise StoreError(f"{folder} is being written by another process; wait for it to end") from None
        try:
            super().__init__(folder)
            if self._index.size == 0:
                self._index = _Index("vectors-0.bin", size, dtype)
            if self._index.size != size:
                raise StoreError(f"{folder} holds vectors of {self._index.size} numbers, the encoder makes {size}")
            for abandoned in folder.glob("vectors-*.bin"):  # by a compaction that was killed
                if abandoned.name != self._index.file:
                    abandoned.unlink(missing_ok=True)
            self._by_digest = {digest: row for row, digest in self._index.entry.values() if row >= 0}
            self._stream = self._open_data()
            self._changed = False
        except BaseException:
            self._lock.release()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self.commit()
        finally:
            self.close()

    def row_of(self, digest: bytes) -> int | None:
        """Row already made from an input of this digest, committed or not."""
        return self._by_digest.get(digest)

    def append(self, digests: Sequence[bytes], vectors: Floats) -> None:
        """Add vectors [len(digests), size], one for each new digest. Products are then linked to them."""
        if vectors.shape != (len(digests), self.size):
            raise ValueError(f"vectors of shape {vectors.shape} for {len(digests)} digests of size {self.size}")
        if any(len(digest) != DIGEST_BYTES for digest in digests):
            raise ValueError(f"a digest has {DIGEST_BYTES} bytes")
        self._stream.write(np.ascontiguousarray(vectors, self._index.dtype).tobytes())
        for digest in digests:
            self._by_digest[digest] = self._index.rows
            self._index.rows += 1
        self._changed = True

    def link(self, item_id: str, digest: bytes, *, group: int = 0, reason: str = "") -> None:
        """The product's input has this digest, whose vector is here (KeyError otherwise).

        `reason` says which part of the input was refused (one bad photo among several).
        """
        row = self._by_digest[digest]
        self.remove([item_id])
        self._index.entry[item_id] = (row, digest)
        if reason:
            self._index.reasons[item_id] = reason
        if group:
            self._index.group[item_id] = group
        self._changed = True

    def refuse(self, item_id: str, digest: bytes, reason: str) -> None:
        """The product's input gives no vector; it is not tried again until it changes.

        `reason` says why it cannot be used; "" when there is nothing in it, as in a video without sound.
        """
        self.remove([item_id])
        self._index.entry[item_id] = (REFUSED, digest)
        if reason:
            self._index.reasons[item_id] = reason
        self._changed = True

    def remove(self, ids: Iterable[str]) -> int:
        """Forget products. Their rows stay on disk until `compact`. Returns how many were known."""
        removed = 0
        for name in ids:
            if self._index.entry.pop(name, None) is not None:
                removed += 1
                self._changed = True
            self._index.reasons.pop(name, None)
            self._index.group.pop(name, None)
        return removed

    @property
    def all_ids(self) -> list[str]:
        """Products that have an entry, refused ones included."""
        return list(self._index.entry)

    def commit(self) -> None:
        """Make everything so far survive a crash, and visible to readers that open the table from now on."""
        if not self._changed:
            return
        self._stream.flush()
        os.fsync(self._stream.fileno())
        _write_index(self.folder, self._index)
        self._values = _map(self.folder, self._index)
        self._changed = False

    def compact(self) -> int:
        """Drop rows that no product uses, commit, and return how many were dropped."""
        self.commit()
        used = np.unique(np.fromiter((row for row, _ in self._index.entry.values() if row >= 0), np.int64))
        dropped = self._index.rows - len(used)
        if not dropped:
            return 0
        old = self.folder / self._index.file
        generation = int(self._index.file.removeprefix("vectors-").removesuffix(".bin")) + 1
        name = f"vectors-{generation}.bin"
        with (self.folder / name).open("wb") as stream:
            for start in range(0, len(used), 16_384):
                stream.write(np.ascontiguousarray(self._values[used[start : start + 16_384]]).tobytes())
            stream.flush()
            os.fsync(stream.fileno())
        place = np.full(self._index.rows, REFUSED, np.int64)
        place[used] = np.arange(len(used))
        moved = {
            item: (int(place[row]) if row >= 0 else REFUSED, digest)
            for item, (row, digest) in self._index.entry.items()
        }
        self._stream.close()
        self._index.file, self._index.rows, self._index.entry = name, len(used), moved
        self._by_digest = {digest: row for row, digest in moved.values() if row >= 0}
        self._changed = True
        self._stream = self._open_data()
        self.commit()
        old.unlink(missing_ok=True)  # readers that have it mapped keep it until they close
        return dropped

    def close(self) -> None:
        """Give the table back without committing."""
        self._stream.close()
        self._lock.release()

    def _open_data(self) -> Any:
        """The data file, cut to what counts, positioned at its end."""
        stream = (self.folder / self._index.file).open("ab")
        stream.truncate(self._index.rows * self._index.size * np.dtype(self._index.dtype).itemsize)
        stream.seek(0, os.SEEK_END)
        return stream


def table_folder(features: Path, modality: str, encoder: str, version: str) -> Path:
    """Where the table of an encoder lives."""
    name = f"{encoder}-{version}"  # names of checkpoints have slashes, of services colons
    return features / modality / "".join(one if one.isalnum() or one in "._-" else "_" for one in name)


def open_writer(
    features: Path, modality: str, encoder: str, version: str, size: int, *, dtype: str = "float32"
) -> TableWriter:
    """Open a table for writing, making it if need be. StoreError when another process is writing it.

    `dtype` "float16" halves the file at a relative error of 2^-11; it is chosen when the table is made.
    """
    return TableWriter(table_folder(features, modality, encoder, version), size, dtype=dtype)


def _load(folder: Path) -> tuple[_Index, npt.NDArray[Any]]:
    """Index and mapped values. A compaction may delete the file between the two: then read the newer index."""
    for _ in range(5):
        index = _read_index(folder)
        try:
            return index, _map(folder, index)
        except FileNotFoundError:
            continue
    raise StoreError(f"{folder / index.file} is missing; delete {folder} and run `shoplens embed` again")


def _map(folder: Path, index: _Index) -> npt.NDArray[Any]:
    dtype = np.dtype(index.dtype)
    if not index.rows:
        return np.zeros((0, index.size), dtype)
    path = folder / index.file
    if path.stat().st_size < index.rows * index.size * dtype.itemsize:
        raise StoreError(f"{path} is shorter than its index says; delete {folder} and run `shoplens embed` again")
    return np.memmap(path, dtype, "r", shape=(index.rows, index.size))


def _write_index(folder: Path, index: _Index) -> None:
    """Replace the index in one rename. zip's own checksums guard its content."""
    head: Mapping[str, Any] = {
        "format": FORMAT, "file": index.file, "size": index.size, "dtype": index.dtype, "rows": index.rows,
        "reasons": index.reasons,
    }  # fmt: skip
    ids = list(index.entry)
    with replaced(folder / INDEX, durable=True) as stream:
        np.savez(
            stream,
            allow_pickle=False,
            head=np.frombuffer(orjson.dumps(head), np.uint8),
            ids=np.frombuffer(orjson.dumps(ids), np.uint8),
            row=np.fromiter((row for row, _ in index.entry.values()), np.int64, len(ids)),
            digest=np.frombuffer(b"".join(digest for _, digest in index.entry.values()), np.uint8),
            group=np.fromiter((index.group.get(name, 0) for name in ids), np.uint8, len(ids)),
        )


def _read_index(folder: Path) -> _Index:
    path = folder / INDEX
    if not path.exists():
        return _Index("vectors-0.bin", 0, "float32")
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            head = orjson.loads(archive["head"].tobytes())
            ids = orjson.loads(archive["ids"].tobytes())
            rows, digests, groups = archive["row"].tolist(), archive["digest"].tobytes(), archive["group"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise StoreError(f"{path} is damaged; delete {folder} and run `shoplens embed` again") from error
    if head["format"] != FORMAT:
        raise StoreError(f"{path} was written by another version; delete {folder} and run `shoplens embed` again")
    step = DIGEST_BYTES
    entry = {
        name: (row, digests[place * step : (place + 1) * step])
        for place, (name, row) in enumerate(zip(ids, rows, strict=True))
    }
    group = {ids[place]: int(groups[place]) for place in np.flatnonzero(groups)}
    return _Index(head["file"], head["size"], head["dtype"], head["rows"], entry, group, head["reasons"])
