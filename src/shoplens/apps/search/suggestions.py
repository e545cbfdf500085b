"""What a shopper may mean while typing: what others searched for, and found; what this person did; what there is.

What somebody typed is offered to others only after several different people typed it, and never when it looks like an
address or a telephone number: people type those into search boxes, too.
"""

from __future__ import annotations

import heapq
import math
import re
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from shoplens.apps.search.completions import Completion, Completions, emphasised, heard_size, sounds, starts, tidy
from shoplens.domain.catalogue import Product
from shoplens.retrieval.lexical.folding import HAN, fold

Kind: TypeAlias = Literal["query", "product", "category", "brand"]
#: What somebody searched for lately, newest first: user_id, session_id, limit → queries that found something.
Past: TypeAlias = Callable[[str | None, str | None, int], Sequence[str]]

LEAST_ASKERS = 3  # different people who typed a text, before others are offered it
MOST_QUERIES = 100_000
MOST_TEXTS = 200_000  # different titles, brands and categories, about 1 kB each; then further titles are left out
SPARE = 10_000  # texts of products that are gone, before they are cleared away
MOST_NOTED = 200_000  # who asked what, remembered so that one person counts once
MOST_ASKERS = 10_000  # whose own queries are remembered
OWN = 3  # own queries among the suggestions, at most; all of them while nothing is typed
OWN_QUERIES = 20
NOT_READ = float("-inf")
OWN_SECONDS = 60.0  # for which own queries are remembered: other processes answer the same person
LONGEST_QUERY = 60  # characters that are offered
LONGEST_PREFIX = 60
KINDS: tuple[Kind, ...] = ("query", "brand", "category", "product")  # what a text is that could be several
WEIGHT: dict[Kind, float] = {"query": 1.0, "brand": 0.7, "category": 0.7, "product": 0.35}
POPULAR = 2.0  # how many times more the most wanted product counts than one that nobody wants
OTHER_LANGUAGE = 0.6  # how much Chinese found by Latin letters counts where the shop speaks another language

