"""What a running shop is told, by its own staff and by the people in it, felt in the very next answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

from shoplens.domain.catalogue import Product
from shoplens.domain.events import Event, EventBatch, key_of_text
from shoplens.domain.people import Person
from shoplens.errors import ConflictError
from shoplens.recommend.facts import CatalogueFacts
from shoplens.service.changes import Changes
from shoplens.service.hot_swap import HotSwap
from shoplens.service.live_catalogue import LiveCatalogue
from shoplens.service.live_embedding import MOST, LiveEmbedding, looks_different
from shoplens.service.media_sources import MediaSources
from shoplens.service.trends import Trends
from shoplens.service.uploads import Stored, Upload, keep_media, known_product, one_change, with_media, without_media
from shoplens.service.workspace import Workspace
from shoplens.store.base import Store
from shoplens.store.records import Appended, Checkpoint


class ShopChanges:
    """See the top of this file. `Runtime` has the parts that hear of it."""

    workspace: Workspace
    store: Store
    facts: CatalogueFacts
    catalogue: LiveCatalogue
    changes: Changes
    swap: HotSwap
    trends: Trends
    live: LiveEmbedding
    media: MediaSources

    def append_events(self, events: Iterable[Event]) -> Appended:
        """Store events; they are felt in the next answer, and products they mention for the first time are known."""
        batch = EventBatch()
        for event in events:
            batch.append(event)
        with self.changes.watched():
            appended = self.store.events.append(batch)
        if appended.new_products:
            mentioned = {name for name in batch.item_id if name is not None}
            self.catalogue.learn(name for name in mentioned if not self.facts.row(name))
            self.swap.refresh()
        self.trends.add(batch, appended)
        return appended

    def put_products(
        self, products: list[Product], *, sent_as: str | None = None, instead_of: Iterable[Product] = ()
    ) -> int:
        """Insert or replace products; filters and answers know them at once. Returns how many changed: none when
        something was put with the same `sent_as` before. `instead_of`: products as they were read; ConflictError when
        one of them has changed since, and nothing is written."""
        point = None if sent_as is None else Checkpoint(f"products-{key_of_text(sent_as):x}", len(products), True)
        few = self.workspace.settings.server.embed_changes and self.live.ready and len(products) <= MOST
        with self.changes.watched(), self.catalogue.turn:
            if point is not None and self.store.checkpoint(point.source) is not None:
                return 0
            before = self.store.catalogue.get([one.item_id for one in products]) if few else {}
            changed = self.catalogue.put(products, point, instead_of=instead_of)
        self.swap.refresh()
        different = [one for one in products if looks_different(one, before.get(one.item_id))] if few else []
        if different:
            self.live.submit(different)
        return changed

    def add_media(self, item_id: str, uploads: Sequence[Upload]) -> list[Stored]:
        """Check and keep files, and append them to a product's media. All or nothing; see `service.uploads`."""
        known_product(self.store, item_id)  # before the work
        stored = keep_media(self.workspace, self.media, uploads)
        self._change_media(item_id, lambda product: with_media(product, stored))
        return stored

    def delete_media(self, item_id: str, name: str) -> None:
        """Take an uploaded file out of a product's media; NotFoundError when it has none of that name."""
        self._change_media(item_id, lambda product: without_media(product, name))

    def _change_media(self, item_id: str, change: Callable[[Product], Product]) -> None:
        """Read the product, change it and put it back, again where somebody else wrote to it meanwhile."""
        with one_change(self.workspace):
            while True:
                product = known_product(self.store, item_id)
                with suppress(ConflictError):
                    self.put_products([change(product)], instead_of=[product])
                    return

    def delete_product(self, item_id: str) -> bool:
        """Take a product out of the shop; False when there was none."""
        with self.changes.watched():
            return self.catalogue.delete(item_id)

    def put_person(self, person: Person) -> None:
        """Insert or replace what is known about somebody."""
        with self.changes.watched():
            self.store.people.upsert([person])
