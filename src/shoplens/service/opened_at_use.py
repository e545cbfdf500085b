"""Parts of a running shop that most commands do without: each is opened when it is first asked for, and only once."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from shoplens.domain.catalogue import Product
from shoplens.domain.events import Event
from shoplens.recommend.facts import CatalogueFacts
from shoplens.recommend.rules import Wish
from shoplens.recommend.scenarios import Scenario
from shoplens.recommend.shelf import Shelf
from shoplens.service.answers import Answers
from shoplens.service.live_catalogue import OnChange
from shoplens.service.loose_media import LooseMedia
from shoplens.service.media_sources import MediaSources
from shoplens.service.watching import Watching
from shoplens.service.workspace import Workspace
from shoplens.store.base import Store

if TYPE_CHECKING:
    from shoplens.apps.interaction import Interaction
    from shoplens.service.assistant import AssistantService
    from shoplens.service.attributes import Attributes
    from shoplens.service.classifiers import Classifiers
    from shoplens.service.opinions import OpinionService
    from shoplens.service.search import SearchService
    from shoplens.service.taggers import Taggers


class OpenedAtUse(ABC):
    """See the top of this file. Safe to share between threads. `Runtime` has what the parts are made of."""

    workspace: Workspace
    store: Store
    facts: CatalogueFacts
    media: MediaSources
    loose_media: LooseMedia
    answers: Answers
    watching: Watching
    scenarios: Mapping[str, Scenario]

    def __init__(self) -> None:
        self._opening = threading.RLock()
        self._search: SearchService | None = None
        self._interaction: Interaction | None = None
        self._attributes: Attributes | None = None
        self._opinions: OpinionService | None = None
        self._classifiers: Classifiers | None = None
        self._taggers: Taggers | None = None
        self._assistant: AssistantService | None = None

    @property
    @abstractmethod
    def shelf(self) -> Shelf:
        """What answers now."""

    @abstractmethod
    def history(self, user_id: str | None, session_id: str | None, limit: int) -> list[Event]:
        """What somebody did last."""

    @abstractmethod
    def wish(self, scenario: str = "home", **given: Any) -> Wish:
        """What a request to this scenario wishes."""

    @abstractmethod
    def put_products(
        self, products: list[Product], *, sent_as: str | None = None, instead_of: Iterable[Product] = ()
    ) -> int:
        """Insert or replace products."""

    @abstractmethod
    def on_change(self, listener: OnChange) -> None:
        """Hear of every change of the catalogue."""

    @property
    def search(self) -> SearchService:
        """Search by words, photos, speech and video; opened at its first use, and followed once `watch` was called."""
        from shoplens.service.search import SearchService  # most commands do without its index

        with self._opening:
            if self._search is None:
                self._search = SearchService(
                    self.workspace,
                    self.store,
                    self.facts,
                    lambda: self.shelf,
                    self.history,
                    self.loose_media,
                    self.scenarios,
                )
                self.on_change(self._search.changed)
                if self.watching.started:
                    self._search.start()
            return self._search

    @property
    def attributes(self) -> Attributes:
        """What products are like: values found in texts and photos, the review list, what values are worth."""
        from shoplens.service.attribute_photos import ProductPhotos
        from shoplens.service.attributes import Attributes  # with it comes what learns

        with self._opening:
            if self._attributes is None:
                photos = ProductPhotos(self.workspace, self.loose_media, self.media)
                self._attributes = Attributes(self.workspace, self.store, self.facts, self.put_products, photos)
            return self._attributes

    @property
    def opinions(self) -> OpinionService:
        """What people say in public: posts in, trends and alerts out."""
        from shoplens.service.opinions import OpinionService  # most commands do without it

        with self._opening:
            if self._opinions is None:
                self._opinions = OpinionService(self.workspace, self.store, self.facts)
            return self._opinions

    @property
    def classifiers(self) -> Classifiers:
        """Classifiers of texts that were trained here, by name."""
        from shoplens.service.classifiers import Classifiers  # torch is needed here only

        with self._opening:
            if self._classifiers is None:
                self._classifiers = Classifiers(self.workspace)
            return self._classifiers

    @property
    def taggers(self) -> Taggers:
        """Taggers of entities that were trained here, by name."""
        from shoplens.service.taggers import Taggers  # torch is needed here only

        with self._opening:
            if self._taggers is None:
                self._taggers = Taggers(self.workspace)
            return self._taggers

    @property
    def interaction(self) -> Interaction:
        """Conversations about what to buy."""
        with self._opening:
            if self._interaction is None:
                self._interaction = self.search.interaction()
            return self._interaction

    @property
    def assistant(self) -> AssistantService:
        """The customer-service assistant; opened at its first use."""
        from shoplens.service.assistant import AssistantService  # most commands do without it

        with self._opening:
            if self._assistant is None:
                self._assistant = AssistantService(
                    self.workspace,
                    self.store,
                    self.search.look,
                    # not noted: whoever follows it has no impression to quote, so it would count as never clicked
                    lambda n, user, session: self.answers.recommend(
                        self.wish("assistant", n=n), user, session, noted=False
                    ),
                    lambda: self.interaction,
                )
            return self._assistant
