"""Products by vectors, as fresh as the last call: an index of what was there when built, and a tail of what came since.

A product that changes gets a new place at the end of the tail and its old place dies; a product that leaves dies. The
dead are never found. When tail or graveyard grow, `rebuild` makes a new index (half a minute for a million products, so
in the background) while searches and changes go on.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shoplens.errors import InputError
from shoplens.retrieval.base import Mask, Vectors
from shoplens.retrieval.codes import CodesIndex

Floats = npt.NDArray[np.float32]
RowNumbers = npt.NDArray[np.int64]
Places = npt.NDArray[np.int32]

EXACT_BELOW = 30_000  # products: so many are looked at one by one in 2 ms, and need no index
TAIL_SHARE = 0.1  # of all products may wait for the next build, and as many may be dead
FINER = 3  # times as many are found by the dot product as are wanted, where a finer score orders them
SAMPLE = 512  # products that tell what is usual for a query

#: What makes of an index that was built, and the rows of its places, the one that answers.
Keep = Callable[[CodesIndex, RowNumbers], CodesIndex]
#: Finer scores: what is asked [size], vectors [m, size] → [m].
Rescore = Callable[[Floats, Floats], Floats]


@dataclass(frozen=True, slots=True)
class _Held:
    """What searches read; replaced as a whole, so that each search sees one moment. Places are the index's, then the
    tail's."""

    index: CodesIndex | None
    tail: Vectors  # [room, size]
    row: Places  # [places in use]: whose vector it is, -1 = dead
    place: Places  # [rows]: where a product's vector lies, -1 = nowhere
    sample: Vectors  # [up to SAMPLE, size]

    @property
    def start(self) -> int:
        """First place of the tail."""
        return 0 if self.index is None else len(self.index)

    def vectors(self, places: npt.NDArray[np.integer]) -> Vectors:
        """Vectors at some places."""
        if self.index is None:
            beginning: Vectors = self.tail[places]
            return beginning
        found = np.empty((len(places), self.tail.shape[1]), np.float32)
        old = places < self.start
        found[old] = self.index.vectors[places[old]]
        found[~old] = self.tail[places[~old] - self.start]
        return found

    def alive(self, allowed: Mask | None) -> Mask:
        """Places of products that live and are allowed. [places in use]"""
        if allowed is None:
            return self.row >= 0
        padded = np.append(allowed, False)  # for the dead (-1), and for rows that are younger than the filter
        younger = len(self.place) > len(allowed)
        kept: Mask = padded.take(np.minimum(self.row, len(allowed)) if younger else self.row)
        return kept


