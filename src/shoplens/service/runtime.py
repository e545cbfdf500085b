"""Composition root: settings → store, catalogue facts, the bundle that answers, applications."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from shoplens.apps.home import Home
from shoplens.domain.catalogue import Product
from shoplens.domain.events import Event, EventBatch, EventWeights, event_weight, event_weights
from shoplens.errors import BundleError, ShoplensError
from shoplens.models.base import Recommender
from shoplens.recommend.facts import CatalogueFacts
from shoplens.recommend.newcomers import Contents
from shoplens.recommend.shelf import Shelf, no_contents
from shoplens.recommend.trending import Trending
from shoplens.service import bundle_pointer
from shoplens.service.contents import FeatureContents
from shoplens.service.hot_swap import HotSwap
from shoplens.service.live_embedding import MOST, LiveEmbedding, looks_different
from shoplens.service.loose_media import LooseMedia
from shoplens.service.media_sources import MediaSources
from shoplens.service.settings import Settings, Workspace
from shoplens.service.uploads import Stored, Upload, keep_media, known_product, one_change, with_media, without_media
from shoplens.store.base import Appended, Store

log = logging.getLogger(__name__)
LOOK_EVERY = 1.0  # seconds between looks at the bundle pointer
RESCAN_EVERY = 60.0  # seconds between comparisons with the whole catalogue, when the store cannot say that it changed
RESCAN_PAUSE = 5.0  # seconds between them when it can: an import in another process changes it again and again


class Runtime:
    """One running shop. Open it with `Runtime.open(folder)`, close it when done; `watch` follows pointer and store."""

    def __init__(
        self,
        workspace: Workspace,
        store: Store,
        *,
        contents: Contents = no_contents,
        classes: Mapping[str, type[Recommender]] | None = None,
    ) -> None:
        self.workspace = workspace
        self.store = store
        # Whether reading a history takes microseconds (a file beside us) rather than a way over the network.
        self.quick_reads = workspace.database_url.startswith("sqlite")
        self.facts = CatalogueFacts()
        self.trending = Trending()
        self._known: dict[str, int] = {}  # item_id → hash of the product as last seen
        self._products = threading.Lock()  # one change of the catalogue at a time
        self._stop = threading.Event()
        self._watcher: threading.Thread | None = None
        self._revision: int | None = None
        self._contents = contents
        self._embedded = self._stamp()
        self.rescan()
        self.swap = HotSwap(workspace.bundles, self.facts, self.trending, contents=contents, classes=classes)
        self.swap.follow()
        if self.swap.shelf.learned is None:
            self._count_events()
        self.media = MediaSources(workspace)
        self.live = LiveEmbedding(workspace, self.media)
        self.loose_media = LooseMedia(workspace, self.media)
        self.home = Home(self._history, limit=self.settings.train.max_history)

    @classmethod
    def open(cls, root: Path, *, settings: Settings | None = None) -> Self:
        """Everything that the workspace describes."""
        from shoplens.store.sql import open_store

        workspace = Workspace.open(root) if settings is None else Workspace(root, settings)
        return cls(workspace, open_store(workspace.database_url), contents=FeatureContents(workspace))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def settings(self) -> Settings:
        """Settings of the workspace."""
        return self.workspace.settings

    @property
    def shelf(self) -> Shelf:
        """What answers now; take it once per request."""
        return self.swap.shelf

    def problems(self) -> list[str]:
        """Why this process should not get requests yet; empty when it is ready."""
        found = []
        try:
            self.store.ping()
        except ShoplensError as error:
            found.append(f"store: {error}")
        if self.swap.problem is not None:
            found.append(f"bundle: {self.swap.problem}")
        return found

    def append_events(self, events: Iterable[Event]) -> Appended:
        """Store events; they are felt in the next answer, and products they mention for the first time are known."""
        batch = EventBatch()
        for event in events:
            batch.append(event)
        appended = self.store.events.append(batch)
        if appended.new_products:
            unknown = [name for name in batch.item_id if name is not None and not self.facts.row(name)]
            self._apply(self.store.catalogue.get(unknown).values())
            with self._products:
                self._own_change(appended.new_products)
        self._trend(batch)
        return appended

    def put_products(self, products: list[Product]) -> int:
        """Insert or replace products; filters and answers know them at once. Returns how many changed."""
        few = self.settings.server.embed_changes and self.live.ready and len(products) <= MOST
        with self._products:
            before = self.store.catalogue.get([one.item_id for one in products]) if few else {}
            changed = self.store.catalogue.upsert(products)
            self._own_change(changed)
        self._apply(products)
        different = [one for one in products if looks_different(one, before.get(one.item_id))] if few else []
        if different:
            self.live.submit(different)
        return changed

    def add_media(self, item_id: str, uploads: Sequence[Upload]) -> list[Stored]:
        """Check and keep files, and append them to a product's media. All or nothing; see `service.uploads`."""
        known_product(self.store, item_id)  # before the work
        stored = keep_media(self.workspace, self.media, uploads)
        with one_change(self.workspace):
            self.put_products([with_media(self.store, item_id, stored)])
        return stored

    def delete_media(self, item_id: str, name: str) -> None:
        """Take an uploaded file out of a product's media; NotFoundError when it has none of that name."""
        with one_change(self.workspace):
            self.put_products([without_media(self.store, item_id, name)])

    def delete_product(self, item_id: str) -> bool:
        """Take a product out of the shop; False when there was none."""
        with self._products:
            gone = self.store.catalogue.delete(item_id)
            self._own_change(int(gone))
        self.facts.remove(item_id)
        self._known.pop(item_id, None)
        return gone

    def promote(self, version: str) -> str | None:
        """Let a bundle answer; returns the one before. BundleError when it cannot be used: then nothing changes."""
        before = bundle_pointer.promote(self.workspace.bundles, version)
        self._switch(version, before)
        return before

    def rollback(self, version: str | None = None) -> str:
        """Return to the bundle before the current one (which must be `version`, when given)."""
        now = bundle_pointer.rollback(self.workspace.bundles, version)
        self.swap.follow()
        if self.swap.problem is not None:
            raise BundleError(self.swap.problem)
        return now

    def rescan(self) -> int:
        """Compare the whole catalogue with what is known and take in what differs. Returns how many products did."""
        with self._products:
            revision = self._read_revision()
            seen: set[str] = set()
            changed = 0
            for chunk in self.store.catalogue.scan():
                fresh = [product for product in chunk if self._known.get(product.item_id) != _content(product)]
                seen.update(product.item_id for product in chunk)
                if fresh:
                    self._remember(fresh)
                    changed += len(fresh)
            for item_id in [name for name in self._known if name not in seen]:
                self.facts.remove(item_id)
                del self._known[item_id]
                changed += 1
            self._revision = revision
        return changed

    def watch(self) -> None:
        """Follow the bundle pointer and other processes' changes of the catalogue, in a thread, until `close`."""
        if self._watcher is None:
            self._watcher = threading.Thread(target=self._watch, name="shoplens-watch", daemon=True)
            self._watcher.start()

    def close(self) -> None:
        """Stop watching and give the store back."""
        self._stop.set()
        if self._watcher is not None:
            self._watcher.join(timeout=10)
        self.live.close()
        self.media.close()
        self.store.close()

    def _watch(self) -> None:
        scanned = time.monotonic()
        while not self._stop.wait(LOOK_EVERY):
            try:
                self.swap.follow()
                revision = self._read_revision()
                pause = RESCAN_EVERY if revision is None else RESCAN_PAUSE
                if (revision is None or revision != self._revision) and time.monotonic() - scanned > pause:
                    scanned = time.monotonic()
                    if self.rescan():
                        self.shelf.refresh()
                stamp = self._stamp()
                if stamp != self._embedded:
                    self._embedded = stamp
                    self.shelf.refresh(embedded=True)
            except ShoplensError as error:  # the store is away: the answers go on, the next look tries again
                log.warning("looking for changes failed: %s", error)

    def _switch(self, version: str, before: str | None) -> None:
        """Follow the pointer; put it back when the bundle turns out to be unusable."""
        self.swap.follow()
        if (problem := self.swap.problem) is not None:
            if before is not None:
                bundle_pointer.rollback(self.workspace.bundles, version)
                self.swap.follow()
            raise BundleError(problem)

    def _read_revision(self) -> int | None:
        """A number that changes with the catalogue, where the store keeps one; None otherwise."""
        read = getattr(self.store.catalogue, "revision", None)
        return read() if read is not None else None

    def _own_change(self, products: int) -> None:
        """Our own change of so many products needs no rescan; any other number: somebody else was there too."""
        revision = self._read_revision()
        if revision is not None and self._revision is not None and revision == self._revision + min(products, 1):
            self._revision = revision

    def _stamp(self) -> float:
        """Changes when products have been embedded."""
        return self._contents.stamp() if isinstance(self._contents, FeatureContents) else 0.0

    def _apply(self, products: Iterable[Product]) -> None:
        changed = list(products)
        if changed:
            self._remember(changed)
            self.shelf.refresh()

    def _remember(self, products: list[Product]) -> None:
        self.facts.apply(products)
        self._known.update((product.item_id, _content(product)) for product in products)

    def _history(self, user_id: str | None, session_id: str | None, limit: int) -> list[Event]:
        return self.store.events.history(user_id=user_id, session_id=session_id, limit=limit)

    def _trend(self, batch: EventBatch) -> None:
        kinds = np.array(batch.event_type, np.int16)
        values = np.array([np.nan if value is None else value for value in batch.value], np.float32)
        rows = self.facts.rows(name or "" for name in batch.item_id)
        self.trending.add(rows, event_weight(kinds, values, self._event_weights()), np.array(batch.timestamp, np.int64))

    def _event_weights(self) -> EventWeights:
        """As the bundle that answers was trained; before the first one, as the next will be."""
        learned = self.swap.shelf.learned
        return learned.event_weights if learned else event_weights(self.settings.train.event_weights)

    def _count_events(self) -> None:
        """Without a trained popularity, count what the log says."""
        catalogue = self.store.catalogue.rows()
        if not catalogue.row:
            return
        table = np.zeros(max(catalogue.row) + 1, np.int64)
        table[list(catalogue.row)] = self.facts.rows(catalogue.item_id)
        weigh = self._event_weights()
        for events in self.store.events.scan():
            known = (events.product >= 0) & (events.product < len(table))
            weights = event_weight(events.event_type[known], events.value[known], weigh)
            self.trending.add(table[events.product[known]], weights, events.timestamp[known])


def _content(product: Product) -> int:
    """Hash of what rules and reasons read of a product."""
    return hash(
        (
            product.title,
            product.brand,
            product.category,
            product.price,
            product.sale_price,
            product.availability,
            product.stock,
            product.created_at,
            product.stub,
            tuple(sorted(product.attributes.items())),
        )
    )
