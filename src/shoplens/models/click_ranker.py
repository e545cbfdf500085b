"""The order of search results as people's clicks teach it: LambdaMART over what search knew of each product.

Trees see what every signal said of a product, how popular, dear and new it is, and how often it was taken after this
very query and after any query. The candidates swap the scores that they had: what is below the first DEPTH stays where
it was, and scores keep their meaning. How the trees are grown, and whether they serve at all: `learning.click_ranking`.

On disk a folder, without pickles:

    clicks.json            names of the features, and the SHA-256 of the other files
    trees.txt              lightgbm's text form
    rates.safetensors      how often what was taken; queries and products are hashes
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import orjson
from safetensors import SafetensorError
from safetensors.numpy import load as load_numbers
from safetensors.numpy import save as save_numbers

from shoplens.domain.events import key_of_text
from shoplens.domain.queries import query_key
from shoplens.errors import ModelFileError
from shoplens.models.ranker import lightgbm

Floats = npt.NDArray[np.float32]
Keys = npt.NDArray[np.int64]

DEPTH = 50  # best candidates that are put in order: trees have learnt from what people saw, which is not the far end
SCORE = "score"  # the feature that is the order without clicks
OF_RATES = ("taken_after_query", "taken", "seen_after_query")  # what `ClickRates` adds to the features, in this order
PRIOR_OF_PAIR = 5.0  # looks that the product's own rate counts as, before a query has its own
PRIOR_OF_ITEM = 20.0  # looks that the rate of all products counts as
FORMAT = 1
AGAIN = "train again: shoplens train"


def answer_features(
    scores: Floats,
    parts: Mapping[str, Floats],
    *,
    popularity: Floats,
    price: npt.NDArray[Any],
    age_days: npt.NDArray[Any],
) -> dict[str, Floats]:
    """What is given to `ClickRanker.rescore`, and written to the log for those that are shown. All [m].

    `scores`: the order without clicks; `parts`: what each signal said; price and age: NaN where unknown. The price
    becomes its place among the candidates, 0 (cheapest) to 1, so that dear means the same for cups and for sofas.
    """
    known = ~np.isnan(price)
    place = np.full(len(scores), np.nan, np.float32)
    if known.any():
        order = np.sort(price[known])
        place[known] = np.searchsorted(order, price[known], "left") / max(len(order) - 1, 1)
    age = np.log1p(np.maximum(age_days, 0.0)).astype(np.float32)
    return {**parts, SCORE: scores, "popularity": popularity, "price_place": place, "age": age}


def item_keys(item_ids: Sequence[str]) -> Keys:
    """What products are called in the rates. [m]"""
    return np.fromiter(map(key_of_text, item_ids), np.int64, len(item_ids))


@dataclass(frozen=True, slots=True)
class ClickRates:
    """How often products were taken, against how often they were looked at (shown, times how likely people look there).

    Clicks over expected clicks: Zhang and Jones, Comparing click logs and editorial labels for training query
    rewriting, 2007.
    """

    query: Keys  # [q] ascending
    start: npt.NDArray[np.int64]  # [q + 1] where each query's pairs are
    item: Keys  # [p] ascending within a query
    seen: Floats  # [p] looks
    taken: Floats  # [p]
    items: Keys  # [i] ascending
    items_seen: Floats  # [i]
    items_taken: Floats  # [i]

    @classmethod
    def of(cls, query: Keys, item: Keys, seen: npt.NDArray[Any], taken: npt.NDArray[Any]) -> Self:
        """From single products that were shown: all [n]; `seen` in (0, 1], `taken` 0 or 1."""
        order = np.lexsort((item, query))
        query, item, seen, taken = query[order], item[order], seen[order], taken[order]
        new = np.ones(len(query), np.bool_)
        new[1:] = (query[1:] != query[:-1]) | (item[1:] != item[:-1])
        pair = np.cumsum(new) - 1
        pairs = int(new.sum())
        names, first = np.unique(query[new], return_index=True)
        items, place = np.unique(item, return_inverse=True)
        return cls(
            names,
            np.append(first, pairs).astype(np.int64),
            item[new],
            np.bincount(pair, seen, pairs).astype(np.float32),
            np.bincount(pair, taken, pairs).astype(np.float32),
            items,
            np.bincount(place, seen, len(items)).astype(np.float32),
            np.bincount(place, taken, len(items)).astype(np.float32),
        )

    @property
    def overall(self) -> float:
        """Taken of what was looked at, over everything."""
        return float(self.items_taken.sum() / max(float(self.items_seen.sum()), 1e-9))

    def features(self, query: int, items: Keys) -> Floats:
        """What OF_RATES names, of products shown for a query. [m, 3]"""
        of_items = _found(self.items, items)
        seen, taken = _take(self.items_seen, of_items), _take(self.items_taken, of_items)
        place = int(np.searchsorted(self.query, query))
        low = high = 0
        if place < len(self.query) and self.query[place] == query:
            low, high = int(self.start[place]), int(self.start[place + 1])
        of_pairs = _found(self.item[low:high], items)
        pair_seen, pair_taken = _take(self.seen[low:high], of_pairs), _take(self.taken[low:high], of_pairs)
        return smoothed(pair_seen, pair_taken, seen, taken, self.overall)


def smoothed(
    seen: Floats, taken: Floats, item_seen: Floats, item_taken: Floats, overall: float | npt.NDArray[np.float64]
) -> Floats:
    """OF_RATES of looks and takes: of the pair of query and product, of the product. [m, 3]"""
    item = (item_taken + PRIOR_OF_ITEM * overall) / (item_seen + PRIOR_OF_ITEM)
    pair = (taken + PRIOR_OF_PAIR * item) / (seen + PRIOR_OF_PAIR)
    return np.stack([pair, item, np.log1p(seen)], axis=1).astype(np.float32)


def _found(names: Keys, wanted: Keys) -> npt.NDArray[np.int64]:
    """Place of each in ascending `names`, -1 where it is not there."""
    if not len(names):
        return np.full(len(wanted), -1, np.int64)
    place = np.minimum(np.searchsorted(names, wanted), len(names) - 1)
    return np.where(names[place] == wanted, place, -1)


def _take(values: Floats, places: npt.NDArray[np.int64]) -> Floats:
    if not len(values):
        return np.zeros(len(places), np.float32)
    return np.where(places >= 0, values[places], np.float32(0))


class ClickRanker:
    """Puts the best candidates of a search in the order that people's clicks taught."""

    def __init__(self, names: Sequence[str], rates: ClickRates, trees: str) -> None:
        """`names`: features of the answer that the trees read, before OF_RATES. RankerMissingError without lightgbm."""
        self.names = tuple(names)
        self.rates = rates
        self.trees = trees
        self._booster = lightgbm().Booster(model_str=trees)

    def rescore(self, query: str, item_ids: Sequence[str], features: Mapping[str, Floats]) -> Floats | None:
        """The candidates' scores, swapped among the best DEPTH of them. [m]

        `features`: see `answer_features`; one that is missing counts as unknown. None without "score", or when there
        is nothing to swap.
        """
        scores = features.get(SCORE)
        if scores is None or len(scores) < 2:
            return None
        best = np.argsort(-scores, kind="stable")[:DEPTH]
        merit = self.merit(
            query_key(query), item_keys([item_ids[k] for k in best.tolist()]), self.table(features, best)
        )
        result = scores.copy()
        result[best[np.argsort(-merit, kind="stable")]] = scores[best]
        return result

    def table(self, features: Mapping[str, Floats], rows: npt.NDArray[np.int64]) -> Floats:
        """Columns `names` of some candidates, NaN where a feature is missing. [len(rows), len(names)]"""
        nothing = np.full(len(rows), np.nan, np.float32)
        columns = [features[name][rows] if name in features else nothing for name in self.names]
        return np.stack(columns, axis=1).astype(np.float32) if columns else np.zeros((len(rows), 0), np.float32)

    def merit(self, query: int, items: Keys, table: Floats) -> npt.NDArray[np.float64]:
        """What the trees say of products with these features, after this query. [m]"""
        return self.predict(np.hstack([table, self.rates.features(query, items)]))

    def predict(self, table: Floats) -> npt.NDArray[np.float64]:
        """What the trees say of rows with the columns `names` and OF_RATES. [m]"""
        return np.asarray(self._booster.predict(table, num_threads=1), np.float64)

    def save(self, folder: Path) -> None:
        """Write the files that `load` reads; the folder must be there."""
        trees = self.trees.encode()
        rates = save_numbers({one.name: getattr(self.rates, one.name) for one in fields(ClickRates)})
        (folder / "trees.txt").write_bytes(trees)
        (folder / "rates.safetensors").write_bytes(rates)
        sums = {"trees.txt": _sum(trees), "rates.safetensors": _sum(rates)}
        (folder / "clicks.json").write_bytes(orjson.dumps({"format": FORMAT, "names": self.names, "sha256": sums}))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """What `save` wrote. ModelFileError when a file is missing or altered, RankerMissingError without lightgbm."""
        try:
            facts = orjson.loads((folder / "clicks.json").read_bytes())
            if facts["format"] != FORMAT:
                raise ModelFileError(f"{folder} has format {facts['format']}, this version reads {FORMAT}; {AGAIN}")
            content = {name: (folder / name).read_bytes() for name in ("trees.txt", "rates.safetensors")}
            for name, wanted in facts["sha256"].items():
                if _sum(content[name]) != wanted:
                    raise ModelFileError(f"{folder / name} was altered after it was written; {AGAIN}")
            rates = ClickRates(**load_numbers(content["rates.safetensors"]))
            names, trees = tuple(map(str, facts["names"])), content["trees.txt"].decode()
        except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError) as error:
            raise ModelFileError(f"{folder}: what was learnt from clicks cannot be read ({error}); {AGAIN}") from error
        return cls(names, rates, trees)


def _sum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
