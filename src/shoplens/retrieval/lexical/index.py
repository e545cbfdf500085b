"""The index of words: written and read through tantivy, kept in a folder that several processes share.

tantivy (https://github.com/quickwit-oss/tantivy, MIT) appends segments and names them in one file that a commit
replaces: whoever is killed leaves the state before or after, never one between.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache, partial
from pathlib import Path
from typing import Self

import numpy as np
import tantivy
from filelock import FileLock

from shoplens.errors import InputError, StoreError
from shoplens.retrieval.base import Mask
from shoplens.retrieval.lexical.analyser import Analyser
from shoplens.retrieval.lexical.chinese import load_sounds
from shoplens.retrieval.lexical.correcting import corrected
from shoplens.retrieval.lexical.covering import Covering
from shoplens.retrieval.lexical.document import Document, FieldWeights, Floats, Matches
from shoplens.retrieval.lexical.expansion import planned
from shoplens.retrieval.lexical.folding import fold
from shoplens.retrieval.lexical.highlighting import Marks
from shoplens.retrieval.lexical.known import KnownProducts
from shoplens.retrieval.lexical.looking import Among, FoundPlaces, Keeps, Look, nothing
from shoplens.retrieval.lexical.plan import Plan
from shoplens.retrieval.lexical.postings import RowOf
from shoplens.retrieval.lexical.query import Query, read_query
from shoplens.retrieval.lexical.schema import (
    ANY,
    ID,
    KIND,
    LAYOUT,
    META,
    PRODUCT,
    State,
    meta,
    next_commit,
    schema,
    state_of,
    written,
)
from shoplens.retrieval.lexical.view import View
from shoplens.retrieval.lexical.vocabulary import Vocabulary

WRITING_MEMORY = 50_000_000  # bytes that fill up before a segment is written; tantivy wants at least 15 MB
MOST_WARM = 200_000  # products read before anybody asks for them
WARM_AT_ONCE = 500
VOCABULARY_SHARE = 0.02  # of the time, at most, goes into reading the vocabulary again
AT_ONCE = 0.05  # seconds that it may take after every change
REMEMBERED = 2_000  # queries: the next page, its highlights and scores need them again
WAITING = 600.0  # seconds for another process to finish writing


class LexicalIndex:
    """Products found by words. Safe to share between threads; processes share its folder.

    `revision` is the catalogue's, up to which the index is complete.
    """

    def __init__(self, index: tantivy.Index, analyser: Analyser, weights: FieldWeights, folder: Path | None) -> None:
        self.weights = weights
        self.folder = folder
        self._written = analyser.plain()
        self.read_by(analyser)
        self._index = index
        self._index.config_reader(reload_policy="manual")
        self._writing = threading.Lock()
        self._renewing = threading.Lock()
        self._known = KnownProducts()
        self._covering = Covering()
        self._vocabulary = Vocabulary([], np.zeros(0, np.int32))
        self._vocabulary_due = 0.0
        self._vocabulary_behind = False
        self._stamp: tuple[int, int, int] | None = None
        self._renew()

    @classmethod
    def open(
        cls, folder: Path | None = None, analyser: Analyser | None = None, *, weights: FieldWeights | None = None
    ) -> Self:
        """The index in a folder, begun when there is none; None = in memory.

        Each way of reading texts (`Analyser.version`) has a sub-folder of its own, so that an index is never asked in
        terms that it was not written in. StoreError when the folder cannot be used.
        """
        analyser = analyser if analyser is not None else Analyser()
        weights = weights if weights is not None else FieldWeights()
        if folder is None:
            return cls(tantivy.Index(schema()), analyser, weights, None)
        place = folder / f"{analyser.version}-{LAYOUT}"
        try:
            place.mkdir(parents=True, exist_ok=True)
            with FileLock(place / "open.lock", timeout=WAITING):
                index = tantivy.Index(schema(), str(place))
        except (OSError, ValueError) as error:
            raise StoreError(
                f"the search index in {place} cannot be opened: {error}. Delete that folder; it is made again from the "
                "catalogue"
            ) from error
        return cls(index, analyser, weights, place)

    def read_by(self, analyser: Analyser) -> None:
        """From now on queries are read with these synonyms and words; products stay as they were written."""
        self.analyser = analyser
        self._read = lru_cache(maxsize=REMEMBERED)(partial(read_query, analyser))

    @property
    def revision(self) -> int:
        """Of the catalogue, up to which this is complete."""
        return self._revision

    def __len__(self) -> int:
        return max(self._view.searcher.num_docs - 1, 0)  # one document tells the revision

    def apply(self, documents: Iterable[Document], gone: Iterable[str], revision: int) -> None:
        """Replace these products, take out those that are gone, and be complete up to `revision`, durably.

        Killed at any moment, the index is as it was before or as it is after. Changes older than what another process
        has written already are left alone; the same once more do no harm. InputError for a revision below 0.
        """
        if revision < 0:
            raise InputError(f"revision {revision}: a catalogue's revisions begin with 0")
        with self._written_by_one():
            self._index.reload()
            before = state_of(self._index, self._index.searcher())
            if revision < before.revision:
                self._renew()
                return
            writer = self._index.writer(WRITING_MEMORY, 1)
            try:
                # Whoever was killed just before a commit left files by the very names that this one will write.
                writer.garbage_collect_files()
                commit = next_commit(before.commit)
                for item_id in gone:
                    writer.delete_documents_by_term(ID, item_id)
                for document in documents:
                    writer.delete_documents_by_term(ID, document.item_id)
                    writer.add_document(written(document, self._written, commit))
                writer.delete_documents_by_term(KIND, META)
                writer.add_document(meta(State(revision, commit)))
                writer.commit()
            except BaseException:
                writer.rollback()
                raise
            finally:
                writer.wait_merging_threads()
            self._renew()

    def refresh(self) -> bool:
        """Take in what other processes wrote. Returns whether there was anything.

        To be called now and then in any case: it also reads the vocabulary again, by which words are corrected and
        continued, when that has been put off.
        """
        changed = self._stamp != self._stamped()
        if changed or (self._vocabulary_behind and time.monotonic() >= self._vocabulary_due):
            self._renew()
        self._covering.follow(self._view)
        return changed

    def warm(self, row_of: RowOf | None = None) -> None:
        """Read products before the first search asks for them, as many as a table of them holds; with `row_of` also
        what `coverage` reads.

        A second for 100,000; searches go on meanwhile.
        """
        view, known = self._view, self._known
        asked = tantivy.Query.term_query(self._index.schema, KIND, PRODUCT, "basic")
        addresses = [address for _, address in view.searcher.search(asked, limit=MOST_WARM).hits]
        for start in range(0, len(addresses), WARM_AT_ONCE):
            if known.full or known is not self._known:
                break
            known.places(view.searcher, addresses[start : start + WARM_AT_ONCE])
        if row_of is not None:
            self._covering.open(view, row_of)

    def parse(self, text: str) -> Query:
        """Read what a shopper typed. Never raises."""
        return self._read(text)

    def search(
        self,
        query: Query,
        k: int,
        *,
        extra: Sequence[tuple[str, float]] = (),
        keeps: Callable[[list[str]], Mask] | None = None,
        only: Sequence[str] | None = None,
        prefix: bool = False,
        typos: bool = True,
        any_word: bool = True,
    ) -> Matches:
        """The k best products, by BM25 times the square of coverage: who has all words goes before who has one of them
        in a good place.

        extra: other words to look for, with weights (a Chinese query's meanings in English, say).
        keeps: a filter; which of these item ids may be answered. bool [n]. As many matches are tried as it takes.
        only: item ids among which to search; cheaper than `keeps` when there are few.
        prefix: the last word is still being typed. typos: also find words spelt nearly so. any_word: a product needs
        one of the words only, else all.
        """
        kept: Keeps | None = None
        if keeps is not None:
            kept = lambda known, places: keeps(known.names(places))  # noqa: E731
        found = self.find(query, k, extra=extra, keeps=kept, only=only, prefix=prefix, typos=typos, any_word=any_word)
        item_ids = found.known.names(found.places)
        return Matches(item_ids, found.scores, found.coverage, found.total, found.exact)

    def find(
        self,
        query: Query,
        k: int,
        *,
        extra: Sequence[tuple[str, float]] = (),
        keeps: Keeps | None = None,
        among: Among | None = None,
        only: Sequence[str] | None = None,
        prefix: bool = False,
        typos: bool = True,
        any_word: bool = True,
    ) -> FoundPlaces:
        """What `search` finds, as places in a table of products.

        among: what `keeps` keeps and words match, for when it is less work to look among those.
        """
        view, known = self._view, self._known
        if known.full:
            known = self._known = KnownProducts()
        plan = self._plan(view, query, extra, prefix=prefix, typos=typos)
        if not plan or k < 1 or (only is not None and not only):
            return nothing(known)
        return Look(view, known, plan, keeps=keeps, among=among, only=only, any_word=any_word).best(k)

    def most(
        self, query: Query, *, extra: Sequence[tuple[str, float]] = (), prefix: bool = False, typos: bool = True
    ) -> float:
        """The most that a product scores, before coverage; 0 where nothing matches."""
        view = self._view
        plan = self._plan(view, query, extra, prefix=prefix, typos=typos)
        best = view.searcher.search(view.ask(plan), limit=1, count=False).hits if plan else ()
        return float(best[0][0]) if best else 0.0

    def coverage(
        self,
        query: Query,
        row_of: RowOf,
        *,
        extra: Sequence[tuple[str, float]] = (),
        prefix: bool = False,
        typos: bool = True,
    ) -> Floats:
        """How much of the query each product has that `find` would find in all, over the caller's rows; see
        `Covering.of`. `row_of`: item ids → rows, 0 where there is none."""
        view = self._view
        plan = self._plan(view, query, extra, prefix=prefix, typos=typos)
        return self._covering.of(plan, view, self._known, row_of) if plan else np.zeros(0, np.float32)

    def score(
        self,
        query: Query,
        item_ids: Sequence[str],
        *,
        extra: Sequence[tuple[str, float]] = (),
        prefix: bool = False,
        typos: bool = True,
    ) -> tuple[Floats, Floats]:
        """Scores and coverage of these products, as `search` would give them, 0 where nothing matches. float32 [n]."""
        scores, coverage = np.zeros(len(item_ids), np.float32), np.zeros(len(item_ids), np.float32)
        asked_for = list(dict.fromkeys(item_ids))
        found = self.search(query, len(asked_for), extra=extra, only=asked_for, prefix=prefix, typos=typos)
        place = {item_id: number for number, item_id in enumerate(found.item_ids)}
        for row, item_id in enumerate(item_ids):
            number = place.get(item_id)
            if number is not None:
                scores[row], coverage[row] = found.scores[number], found.coverage[number]
        return scores, coverage

    def correct(self, query: Query) -> str | None:
        """What the shopper may have meant, None when the query is fine or nothing is near."""
        return corrected(query, self._view)

    def marks(self, query: Query, *, extra: Sequence[tuple[str, float]] = (), prefix: bool = False) -> Marks:
        """Finds where words of the query stand in texts: (start, end), in order, apart from one another."""
        return Marks(self._plan(self._view, query, extra, prefix=prefix, typos=True), self.analyser)

    def vocabulary(self, prefix: str, limit: int) -> list[tuple[str, int]]:
        """Words that begin so, with the number of products that have them, most frequent first."""
        return self._view.beginning(fold(prefix).text.strip(), limit)

    def _plan(self, view: View, query: Query, extra: Sequence[tuple[str, float]], *, prefix: bool, typos: bool) -> Plan:
        analyser = self.analyser
        key = (analyser, query, tuple(extra), prefix, typos)
        found = view.plans.get(key)
        if found is None:
            if len(view.plans) >= REMEMBERED:
                view.plans.clear()
            found = view.plans[key] = planned(query, analyser, view, extra=extra, prefix=prefix, typos=typos)
        return found

    @contextmanager
    def _written_by_one(self) -> Iterator[None]:
        """One thread of one process writes."""
        with self._writing:
            if self.folder is None:
                yield
                return
            with FileLock(self.folder / "writing.lock", timeout=WAITING):
                yield

    def _renew(self) -> None:
        """Look at the newest commit from now on."""
        with self._renewing:
            stamp = self._stamped()
            self._index.reload()
            searcher = self._index.searcher()
            now = time.monotonic()
            self._vocabulary_behind = now < self._vocabulary_due
            if not self._vocabulary_behind:
                terms = searcher.terms_with_prefix(ANY, "")
                if terms and terms[-1][0] >= "\u3400":
                    load_sounds()  # once, before the clock starts
                started = time.thread_time()
                counts = np.fromiter((count for _, count in terms), np.int32, len(terms))
                self._vocabulary = Vocabulary([term for term, _ in terms], counts).prepare()
                took = 2 * (time.thread_time() - started)  # reading the terms takes about as long
                self._vocabulary_due = now + (took / VOCABULARY_SHARE if took > AT_ONCE else 0.0)
            self._revision, commit = state_of(self._index, searcher)
            self._view = View(searcher, self._index.schema, self._vocabulary, self.weights, commit)
            self._stamp = stamp

    def _stamped(self) -> tuple[int, int, int] | None:
        """What changes with each commit: tantivy replaces this file."""
        if self.folder is None:
            return None
        try:
            state = (self.folder / "meta.json").stat()
        except FileNotFoundError:
            return None
        return state.st_mtime_ns, state.st_ino, state.st_size
