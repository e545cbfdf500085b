"""Values of the shop's attributes in a text: by pattern, by the shop's own values, by the lexicon's names of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from shoplens.apps.attributes.found import FoundValue, Source
from shoplens.apps.attributes.mentions import asserted, of_brand
from shoplens.apps.attributes.normalise import Normaliser, folded, own_words
from shoplens.apps.attributes.patterns import Said, patterns_in
from shoplens.apps.attributes.reliability import Reliability
from shoplens.apps.attributes.schema import BRAND, LONGEST_VALUE, PACK_NAMES, SIZE_NAMES, Category, Kind, ShopSchema
from shoplens.apps.attributes.things import COLOUR, SHADES, in_a_thing, is_a_thing
from shoplens.apps.attributes.written import FIELD
from shoplens.domain.catalogue import Product
from shoplens.features.align.lexicon import Lexicon, built_in
from shoplens.ingest.units import measured
from shoplens.models.extraction.memory import ValueFinder

SHORTEST = 2  # letters of a value that is looked for; one Chinese character is enough
#: Kinds of the lexicon whose names may be values of an attribute that is called so.
LEXICON_NAMES: dict[str, tuple[str, ...]] = {
    "colour": ("colour", "color", "颜色", "frame color", "basecolour", "base_colour"),
    "material": ("material", "fabric", "材质", "材料", "面料"),
    "pattern": ("pattern", "图案", "花纹"),
    "gender": ("gender", "性别", "适用性别"),
    "season": ("season", "季节"),
}
#: Attributes that hold sentences about the product, one a value: feeds call their bullet points so.
HIGHLIGHTS = frozenset({"producthighlight", "producthighlights", "highlights", "bulletpoint", "bulletpoints", "卖点"})
Texts = Mapping[str, str]  # field → text


def texts_of(product: Product, written: str = "") -> dict[str, str]:
    """All that a product says in words, by field. `written`: words in its photos."""
    points = [value for name, values in product.attributes.items() if folded(name) in HIGHLIGHTS for value in values]
    texts = {"title": product.title, "highlights": "\n".join(points), "description": product.description}
    return {field: text for field, text in {**texts, FIELD: written}.items() if text}


class TextReader:
    """Reads texts with what the shop's catalogue and the lexicon know."""

    def __init__(
        self,
        schema: ShopSchema,
        normaliser: Normaliser,
        reliability: Reliability,
        *,
        lexicon: Lexicon | None = None,
    ) -> None:
        self._schema, self._normaliser, self._reliability = schema, normaliser, reliability
        self._names = _names(schema, lexicon or built_in())
        self._finder = ValueFinder(self._names)
        self._colours = {
            name
            for name, kind in schema.kinds.items()
            if kind is Kind.COLOUR or name.casefold() in LEXICON_NAMES[COLOUR]
        }
        self._units = {
            name: {amount.unit for value in schema.values(name) if (amount := measured(value)) is not None}
            for name, kind in schema.kinds.items()
            if kind is Kind.MEASURE
        }

    def read(self, texts: Texts, category: Category, brand: str | None = None) -> list[FoundValue]:
        """What texts say of the attributes that products of the category have; not what they deny, nor say of other
        products ("also available in red"), nor what is part of the product's own brand ("Indigo Nation")."""
        expected = set(self._schema.expected(category))
        return [
            one
            for field, text in texts.items()
            if text
            for one in (
                *self._by_pattern(field, text, expected),
                *self._by_dictionary(field, text, expected, category),
            )
            if asserted(text, one.start or 0, one.end or 0)
            and (one.attribute == BRAND or not of_brand(text, one.start or 0, one.end or 0, brand))
        ]

    def _by_pattern(self, field: str, text: str, expected: set[str]) -> list[FoundValue]:
        return [
            FoundValue(
                attribute=name,
                value=value,
                source=Source.PATTERN,
                confidence=self._reliability.of(Source.PATTERN, name),
                field=field,
                said=one.said,
                start=one.start,
                end=one.end,
            )
            for one in patterns_in(text)
            for name, value in self._values_of(one.about, one.value, expected)
        ]

    def _values_of(self, about: Said, said: str, expected: set[str]) -> Iterator[tuple[str, str]]:
        """Attributes that such a pattern may be a value of, and the value in the shop's words."""
        if about is Said.AMOUNT:
            amount = measured(said)
            unit = amount.unit if amount is not None else said.rpartition(" ")[2]
            for name in sorted(expected & self._units.keys()):
                if unit in self._units[name]:
                    yield name, self._normaliser.value(name, said)
                elif (converted := self._normaliser.in_its_unit(name, said)) is not None:
                    yield name, converted
            return
        for name in sorted(expected):
            if about in _names_of(name):
                yield name, self._normaliser.value(name, said)

    def _by_dictionary(self, field: str, text: str, expected: set[str], category: Category) -> list[FoundValue]:
        lowered = text.lower()
        found: list[FoundValue] = []
        if len(lowered) != len(text):
            return found
        taken: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)  # attribute → where it was found
        for start, end in sorted(self._finder.find(lowered), key=lambda place: (place[0] - place[1], place[0])):
            if not _whole(lowered, start, end):
                continue
            for name, value in self._names[lowered[start:end]].items():
                if name in expected and not any(start < last and first < end for first, last in taken[name]):
                    taken[name].append((start, end))  # longer names come first
                    if name in self._colours and self._of_a_thing(text, start, end, category, name):
                        continue
                    found.append(
                        FoundValue(
                            attribute=name,
                            value=value,
                            source=Source.DICTIONARY,
                            confidence=self._reliability.of_word(name, lowered[start:end]),
                            field=field,
                            said=text[start:end],
                            start=start,
                            end=end,
                        )
                    )
        return found

    def _of_a_thing(self, text: str, start: int, end: int, category: Category, attribute: str) -> bool:
        """Whether a colour's name is a thing's here: part of its name ("hand cream"), or what is sold itself in a
        category without products of that colour ("Nivea day cream")."""
        if in_a_thing(text, start, end):
            return True
        return is_a_thing(text, start, end) and not self._schema.has_colour(category, attribute, text[start:end])


