"""What the shop's own brands, categories and attribute values are called: by the shop, and by shoppers elsewhere.

The names come from the catalogue itself. The lexicon adds how else people say a value, in English and in Chinese
("红色" and "red", "navy" and "Navy Blue"); it never adds a value that the shop does not have.
"""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Protocol

from shoplens.apps.search.said_words import Token, adjoining, key, key_of
from shoplens.domain.catalogue import RELATIONS
from shoplens.features.align.lexicon import Idea, built_in
from shoplens.ingest.units import measured

EVERY = 1.0  # seconds between looks at the catalogue for new values
MOST_VALUES = 2_000  # of one attribute: one with more holds codes or sentences, not what people say
MOST_NAMES = 50_000  # of brands and of categories that are known
LONGEST_VALUE = 60  # letters; longer ones are sentences
LONGEST = 12  # words (Chinese: characters) of a name
SEPARATOR = " > "  # between the levels of a category

#: Values that say nothing unless the attribute is named beside them ("waterproof: yes").
_EMPTY_WORDS = (
    "yes no true false none other others new all one any unknown default standard regular multi various assorted set "
    "na n/a 是 否 无 有 其他 其它 默认 标准 通用 均码 全部"
)
_EMPTY = frozenset(key_of(word) for word in _EMPTY_WORDS.split())
#: How people call attributes, beside the names that a shop gives them.
_CALLED: tuple[frozenset[str], ...] = (
    frozenset({"brand", "make", "manufacturer", "品牌", "牌子", "牌"}),
    frozenset({"color", "colour", "shade", "颜色"}),
    frozenset({"size", "尺码", "尺寸", "码", "号"}),
    frozenset({"material", "fabric", "材质", "面料", "材料", "质地"}),
    frozenset({"pattern", "print", "图案", "花纹"}),
    frozenset({"style", "款式", "风格"}),
    frozenset({"gender", "sex", "性别"}),
    frozenset({"flavor", "flavour", "taste", "口味", "味道"}),
    frozenset({"capacity", "容量"}),
    frozenset({"memory", "ram", "内存"}),
    frozenset({"storage", "存储"}),
)


class Known(IntEnum):
    """How a name is known to mean a value; larger is surer."""

    GLOSS = 0  # a dictionary says so
    PART = 1  # one of several things that the value names, or a kind of what was said ("Navy Blue" for "blue")
    OTHER = 2  # another name of the same
    OWN = 3  # the shop's own spelling


@dataclass(frozen=True, slots=True)
class Meaning:
    """A value of the catalogue that a name may mean.

    `path` is the lower-case path of a category, else (); `words` are those of its last level that are meant, in the
    form of `said_words.key`: one part of "Ice Cream/Milk", all of "Shoes".
    """

    field: str
    value: str  # small letters, as filters compare it
    label: str  # as the shop writes it
    known: Known
    path: tuple[str, ...] = ()
    words: str = ""
    part: bool = False  # the words are one of several things that the category names


class Values(Protocol):
    """What the catalogue says about its own fields: `recommend.facts.CatalogueFacts`."""

    version: int

    def fields(self) -> list[str]:
        """Fields that have values."""
        ...

    def values_of(self, field: str) -> Mapping[str, str]:
        """Value in small letters → as the shop writes it."""
        ...


