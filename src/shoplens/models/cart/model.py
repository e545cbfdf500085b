"""The cart's model: for a cart and a person's purchases, how well every product of the catalogue completes it.

Each signal speaks for some products, stretched so that its best one outside the cart has 1; the score is their weighted
sum. Nothing depends on the order of the cart, and nothing is stored per person.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from shoplens.errors import BundleError
from shoplens.models.cart.baskets import Baskets
from shoplens.models.cart.habits import Habits
from shoplens.models.cart.neighbours import BasketNeighbours
from shoplens.models.cart.repeats import portions, repeat_rates
from shoplens.models.cart.returns import SPANS, Returns
from shoplens.models.cart.roles import Roles
from shoplens.models.cart.scored import Asked, Rows, Scored, Signals, Values
from shoplens.models.cart.sets import BoughtSet, bought_sets
from shoplens.models.cart.settings import POPULAR, SOURCE_OF, SOURCES, CartSettings, Situation, Weights
from shoplens.models.cart.together import Together

CONFIG = "config.json"
TASTE_OF = 100  # products of the strongest habits whose partners make a taste
BEST_SELLERS = 200  # products that somebody's habits are held against, bought or not
YEAR = 365.0  # days after which a purchase is not of late
STEEP = 100.0  # the first hundredth of a share counts as much as its last half
STEEP_SOLD = 1_000.0  # … and the first thousandth of what the best seller sells
RARELY = 1e-3  # a chance to return of which nothing more is said
LEAST_PORTION = 1e-2  # of a basket: one among a hundred products
TIE_BREAK = 1e-6  # share of popularity in every score, so that no order is left to chance


class CartModel:
    """Tables fitted on baskets, and weights chosen on later ones."""

    def __init__(
        self,
        settings: CartSettings,
        together: Together,
        baskets: BasketNeighbours,
        roles: Roles,
        sold: Values,
        kept: Values,
        portion: Values,
        returns: Returns,
    ) -> None:
        self.settings = settings
        self.together, self.baskets, self.roles = together, baskets, roles
        self.sold = sold  # [3, n_items]: lately, in these days, for months; the best seller of each has 1
        self.popular = sold[0]
        self._best_sellers = np.argsort(-self.popular, kind="stable")[:BEST_SELLERS]
        self._popular: dict[Situation | None, Values] = {}  # see `_popularity`
        self.kept, self.portion = kept, portion  # [n_items], see repeats
        self.returns = returns
        lately, days, months = sold
        self._sells: dict[str, Values] = {
            "popular": lately,
            "popular_log": _log(lately, STEEP_SOLD),
            "selling": _log(days, STEEP_SOLD),
            "lasting": _log(months, STEEP_SOLD),
            "staple": _log(kept),
            "alone": _magnitude(portion, LEAST_PORTION),
        }

    @property
    def n_items(self) -> int:
        """Size of the catalogue that was learnt."""
        return len(self.popular)

    @classmethod
    def fit(
        cls, baskets: Baskets, kind: npt.NDArray[np.int32] | None = None, settings: CartSettings | None = None
    ) -> CartModel:
        """`kind` [n_items]: narrowest category of each product as a number, 0 = none."""
        chosen = settings or CartSettings()
        kinds = np.zeros(baskets.n_items, np.int32) if kind is None else kind
        together = Together.fit(
            baskets,
            half_life_days=chosen.half_life_days,
            shrinkage=chosen.shrinkage,
            partners=chosen.partners,
        )
        sold = np.stack(
            [
                _sold(baskets, half_life)
                for half_life in (
                    chosen.popular_half_life_days,
                    chosen.selling_half_life_days,
                    chosen.lasting_half_life_days,
                )
            ]
        )
        roles = Roles.fit(
            baskets, kinds, together.bought, half_life_days=chosen.half_life_days, shrinkage=chosen.shrinkage
        )
        return cls(
            chosen,
            together,
            BasketNeighbours.fit(baskets),
            roles,
            sold,
            repeat_rates(baskets, kinds),
            portions(baskets),
            Returns.fit(baskets, kinds),
        )

    def weighed(self, weights: Weights) -> CartModel:
        """The same tables with other weights."""
        settings = replace(self.settings, weights=weights)
        return CartModel(
            settings, self.together, self.baskets, self.roles, self.sold, self.kept, self.portion, self.returns
        )

    def habits(self, item: npt.NDArray[np.int64], age_days: npt.NDArray[np.float32]) -> Habits:
        """Habits of somebody who bought these products so long ago."""
        return Habits.of(
            item,
            age_days,
            half_life_days=self.settings.habit_half_life_days,
            half_life_baskets=self.settings.habit_half_life_baskets,
        )

    def sets(self, items: Rows, allowed: npt.NDArray[np.bool_], n: int) -> list[BoughtSet]:
        """The n strongest sets with a product of the cart; `allowed` [n_items] says what may be suggested."""
        return bought_sets(self.together, self.baskets, items, allowed, n)

    def signals(self, asked: Asked) -> Signals:
        """Every signal that has something to say, over the products that any of them speaks for."""
        items, weight, habits = asked.items, asked.weight, asked.habits
        spread: dict[str, tuple[Rows, npt.NDArray[np.floating]]] = {}  # products may come several times: they add up
        if len(items):
            partner, sure, alike = self.together.spread(items, weight)
            spread["confidence"], spread["cosine"] = (partner, sure), (partner, alike)
            spread["nearest"] = self.baskets.spread(items, weight)
            spread["kinds"] = self.roles.spread(items, weight)
        if len(habits):
            spread["often"] = habits.item, habits.often
            spread["often_log"] = habits.item, _log(habits.often)
            spread["lately"] = habits.item, _log(habits.lately)
            spread["ever"] = habits.item, _log(habits.ever)
            spread["portion"] = habits.item, _log(habits.portion)
            spread["hour"] = habits.item, _log(habits.hour)
            spread["weekday"] = habits.item, _log(habits.weekday)
            spread["pause"] = habits.item, _log(habits.pause)
            chance = self.returns.of(habits.item, self.roles.kind, habits.since_days)
            spread["returns"] = habits.item, _magnitude(chance, RARELY)
            spread["kept"] = habits.item, habits.often * self.kept[habits.item]
            spread["times"] = habits.item, np.log1p(habits.times.astype(np.float32))
            spread["due"] = habits.item, habits.often * habits.due()
            strongest = np.argsort(-habits.often, kind="stable")[:TASTE_OF]
            partner, _, alike = self.together.spread(habits.item[strongest], habits.often[strongest])
            spread["taste"] = partner, alike
        there = np.zeros(self.n_items, np.bool_)
        for product, _ in spread.values():
            there[product] = True
        if len(habits):
            there[self._best_sellers] = True
        there[items] = False
        rows = np.flatnonzero(there)
        place = np.full(self.n_items, len(rows), np.int32)  # what is in the cart adds up behind the last row
        place[rows] = np.arange(len(rows), dtype=np.int32)
        found: dict[str, npt.NDArray[Any]] = {
            name: np.bincount(place[product], values, len(rows) + 1)[:-1] for name, (product, values) in spread.items()
        }
        if len(items):
            found["same_kind"] = self.roles.same(items, rows).astype(np.float32)
            if len(habits):
                found["often_with"] = found["often"] * found["cosine"]
        if len(habits):
            found["kind_often"], found["kind_lately"] = self._kinds_of(habits, rows)
        stretched = {}
        for name, values in found.items():
            best = float(values.max(initial=0.0))
            if best > 0:
                stretched[name] = (values / best).astype(np.float32)
        stretched |= self.popularity(rows)
        return Signals(rows, stretched)

    def popularity(self, rows: Rows | slice) -> dict[str, Values]:
        """The signals that speak for every product: name of POPULAR → [len(rows)]."""
        return {name: values[rows] for name, values in self._sells.items()}

    def _kinds_of(self, habits: Habits, rows: Rows) -> tuple[Values, Values]:
        """How often, and how lately, the person buys products of each row's kind."""
        kind = self.roles.kind
        mine = kind[habits.item]
        often = np.bincount(mine, habits.often, self.roles.goes.shape[0]).astype(np.float64)
        since = np.full(len(often), np.inf)
        np.minimum.at(since, mine, habits.since_days)
        often[0], since[0] = 0.0, np.inf  # no kind is no kind of its own
        lately = 1.0 - np.log1p(since) / np.log1p(YEAR)
        return _log(often[kind[rows]]), np.maximum(lately, 0.0)[kind[rows]].astype(np.float32)

    def _popularity(self, situation: Situation | None) -> Values:
        """What every product has for being sold, by the weights of a situation; worked out once. [n_items]"""
        known = self._popular.get(situation)
        if known is None:
            weights = {"popular": 1.0} if situation is None else self.settings.weights[situation]
            known = np.float32(TIE_BREAK) * self.popular
            for name, values in self.popularity(slice(None)).items():
                if weights.get(name):
                    known = known + np.float32(weights[name]) * values
            self._popular[situation] = known
        return known

    def score(self, asked: Asked) -> Scored:
        """Scores of all products; those of the cart's own mean nothing, leaving them out is the caller's business."""
        signals = self.signals(asked)
        situation = asked.situation
        weights = {"popular": 1.0} if situation is None else self.settings.weights[situation]
        total = self._popularity(situation).copy()
        parts: dict[str, Values] = {}
        spoken = np.zeros(len(signals.rows), np.float32)
        for name, values in signals.values.items():
            weight = np.float32(weights.get(name, 0.0))
            if weight:
                source = SOURCE_OF[name]
                added = values * weight
                parts[source] = parts[source] + added if source in parts else added
                if name not in POPULAR:  # those count for all products
                    spoken += added
        total[signals.rows] += spoken
        return Scored(total, signals.rows, {name: parts[name] for name in SOURCES if name in parts})

    def save(self, folder: Path) -> None:
        """Everything that `load` needs, into an existing, empty folder."""
        self.together.save(folder)
        self.baskets.save(folder)
        self.roles.save(folder)
        np.save(folder / "popular.npy", self.sold, allow_pickle=False)
        np.save(folder / "kept.npy", self.kept, allow_pickle=False)
        np.save(folder / "portion.npy", self.portion, allow_pickle=False)
        self.returns.save(folder)
        (folder / CONFIG).write_text(json.dumps(self.settings.as_dict()), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> CartModel:
        """What `save` wrote; BundleError when it cannot be used. Never unpickles."""
        roles = Roles.load(folder)
        try:
            settings = CartSettings.of(json.loads((folder / CONFIG).read_text(encoding="utf-8")))
            sold = np.atleast_2d(np.load(folder / "popular.npy", allow_pickle=False))
            if len(sold) == 1:  # of a bundle whose weights know one kind of popularity
                sold = np.repeat(sold, 3, axis=0)
            _, sold_items = sold.shape
            kept = np.load(folder / "kept.npy", allow_pickle=False)
            kinds = int(roles.kind.max(initial=0)) + 1
            if (folder / "portion.npy").exists() or Returns.saved(folder):
                portion, returns = np.load(folder / "portion.npy", allow_pickle=False), Returns.load(folder)
            else:  # of a bundle whose weights say nothing of portions, nor of when people come back
                portion, returns = np.ones_like(kept), Returns.unknown(kinds, len(kept))
        except (OSError, ValueError, TypeError) as error:
            raise BundleError(f"{folder}: the cart's model cannot be read ({error}); train again") from error
        together = Together.load(folder, shrinkage=settings.shrinkage)
        catalogues = {sold_items, len(kept), len(portion), len(returns.factor), together.n_items, len(roles.kind)}
        if len(sold) != 3 or len(catalogues) > 1 or returns.chance.shape != (kinds, len(SPANS)):
            raise BundleError(f"{folder}: the tables of the cart are of different catalogues; train again")
        neighbours = BasketNeighbours.load(folder, sold_items)
        return cls(settings, together, neighbours, roles, sold, kept, portion, returns)


def _sold(baskets: Baskets, half_life_days: float) -> Values:
    """How much each product sells, fresher sales counting more; the best seller has 1. [n_items]"""
    fade = np.exp2(-baskets.age_days / half_life_days)
    sold = np.bincount(baskets.item, np.repeat(fade, baskets.sizes), baskets.n_items)
    return np.asarray(sold / max(float(sold.max(initial=0)), 1e-12), np.float32)


def _magnitude(share: npt.NDArray[np.floating], least: float) -> Values:
    """Shares by their order of magnitude: 0 up to `least`, 1 from 1 on."""
    return np.asarray(1.0 - np.log(np.clip(share, least, 1.0)) / np.log(least), np.float32)


def _log(share: npt.NDArray[np.floating], steep: float = STEEP) -> Values:
    """Shares by their logarithm: 0 stays 0, 1 stays 1."""
    return np.asarray(np.log1p(steep * share) / np.log1p(steep), np.float32)
