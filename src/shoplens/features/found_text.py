"""Texts that were found in a product's media: written in its photos, said in its sound and videos.

Reading a picture or listening takes seconds, so what was found is kept, in `features/found-text.sqlite`: a row for each
product, modality and reader, with the digest of the media that it was read from. Media that did not change are not read
again, readers of several versions lie side by side, and every row is stored as a whole or not at all.
The words themselves are embedded like a product's own text (`FoundTextInputs`), as modalities "ocr" and "speech".
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Protocol

import orjson

from shoplens.compute.base import Executor
from shoplens.domain.catalogue import Product
from shoplens.encoders.centring import language_of
from shoplens.errors import StoreError
from shoplens.features.embed import EmbedReport
from shoplens.features.inputs import Loaded
from shoplens.features.table import DIGEST_BYTES

FILE_NAME = "found-text.sqlite"
ROWS_ASKED = 500  # ids in one query: SQLite takes 32,766 parameters, older builds 999
UNREADABLE = b"null"  # in place of texts: none of the media could be read

_SCHEMA = """
create table if not exists found (
    modality text not null, reader text not null, item_id text not null,
    digest blob not null, texts blob not null, refused text not null,
    primary key (modality, reader, item_id)
) without rowid;
create index if not exists found_digest on found (modality, reader, digest);
"""


@dataclass(frozen=True, slots=True)
class FoundText:
    """One line of a photo, or one stretch of speech."""

    text: str
    source: str  # the photo, sound or video, as the product names it
    place: int = 0  # its number among the product's photos (or videos, or sounds), from 0
    language: str = ""  # ISO 639-1 as the reader heard it or by script; "" when it cannot be told
    confidence: float = 1.0  # 0 to 1, the reader's own
    start: float | None = None  # seconds from the beginning of sound or video
    end: float | None = None
    box: tuple[float, float, float, float] | None = None  # left, top, right, bottom in pixels of the photo as read
    size: tuple[int, int] | None = None  # width and height of that photo; None in what older versions kept

    @property
    def region(self) -> tuple[float, float, float, float] | None:
        """The box as shares of the photo's width and height; None when it is not known."""
        if self.box is None or self.size is None:
            return None
        (left, top, right, bottom), (width, height) = self.box, self.size
        return round(left / width, 4), round(top / height, 4), round(right / width, 4), round(bottom / height, 4)


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading one product's media gave."""

    found: Sequence[FoundText] = ()
    refused: Sequence[str] = ()  # why some media could not be read
    readable: bool = True  # False: none of the media could be read at all


class Reader(Protocol):
    """Reads the words in one kind of a product's media."""

    modality: str  # "ocr" or "speech"
    name: str
    version: str

    def digest(self, product: Product) -> bytes | None:
        """16 bytes that change when the media do; None when the product has none of this kind."""
        ...

    def read(self, product: Product) -> Reading:
        """All that is found. Called on worker threads; bad media are refused in the result, never raised."""
        ...