class ShopWords:
    """Names of the values of a catalogue. Follows the catalogue: `refresh` reads what is new."""

    def __init__(self, values: Values) -> None:
        self._values = values
        self._lexicon = built_in()
        self._meanings: dict[str, tuple[Meaning, ...]] = {}
        self._called: dict[str, str] = {}  # what people call a field → field
        self._measured: dict[str, Counter[str]] = {}  # unit → fields with how many values in it
        self._levels: dict[str, set[tuple[str, ...]]] = {}  # word → categories whose last level has it
        self._elsewhere: dict[Meaning, tuple[str, ...]] = {}  # what `elsewhere` said since the last new value
        self._taken: dict[str, int] = {}  # field → how many values it had at the last look
        self._seen: dict[str, set[str]] = {}  # field → values that are named here
        self._version = -1
        self._looked = -EVERY
        self._lock = threading.Lock()

    def refresh(self, *, now: float | None = None) -> None:
        """Read values that came since the last look; at most once in EVERY seconds, and by one thread."""
        moment = time.monotonic() if now is None else now
        if self._version == self._values.version or moment - self._looked < EVERY:
            return
        if not self._lock.acquire(blocking=self._version < 0):
            return
        try:
            version = self._values.version
            if self._version != version:
                for field in self._values.fields():
                    self._read(field)
                self._elsewhere = {}  # a new one: who is asking now may still put into the old one
                self._version = version
            self._looked = moment
        finally:
            self._lock.release()

    def meanings(self, name: str) -> tuple[Meaning, ...]:
        """What a name (`said_words.key`) may mean, surest first.

        One part of a category's name counts only where no other category has it in its name: milk is not looked for
        under "Ice Cream/Milk/Sherbets" in a shop that has "Fluid Milk", too.
        """
        found = self._meanings.get(name, ())
        if not any(one.part for one in found):
            return found
        return tuple(one for one in found if not one.part or not self.elsewhere(one))

    def elsewhere(self, meaning: Meaning) -> tuple[str, ...]:
        """Other categories, neither above nor below this one, with the same words in their names."""
        known = self._elsewhere
        found = known.get(meaning)
        if found is None:
            found = known[meaning] = tuple(self._others(meaning))
        return found

    def _others(self, meaning: Meaning) -> Iterator[str]:
        having = [self._levels.get(word, set()) for word in meaning.words.split(" ")]
        for path in sorted(set.intersection(*having)):
            depth = min(len(path), len(meaning.path))
            if path[-1] != meaning.path[-1] and path[:depth] != meaning.path[:depth]:
                yield SEPARATOR.join(path)

    def is_general(self, name: str) -> bool:
        """Whether every shop knows this name: a brand called so ("Apple", "Orange") is not surely meant."""
        return self.idea(name) is not None

    def idea(self, name: str) -> Idea | None:
        """What the lexicon knows by this name."""
        return self._lexicon.by_english.get(name) or self._lexicon.by_chinese.get(name.replace(" ", ""))

    def field_called(self, name: str) -> str | None:
        """The field that people call so."""
        return self._called.get(name)

    def field_measured_in(self, unit: str) -> str | None:
        """The attribute with most values in this unit (of `ingest.units.measured`)."""
        counted = self._measured.get(unit)
        return counted.most_common(1)[0][0] if counted else None

    def longest(self, text: str, words: Sequence[Token], place: int) -> int:
        """How many words from this place on may belong to one name."""
        end = place + 1
        while end < len(words) and end - place < LONGEST and adjoining(text, words[end - 1], words[end]):
            end += 1
        return end - place

    def _read(self, field: str) -> None:
        attribute = field.removeprefix("attributes.") if field.startswith("attributes.") else None
        if attribute in RELATIONS or (attribute is None and field not in ("brand", "category")):
            return
        values = self._values.values_of(field)
        if len(values) > (MOST_NAMES if attribute is None else MOST_VALUES):
            return
        seen = self._seen.get(field)
        if seen is None:
            seen = self._seen[field] = set()
            self._name(field, attribute or field)
        if len(values) == self._taken.get(field):
            return
        self._taken[field] = len(values)
        for value, label in list(values.items()):
            if value in seen:
                continue
            seen.add(value)
            if not value or len(label) > LONGEST_VALUE * (4 if field == "category" else 1):
                continue
            if field == "category":
                self._read_category(label)
            else:
                self._read_value(field, value, label)

    def _name(self, field: str, name: str) -> None:
        """Remember what people call a field."""
        own = key_of(name.replace("_", " "))
        self._called.setdefault(own, field)
        names = self._lexicon.names(name)
        for other in (*names.english, *names.chinese):
            self._called.setdefault(key_of(other), field)
        for group in _CALLED:
            if own in {key_of(one) for one in group} or name.casefold() in group:
                for one in group:
                    self._called.setdefault(key_of(one), field)

    def _read_value(self, field: str, value: str, label: str) -> None:
        own = key_of(label)
        self._add(own, Meaning(field, value, label, Known.OWN))
        if field == "brand":
            return  # names are not translated
        measure = measured(label)
        if measure is not None and measure.unit:
            self._measured.setdefault(measure.unit, Counter())[field] += 1
        for name in self._other_names(label):
            self._add(name, Meaning(field, value, label, Known.OTHER))
        last = own.split(" ")[-1]
        idea = self._lexicon.by_english.get(last) if last != own else None
        if idea is not None and idea.kind == "colour":  # "Navy Blue" is blue, too
            for name in (last, *map(key_of, (*idea.english, *idea.chinese))):
                self._add(name, Meaning(field, value, label, Known.PART))

    def _read_category(self, label: str) -> None:
        """A path with the levels above it."""
        levels = [level.strip() for level in label.split(">") if level.strip()]
        for depth in range(1, len(levels) + 1):
            path = tuple(level.casefold() for level in levels[:depth])
            value = SEPARATOR.join(path)
            if depth < len(levels) and value in self._seen["category"]:
                continue
            self._seen["category"].add(value)
            leaf, shown = levels[depth - 1], SEPARATOR.join(levels[:depth])
            words = key_of(leaf)
            for word in words.split(" "):
                self._levels.setdefault(word, set()).add(path)
            whole = Meaning("category", value, shown, Known.OWN, path, words)
            self._add(words, whole)
            parts = [part for part in _AND.split(leaf) if part.strip()]
            if len(parts) < 2 or self.idea(words) is not None:
                for name in self._other_names(leaf):
                    self._add(name, replace(whole, known=Known.OTHER))
            if len(parts) > 1:  # "Shoes & Bags"
                for part in parts:
                    words = key_of(part)
                    known = Known.PART if self.idea(words) is None else Known.OTHER
                    for name in (words, *self._other_names(part)):
                        self._add(name, replace(whole, known=known, words=words, part=True))

    def _other_names(self, label: str) -> Iterable[str]:
        names = self._lexicon.names(label, most=12)
        return (key_of(name) for name in (*names.english, *names.chinese))

    def _add(self, name: str, meaning: Meaning) -> None:
        if not name or name.count(" ") >= LONGEST:
            return
        there = self._meanings.get(name, ())
        if any(one.field == meaning.field and one.value == meaning.value for one in there):
            return  # the surest is added first
        self._meanings[name] = tuple(sorted((*there, meaning), key=lambda one: -one.known))


_AND = re.compile(r"(?<!\s)\s*(?:,|/|&|\+|、|\band\b|和|与)\s*", re.IGNORECASE)


def needs_naming(words: Sequence[Token]) -> bool:
    """Whether these words mean a value only beside the attribute's name: "42", "M", "yes"."""
    if key(words) in _EMPTY:
        return True
    if all(word.text.replace(".", "").replace(",", "").isdigit() for word in words):
        return True
    return len(words) == 1 and len(words[0].text) == 1 and not words[0].han
