"""The one sentence of a reply: what was found, or why it is not what was asked for."""

from __future__ import annotations

from shoplens.apps.interaction.play import Played
from shoplens.apps.interaction.scene import Scene
from shoplens.apps.interaction.sentences import listed, say
from shoplens.apps.interaction.table import Table
from shoplens.recommend.asking import Found

LONGEST = 80  # characters of what is searched for, in a sentence
MOST_LABELS = 4  # wishes that are named
MOST_TITLES = 3
BEFORE = (" ", "：")  # how notes end that go before the sentence; others stand in its place


class Telling:
    """See the top of this file."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def __call__(self, scene: Scene, found: Found, played: Played, *, back: bool, language: str) -> str:
        """A sentence in this language."""
        if not found.items and not self._table.any_products():
            return say(language, "no_products")
        what = self.what(scene, language)
        instead = [note for note in played.notes if not note.endswith(BEFORE)]
        if played.end:
            return say(language, "end", what=what)
        if instead or (found.rescued is not None and not played.notes):
            return instead[-1] if instead else str(found.rescued)
        if scene.only and found.items:
            what = listed([self._table.title(one) for one in scene.table[:MOST_TITLES]], language)
        key = "nothing" if not found.items else "picked" if scene.only else "undo" if back else ""
        if key:
            return say(language, key, what=what)
        many = say(language, "products", total=found.total)
        key = "found_one" if found.total == 1 else "found"
        return "".join(played.notes) + say(language, key, many=many, what=what)

    def what(self, scene: Scene, language: str) -> str:
        """What is searched for, in a few words."""
        parts = []
        if scene.base is not None:
            several = scene.base.kind == "photo" and scene.base.many > 1
            title = self._table.title(scene.base.item_ids[0]) if scene.base.item_ids else ""
            parts.append(say(language, "photos" if several else scene.base.kind, title=title))
        if scene.text:
            text = scene.text if len(scene.text) <= LONGEST else f"{scene.text[:LONGEST]}…"
            parts.append(f"“{text}”")
        parts += [one.label for one in scene.wishes if one.label][:MOST_LABELS]
        return listed(parts, language) or say(language, "everything")
