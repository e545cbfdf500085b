"""Values in one spelling: the shop's own where it has one. Units, letter case, brands, the other language, colours."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass

from rapidfuzz import fuzz, process

from shoplens.apps.attributes.schema import BRAND, LONGEST_VALUE, Kind, ShopSchema
from shoplens.encoders.colour_names import COLOURS
from shoplens.features.align.lexicon import Lexicon, built_in, plain
from shoplens.ingest.units import Measure, measured, normalise_measure

MORE_OFTEN = 5.0  # times as many products write it so: then that is how the shop writes it
ALIKE = 92.0  # of 100: how alike two spellings of one brand are (rapidfuzz, normalised edit distance)
NEARLY = 0.01  # share that two measures may differ by
ROUNDED = 0.02  # between systems, where people round: an ounce is 28 g to them
TELLING = frozenset({"colour", "material", "pattern", "gender", "season"})  # kinds of ideas that tell products apart
SHORTEST_BRAND = 5  # letters; of shorter names one letter makes another brand

#: Families of colours that shoppers filter by, with the named colours that belong to them.
FAMILIES: dict[str, tuple[str, ...]] = {
    "black": ("black",),
    "grey": ("grey", "silver", "charcoal"),
    "white": ("white", "cream"),
    "beige": ("beige", "khaki", "tan"),
    "brown": ("brown",),
    "red": ("red", "maroon", "coral"),
    "pink": ("pink", "magenta", "peach"),
    "orange": ("orange",),
    "yellow": ("yellow", "mustard"),
    "green": ("green", "lime", "olive", "dark green", "mint"),
    "blue": ("blue", "teal", "turquoise", "sky blue", "navy"),
    "purple": ("purple", "lavender"),
}
#: Words of the lexicon whose own name says no family.
_OTHER_WORDS = {
    "ivory": "white", "off white": "white", "gold": "yellow", "copper": "brown", "bronze": "brown", "rust": "brown",
    "rose gold": "pink", "gunmetal": "grey", "steel": "grey", "burgundy": "red", "wine": "red", "rose": "pink",
    "fuchsia": "pink", "amber": "yellow", "coffee brown": "brown", "coffee": "brown", "mocha": "brown",
    "taupe": "beige", "nude": "beige", "camel": "beige", "skin tone": "beige", "skin": "beige",
    "emerald": "green", "violet": "purple",
    "gray": "grey", "lilac": "purple", "indigo": "blue", "cyan": "blue", "aqua": "blue",
}  # fmt: skip
_SPACES = re.compile(r"[\s_\-·']+|(?<!\d)\.|\.(?!\d)")  # 3.4 is not 34, nor 3/4


def folded(value: str) -> str:
    """Without letter case, spaces and signs that spellings differ in."""
    return _SPACES.sub("", value.casefold())


@dataclass(frozen=True, slots=True)
class ColourFamilies:
    """Names of colours, in English and Chinese, and the family of each."""

    by_name: dict[str, str]  # plain English or Chinese → family

    @classmethod
    def built_in(cls, lexicon: Lexicon) -> ColourFamilies:
        """From the named colours and the lexicon."""
        of_named = {named: family for family, names in FAMILIES.items() for named in names}
        by_name = {**_OTHER_WORDS, **{plain(name): family for name, family in of_named.items()}}
        by_name |= {colour.chinese: of_named[colour.english] for colour in COLOURS}
        for idea in lexicon.ideas:
            if idea.kind != "colour":
                continue
            known = [plain(name) for name in idea.english]
            words = [name.split()[-1] for name in known]
            family = next((by_name[name] for name in (*known, *words) if name in by_name), None)
            if family is not None:
                for name in (*known, *(name.casefold() for name in idea.chinese)):
                    by_name.setdefault(name, family)
        return cls(by_name)

    def of(self, value: str) -> str | None:
        """The family of a colour; None when it is none that we know, or several."""
        simple = plain(value)
        exact = self.by_name.get(simple) or self.by_name.get(value.strip().casefold())
        if exact is not None:
            return exact
        words = simple.split()
        named = {self.by_name[word] for word in words if word in self.by_name}
        if len(named) == 1:
            return named.pop()
        return self.by_name.get(words[-1]) if words and len(words) <= 2 else None


def own_words(counts: Counter[str], lexicon: Lexicon) -> dict[int, str]:
    """The shop's word for each idea of the lexicon, by the idea's `id`: the value that most products have.

    A value that may mean several (酒红色) speaks for those that the shop has no word of its own for.
    """
    meant = [(value, lexicon.meanings(value)) for value, _ in counts.most_common()]
    found: dict[int, str] = {}
    for value, ideas in meant:
        for idea in ideas[:1]:
            found.setdefault(id(idea), value)
    for value, ideas in meant:
        for idea in ideas[1:]:
            found.setdefault(id(idea), value)
    return found


class Normaliser:
    """What a shop would write for a value."""

    def __init__(self, schema: ShopSchema, lexicon: Lexicon | None = None) -> None:
        self._schema = schema
        self._lexicon = lexicon or built_in()
        self.families = ColourFamilies.built_in(self._lexicon)
        self._usual: dict[str, dict[str, str]] = {}  # attribute → folded value → the spelling most products have
        #: attribute → idea of the lexicon → the shop's word; not of names: 经典 is no mention of a brand "Classic"
        self._by_idea: dict[str, dict[int, str]] = {}
        self._measures: dict[str, list[tuple[str, Measure]]] = {}  # attribute → its values, read when first asked for
        self._frequent_brands = [name for name, many in schema.values(BRAND).items() if many >= MORE_OFTEN]
        self._named = {name for name, kind in schema.kinds.items() if name == BRAND or kind is Kind.NAME}
        for name in schema.attributes:
            counts = schema.values(name)
            spellings: dict[str, list[str]] = defaultdict(list)
            for value, _ in counts.most_common():
                spellings[folded(value)].append(value)
            self._usual[name] = {key: values[0] for key, values in spellings.items()}
            self._by_idea[name] = own_words(counts, self._lexicon) if name not in self._named else {}

    def value(self, attribute: str, said: str) -> str:
        """What the shop writes for what a text says: its own spelling, its own word for the same idea in either
        language, a measure in its one unit; otherwise what was said."""
        text = " ".join(said.split())
        if self._schema.kinds.get(attribute) is Kind.MEASURE:
            text = normalise_measure(text)
        usual = self._usual.get(attribute, {}).get(folded(text))
        if usual is not None:
            return usual
        own = self._by_idea.get(attribute, {})
        known = [own[id(idea)] for idea in self._lexicon.meanings(text) if id(idea) in own]
        counts = self._schema.values(attribute)
        return max(known, key=counts.__getitem__, default=text)  # the first of equals

    def in_its_unit(self, attribute: str, said: str) -> str | None:
        """The shop's value of a measure that is said in another unit: "500 ml" of "16.9 fl oz", "340 g" of "12 oz".

        None where the shop has no such value, or several: a fluid ounce is not the same in London and New York.
        """
        amount = measured(said)
        if amount is None:
            return None
        if attribute not in self._measures:
            own = ((value, measured(value)) for value, _ in self._schema.values(attribute).most_common())
            self._measures[attribute] = [(value, one.metric()) for value, one in own if one is not None]
        meant: dict[float, str] = {}
        for possible in amount.possible():
            for value, known in self._measures[attribute]:
                near = abs(known.amount - possible.amount) <= NEARLY * possible.amount
                if known.unit == possible.unit and near:
                    meant.setdefault(known.amount, value)
        return next(iter(meant.values())) if len(meant) == 1 else None

    def better_spelling(self, attribute: str, value: str) -> tuple[str, float] | None:
        """How the shop writes a value that stands in its catalogue otherwise, and how sure that is; None: it is fine.

        Of spellings that differ in letter case, spaces and signs, and of brands that differ in a letter, the one that
        many times as many products have; a measure in its unit; a word in the shop's usual language.
        """
        counts = self._schema.values(attribute)
        own = counts.get(value, 0)
        if self._schema.kinds.get(attribute) is Kind.MEASURE:
            usual = normalise_measure(value)
            return (usual, 0.95) if usual != value else None
        candidates = [self.value(attribute, value)]
        if attribute == BRAND and len(value) >= SHORTEST_BRAND and own < MORE_OFTEN:
            near = process.extractOne(value, self._frequent_brands, scorer=fuzz.ratio, score_cutoff=ALIKE)
            if near is not None:
                candidates.append(near[0])
        for candidate in candidates:
            many = counts.get(candidate, 0)
            if candidate != value and many >= MORE_OFTEN * max(own, 1):
                return candidate, many / (many + own)
        return None

    def telling_words(self) -> frozenset[str]:
        """Single words of values, without an ending s, and what the lexicon knows: a title that has one more is of
        another product. Of brands and the like only those that are one word: "new" is no mention of "Forever New"."""
        values = ((name, value.casefold()) for name in self._schema.attributes for value in self._schema.values(name))
        words = {
            word
            for name, value in values
            if len(value) <= LONGEST_VALUE
            for word in ((value,) if name in self._named else value.split())
        }
        known = {plain(name) for idea in self._lexicon.ideas if idea.kind in TELLING for name in idea.english}
        return frozenset(word.removesuffix("s") for word in words | known | self.families.by_name.keys())

    def same(self, attribute: str, one: str, other: str) -> bool:
        """Whether two values of an attribute mean the same: spelling, language, unit, family of colour."""
        if folded(one) == folded(other) or self.value(attribute, one) == self.value(attribute, other):
            return True
        amounts = measured(one), measured(other)
        if amounts[0] is not None and amounts[1] is not None:
            own, others = amounts[0].metric(), amounts[1].metric()
            nearly = NEARLY if amounts[0].unit == amounts[1].unit else ROUNDED
            return own.unit == others.unit and abs(own.amount - others.amount) <= nearly * abs(own.amount) + 1e-9
        if self._schema.kinds.get(attribute) is Kind.COLOUR:
            families = self.families.of(one), self.families.of(other)
            return families[0] is not None and families[0] == families[1]
        return False
