"""An index as it stands at one moment, and how it is asked."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

import numpy as np
import numpy.typing as npt
import tantivy
from tantivy import Occur
from tantivy import Query as Asked

from shoplens.retrieval.lexical.document import TEXTS, FieldWeights, Floats
from shoplens.retrieval.lexical.plan import Group, Plan, Variant, idf
from shoplens.retrieval.lexical.schema import ANY, CODES, CONTENT, ID, KIND, META, NUMBER, PRODUCT, sign, sign_code
from shoplens.retrieval.lexical.vocabulary import Vocabulary

REMEMBERED = 50_000  # terms whose frequencies are kept
KEPT = 100_000_000  # bytes of products that were found lately
OVERHEAD = 300  # bytes of one beside its content: id, number, place in the table

_NOTHING = Asked.empty_query()
_Clause = tuple[Occur, Asked]


Known = tuple[str, bytes]  # item id, and `content` as `schema` describes it


class KnownProducts(dict[int, Known]):
    """Products that were found lately, by number; emptied when they fill their memory."""

    size = 0

    def add(self, number: int, item_id: str, content: bytes) -> Known:
        """Keep one."""
        if self.size > KEPT:
            self.clear()
            self.size = 0
        self.size += len(content) + OVERHEAD
        product = self[number] = (item_id, content)
        return product


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
        known: KnownProducts,
    ) -> None:
        self.searcher, self.schema, self.vocabulary = searcher, schema, vocabulary
        self.weights = tuple(getattr(weights, field) for field in TEXTS)
        # Products that were replaced or deleted count until their segment is merged, in tantivy's idf too.
        self.written = searcher.doc_freq(KIND, PRODUCT) + searcher.doc_freq(KIND, META)
        self._known = known  # shared with other views: a number means the same in all of them
        self.plans: dict[Hashable, Plan] = {}  # what queries came to, in this state
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
        return bool(self.searcher.search(self._anywhere(terms), limit=1, count=False).hits)

    def beginning(self, prefix: str, limit: int) -> list[tuple[str, int]]:
        """Terms that begin so. From three letters on as they are now, shorter ones by the vocabulary."""
        if len(prefix) < 3 and prefix.isascii():
            return self.vocabulary.beginning(prefix, limit)
        found = self.searcher.terms_with_prefix(ANY, prefix)
        return sorted(found, key=lambda one: (-one[1], one[0]))[:limit]

    def idf(self, count: int) -> float:
        """How much a term says that so many products hold."""
        return idf(count, self.written)

    def ask(self, plan: Plan, *, only: Sequence[str] | None = None, any_word: bool = True) -> Asked:
        """The plan in tantivy's terms."""
        groups = [(group, self._clauses(group)) for group in plan.groups]
        phrases = [self._phrase_anywhere(phrase) for phrase in plan.phrases]
        wanted: list[_Clause]
        if any_word:
            wanted = [clause for _, clauses in groups for clause in clauses]
        else:
            wanted = [
                (Occur.Should if group.extra else Occur.Must, Asked.boolean_query(clauses) if clauses else _NOTHING)
                for group, clauses in groups
            ]
        rules: list[_Clause] = [(Occur.Must, phrase) for phrase in phrases]
        rules += [(Occur.MustNot, self._anywhere(terms)) for terms in plan.excluded]
        if only is not None:
            among = Asked.term_set_query(self.schema, ID, list(only))
            rules.append((Occur.Must, Asked.const_score_query(among, 0.0)))
        if not rules:
            return Asked.boolean_query(wanted)
        if wanted:
            rules.append((Occur.Should if phrases and any_word else Occur.Must, Asked.boolean_query(wanted)))
        return Asked.boolean_query(rules)

    def coverage(self, plan: Plan, found: Sequence[Known]) -> Floats:
        """For each product the share of the query's words that it has, rare words counting more. float32 [n].

        What was found by phrases alone has all that was said.
        """
        signs = [[_signed(variant) for variant in group.variants] for group in plan.groups]
        own, extra = _shares(plan.groups, extra=False), _shares(plan.groups, extra=True)
        most = max((group.weight for group in plan.groups if group.extra), default=0.0)
        if not found or all(group.extra for group in plan.groups):
            return np.ones(len(found), np.float32)
        contents = [content for _, content in found]
        matched = np.zeros((len(plan.groups), len(found)), np.bool_)
        for row, variants in zip(matched, signs, strict=True):
            for signed in variants:
                row |= [signed in content for content in contents]
        said, otherwise = own @ matched, extra @ matched  # [n]
        return np.minimum(np.maximum(said, most * otherwise), 1.0).astype(np.float32)

    def known(self, addresses: list[tantivy.DocAddress]) -> list[Known]:
        """Which products hits are."""
        numbers = self.searcher.fast_field_values(NUMBER, addresses)
        known = self._known
        found: list[Known] = []
        for number, address in zip(numbers, addresses, strict=True):
            product = known.get(number)  # type: ignore[arg-type]
            if product is None:
                stored = self.searcher.doc(address)
                product = known.add(number, str(stored[ID][0]), bytes(stored[CONTENT][0]))  # type: ignore[arg-type]
            found.append(product)
        return found

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

    def _anywhere(self, terms: tuple[str, ...]) -> Asked:
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


def _shares(groups: Sequence[Group], *, extra: bool) -> npt.NDArray[np.float64]:
    """How much of a query each group says, among the query's own words or among extra ones; 0 for the others."""
    said = np.array([group.weight * group.idf if group.extra is extra else 0.0 for group in groups])
    return said / (said.sum() or 1.0)