_PRIVATE = re.compile(r"@|(?:\d[\s-]*){7,}")  # mail, telephone, card numbers
_HAN = re.compile(rf"[{HAN}]")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One completion of what was typed."""

    text: str
    kind: Kind
    count: int  # people who searched for it, or products that it stands for
    highlight: str  # HTML, escaped, with what was typed in <em>


@dataclass(slots=True)
class _Asked:
    """What is known of a query."""

    askers: int = 0
    found: bool = True  # the last search for it found something


@dataclass(slots=True)
class _Own:
    queries: list[str]  # newest first
    read: float  # time.monotonic(), or NOT_READ when these were only noted here


class Suggestions:
    """Safe for several threads. `past` reads a person's earlier queries; `never`: words that are not offered."""

    def __init__(self, past: Past | None = None, *, least: int = LEAST_ASKERS, never: Iterable[str] = ()) -> None:
        self._past = past
        self._least = least
        self._never = tuple(fold(word).text for word in never if word.strip())
        self._lock = threading.Lock()
        self._queries = Completions()
        self._asked: dict[int, _Asked] = {}
        self._noted: OrderedDict[tuple[int, str], None] = OrderedDict()  # who asked what: one person counts once
        self._own: OrderedDict[tuple[str | None, str | None], _Own] = OrderedDict()
        self._catalogue = Completions()
        self._kinds: dict[int, Kind] = {}
        self._counts: Counter[int] = Counter()  # products that an entry stands for
        self._live = 0  # entries that stand for any
        self._popular: dict[int, float] = {}  # of the most wanted product of that title, 0 to 1
        self._places: dict[str, list[int]] = {}  # item_id → entries

    def learn(self, queries: Iterable[tuple[str, int, bool | None]]) -> None:
        """Replace what others searched for: query, different people, whether it found something (None: unknown)."""
        askers: Counter[str] = Counter()
        answered: dict[str, bool] = {}
        display: dict[str, str] = {}
        for query, count, found in queries:
            text = tidy(query)
            folded = fold(text).text
            if not text or self._kept_back(folded):
                continue
            askers[folded] += count
            answered[folded] = answered.get(folded, False) or found is not False
            display.setdefault(folded, text)
        most = heapq.nlargest(MOST_QUERIES, askers, key=askers.__getitem__)
        fresh = Completions()
        asked: dict[int, _Asked] = {}
        for folded, entry in zip(most, fresh.add(display[one] for one in most), strict=True):
            asked[entry] = _Asked(askers[folded], answered[folded])
            fresh.weigh(entry, self._query_weight(asked[entry]))
        with self._lock:
            self._queries, self._asked = fresh, asked
            self._noted.clear()

    def note(self, query: str, total: int, *, user_id: str | None = None, session_id: str | None = None) -> None:
        """A search was answered with so many products: felt in the next suggestion."""
        text = tidy(query)
        if not text:
            return
        with self._lock:
            if total and (user_id or session_id):
                own = self._own.setdefault((user_id, session_id), _Own([], NOT_READ))
                own.queries = [text, *(one for one in own.queries if one != text)][:OWN_QUERIES]
                self._remember_few()
            folded = fold(text).text
            entry = self._queries.entry(text)
            if self._kept_back(folded) or (entry is None and len(self._queries) >= MOST_QUERIES):
                return
            if entry is None:
                (entry,) = self._queries.add([text])
            asked = self._asked.setdefault(entry, _Asked())
            asked.found = total > 0
            asked.askers += self._new_asker(entry, user_id or session_id)
            self._queries.weigh(entry, self._query_weight(asked))

    def apply(self, products: Sequence[Product], gone: Sequence[str] = (), *, later: bool = False) -> None:
        """Products as they are now, and ids that left the catalogue. What cannot be ordered is not offered. `later`:
        what is new is offered after `settle`, or the next time without; saves time where there is more to come."""
        offered = [one for one in products if one.orderable and not one.stub]
        said = [(one.item_id, kind, text) for one in offered for kind, text in _said(one)]
        with self._lock:
            if len(self._catalogue) >= MOST_TEXTS:
                said = [one for one in said if one[1] != "product" or self._catalogue.entry(one[2]) is not None]
            touched: set[int] = set()
            for item_id in (*gone, *(one.item_id for one in products)):
                for entry in self._places.pop(item_id, ()):
                    self._counts[entry] -= 1
                    self._live -= self._counts[entry] == 0
                    touched.add(entry)
            entries = self._catalogue.add([text for _, _, text in said], later=later)
            for (item_id, kind, _), entry in zip(said, entries, strict=True):
                self._places.setdefault(item_id, []).append(entry)
                self._counts[entry] += 1
                self._live += self._counts[entry] == 1
                self._kinds[entry] = min(kind, self._kinds.get(entry, kind), key=KINDS.index)
                touched.add(entry)
            for entry in touched:
                self._weigh(entry)
            if len(self._catalogue) > 2 * self._live + SPARE:
                self._tidy_up()

    def settle(self) -> None:
        """Offer all that was applied."""
        with self._lock:
            self._catalogue.settle()

    def rank(self, item_ids: Sequence[str], popularity: Sequence[float]) -> None:
        """How much products are wanted, 0 to 1: decides which of many titles are offered."""
        with self._lock:
            self._popular = {}
            for item_id, wanted in zip(item_ids, popularity, strict=True):
                for entry in self._places.get(item_id, ()):
                    if self._kinds[entry] == "product":
                        self._popular[entry] = max(float(wanted), self._popular.get(entry, 0.0))
            for entry in self._kinds:
                self._weigh(entry)

    def forget(self, who: str) -> None:
        """The own queries of a person, or of a guest's session, are no longer known here."""
        with self._lock:
            for known in [one for one in self._own if who in one]:
                del self._own[known]
            for noted in [one for one in self._noted if one[1] == who]:
                del self._noted[noted]

    def forget_everybody(self) -> None:
        """Nobody's own queries are known here until they are read again."""
        with self._lock:
            self._own.clear()
            self._noted.clear()

    def suggest(
        self,
        prefix: str,
        n: int = 10,
        user_id: str | None = None,
        session_id: str | None = None,
        language: str = "en",
    ) -> list[Suggestion]:
        """At most n suggestions for what was typed so far, best first. `language`: of the shop's pages, "en" or "zh".

        Own queries come first. With nothing typed: own queries, then popular ones.
        """
        own = self._own_queries(user_id, session_id)
        typed = fold(prefix[:LONGEST_PREFIX]).text
        typed = tidy(typed) + (" " if typed[-1:].isspace() else "")  # a space at the end asks for the next word
        with self._lock:
            found = self._matching(own, typed)[: OWN if typed.strip() else OWN_QUERIES]
            if not typed.strip():
                popular = [self._query(one, "") for one in self._queries.best(n)]
                return list(_distinct([*found, *popular], n))
            for attempt in dict.fromkeys((typed, typed.rstrip())):
                rest = self._ranked(attempt, n, language)
                if rest:
                    break
        return list(_distinct([*found, *_mixed(rest, n)], n))

    def _ranked(self, typed: str, n: int, language: str) -> list[Suggestion]:
        """What others searched for and what there is, best first; more than n, because some are the same text."""
        found: list[tuple[float, Completions, Completion]] = []
        for texts in (self._queries, self._catalogue):
            for one in texts.complete(typed, n):
                foreign = language != "zh" and typed.isascii() and _HAN.search(texts.folded[one.entry]) is not None
                found.append((one.score * (OTHER_LANGUAGE if foreign else 1.0), texts, one))
        found.sort(key=lambda one: -one[0])
        return [
            self._query(one, typed) if texts is self._queries else self._thing(one, typed)
            for _, texts, one in found[: 3 * n]
        ]

    def _query(self, one: Completion, typed: str) -> Suggestion:
        text, askers = self._queries.texts[one.entry], self._asked[one.entry].askers
        return Suggestion(text, "query", askers, self._queries.highlighted(one, typed))

    def _thing(self, one: Completion, typed: str) -> Suggestion:
        text, kind = self._catalogue.texts[one.entry], self._kinds[one.entry]
        return Suggestion(text, kind, self._counts[one.entry], self._catalogue.highlighted(one, typed))

    def _matching(self, own: Sequence[str], typed: str) -> list[Suggestion]:
        """Own queries that begin with what was typed, at any word, or sound like it."""
        found = []
        for query in own:
            folded = fold(query).text
            at = next((start for start in starts(folded) if folded.startswith(typed, start)), -1)
            if at >= 0:
                found.append(Suggestion(query, "query", 1, emphasised(query, at, at + len(typed.rstrip()))))
            elif typed.isascii() and _HAN.search(folded) and "".join(sounds(folded)).startswith(typed.replace(" ", "")):
                size = heard_size(folded, typed, initials=False)
                found.append(Suggestion(query, "query", 1, emphasised(query, 0, size)))
        return found

    def _own_queries(self, user_id: str | None, session_id: str | None) -> list[str]:
        """Newest first; read again after OWN_SECONDS."""
        if not (user_id or session_id):
            return []
        who, now = (user_id, session_id), time.monotonic()
        with self._lock:
            own = self._own.get(who)
            if own is not None and now - own.read < OWN_SECONDS:
                self._own.move_to_end(who)
                return list(own.queries)
        read = [tidy(query) for query in self._past(user_id, session_id, OWN_QUERIES)] if self._past is not None else []
        known = own.queries if own is not None and (self._past is None or own.read == NOT_READ) else []
        queries = list(dict.fromkeys(query for query in [*known, *read] if query))[:OWN_QUERIES]
        with self._lock:
            self._own[who] = _Own(queries, now)
            self._remember_few()
        return list(queries)

    def _remember_few(self) -> None:
        while len(self._own) > MOST_ASKERS:
            self._own.popitem(last=False)

    def _new_asker(self, entry: int, who: str | None) -> bool:
        """Whether this person had not asked this before; nobody known is somebody new."""
        if who is None:
            return True
        if (entry, who) in self._noted:
            return False
        self._noted[entry, who] = None
        while len(self._noted) > MOST_NOTED:
            self._noted.popitem(last=False)
        return True

    def _kept_back(self, folded: str) -> bool:
        """Whether a query is never offered to others."""
        if len(folded) > LONGEST_QUERY or _PRIVATE.search(folded) is not None:
            return True
        return any(word in folded for word in self._never)

    def _query_weight(self, asked: _Asked) -> float:
        offered = asked.found and asked.askers >= self._least
        return WEIGHT["query"] * math.log1p(asked.askers) if offered else 0.0

    def _weigh(self, entry: int) -> None:
        """After its products have changed."""
        kind, count = self._kinds[entry], self._counts[entry]
        wanted = 1 + POPULAR * self._popular.get(entry, 0.0) if kind == "product" else 1.0
        self._catalogue.weigh(entry, WEIGHT[kind] * math.log1p(count) * wanted)

    def _tidy_up(self) -> None:
        """Leave out the texts of products that are gone."""
        kept = [entry for entry, count in self._counts.items() if count > 0]
        fresh = Completions()
        moved = dict(zip(kept, fresh.add([self._catalogue.texts[entry] for entry in kept]), strict=True))
        self._catalogue = fresh
        self._kinds = {moved[entry]: self._kinds[entry] for entry in kept}
        self._counts = Counter({moved[entry]: self._counts[entry] for entry in kept})
        self._popular = {moved[entry]: one for entry, one in self._popular.items() if entry in moved}
        self._places = {item_id: [moved[entry] for entry in some] for item_id, some in self._places.items()}
        for entry in self._kinds:
            self._weigh(entry)


def _said(product: Product) -> Iterator[tuple[Kind, str]]:
    """What a product gives to offer: its brand, each level of its category, its title."""
    if product.brand and product.brand.strip():
        yield "brand", product.brand
    for level in product.category:
        if level.strip():
            yield "category", level
    if product.title.strip():
        yield "product", product.title


def _mixed(found: Sequence[Suggestion], n: int) -> list[Suggestion]:
    """Products fill at most half of the places, as long as there is anything else."""
    products = 0
    first: list[Suggestion] = []
    later: list[Suggestion] = []
    for one in found:
        products += one.kind == "product"
        (later if one.kind == "product" and products > (n + 1) // 2 else first).append(one)
    return [*first[:n], *later]


def _distinct(found: Iterable[Suggestion], n: int) -> Iterator[Suggestion]:
    """The first n different texts."""
    seen: set[str] = set()
    for one in found:
        folded = fold(one.text).text
        if folded not in seen:
            seen.add(folded)
            yield one
            if len(seen) == n:
                return
