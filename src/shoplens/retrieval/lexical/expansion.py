"""A query against what the index holds: for each word, everything that may stand for it, and how well.

| for | stands | weight |
|---|---|---|
| running shoes | the word itself, in one form for one and several; its other spelling (grey, gray) | 1 |
| t-shirt, iphone15, 优衣库 | its pieces next to one another | .95 |
| tshirt; t shirt; wi fi | two words for one, one for two | .85, .9 |
| 农业发展银行, iphone15 | a part alone | up to .4 |
| knit | knitted, knitting | .6 |
| sneaker | a synonym of the shop's | .8 |
| lianyiqun, lian yi qun, 连衣群 | Chinese words that sound so, where the word is unknown | .5 |
| maoliang | two Chinese words next to one another that sound so, where nothing else does | .5 |
| 电风扇, 雨伞, 袜子 | the thing that it ends with (风扇, 伞), or is (袜), where the word is unknown | .4 |
| sheos | words spelt nearly so, where the word is unknown | .7 or .45 |
| sho | words that begin so, where it is still being typed | .8 |
| AB-123 | a product's number | 1 |
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise, product

from shoplens.retrieval.lexical.analyser import Analyser
from shoplens.retrieval.lexical.chinese import pinyin
from shoplens.retrieval.lexical.english import SPELLINGS, base, kin
from shoplens.retrieval.lexical.heads import HEAD, head_of, things_in
from shoplens.retrieval.lexical.plan import Group, Holdings, Plan, Variant
from shoplens.retrieval.lexical.query import PART, Query, Word, alternatives
from shoplens.retrieval.lexical.vocabulary import LONGEST, edits_allowed

CHAIN, SPLIT, JOIN, KIN, SYNONYM, SOUND, PREFIX = 0.95, 0.85, 0.9, 0.6, 0.8, 0.5, 0.8
TYPO = {1: 0.7, 2: 0.45}
RARE_TYPO = 0.4  # of a word that the index does hold, yet so rarely that it looks like somebody's mistake
RARE, MUCH_MORE = 2, 50
MOST_VARIANTS = 16  # of one word
MOST_GROUPS = 24  # with extra words; a float32 tells so many powers of two apart
NAME = range(3, 5)  # characters of a Chinese name that no dictionary knows
#: Characters that say something alone, also next to others.
MEANINGFUL = frozenset("男女童大小长短厚薄新高低春夏秋冬红橙黄绿青蓝紫黑白灰粉鞋裙裤")
WINDOW = 4  # words that together may be one name
HEARD = 6  # words, and characters, that are tried for one sound


def planned(
    query: Query,
    analyser: Analyser,
    holdings: Holdings,
    *,
    extra: Sequence[tuple[str, float]] = (),
    prefix: bool = False,
    typos: bool = True,
) -> Plan:
    """Compare a query with what the index holds."""
    found = _Found(query, analyser, holdings)
    found.themselves()
    found.names()
    found.codes()
    found.synonyms()
    found.together()
    if prefix:
        found.prefixes()
    found.apart()
    found.sounds()
    found.things()
    if typos:
        found.typos()
    head = head_of(query)
    groups = [found.group(place, HEAD if place == head else 1.0) for place in range(len(query.words))]
    groups.extend(_extra_groups(analyser, holdings, extra, MOST_GROUPS - len(groups)))
    return Plan(tuple(groups), query.phrases, query.excluded)


class _Found:
    """Variants found so far, word by word."""

    def __init__(self, query: Query, analyser: Analyser, holdings: Holdings) -> None:
        self.query, self.analyser, self.holdings = query, analyser, holdings
        self.words = query.words
        self.variants: list[dict[tuple[str, ...], float]] = [{} for _ in self.words]
        self.numbers: list[list[Variant]] = [[] for _ in self.words]

    def add(self, places: range, terms: tuple[str, ...], weight: float) -> bool:
        """Let terms stand for these words, if the index holds them."""
        if not all(self.holdings.count(term) for term in terms):
            return False
        for place in places:
            known = self.variants[place]
            if known.get(terms, 0.0) < weight:
                known[terms] = weight
        return True

    def known(self, place: int) -> bool:
        """Whether a word was found as well as it was typed."""
        return bool(self.numbers[place]) or any(weight > PART for weight in self.variants[place].values())

    def themselves(self) -> None:
        for place, word in enumerate(self.words):
            here = range(place, place + 1)
            held = bool(self.holdings.count(word.term))
            for form, weight in word.forms:
                if weight == 1.0 or not held or len(word.chain) > 3:
                    self.add(here, (form,), weight)
            # What is joined in the index as well need not be looked for in pieces, which takes longer.
            joined = held and not self.analyser.owns(word.term)
            if word.chain and not (joined and (word.han or len(word.chain[0]) == 1)):
                self.add(here, word.chain, CHAIN)
            if not word.han:
                other = SPELLINGS.get(word.term)
                if other is not None:
                    self.add(here, (other,), 1.0)
                for form in kin(word.term):
                    self.add(here, (form,), KIN)

    def names(self) -> None:
        """Characters in a row that the dictionary cannot join are perhaps a name ("膳魔师"), and belong together."""
        for run in self._loose_characters():
            chain = tuple(self.words[place].term for place in run)
            if len(chain) in NAME and self.holdings.holds(chain):
                for place in run:
                    self.variants[place] = {chain: CHAIN}

    def _loose_characters(self) -> Iterator[range]:
        """The longest stretches of characters that are words of their own and say nothing in particular."""
        start = 0
        for place in range(len(self.words) + 1):
            word = self.words[place] if place < len(self.words) else None
            loose = word is not None and word.han and not word.chain and word.term not in MEANINGFUL
            if word is None or not loose or (start < place and self.words[place - 1].end != word.start):
                yield range(start, place)
                start = place if loose else place + 1

    def codes(self) -> None:
        for code in self.query.codes:
            if self.holdings.has_code(code.text):
                for place, word in enumerate(self.words):
                    if code.start <= word.start and word.end <= code.end:
                        self.numbers[place].append(Variant((code.text,), 1.0, code=True))

    def synonyms(self) -> None:
        table = self.analyser.synonym_table
        if table:
            for window in self._windows(1, WINDOW):
                for terms in table.get(tuple(self.words[place].term for place in window), ()):
                    self.add(window, terms, SYNONYM)

    def together(self) -> None:
        """ "wi fi" for "wifi"."""
        for window in self._windows(2, 3):
            joined = ""
            for word in self.words[window.start : window.stop]:
                if word.han or word.chain:
                    break
                joined += word.text.casefold()
            else:
                if len(joined) <= LONGEST:
                    self.add(window, (base(joined),), JOIN)

    def prefixes(self) -> None:
        """The last word, if nothing follows it, may go on."""
        if not self.words or self.words[-1].end != len(self.query.text):
            return
        place = len(self.words) - 1
        here, word = range(place, place + 1), self.words[-1]
        for typed in dict.fromkeys((word.term, word.text.casefold())):
            for longer, _ in self.holdings.beginning(typed, MOST_VARIANTS):
                if longer != word.term:
                    self.add(here, (longer,), PREFIX)
        if not word.han and word.term.isalpha():
            self.add(here, (base(word.text.casefold() + "s"),), PREFIX)
            if not self.known(place):
                for longer in self.holdings.vocabulary.sounding_from(sound(word), MOST_VARIANTS // 2):
                    self.add(here, (longer,), SOUND)

    def apart(self) -> None:
        """ "tshirt" for "t shirt"."""
        for place, word in enumerate(self.words):
            if word.han or word.chain or self.known(place) or not word.term.isalpha():
                continue
            text = word.text.casefold()
            cuts = ((text[:k], base(text[k:])) for k in range(1, len(text) - 2))
            counted = [(min(map(self.holdings.count, cut)), cut) for cut in cuts]
            count, best = max(counted, default=(0, ("", "")))
            if count:
                self.add(range(place, place + 1), best, SPLIT)

    def sounds(self) -> None:
        sure = [self.known(place) and len(word.term) > 1 for place, word in enumerate(self.words)]
        for window in self._windows(1, WINDOW):
            if all(sure[window.start : window.stop]):
                continue
            words = self.words[window.start : window.stop]
            if all(word.han for word in words):
                self._sounds_of_characters(window, "".join(word.text for word in words))
            elif all(spelt(word) for word in words):
                heard_as = "".join(map(sound, words))
                for heard in self.holdings.vocabulary.sounding(heard_as)[: MOST_VARIANTS // 2]:
                    self.add(window, (heard,), SOUND)
                if not any(self.known(place) for place in window):
                    for chain in self._heard_in_two(heard_as):
                        self.add(window, chain, SOUND)
                for own in self.analyser.own_sounds.get(heard_as, ())[: MOST_VARIANTS // 2]:
                    self.add(window, tuple(own), SOUND)

    def _heard_in_two(self, heard_as: str) -> Iterator[tuple[str, ...]]:
        """Characters that stand next to one another in a product and sound so, as two words: "maoliang" for 猫粮."""
        sounding = self.holdings.vocabulary.sounding
        for cut in range(2, len(heard_as) - 1):
            first, second = heard_as[:cut], heard_as[cut:]
            for left, right in product(sounding(first, alone=True)[:HEARD], sounding(second, alone=True)[:HEARD]):
                chain = (*left, *right)
                if all(map(self.holdings.count, chain)) and self.holdings.holds(chain):
                    yield chain

    def things(self) -> None:
        """A Chinese word that no product has is found by the thing that it names: its last word, or character."""
        for place, word in enumerate(self.words):
            if word.han and len(word.term) > 1 and self._nowhere(place, word):
                for thing in things_in(word.term, self.analyser.segmenter.within(word.term)):
                    if self.add(range(place, place + 1), (thing,), PART):
                        break

    def _nowhere(self, place: int, word: Word) -> bool:
        """Whether nothing that was found for a word is in any product: its characters may be, far from one another."""
        if self.numbers[place] or self.variants[place].keys() - {word.chain}:
            return False
        return word.chain not in self.variants[place] or not self.holdings.holds(word.chain)

    def _sounds_of_characters(self, window: range, text: str) -> None:
        words = self.words[window.start : window.stop]
        term = "".join(word.term for word in words)
        if not _adjacent(words) or not 2 <= len(text) <= 6 or self.holdings.count(term):
            return
        for heard in self.holdings.vocabulary.sounding(pinyin(term))[: MOST_VARIANTS // 2]:
            if heard != term:
                self.add(window, (heard,), SOUND)

    def typos(self) -> None:
        for place, word in enumerate(self.words):
            edits = mistakes_in(word)
            if word.han or not edits:
                continue
            here = range(place, place + 1)
            if not self.known(place):
                near = nearest(word, self.holdings, edits)
                for other, distance, _ in near[: MOST_VARIANTS // 2]:
                    if distance == near[0][1]:
                        self.add(here, (other,), TYPO[distance])
            elif edits == 2 or len(word.term) > 5:
                count = self.holdings.count(word.term)
                if count and count <= RARE:
                    for other, _, others in self.holdings.vocabulary.near(word.term, 1)[:2]:
                        if others >= MUCH_MORE * count:
                            self.add(here, (other,), RARE_TYPO)

    def group(self, place: int, weight: float) -> Group:
        """What was found for a word, which counts so much."""
        variants = [Variant(terms, weight) for terms, weight in self.variants[place].items()]
        variants.sort(key=lambda variant: -variant.weight)
        return _group(self.holdings, (*self.numbers[place], *variants[:MOST_VARIANTS]), weight=weight)

    def _windows(self, shortest: int, longest: int) -> Iterator[range]:
        count = len(self.words)
        for start in range(count):
            for stop in range(start + shortest, min(count, start + longest) + 1):
                yield range(start, stop)


def _adjacent(words: Sequence[Word]) -> bool:
    return all(left.end == right.start for left, right in pairwise(words))


def mistakes_in(word: Word) -> int:
    """How many a word may hold: as it was typed, too ("dres" is long enough, though "dre" would not be)."""
    return max(edits_allowed(word.term), edits_allowed(word.text.casefold()))


def nearest(word: Word, holdings: Holdings, edits: int) -> list[tuple[str, int, int]]:
    """Words spelt nearly so: as the word was typed, or without its ending ("drees" is no more several than "dress")."""
    own, typed = min(edits, edits_allowed(word.term)), word.text.casefold()
    found = list(holdings.vocabulary.near(word.term, own)) if own else []
    if typed != word.term:
        known = {other for other, _, _ in found}
        found += [one for one in holdings.vocabulary.near(typed, edits) if one[0] not in known]
        found.sort(key=lambda one: (one[1], -one[2], one[0]))
    return found


def spelt(word: Word) -> bool:
    """Whether a word may be pinyin."""
    return not word.han and word.text.isascii() and word.text.isalpha()


def sound(word: Word) -> str:
    """Pinyin as it is typed: v for ü is read as u."""
    return word.text.casefold().replace("v", "u")


def _extra_groups(
    analyser: Analyser, holdings: Holdings, extra: Sequence[tuple[str, float]], most: int
) -> Iterator[Group]:
    seen: dict[tuple[Variant, ...], float] = {}
    for text, weight in extra:
        for word in alternatives(analyser, text):
            forms = [form for form, share in word.forms if share == 1.0 and holdings.count(form)]
            other = SPELLINGS.get(word.term)
            if other is not None and holdings.count(other):
                forms.append(other)
            variants = tuple(Variant((form,), 1.0) for form in forms)
            if not variants and word.chain and all(map(holdings.count, word.chain)):
                variants = (Variant(word.chain, CHAIN),)
            seen[variants] = max(seen.get(variants, 0.0), weight)
    for variants, weight in list(seen.items())[: max(most, 0)]:
        yield _group(holdings, variants, weight=weight, extra=True)


def _group(holdings: Holdings, variants: tuple[Variant, ...], *, weight: float = 1.0, extra: bool = False) -> Group:
    """With how much the word says: its best variants' frequency counts, so that a rare misspelling is worth no more."""
    best = max((variant.weight for variant in variants), default=0.0)
    counts = [
        1 if variant.code else min(map(holdings.count, variant.terms))
        for variant in variants
        if variant.weight >= 0.8 * best
    ]
    return Group(variants, holdings.idf(max(counts, default=0)), weight, extra)
