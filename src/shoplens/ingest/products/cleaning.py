"""From a feed's words to a product: every field checked, every refusal and repair in the report.

A row is refused when it has no id, no title, or an id that came before in the same file (Google: ids are unique; the
first one stays). A field that cannot be used (price, GTIN, date, …) is dropped, reported, and the product kept: its
text and photo still recommend it. Prices that are absurd for their category are dropped by a robust z-score.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import polars as pl

from shoplens.domain.catalogue import Product
from shoplens.domain.events import key_of_text
from shoplens.ingest.events.outliers import RunningOutliers
from shoplens.ingest.money import Money, currency_code, parse_money
from shoplens.ingest.products.availability import parse_availability
from shoplens.ingest.products.dates import parse_date, within
from shoplens.ingest.products.gtin import clean_gtin
from shoplens.ingest.products.raw import RawProduct
from shoplens.ingest.report import IngestReport
from shoplens.ingest.text import clean_text
from shoplens.ingest.units import normalise_measure

Parsed = TypeVar("Parsed")

MAX_ID = 256  # characters; a longer one is a broken row
MAX_TEXT = 50_000  # characters of a description that are kept
MAX_VALUES = 100  # values of one attribute, attributes of one product, pictures of one product
_SIZE_NAMES = frozenset({"size", "尺码", "尺寸", "option size"})
_EARLIEST = datetime(1970, 1, 2, tzinfo=UTC)
_AHEAD = timedelta(days=730)  # a product may be announced, but not for the next century


class ProductCleaner:
    """Cleans the products of one source, in order."""

    def __init__(
        self, name: str, report: IngestReport, *, currency: str | None = None, now: datetime | None = None
    ) -> None:
        self._name = name
        self._report = report
        self._currency = currency_code(currency) if currency else None
        self._now = now or datetime.now(UTC)
        self._seen = UniqueKeys()
        self._prices = RunningOutliers(both_sides=True)
        self._fixes: Counter[str] = Counter()

    def clean(self, raws: Sequence[RawProduct]) -> list[tuple[Product, int]]:
        """(product, line) of the rows that can be kept."""
        kept = self._with_new_ids(raws)
        prices = [self._price(raw) for raw in kept]
        absurd = self._absurd(kept, [money for money, _ in prices])
        products = []
        for raw, (money, sale), odd in zip(kept, prices, absurd, strict=True):
            if odd:
                self._drop(raw, "price", "price absurd for its category")
            products.append((self._product(raw, None if odd else money, None if odd else sale), raw.line))
        for kind, n in self._fixes.items():
            self._report.fix(kind, n)
        self._fixes.clear()
        return products

    def _with_new_ids(self, raws: Sequence[RawProduct]) -> list[RawProduct]:
        """Rows with an id that is new in this source, and a title."""
        usable = []
        for raw in raws:
            raw.item_id = clean_text(raw.item_id, one_line=True)
            raw.title = clean_text(raw.title, one_line=True, fixes=self._fixes)
            if not raw.item_id:
                self._refuse(raw, "item_id", "no id")
            elif len(raw.item_id) > MAX_ID:
                self._refuse(raw, "item_id", f"id longer than {MAX_ID} characters")
            elif not raw.title:
                self._refuse(raw, "title", "no title")
            else:
                usable.append(raw)
        new = self._seen.add([key_of_text(raw.item_id) for raw in usable])
        for raw, is_new in zip(usable, new, strict=True):
            if not is_new:
                self._refuse(raw, "item_id", "id came before in this file")
        return [raw for raw, is_new in zip(usable, new, strict=True) if is_new]

    def _price(self, raw: RawProduct) -> tuple[Money | None, Money | None]:
        """Price and sale price, if they can be read and are possible."""
        default = currency_code(raw.currency, self._currency) if raw.currency.strip() else self._currency
        if raw.currency.strip() and default is None:
            self._drop(raw, "currency", "unknown currency")
        price = self._amount(raw, "price", raw.price, default)
        sale = self._amount(raw, "sale_price", raw.sale_price, default)
        if sale is None:
            return price, None
        if raw.sale_period.strip():
            running = within(raw.sale_period, self._now)
            if running is None:
                self._drop(raw, "sale_price_effective_date", "period cannot be read")
            if not running:
                self._fixes["sale not running now"] += 1
                return price, None
        if price is None:
            return (sale, None) if not raw.price.strip() else (None, None)
        if sale.currency != price.currency and sale.currency is not None and price.currency is not None:
            self._drop(raw, "sale_price", "sale price in another currency")
            return price, None
        if sale.amount > price.amount:
            self._drop(raw, "sale_price", "sale price above the price")
            return price, None
        return price, sale if sale.amount < price.amount else None

    def _amount(self, raw: RawProduct, field: str, text: str, default: str | None) -> Money | None:
        if not text.strip():
            return None
        money = parse_money(text, default)
        if money is None:
            self._drop(raw, field, "price cannot be read")
        elif money.amount < 0:
            self._drop(raw, field, "negative price")
            return None
        return money

    def _absurd(self, raws: Sequence[RawProduct], prices: Sequence[Money | None]) -> list[bool]:
        """Which prices are far from those of the same category and currency."""
        values = pl.Series([float(money.amount) if money else None for money in prices], dtype=pl.Float64)
        groups = pl.Series(
            [
                f"{money.currency} {' > '.join(raw.categories[0]) if raw.categories else ''}" if money else None
                for raw, money in zip(raws, prices, strict=True)
            ],
            dtype=pl.String,
        )
        return self._prices.absurd(values, groups).to_list() if len(raws) else []

    def _product(self, raw: RawProduct, price: Money | None, sale: Money | None) -> Product:
        paths = [path for path in (self._path(path) for path in raw.categories) if path]
        attributes = self._attributes(raw)
        if len(paths) > 1:
            attributes["categories"] = tuple(dict.fromkeys(" > ".join(path) for path in paths))[:MAX_VALUES]
        currency = price.currency if price else None
        return Product(
            item_id=raw.item_id,
            title=raw.title,
            description=self._text(raw.description)[:MAX_TEXT],
            brand=self._line(raw.brand) or None,
            category=paths[0] if paths else (),
            price=price.amount if price else None,
            sale_price=sale.amount if sale else None,
            currency=currency or (currency_code(raw.currency, self._currency) if raw.currency.strip() else None),
            availability=self._parsed(
                raw, "availability", raw.availability, parse_availability, "unknown availability"
            ),
            stock=self._parsed(raw, "stock", raw.stock, _units, "stock is no number"),
            gtin=self._parsed(raw, "gtin", raw.gtin, clean_gtin, "wrong check digit or length of GTIN"),
            mpn=self._line(raw.mpn) or None,
            group_id=self._line(raw.group_id) or None,
            link=self._link(raw),
            attributes=MappingProxyType(attributes),
            images=self._media(raw, "images", raw.images),
            videos=self._media(raw, "videos", raw.videos),
            audio=self._media(raw, "audio", raw.audio),
            created_at=self._parsed(
                raw, "created_at", raw.created_at, self._date, "date cannot be read or is impossible"
            ),
        )

    def _text(self, text: str) -> str:
        return clean_text(text, fixes=self._fixes) if text else ""

    def _line(self, text: str) -> str:
        return clean_text(text, one_line=True, fixes=self._fixes) if text else ""

    def _path(self, path: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name for name in map(self._line, path) if name)

    def _attributes(self, raw: RawProduct) -> dict[str, tuple[str, ...]]:
        """Attributes with clean names and distinct, clean values, measures in one spelling."""
        result: dict[str, tuple[str, ...]] = {}
        for name, values in raw.attributes.items():
            key = self._line(name)
            cleaned: dict[str, None] = dict.fromkeys(result.get(key, ()))
            for value in values:
                text = self._line(value)
                measure = normalise_measure(text, size=key.casefold() in _SIZE_NAMES)
                self._fixes["unit normalised"] += measure != text
                if measure:
                    cleaned[measure[:MAX_TEXT]] = None
            if key and cleaned and len(result) < MAX_VALUES:
                result[key] = tuple(cleaned)[:MAX_VALUES]
        return result

    def _link(self, raw: RawProduct) -> str | None:
        link = raw.link.strip()
        if link and not link.startswith(("http://", "https://")):
            self._drop(raw, "link", "link is no http(s) address")
            return None
        return link or None

    def _media(self, raw: RawProduct, field: str, places: Sequence[str]) -> tuple[str, ...]:
        """Distinct places of files; only http(s) among those with a scheme."""
        kept: dict[str, None] = {}
        for place in places:
            text = place.strip().replace("&amp;", "&")
            if text.startswith("//"):
                text = f"https:{text}"
            if "://" in text and not text.startswith(("http://", "https://")):
                self._drop(raw, field, "only http(s) addresses and files can be used")
            elif text and text.isprintable() and not text.startswith("data:"):
                kept[text] = None
        return tuple(kept)[:MAX_VALUES]

    def _date(self, text: str) -> datetime | None:
        moment = parse_date(text)
        return moment if moment is not None and _EARLIEST <= moment <= self._now + _AHEAD else None

    def _parsed(
        self, raw: RawProduct, field: str, text: str, parse: Callable[[str], Parsed | None], reason: str
    ) -> Parsed | None:
        """The parsed field; reported when there is a text that cannot be."""
        if not text.strip():
            return None
        value = parse(text.strip())
        if value is None:
            self._drop(raw, field, reason)
        return value

    def _refuse(self, raw: RawProduct, field: str, reason: str) -> None:
        self._report.refuse(self._name, raw.line, field, reason, raw.excerpt())

    def _drop(self, raw: RawProduct, field: str, reason: str) -> None:
        self._report.drop_field(self._name, raw.line, field, reason, raw.excerpt())


class UniqueKeys:
    """Exact set of 64-bit keys in 8 bytes each: sorted arrays, merged when they have grown alike."""

    def __init__(self) -> None:
        self._runs: list[npt.NDArray[np.int64]] = []

    def add(self, keys: Sequence[int]) -> list[bool]:
        """Which keys are new, earlier ones in `keys` included; all are known from now on."""
        if not keys:
            return []
        array = np.array(keys, np.int64)
        distinct, first = np.unique(array, return_index=True)
        new = np.zeros(len(array), np.bool_)
        new[first] = True
        for run in self._runs:
            place = np.minimum(np.searchsorted(run, array), len(run) - 1)
            new &= run[place] != array
        self._runs.append(distinct)
        while len(self._runs) > 1 and len(self._runs[-2]) < 2 * len(self._runs[-1]):
            self._runs[-2:] = [np.union1d(self._runs[-2], self._runs[-1])]
        return [bool(value) for value in new]


def _units(text: str) -> int | None:
    """Units on hand; less than nothing (oversold) is nothing."""
    try:
        number = Decimal(text.replace(",", ""))
    except ArithmeticError:
        return None
    return max(0, int(number)) if number.is_finite() and abs(number) < 10**12 else None
