"""One trained bundle laid over the catalogue as it is now: which row is which product, and what may be offered."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from shoplens.domain.dataset import Histories
from shoplens.domain.events import EVENT_WEIGHTS, EventWeights, key_of_text
from shoplens.models.base import Recommender
from shoplens.recommend.facts import CatalogueFacts, Mask
from shoplens.recommend.filters import Filter
from shoplens.recommend.learned import Learned
from shoplens.recommend.newcomers import Contents, Newcomers
from shoplens.recommend.rules import best
from shoplens.recommend.trending import Trending

KEPT = 64  # arrays that follow from the catalogue, see `Shelf.kept`
PARTS = 3  # of arrays over what a filter keeps
MASK_BYTES = 64_000_000  # of kept masks, and
MASK_BYTES_EACH = 128  # for each product: in a large catalogue 9 filters that keep most, or 60 that keep few


@dataclass(frozen=True, slots=True)
class Offer:
    """What may be shown: masks over the facts rows, the trained rows and the newcomers."""

    facts: Mask  # [len(facts)]
    trained: Mask  # [n_items]
    newcomers: Mask  # [m]
    trained_rows: npt.NDArray[np.int64]  # where `trained` is True; gathering scores by rows beats masking them
    all_rows: npt.NDArray[np.int64]  # the same, then n_items + where `newcomers` is True
    #: The first of everybody's ranking among `trained_rows`, see `leaders`; one entry at most.
    first: list[tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]] = field(default_factory=list)
    #: Parts of arrays that are the same for everybody, see `part`; the latest few.
    parts: list[tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Bytes."""
        whole = (self.facts, self.trained, self.newcomers, self.trained_rows)
        size = sum(one.nbytes for one in whole) + (
            self.all_rows.nbytes if self.all_rows is not self.trained_rows else 0
        )
        return size + PARTS * 4 * len(self.trained_rows)

    def part(self, whole: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """`whole`, [n_items], over `trained_rows`; kept for as long as it is the same array."""
        for known, part in self.parts:
            if known is whole:
                return part
        part = whole[self.trained_rows]
        self.parts[:] = [(whole, part), *self.parts][:PARTS]
        return part

    def leaders(self, common: npt.NDArray[np.float32], n: int) -> npt.NDArray[np.int64]:
        """The n of `trained_rows` that have most in common [n_items], best first; kept for as long as it is the same
        array."""
        for known, rows in self.first:
            if known is common and len(rows) >= min(n, len(self.trained_rows)):
                return rows[:n]
        rows = self.trained_rows[best(common[self.trained_rows], n)]
        self.first[:] = [(common, rows)]
        return rows


def no_contents(item_ids: object) -> tuple[()]:  # noqa: ARG001 - the signature of `Contents`
    """Nothing has been embedded."""
    return ()


class Shelf:
    """Serves one bundle (or none) for its whole life; `refresh` follows the catalogue."""

    def __init__(
        self, learned: Learned | None, facts: CatalogueFacts, trending: Trending, contents: Contents = no_contents
    ) -> None:
        self.learned = learned
        self.facts = facts
        self.trending = trending
        self._contents = contents
        self._lock = threading.Lock()
        self._masks: OrderedDict[Filter | None, tuple[int, Offer]] = OrderedDict()
        self._kept: OrderedDict[Hashable, tuple[int, npt.NDArray[Any]]] = OrderedDict()
        self._aligned = 0  # facts rows that have been looked at
        items = len(learned.items) if learned is not None else 0
        self.fact_row: npt.NDArray[np.int64] = np.zeros(items, np.int64)  # trained row → facts row, 0 = gone
        self.newcomers = Newcomers()
        self.place_of_newcomer: dict[str, int] = {}  # item_id → entry in `newcomers`
        self.stand_ins: dict[str, tuple[tuple[int, float], ...]] = {}
        self._profile_rows = learned.profile_rows() if learned is not None else {}
        self._model_popularity = self._popularity_of_model()
        self.refresh()

    @property
    def version(self) -> str | None:
        """The bundle that answers."""
        return self.learned.version if self.learned is not None else None

    @property
    def event_weights(self) -> EventWeights:
        """What one event says, as the bundle learnt it."""
        return self.learned.event_weights if self.learned is not None else EVENT_WEIGHTS

    def refresh(self, *, embedded: bool = False) -> None:
        """Take in products that arrived since the last call; `embedded`: look at all newcomers again."""
        with self._lock:
            total = len(self.facts.columns)
            if total == self._aligned and not embedded:
                return
            fact_row = self.fact_row.copy()
            rows = [] if embedded else [int(row) for row in self.newcomers.rows]
            start = 1 if embedded else max(self._aligned, 1)
            items = self.learned.items if self.learned is not None else None
            for row in range(start, total):
                known = items.get(self.facts.ids[row]) if items is not None else -1
                if known >= 0:
                    fact_row[known] = row
                else:
                    rows.append(row)
            if self.learned is not None and (embedded or len(rows) != len(self.newcomers)):
                self.newcomers = Newcomers.find(self.learned, self.facts, rows, self._contents)
                self.stand_ins = self.newcomers.stand_ins(self.facts)
                self.place_of_newcomer = {self.facts.ids[row]: k for k, row in enumerate(self.newcomers.rows)}
            self.fact_row = fact_row
            self._aligned = total
            self._masks.clear()

    def profile_row(self, user_id: str) -> int:
        """Row of a person in the profiles that the models learnt, -1 for people who came later."""
        return self._profile_rows.get(key_of_text(user_id), -1) if self._profile_rows else -1

    def offer(self, wanted: Filter | None, *, unavailable: bool = False) -> Offer:
        """Products that the filter keeps and that can be ordered (`unavailable`: also those that cannot)."""
        key = (wanted, unavailable)
        version = self.facts.version
        kept = self._masks.get(key)  # type: ignore[call-overload]
        if kept is not None and kept[0] == version:
            with self._lock:
                if key in self._masks:  # type: ignore[comparison-overlap]
                    self._masks.move_to_end(key)  # type: ignore[arg-type]
            return kept[1]  # type: ignore[no-any-return]
        mask = self.facts.columns.listed.copy() if unavailable else self.facts.offered()
        if wanted is not None:
            chosen = self.facts.mask(wanted)
            mask = mask[: len(chosen)] & chosen[: len(mask)]
        mask[0] = False
        fact_row, newcomers = self.fact_row, self.newcomers
        trained, fresh = _at(mask, fact_row), _at(mask, newcomers.rows)
        rows = np.flatnonzero(trained)
        new = np.flatnonzero(fresh)
        offer = Offer(mask, trained, fresh, rows, np.concatenate([rows, len(trained) + new]) if len(new) else rows)
        with self._lock:
            self._masks[key] = (version, offer)  # type: ignore[index]
            self._masks.move_to_end(key)  # type: ignore[arg-type]
            room = MASK_BYTES + MASK_BYTES_EACH * len(mask)
            while len(self._masks) > 8 and sum(one.size for _, one in self._masks.values()) > room:
                self._masks.popitem(last=False)
        return offer

    def kept(self, key: Hashable, make: Callable[[], npt.NDArray[Any]]) -> npt.NDArray[Any]:
        """An array that depends on the catalogue and `key` alone, kept until the catalogue changes. Not to be
        changed."""
        version = self.facts.version
        found = self._kept.get(key)
        if found is None or found[0] != version:
            found = version, make()
            with self._lock:
                self._kept[key] = found
                while len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
        return found[1]

    def popularity(self) -> npt.NDArray[np.float32]:
        """How much each product is wanted by everybody, over facts rows; 0 where nobody acted. [len(facts)]"""
        live = self.trending.scores(len(self.facts.columns))
        if self._model_popularity is None:
            return live
        popular = np.zeros(len(self.facts.columns), np.float32)
        popular[self.fact_row] = self._model_popularity
        popular[0] = 0.0
        return np.maximum(popular, live)

    def vectors_of(self, item_ids: list[str]) -> npt.NDArray[np.float32] | None:
        """Vectors of products, zero where there is none; None when the bundle has no vectors. [len(item_ids), size]"""
        if self.learned is None or self.learned.vectors is None:
            return None
        found = np.zeros((len(item_ids), self.learned.vectors.shape[1]), np.float32)
        trained = self.learned.items.rows(item_ids)
        found[trained >= 0] = self.learned.vectors[trained[trained >= 0]]
        if self.newcomers.vectors is not None:
            for position in np.flatnonzero(trained < 0):
                k = self.place_of_newcomer.get(item_ids[position])
                if k is not None:
                    found[position] = self.newcomers.vectors[k]
        return found

    def _popularity_of_model(self) -> npt.NDArray[np.float32] | None:
        """Popularity as training saw it, stretched to [0, 1]; None without such a model."""
        model: Recommender | None = self.learned.models.get("popularity") if self.learned is not None else None
        if model is None or self.learned is None or not len(self.learned.items):
            return None
        nothing = np.zeros(0, np.float32)
        scores = model.score(Histories.of_one(np.zeros(0, np.int32), nothing, nothing))[0]
        low, high = float(scores.min()), float(scores.max())
        stretched: npt.NDArray[np.float32] = (scores - low) / max(high - low, 1e-9)
        return stretched


def _at(mask: Mask, rows: npt.NDArray[np.int64]) -> Mask:
    """mask[rows], False for rows that came after the mask was made."""
    inside = rows < len(mask)
    if inside.all():
        return mask[rows]
    return mask[np.where(inside, rows, 0)]
