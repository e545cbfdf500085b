"""Did you mean: words that the index does not hold, replaced by the nearest that it does."""

from __future__ import annotations

from itertools import pairwise

from shoplens.retrieval.lexical.chinese import pinyin
from shoplens.retrieval.lexical.english import SPELLINGS, kin, plural_like
from shoplens.retrieval.lexical.expansion import MUCH_MORE, RARE, WINDOW, mistakes_in, nearest, sound, spelt
from shoplens.retrieval.lexical.plan import Holdings
from shoplens.retrieval.lexical.query import Query, Word

MOST_CHARACTERS = 6  # of a Chinese word that is corrected


def corrected(query: Query, holdings: Holdings) -> str | None:
    """The query's text with its words corrected, None when there is nothing to correct.

    Latin words by edit distance, then frequency; words that are held, but so rarely that they look like the same
    mistake in a product's text, count as unknown. Chinese words, and pinyin, by what sounds the same.
    """
    changes: list[tuple[int, int, str]] = []
    covered = 0
    for place, word in enumerate(query.words):
        if place < covered:
            continue
        heard = _heard(query.words, place, holdings)
        if heard is not None:
            stop, better = heard
            covered = stop
            changes.append((word.start, query.words[stop - 1].end, better))
        elif not word.han and not word.chain:
            near = _nearest(word, holdings)
            if near is not None:
                changes.append((word.start, word.end, near))
    text = query.text
    for start, end, better in reversed(changes):
        text = text[:start] + better + text[end:]
    return text if changes and text != query.text else None


def _heard(words: tuple[Word, ...], place: int, holdings: Holdings) -> tuple[int, str] | None:
    """The longest stretch of words from here that sounds like a Chinese word, where it ends, and that word."""
    for stop in range(min(len(words), place + WINDOW), place, -1):
        window = words[place:stop]
        if all(word.han for word in window):
            better = _heard_from_characters(window, holdings)
        elif all(spelt(word) and not holdings.count(word.term) for word in window):
            better = next(iter(holdings.vocabulary.sounding("".join(map(sound, window)))), None)
        else:
            continue
        if better is not None:
            return stop, better
    return None


def _heard_from_characters(window: tuple[Word, ...], holdings: Holdings) -> str | None:
    text = "".join(word.term for word in window)
    apart = any(left.end != right.start for left, right in pairwise(window))
    if apart or not 2 <= len(text) <= MOST_CHARACTERS or holdings.count(text):
        return None
    best = next(iter(holdings.vocabulary.sounding(pinyin(text))), None)
    if best is None or best == text or len(best) != len(text):
        return None
    known = min(holdings.count(word.term) if len(word.term) > 1 else 0 for word in window)
    return best if known <= holdings.count(best) else None  # else each word is well known by itself


def _nearest(word: Word, holdings: Holdings) -> str | None:
    count = holdings.count(word.term)
    edits = mistakes_in(word)
    other = SPELLINGS.get(word.term)
    if not edits or count > RARE or (other is not None and holdings.count(other)):
        return None
    near = nearest(word, holdings, edits if not count else 1)
    if not near or (count and near[0][2] < MUCH_MORE * count):
        return None
    best = near[0][0]
    forms = [form for form in kin(word.term) if holdings.count(form)]
    if forms and best not in forms:
        return None  # "knit", where "knitted" is held
    return plural_like(best, word.text.casefold())
