"""The assistant of one running shop: intents, documents, tools and rules put together, and followed as they change."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from shoplens.apps.assistant import Assistant, Reply, Turn
from shoplens.apps.assistant.answering import Answering
from shoplens.apps.assistant.desk import Desk
from shoplens.apps.assistant.escalation import Opening, Rules
from shoplens.apps.assistant.grounding.statements import forget_sentences
from shoplens.apps.assistant.intents.model import IntentModel
from shoplens.apps.assistant.knowledge.index import Knowledge
from shoplens.apps.assistant.listening import NOBODY, Listener
from shoplens.apps.assistant.past_answers import ShopFacts
from shoplens.apps.assistant.tools.base import Tools
from shoplens.apps.assistant.understanding.reading import Understanding
from shoplens.apps.interaction import Interaction
from shoplens.domain.events import MICROSECONDS_PER_DAY
from shoplens.errors import InputError, NotFoundError, ShoplensError
from shoplens.recommend.asking import Ask, Search
from shoplens.service.assistant_knowledge import Documents
from shoplens.service.assistant_learning import NAME, open_intents
from shoplens.service.assistant_orders import OwnOrders
from shoplens.service.assistant_reading import RememberingEncoder, reading_encoder
from shoplens.service.assistant_settings import AssistantSettings
from shoplens.service.assistant_tools import Recommend, Recommendations, ShopCatalogue, ShoppingSearch
from shoplens.service.chat_endpoint import ChatEndpoint
from shoplens.service.handover_delivery import channels_of
from shoplens.service.text_models import TextModels
from shoplens.service.workspace import Workspace
from shoplens.store.base import Store

log = logging.getLogger(__name__)
LOOK_EVERY = 1.0  # seconds between looks at documents and intents that another process changed
PRUNE_EVERY = 3_600.0  # seconds between looks for transcripts that are too old


class AssistantService:
    """See the top of this file. Safe to share between threads."""

    def __init__(
        self,
        workspace: Workspace,
        store: Store,
        search: Search,
        recommend: Recommend,
        interaction: Callable[[], Interaction],
    ) -> None:
        settings = workspace.settings.assistant
        self.documents = Documents(workspace)
        self._workspace, self._store, self._search = workspace, store, search
        self._lock = threading.Lock()
        self._encoder: RememberingEncoder | None = None
        self._intents: IntentModel | None = None
        self._knowledge: Knowledge | None = None
        self._stamps: tuple[object, object] = (None, None)
        self._looked = self._pruned = float("-inf")
        catalogue = ShopCatalogue(store, search)
        self._endpoint = ChatEndpoint(settings.endpoint) if settings.endpoint.url is not None else None
        self.tools = Tools(
            catalogue=catalogue,
            orders=OwnOrders(store),
            recommends=Recommendations(recommend, catalogue),
            shopping=ShoppingSearch(interaction, catalogue),
        )
        shop = ShopFacts(facts=settings.facts, actions=settings.actions)
        answering = Answering(
            self.tools, lambda: self._intents, lambda: self._knowledge, shop, tool_seconds=settings.tool_seconds
        )
        self.assistant = Assistant(
            Understanding(lambda: self._intents, language=workspace.settings.language),
            answering,
            store.transcripts,
            store.handovers,
            _rules(settings),
            writer=self._endpoint,
            channels=channels_of(settings),
        )
        self.desk = Desk(store.transcripts, store.handovers)

    def turn(self, turn: Turn, listener: Listener = NOBODY) -> Reply:
        """Answer one message; see `Assistant.turn`."""
        self.follow()
        return self.assistant.turn(turn, listener)

    def leave(self, conversation_id: str, user_id: str | None = None) -> Reply:
        """The customer waits for a person no longer; see `Assistant.leave`."""
        return self.assistant.leave(conversation_id, user_id)

    def follow(self) -> None:
        """Take up documents and intents as they are now; cheap, at most once a second."""
        now = time.monotonic()
        if now - self._looked < LOOK_EVERY:
            return
        with self._lock:
            if now - self._looked < LOOK_EVERY:
                return
            self._follow()
            self._looked = time.monotonic()
        if now - self._pruned > PRUNE_EVERY:
            self._pruned = now
            settings, clock = self._workspace.settings.assistant, int(time.time() * 1e6)
            self._store.handovers.give_up(int(clock - settings.handover_hours * MICROSECONDS_PER_DAY / 24), clock)
            self._store.transcripts.prune(int(clock - settings.keep_days * MICROSECONDS_PER_DAY))

    def judge(self, conversation_id: str, number: int, *, helpful: bool | None, intent: str | None = None) -> None:
        """Note what is thought of a turn. NotFoundError when there is none, InputError for an empty judgement."""
        if helpful is None and intent is None:
            raise InputError("say whether it was helpful, or which intent it should have been")
        if not self._store.transcripts.judge(conversation_id, number, helpful=helpful, intent=intent):
            raise NotFoundError(f"conversation {conversation_id!r} has no turn {number}")

    def add(self, files: list[Path]) -> dict[str, int]:
        """Keep documents and read them at once; returns name → passages."""
        self.documents.add(files)
        self.refresh()
        counts: dict[str, int] = {}
        for one in self._knowledge.passages if self._knowledge is not None else ():
            counts[one.document] = counts.get(one.document, 0) + 1
        return counts

    def refresh(self) -> None:
        """Take up changes now."""
        self._looked = float("-inf")
        self.follow()

    @property
    def knowledge(self) -> Knowledge | None:
        """Documents as of the latest look."""
        return self._knowledge

    @property
    def intents(self) -> IntentModel | None:
        """Intents as of the latest look."""
        return self._intents

    @staticmethod
    def forget_everybody() -> None:
        """Give up the sentences that answers were checked against: some are about somebody's orders."""
        forget_sentences()

    def close(self) -> None:
        """Give threads and connections back."""
        self.assistant.close()
        if self._endpoint is not None:
            self._endpoint.close()

    def _follow(self) -> None:
        documents = self.documents.stamp()
        try:
            intents: object = TextModels.of(self._workspace.root).stamp(NAME)
        except NotFoundError:
            intents = None
        if (documents, intents) == self._stamps:
            return
        if self._encoder is None:
            self._encoder = reading_encoder(self._workspace)
            self._search(Ask(text="open", n=1))  # opens the index now, where no tool's time runs
        try:
            if intents != self._stamps[1]:
                self._intents = open_intents(self._workspace, self._encoder)
            if documents != self._stamps[0]:
                self._knowledge = self.documents.open(self._encoder)
        except ShoplensError as error:
            if self._intents is None and self._knowledge is None:
                raise
            log.warning("the assistant answers as before: %s", error)
        self._stamps = (documents, intents)


def _rules(settings: AssistantSettings) -> Rules:
    return Rules(
        misses=settings.misses,
        upset=settings.upset,
        intents=frozenset(settings.handover_intents),
        opening=Opening(settings.hours, settings.timezone),
        handover_hours=settings.handover_hours,
    )
