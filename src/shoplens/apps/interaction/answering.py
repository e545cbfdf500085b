"""From a scene to products: one question to the search, and what is loosened when nothing answers it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from shoplens.apps.interaction.scene import PRICE, Scene, joined, without_words
from shoplens.apps.interaction.turns import Composer
from shoplens.apps.interaction.wishes import SENT
from shoplens.errors import InputError
from shoplens.recommend.asking import MAX_GIVEN, MAX_TEXT, Ask, Constraint, Found, Search
from shoplens.recommend.filters import Filter, Never, OneOf
from shoplens.retrieval.asked import Given

LOOKS = "looks"
#: Weight of a photo's own vectors beside the composed question: they know its cut, but also the colour that changes.
BESIDE = 0.1
COMPOSED = 2.0  # and of the composed question, beside which words tell only what they name
UNSEEN = frozenset({PRICE, "availability", "in_stock", "stock", "created_at"})
FACETS = ("*",)  # those that tell the products apart best


@dataclass(frozen=True, slots=True)
class Answered:
    """A scene with its products on the table, and the answer."""

    scene: Scene
    found: Found
    loosened: bool = False  # wishes had to be
    instead: bool = False  # it answers the other scene


@dataclass(frozen=True, slots=True)
class _Try:
    """One question that may be asked for a scene."""

    scene: Scene
    ask: Ask
    holding: tuple[Constraint, ...]  # of the words' constraints, those that are filtered by
    loosened: bool = False
    instead: bool = False


class Answering:
    """Asks the search what a scene says. `peek` answers like `search` and is not written down as shown to somebody."""

    def __init__(self, search: Search, peek: Search, composer: Composer | None = None) -> None:
        self._search, self._peek, self._composer = search, peek, composer

    def __call__(self, scene: Scene, ask: Ask, *, facets: bool = False, instead: Scene | None = None) -> Answered:
        """`ask` carries what does not depend on the scene: who asks, how many, in which language. `instead`: another
        scene, for when nothing answers this one as it stands."""
        tries = list(self._tries(scene, ask))
        if instead is not None:
            tries += [replace(one, instead=True) for one in self._tries(instead, ask)]
        for one in tries[:-1]:
            found = self._peek(one.ask)
            if found.items and (one.instead or instead is None or found.rescued is None):
                return self._answered(one, facets)
        return self._answered(tries[-1], facets)

    def _answered(self, one: _Try, facets: bool) -> Answered:
        scene, counted = one.scene, facets and one.scene.cursor is None
        found = self._ask(replace(one.ask, facets=FACETS if counted else ()))
        known = {held.id for held in found.understood}
        kept = tuple(held for held in scene.firm if held.id not in known)  # they were filtered by
        holding = one.holding if _is_variation(scene) else (*found.understood, *kept)
        still = tuple(held for held in scene.understood if held.id not in known and scene.says(held))
        answered = replace(
            scene,
            understood=(*found.understood, *still),
            holding=holding,
            asked=replace(one.ask, cursor=None),
            table=tuple(hit.item_id for hit in found.items) or scene.table,  # what was seen last can still be meant
            next_cursor=found.cursor,
        )
        return Answered(answered, found, one.loosened, one.instead)

    def _tries(self, scene: Scene, ask: Ask) -> Iterator[_Try]:
        """From everything that is wished to the little that is never loosened."""
        if scene.cursor is not None and scene.asked is not None:
            page = replace(scene.asked, cursor=scene.cursor, n=ask.n, language=ask.language, scenario=ask.scenario)
            yield _Try(scene, replace(page, user_id=ask.user_id, session_id=ask.session_id), scene.holding)
            return
        variation = _is_variation(scene)
        ask = replace(
            ask,
            text=_text(scene),
            given=self._given(scene),
            sort=scene.sort,
            drop=scene.dropped,
            understand=not variation and (scene.base is None or bool(scene.lines)),
            written=not variation and scene.base is not None and not scene.text,
        )
        always = [one.filter for one in scene.wishes if not _loose(one)]
        if scene.passed:
            always.append(Never(OneOf("item_id", scene.passed)))
        if scene.only:
            yield _Try(scene, replace(ask, filter=OneOf("item_id", scene.only)), scene.holding)
        elif variation:
            place = [one.filter for one in scene.wishes if _loose(one)]
            tried: list[Filter | None] = []
            for within in (place, []):
                for words in _looser(scene.understood, scene.dropped):
                    filters = joined([*always, *(one.filter for one in words), *within])
                    if filters not in tried:
                        tried.append(filters)
                        yield _Try(scene, replace(ask, filter=filters), tuple(words), loosened=len(tried) > 1)
        else:
            place = [one.filter for one in scene.wishes if _loose(one)]
            firm = [one.filter for one in scene.firm]
            yield _Try(scene, replace(ask, filter=joined([*always, *place, *firm])), ())

    def _ask(self, ask: Ask) -> Found:
        try:
            return self._search(ask)
        except InputError:
            if ask.cursor is None:
                raise
            return self._search(replace(ask, cursor=None))  # the shop changed too much since that page

    def _given(self, scene: Scene) -> tuple[Given, ...]:
        """Vectors to be near to; where words change what a photo shows, both in one."""
        base = scene.base
        if base is None:
            return ()
        change = _change(scene)
        if self._composer is None or not base.shown or not change:
            return base.given
        vector = self._composer(base.shown, change)
        if vector is None:
            return base.given
        beside = tuple(replace(one, weight=one.weight * BESIDE) for one in base.given if one.signal != LOOKS)
        return (Given(LOOKS, vector, COMPOSED), *beside)[:MAX_GIVEN]


def _change(scene: Scene) -> str:
    """Words that may change what a photo shows: prices, stock and brands are not to be seen."""
    text = scene.text
    for held in scene.understood:
        if held.field in UNSEEN:
            text = without_words(text, held.said)
    return text


def _text(scene: Scene) -> str:
    """Words to search for: of a product its title first, of a photo what is written in it only without any wish."""
    base, text = scene.base, scene.text
    if base is None:
        return text
    if _is_variation(scene):
        for held in scene.understood:
            if held.field == PRICE:
                text = without_words(text, held.said)
        return " ".join(f"{base.words} {text}".split())[:MAX_TEXT]
    return text or base.words


def _is_variation(scene: Scene) -> bool:
    """Whether something is searched for by what a product is: titles are no wishes, so nothing is read out of them."""
    return scene.base is not None and scene.base.kind == "product"


def _loose(wish: Constraint) -> bool:
    """The category of a product that something is to be like, which nobody asked for."""
    return wish.field == "category" and not wish.id.startswith(SENT)


def _looser(words: Sequence[Constraint], dropped: Sequence[str]) -> list[list[Constraint]]:
    """All that words ask for, what they surely ask for, and what is never given up: prices, and what is not wanted."""
    wanted = [one for one in words if one.id not in dropped]
    always = [one for one in wanted if one.field == PRICE or isinstance(one.filter, Never)]
    return [wanted, [one for one in wanted if one.strict or one in always], always]
