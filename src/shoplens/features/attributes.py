"""Structured facts of products as vectors: category path, brand, attributes, price band. No weights needed.

Each fact is a token ("category:toys>puzzles", "brand:acme", "colour=red", "price:EUR:3"). Tokens get a column each if
there are enough columns; otherwise the rarer ones share half of the columns by hashing with signs (Weinberger et al.
2009, arXiv:0902.2206). Rare facts weigh more (inverse document frequency); rows have unit length.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from shoplens.domain.catalogue import Product
from shoplens.domain.dataset import Modality

PRICE_BANDS = 10  # deciles of the catalogue's prices, within a currency
HASHES = 4  # columns that a token without its own is spread over


@dataclass(frozen=True, slots=True)
class AttributeSpace:
    """What was learnt from a catalogue: a column and a weight for each token, price bands. Reads new products too."""

    size: int
    columns: dict[str, int]  # token → its own column
    weights: dict[str, float]  # token → inverse document frequency
    bands: dict[str, list[float]]  # currency ("" = unknown) → inner edges of the price bands
    unseen_weight: float  # of a token that the catalogue did not have

    @classmethod
    def fit(cls, products: Iterable[Product], *, size: int = 512) -> Self:
        """Learn from products (gone through once; memory is that of their different tokens)."""
        prices: dict[str, list[float]] = {}
        counts: Counter[str] = Counter()
        n = 0
        for product in products:
            n += 1
            counts.update(set(product_tokens(product)))
            if product.price is not None and product.price > 0:
                prices.setdefault(product.currency or "", []).append(float(product.price))
        steps = np.linspace(0, 1, PRICE_BANDS + 1)[1:-1]
        bands = {currency: sorted(set(np.quantile(found, steps).tolist())) for currency, found in prices.items()}
        for currency, found in prices.items():
            places = np.searchsorted(bands[currency], found, side="right")
            for band, many in zip(*np.unique(places, return_counts=True), strict=True):
                counts[f"price:{currency}:{band}"] += int(many)
        return cls._of_counts(counts, n, size, bands)

    @classmethod
    def fit_tokens(cls, tokens: Iterable[Sequence[str]], *, size: int = 512) -> Self:
        """Learn from ready-made tokens, one sequence a product."""
        counts: Counter[str] = Counter()
        n = 0
        for own in tokens:
            n += 1
            counts.update(set(own))
        return cls._of_counts(counts, n, size, {})

    @classmethod
    def _of_counts(cls, counts: Counter[str], n: int, size: int, bands: dict[str, list[float]]) -> Self:
        ranked = sorted(counts, key=lambda token: (-counts[token], token))
        own = ranked if len(ranked) <= size else ranked[: size // 2]
        weights = {token: float(np.log((1 + n) / (1 + counts[token])) + 1) for token in ranked}
        columns = {token: column for column, token in enumerate(own)}
        return cls(size, columns, weights, bands, float(np.log(1 + n) + 1))

    def tokens(self, product: Product) -> list[str]:
        """All tokens of a product, its price band included."""
        found = product_tokens(product)
        edges = self.bands.get(product.currency or "")
        if edges is not None and product.price is not None and product.price > 0:
            band = int(np.searchsorted(edges, float(product.price), side="right"))
            found.append(f"price:{product.currency or ''}:{band}")
        return found

    def modality(self, products: Iterable[Product], *, name: str = "attributes") -> Modality:
        """Rows of products, in order."""
        return self.token_modality((self.tokens(product) for product in products), name=name)

    def token_modality(self, tokens: Iterable[Sequence[str]], *, name: str = "attributes") -> Modality:
        """Rows of ready-made tokens, one sequence a product: float32 [n, size], unit length; absent without tokens."""
        known: dict[str, tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]] = {}
        rows: list[int] = []
        parts: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]] = []
        n = 0
        for own in tokens:
            for token in dict.fromkeys(own):
                place = known.get(token)
                if place is None:
                    place = known[token] = self._place(token)
                rows.append(n)
                parts.append(place)
            n += 1
        values = np.zeros((n, self.size), np.float32)
        if parts:
            lengths = [len(columns) for columns, _ in parts]
            row = np.repeat(np.asarray(rows), lengths)
            np.add.at(values, (row, np.concatenate([p[0] for p in parts])), np.concatenate([p[1] for p in parts]))
        length = np.linalg.norm(values, axis=1, keepdims=True)
        values /= np.where(length > 0, length, 1.0)
        present = np.zeros(n, np.bool_)
        present[rows] = True
        return Modality(name, values, present)

    def save(self, file: Path) -> None:
        """Write as JSON."""
        content = {
            "size": self.size, "columns": self.columns, "weights": self.weights, "bands": self.bands,
            "unseen_weight": self.unseen_weight,
        }  # fmt: skip
        file.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, file: Path) -> Self:
        """What `save` wrote."""
        return cls(**json.loads(file.read_text(encoding="utf-8")))

    def _place(self, token: str) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """Columns of a token and its values there."""
        weight = self.weights.get(token, self.unseen_weight)
        column = self.columns.get(token)
        if column is not None:
            return np.array([column]), np.array([weight], np.float32)
        free = self.size - len(self.columns)
        if free <= 0:  # every column belongs to a known token, and this one is new
            return np.zeros(0, np.int64), np.zeros(0, np.float32)
        bits = np.frombuffer(blake2b(token.encode("utf-8", "surrogatepass"), digest_size=4 * HASHES).digest(), "<u4")
        sign = np.where(bits >> 31, -1.0, 1.0)
        columns = len(self.columns) + (bits & 0x7FFFFFFF).astype(np.int64) % free
        return columns, (sign * weight / np.sqrt(HASHES)).astype(np.float32)


def product_tokens(product: Product) -> list[str]:
    """Category at every depth, brand, attributes; without the price, whose bands need the whole catalogue."""
    path = [part.strip().casefold() for part in product.category if part.strip()]
    found = [f"category:{'>'.join(path[: depth + 1])}" for depth in range(len(path))]
    if product.brand and product.brand.strip():
        found.append(f"brand:{product.brand.strip().casefold()}")
    for name, values in product.attributes.items():
        found.extend(f"{name.strip().casefold()}={value.strip().casefold()}" for value in values if value.strip())
    return found


def split_attributes(joined: str) -> list[str]:
    """Tokens of a cell that joins attributes with "|"."""
    return [part for part in (piece.strip() for piece in joined.split("|")) if part]
