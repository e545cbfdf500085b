"""A conversation about what to buy: every turn answers with products, what was understood, and perhaps a question."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from shoplens.apps.interaction.answering import Answering
from shoplens.apps.interaction.media import Brought, appearances, bring
from shoplens.apps.interaction.moves import Reading, Reset, Undo
from shoplens.apps.interaction.nouns import Nouns
from shoplens.apps.interaction.play import Play, Played
from shoplens.apps.interaction.questions import CLEAR, which_category, which_value
from shoplens.apps.interaction.refinement import Refinements
from shoplens.apps.interaction.scene import Scene
from shoplens.apps.interaction.sentences import say
from shoplens.apps.interaction.sessions import Session, Sessions
from shoplens.apps.interaction.table import Table
from shoplens.apps.interaction.telling import Telling
from shoplens.apps.interaction.turns import (
    MAX_TEXT,
    Appearance,
    Composer,
    Likeness,
    MediaReader,
    Question,
    Reply,
    Turn,
    Understand,
)
from shoplens.apps.interaction.wishes import sent
from shoplens.encoders.centring import LANGUAGES, language_of
from shoplens.recommend.asking import Ask, Constraint, Found, Search
from shoplens.recommend.facts import CatalogueFacts

SPOKEN = ("en", "zh")
MOST_ATTRIBUTES = 60  # names of attributes that shoppers may speak of


class Interaction:
    """See the top of this file. Safe to share between threads; turns of one conversation wait for one another.

    search: whose answers are shown to the shopper. peek: the same without being logged, for looking at the shots of a
    video; default `search`. media, composer, understand and likeness may each be missing: then photos are refused,
    words change nothing about a photo, plain words are left to `search` alone, and "like the second" goes by titles.
    """

    def __init__(
        self,
        search: Search,
        facts: CatalogueFacts,
        media: MediaReader | None = None,
        *,
        composer: Composer | None = None,
        understand: Understand | None = None,
        likeness: Likeness | None = None,
        peek: Search | None = None,
        sessions: Sessions | None = None,
        language: str = "en",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.sessions = sessions if sessions is not None else Sessions(clock=clock)
        self._peek = peek or search
        self._answer = Answering(search, self._peek, composer)
        self._media, self._understand, self._likeness = media, understand, likeness
        self._table = Table(facts)
        self._telling = Telling(self._table)
        self._nouns = Nouns(facts, clock=clock)
        self._language = language  # where nothing tells which one the shopper speaks
        self._refinements: tuple[tuple[str, ...], Refinements] = ((), Refinements())

    def turn(self, turn: Turn) -> Reply:
        """Answer one turn. InputError for media that cannot be used; ServiceUnavailableError when the turn before it
        is still being answered."""
        brought = bring(turn, self._media)  # before the conversation is held: opening a video takes its time
        text = " ".join(part for part in (turn.text.strip(), brought.speech) if part)[:MAX_TEXT]
        with self.sessions.hold(turn.session_id, turn.user_id) as session:
            session.language = self._spoken(turn, text, brought, session)
            return self._reply(session, turn, text, brought)

    def _reply(self, session: Session, turn: Turn, text: str, brought: Brought) -> Reply:
        session.turn += 1
        language = session.language
        if turn.reset:
            session.forget()
        reading = self._reader().read(text, photos=brought.base is not None, begun=session.scene.begun)
        notes: list[str] = []
        if any(isinstance(move, Reset) for move in reading.moves):
            session.forget()
            reading = replace(reading, moves=tuple(m for m in reading.moves if not isinstance(m, Reset)))
            if not reading.rest and brought.base is None:
                notes.append(say(language, "reset"))
        if any(isinstance(move, Undo) for move in reading.moves):
            played, back = self._back(session), True
        else:
            played, back = self._play(session, turn, reading, brought), False
        played.notes[:0] = notes
        ask = Ask(
            n=turn.n,
            user_id=turn.user_id,
            session_id=session.session_id,
            language=language,
            scenario=turn.scenario,
        )
        wide = not turn.photos and not back and not played.unclear
        answered = self._answer(played.scene, ask, facets=wide, instead=played.unbounded)
        scene, found = answered.scene, answered.found
        if answered.instead:
            played.notes.append(say(language, "no_dearer" if scene.sort[0].descending else "no_cheaper"))
        if played.end:
            found = replace(found, items=(), cursor=None)
            scene = replace(scene, table=session.scene.table)
        if answered.loosened and not answered.instead:
            played.notes.append(say(language, "relaxed"))
        if back or scene.same_as(session.scene):
            session.scenes[-1] = scene
        else:
            session.go_on(scene)
        session.about = played.about or (() if brought.base is not None else session.about)
        moments = self._moments(brought, turn)
        asking = wide and not played.end and not notes
        question = played.question or (self._question(session, scene, found) if asking else None)
        return Reply(
            session_id=session.session_id,
            turn=session.turn,
            found=_with_moments(found, moments),
            understood=_holding(scene),
            said=self._telling(scene, found, played, back=back, language=language),
            language=language,
            heard=brought.speech or None,
            seen=brought.seen,
            read=brought.read,
            moments=moments,
            about=played.about,
            question=question,
        )

    def _play(self, session: Session, turn: Turn, reading: Reading, brought: Brought) -> Played:
        language = session.language
        asks: Sequence[Constraint] = ()
        if reading.rest and self._understand is not None:
            asks = tuple(self._understand(reading.rest, language))
        scene = session.scene
        for name in turn.drop:
            scene = _dropped(scene, name)
        play = Play(self._table, self._nouns, self._likeness, language, session.about)
        played = play.turn(scene, reading, asks, brought.base)
        if turn.filter is not None:
            played.scene = replace(played.scene.wished(sent(turn.filter, language)), cursor=None, only=())
        return played

    def _back(self, session: Session) -> Played:
        """One step back, if there is one."""
        if len(session.scenes) <= 2:
            return Played(session.scene, notes=[say(session.language, "nothing_to_undo")])
        session.scenes.pop()
        session.about = ()
        return Played(session.scene)

    def _question(self, session: Session, scene: Scene, found: Found) -> Question | None:
        """At most one, and only where an answer would tell much."""
        constraints = len(_holding(scene))
        if scene.only or scene.passed or constraints >= CLEAR or (scene.base is not None and scene.lines):
            return None
        if scene.lines and "category" not in session.asked and not any(c.field == "category" for c in _holding(scene)):
            question = which_category(found.items, self._table, session.language)
            if question is not None:
                session.asked.add("category")
                return question
        if scene.sort or scene.cursor is not None:
            return None
        told = which_value(found, {*session.asked, *(one.field for one in _holding(scene))}, session.language)
        if told is None:
            return None
        session.asked.add(told[0])
        return told[1]

    def _moments(self, brought: Brought, turn: Turn) -> tuple[Appearance, ...]:
        return tuple(
            one
            for source, shots in brought.films
            for one in appearances(source, shots, self._peek, turn.user_id, turn.scenario)
        )

    def _spoken(self, turn: Turn, text: str, brought: Brought, session: Session) -> str:
        """The language to answer in."""
        if turn.language in SPOKEN:
            return turn.language
        if brought.language in SPOKEN and not turn.text.strip():
            return brought.language
        if any(letter.isalpha() for letter in text):
            told = LANGUAGES[language_of(text)]
            return told if told in SPOKEN else session.language
        return session.language if session.turn else self._language

    def _reader(self) -> Refinements:
        names = self._table.attributes()[:MOST_ATTRIBUTES]
        if self._refinements[0] != names:
            self._refinements = (names, Refinements(names))
        return self._refinements[1]


def _dropped(scene: Scene, name: str) -> Scene:
    """Without the constraint of this id, whichever it is."""
    held = next((one for one in (*scene.wishes, *scene.understood) if one.id == name), None)
    if held is not None:
        return scene.without(held)
    return replace(scene, dropped=tuple(dict.fromkeys((*scene.dropped, name[:200])))[-100:], cursor=None)


def _holding(scene: Scene) -> tuple[Constraint, ...]:
    """Everything that holds now."""
    own = {one.id for one in scene.wishes}
    return (*scene.wishes, *(one for one in scene.holding if one.id not in own and one.id not in scene.dropped))


def _with_moments(found: Found, moments: Sequence[Appearance]) -> Found:
    """Products that were found and appear in the video know when."""
    if not moments:
        return found
    items = tuple(
        replace(hit, moments=own) if (own := tuple(m.moment for m in moments if m.item_id == hit.item_id)) else hit
        for hit in found.items
    )
    return replace(found, items=items)
