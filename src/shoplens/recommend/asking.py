"""What a search is asked and what it answers: the words that search, conversations, the API and the command line share.

Applications do not import one another; who needs *a* search is handed a `Search`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, TypeAlias

from shoplens.errors import InputError
from shoplens.recommend.filters import Filter
from shoplens.recommend.rules import MOST
from shoplens.recommend.scenarios import Scenario
from shoplens.retrieval.asked import Given

SORT_FIELDS = ("relevance", "price", "created_at", "popularity")
MAX_TEXT = 1_000  # characters of a query; the longest real ones are sentences that were dictated
MAX_GIVEN = 16  # photos, sounds and shots in one question
MAX_FACETS = 20
MAX_FACET_VALUES = 1_000
MAX_SORTS = 4


@dataclass(frozen=True, slots=True)
class Sort:
    """One key of the order: relevance, price, created_at, popularity or attributes.NAME (numbers before texts).

    Products of which the field is unknown come last, in either direction.
    """

    field: str
    descending: bool

    def __post_init__(self) -> None:
        if self.field not in SORT_FIELDS and not (self.field.startswith("attributes.") and len(self.field) > 11):
            raise InputError(f"sort: {self.field!r} is not one of {', '.join(SORT_FIELDS)}, attributes.NAME")


def parse_sort(text: str) -> Sort:
    """From "price", "price:desc", …; without a direction, as shoppers expect it: cheap, new, popular, fitting first."""
    name, colon, direction = text.rpartition(":")
    if not colon or direction not in ("asc", "desc"):
        return Sort(text, descending=text in ("relevance", "created_at", "popularity"))
    return Sort(name, descending=direction == "desc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One search request, in terms of the shop. Without words and without vectors it browses, most popular first."""

    text: str = ""
    given: tuple[Given, ...] = ()  # what was shown or played: vectors to be near to
    user_id: str | None = None
    session_id: str | None = None
    n: int = 10
    cursor: str | None = None  # of the answer before: the next products after it
    page: int | None = None  # or the number of a page, from 1
    filter: Filter | None = None
    facets: tuple[str, ...] = ()  # fields to count; "*" = those that tell these products apart best
    facet_values: int = 20  # most values of one facet
    sort: tuple[Sort, ...] = ()  # () = by relevance
    group: bool = True  # one product of each group of variants; the others are named beside it
    written: bool = False  # the text was read in a photo that is given: a hint, which nobody typed
    understand: bool = True  # read prices, brands, categories … out of the words
    drop: tuple[str, ...] = ()  # ids of understood constraints that the shopper took away
    personal: float | None = None  # 0 = the same for everybody … 1 = by this person's taste; None = the shop's setting
    prefix: bool = False  # the last word is still being typed
    typos: bool = True
    unavailable: bool = False  # whether products that cannot be ordered may be shown
    explain: bool = False
    highlight: bool = True
    language: str = "en"  # of sentences in the answer
    scenario: Scenario | None = None  # the place of the shop that asks; None = "search", where the shop has that
    pinned: bool = True  # what that place pins stands in front

    def __post_init__(self) -> None:
        if len(self.text) > MAX_TEXT:
            raise InputError(f"text: {len(self.text)} characters; at most {MAX_TEXT} can be searched for")
        if not 1 <= self.n <= MOST:
            raise InputError(f"n: {self.n} is not between 1 and {MOST}")
        if self.page is not None and self.cursor is not None:
            raise InputError("page and cursor: give one of them, not both")
        if self.page is not None and not 1 <= self.page <= 1_000_000:
            raise InputError(f"page: {self.page} is not between 1 and 1000000")
        if self.personal is not None and not 0 <= self.personal <= 1:  # NaN is refused as well
            raise InputError(f"personal: {self.personal} is not between 0 and 1")
        if not 1 <= self.facet_values <= MAX_FACET_VALUES:
            raise InputError(f"facet_values: {self.facet_values} is not between 1 and {MAX_FACET_VALUES}")
        for name, given, most in (
            ("given", self.given, MAX_GIVEN),
            ("facets", self.facets, MAX_FACETS),
            ("sort", self.sort, MAX_SORTS),
        ):
            if len(given) > most:
                raise InputError(f"{name}: {len(given)} are too many; at most {most}")
        if any(not math.isfinite(one.weight) for one in self.given):
            raise InputError("given: a weight is not a number")


@dataclass(frozen=True, slots=True)
class Constraint:
    """What was read out of the words: shown to the shopper, who may take it away (`Ask.drop`)."""

    id: str  # the same for the same meaning: "price<=50", "brand=acme"
    field: str
    filter: Filter
    said: str  # the shopper's words
    label: str  # readable, in the language of the answer
    strict: bool  # True: only products that fit; False: products that fit rise


@dataclass(frozen=True, slots=True)
class Moment:
    """When a product is seen or heard in a video: one that was asked with, or its own; seconds."""

    video: str  # of its own the address; "" when it is not known which
    start: float
    end: float
    score: float


def _nothing() -> Mapping[str, float]:
    return MappingProxyType({})


def _no_texts() -> Mapping[str, str]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Hit:
    """One product that was found."""

    item_id: str
    score: float
    highlights: Mapping[str, str] = field(default_factory=_no_texts)  # field → HTML, escaped, found words in <em>
    reasons: tuple[str, ...] = ()
    parts: Mapping[str, float] = field(default_factory=_nothing)  # what each signal gave it
    variants: tuple[str, ...] = ()  # other products of its group that were found, best first
    moments: tuple[Moment, ...] = ()


@dataclass(frozen=True, slots=True)
class FacetValue:
    """One value of a facet. `value` is what a filter takes, `label` what people read."""

    value: str
    label: str
    count: int
    selected: bool = False


@dataclass(frozen=True, slots=True)
class Facet:
    """How the products that were found spread over one field, as if the field itself were not filtered by."""

    field: str
    kind: Literal["values", "numbers"]
    values: tuple[FacetValue, ...] = ()  # kind "values": most frequent first
    low: float | None = None  # kind "numbers": between what the numbers lie
    high: float | None = None
    bins: tuple[int, ...] = ()  # products in equal steps from low to high


@dataclass(frozen=True, slots=True)
class Found:
    """An answer. Events quote `impression_id`, so that clicks can be attributed."""

    impression_id: str
    items: tuple[Hit, ...]
    total: int  # products that match (groups of variants count once), not only those on this page
    facets: tuple[Facet, ...] = ()
    understood: tuple[Constraint, ...] = ()
    did_you_mean: str | None = None  # a query that would find more
    corrected_from: str | None = None  # the shopper's words, when others were searched for instead
    rescued: str | None = None  # a sentence: what was loosened because nothing was found
    cursor: str | None = None  # for the next page; None on the last one
    language: str = "en"
    model: str = "search"  # which order: signals and, where they took part, "+personal", "+clicks"
    note: str | None = None
    pinned: tuple[str, ...] = ()  # products on this page that the shop put where they are


#: What applications are handed that want to search.
Search: TypeAlias = Callable[[Ask], Found]
