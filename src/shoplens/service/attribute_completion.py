"""Missing values and other spellings over a whole catalogue, as proposals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from shoplens.apps.attributes.categories import misplaced
from shoplens.apps.attributes.disputes import same_or_closer, settled, share_won
from shoplens.apps.attributes.feedback import Feedback
from shoplens.apps.attributes.found import SUREST, FoundValue, Source, joined
from shoplens.apps.attributes.nearest import reliability_by_share, step_of, votes
from shoplens.apps.attributes.photo import Visible, fit_visible
from shoplens.apps.attributes.reading import texts_of
from shoplens.apps.attributes.schema import Kind, current_values, values_of
from shoplens.apps.attributes.written import Written
from shoplens.domain.catalogue import Product
from shoplens.domain.proposals import Proposal, ProposalKind
from shoplens.models.extraction import Extracted
from shoplens.service.attribute_learning import SURE, Knowledge, Progress, category_name
from shoplens.service.attribute_photos import Regions, of_seen

LEAST = 0.5  # confidence below which nothing is proposed
MOSTLY = 0.5  # share of its like that have an attribute before they are asked which value: balls have no shoe size
VISIBLE = frozenset({Kind.COLOUR, Kind.CHOICE})

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Shown:
    """What is known of products beside their own words, in the order of the products."""

    text: Floats | None = None  # [n, size] unit vectors, zero where there is none
    photo: Floats | None = None  # [n, size] image and colour vectors side by side, zero where there is none
    parts: tuple[tuple[str, str], ...] = ()  # what `photo` is made of: modality, and what made its vectors
    ocr: Mapping[str, Written] = field(default_factory=dict)  # item_id → words found in its photos


@dataclass(slots=True)
class Completion:
    """Everything that was found about a catalogue, by product."""

    products: Sequence[Product]
    knowledge: Knowledge
    shown: Shown
    progress: Progress
    regions: Regions
    feedback: Feedback = field(default_factory=Feedback)
    seed: int = 0
    photos: Visible = field(default_factory=Visible)
    read: dict[int, list[FoundValue]] = field(default_factory=dict)  # row → what its texts say
    seen: dict[int, list[FoundValue]] = field(default_factory=dict)  # row → what its photo shows
    voted: dict[int, list[FoundValue]] = field(default_factory=dict)  # row → what products like it have
    _won: dict[str, tuple[int, int]] = field(default_factory=dict)  # attribute → disputes of neighbours won, and all
    _known_spellings: dict[tuple[str, str], tuple[str, float] | None] = field(default_factory=dict)

    def find(self, *, vote: bool = True) -> None:
        """Ask all sources; `vote`: the neighbours too, whom only what is missing is asked of."""
        self._read()
        self._extract()
        self._look()
        if vote:
            self._vote()

    def missing(self, product: Product) -> list[str]:
        """Attributes that its like have and it has not."""
        schema = self.knowledge.schema
        return [
            name
            for name in schema.expected(product.category)
            if schema.kinds[name] is not Kind.CODE and not current_values(product, name)
        ]

    def proposals(self, now: int) -> Iterator[Proposal]:
        """The likeliest value of everything that is missing, and values that are spelt otherwise."""
        for row, product in enumerate(self.products):
            wanted = set(self.missing(product))
            said = [
                one
                for source in (self.read, self.seen, self.voted)
                for one in source.get(row, ())
                if one.attribute in wanted
            ]
            found = [
                heard
                for one in settled(said, self._share_won, self.knowledge.normaliser)
                if (heard := self.feedback.heard(one, product.item_id)) is not None
            ]
            best: dict[str, FoundValue] = {}
            for one in joined(found):
                best.setdefault(one.attribute, one)
            for one in best.values():
                if one.confidence >= LEAST:
                    placed = self.regions.of(one)
                    yield Proposal(
                        kind=ProposalKind.VALUE,
                        item_id=product.item_id,
                        attribute=one.attribute,
                        value=one.value,
                        source=one.source.value,
                        confidence=round(one.confidence, 4),
                        evidence=_evidence(placed),
                        offered=now,
                    )
            yield from self._spellings(product, now)

    def _spellings(self, product: Product, now: int) -> Iterator[Proposal]:
        for name, values in values_of(product):
            if self.knowledge.schema.kinds[name] is Kind.CODE:
                continue
            for value in values:
                better = self._better(name, value)
                if better is not None:
                    yield Proposal(
                        kind=ProposalKind.SPELLING,
                        item_id=product.item_id,
                        attribute=name,
                        value=better[0],
                        current=(value,),
                        source="shop",
                        confidence=round(min(better[1], SUREST), 4),
                        evidence={"products": self.knowledge.schema.values(name).get(better[0], 0)},
                        offered=now,
                    )

    def _better(self, name: str, value: str) -> tuple[str, float] | None:
        """`better_spelling`, asked once for each value."""
        key = (name, value)
        if key not in self._known_spellings:
            self._known_spellings[key] = self.knowledge.normaliser.better_spelling(name, value)
        return self._known_spellings[key]

    def _read(self) -> None:
        """What texts say, equal texts read once."""
        known: dict[tuple[object, ...], list[FoundValue]] = {}
        total, nothing = len(self.products), Written()
        for row, product in enumerate(self.products):
            words = self.shown.ocr.get(product.item_id, nothing)
            texts = texts_of(product, words.text)
            key = (*texts.items(), product.category, product.brand)
            if key not in known:
                known[key] = self.knowledge.reader.read(texts, product.category, product.brand)
            if known[key]:
                self.read[row] = [words.placed(one) for one in known[key]]
            if row % 1_000 == 0:
                self.progress("read texts", row, total)
        self.progress("read texts", total, total)

    def _extract(self) -> None:
        """What the extractor finds in titles of products that lack something, equal titles once."""
        extractor = self.knowledge.extractor
        if extractor is None:
            return
        asked: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
        for row, product in enumerate(self.products):
            if product.title and self.missing(product):
                asked[product.title, category_name(self.knowledge.schema, product.category)].append(row)
        keys = list(asked)
        for first in range(0, len(keys), 1_000):
            self.progress("extract from titles", first, len(keys))
            part = keys[first : first + 1_000]
            answers = extractor.extract([title for title, _ in part], [category for _, category in part])
            for key, answer in zip(part, answers, strict=True):
                found = [
                    of_extracted(self.knowledge, name, one) for name, one in answer.items() if one.probability >= SURE
                ]
                for row in asked[key] if found else ():
                    self.read.setdefault(row, []).extend(found)
        self.progress("extract from titles", len(keys), len(keys))

    def _look(self) -> None:
        """What photos show."""
        vectors = self.shown.photo
        if vectors is None:
            return
        rows = np.flatnonzero(vectors.any(1))
        if not len(rows):
            return
        names = [name for name, kind in self.knowledge.schema.kinds.items() if kind in VISIBLE]
        values = {
            name: [next(iter(current_values(self.products[row], name)), None) for row in rows.tolist()]
            for name in names
        }
        visible = fit_visible(
            vectors[rows],
            values,
            rejected=self._rejected(rows.tolist()),
            disputed=lambda name, place, value: self._disputed(int(rows[place]), name, value),
            seed=self.seed,
            progress=self.progress,
        )
        self.photos = Visible(visible, self.shown.parts)
        for name, classifier in visible.items():
            for row, one in zip(rows.tolist(), classifier.see(vectors[rows]), strict=True):
                self.seen.setdefault(row, []).append(of_seen(name, one.value, one.probability, self.products[row]))

    def _rejected(self, rows: Sequence[int]) -> dict[str, list[tuple[int, str]]]:
        """Attribute → places among `rows` with values that their products do not have."""
        rejected = self.feedback.rejected
        found: defaultdict[str, list[tuple[int, str]]] = defaultdict(list)
        for place, row in enumerate(rows):
            for name, value in sorted(rejected.get(self.products[row].item_id, ())):
                found[name].append((place, value))
        return found

    def _disputed(self, row: int, name: str, value: str) -> bool:
        """Whether a product's title says values of an attribute, but nothing like this one."""
        said = [one.value for one in self.read.get(row, ()) if one.attribute == name and one.field == "title"]
        return bool(said) and not any(same_or_closer(name, value, one, self.knowledge.normaliser) for one in said)

    def _share_won(self, source: Source, name: str) -> float:
        """How often a source is right where the title says something else."""
        return share_won(*self._won.get(name, (0, 0))) if source is Source.NEIGHBOURS else self.photos.share_won(name)

    def _vote(self) -> None:
        """What the most similar products of the category have."""
        if self.shown.text is None:
            return
        schema = self.knowledge.schema
        groups = [schema.speaking(product.category) for product in self.products]
        astray = misplaced([one.title for one in self.products], [one.category for one in self.products])
        elsewhere = {one.row for one in astray}  # where they seem to be wrong, their neighbours are no like of theirs
        lacking: defaultdict[str, list[int]] = defaultdict(list)
        for row, product in enumerate(self.products):
            shares = schema.expected(product.category)
            for name in self.missing(product) if row not in elsewhere else ():
                if schema.kinds[name] not in (Kind.MEASURE, Kind.NUMBER) and shares[name] >= MOSTLY:
                    lacking[name].append(row)
        for number, (name, rows) in enumerate(sorted(lacking.items())):
            self.progress("ask neighbours", number, len(lacking))
            values = [next(iter(current_values(product, name)), None) for product in self.products]
            ask = np.zeros(len(self.products), np.bool_)
            ask[rows] = True
            known = np.flatnonzero([value is not None for value in values])
            ask[np.random.default_rng(self.seed).permutation(known)[:2_000]] = True  # to measure
            found = votes(self.shown.text, groups, values, ask)
            right = reliability_by_share(found, values)
            against = [
                vote.value == values[vote.row]
                for vote in found
                if vote.held and self._disputed(vote.row, name, vote.value)
            ]
            self._won[name] = sum(against), len(against)
            for vote in found:
                if not vote.held:
                    self.voted.setdefault(vote.row, []).append(
                        FoundValue(
                            attribute=name,
                            value=vote.value,
                            source=Source.NEIGHBOURS,
                            confidence=min(right[step_of(vote.share)], SUREST),
                        )
                    )


def of_extracted(knowledge: Knowledge, name: str, one: Extracted) -> FoundValue:
    """What the extractor found in a title, in the shop's words."""
    return FoundValue(
        attribute=name,
        value=knowledge.normaliser.value(name, one.value),
        source=Source.MODEL,
        confidence=min(one.probability, SUREST) * knowledge.reliability.of(Source.MODEL, name),
        field="title",
        said=one.value,
        start=one.start,
        end=one.end,
    )


def _evidence(one: FoundValue) -> dict[str, Any]:
    """What a person wants to see: everything but the proposal itself."""
    return {name: told for name, told in one.as_dict().items() if name not in {"attribute", "value", "confidence"}}
