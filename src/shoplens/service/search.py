"""Search of one running shop: index, engine, what people taught it, suggestions and the log, put together."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from shoplens.apps.home import ReadHistory
from shoplens.apps.interaction import Interaction
from shoplens.apps.interaction.answering import UNSEEN
from shoplens.apps.interaction.keeping import FolderKeeper
from shoplens.apps.interaction.scene import without_words
from shoplens.apps.interaction.sessions import Sessions
from shoplens.apps.search.analytics import SearchFigures, analyse
from shoplens.apps.search.engine import SearchEngine, SearchTuning
from shoplens.apps.search.personal import PersonalOrder
from shoplens.apps.search.suggestions import Suggestion, Suggestions
from shoplens.apps.search.trending import TrendingSearch, TrendingSearches
from shoplens.domain.catalogue import Product
from shoplens.domain.events import MICROSECONDS_PER_DAY
from shoplens.domain.search_rules import RuleKind, SearchRule
from shoplens.errors import ShoplensError
from shoplens.features.align.composing import Composer
from shoplens.features.align.glosses import glossary
from shoplens.recommend.asking import Ask, Constraint, Found
from shoplens.recommend.facts import CatalogueFacts
from shoplens.recommend.lifts import lifts_of
from shoplens.recommend.rules import Wish
from shoplens.recommend.scenarios import Scenario, find_scenario
from shoplens.recommend.shelf import Shelf
from shoplens.service.asked_media import AskedMedia
from shoplens.service.log_writer import LogWriter
from shoplens.service.loose_media import LooseMedia, Part
from shoplens.service.search_index import SearchIndex
from shoplens.service.search_learning import ClicksInUse, ClicksLearnt, click_report, learn_from_clicks
from shoplens.service.search_log import record_of
from shoplens.service.search_media import SearchMedia
from shoplens.service.search_moments import SearchMoments
from shoplens.service.search_rules import SearchRules, Told
from shoplens.service.search_weights import WeightsLearnt, learn_weights
from shoplens.service.search_words import Progress
from shoplens.service.trouble import Trouble
from shoplens.service.workspace import Workspace
from shoplens.store.base import Store

log = logging.getLogger(__name__)
SCENARIO = "search"  # where the shop has one of this name, its rules hold for all that name none
AT_ONCE = 200  # products that suggestions learn before others have their turn
TRY_EVERY = 5.0  # seconds between tries to read the store for suggestions while it is away
LEARN_EVERY = 600.0  # seconds between looks at what other processes were asked, for suggestions
WAIT_FOR_VECTORS = 10.0  # seconds that a photo waits in a server that has just begun to read them
POPULAR_DAYS = 180.0  # of searches that are suggested to others
TREND_DAYS = 90.0  # of searches that tell what is usual
RANK_EVERY = 60.0  # seconds between looks at which titles are wanted most, for suggestions
Floats = np.ndarray[tuple[int], np.dtype[np.float32]]


class SearchService:
    """`start` keeps everything up to date in threads; without it each search looks first what changed."""

    def __init__(
        self,
        workspace: Workspace,
        store: Store,
        facts: CatalogueFacts,
        shelf: Callable[[], Shelf],
        history: ReadHistory,
        media: LooseMedia,
        scenarios: Mapping[str, Scenario],
    ) -> None:
        self._workspace = workspace
        self._scenarios = scenarios
        self._store = store
        self._facts = facts
        self._shelf = shelf
        settings = workspace.settings.search
        self.rules = SearchRules(workspace, store)
        self.index = SearchIndex(workspace, store, facts, media, self.rules)
        self.media = SearchMedia(media, self.index.vectors, facts, self._ready)
        self.moments = SearchMoments(self.index.vectors, facts, store.catalogue.get)
        self.engine = SearchEngine(
            facts,
            self.index.hybrid,
            popularity=lambda: self._shelf().popularity(),
            personal=PersonalOrder(
                shelf, history, language=workspace.settings.language, limit=workspace.settings.train.max_history
            ),
            clicks=ClicksInUse(workspace, facts),
            curation=self.rules.curation,
            raised=self._raised,
            settings=SearchTuning(personal=settings.personal),
            glossary=glossary,
        )
        self.suggestions = Suggestions(self._past)
        self.rising = TrendingSearches()
        self.log = LogWriter(store.searches, "searches", keep_days=settings.log_days) if settings.log else None
        self._lock = threading.Lock()
        self._learning = threading.Lock()
        self._stop = threading.Event()
        self._started = False
        self._suggests = False
        self._ranked = float("-inf")
        self._followed = 0  # number of the latest record of the log that trends know

    def start(self) -> None:
        """Follow the store in threads until `close`."""
        with self._lock:
            if self._started:
                return
            self._started = True
        self.index.start()
        threading.Thread(target=self._keep_warm, name="shoplens-search-warm", daemon=True).start()

    def sync(self, progress: Progress | None = None) -> None:
        """Take in all that changed, words and vectors; `progress` hears how many products were indexed."""
        self.index.sync(progress)

    def search(self, ask: Ask) -> Found:
        """Answer a request and write it down."""
        found = self.look(ask)
        self._note(ask, found)
        return found

    def look(self, ask: Ask) -> Found:
        """The same without writing it down: for questions that no person asks."""
        if not self._started:
            self.sync()
        if ask.scenario is None:
            ask = replace(ask, scenario=self._scenarios.get(SCENARIO))
        found = self.moments.told(ask, self.engine.search(ask))
        if ask.written:  # nothing is said of words that nobody typed
            return replace(found, rescued=None, did_you_mean=None, corrected_from=None)
        return found

    def scenario(self, name: str | None) -> Scenario | None:
        """The place of the shop that a request names; None where it names none. InputError for one that is not."""
        return None if name is None else find_scenario(self._scenarios, name)

    def see(self, parts: Sequence[Part]) -> AskedMedia:
        """Photos, videos and sound as vectors to be near to, and words: `see(parts).join(Ask(…))` searches with them.

        See `SearchMedia.read`.
        """
        return replace(self.media.read(parts), compose=self._change)

    def understand(self, text: str, language: str) -> Sequence[Constraint]:
        """What would be read out of these words."""
        return self.engine.understand(text, language)

    def tell(self, told: Mapping[RuleKind, Sequence[Told]], *, replace: bool = False) -> list[SearchRule]:
        """Curation, synonyms and words that hold from now on; see `SearchRules.tell`. All kinds or none."""
        return self._ruled(lambda: self.rules.tell(told, replace=replace))

    def tell_file(self, kind: RuleKind, path: Path, *, replace: bool = False) -> list[SearchRule]:
        """The same from a file; see `SearchRules.tell_file`."""
        return self._ruled(lambda: self.rules.tell_file(kind, path, replace=replace))

    def take_away(self, rule_ids: Sequence[int]) -> list[SearchRule]:
        """Rules that hold no more; see `SearchRules.remove`."""
        return self._ruled(lambda: self.rules.remove(rule_ids))

    def restore(self, rule_ids: Sequence[int]) -> list[SearchRule]:
        """Rules that hold again; see `SearchRules.restore`."""
        return self._ruled(lambda: self.rules.restore(rule_ids))

    def learn_weights(self, judgements: Path, *, seed: int = 0) -> WeightsLearnt:
        """How much words, meaning and looks count here, from judged products; see `search_weights`."""
        self.sync()
        return learn_weights(self._workspace, judgements, self.index.hybrid(), self._facts, seed=seed)

    def interaction(self) -> Interaction:
        """Conversations that search here."""
        return Interaction(
            self.search,
            self._facts,
            self.media,
            composer=self._compose,
            understand=self.understand,
            likeness=self.media.like,
            peek=self.look,
            sessions=Sessions(keeper=FolderKeeper(self._workspace.conversations)),  # another worker may go on
            language=self._workspace.settings.language,
        )

    def suggest(
        self, prefix: str, n: int, user_id: str | None = None, session_id: str | None = None, language: str = "en"
    ) -> list[Suggestion]:
        """How what somebody types may go on, best first."""
        if not self._started:  # else a thread does it, and what it has read so far answers
            self._learn_suggestions()
        if time.monotonic() - self._ranked > RANK_EVERY:
            self._rank()
        return self.suggestions.suggest(prefix, n, user_id, session_id, language)

    def trending(self, n: int) -> list[TrendingSearch]:
        """What is searched for now more than usual, most surprising first."""
        self._follow_log()
        return self.rising.top(n, _now())

    def analytics(self, days: float, n: int) -> SearchFigures:
        """What people searched for in the last days, what they did not find and what they left alone."""
        if self.log is not None:
            self.log.flush()
        since = _now() - int(days * MICROSECONDS_PER_DAY)
        searches = self._store.searches
        return analyse(
            searches.queries(since=since), (one for part in searches.responses(since=since) for one in part), n=n
        )

    def learn_from_clicks(self, *, seed: int = 0) -> ClicksLearnt:
        """An order of results from what people chose; it serves where it is better on the latest week. See
        `search_learning.learn_from_clicks`; `shoplens train` and the schedule do it, too."""
        if self.log is not None:
            self.log.flush()
        return learn_from_clicks(self._workspace, self._store, seed=seed)

    def click_report(self) -> dict[str, Any] | None:
        """What the order learnt from clicks that serves was judged by; None where none serves."""
        return click_report(self._workspace)

    def changed(self, products: Sequence[Product], gone: Sequence[str]) -> None:
        """The catalogue changed; the facts know it already."""
        self.index.changed(products, gone)
        if self._suggests:
            shown, hidden = self._searched(products)
            self.suggestions.apply(shown, (*gone, *hidden))

    def forget(self, who: str) -> None:
        """Drop what is remembered of a person, or a guest's session, beside the store."""
        if self.log is not None:
            self.log.flush()
        self.suggestions.forget(who)
        self.rising.forget(who)

    def forget_everybody(self) -> None:
        """Drop what is remembered by person beside the store; their own queries are read from there again."""
        self.suggestions.forget_everybody()
        self.rising.forget_everybody()

    def close(self) -> None:
        """Stop following and write down what is left."""
        self._stop.set()
        self.media.close()
        self.index.close()
        if self.log is not None:
            self.log.close()

    def _ruled(self, change: Callable[[], Sequence[SearchRule]]) -> list[SearchRule]:
        changed = change()
        self.index.follow_rules()  # here at once
        return list(changed)

    def _raised(self, ask: Ask) -> Floats | None:
        """What lifts products whoever asks: how new they are, what they earn, what people say of them."""
        place = ask.scenario
        wish = Wish() if place is None else Wish(freshness=place.freshness, margin=place.margin)
        return lifts_of(self._shelf(), wish)

    def _compose(self, shown: Sequence[Floats], change: str) -> Floats | None:
        """A photo and words that change it as one question; None where photos and words share no space."""
        self._ready()
        space = self.index.vectors.space
        if space is None:
            return None
        return Composer(space)([one for one in shown if one.shape == (space.size,)], change)  # else of another training

    def _change(self, shown: Sequence[Floats], ask: Ask) -> Floats | None:
        """The same for a search: of its words those that may be seen, so neither prices nor brands."""
        change = ask.text
        for held in self.understand(change, ask.language) if ask.understand else ():
            if held.field in UNSEEN:
                change = without_words(change, held.said)
        return self._compose(shown, change)

    def _ready(self) -> None:
        """Before vectors of a question are made: those of products, as they are now or as a server read them first."""
        if self._started:
            self.index.wait(WAIT_FOR_VECTORS)
        else:
            self.sync()

    def _keep_warm(self) -> None:
        """What the first shoppers would wait for; then, now and then, what other processes were asked."""
        self.index.words.index.warm(self._facts.rows)
        trouble, pause = Trouble(log, "suggestions are as they were"), 0.0
        prepared = False
        while not self._stop.wait(pause):
            try:
                if self._suggests:
                    self._learn_queries()
                else:
                    self._learn_suggestions()
            except ShoplensError as error:  # the store is away
                trouble.met(error)
                pause = TRY_EVERY
            else:
                trouble.over()
                pause = LEARN_EVERY
            if not prepared:
                self.engine.prepare()
                prepared = True

    def _learn_suggestions(self) -> None:
        """Read the catalogue and the log once; from then on `changed` and `_note` keep suggestions fresh."""
        with self._learning:
            if self._suggests:
                return
            self._suggests = True  # first: changes that come while the catalogue is read are taken in as well
            began = time.monotonic()
            try:
                for products in self._store.catalogue.scan(AT_ONCE):
                    shown, hidden = self._searched(products)
                    self.suggestions.apply(shown, hidden, later=True)
                    if self._started and self._stop.wait(time.monotonic() - began):  # requests want to compute, too
                        return
                    began = time.monotonic()
            except ShoplensError:
                self._suggests = False  # from the beginning, once the store is back
                raise
            self.suggestions.settle()
        self._learn_queries()

    def _searched(self, products: Sequence[Product]) -> tuple[Sequence[Product], Sequence[str]]:
        """Those that searches may show by [scenario.search], and the ids of the others: those are not suggested."""
        place = self._scenarios.get(SCENARIO)
        keeps = None if place is None else place.keeps()
        if keeps is None:
            return products, ()
        fits, rows = self._facts.mask(keeps), self._facts.rows(one.item_id for one in products)
        fit = [0 < row < len(fits) and bool(fits[row]) for row in rows.tolist()]  # row 0: `changed` tells of it soon
        return (
            [one for one, good in zip(products, fit, strict=True) if good],
            [one.item_id for one, good in zip(products, fit, strict=True) if not good],
        )

    def _learn_queries(self) -> None:
        """What people searched for lately, and whether it found anything."""
        counted = self._store.searches.queries(since=_now() - int(POPULAR_DAYS * MICROSECONDS_PER_DAY))
        self.suggestions.learn(
            (one.query, one.askers, None if one.empty is None else one.empty < one.searches) for one in counted
        )

    def _follow_log(self) -> None:
        """What any process wrote down since the last look, so that all of them see the same rise."""
        if self.log is not None:
            self.log.flush(1.0)
        with self._lock:
            since = _now() - int(TREND_DAYS * MICROSECONDS_PER_DAY)
            for part in self._store.searches.scan(self._followed, since=since):
                self.rising.note_all(
                    (one.query, one.timestamp, one.user_id or one.session_id)
                    for _, one in part
                    if one.total and one.first == 1
                )
                self._followed = part[-1][0]

    def _rank(self) -> None:
        self._ranked = time.monotonic()
        popular = self._shelf().popularity()
        wanted = np.flatnonzero(popular[: len(self._facts.ids)] > 0)
        self.suggestions.rank([self._facts.ids[row] for row in wanted.tolist()], popular[wanted].tolist())

    def _past(self, user_id: str | None, session_id: str | None, limit: int) -> list[str]:
        return self._store.searches.recent(user_id=user_id, session_id=session_id, limit=limit)

    def _note(self, ask: Ask, found: Found) -> None:
        if ask.prefix:
            return  # somebody is still typing
        if self.log is not None:
            self.log.put(record_of(ask, found))
        if ask.text and ask.understand and not ask.given and self._suggests:  # what somebody typed, as it was typed
            self.suggestions.note(ask.text, found.total, user_id=ask.user_id, session_id=ask.session_id)


def _now() -> int:
    """Microseconds since 1970."""
    return int(time.time() * 1e6)
