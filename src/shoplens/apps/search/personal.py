"""How much one person would like each product that was found: the trained model's view of what they did lately."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shoplens.domain.events import Event
from shoplens.recommend.messages import BECAUSE, say
from shoplens.recommend.past import Deed, Past
from shoplens.recommend.shelf import Shelf

LATEST = 16  # deeds that a reason may name
ALIKE = 0.6  # cosine of two products' vectors from which one is said to be similar to the other
INDIFFERENT = 0.5  # taste for a product of which the model knows no more than of the average one

Floats = npt.NDArray[np.float32]
#: The latest events of a person (user_id, session_id, limit), oldest first.
ReadHistory = Callable[[str | None, str | None, int], list[Event]]


@dataclass(frozen=True, slots=True, eq=False)
class _Places:
    """Where the scores of the products in facts rows are: trained products, then newcomers; -1 = nowhere."""

    trained: npt.NDArray[np.int64]  # the arrays that this was made from
    newcomers: npt.NDArray[np.int64]
    place: npt.NDArray[np.int64]  # [facts rows]


class PersonalOrder:
    """Tastes from the bundle that answers now. Keeps nothing of anybody: an event of a moment ago counts."""

    def __init__(
        self, shelf: Callable[[], Shelf], history: ReadHistory, *, language: str = "en", limit: int = 200
    ) -> None:
        """`language`: of the reasons, "en" or "zh"; `limit`: latest events that are read."""
        self._shelf = shelf
        self._history = history
        self._language = language
        self._limit = limit
        self._places: _Places | None = None

    def scores(
        self, user_id: str | None, session_id: str | None, rows: npt.NDArray[np.int64]
    ) -> tuple[Floats, list[tuple[str, ...]]] | None:
        """Taste for the products in these facts rows, 0 to 1, and why, in words.

        None for strangers, and before the first training. 0.5 is what the average product of the catalogue gets, s
        standard deviations above it are 0.5 + 0.5 s / (1 + s): also among favourites the larger score stays larger.
        """
        shelf = self._shelf()
        learned = shelf.learned
        if learned is None or not len(learned.items) or not (user_id or session_id):
            return None
        events = self._history(user_id, session_id, self._limit)
        profile = shelf.profile_row(user_id) if user_id else -1
        past = Past.of(events, profile=profile, weights=shelf.event_weights)
        histories = past.histories(learned.items, shelf.stand_ins)
        if not len(histories.item):
            return None
        trained = learned.model.score(histories)[0]
        everything = np.concatenate([trained, shelf.newcomers.scores(trained)])
        place = self._place(shelf, rows)
        known = (place >= 0) & (place < len(everything))
        above = (everything[np.where(known, place, 0)] - trained.mean()) / max(float(trained.std()), 1e-9)
        taste = np.where(known, INDIFFERENT + 0.5 * above / (1 + np.abs(above)), INDIFFERENT).astype(np.float32)
        item_ids = [shelf.facts.ids[row] for row in rows.tolist()]
        disliked = past.disliked
        taste[[name in disliked for name in item_ids]] = 0.0
        return taste, self._reasons(shelf, past, rows, item_ids, taste)

    def _place(self, shelf: Shelf, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Place of each row's score. The table is kept as long as the shelf has the same products."""
        kept, fact_row, newcomers = self._places, shelf.fact_row, shelf.newcomers.rows
        if kept is None or kept.trained is not fact_row or kept.newcomers is not newcomers:
            place = np.full(len(shelf.facts.columns), -1, np.int64)
            place[fact_row] = np.arange(len(fact_row))
            place[newcomers] = len(fact_row) + np.arange(len(newcomers))
            place[0] = -1
            kept = self._places = _Places(fact_row, newcomers, place)
        inside = rows < len(kept.place)
        return np.where(inside, kept.place[np.where(inside, rows, 0)], -1)

    def _reasons(
        self, shelf: Shelf, past: Past, rows: npt.NDArray[np.int64], item_ids: Sequence[str], taste: Floats
    ) -> list[tuple[str, ...]]:
        """What the person did with this very product, or with one that is like it, or of the same brand.

        Only what can be seen is said; asking the model which deed moved it, as `recommend.explain` does, would take
        longer than the search itself.
        """
        liked = list(
            {deed.item_id: deed for deed in past.deeds if deed.weight > 0 and deed.event_type in BECAUSE}.values()
        )
        liked = liked[-LATEST:]
        alike = _alike(shelf, item_ids, [deed.item_id for deed in liked])
        own = {deed.item_id: deed for deed in liked}
        brands = {int(shelf.facts.columns.brand[shelf.facts.row(deed.item_id)]): deed for deed in liked}
        brands.pop(0, None)
        codes = shelf.facts.columns.brand[rows]
        result: list[tuple[str, ...]] = []
        for position, item_id in enumerate(item_ids):
            said: list[str] = []
            if taste[position] > INDIFFERENT:
                if item_id in own:
                    said.append(self._say(shelf, BECAUSE[own[item_id].event_type], own[item_id]))
                elif alike[position] >= 0:
                    said.append(self._say(shelf, "similar", liked[alike[position]]))
                brand = brands.get(int(codes[position]))
                if brand is not None and not said:
                    said.append(self._say(shelf, "brand", brand))
            result.append(tuple(said))
        return result

    def _say(self, shelf: Shelf, key: str, deed: Deed) -> str:
        title = shelf.facts.titles[shelf.facts.row(deed.item_id)] or deed.item_id
        return say(self._language, key, title=title)


def _alike(shelf: Shelf, item_ids: Sequence[str], liked: Sequence[str]) -> npt.NDArray[np.int64]:
    """Which of the liked products each product is most like; -1 where it is like none. [len(item_ids)]"""
    vectors = shelf.vectors_of([*item_ids, *liked]) if liked else None
    if vectors is None:
        return np.full(len(item_ids), -1, np.int64)
    cosine = vectors[: len(item_ids)] @ vectors[len(item_ids) :].T
    best = cosine.argmax(axis=1)
    return np.where(np.take_along_axis(cosine, best[:, None], axis=1)[:, 0] >= ALIKE, best, -1)
