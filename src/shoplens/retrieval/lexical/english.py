"""English words: one form for one and several, and the few other forms that shoppers mix."""

from __future__ import annotations

from collections.abc import Iterator

from shoplens.features.align.lexicon import singular

#: Several without an s, and the one that they are several of.
IRREGULAR: dict[str, str] = {
    "men": "man", "mens": "man", "women": "woman", "womens": "woman", "children": "child", "childrens": "child",
    "feet": "foot", "teeth": "tooth", "mice": "mouse", "geese": "goose", "people": "person",
    "knives": "knife", "scarves": "scarf", "shelves": "shelf", "loaves": "loaf", "leaves": "leaf", "halves": "half",
    "wolves": "wolf", "lives": "life", "wives": "wife", "calves": "calf", "elves": "elf", "thieves": "thief",
    "potatoes": "potato", "tomatoes": "tomato", "mangoes": "mango", "heroes": "hero", "shoes": "shoe",
    "movies": "movie", "cookies": "cookie", "hoodies": "hoodie", "selfies": "selfie", "brownies": "brownie",
    "smoothies": "smoothie", "beanies": "beanie", "undies": "undie", "onesies": "onesie", "booties": "bootie",
    "ties": "tie", "pies": "pie", "axes": "axe", "boxes": "box", "lenses": "lens", "buses": "bus", "gases": "gas",
    "dice": "die", "batteries": "battery", "bras": "bra", "gas": "gas", "lens": "lens", "canvas": "canvas",
    "canvases": "canvas", "christmas": "christmas", "texas": "texas", "series": "series", "species": "species",
    "watches": "watch", "aches": "ache", "caches": "cache", "headaches": "headache",
}  # fmt: skip

#: What ends in s and is something else than several of what it would be without ("shorts" and "glasses": the lexicon).
WHOLE = frozenset(
    {"tights", "trunks", "briefs", "overalls", "goods", "clothes", "news", "electronics", "cosmetics", "ps"}
)

#: One word, two spellings.
_SPELT: tuple[tuple[str, str], ...] = (
    ("colour", "color"), ("grey", "gray"), ("jewellery", "jewelry"), ("pyjama", "pajama"), ("aluminium", "aluminum"),
    ("fibre", "fiber"), ("centre", "center"), ("litre", "liter"), ("metre", "meter"), ("tyre", "tire"),
    ("cosy", "cozy"), ("doughnut", "donut"), ("yoghurt", "yogurt"), ("moustache", "mustache"), ("mould", "mold"),
    ("whisky", "whiskey"), ("catalogue", "catalog"), ("flavour", "flavor"), ("favourite", "favorite"),
    ("armour", "armor"), ("moisturiser", "moisturizer"), ("organiser", "organizer"), ("sanitiser", "sanitizer"),
    ("personalised", "personalized"), ("theatre", "theater"), ("chequered", "checkered"), ("ageing", "aging"),
    ("plough", "plow"), ("neighbour", "neighbor"), ("odour", "odor"), ("licence", "license"), ("storey", "story"),
    ("trousseau", "trousseaux"), ("colourful", "colorful"), ("multicolour", "multicolor"), ("sulphate", "sulfate"),
)  # fmt: skip
SPELLINGS: dict[str, str] = {**dict(_SPELT), **{second: first for first, second in _SPELT}}

#: Words that say nothing about a product; left out of a query that has others.
SILENT = frozenset(
    {"a", "an", "the", "of", "for", "with", "and", "or", "in", "on", "to", "by", "from", "at", "is", "are", "it", "its",
     "my", "your", "this", "that"}
)  # fmt: skip

#: Things whose names look like something that is being done, and are not.
_NOT_DONE = frozenset(
    {"clothing", "bedding", "wedding", "building", "ceiling", "earring", "pudding", "stocking", "dressing", "lining",
     "king", "ring", "string", "spring", "wing", "sibling", "darling", "dumpling", "thing", "something", "everything",
     "nothing", "red", "bed", "shed", "seed", "weed", "reed", "speed", "hundred", "bleed", "united", "feed", "need",
     "led"}
)  # fmt: skip
_VOWELS = frozenset("aeiouy")


def base(word: str) -> str:
    """The form under which a word is indexed: small letters without a plural ending."""
    irregular = IRREGULAR.get(word)
    if irregular is not None:
        return irregular
    if word in WHOLE or not word.isascii():
        return word
    return singular(word)


def kin(word: str) -> Iterator[str]:
    """Other forms of the same word: knit, knitted, knitting; stripe, striped. Not all of them are words."""
    if len(word) < 3 or word in _NOT_DONE or not word.isascii() or not word.isalpha():
        return
    roots = list(_roots(word)) or [word]
    seen = {word}
    for root in roots:
        for form in (root, *_inflected(root)):
            if form not in seen and form not in _NOT_DONE and len(form) > 2:
                seen.add(form)
                yield form


def plural_like(word: str, typed: str) -> str:
    """A base form as several, when what was typed looked so ("shoess" → "shoes")."""
    if not typed.endswith("s") or word.endswith("s"):
        return word
    if word.endswith("y") and word[-2:-1] not in _VOWELS:
        several = word[:-1] + "ies"
    else:
        several = word + ("es" if word.endswith(("x", "sh", "ch")) else "s")
    return several if base(several) == word else word


def _roots(word: str) -> Iterator[str]:
    for ending in ("ing", "ed"):
        stem = word.removesuffix(ending)
        if stem != word and len(stem) >= 3 and not _VOWELS.isdisjoint(stem):
            yield stem
            yield stem + "e"
            if stem[-1] == stem[-2]:
                yield stem[:-1]


def _inflected(root: str) -> Iterator[str]:
    if root.endswith("e"):
        yield root + "d"
        yield root[:-1] + "ing"
    else:
        yield root + "ed"
        yield root + "ing"
        if len(root) >= 3 and root[-1] not in "aeiouywx" and root[-2] in "aeiou":
            yield f"{root}{root[-1]}ed"
            yield f"{root}{root[-1]}ing"
