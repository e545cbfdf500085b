"""Composition root: settings → store, catalogue facts, the bundle that answers, applications."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from shoplens.apps.cart import Cart
from shoplens.apps.home import Home
from shoplens.apps.interaction.keeping import FolderKeeper
from shoplens.apps.profile import Profiles
from shoplens.domain.events import Event, EventWeights, event_weights
from shoplens.domain.experiments import Experiment
from shoplens.errors import NotFoundError, ShoplensError, StoreError
from shoplens.models.base import Recommender
from shoplens.recommend.facts import CatalogueFacts
from shoplens.recommend.newcomers import Contents
from shoplens.recommend.rules import Wish
from shoplens.recommend.scenarios import find_scenario
from shoplens.recommend.shelf import Shelf, no_contents
from shoplens.service.answers import Answers
from shoplens.service.bundle_life import BundleLife
from shoplens.service.changes import Changes
from shoplens.service.contents import FeatureContents
from shoplens.service.experiments import Experiments
from shoplens.service.exposure import Exposure
from shoplens.service.hot_swap import HotSwap
from shoplens.service.jobs import Jobs
from shoplens.service.keyring import Keyring
from shoplens.service.listening import Listening
from shoplens.service.live_catalogue import LiveCatalogue, OnChange
from shoplens.service.live_embedding import LiveEmbedding
from shoplens.service.log_writer import LogWriter
from shoplens.service.loose_media import LooseMedia
from shoplens.service.media_sources import MediaSources
from shoplens.service.opened_at_use import OpenedAtUse
from shoplens.service.profiles import read_everybody
from shoplens.service.scenario_settings import scenarios_of
from shoplens.service.settings import Settings
from shoplens.service.shop_changes import ShopChanges
from shoplens.service.trends import Trends
from shoplens.service.watching import Watching
from shoplens.service.workspace import Workspace
from shoplens.store.base import Store
from shoplens.store.opinions import AlertRecord

if TYPE_CHECKING:
    from shoplens.service.delivery import Courier
    from shoplens.service.experiment_report import ExperimentReport
    from shoplens.service.opinion_clock import OpinionClock

log = logging.getLogger(__name__)


class Runtime(ShopChanges, OpenedAtUse):
    """One running shop. Open it with `Runtime.open(folder)`, close it when done; `watch` follows pointer and store."""

    def __init__(
        self,
        workspace: Workspace,
        store: Store,
        *,
        contents: Contents = no_contents,
        classes: Mapping[str, type[Recommender]] | None = None,
    ) -> None:
        super().__init__()
        self.workspace = workspace
        self.store = store
        # Whether reading a history takes microseconds (a file beside us) rather than a way over the network.
        self.quick_reads = workspace.database_url.startswith("sqlite")
        self.facts = CatalogueFacts()
        self.trends = Trends(store.events, self.facts, self._event_weights)
        self.catalogue = LiveCatalogue(store.catalogue, self.facts)
        self.changes = Changes()
        self.watching = Watching(self)
        self._contents = contents
        self._embedded = self._stamp()
        self.catalogue.follow()
        self.swap = HotSwap(workspace.bundles, self.facts, self.trends.trending, contents=contents, classes=classes)
        self.swap.follow()
        if self.swap.shelf.learned is None:  # without a trained popularity, what the log says is all there is
            self.trends.follow()
        self.media = MediaSources(workspace)
        self.live = LiveEmbedding(workspace, self.media)
        self.loose_media = LooseMedia(workspace, self.media)
        self.listening = Listening(self.loose_media, self.media)
        self.home = Home(self.history, limit=self.settings.train.max_history)
        self.keyring = Keyring(workspace.root)
        self.jobs = Jobs(workspace.root, workspace.bundles)
        self.experiments = Experiments(workspace.root, workspace.bundles)
        kept = self.settings.impressions
        log_of_answers = LogWriter(store.impressions, "impressions", keep_days=kept.days) if kept.log else None
        self.cart = Cart(self.history)
        self.profiles = Profiles(
            self.history,
            self._fields,
            lambda shelf, model: read_everybody(store, shelf, model),
            zone=self.settings.profile.timezone,
        )
        self.scenarios = scenarios_of(self.settings.scenario)
        self.answers = Answers(
            self.home,
            self.cart,
            self.swap,
            self.experiments,
            log_of_answers,
            exposure=Exposure(store.impressions),
            known_as=store.people.known_as,
        )
        self.bundles = BundleLife(workspace, store, self.swap, self._flush_impressions)
        self._courier: Courier | None = None
        self._clock: OpinionClock | None = None
        self.follow_opinions()

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

    @property
    def logs(self) -> dict[str, LogWriter[Any]]:
        """What is written down beside the answers, by name."""
        found = {"impressions": self.answers.log, "searches": self._search.log if self._search is not None else None}
        return {name: log for name, log in found.items() if log is not None}

    def forget_person(self, user_id: str) -> Mapping[str, int]:
        """Delete a person, all they did and what is remembered of them here; other processes follow within a second.

        Returns what went: people, events, searches, impressions, transcripts, conversations → how many. NotFoundError
        when nothing was held. An `Erasure` is written; the next training makes a bundle without them.
        """
        conversations = FolderKeeper(self.workspace.conversations).forget_person(user_id)
        if self._interaction is not None:  # conversations that no other process can go on with
            conversations = max(conversations, self._interaction.sessions.forget_person(user_id))
        for log in self.logs.values():
            log.flush()  # what waits to be written down must be gone with the rest
        if self._search is not None:
            self._search.forget(user_id)
        self.answers.forget(user_id)
        also = {"conversations": conversations}
        gone = {**self.store.people.delete(user_id, also), **also}
        if self._assistant is not None:
            self._assistant.forget_everybody()
        self.answers.forget(user_id)  # again: an answer that was under way may have noted them
        self.profiles.forget(user_id)  # last: who reads everybody meanwhile does not find them any more
        if not any(gone.values()):
            raise NotFoundError(f"nothing is held about {user_id!r}")
        return gone

    def forget_guest(self, session_id: str) -> Mapping[str, int]:
        """Delete what a session did while nobody was signed in, as `forget_person` does; later it is somebody's.

        Returns what went: events, searches, impressions, transcripts, conversations → how many. NotFoundError when
        nothing was held.
        """
        from shoplens.service.assistant_tools import shopping_session

        names = (session_id, shopping_session(session_id))  # the second: if they talked to the assistant under this id
        keeper, conversations = FolderKeeper(self.workspace.conversations), 0
        for name in names:
            kept = keeper.of_guest(name) is not None and keeper.forget(name)
            held = self._interaction is not None and self._interaction.sessions.forget_guest(name)
            conversations += kept or held
        for log in self.logs.values():
            log.flush()
        also = {"conversations": conversations}
        gone = {**self.store.people.delete_guest(names, also), **also}
        if self._assistant is not None:
            self._assistant.forget_everybody()
        for name in names:
            self.answers.forget(name)
            if self._search is not None:
                self._search.forget(name)
        if not any(gone.values()):
            raise NotFoundError(f"nothing is held about a guest's session {session_id!r}")
        return gone

    def forget_conversation(self, conversation_id: str) -> bool:
        """Delete what was said to the assistant in one conversation, and what was searched for in it. False when there
        was none."""
        from shoplens.service.assistant_tools import shopping_session

        session = shopping_session(conversation_id)
        FolderKeeper(self.workspace.conversations).forget(session)
        if self._interaction is not None:
            self._interaction.sessions.forget(session)
        if self._assistant is not None:
            self._assistant.forget_everybody()
        return self.store.transcripts.delete(conversation_id)

    def wish(self, scenario: str = "home", **given: Any) -> Wish:
        """What a request to this scenario wishes: its settings, and `given` (fields of `Wish`, None: not said) above
        them. InputError for a scenario that there is not."""
        found = find_scenario(self.scenarios, scenario)
        return found.wish(given, repeat=self.settings.train.repeat, language=self.settings.language)

    def cart_wish(self, scenario: str = "cart", **given: Any) -> Wish:
        """The same for what completes a cart, where what the person bought before may come unless somebody says no."""
        found = find_scenario(self.scenarios, scenario)
        return found.wish(given, repeat=True, language=self.settings.language)

    def sign_in(self, user_id: str, session_id: str) -> int:
        """What a session did as a guest is the person's from now on, and they stay in its arms of experiments. Returns
        how many events became theirs."""
        for log in self.logs.values():
            log.flush(1.0)  # what waits to be written down is the session's, too
        moved = self.store.people.sign_in(user_id, session_id)
        self.answers.signed_in(user_id)
        return moved

    def problems(self) -> list[str]:
        """Why this process should not get requests yet; empty when it is ready."""
        found = []
        try:
            self.store.ping()
        except StoreError as error:
            found.append(f"store: {error.told}")
        if self.swap.problem is not None:
            found.append(f"bundle: {self.swap.problem}")
        return found

    def on_change(self, listener: OnChange) -> None:
        """Hear of every change of the catalogue once filters know it, whichever process made it; see LiveCatalogue."""
        self.catalogue.on_change(listener)

    def start_experiment(self, experiment: Experiment) -> Experiment:
        """Begin; see `Experiments.start`. Here at once, in other processes within a second or two."""
        begun = self.experiments.start(experiment, self.scenarios)
        self.answers.prepare()
        return begun

    def stop_experiment(self, name: str) -> Experiment:
        """End; see `Experiments.stop`."""
        ended = self.experiments.stop(name)
        self.answers.prepare()
        return ended

    def experiment_report(self, name: str) -> ExperimentReport:
        """What an experiment showed so far. NotFoundError when there is none of that name."""
        from shoplens.service.experiment_report import report

        self._flush_impressions()
        return report(
            self.store.impressions,
            self.experiments.get(name),
            window_days=self.settings.impressions.window_days,
        )

    def _flush_impressions(self) -> None:
        if self.answers.log is not None:
            self.answers.log.flush(1.0)

    def follow(self) -> int:
        """Take in what other processes changed in the catalogue. Returns how many products they did."""
        changed = self.catalogue.follow()
        if changed:
            self.swap.refresh()
        return changed

    def watch(self) -> None:
        """Follow the bundle pointer and other processes' changes of the catalogue, in a thread, until `close`."""
        from shoplens.service.handover_delivery import open_courier
        from shoplens.service.opinion_clock import OpinionClock

        if not self.watching.started:
            self.watching.start()
            self.search.start()
            self._courier = open_courier(self.store, self.settings)
            self._courier.start()
            self._clock = OpinionClock(self.workspace.root, self.store.opinions, self._tick)
            self._clock.start()

    def close(self) -> None:
        """Stop watching and give the store back."""
        self.watching.close()
        if self._clock is not None:
            self._clock.close()
        if self._courier is not None:
            self._courier.close()
        if self._assistant is not None:
            self._assistant.close()
        if self._search is not None:
            self._search.close()
        if self.answers.log is not None:
            self.answers.log.close()
        self.live.close()
        self.media.close()
        self.store.close()

    def _tick(self) -> list[AlertRecord]:
        return self.opinions.tick()  # opened only where somebody said something

    def follow_trends(self) -> None:
        """Take in what other processes' events say is wanted; the first time, what the log says."""
        self.trends.follow()

    def follow_opinions(self) -> None:
        """Rankings feel what is said about products, where the shop wants that."""
        if self.settings.opinions.ranking > 0.0:
            self.opinions.follow()

    def warm_assistant(self) -> None:
        """Read documents and intents before the first customer asks."""
        try:
            if self.workspace.assistant.is_dir():
                self.assistant.follow()
        except ShoplensError as error:
            log.warning("the assistant cannot be opened: %s", error)

    def follow_embedding(self) -> None:
        """New vectors of products are compared from now on."""
        stamp = self._stamp()
        if stamp != self._embedded:
            self._embedded = stamp
            self.swap.refresh(embedded=True)

    def forget_everybody(self) -> None:
        """Give up what is remembered here by person; the store keeps what it holds, and conversations their files."""
        for log in self.logs.values():
            log.flush(1.0)  # the store leaves out whoever was forgotten, and what we give up of others is in it
        if self._interaction is not None:
            self._interaction.sessions.forget_everybody()
        if self._search is not None:
            self._search.forget_everybody()
        if self._assistant is not None:
            self._assistant.forget_everybody()
        self.answers.forget_everybody()
        self.profiles.forget_everybody()

    def _stamp(self) -> float:
        """Changes when products have been embedded."""
        return self._contents.stamp() if isinstance(self._contents, FeatureContents) else 0.0

    def history(self, user_id: str | None, session_id: str | None, limit: int) -> list[Event]:
        """What somebody did last, oldest first; see `EventLog.history`."""
        return self.store.events.history(user_id=user_id, session_id=session_id, limit=limit)

    def _fields(self, user_id: str) -> Mapping[str, Any] | None:
        person = self.store.people.get(user_id)
        return None if person is None else person.fields

    def _event_weights(self) -> EventWeights:
        """As the bundle that answers was trained; before the first one, as the next will be."""
        learned = self.swap.shelf.learned
        return learned.event_weights if learned else event_weights(self.settings.train.event_weights)
