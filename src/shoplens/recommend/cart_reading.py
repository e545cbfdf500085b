"""A cart as its model reads it: ids become rows, purchases become habits, and what must not be suggested is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shoplens.domain.events import EventType
from shoplens.models.cart import Asked, CartModel
from shoplens.recommend.learned import Learned
from shoplens.recommend.past import Past
from shoplens.recommend.shelf import Shelf

LOOKED_AT = 0.5  # what a product that is only looked at says, beside 1 for one in the cart


@dataclass(frozen=True, slots=True)
class Read:
    """What the model is asked, and which of the shop's products each of its rows stands for."""

    asked: Asked
    said_by: dict[int, str]  # row → item_id as it was sent; a product that came after training stands behind others


def read(
    shelf: Shelf, learned: Learned, model: CartModel, items: Sequence[str], viewing: str | None, past: Past
) -> Read:
    """Unknown products are left out; those that came after training are read through the products they resemble."""
    weight: dict[int, float] = {}
    said_by: dict[int, str] = {}
    voices = dict.fromkeys(items, 1.0)
    if viewing is not None:
        voices.setdefault(viewing, LOOKED_AT)
    for item_id, voice in sorted(voices.items()):
        row = learned.items.get(item_id)
        for near, share in ((row, 1.0),) if row >= 0 else shelf.stand_ins.get(item_id, ()):
            if voice * share > weight.get(near, 0.0):  # the loudest counts; a product is in a cart or it is not
                weight[near], said_by[near] = voice * share, item_id
    rows = sorted(weight)
    habits = model.habits(*_purchases(learned, model, past))
    cart = np.array(rows, np.int64)
    return Read(Asked(cart, np.array([weight[row] for row in rows], np.float32), habits), said_by)


def not_to_suggest(shelf: Shelf, items: Sequence[str], viewing: str | None) -> set[str]:
    """What is in the cart or looked at, and their variants."""
    given = {*items, *((viewing,) if viewing else ())}
    facts = shelf.facts
    groups = np.unique(facts.group(facts.rows(given)))
    groups = groups[groups > 0]
    if not len(groups):
        return given
    group = facts.columns.group
    inside = np.zeros(max(int(groups[-1]), int(group.max(initial=0))) + 1, np.bool_)
    inside[groups] = True
    return given | {facts.ids[row] for row in np.flatnonzero(inside[group]).tolist()}


def _purchases(learned: Learned, model: CartModel, past: Past) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Rows and ages of what was bought; what was given back since is left out."""
    kind, gone = EventType(model.settings.event), past.disliked
    bought = [deed for deed in past.deeds if deed.event_type is kind and deed.item_id not in gone]
    rows = learned.items.rows([deed.item_id for deed in bought])
    ages = np.array([deed.age_days for deed in bought], np.float32)
    return rows[rows >= 0], ages[rows >= 0]
