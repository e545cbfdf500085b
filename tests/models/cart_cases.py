"""A small shop whose baskets are known: what is asserted elsewhere can be counted by hand here."""

import numpy as np

from shoplens.domain.events import MICROSECONDS_PER_DAY
from shoplens.models.cart import Baskets, CartModel

DAY = MICROSECONDS_PER_DAY
BREAD, BUTTER, JAM, SOAP, SPONGE, MILK, RARE = range(7)
KIND = np.array([1, 2, 2, 3, 3, 4, 0], np.int32)


def baskets() -> Baskets:
    """Forty breakfasts with bread and butter, half of them with jam; thirty cleanings; person 0 buys milk each week."""
    rows = []
    for number in range(40):
        person = 1 + number % 8
        rows += [(person, BREAD, number * DAY), (person, BUTTER, number * DAY)]
        if number % 2:
            rows.append((person, JAM, number * DAY + 1))
    for number in range(30):
        rows += [(20 + number % 6, item, number * DAY) for item in (SOAP, SPONGE)]
    for week in range(6):
        rows.append((0, MILK, 7 * week * DAY))
    user, item, time = (np.array(column) for column in zip(*rows, strict=True))
    return Baskets.of(user.astype(np.int32), item.astype(np.int32), time.astype(np.int64), 7)


def model() -> CartModel:
    """Fitted on them."""
    return CartModel.fit(baskets(), KIND)
