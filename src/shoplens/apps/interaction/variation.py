"""Searches for what is like products of the shop, and for them in another way: "the second one in blue"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from shoplens.apps.interaction import wishes
from shoplens.apps.interaction.moves import Other, Reading
from shoplens.apps.interaction.scene import PRICE, Base, Scene
from shoplens.apps.interaction.table import Table
from shoplens.apps.interaction.turns import Likeness, Seen
from shoplens.features.align.lexicon import Idea, built_in, plain

MOST_LIKE = 4  # products that something is to be like at once
TITLE = 300  # characters of the titles that are searched with
CHANGEABLE = frozenset({"colour", "material", "pattern", "style"})  # kinds of the lexicon that titles name


class Variation:
    """Makes the scene of such a search."""

    def __init__(self, table: Table, likeness: Likeness | None) -> None:
        self._table, self._likeness = table, likeness

    def __call__(self, scene: Scene, items: Sequence[str], reading: Reading, *, same: bool) -> Scene:
        """A search for what resembles products. `same`: for them themselves, but for what is to be different."""
        seen = [one for item_id in items[:MOST_LIKE] if (one := self._seen(item_id)) is not None]
        base = Base(
            "product",
            tuple(replace(given, vector=given.vector.copy()) for one in seen for given in one.given),
            tuple(one.shown.copy() for one in seen if one.shown is not None),
            self._words(items, reading),
            tuple(items),
        )
        kept = [one for one in scene.wishes if one.field == PRICE or one.id.startswith(wishes.SENT)]
        kept += [one for one in scene.understood if one.field == PRICE]
        begun = Scene(base=base, wishes=tuple(dict.fromkeys(kept)), table=scene.table)
        if not same:
            begun = begun.turned_down(items)
            if base.given or base.shown:
                return begun
        path = self._table.category(items[0])
        return begun.wished(wishes.in_category(path, self._table.title(items[0]))) if path else begun

    def _seen(self, item_id: str) -> Seen | None:
        return self._likeness(item_id) if self._likeness is not None else None

    def _words(self, items: Sequence[str], reading: Reading) -> str:
        """Titles to search with, without what is to be different: "Red Runner" in blue is "Runner"."""
        titles = " ".join(self._table.title(one) for one in items)[:TITLE]
        lexicon = built_in()
        said = {idea.kind for idea in _ideas(reading.rest)}
        kept = [
            word
            for word in titles.split()
            if (idea := lexicon.by_english.get(plain(word)) or lexicon.by_chinese.get(word)) is None
            or idea.kind not in said
        ]
        words = " ".join(kept)
        for name, idea in lexicon.by_chinese.items() if not titles.isascii() else ():
            if idea.kind in said and len(name) > 1:
                words = words.replace(name, " ")
        for move in reading.moves:
            if isinstance(move, Other) and (own := self._table.field(move.field)) is not None:
                for value in (value for one in items for value in self._table.values(one, own)):
                    words = words.replace(value, " ")
        return " ".join(words.split())


def _ideas(text: str) -> list[Idea]:
    """Colours, materials and the like that a text names."""
    lexicon = built_in()
    found = [one for one in lexicon.pieces(plain(text).split()) if isinstance(one, Idea)]
    if not text.isascii():
        found += [idea for name, idea in lexicon.by_chinese.items() if len(name) > 1 and name in text]
    return [one for one in found if one.kind in CHANGEABLE]
