"""From a scene to products: one question to the search, and what is loosened when nothing answers it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from shoplens.apps.interaction.scene import PRICE, Scene, joined, without_words
from shoplens.apps.interaction.turns import Composer
from shoplens.errors import InputError
from shoplens.recommend.asking import MAX_GIVEN, MAX_TEXT, Ask, Constraint, Found, Search
from shoplens.recommend.filters import Filter, Never, OneOf
from shoplens.retrieval.asked import Given

LOOKS = "looks"
#: Weight of a photo's own vectors beside the composed question: they know its cut, but also the colour that changes.
BESIDE = 0.1
UNSEEN = frozenset({PRICE, "availability", "in_stock", "stock", "created_at"})
FACETS = ("*",)  # those that tell the products apart best


class Answering:
    """Asks the search what a scene says."""

    def __init__(self, search: Search, composer: Composer | None = None) -> None:
        self._search, self._composer = search, composer

    def __call__(self, scene: Scene, ask: Ask, *, facets: bool = False) -> tuple[Scene, Found, bool]:
        """The scene with its products on the table, the answer, and whether wishes had to be loosened for it.

        `ask` carries what does not depend on the scene: who asks, how many, in which language.
        """
        ask = replace(
            ask,
            text=_text(scene),
            given=self._given(scene),
            sort=scene.sort,
            drop=scene.dropped,
            understand=scene.base is None or (scene.base.kind != "product" and bool(scene.lines)),
            facets=FACETS if facets and scene.cursor is None else (),
            cursor=scene.cursor,
        )
        found, loosened = None, False
        for step, filters in enumerate(_filters(scene)):
            found, loosened = self._ask(replace(ask, filter=filters)), step > 0
            if found.items or scene.cursor is not None:
                break
        assert found is not None
        understood = scene.understood if scene.base is not None and scene.base.kind == "product" else found.understood
        table = tuple(hit.item_id for hit in found.items) or scene.table  # what was seen last can still be spoken of
        return replace(scene, understood=understood, table=table, next_cursor=found.cursor), found, loosened

    def _ask(self, ask: Ask) -> Found:
        try:
            return self._search(ask)
        except InputError:
            if ask.cursor is None:
                raise
            return self._search(replace(ask, cursor=None))  # the catalogue changed too much since that page

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
        return (Given(LOOKS, vector), *beside)[:MAX_GIVEN]


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
    if base.kind == "product":
        for held in scene.understood:
            if held.field == PRICE:
                text = without_words(text, held.said)
        return " ".join(f"{base.words} {text}".split())[:MAX_TEXT]
    return text or base.words


def _filters(scene: Scene) -> Iterator[Filter | None]:
    """What to filter by, from all wishes to the few that are never loosened: what the shopper sent or turned down.

    Of a product in another way ("the second one in blue") the words first, then its category; a price stays.
    """
    always = [one.filter for one in scene.wishes if one.field != "category" or one.id.startswith("filter:")]
    if scene.passed:
        always.append(Never(OneOf("item_id", scene.passed)))
    if scene.only:
        yield OneOf("item_id", scene.only)
        return
    place = [one.filter for one in scene.wishes if one.field == "category" and not one.id.startswith("filter:")]
    if scene.base is None or scene.base.kind != "product":
        yield joined([*always, *place])
        return
    words = [one for one in scene.understood if one.id not in scene.dropped]
    tried: list[Filter | None] = []
    for wanted in (words, _sure(words), [one for one in words if one.field == PRICE]):
        for within in (place, []):
            filters = joined([*always, *(one.filter for one in wanted), *within])
            if filters not in tried:
                tried.append(filters)
                yield filters


def _sure(words: Sequence[Constraint]) -> list[Constraint]:
    return [one for one in words if one.strict]
