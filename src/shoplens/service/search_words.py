"""The index of words on disk (`search/`), brought up to the store's revision.

It knows the revision up to which it is complete, so a process that was killed goes on from there, and one that starts
indexes only what is new. Among several processes one writes, the others see its commits.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import orjson
from filelock import FileLock, Timeout

from shoplens.domain.catalogue import Product
from shoplens.features.current import read_current
from shoplens.features.found_text import FILE_NAME as FOUND_FILE
from shoplens.features.found_text import FoundTexts, joined
from shoplens.files import replaced
from shoplens.retrieval.documents import document_of
from shoplens.retrieval.lexical.document import Document, FieldWeights
from shoplens.retrieval.lexical.index import LexicalIndex
from shoplens.service.encoders import FOUND, modalities_on
from shoplens.service.workspace import Workspace
from shoplens.store.base import Store

WRITER = ".writer.lock"  # in the folder of the index: held by the process that brings it up to date
STAMP = "found.json"  # when the words in media that were indexed had been found
CHUNK = 2_000  # products that are indexed together

Progress = Callable[[int, int], None]  # products indexed, of how many


class SearchWords:
    """The index of one workspace. `sync` brings it up to date; `stop` ends a `sync` of another thread early."""

    def __init__(self, workspace: Workspace, store: Store) -> None:
        self._workspace = workspace
        self._store = store
        self._stop = threading.Event()
        self._syncing = threading.Lock()  # one thread of this process at a time
        workspace.search.mkdir(parents=True, exist_ok=True)
        weights = FieldWeights(**workspace.settings.search.fields.model_dump())
        self.index = LexicalIndex.open(workspace.search, weights=weights)

    def sync(self, progress: Progress | None = None, *, wait: bool = True) -> None:
        """Index all that changed since the last time. Without `wait`, nothing while another process does it."""
        with self._syncing:
            self.index.refresh()
            if self._complete():
                return
            lock = FileLock(self._workspace.search / WRITER)
            try:
                lock.acquire(timeout=-1 if wait else 0)
            except Timeout:
                return
            try:
                self.index.refresh()  # the process before us may have done it all
                self._index_changes(progress)
                self._index_found()
            finally:
                lock.release()

    def stop(self) -> None:
        """End a `sync` after what it is committing."""
        self._stop.set()

    def _complete(self) -> bool:
        return self.index.revision >= self._store.catalogue.revision() and self._found_stamp() == self._indexed_stamp()

    def _index_changes(self, progress: Progress | None) -> None:
        total = self._store.catalogue.count(stubs=False) if progress is not None else 0
        done = 0
        for revision, products, gone in self._store.catalogue.changes(self.index.revision, CHUNK):
            real = [product for product in products if not product.stub]
            stubs = [product.item_id for product in products if product.stub]
            self.index.apply(self._documents(real), [*gone, *stubs], revision)
            done += len(real)
            if progress is not None:
                progress(done, max(total, done))
            if self._stop.is_set():
                return

    def _index_found(self) -> None:
        """Words in media that were read since: their products are indexed again."""
        stamp = self._found_stamp()
        if stamp == self._indexed_stamp():
            return
        ids = sorted({item_id for kept in self._found_texts() for item_id in kept.ids()})
        for start in range(0, len(ids), CHUNK):
            products = self._store.catalogue.get(ids[start : start + CHUNK])
            real = [product for product in products.values() if not product.stub]
            self.index.apply(self._documents(real), (), self.index.revision)
        with replaced(self._workspace.search / STAMP) as stream:
            stream.write(orjson.dumps({"stamp": stamp}))

    def _documents(self, products: Sequence[Product]) -> list[Document]:
        texts: dict[str, list[str]] = {}
        for kept in self._found_texts():
            for item_id, found in kept.texts([product.item_id for product in products]).items():
                texts.setdefault(item_id, []).append(joined(found))
        return [document_of(product, "\n".join(texts.get(product.item_id, ()))) for product in products]

    def _found_texts(self) -> list[FoundTexts]:
        """What was read in photos and heard in sound by the readers in use."""
        features = self._workspace.features
        if not (features / FOUND_FILE).exists():
            return []
        current, on = read_current(features), modalities_on(self._workspace)
        return [FoundTexts(features, name, current[name].reader) for name in FOUND if name in current and name in on]

    def _found_stamp(self) -> int:
        """Changes when words in media were found: nanoseconds since 1970, 0 when none ever were."""
        path = self._workspace.features / FOUND_FILE
        beside = path.with_name(f"{FOUND_FILE}-wal")  # what was committed and is not in the file itself yet
        return max((one.stat().st_mtime_ns for one in (path, beside) if one.exists()), default=0)

    def _indexed_stamp(self) -> int:
        try:
            return int(orjson.loads((self._workspace.search / STAMP).read_bytes())["stamp"])
        except FileNotFoundError:
            return 0
        except (OSError, ValueError, KeyError, TypeError):
            return -1  # damaged: index them again
