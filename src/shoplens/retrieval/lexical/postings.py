"""Which products hold a term, for the whole catalogue at once, as arrays of the caller's rows.

tantivy finds and scores the best products one by one. How many match in all, and which, is asked with every facet and
every total: that is counted here, a term's products being one slice of an array. Terms are known by their four bytes,
as in `content` (see `schema`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from shoplens.retrieval.base import Mask

Rows = npt.NDArray[np.int64]
Pairs = npt.NDArray[np.uint64]  # term << 32 | row, ascending
RowOf = Callable[[Sequence[str]], Rows]

FRESH_SHARE = 0.05  # of all pairs, from which on those written since are merged in
FRESH_AT_LEAST = 200_000
_ROW = np.uint64(32)  # bits of a pair that are the row


@dataclass(frozen=True, slots=True, eq=False)
class Postings:
    """The products of each term as of one commit. Immutable: `with_products` and `merged` give another."""

    commit: int = 0  # of the index: all that was written up to it is in here
    fresh: Pairs = field(default_factory=lambda: np.zeros(0, np.uint64))  # of products written since the merge
    stale: Mask = field(default_factory=lambda: np.zeros(0, bool))  # [rows]: what is merged says nothing of these
    unknown: Mapping[str, bytes] = field(default_factory=dict)  # item id → content, where the caller has no row yet
    _terms: npt.NDArray[np.uint32] = field(default_factory=lambda: np.zeros(0, np.uint32))  # ascending
    _starts: Rows = field(default_factory=lambda: np.zeros(1, np.int64))  # of each term's rows, and the end
    _rows: npt.NDArray[np.uint32] = field(default_factory=lambda: np.zeros(0, np.uint32))

    def of(self, signed: bytes) -> Rows:
        """Rows that hold a term, given as its four bytes; no row twice."""
        term = int.from_bytes(signed, "little")
        place = int(np.searchsorted(self._terms, np.uint32(term)))
        merged = np.zeros(0, np.int64)
        if place < len(self._terms) and self._terms[place] == term:
            merged = self._rows[self._starts[place] : self._starts[place + 1]].astype(np.int64)
        if not len(self.stale):
            return merged
        merged = merged[(merged >= len(self.stale)) | ~self.stale[np.minimum(merged, len(self.stale) - 1)]]
        begin, end = np.searchsorted(self.fresh, np.array([term << 32, (term + 1) << 32], np.uint64))
        return np.concatenate([merged, _rows_of(self.fresh[begin:end])])

    def with_products(self, commit: int, ids: Sequence[str], contents: Sequence[bytes], row_of: RowOf) -> Postings:
        """These products replaced or added, and those that had no row until now."""
        waiting = dict(self.unknown)
        waiting.update(zip(ids, contents, strict=True))
        if not waiting:
            return replace(self, commit=commit)
        rows = row_of(list(waiting))
        told = rows[rows > 0]
        stale = np.zeros(max(len(self.stale), int(rows.max()) + 1), bool)
        stale[: len(self.stale)] = self.stale
        kept = self.fresh
        if len(told):
            again = np.zeros(len(stale), bool)
            again[told] = True
            kept = kept[~again[_rows_of(kept)]]
            stale[told] = True
        fresh = np.concatenate([kept, pairs_of(rows, list(waiting.values()))])
        fresh.sort()
        unknown = {name: waiting[name] for name, row in zip(waiting, rows.tolist(), strict=True) if row == 0}
        return replace(self, commit=commit, fresh=fresh, stale=stale, unknown=unknown)

    @property
    def wants_merging(self) -> bool:
        """Whether so much was written since that looking it up takes time."""
        return len(self.fresh) > max(FRESH_AT_LEAST, FRESH_SHARE * len(self._rows))

    def merged(self) -> Postings:
        """The same with nothing fresh."""
        held = np.repeat(self._terms.astype(np.uint64) << _ROW, np.diff(self._starts)) | self._rows
        if len(self.stale):
            rows = _rows_of(held)
            held = held[(rows >= len(self.stale)) | ~self.stale[np.minimum(rows, len(self.stale) - 1)]]
        return Postings.of_pairs(self.commit, [held, self.fresh], self.unknown)

    @classmethod
    def of_pairs(cls, commit: int, pairs: Sequence[Pairs], unknown: Mapping[str, bytes]) -> Postings:
        """From pairs that are all different."""
        together = np.concatenate([np.zeros(0, np.uint64), *pairs])
        together.sort()
        all_terms = (together >> _ROW).astype(np.uint32)
        first = np.flatnonzero(np.diff(all_terms, prepend=all_terms[:1] ^ np.uint32(1)))
        starts = np.append(first, len(together)).astype(np.int64)
        return cls(
            commit, unknown=unknown, _terms=all_terms[first], _starts=starts, _rows=together.astype(np.uint32)
        )  # fmt: skip


def pairs_of(rows: Rows, contents: Sequence[bytes]) -> Pairs:
    """Each term of each product once, ascending; rows of 0 are left out."""
    if not len(rows):
        return np.zeros(0, np.uint64)
    terms = np.frombuffer(b"".join(contents), "<u4").astype(np.uint64)
    owner = np.repeat(rows, np.fromiter(map(len, contents), np.int64, len(contents)) // 4).astype(np.uint64)
    said = (terms != 0) & (owner != 0)  # fields are kept apart by zeros
    return np.unique(terms[said] << _ROW | owner[said])


def _rows_of(pairs: Pairs) -> Rows:
    return (pairs & np.uint64(0xFFFFFFFF)).astype(np.int64)