class FoundTexts:
    """The file of found texts below a features folder; `modality` and `reader` choose whose. Use in a `with` block.

    Opening for reading where there is no file yet gives an empty one in memory. Any number of processes may read while
    one writes.
    """

    def __init__(self, features: Path, modality: str, reader: str, *, write: bool = False) -> None:
        self.modality = modality
        self.reader = reader
        path = features / FILE_NAME
        if write:
            features.mkdir(parents=True, exist_ok=True)
        try:
            # autocommit off: a transaction begins with the first change and ends with `commit`
            self._rows = sqlite3.connect(
                str(path) if write or path.exists() else ":memory:", timeout=30.0, check_same_thread=False
            )
            if write:
                self._rows.execute("pragma journal_mode = wal")
            if write or not path.exists():
                self._rows.executescript(_SCHEMA)
        except sqlite3.Error as error:
            raise _broken(features, error) from error
        self._features = features
        self._lock = threading.Lock()  # workers look texts up while they encode

    def __enter__(self) -> FoundTexts:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the file back; what was not committed is dropped."""
        self._rows.close()

    def __len__(self) -> int:
        """How many products have been read, whether or not anything was found."""
        (count,) = next(self._ask("select count(*) from found where modality = ? and reader = ?"))
        return int(count)

    def texts(self, item_ids: Sequence[str]) -> dict[str, tuple[FoundText, ...]]:
        """What was found, for those of `item_ids` in whose media anything was."""
        found: dict[str, tuple[FoundText, ...]] = {}
        for item_id, texts in self._of("item_id, texts", item_ids):
            if said := _unpacked(texts):
                found[item_id] = said
        return found

    def digests(self, item_ids: Sequence[str]) -> dict[str, bytes]:
        """Digest of the media that each product was read from; those never read are left out."""
        return dict(self._of("item_id, digest", item_ids))

    def refusals(self) -> dict[str, str]:
        """Products of whose media some could not be read, and why."""
        query = "select item_id, refused from found where modality = ? and reader = ? and refused != ''"
        return dict(self._ask(query))

    def unreadable(self) -> set[bytes]:
        """Digests of media of which none could be read."""
        query = "select distinct digest from found where modality = ? and reader = ? and texts = ?"
        return {digest for (digest,) in self._ask(query, UNREADABLE)}

    def ids(self) -> Iterator[str]:
        """All products that have been read."""
        return (item_id for (item_id,) in self._ask("select item_id from found where modality = ? and reader = ?"))

    def copy(self, item_id: str, digest: bytes) -> bool:
        """Take over what was read for another product from the same media; False when nobody has."""
        query = (
            "insert or replace into found select modality, reader, ?, digest, texts, refused from found "
            "where modality = ? and reader = ? and digest = ? limit 1"
        )
        return self._change(query, (item_id, self.modality, self.reader, digest)) > 0

    def put(self, item_id: str, digest: bytes, reading: Reading) -> None:
        """Keep what was found (or that nothing was)."""
        texts = orjson.dumps([asdict(one) for one in reading.found]) if reading.readable else UNREADABLE
        row = (self.modality, self.reader, item_id, digest, texts, "; ".join(reading.refused))
        self._change("insert or replace into found values (?, ?, ?, ?, ?, ?)", row)

    def remove(self, item_ids: Iterable[str]) -> int:
        """Forget products. Returns how many were known."""
        query = "delete from found where modality = ? and reader = ? and item_id = ?"
        return sum(self._change(query, (self.modality, self.reader, item_id)) for item_id in item_ids)

    def forget_other_readers(self) -> int:
        """Drop what other readers of this modality found. Returns how many rows went."""
        return self._change("delete from found where modality = ? and reader != ?", (self.modality, self.reader))

    def commit(self) -> None:
        """Make everything so far survive a crash."""
        try:
            with self._lock:
                self._rows.commit()
        except sqlite3.Error as error:
            raise _broken(self._features, error) from error

    def _of(self, columns: str, item_ids: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        for start in range(0, len(item_ids), ROWS_ASKED):
            part = item_ids[start : start + ROWS_ASKED]
            marks = ", ".join("?" * len(part))
            yield from self._ask(
                f"select {columns} from found where modality = ? and reader = ? and item_id in ({marks})",  # noqa: S608
                *part,
            )

    def _ask(self, query: str, *more: str | bytes) -> Iterator[tuple[Any, ...]]:
        try:
            with self._lock, closing(self._rows.execute(query, (self.modality, self.reader, *more))) as cursor:
                found = cursor.fetchall()
        except sqlite3.Error as error:
            raise _broken(self._features, error) from error
        yield from found

    def _change(self, query: str, row: tuple[object, ...]) -> int:
        try:
            with self._lock:
                return self._rows.execute(query, row).rowcount
        except sqlite3.Error as error:
            raise _broken(self._features, error) from error


@dataclass(frozen=True)
class _Listen:
    """Reads one product; what an executor runs."""

    reader: Reader

    def __call__(self, work: tuple[Product, bytes]) -> tuple[Product, bytes, Reading]:
        product, digest = work
        return product, digest, self.reader.read(product)


def read_media(
    products: Iterable[Sequence[Product]],
    kept: FoundTexts,
    reader: Reader,
    *,
    executor: Executor,
    progress: Callable[[int], None] | None = None,
    complete: bool = True,
    retry_refused: bool = False,
) -> EmbedReport:
    """Read the media of products that come in chunks, as far as they changed; the report counts as `embed` does.

    What is read is committed every few products and when an error or Ctrl-C ends it: the same call goes on from there.
    `complete` says that `products` is the whole catalogue: what is kept of others is removed.
    """
    report = EmbedReport()
    refused = kept.refusals()
    unreadable = kept.unreadable()
    seen: set[str] = set()
    began = time.monotonic()

    def work() -> Iterator[tuple[Product, bytes]]:
        for chunk in products:
            known = kept.digests([product.item_id for product in chunk])
            for product in chunk:
                name, digest = product.item_id, reader.digest(product)
                again = retry_refused and name in refused
                if digest is None:
                    report.missing += 1
                    continue
                seen.add(name)
                if not again and (known.get(name) == digest or kept.copy(name, digest)):
                    report.unusable += digest in unreadable
                    report.reused += digest not in unreadable
                else:
                    yield product, digest
            kept.commit()
            if progress is not None:
                progress(report.products)

    try:
        for product, digest, reading in executor.map(_Listen(reader), work()):
            kept.put(product.item_id, digest, reading)
            report.encoded += reading.readable
            report.unusable += not reading.readable
            (unreadable.discard if reading.readable else unreadable.add)(digest)
            kept.commit()  # at once: it takes milliseconds, reading seconds, and an open change keeps others waiting
            if progress is not None:
                progress(report.products)
        if complete:
            report.removed += kept.remove([name for name in kept.ids() if name not in seen])
    finally:
        kept.commit()
    report.refused = sorted(kept.refusals().items())
    report.seconds = time.monotonic() - began
    return report


class FoundTextInputs:
    """What was found of a product, joined, as an encoder of texts reads it."""

    def __init__(self, kept: FoundTexts) -> None:
        self.modality = kept.modality
        self._kept = kept
        self._chunk: dict[str, str] = {}

    def chunks(self, products: Iterable[Sequence[Product]]) -> Iterator[Sequence[Product]]:
        """The same products, their texts looked up a chunk at a time; pass these to `embed`."""
        for chunk in products:
            found = self._kept.texts([product.item_id for product in chunk])
            self._chunk = {name: joined(texts) for name, texts in found.items()}
            yield [product for product in chunk if self._chunk.get(product.item_id)]

    def digest(self, product: Product) -> bytes | None:
        """Digest of the very text."""
        text = self._chunk.get(product.item_id, "")
        return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=DIGEST_BYTES).digest() if text else None

    def load(self, product: Product) -> Loaded:
        """The text."""
        return Loaded([joined(self._kept.texts([product.item_id]).get(product.item_id, ()))], [1.0])

    def length(self, product: Product) -> int:
        """Characters."""
        return len(self._chunk.get(product.item_id, ""))

    def group(self, product: Product) -> int:
        """Language, see `encoders.centring.LANGUAGES`."""
        return language_of(self._chunk.get(product.item_id, ""))


def joined(texts: Sequence[FoundText]) -> str:
    """One text of all that was found, in the order of its sources; what is said twice is told once."""
    return "\n".join(one.text.strip() for one in told_once(texts))


def told_once(texts: Sequence[FoundText]) -> list[FoundText]:
    """Those that `joined` joins, in its order."""
    parts: dict[str, FoundText] = {}
    for one in texts:
        if any(letter.isalnum() for letter in one.text):
            parts.setdefault(one.text.casefold().strip(), one)
    return list(parts.values())


def _unpacked(texts: bytes) -> tuple[FoundText, ...]:
    found = []
    for one in orjson.loads(texts) or ():
        box, size = one.pop("box", None), one.pop("size", None)
        found.append(FoundText(**one, box=tuple(box) if box else None, size=tuple(size) if size else None))
    return tuple(found)


def _broken(features: Path, error: sqlite3.Error) -> StoreError:
    return StoreError(
        f"{features / FILE_NAME} cannot be used ({error}); if it is damaged, delete it and run `shoplens embed` again"
    )
