"""What is done, and said, when nothing was found as asked: another spelling, fewer constraints, nearness in meaning."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from shoplens.apps.search.attempts import Attempt, Attempts
from shoplens.apps.search.curation import Curated
from shoplens.recommend.asking import Ask, Constraint

SOME = 0.6  # share of the words that the best product has, below which it is said that words are missing

SENTENCES: dict[str, dict[str, str]] = {
    "en": {
        "corrected": "Nothing was found for “{asked}”; these are results for “{text}”.",
        "some_words": "No product has all of these words; these have some of them.",
        "relaxed": "Nothing fits {without}; these products do without it.",
        "relaxed_all": "Nothing fits {without}; these products do without them.",
        "meaning": "No product has these words; these come close in meaning.",
        "fits": "No product has all of these words; these fit {fitting}.",
        "nothing": "Nothing was found. Try other words or fewer of them.",
        "nothing_fits": "No product fits the filter.",
        "no_products": "This shop has no products yet.",
        "foreign": "Prices here are in {ours}: the limit was read as {ours}, {theirs} is not converted.",
        "and": " and ",
        "quote": "“{one}”",
    },
    "zh": {
        "corrected": "没有找到“{asked}”，为您展示“{text}”的结果。",
        "some_words": "没有商品包含全部词语，以下商品包含其中一部分。",
        "relaxed": "没有符合{without}的商品，以下是去掉这一条件的结果。",
        "relaxed_all": "没有符合{without}的商品，以下是去掉这些条件的结果。",
        "meaning": "没有商品包含这些词语，以下商品意思相近。",
        "fits": "没有商品包含全部词语，以下商品符合{fitting}。",
        "nothing": "没有找到商品，请换个说法或减少词语。",
        "nothing_fits": "没有符合筛选条件的商品。",
        "no_products": "本店还没有商品。",
        "foreign": "本店价格以 {ours} 计：您说的金额按 {ours} 理解，未从 {theirs} 换算。",
        "and": "和",
        "quote": "“{one}”",
    },
}


def say(language: str, key: str, **words: str) -> str:
    """A sentence in a language; English when the language is not known."""
    return SENTENCES.get(language, SENTENCES["en"])[key].format(**words)


def without(language: str, given_up: Iterable[Constraint]) -> str:
    """The sentence about constraints that were given up, in the shopper's own words."""
    some = list(given_up)
    return say(language, "relaxed" if len(some) == 1 else "relaxed_all", without=_quoted(language, some))


def _quoted(language: str, constraints: Iterable[Constraint]) -> str:
    return say(language, "and").join(say(language, "quote", one=one.said) for one in constraints)


@dataclass(frozen=True, slots=True)
class Rescued:
    """The attempt that is answered with, and what has to be said about it."""

    attempt: Attempt
    sentence: str | None = None
    corrected_from: str | None = None


def rescued(ask: Ask, curated: Curated, attempts: Attempts, correct: Callable[[Attempt], str | None]) -> Rescued:
    """The request as it was made, or the first step of the ladder that finds something.

    Another spelling; fewer constraints, for then products have at least the words; then what is near in meaning, with
    the constraints and without. That only some words are found needs no step: it is said.
    """
    attempt = attempts.make(ask, curated, ask.text)
    language = ask.language
    if attempt.found:
        lacking = _lacks_words(attempt) and not attempts.as_understood(attempt)
        return Rescued(attempt, say(language, "some_words") if lacking else None)
    if not ask.text or ask.prefix:
        return Rescued(attempt)
    return (
        _corrected(ask, curated, attempts, correct(attempt))
        or _loosened(ask, curated, attempts, attempt)
        or _near(ask, curated, attempts, attempt)
    )


def _lacks_words(attempt: Attempt) -> bool:
    several = attempt.head.query is not None and len(attempt.head.query.words) > 1
    by_words = attempt.head.by_words > 0 and not attempt.question.whole
    return several and by_words and attempt.coverage < SOME


def _corrected(ask: Ask, curated: Curated, attempts: Attempts, text: str | None) -> Rescued | None:
    if text is None:
        return None
    other = attempts.make(ask, curated, text)
    return Rescued(other, say(ask.language, "corrected", asked=ask.text, text=text), ask.text) if other.found else None


def _loosened(ask: Ask, curated: Curated, attempts: Attempts, attempt: Attempt) -> Rescued | None:
    """Give up one constraint, the least firm first; if none alone is in the way, more and more of them."""
    order = tuple(reversed(attempt.strict))
    choices = [(one,) for one in order] + [order[:many] for many in range(2, len(order) + 1)]
    for given_up in choices:
        other = attempts.make(ask, curated, ask.text, reading=attempt.reading, given_up=given_up)
        if other.found:
            return Rescued(other, without(ask.language, given_up))
    return None


def _near(ask: Ask, curated: Curated, attempts: Attempts, attempt: Attempt) -> Rescued:
    """What is near in meaning; else what fits the constraints, all of them or as many as can be."""
    if len(attempt.head.rows):
        return Rescued(attempt, say(ask.language, "meaning"))
    if ask.given or not attempt.strict:
        return Rescued(attempt)
    reading = replace(attempt.reading, whole=True)  # whatever the other words mean
    order = tuple(reversed(attempt.strict))
    for given_up in ((), *((one,) for one in order)):
        other = attempts.make(ask, curated, ask.text, reading=reading, given_up=given_up)
        if other.found and other.strict:
            fitting = _quoted(ask.language, other.strict)
            return Rescued(other, say(ask.language, "fits", fitting=fitting))
    return Rescued(attempt)
