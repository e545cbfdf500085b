"""A new bundle takes over while requests are answered: verify → load → warm → switch. Open requests keep theirs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from shoplens.apps.cart import Cart, CartQuestion
from shoplens.apps.similar import similar
from shoplens.domain.events import EventType
from shoplens.errors import BundleError, ShoplensError
from shoplens.models.base import Recommender
from shoplens.recommend.facts import CatalogueFacts
from shoplens.recommend.newcomers import Contents
from shoplens.recommend.past import Deed, Past
from shoplens.recommend.pipeline import Answer, recommend
from shoplens.recommend.rules import Wish
from shoplens.recommend.shelf import Shelf, no_contents
from shoplens.recommend.trending import Trending
from shoplens.service.bundle import open_bundle
from shoplens.service.bundle_pointer import current_version, earlier_versions

log = logging.getLogger(__name__)
WARM_UP = 8  # answers computed before the first shopper waits for one


class HotSwap:
    """Holds the shelf that answers. Readers take `shelf` once per request; `follow` replaces it as a whole."""

    def __init__(
        self,
        bundles: Path,
        facts: CatalogueFacts,
        trending: Trending,
        *,
        contents: Contents = no_contents,
        classes: Mapping[str, type[Recommender]] | None = None,
    ) -> None:
        self.bundles = bundles
        self.shelf = Shelf(None, facts, trending, contents)
        self.beside: Mapping[str, Shelf] = {}  # bundles that answer some people too, by version: see `keep`
        self.problem: str | None = None  # why the bundle that should answer does not
        self._contents = contents
        self._classes = classes
        self._swapping = threading.Lock()
        self._refused: str | None = None  # not tried again until the pointer moves

    def follow(self) -> bool:
        """Switch to the bundle that the pointer names, if another one answers now. Returns whether it switched.

        A bundle that cannot be used is refused with the reason in `problem`, and the one before goes on answering, or
        answers where none did yet.
        """
        with self._swapping:
            try:
                wanted = current_version(self.bundles)
            except BundleError as error:
                self.problem = str(error)
                return False
            if wanted == self.shelf.version:
                self.problem = self._refused = None
                return False
            if wanted is not None and wanted == self._refused:
                return False
            try:
                fresh = self._shelf_of(wanted)
            except (ShoplensError, OSError) as error:
                self.problem, self._refused = str(error), wanted
                log.error("bundle %s refused: %s", wanted, error)
                return self.shelf.version is None and self._fall_back()
            self._switch(fresh)
            self.problem = self._refused = None
            return True

    def _fall_back(self) -> bool:
        """At a start nothing answers yet that could go on: the latest bundle of before that can be used does."""
        for version in earlier_versions(self.bundles):
            try:
                self._switch(self._shelf_of(version))
            except (ShoplensError, OSError) as error:
                log.error("bundle %s cannot answer in its place: %s", version, error)
            else:
                return True
        return False

    def _switch(self, fresh: Shelf) -> None:
        fresh.refresh()  # products that arrived while it was loading
        before, self.shelf = self.shelf, fresh
        fresh.refresh()  # and in the moment of switching
        log.info("bundle %s answers now, before: %s", fresh.version, before.version)

    def keep(self, versions: Iterable[str]) -> None:
        """Have these bundles ready beside the one that answers, and no others. One that cannot be used is left out,
        with a line in the log."""
        with self._swapping:
            ready: dict[str, Shelf] = {}
            for version in dict.fromkeys(versions):
                try:
                    ready[version] = self._at_hand(version) or self._shelf_of(version)
                except (ShoplensError, OSError) as error:
                    log.error("bundle %s cannot answer beside the current one: %s", version, error)
            self.beside = ready
        self.refresh()

    def shelf_of(self, version: str) -> Shelf:
        """A shelf over any bundle, warm; BundleError when it cannot be used. One that is ready is not loaded again."""
        return self._at_hand(version) or self._shelf_of(version)

    def _at_hand(self, version: str) -> Shelf | None:
        return self.shelf if self.shelf.version == version else self.beside.get(version)

    def refresh(self, *, embedded: bool = False) -> None:
        """Products changed: every shelf is to know them."""
        for shelf in (self.shelf, *self.beside.values()):
            shelf.refresh(embedded=embedded)

    def _shelf_of(self, version: str | None) -> Shelf:
        facts, trending = self.shelf.facts, self.shelf.trending
        if version is None:
            return Shelf(None, facts, trending, self._contents)
        shelf = Shelf(open_bundle(self.bundles / version, classes=self._classes), facts, trending, self._contents)
        warm(shelf)
        return shelf


def warm(shelf: Shelf) -> None:
    """Touch what a request touches: model, masks, vectors. A model that fails here is refused, not shipped."""
    items = shelf.learned.items.ids if shelf.learned is not None else ()
    for item_id in items[:: max(1, len(items) // WARM_UP)][:WARM_UP]:
        try:
            answers = list(_everything(shelf, item_id))
        except ShoplensError:
            raise
        except Exception as error:
            raise BundleError(f"bundle {shelf.version}: its model does not answer: {error!r}") from error
        if any(one.score != one.score for answer in answers for one in answer.items):
            raise BundleError(f"bundle {shelf.version}: its model answers with NaN")


def _everything(shelf: Shelf, item_id: str) -> Iterator[Answer]:
    """What people who look at a product may ask for."""
    wish = Wish(n=10, repeat=True)
    yield recommend(shelf, Past((Deed(item_id, EventType.VIEW, 0.3, 0.0),)), Wish(n=10))
    yield Cart(lambda _user, _session, _limit: []).complete(shelf, wish, CartQuestion(items=(item_id,))).answer
    row = shelf.facts.row(item_id)
    if row and shelf.facts.columns.listed[row]:  # it may have left the shop since
        yield similar(shelf, item_id, wish)[1]
