"""A title that says one thing, and a photo or neighbours that say another."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace

from shoplens.apps.attributes.found import FoundValue, Source
from shoplens.apps.attributes.normalise import Normaliser

DOUBT = 8.0  # disputes' worth of belief in the title before any were counted
LOST = 0.25  # share of them that others are taken to win

_WORD = re.compile(r"\w+")

Won = Callable[[Source, str], float]


def share_won(won: int, disputes: int) -> float:
    """How often a source was right about values that the shop knows, of the times when the title said another one."""
    return (won + LOST * DOUBT) / (disputes + DOUBT)


def same_or_closer(attribute: str, one: str, other: str, normaliser: Normaliser) -> bool:
    """Whether two values are the same, or one says the other more closely: "blue" and "navy blue"."""
    return normaliser.same(attribute, one, other) or closer(one, other) or closer(other, one)


def closer(general: str, said: str) -> bool:
    """Whether one value has all words of another beside its own: "navy blue" of "blue", 深蓝色 of 蓝色; but "women" is
    not "men", and "16" not "6"."""
    few, many = _WORD.findall(general.casefold()), _WORD.findall(said.casefold())
    if not few:
        return False
    if len(few) == len(many) == 1 and not general.isascii():
        return said.casefold().endswith(general.casefold())
    return any(many[place : place + len(few)] == few for place in range(len(many) - len(few) + 1))


def settled(found: Iterable[FoundValue], won: Won, normaliser: Normaliser) -> list[FoundValue]:
    """What was found of one product, where photos and neighbours dispute what its title says believed no more than as
    often as such disputes were `won`. What they say less closely than the title, or in another word, counts as what the
    title says."""
    every = list(found)
    titled: defaultdict[str, list[FoundValue]] = defaultdict(list)
    for one in every:
        if one.field == "title":
            titled[one.attribute].append(one)
    return [one if one.field else _beside(one, titled[one.attribute], won, normaliser) for one in every]


def _beside(one: FoundValue, titled: list[FoundValue], won: Won, normaliser: Normaliser) -> FoundValue:
    if not titled or any(said.value == one.value for said in titled):
        return one
    best = max(titled, key=lambda said: said.confidence)
    if same_or_closer(one.attribute, one.value, best.value, normaliser):
        return replace(one, value=best.value)
    return replace(one, confidence=min(one.confidence, won(one.source, one.attribute)))
