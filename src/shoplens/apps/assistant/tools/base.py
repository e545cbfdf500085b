"""Tools that the assistant is handed. Each may be missing; each may fail, and then the answer goes on without it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shoplens.apps.assistant.turns import Source
from shoplens.domain.catalogue import Product

SHORTEST_NUMBER = 3  # letters and digits of an order's number that is looked for in a message


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One product of an order."""

    item_id: str
    title: str
    quantity: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Where the parcel is, as far as the shop said so; "" = not known."""

    carrier: str = ""
    tracking: str = ""  # the parcel's number
    link: str = ""  # http(s) address of the carrier's page
    expected: str = ""  # a day, as the shop wrote it


def same_order(number: str) -> str:
    """Two numbers of one order are equal by this: "# 1007", "＃1007" and "1007", "a-7" and "A-7"."""
    return unicodedata.normalize("NFKC", number).lstrip("#№ \t").removeprefix("No").lstrip(". ").rstrip().casefold()


def names_order(text: str, number: str) -> bool:
    """Whether a message has the number of an order, whatever that is made of: "SO/2026/17". Of few letters it may be
    anything."""
    wanted = same_order(number)
    plain = unicodedata.normalize("NFKC", text).casefold()
    return (
        len(wanted) >= SHORTEST_NUMBER
        and re.search(rf"(?<![0-9a-z]){re.escape(wanted)}(?![0-9a-z])", plain) is not None
    )


@dataclass(frozen=True, slots=True)
class Order:
    """What somebody bought at once."""

    order_id: str
    bought: datetime  # UTC; without lines: when it was first heard of
    lines: tuple[OrderLine, ...]
    status: str = ""  # as the shop's log says: "shipped", …; "" = not known
    refunded: tuple[OrderLine, ...] = ()
    since: datetime | None = None  # UTC; when the status was told, where that was later than the purchase
    delivery: Delivery = Delivery()


@dataclass(frozen=True, slots=True)
class Shown:
    """What a shopping tool found."""

    products: tuple[Product, ...]
    total: int  # products that fit
    question: str | None = None  # asked back
    options: tuple[str, ...] = ()


class Catalogue(Protocol):
    """The shop's products."""

    def get(self, item_ids: Sequence[str]) -> list[Product]:
        """Those that exist, in this order."""
        ...

    def find(self, text: str, n: int, language: str) -> list[Product]:
        """The products that words mean, best first."""
        ...


class Orders(Protocol):
    """Orders of one person, who was signed in by the shop. There is no way to ask for anything else."""

    def __call__(self, user_id: str, limit: int) -> list[Order]:
        """The latest orders, newest first."""
        ...


class Recommends(Protocol):
    """What somebody may like."""

    def __call__(self, user_id: str | None, session_id: str, n: int) -> list[Product]:
        """Best first."""
        ...


class Shopping(Protocol):
    """A search that goes on over several turns, by words and photos."""

    def __call__(
        self, conversation_id: str, user_id: str | None, text: str, photos: Sequence[object], language: str, n: int
    ) -> Shown:
        """InputError when a photo cannot be used."""
        ...


class Writer(Protocol):
    """Puts an answer into words from sources; what it writes is checked before anybody sees it."""

    def __call__(
        self, asked: str, sources: Sequence[Source], said: Sequence[tuple[str, str]], language: str
    ) -> Iterable[str]:
        """The text, whole or piece by piece as it is written. `said`: the latest questions and answers. ServiceError or
        ServiceUnavailableError when there is no answer, or no more of it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """All of them."""

    catalogue: Catalogue | None = None
    orders: Orders | None = None
    recommends: Recommends | None = None
    shopping: Shopping | None = None
    writer: Writer | None = None
