"""Names of colours that are names of things, too: cream of a day cream, silver of sterling silver, wine, orange."""

from __future__ import annotations

import re
from functools import cache

from shoplens.features.align.lexicon import LONGEST, built_in, plain

#: Say how light a colour is, and are none by themselves: "Light Shade" is a lamp's.
SHADES = frozenset({"dark", "light", "bright"})
COLOUR = "colour"  # kind of ideas of the lexicon

_WORDS_BEFORE = re.compile(r"(?:[^\W_]+(?:['’][^\W_]+)?[ -]){0,3}$")
_WORD_AFTER = re.compile(r"[ -]([^\W_]+(?:['’][^\W_]+)?)")
#: Behind which a noun has ended: "cream for men", "wine with a gift box".
_ENDS = frozenset({"for", "with", "by", "from", "of", "and", "or", "in", "to", "is"})
#: Behind which a colour may stand: "a bag in cream", "black or silver".
_LEADS = frozenset({"in", "is", "are", "and", "or", "colour", "color", "shade", "tone", "off", "light", "dark", "pale"})


@cache
def heads() -> frozenset[str]:
    """Colours in one word that are the last word of something else: cream, orange, silver, steel, wine."""
    ideas = built_in().ideas
    colours = {plain(name) for idea in ideas if idea.kind == COLOUR for name in idea.english}
    lasts = {plain(name).split()[-1] for idea in ideas if idea.kind != COLOUR for name in idea.english}
    return frozenset(colours & lasts)


def in_a_thing(text: str, start: int, end: int) -> bool:
    """Whether letters `start` to `end`, a name of a colour, are part of a longer name of a thing: "hand cream"."""
    lexicon = built_in()
    before = [plain(word) for word in re.split(r"[ -]", _before(text, start)) if word]
    said = plain(text[start:end]).split()
    after = _WORD_AFTER.match(text, end)
    following = [plain(after.group(1))] if after is not None else []
    for first in range(len(before) + 1):
        for tail in ((), tuple(following)):
            words = (*before[first:], *said, *tail)
            if len(said) < len(words) <= LONGEST:
                idea = lexicon.by_english.get(" ".join(words))
                if idea is not None and idea.kind != COLOUR:
                    return True
    return False


def is_a_thing(text: str, start: int, end: int) -> bool:
    """Whether letters `start` to `end`, such as "cream", are what is sold rather than its colour: the last word of
    "Nivea day cream", and neither of "cotton shirt cream" nor "shirt, cream" nor "shirt in cream"."""
    if plain(text[start:end]) not in heads():
        return False
    after = _WORD_AFTER.match(text, end)
    if after is not None and plain(after.group(1)) not in _ENDS and not after.group(1).isdigit():
        return False  # "cream kurta"
    words = _before(text, start).split()
    last = plain(words[-1]) if words else ""
    return bool(last) and not last.isdigit() and last not in _LEADS and last not in built_in().by_english


def _before(text: str, start: int) -> str:
    found = _WORDS_BEFORE.search(text, max(0, start - 60), start)
    return found.group() if found is not None else ""