def _names_of(attribute: str) -> set[Said]:
    """Patterns that are values of an attribute that is called so."""
    name = attribute.casefold()
    dimensions = "dimension" in name or attribute in {"尺寸", "规格"}
    named = ((Said.SIZE, name in SIZE_NAMES), (Said.PACK, name in PACK_NAMES), (Said.EXTENT, dimensions))
    return {about for about, so in named if so}


def _names(schema: ShopSchema, lexicon: Lexicon) -> dict[str, dict[str, str]]:
    """What may stand in a text → attribute → the shop's value."""
    names: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for attribute, kind in schema.kinds.items():
        if kind in (Kind.MEASURE, Kind.NUMBER, Kind.CODE):
            continue
        counts = schema.values(attribute)
        for value, _ in counts.most_common():
            if SHORTEST <= len(value) <= LONGEST_VALUE or (value and ord(value[0]) > 0x2E80):
                names[value.strip().lower()].setdefault(attribute, value)
        if attribute == BRAND or kind is Kind.NAME:
            continue  # a name is not translated: 经典 in a title is no mention of a brand "Classic"
        shop_word = own_words(counts, lexicon)
        capitals = sum(many for value, many in counts.items() if value[:1].isupper()) * 2 > counts.total()
        own = {wanted for wanted, called in LEXICON_NAMES.items() if attribute.casefold() in called}
        for idea in sorted(lexicon.ideas, key=lambda idea: -counts[shop_word.get(id(idea), "")]):  # the shop's first
            invented = _as_written(idea.english[0], capitals) if idea.kind in own else None
            meant = shop_word.get(id(idea), None if idea.english[0] in SHADES else invented)
            if meant is not None:
                for name in (*idea.english, *(one for one in idea.chinese if len(one) > 1)):
                    names[name.lower()].setdefault(attribute, meant)
    names.pop("", None)
    return dict(names)


def _as_written(word: str, capitals: bool) -> str:
    """A word that the shop does not have yet, as it begins its own."""
    return word.title() if capitals else word


def _whole(text: str, start: int, end: int) -> bool:
    """Whether no word goes on over the edges. Chinese has no edges between words."""
    return not (_joins(text, start) or _joins(text, end))


def _joins(text: str, place: int) -> bool:
    if not 0 < place < len(text):
        return False
    left, right = text[place - 1], text[place]
    return left.isascii() and right.isascii() and left.isalnum() and right.isalnum()
