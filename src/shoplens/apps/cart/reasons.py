"""Why a product completes the cart, in sentences; the source that says most comes first."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from shoplens.models.cart import CartModel
from shoplens.recommend.cart_reading import Read
from shoplens.recommend.messages import say
from shoplens.recommend.shelf import Shelf

LEAST_SHARE = 0.1  # of a product's score: what adds less is no reason
RHYTHM_OF = 3  # purchases before a rhythm is spoken of
LONGEST_RHYTHM = 120.0  # days; "about every 200 days" is no habit


def cart_reasons(
    shelf: Shelf, model: CartModel, read: Read, row: int, shares: Mapping[str, float], language: str
) -> tuple[str, ...]:
    """Sentences for the product in a trained row; `shares`: what each source added, largest first, in all 1."""
    said = []
    for source, share in shares.items():
        sentence = _sentence(shelf, model, read, row, source, language)
        if share >= LEAST_SHARE and sentence is not None:
            said.append(sentence)
    return tuple(dict.fromkeys(said))


def _sentence(shelf: Shelf, model: CartModel, read: Read, row: int, source: str, language: str) -> str | None:
    asked = read.asked
    if source == "together":
        voices = model.together.voices(asked.items, np.array([row]))[:, 0] * asked.weight
        return _of_loudest(shelf, read, voices, "together", language)
    if source == "kinds":
        return _of_loudest(shelf, read, model.roles.voices(asked.items, row) * asked.weight, "kinds", language)
    if source == "habit":
        return _habit(read, row, language)
    return say(language, source)  # baskets, taste, popular


def _of_loudest(shelf: Shelf, read: Read, voices: npt.NDArray[np.float32], sentence: str, language: str) -> str | None:
    loudest = int(np.argmax(voices))
    if voices[loudest] <= 0:
        return None
    item_id = read.said_by[int(read.asked.items[loudest])]
    return say(language, sentence, title=shelf.facts.titles[shelf.facts.row(item_id)] or item_id)


def _habit(read: Read, row: int, language: str) -> str | None:
    habits = read.asked.habits
    at = int(np.searchsorted(habits.item, row))
    if at == len(habits) or habits.item[at] != row:
        return None
    times, days = int(habits.times[at]), float(habits.rhythm_days[at])
    if times >= RHYTHM_OF and days <= LONGEST_RHYTHM:
        return say(language, "rhythm", days=str(round(days))) if days >= 1.5 else say(language, "daily")
    return say(language, "times", times=str(times)) if times > 1 else say(language, "once")
