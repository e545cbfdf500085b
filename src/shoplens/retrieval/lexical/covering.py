"""How much of a query each product of the catalogue covers: what matches in all, beside the best that tantivy finds."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import tantivy

from shoplens.retrieval.lexical.document import Floats
from shoplens.retrieval.lexical.known import KnownProducts
from shoplens.retrieval.lexical.plan import Group, Plan, Variant
from shoplens.retrieval.lexical.postings import Pairs, Postings, RowOf, Rows, pairs_of
from shoplens.retrieval.lexical.schema import COMMIT, CONTENT, ID, KIND, PRODUCT, birth_of, sign, sign_code
from shoplens.retrieval.lexical.view import View, shares_of

REMEMBERED = 8  # queries: the page and its facets ask for the same, and so does the next page
AT_ONCE = 5_000  # products read together
A_TRACE = np.float32(1e-6)  # coverage of what matches by a phrase and has none of the other words


class Covering:
    """Coverage of queries over the caller's rows. Safe to share between threads.

    What it reads is read when it is first asked (half a second for 100,000 products) and then follows the index.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._row_of: RowOf | None = None
        self._postings: Postings | None = None
        self._latest: OrderedDict[Plan, Floats] = OrderedDict()

    def of(self, plan: Plan, view: View, known: KnownProducts, row_of: RowOf) -> Floats:
        """The share of the query's words that each row has, as `View.coverage` tells it; 0 where it does not match.

        float32 [rows], not to be written to; rows beyond its end do not match.
        """
        with self._lock:
            postings = self._up_to_date(view, row_of)
            found = self._latest.get(plan)
            if found is not None:
                self._latest.move_to_end(plan)
                return found
        found = _coverage(plan, _Holding(postings, view, known, row_of))
        found.setflags(write=False)
        with self._lock:
            if postings is self._postings:
                self._latest[plan] = found
                while len(self._latest) > REMEMBERED:
                    self._latest.popitem(last=False)
        return found

    def open(self, view: View, row_of: RowOf) -> None:
        """Read what the first question would have to wait for."""
        with self._lock:
            self._up_to_date(view, row_of)

    def follow(self, view: View) -> None:
        """Take in what was written up to the newest state, if anybody has asked yet, so that no request has to."""
        with self._lock:
            if self._row_of is None:
                return
            postings = self._up_to_date(view, self._row_of)
        if postings.wants_merging:
            merged = postings.merged()  # requests go on meanwhile
            with self._lock:
                self._replace(merged)

    def _up_to_date(self, view: View, row_of: RowOf) -> Postings:
        postings = self._postings
        if postings is not None and birth_of(postings.commit) != birth_of(view.commit):  # it was begun anew
            postings = None
        if postings is None or self._row_of != row_of:
            self._row_of = row_of
            return self._replace(_read_all(view, row_of))
        if postings.commit < view.commit:
            ids, contents = _read(view.searcher, _written_since(view, postings.commit))
            return self._replace(postings.with_products(view.commit, ids, contents, row_of))
        if postings.unknown and row_of(list(postings.unknown)).any():
            return self._replace(postings.with_products(postings.commit, (), (), row_of))
        return postings

    def _replace(self, postings: Postings) -> Postings:
        self._postings = postings
        self._latest.clear()
        return postings


class _Holding:
    """Which rows hold something, in one state of the index."""

    def __init__(self, postings: Postings, view: View, known: KnownProducts, row_of: RowOf) -> None:
        self._postings = postings
        self._view = view
        self._known = known
        self._row_of = row_of

    def terms(self, terms: tuple[str, ...]) -> Rows:
        """Rows with these terms next to one another."""
        found = self._postings.of(sign(terms[:1]))
        for term in terms[1:]:
            found = np.intersect1d(found, self._postings.of(sign((term,))), assume_unique=True)
        if len(terms) == 1 or not len(found):
            return found
        hits = self._view.searcher.search(self._view.anywhere(terms), limit=len(found), count=False).hits
        places = self._known.places(self._view.searcher, [address for _, address in hits])
        rows = self._known.rows(places, self._row_of)
        return rows[rows > 0]

    def variant(self, one: Variant) -> Rows:
        """Rows with a variant."""
        return self._postings.of(sign_code(one.terms[0])) if one.code else self.terms(one.terms)

    def group(self, group: Group) -> Rows:
        """Rows with any variant, none twice."""
        found = [self.variant(one) for one in group.variants]
        if len(found) == 1:
            return found[0]
        return np.unique(np.concatenate([np.zeros(0, np.int64), *found]))


