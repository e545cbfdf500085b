"""The signals of search in memory, brought up to the tables that `embed` writes and to the indexes that are kept.

A table that was written to is compared with what is held, by digest. What no table has yet (a text that was encoded
when its product changed) is put in by hand and stays until a table has it, for ten minutes at most.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import faiss
import numpy as np
import numpy.typing as npt

from shoplens.errors import ShoplensError
from shoplens.features.table import INDEX, FeatureTable
from shoplens.recommend.facts import CatalogueFacts
from shoplens.retrieval.codes import CodesIndex
from shoplens.retrieval.semantic import EXACT_BELOW, Rescore, VectorSignal
from shoplens.service.kept_indexes import KeptIndexes, digests_of, same_inputs

log = logging.getLogger(__name__)
Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]
Read = Callable[[Sequence[str]], Floats]  # item ids, all of which have one → vectors [n, size]
Also = Callable[[dict[str, bytes]], dict[str, bytes]]  # digests by item id → those that tell of what is beside it, too

PART = 16_384  # products whose vectors are copied at a time
AHEAD = 600.0  # seconds for which a text that was encoded here is believed to be newer than the table's
TRY_EVERY = 3.0  # seconds between tries to build: another process may be at it
BEHIND_REQUESTS = 10  # niceness of what builds indexes while requests are answered


@dataclass(frozen=True, slots=True)
class Source:
    """Where the vectors of one signal come from."""

    origin: str  # names the table and whatever else made the vectors; another one: all are read anew
    table: Path
    size: int  # numbers a vector
    read: Callable[[FeatureTable], Read]
    rescore: Rescore | None = None
    also: Also | None = None  # what vectors are made of beside the table
    behind: Path | None = None  # table of what stands in for products that `table` lacks; `read` opens it by itself


@dataclass(slots=True)
class Held:
    """One signal and what it was filled from."""

    signal: VectorSignal
    origin: str
    stamp: tuple[int, ...] = ()  # when its tables had been written
    generation: int = 0  # of the index that was tried or kept, 0 = none
    digests: dict[str, bytes] = field(default_factory=dict)  # item_id → input of the vector that is held
    ahead: dict[str, float] = field(default_factory=dict)  # item_id → when it was encoded here, before any table had it


class HeldVectors:
    """See the top of this file. All but `remove` and `signals` are for one thread.

    `exact_below`: products up to which a signal needs no index.
    """

    def __init__(self, facts: CatalogueFacts, indexes: KeptIndexes, *, exact_below: int = EXACT_BELOW) -> None:
        self._facts = facts
        self._indexes = indexes
        self._exact_below = exact_below
        self._held: dict[str, Held] = {}
        self._builder: threading.Thread | None = None
        self._tried = float("-inf")
        self.signals: tuple[VectorSignal, ...] = ()

    def get(self, name: str) -> Held | None:
        """One signal; None where there is none."""
        return self._held.get(name)

    def keep_only(self, names: Iterable[str]) -> None:
        """Give up the others."""
        for name in set(self._held) - set(names):
            del self._held[name]
            self._publish()

    def remove(self, item_ids: Sequence[str]) -> None:
        """Products left."""
        for held in list(self._held.values()):
            held.signal.remove(self._facts.rows(item_ids))
            for item_id in item_ids:
                held.digests.pop(item_id, None)
                held.ahead.pop(item_id, None)

    def put_ahead(self, name: str, fresh: Mapping[str, bytes], vectors: Floats) -> None:
        """Vectors [len(fresh), size] of products, by item id the digests of what they were made from: no table has them
        yet."""
        held = self._held[name]
        held.signal.put(self._facts.rows(fresh), vectors)
        held.digests.update(fresh)
        held.ahead.update(dict.fromkeys(fresh, time.monotonic()))

    def take(self, name: str, source: Source) -> None:
        """Bring one signal up to what its tables say; open an index that another process has built."""
        tables = [source.table] if source.behind is None else [source.table, source.behind]
        stamp = tuple((one / INDEX).stat().st_mtime_ns for one in tables)
        held = self._held.get(name)
        known = held is not None and held.origin == source.origin
        newer = held is not None and known and self._newer(name, held)
        if held is not None and known and held.stamp == stamp and not newer:
            return
        table = FeatureTable(source.table)
        digests = {item_id: table.digest(item_id) or b"" for item_id in table.ids}
        if source.behind is not None:
            behind = FeatureTable(source.behind)
            digests = {item_id: behind.digest(item_id) or b"" for item_id in behind.ids} | digests
        digests = digests if source.also is None else source.also(digests)
        before, fresh = held, held is None or not known or newer
        if held is None or fresh:
            held = self._begun(name, source, digests)
        if before is not None and newer:
            self._carry_over(before, held)
        read, changed = source.read(table), _changed(held, digests)
        for start in range(0, len(changed), PART):
            self._put(held, changed[start : start + PART], read, digests)
        gone = [item_id for item_id in held.digests if item_id not in digests and item_id not in held.ahead]
        held.signal.remove(self._facts.rows(gone))
        for item_id in gone:
            del held.digests[item_id]
        held.stamp = stamp
        if fresh:
            self._held[name] = held
            self._publish()

    def build(self) -> None:
        """Index what grew, in a thread of its own: it takes minutes for a million products."""
        if time.monotonic() - self._tried < TRY_EVERY or (self._builder is not None and self._builder.is_alive()):
            return
        waiting = {name: held for name, held in self._held.items() if held.signal.wants_rebuild}
        if waiting:
            self._tried = time.monotonic()
            self._builder = threading.Thread(
                target=self._rebuild, args=(waiting,), name="shoplens-vectors", daemon=True
            )
            self._builder.start()

    def _publish(self) -> None:
        self.signals = tuple(held.signal for held in self._held.values())

    def _newer(self, name: str, held: Held) -> bool:
        """Whether another process has built an index that this one waits for."""
        return held.signal.wants_rebuild and self._indexes.generation(name, held.origin) > held.generation

    def _empty(self, name: str, source: Source) -> VectorSignal:
        return VectorSignal(name, source.size, rescore=source.rescore, exact_below=self._exact_below)

    def _begun(self, name: str, source: Source, digests: dict[str, bytes]) -> Held:
        """A signal that holds what is the same in the index that was kept, or nothing."""
        held = Held(self._empty(name, source), source.origin)
        held.generation = self._indexes.generation(name, source.origin)  # a damaged one is not tried again
        kept = self._indexes.read(name, source.origin)
        if kept is None or kept.index.vectors.shape[1] != source.size:
            return held
        rows = self._facts.rows(kept.ids)
        alive = same_inputs(kept, digests) & self._facts.columns.listed[rows]
        held.signal.adopt(kept.index, np.where(alive, rows, -1))
        held.digests = {kept.ids[place]: kept.digests[place] for place in np.flatnonzero(alive).tolist()}
        held.generation = kept.generation
        return held

    def _carry_over(self, before: Held, held: Held) -> None:
        """What was encoded here and no table has."""
        for item_id, when in before.ahead.items():
            vector = before.signal.vector(int(self._facts.rows([item_id])[0]))
            if vector is not None:
                held.signal.put(self._facts.rows([item_id]), vector[None])
                held.digests[item_id], held.ahead[item_id] = before.digests[item_id], when

    def _put(self, held: Held, item_ids: list[str], read: Read, digests: dict[str, bytes]) -> None:
        rows = self._facts.rows(item_ids)
        here = np.flatnonzero(self._facts.columns.listed[rows])
        if len(here):
            known = [item_ids[place] for place in here.tolist()]
            held.signal.put(rows[here], read(known))
            held.digests.update((item_id, digests[item_id]) for item_id in known)

    def _rebuild(self, waiting: Mapping[str, Held]) -> None:
        faiss.omp_set_num_threads(1)  # of this thread alone: answers need the other cores
        if sys.platform == "linux":  # where threads have priorities of their own
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), BEHIND_REQUESTS)
        for name, held in waiting.items():
            try:
                with self._indexes.building(name) as ours:
                    if ours and not self._newer(name, held):
                        self._rebuild_one(name, held)
            except (ShoplensError, OSError, MemoryError) as error:
                log.warning("the vectors of %s are searched without an index: %s", name, error)

    def _rebuild_one(self, name: str, held: Held) -> None:
        ids = self._facts.ids
        digests = dict(held.digests)  # as they are before building begins: what changes meanwhile is told by them

        def keep(index: CodesIndex, rows: Rows) -> CodesIndex:
            whose = [ids[row] for row in rows.tolist()]
            try:
                held.generation, mapped = self._indexes.write(
                    name, held.origin, index, whose, digests_of(whose, digests)
                )
            except OSError as error:  # it answers all the same, from memory
                log.warning("the index of %s is built again at the next start: %s", name, error)
                return index
            return mapped

        held.signal.rebuild(keep)


def _changed(held: Held, digests: dict[str, bytes]) -> list[str]:
    """Products whose vector in the table is another one than is held, and not an older one."""
    late = time.monotonic() - AHEAD
    held.ahead = {
        item_id: when
        for item_id, when in held.ahead.items()
        if when > late and digests.get(item_id) != held.digests.get(item_id)
    }
    return [
        item_id
        for item_id, digest in digests.items()
        if held.digests.get(item_id) != digest and item_id not in held.ahead
    ]
