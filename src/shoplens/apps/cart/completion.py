"""What completes this cart, for a guest or somebody known. Lack of knowledge never fails: it falls back and says so."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace

from shoplens.apps.cart.reasons import cart_reasons
from shoplens.apps.cart.together import Bundle, bundles_for
from shoplens.domain.events import Event, EventType
from shoplens.domain.ranking import Ranked
from shoplens.models.cart import CartModel
from shoplens.models.cart.scored import Scored
from shoplens.models.cart.settings import HISTORY
from shoplens.recommend.cart_reading import Read, not_to_suggest, read
from shoplens.recommend.learned import Learned
from shoplens.recommend.limits import price_band
from shoplens.recommend.messages import say
from shoplens.recommend.ordering import ordered
from shoplens.recommend.past import Deed, Past
from shoplens.recommend.pipeline import Answer, recommend, ruled
from shoplens.recommend.rules import MODEL_ALONE, Wish
from shoplens.recommend.shelf import Shelf

#: The latest events of a person (user_id, session_id, limit), oldest first.
ReadHistory = Callable[[str | None, str | None, int], list[Event]]

MODEL = "cart"


@dataclass(frozen=True, slots=True, kw_only=True)
class CartQuestion:
    """One cart. The order of `items` makes no difference, nor does a product that comes twice."""

    items: tuple[str, ...] = ()
    viewing: str | None = None  # what is looked at now: speaks half as loud as what is in the cart
    user_id: str | None = None
    session_id: str | None = None
    bundles: int = 3  # sets to look for


@dataclass(frozen=True, slots=True)
class Completed:
    """An answer with the number that later events quote, who had a say in it, and sets of products."""

    impression_id: str
    answer: Answer
    sources: tuple[str, ...]  # of what is shown, the one that says most first; see docs/cart.md
    bundles: tuple[Bundle, ...] = ()


class Cart:
    """Completes carts with what training learnt from baskets."""

    def __init__(self, history: ReadHistory, *, limit: int = HISTORY) -> None:
        self._history = history
        self._limit = limit

    def complete(self, shelf: Shelf, wish: Wish, question: CartQuestion) -> Completed:
        """Products that complete the cart, best first. `wish.repeat`: whether what the person bought may come again."""
        user, session = question.user_id, question.session_id
        events = self._history(user, session, self._limit) if user or session else []
        profile = shelf.profile_row(user) if user else -1
        past = Past.of(events, profile=profile, weights=shelf.event_weights)
        excluded = not_to_suggest(shelf, question.items, question.viewing) | set(wish.exclude) | past.disliked
        if not wish.repeat:
            excluded |= past.seen
        # What proposes here is the cart, and nothing of it is left to chance.
        wish = replace(wish, sources=MODEL_ALONE, exploration=0.0, viewing=question.viewing, cart=question.items)
        learned = shelf.learned
        if learned is None or learned.cart is None:
            return _otherwise(shelf, wish, question, past, excluded, "no_cart_model")
        understood = read(shelf, learned, learned.cart, question.items, question.viewing, past)
        if understood.asked.situation is None:
            return _otherwise(shelf, wish, question, past, excluded, "no_cart")
        model, version, scored = learned.cart, learned.version, learned.cart.score(understood.asked)
        band = price_band(shelf, wish, past)
        voices: dict[str, float] = {}  # source → how much it says of what is shown

        def rank(left: Wish, without: set[str]) -> Answer:
            item_ids, values = ordered(shelf, scored.total, left, without, one_variant=True, band=band)
            items = _told(shelf, learned, model, understood, scored, item_ids, values.tolist(), left, voices)
            return Answer(items, MODEL, version, note=None if items else say(left.language, "nothing_fits"))

        answer = ruled(shelf, past, wish, excluded, rank)
        bundles = bundles_for(shelf, learned, model, understood, wish, excluded, question.bundles)
        return Completed(secrets.token_hex(12), answer, tuple(sorted(voices, key=lambda one: -voices[one])), bundles)


def _told(
    shelf: Shelf,
    learned: Learned,
    model: CartModel,
    understood: Read,
    scored: Scored,
    item_ids: list[str],
    values: list[float],
    wish: Wish,
    voices: dict[str, float],
) -> tuple[Ranked, ...]:
    """Products with their scores, and, when the wish asks for it, why; sources of what is shown add up in `voices`."""
    rows = learned.items.rows(item_ids)
    for source, voice in scored.voices(rows[rows >= 0]).items():
        voices[source] = voices.get(source, 0.0) + voice
    if not wish.explain:
        return tuple(map(Ranked, item_ids, values))
    items = []
    for item_id, value, row in zip(item_ids, values, rows.tolist(), strict=True):
        parts = scored.parts_of(row) if row >= 0 else {}
        whole = sum(parts.values())
        shares = {source: round(part / whole, 4) for source, part in parts.items()}
        said = cart_reasons(shelf, model, understood, row, shares, wish.language) if row >= 0 else ()
        items.append(Ranked(item_id, value, said or ((say(wish.language, "new"),) if row < 0 else ()), shares))
    return tuple(items)


def _otherwise(shelf: Shelf, wish: Wish, question: CartQuestion, past: Past, excluded: set[str], why: str) -> Completed:
    """The shop's recommendations, with the cart as the latest that the person did; `fallback` and `sources` name what
    answered."""
    given = (*((question.viewing,) if question.viewing else ()), *sorted(set(question.items)))
    deeds = tuple(Deed(item_id, EventType.CART, shelf.event_weights[EventType.CART], 0.0) for item_id in given)
    with_cart = replace(past, deeds=(*past.deeds, *deeds))
    answer = recommend(shelf, with_cart, replace(wish, exclude=tuple(sorted(excluded)), repeat=True))
    if answer.fallback is None:
        note = answer.note or say(wish.language, why)
        answer = replace(answer, fallback="recommend", note=note)
    answer = replace(answer, candidates={})  # `sources` says who answered
    sources = ("popular", "new") if answer.fallback in ("cold_start", "no_bundle") else ("recommend",)
    return Completed(secrets.token_hex(12), answer, sources if answer.items else ())
