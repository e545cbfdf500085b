"""One turn's moves on a scene: what the next scene is, and what there is to say about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from shoplens.apps.interaction import wishes
from shoplens.apps.interaction.moves import (
    Free,
    Like,
    More,
    Move,
    Order,
    Other,
    Others,
    Pick,
    Places,
    Price,
    Reading,
    Without,
)
from shoplens.apps.interaction.nouns import Nouns
from shoplens.apps.interaction.questions import which_brand, which_product
from shoplens.apps.interaction.refinement import plain
from shoplens.apps.interaction.scene import PRICE, Base, Scene
from shoplens.apps.interaction.sentences import field_name, say
from shoplens.apps.interaction.table import Table, resolve
from shoplens.apps.interaction.turns import Likeness, Question
from shoplens.apps.interaction.variation import Variation
from shoplens.recommend.asking import Constraint, Sort
from shoplens.recommend.filters import OneOf


@dataclass(slots=True)
class Played:
    """Where the moves led."""

    scene: Scene
    about: tuple[str, ...] = ()  # products that were referred to
    notes: list[str] = field(default_factory=list)
    question: Question | None = None
    end: bool = False  # more was wanted than there is
    unclear: bool = False  # what was referred to cannot be told: nothing else was done
    unbounded: Scene | None = None  # where a limit of the price was set: the scene without it, cheapest (dearest) first


class Play:
    """Applies what was read. `language` is that of labels and notes."""

    def __init__(
        self, table: Table, nouns: Nouns, likeness: Likeness | None, language: str, about: Sequence[str] = ()
    ) -> None:
        self._table, self._nouns = table, nouns
        self._variation = Variation(table, likeness)
        self._language = language
        self._about = tuple(about)

    def turn(self, scene: Scene, reading: Reading, asks: Sequence[Constraint], base: Base | None) -> Played:
        """The next scene. `asks`: what the plain words ask for; `base`: the photo, video or sound of this turn."""
        played = Played(scene)
        if base is not None:
            played.scene = Scene(base=base, wishes=tuple(one for one in scene.wishes if one.id.startswith(wishes.SENT)))
        elif self._new_topic(scene, reading, asks):
            played.scene = Scene()
        pointed = self._pointed(scene, reading, played, own_photo=base is not None)
        if played.unclear:
            return played
        for move in reading.moves:
            self._move(played, scene, move, pointed)
        if reading.rest and not played.unclear:
            played.scene = _with_words(played.scene, reading.rest, asks)
            if played.unbounded is not None:
                played.unbounded = _with_words(played.unbounded, reading.rest, asks)
        return played

    def _move(self, played: Played, scene: Scene, move: Move, pointed: Sequence[str]) -> None:
        """One of them; Like and Pick were resolved before, Reset and Undo are the conversation's."""
        match move:
            case More():
                self._more(played)
            case Others():
                played.scene = replace(played.scene.turned_down(scene.table), cursor=None)
                played.notes.append(say(self._language, "others"))
            case Order():
                played.scene = replace(played.scene, sort=(move.sort,), cursor=None)
            case Free():
                played.scene = self._freed(played.scene, move.field)
            case Without():
                self._turn_down(played, scene, move.places)
            case Other():
                self._other(played, scene, move, pointed)
            case Price():
                self._price(played, scene, move, pointed)

    def _new_topic(self, scene: Scene, reading: Reading, asks: Sequence[Constraint]) -> bool:
        """Whether the words name another kind of thing than the search so far."""
        if not scene.begun or not reading.rest or reading.feature:
            return False
        if any(isinstance(move, Like | Pick) for move in reading.moves):
            return False
        now = self._nouns.of(plain(reading.rest))
        before = self._nouns.of(plain(f"{scene.text} {scene.base.words if scene.base else ''}"))
        narrower = any(_below(ask, held) for ask in asks for held in (*scene.understood, *scene.wishes))
        return bool(now) and bool(before) and not now & before and not narrower

    def _pointed(self, scene: Scene, reading: Reading, played: Played, *, own_photo: bool) -> tuple[str, ...]:
        """Products that the utterance is about; the scene is then about them."""
        pointing = next((move for move in reading.moves if isinstance(move, Like | Pick)), None)
        changed = bool(reading.rest) or any(isinstance(move, Price | Other) for move in reading.moves)
        if pointing is None:
            if not (scene.only and changed) or played.scene.table != scene.table:
                return ()
            pointing, items = Pick((0,)), scene.only  # "the second one" – "in blue?"
        elif own_photo and pointing.places == (0,):
            return ()
        elif pointing.places == (0,) and not self._about and scene.base is not None and isinstance(pointing, Like):
            return ()  # "like this": as before
        else:
            found = self._resolve(pointing.places, scene, played)
            if found is None:
                return ()
            items = found
        played.about = items
        if isinstance(pointing, Pick) and not changed:
            played.scene = replace(played.scene, only=items, cursor=None)
        else:
            played.scene = self._variation(scene, items, reading, same=isinstance(pointing, Pick))
        return items

    def _resolve(self, places: Places, scene: Scene, played: Played) -> tuple[str, ...] | None:
        found = resolve(places, scene.table, self._about)
        if found is None:
            played.unclear = True
            if not scene.table:
                played.notes.append(say(self._language, "none_shown"))
            elif any(abs(place) > len(scene.table) for place in places):
                shown = len(scene.table)
                played.notes.append(say(self._language, "no_such_one" if shown == 1 else "no_such", shown=shown))
            if scene.table:
                titles = [self._table.title(one) for one in scene.table]
                played.question = which_product(titles, self._language)
        return found

    def _more(self, played: Played) -> None:
        if played.scene.next_cursor is None:
            played.end = True
        else:
            played.scene = replace(played.scene, cursor=played.scene.next_cursor)

    def _freed(self, scene: Scene, kind: str) -> Scene:
        own = self._table.field(kind)
        scene = scene.freed(own or kind)
        return replace(scene, sort=(), cursor=None) if kind == PRICE and scene.sort else replace(scene, cursor=None)

    def _turn_down(self, played: Played, scene: Scene, places: Places) -> None:
        items = self._resolve(places, scene, played)
        if items:
            played.about = ()
            played.scene = replace(played.scene.turned_down(items), only=(), cursor=None)

    def _other(self, played: Played, scene: Scene, move: Other, pointed: Sequence[str]) -> None:
        """Exclude what the products that are meant have in a field."""
        own = self._table.field(move.field)
        if own is None:
            played.notes.append(say(self._language, "no_field", field=field_name(move.field, self._language)))
            return
        items: Sequence[str] = pointed or scene.only
        if move.than:
            resolved = self._resolve(move.than, scene, played)
            if resolved is None:
                return
            items = resolved
        values = [value for one in items for value in self._table.values(one, own)[:1]]
        if not values:
            values = _wanted_values(scene, own)
        if not values and self._about:
            values = [value for one in self._about for value in self._table.values(one, own)[:1]]
        if not values and (common := self._table.common(scene.table, own)) is not None:
            values = [common]
        if not values and len(shown := self._shown(scene, own)) == 1:
            values = shown
        if not values:
            self._unclear(played, scene, own)
            return
        played.scene = replace(played.scene.freed(own) if not pointed else played.scene, only=(), cursor=None)
        for value in dict.fromkeys(values):
            played.scene = played.scene.wished(wishes.not_value(own, value, value, self._language))

    def _unclear(self, played: Played, scene: Scene, own: str) -> None:
        """Nothing tells which value was meant."""
        brands = self._shown(scene, own)
        if own == "brand" and brands:
            played.unclear = True
            played.question = which_brand(brands, self._language)
        else:  # "other colours" of products that all differ: others
            played.scene = replace(played.scene.turned_down(scene.table), cursor=None)

    def _shown(self, scene: Scene, own: str) -> list[str]:
        """Values of a field that products on the table have, each once."""
        return list(dict.fromkeys(value for one in scene.table for value in self._table.values(one, own)[:1]))

    def _price(self, played: Played, scene: Scene, move: Price, pointed: Sequence[str]) -> None:
        items: Sequence[str] = pointed
        if move.than:
            resolved = self._resolve(move.than, scene, played)
            if resolved is None:
                return
            items = resolved
        limit = self._table.limit(items or scene.table, down=move.down, much=move.much, exactly=bool(items))
        if limit is None:
            if scene.table:
                played.notes.append(say(self._language, "no_prices"))
            played.scene = replace(played.scene, sort=(Sort(PRICE, not move.down),), cursor=None)
            return
        played.unbounded = replace(played.scene, sort=(Sort(PRICE, not move.down),), only=(), cursor=None)
        make = wishes.price_below if move.down else wishes.price_above
        wish = make(limit, "", self._language)
        played.scene = replace(played.scene.said("", [wish]).wished(wish), only=(), cursor=None)


def _with_words(scene: Scene, words: str, asks: Sequence[Constraint]) -> Scene:
    """With more search words, and what they ask for."""
    scene = replace(scene.said(words, asks), only=())
    held = tuple(one for one in scene.understood if one.id not in {ask.id for ask in asks})
    return replace(scene, understood=(*held, *asks))


def _below(ask: Constraint, held: Constraint) -> bool:
    """Whether a category lies within another."""
    if not (isinstance(ask.filter, OneOf) and isinstance(held.filter, OneOf)) or ask.field != "category":
        return False
    paths = [(one, other) for one in ask.filter.values for other in held.filter.values]
    return any(
        isinstance(one, tuple) and isinstance(other, tuple) and one[: len(other)] == other for one, other in paths
    )


def _wanted_values(scene: Scene, own: str) -> list[str]:
    """Values of a field that the search is narrowed to."""
    return [
        value
        for one in (*scene.understood, *scene.wishes)
        if one.field == own and isinstance(one.filter, OneOf)
        for value in one.filter.values
        if isinstance(value, str)
    ]
