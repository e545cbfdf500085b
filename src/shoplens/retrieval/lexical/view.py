"""An index as it stands at one moment, and how it is asked."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

import numpy as np
import numpy.typing as npt
import tantivy
from tantivy import Occur
from tantivy import Query as Asked

from shoplens.retrieval.lexical.document import TEXTS, FieldWeights, Floats
from shoplens.retrieval.lexical.known import KnownProducts, Places
from shoplens.retrieval.lexical.plan import Group, Plan, Variant, idf
from shoplens.retrieval.lexical.schema import ANY, CODES, ID, KIND, META, PRODUCT, sign, sign_code
from shoplens.retrieval.lexical.vocabulary import Vocabulary

REMEMBERED = 50_000  # terms whose frequencies are kept
ROUNDING = 1e-4  # of shares of a query
COMMON_PART = 20  # a word is common that one in so many products has …
COMMON_AT_LEAST = 2_000  # … but at least so many
COMMON_SHARE = 0.35  # of what a query says, that common words may say together
SATURATED = 2.2  # times a word's idf, the most that BM25 gives it in one field (k1 = 1.2)

_NOTHING = Asked.empty_query()
_Clause = tuple[Occur, Asked]


class View:
    """One state of the index. Threads share it; it answers the same for as long as it is used.

    BM25 field by field, summed with the weights of fields. A word says as much in each field as it does in all of them
    together: tantivy's own idf, which counts one field only, is divided out (or a colour that is also some brand's name
    would be worth most where that brand is written).
    """

    def __init__(
        self,
        searcher: tantivy.Searcher,
        schema: tantivy.Schema,
        vocabulary: Vocabulary,
        weights: FieldWeights,
        commit: int,
    ) -> None:
        self.searcher, self.schema, self.vocabulary = searcher, schema, vocabulary
        self.commit = commit
        self.weights = tuple(getattr(weights, field) for field in TEXTS)
        # Products that were replaced or deleted count until their segment is merged, in tantivy's idf too.
        self.written = searcher.doc_freq(KIND, PRODUCT) + searcher.doc_freq(KIND, META)
        self.plans: dict[Hashable, Plan] = {}  # what queries came to, in this state
        self.alone: dict[Plan, tuple[Floats, Places, KnownProducts]] = {}  # what common words find
        self._counts: dict[str, int] = {}
        self._places: dict[str, tuple[tuple[str, float, int], ...]] = {}

    def count(self, term: str) -> int:
        """How many products hold a term."""
        known = self._counts.get(term)
        if known is None:
            if len(self._counts) >= REMEMBERED:
                self._counts.clear()
            known = self._counts[term] = self.searcher.doc_freq(ANY, term)
        return known

    def has_code(self, code: str) -> bool:
        """Whether a product has this number."""
        return self.searcher.doc_freq(CODES, code) > 0

    def holds(self, terms: tuple[str, ...]) -> bool:
        """Whether a product has these terms next to one another."""
        return bool(self.searcher.search(self.anywhere(terms), limit=1, count=False).hits)

    def beginning(self, prefix: str, limit: int) -> list[tuple[str, int]]:
        """Terms that begin so. From three letters on as they are now, shorter ones by the vocabulary."""
        if len(prefix) < 3 and prefix.isascii():
            return self.vocabulary.beginning(prefix, limit)
        found = self.searcher.terms_with_prefix(ANY, prefix)
        return sorted(found, key=lambda one: (-one[1], one[0]))[:limit]

    def idf(self, count: int) -> float:
        """How much a term says that so many products hold."""
        return idf(count, self.written)

    def ask(
        self,
        plan: Plan,
        *,
        only: Sequence[str] | None = None,
        any_word: bool = True,
        least: float = 0.0,
        common: frozenset[int] = frozenset(),
    ) -> Asked:
        """The plan in tantivy's terms.

        least: coverage that is wanted. Tantivy is told which words no such product can lack, and how many it has.
        common: places of groups that add to a product's score and do not make it one to be found.
        """
        groups = [(group, self._clauses(group)) for group in plan.groups]
        phrases = [self._phrase_anywhere(phrase) for phrase in plan.phrases]
        wanted: list[_Clause]
        needed = _needed(plan.groups, least) if any_word and not phrases and min(self.weights) > 0 else None
        if needed is None and common:
            telling = [clause for place, (_, clauses) in enumerate(groups) if place not in common for clause in clauses]
            wanted = [clause for place in common for clause in groups[place][1]]
            wanted = [(Occur.Must, Asked.boolean_query([(Occur.Must, Asked.boolean_query(telling)), *wanted]))]
        elif needed is not None:
            must, several = needed
            wanted = [
                (Occur.Must if place in must else Occur.Should, Asked.boolean_query(clauses) if clauses else _NOTHING)
                for place, (_, clauses) in enumerate(groups)
            ]
            wanted = [(Occur.Must, Asked.boolean_query(wanted, several))]
        elif any_word:
            wanted = [clause for _, clauses in groups for clause in clauses]
        else:
            wanted = [
                (Occur.Should if group.extra else Occur.Must, Asked.boolean_query(clauses) if clauses else _NOTHING)
                for group, clauses in groups
            ]
        rules: list[_Clause] = [(Occur.Must, phrase) for phrase in phrases]
        rules += [(Occur.MustNot, self.anywhere(terms)) for terms in plan.excluded]
        if only is not None:
            among = Asked.term_set_query(self.schema, ID, list(only))
            rules.append((Occur.Must, Asked.const_score_query(among, 0.0)))
        if not rules:
            return Asked.boolean_query(wanted)
        if wanted:
            rules.append((Occur.Should if phrases and any_word else Occur.Must, Asked.boolean_query(wanted)))
        return Asked.boolean_query(rules)

    def common(self, plan: Plan) -> tuple[frozenset[int], float, float]:
        """Words of a query that stand in a large part of the catalogue and say little beside the others, by place; the
        most that a product can score, coverage included, that has none of the others; and that coverage.

        ("oz" in "shampoo oz": half of a grocery has it.)
        """
        most = max(COMMON_AT_LEAST, self.written // COMMON_PART)
        shares = shares_of(plan.groups, extra=False)
        found = frozenset(
            place
            for place, group in enumerate(plan.groups)
            if not group.extra and shares[place] < COMMON_SHARE and self._held(group) > most
        )
        others = [place for place, group in enumerate(plan.groups) if place not in found and group.variants]
        share = float(shares[list(found)].sum())
        if not found or plan.phrases or not others or share >= COMMON_SHARE:
            return frozenset(), 0.0, 0.0
        best = sum(self._most(plan.groups[place]) for place in found)
        return found, SATURATED * best * share**2, share

    def _most(self, group: Group) -> float:
        """The most that a word can add to a score, before saturation: all that stands for it, in every field."""
        variants = sum(3.0 if variant.code else variant.weight * sum(self.weights) for variant in group.variants)
        return group.idf * group.weight * variants

    def about(self, plan: Plan) -> int:
        """About how many products have one of the words, as if words stood in titles by chance."""
        without = 1.0
        for group in plan.groups:
            without *= 1.0 - min(self._held(group) / max(self.written, 1), 1.0)
        return round(self.written * (1.0 - without))

    def _held(self, group: Group) -> int:
        """About how many products have a word."""
        return max((self.count(variant.terms[0]) for variant in group.variants if not variant.code), default=0)

    def coverage(self, plan: Plan, contents: Sequence[bytes]) -> Floats:
        """For each product the share of the query's words that it has, rare words counting more. float32 [n].

        What was found by phrases alone has all that was said. `contents`: what each holds, see `schema`.
        """
        if not contents or all(group.extra for group in plan.groups):
            return np.ones(len(contents), np.float32)
        own, extra = shares_of(plan.groups, extra=False), shares_of(plan.groups, extra=True)
        most = max((group.weight for group in plan.groups if group.extra), default=0.0)
        matched = np.zeros((len(plan.groups), len(contents)), np.bool_)
        terms = np.frombuffer(b"".join(contents), "<u4")
        owner = np.repeat(np.arange(len(contents)), np.fromiter(map(len, contents), np.int64, len(contents)) // 4)
        found: dict[Variant, npt.NDArray[np.int64]] = {}
        for row, group in zip(matched, plan.groups, strict=True):
            for variant in group.variants:
                if variant not in found:
                    found[variant] = owner[_standing(_signed(variant), terms)]
                row[found[variant]] = True
        said, otherwise = own @ matched, extra @ matched  # [n]
        return np.minimum(np.maximum(said, most * otherwise), 1.0).astype(np.float32)

    def _clauses(self, group: Group) -> list[_Clause]:
        """A word in each field: tantivy sums them."""
        clauses: list[_Clause] = []
        scale = group.weight * group.idf
        for variant in group.variants:
            if variant.code:
                code = Asked.term_query(self.schema, CODES, variant.terms[0], "basic")
                clauses.append((Occur.Should, Asked.const_score_query(code, 3.0 * scale)))
            elif len(variant.terms) == 1:
                term = variant.terms[0]
                for field, weight, count in self._fields(term):
                    if weight > 0:
                        # "basic": said twice is not said better in a title, so how often does not count.
                        asked = Asked.term_query(self.schema, field, term, "basic")
                        boost = scale * variant.weight * weight / self.idf(count)
                        clauses.append((Occur.Should, Asked.boost_query(asked, boost)))
            else:
                clauses.extend((Occur.Should, one) for one in self._phrases(variant.terms, scale * variant.weight))
        return clauses

    def _phrases(self, terms: tuple[str, ...], scale: float) -> Iterable[Asked]:
        """Terms next to one another, in each field that holds all of them."""
        counts: dict[str, list[int]] = {}
        weights: dict[str, float] = {}
        for term in dict.fromkeys(terms):
            for field, weight, count in self._fields(term):
                counts.setdefault(field, []).append(count)
                weights[field] = weight
        for field, found in counts.items():
            if len(found) == len(set(terms)) and weights[field] > 0:
                said = sum(self.idf(count) for count in found)
                phrase = Asked.phrase_query(self.schema, field, list(terms))
                yield Asked.boost_query(phrase, scale * weights[field] / said)

    def _phrase_anywhere(self, terms: tuple[str, ...]) -> Asked:
        scale = sum(self.idf(self.count(term)) for term in terms)
        group = Group((Variant(terms, 1.0),), scale)
        return Asked.boolean_query(self._clauses(group))

    def anywhere(self, terms: tuple[str, ...]) -> Asked:
        """Products that have these terms next to one another, in any field."""
        if len(terms) == 1:
            return Asked.term_query(self.schema, ANY, terms[0], "basic")
        return Asked.boolean_query([(Occur.Should, phrase) for phrase in self._phrases(terms, 1.0)])

    def _fields(self, term: str) -> tuple[tuple[str, float, int], ...]:
        """Fields that hold a term: name, weight, how many products hold it there."""
        known = self._places.get(term)
        if known is None:
            if len(self._places) >= REMEMBERED:
                self._places.clear()
            counted = (
                (field, weight, self.searcher.doc_freq(field, term))
                for field, weight in zip(TEXTS, self.weights, strict=True)
            )
            known = self._places[term] = tuple(one for one in counted if one[2])
        return known


def _signed(variant: Variant) -> bytes:
    return sign_code(variant.terms[0]) if variant.code else sign(variant.terms)


def _needed(groups: Sequence[Group], least: float) -> tuple[set[int], int] | None:
    """Words that a product with so much coverage cannot lack, and how many of the others it has at least.

    None where that says nothing.
    """
    if least <= 0 or any(group.extra for group in groups):
        return None
    shares = shares_of(groups, extra=False)
    must = set(np.flatnonzero(shares > 1.0 - least + ROUNDING).tolist())
    others = np.sort([share for place, share in enumerate(shares) if place not in must])[::-1]
    missing = least - ROUNDING - float(shares[list(must)].sum())
    several = int(np.searchsorted(np.cumsum(others), missing)) + 1 if missing > 0 else 0
    return (must, min(several, len(others))) if must or several > 1 else None


def _standing(signed: bytes, terms: npt.NDArray[np.uint32]) -> npt.NDArray[np.int64]:
    """Where terms stand next to one another: places of the first one."""
    first, *others = np.frombuffer(signed, "<u4")
    places = np.flatnonzero(terms == first)
    for distance, other in enumerate(others, start=1):
        places = places[places + distance < len(terms)]
        places = places[terms[places + distance] == other]
    return places


def shares_of(groups: Sequence[Group], *, extra: bool) -> npt.NDArray[np.float64]:
    """How much of a query each group says, among the query's own words or among extra ones; 0 for the others."""
    said = np.array([group.weight * group.idf if group.extra is extra else 0.0 for group in groups])
    return said / (said.sum() or 1.0)
