"""The catalogue as this process knows it: own changes are known at once, those of other processes when it looks.

Everything is taken in in the order in which the store made it: reading and taking in happen under one lock, so that an
older state of a product can never replace a newer one.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from shoplens.domain.catalogue import Product
from shoplens.recommend.facts import CatalogueFacts
from shoplens.store.base import Catalogue
from shoplens.store.records import Checkpoint

log = logging.getLogger(__name__)
CHUNK = 1_000  # products taken in at once, about 0.1 s in which writers of this process wait
OnChange: TypeAlias = Callable[[Sequence[Product], Sequence[str]], None]


class LiveCatalogue:
    """Keeps facts as fresh as the store. `revision`: the store's, up to which everything is known.

    `turn` is held during each change: who holds it may look at the store and then change it.
    """

    def __init__(self, catalogue: Catalogue, facts: CatalogueFacts) -> None:
        self.facts = facts
        self.revision = 0
        self._catalogue = catalogue
        self.turn = threading.RLock()
        self._listeners: list[OnChange] = []

    def on_change(self, listener: OnChange) -> None:
        """Call it with changed products and with ids that left, after the facts know them.

        It hears of changes in their order, of some twice, and must be quick: writers wait for it. It must not change
        the catalogue itself.
        """
        self._listeners.append(listener)

    def follow(self) -> int:
        """Take in what changed, at a cost that grows with that alone. Returns how many products did."""
        if self._catalogue.revision() == self.revision:
            return 0
        taken = 0
        changes = self._catalogue.changes(self.revision, CHUNK)
        while True:
            with self.turn:
                # Read under the lock, too: what was read before our own change must not come after it.
                found = next(changes, None)
                if found is None:
                    return taken
                revision, products, gone = found
                self._take_in(products, gone)
                self.revision = max(self.revision, revision)
            taken += len(products) + len(gone)
            time.sleep(0.001)  # a lock that is taken again at once leaves no turn to those who wait for it

    def put(
        self,
        products: Iterable[Product],
        checkpoint: Checkpoint | None = None,
        *,
        instead_of: Iterable[Product] = (),
    ) -> int:
        """Insert or replace products in the store and here. Returns how many really changed. `checkpoint` is stored
        with them; `instead_of`: see `store.base.Catalogue.upsert`."""
        wanted = list({product.item_id: product for product in products}.values())
        with self.turn:
            changed = self._catalogue.upsert(wanted, checkpoint, instead_of=instead_of)
            self._take_in(wanted, (), tell=changed > 0)
            self._own_change(changed > 0)
        return changed

    def delete(self, item_id: str) -> bool:
        """Take a product out of the store and of the facts; False when there was none."""
        with self.turn:
            gone = self._catalogue.delete(item_id)
            self._take_in((), [item_id], tell=gone)
            self._own_change(gone)
        return gone

    def learn(self, item_ids: Iterable[str]) -> None:
        """Products that the store has just made, because events mention them."""
        with self.turn:
            found = self._catalogue.get(list(item_ids))
            self._take_in(list(found.values()), (), tell=bool(found))

    def _own_change(self, changed: bool) -> None:
        """Our own change need not be read again, unless somebody else changed something since we last looked."""
        if changed and self._catalogue.revision() == self.revision + 1:
            self.revision += 1

    def _take_in(self, products: Sequence[Product], gone: Sequence[str], *, tell: bool = True) -> None:
        if products:
            self.facts.apply(products)
        for item_id in gone:
            self.facts.remove(item_id)
        for listener in self._listeners if tell else ():
            try:
                listener(products, gone)
            except Exception:  # the product is stored and known: what depends on it must not fail its sender
                log.exception("a change of the catalogue was not passed on")