class VectorSignal:
    """One kind of vectors of products. Rows are the caller's: any non-negative integers, best dense ones.

    `rescore` orders what the dot product finds more finely (see `Alignment.rescore`). Safe to share between threads.
    """

    def __init__(
        self,
        name: str,
        size: int,
        *,
        rescore: Rescore | None = None,
        exact_below: int = EXACT_BELOW,
    ) -> None:
        self.name = name
        self.size = size
        self.rescore = rescore
        self.exact_below = exact_below
        self._writing = threading.Lock()
        self._building = threading.Lock()
        self._live = 0
        self._unsampled = 0  # changes since the sample was drawn
        nothing = np.zeros((0, size), np.float32)
        self._held = _Held(None, nothing, np.zeros(0, np.int32), np.zeros(0, np.int32), nothing)

    def __len__(self) -> int:
        """Products that have a vector."""
        return self._live

    @property
    def wants_rebuild(self) -> bool:
        """Whether so much changed since the last build that searches are slower than they need be."""
        held = self._held
        waiting = len(held.row) - held.start
        dead = len(held.row) - self._live
        if held.index is None and self._live <= self.exact_below:
            return dead > max(self._live, 1_000)
        return max(waiting, dead) > max(TAIL_SHARE * self._live, 1_000)

    def put(self, rows: Sequence[int] | RowNumbers, vectors: npt.ArrayLike) -> None:
        """Add or replace the vectors [n, size] of products; whoever searches from now on finds them.

        Of a row that is named twice the last vector holds. InputError when shapes do not fit or numbers are not finite.
        """
        fresh = np.asarray(vectors, np.float32)
        names = np.asarray(rows, np.int32).reshape(-1)
        if fresh.shape != (len(names), self.size):
            raise InputError(f"{self.name}: vectors of shape {list(fresh.shape)}, not [{len(names)}, {self.size}]")
        if not np.isfinite(fresh).all():
            raise InputError(f"{self.name}: vectors that are not finite; embed these products again")
        if not len(names):
            return
        last = len(names) - 1 - np.unique(names[::-1], return_index=True)[1]
        names, fresh = names[last], fresh[last]
        with self._writing:
            held = self._held
            begin, end = len(held.row), len(held.row) + len(names)
            tail = _with_room(held.tail, end - held.start)
            tail[begin - held.start : end - held.start] = fresh
            place = _longer(held.place, int(names.max()) + 1)
            row = np.concatenate([held.row, names])
            before = place[names]
            row[before[before >= 0]] = -1
            place[names] = np.arange(begin, end, dtype=np.int32)
            self._publish(held.index, tail, row, place, changed=len(names))

    def remove(self, rows: Sequence[int] | RowNumbers) -> None:
        """Forget products; rows without a vector are ignored."""
        names = np.asarray(rows, np.int64).reshape(-1)
        with self._writing:
            held = self._held
            names = names[(names >= 0) & (names < len(held.place))]
            names = names[held.place[names] >= 0]
            if not len(names):
                return
            row, place = held.row.copy(), held.place.copy()
            row[place[names]] = -1
            place[names] = -1
            self._publish(held.index, held.tail, row, place, changed=len(names))

    def adopt(self, index: CodesIndex, rows: RowNumbers) -> None:
        """Start from an index that was built before; `rows` [len(index)]: whose vector each place holds, -1 = nobody's.

        For a signal that holds nothing yet. InputError when the index is one of other vectors.
        """
        row = np.array(rows, np.int32)
        width = index.vectors.shape[1]
        if self._held.row.size or len(row) != len(index) or width != self.size:
            raise InputError(f"{self.name}: an index of {len(index)} vectors of {width} numbers does not belong here")
        alive = np.flatnonzero(row >= 0)
        place = np.full(int(row.max(initial=-1)) + 1, -1, np.int32)
        place[row[alive]] = alive
        row[np.setdiff1d(alive, place[row[alive]])] = -1  # a row that is named twice has one place
        with self._writing:
            self._publish(index, np.zeros((0, self.size), np.float32), row, place, changed=len(row))

    def rebuild(self, keep: Keep | None = None) -> None:
        """Build anew from all that lives. Slow; searches and changes go on meanwhile, and none is lost.

        `keep` gets the index and the rows of its places as they were when building began [len(index)], and gives back
        the index that shall answer: the same, on disk by then.
        """
        with self._building:
            before = self._held
            places = np.flatnonzero(before.row >= 0)
            vectors = before.vectors(places)
            index = CodesIndex().build(vectors) if len(places) > self.exact_below else None
            if index is not None and keep is not None:
                index = keep(index, before.row[places].astype(np.int64))
            with self._writing:
                now = self._held
                old = now.row[places]  # -1 where a product changed or left meanwhile: places are never used twice
                late = np.flatnonzero(now.row[len(before.row) :] >= 0) + len(before.row)
                row = np.concatenate([old, now.row[late]])
                tail = now.vectors(late)
                if index is None:
                    tail = np.concatenate([vectors, tail])
                place = np.full(len(now.place), -1, np.int32)
                alive = np.flatnonzero(row >= 0)
                place[row[alive]] = alive
                self._publish(index, tail, row, place, changed=len(row))

    def has(self, rows: RowNumbers) -> Mask:
        """Which products have a vector. [len(rows)]"""
        known: Mask = _places(self._held, rows) >= 0
        return known

    def vector(self, row: int) -> Floats | None:
        """The vector of one product [size]; None without one."""
        held = self._held
        place = int(held.place[row]) if 0 <= row < len(held.place) else -1
        return held.vectors(np.array([place]))[0] if place >= 0 else None

    def rows(self) -> RowNumbers:
        """Rows of all products that have a vector, ascending."""
        return np.flatnonzero(self._held.place >= 0)

    def search(self, vector: Floats, k: int, allowed: Mask | None = None) -> tuple[RowNumbers, Floats]:
        """The up to k best rows and their scores, best first; only rows where `allowed` (bool [rows]) is True.

        Rows from len(allowed) on are not allowed. With `rescore`, the FINER · k best dot products are ordered by it.
        """
        held, asked, wanted = self._held, self.checked(vector), k
        k = k if self.rescore is None else FINER * k
        alive = held.alive(allowed)
        count = int(np.count_nonzero(alive))
        if not count or k < 1:
            return np.zeros(0, np.int64), np.zeros(0, np.float32)
        if held.index is None:
            places, scores = _exact(held.tail, asked, k, alive)
        else:
            places, scores = self._through_index(held.index, held, asked, k, alive)
        if self.rescore is not None and len(places):
            scores = self.rescore(asked, held.vectors(places))
        rows = held.row[places].astype(np.int64)
        order = np.lexsort((rows, -scores))[:wanted]
        return rows[order], scores[order]

    def score(self, vector: Floats, rows: RowNumbers) -> Floats:
        """Exact scores of any rows [m]; NaN where a product has no vector."""
        held, asked = self._held, self.checked(vector)
        places = _places(held, rows)
        known = places >= 0
        scores = np.full(len(rows), np.nan, np.float32)
        if known.any():
            scores[known] = self._fine(asked, held.vectors(places[known]))
        return scores

    def usual(self, vector: Floats) -> tuple[float, float]:
        """Mean and deviation of the scores of a sample of products: what a score is to be compared with."""
        sample = self._held.sample
        if len(sample) < 2:
            return 0.0, 1.0
        scores = self._fine(self.checked(vector), sample)
        spread = float(scores.std())
        return float(scores.mean()), spread if spread > 1e-6 else 1.0

    def _fine(self, asked: Floats, vectors: Vectors) -> Floats:
        return vectors @ asked if self.rescore is None else self.rescore(asked, vectors)

    def _through_index(
        self, index: CodesIndex, held: _Held, asked: Floats, k: int, alive: Mask
    ) -> tuple[npt.NDArray[np.int64], Floats]:
        """The index's best and the tail's best."""
        start = held.start
        everything = bool(alive[:start].all())
        found, scores = index.search(asked[None], k, None if everything else alive[:start])
        kept = found[0] >= 0
        places, best = found[0][kept], scores[0][kept]
        waiting = np.flatnonzero(alive[start:])
        if not len(waiting):
            return places, best
        late = held.tail[waiting] @ asked
        return _best(np.concatenate([places, waiting + start]), np.concatenate([best, late]), k)

    def checked(self, vector: Floats) -> Floats:
        """The vector as it is asked with; InputError when it does not fit."""
        asked = np.ascontiguousarray(vector, np.float32)
        if asked.shape != (self.size,):
            raise InputError(f"{self.name}: a vector of {asked.size} numbers; products have {self.size}")
        return asked

    def _publish(self, index: CodesIndex | None, tail: Vectors, row: Places, place: Places, changed: int) -> None:
        """Show searches a new state."""
        alive = np.flatnonzero(row >= 0)
        self._live = len(alive)
        self._unsampled += changed
        held = _Held(index, tail, row, place, self._held.sample)
        if len(held.sample) < min(SAMPLE, len(alive)) or self._unsampled > 0.1 * len(alive):
            chosen = alive if len(alive) <= SAMPLE else np.random.default_rng(0).choice(alive, SAMPLE, replace=False)
            held = _Held(index, tail, row, place, held.vectors(np.sort(chosen)))
            self._unsampled = 0
        self._held = held