def _coverage(plan: Plan, holding: _Holding) -> Floats:
    groups = [holding.group(group) for group in plan.groups]
    phrases = [holding.terms(phrase) for phrase in plan.phrases]
    excluded = [holding.terms(chain) for chain in plan.excluded]
    size = 1 + max((int(rows.max(initial=0)) for rows in (*groups, *phrases)), default=0)
    covered = np.zeros(size, np.float64)
    if any(not group.extra for group in plan.groups):
        covered = _summed(groups, shares_of(plan.groups, extra=False), size)
        others = [group.weight for group in plan.groups if group.extra]
        if others:
            otherwise = _summed(groups, shares_of(plan.groups, extra=True), size)
            covered = np.maximum(covered, max(others) * otherwise)
    else:
        for rows in groups:
            covered[rows] = 1.0
    result: Floats = np.minimum(covered, 1.0).astype(np.float32)
    if phrases:
        has_all = np.ones(size, bool)
        for rows in phrases:
            has = np.zeros(size, bool)
            has[rows] = True
            has_all &= has
        least = A_TRACE if plan.groups else np.float32(1.0)
        result = np.where(has_all, np.maximum(result, least), np.float32(0.0))
    for rows in excluded:
        result[rows[rows < size]] = 0.0
    return result


def _summed(groups: Sequence[Rows], shares: npt.NDArray[np.float64], size: int) -> npt.NDArray[np.float64]:
    covered = np.zeros(size, np.float64)
    for rows, share in zip(groups, shares.tolist(), strict=True):
        if share:
            covered[rows] += share
    return covered


def _read_all(view: View, row_of: RowOf) -> Postings:
    """From everything that is in the index."""
    product = tantivy.Query.term_query(view.schema, KIND, PRODUCT, "basic")
    pairs: list[Pairs] = []
    unknown: dict[str, bytes] = {}
    for addresses in _in_parts(_hits(view, product)):
        ids, contents = _read(view.searcher, addresses)
        rows = row_of(ids)
        pairs.append(pairs_of(rows, contents))
        unknown.update((ids[place], contents[place]) for place in np.flatnonzero(rows == 0).tolist())
    return Postings.of_pairs(view.commit, pairs, unknown)


def _written_since(view: View, commit: int) -> list[tantivy.DocAddress]:
    later = tantivy.Query.range_query(
        view.schema, COMMIT, tantivy.FieldType.Unsigned, commit, None, include_lower=False
    )
    product = tantivy.Query.term_query(view.schema, KIND, PRODUCT, "basic")
    return _hits(view, tantivy.Query.boolean_query([(tantivy.Occur.Must, one) for one in (product, later)]))


def _hits(view: View, asked: tantivy.Query) -> list[tantivy.DocAddress]:
    limit = max(view.searcher.num_docs, 1)
    return [address for _, address in view.searcher.search(asked, limit=limit, count=False).hits]


def _in_parts(addresses: Sequence[tantivy.DocAddress]) -> Iterator[Sequence[tantivy.DocAddress]]:
    for start in range(0, len(addresses), AT_ONCE):
        yield addresses[start : start + AT_ONCE]


def _read(searcher: tantivy.Searcher, addresses: Sequence[tantivy.DocAddress]) -> tuple[list[str], list[bytes]]:
    ids, contents = [], []
    for address in addresses:
        stored = searcher.doc(address)
        ids.append(str(stored[ID][0]))
        contents.append(bytes(stored[CONTENT][0]))
    return ids, contents