def _exact(tail: Vectors, asked: Floats, k: int, alive: Mask) -> tuple[npt.NDArray[np.int64], Floats]:
    """All that live and are allowed, one by one."""
    places = np.flatnonzero(alive)
    if len(places) > len(alive) / 4:  # copying many vectors is dearer than multiplying all
        return _best(places, (tail[: len(alive)] @ asked)[places], k)
    return _best(places, tail[places] @ asked, k)


def _best(places: npt.NDArray[np.int64], scores: Floats, k: int) -> tuple[npt.NDArray[np.int64], Floats]:
    if k < len(places):
        chosen = np.argpartition(-scores, k - 1)[:k]
        places, scores = places[chosen], scores[chosen]
    return places, scores


def _places(held: _Held, rows: RowNumbers) -> Places:
    known = (rows >= 0) & (rows < len(held.place))
    places = np.full(len(rows), -1, np.int32)
    places[known] = held.place[rows[known]]
    return places


def _with_room(tail: Vectors, needed: int) -> Vectors:
    """The same array while it has room (readers look at its beginning only), else a copy twice as long."""
    if needed <= len(tail):
        return tail
    longer = np.empty((max(needed, 2 * len(tail), 64), tail.shape[1]), np.float32)
    longer[: len(tail)] = tail
    return longer


def _longer(place: Places, needed: int) -> Places:
    """A copy with room for so many rows."""
    longer = np.full(max(needed, len(place)), -1, np.int32)
    longer[: len(place)] = place
    return longer
