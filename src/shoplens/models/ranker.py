"""The last word on the best candidates: LambdaMART (Burges, From RankNet to LambdaRank to LambdaMART, 2010).

A weighted sum asks every model the same question of everybody. Trees can learn that one model is to be believed for
people with long histories, another for products that are new. They see the candidates that the members of a blend put
first, and only change their order: the candidates swap the scores that the blend gave them, so that calibrated
probabilities, and everything below the candidates, stay what they were.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from shoplens.domain.dataset import Histories, Interactions, TrainingData
from shoplens.errors import BundleError, ConfigurationError
from shoplens.models.base import Scores
from shoplens.models.blend import Blend
from shoplens.models.on_demand import OnDemand
from shoplens.models.popularity import decayed_counts

log = logging.getLogger(__name__)

DEPTH = 100  # best products of each member, and of the blend, that are put in order
POPULARITY_HALF_LIFE_DAYS = 60.0  # as in models/popularity
OF_MEMBER = ("z", "place", "nearness")  # what each member says of a candidate; the blend says the same
OF_ITEM = ("popularity", "age")
OF_PAIR = ("history", "again")

Floats = npt.NDArray[np.float32]


class RankerMissingError(ConfigurationError):
    """lightgbm cannot be loaded here."""


def lightgbm() -> Any:
    """The package. RankerMissingError where it is not installed, or its library does not load."""
    try:
        import lightgbm
    except (ImportError, OSError) as error:
        raise RankerMissingError(
            f"lightgbm cannot be loaded ({error}); install it, and on Linux the package libgomp1"
        ) from error
    return lightgbm


@dataclass(frozen=True, slots=True)
class ItemFacts:
    """What trees may know of each product beside scores: the tenth it is in. float32 [n_items, len(OF_ITEM)].

    Not more exactly than that. Trees can tell a product by its exact count, learn that this one sold well in the
    validation period, and shine on other people of the same period without having learnt anything that lasts.
    """

    values: Floats

    @classmethod
    def of(cls, interactions: Interactions) -> Self:
        """By the decayed count of positive events, and by the time of the first event (0 without times)."""
        counts = decayed_counts(interactions, POPULARITY_HALF_LIFE_DAYS)
        n_items = len(interactions.items)
        first = np.full(n_items, np.iinfo(np.int64).max, np.int64)
        if interactions.timed:
            np.minimum.at(first, interactions.item, interactions.timestamp)
        return cls(np.stack([_tenths(counts, counts > 0), _tenths(-first, counts > 0)], axis=1))


def _tenths(values: npt.NDArray[Any], inside: npt.NDArray[np.bool_]) -> Floats:
    """1 to 10 by the share of the products `inside` with a smaller value; 0 outside. float32 [len(values)]"""
    order = np.sort(values[inside])
    below = np.searchsorted(order, values, "left") / max(len(order), 1)
    return np.where(inside, np.minimum(np.floor(10 * below), 9) + 1, 0).astype(np.float32)


def feature_names(members: tuple[str, ...]) -> list[str]:
    """Columns of `features`, in order."""
    said = [f"{name}.{what}" for name in (*members, "blend") for what in OF_MEMBER]
    return [*said, *OF_ITEM, *OF_PAIR]


def features(
    histories: Histories, items: npt.NDArray[np.int32], said: npt.NDArray[np.float32], facts: ItemFacts
) -> Floats:
    """What the trees see of each candidate.

    `items`: candidate rows [n_people, width], -1 = none; `said`: z-scores of each member, then of the blend
    [n_members + 1, n_people, width], -inf where there is none. Places count among the candidates, from 0. float32
    [n_people, width, len(feature_names)].
    """
    people, width = items.shape
    columns: list[npt.NDArray[Any]] = []
    for values in said:
        place = np.empty((people, width), np.float32)
        order = np.argsort(-values, axis=1, kind="stable")
        np.put_along_axis(place, order, np.broadcast_to(np.arange(width, dtype=np.float32), order.shape), axis=1)
        columns += [values, np.log1p(place), 1 / (1 + place)]
    columns += list(np.moveaxis(facts.values[np.maximum(items, 0)], -1, 0))
    columns.append(np.broadcast_to(np.log1p(np.diff(histories.indptr))[:, None], items.shape))
    columns.append(np.log1p(_counts_in_history(histories, items)))
    return np.stack(columns, axis=-1).astype(np.float32)


def _counts_in_history(histories: Histories, items: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    """How often each candidate is in its person's history. [n_people, width]"""
    wide = int(max(items.max(initial=0), histories.item.max(initial=0))) + 1
    owner = np.repeat(np.arange(len(histories)), np.diff(histories.indptr))
    events = np.sort(owner * wide + histories.item)
    asked = np.where(items >= 0, np.arange(len(items))[:, None] * wide + items, -1)
    return np.searchsorted(events, asked, "right") - np.searchsorted(events, asked, "left")


@dataclass(frozen=True, slots=True)
class Shortlist:
    """Candidates of some people with what is known of them."""

    items: npt.NDArray[np.int32]  # [n_people, width] ascending, -1 = none
    table: Floats  # [n_people, width, len(feature_names)]; senseless where there is none
    total: Scores  # the blend's scores of all products, [n_people, n_items]


def shortlist(blend: Blend, histories: Histories, facts: ItemFacts, depth: int = DEPTH) -> Shortlist:
    """Union of the best `depth` products of every member and of the blend, without those that nobody has bought.

    What is new keeps the places that the blend's offset gives it: trees that learn from what was bought would take
    them away again.
    """
    scores = {name: model.score(histories) for name, model in blend.models.items()}
    standard = {name: blend.standardise(name, one) for name, one in scores.items()}
    total = blend.add_up(standard)
    seen = np.stack([*standard.values(), total])
    people, n_items = total.shape
    sold = np.ones(n_items, np.bool_) if blend.unsold is None else ~blend.unsold
    depth = min(depth, int(sold.sum()))
    if not people or not depth:
        return Shortlist(np.zeros((people, 0), np.int32), np.zeros((people, 0, 0), np.float32), total)
    seen[:, :, ~sold] = -np.inf
    best = np.argpartition(seen, n_items - depth, axis=2)[:, :, n_items - depth :]
    rows = np.sort(best.transpose(1, 0, 2).reshape(people, -1), axis=1).astype(np.int32)
    rows[:, 1:][rows[:, 1:] == rows[:, :-1]] = -1
    found = np.take_along_axis(seen, np.maximum(rows, 0)[None], axis=2)
    found = np.where(rows >= 0, found, -np.inf).astype(np.float32)
    return Shortlist(rows, features(histories, rows, found, facts), total)


class RankedBlend(Blend):
    """A blend whose best candidates are put in order by trees. See the module; members of weight 0 are asked too."""

    name = "ranked-blend"

    def __init__(self, blend: Blend, facts: ItemFacts, trees: str) -> None:
        """`trees`: lightgbm's text form of the model, see `learning.ranking`. RankerMissingError without lightgbm."""
        super().__init__(blend.models, blend.weights, offset=blend.offset, unsold=blend.unsold)
        self.facts = facts
        self.trees = trees
        self._booster = lightgbm().Booster(model_str=trees)

    def fit(self, data: TrainingData) -> Self:
        """Fit every member and count again; weights and trees stay."""
        super().fit(data)
        self.facts = ItemFacts.of(data.interactions)
        return self

    def score(self, histories: Histories) -> Scores:
        """The blend's scores, those of the candidates swapped among them. float32 [len(histories), n_items]."""
        found = shortlist(self, histories, self.facts)
        items, total = found.items, found.total
        inside = items >= 0
        if not inside.any():
            return total
        merit = np.full(items.shape, -np.inf)
        merit[inside] = self._booster.predict(found.table[inside], num_threads=1)
        held = np.where(inside, np.take_along_axis(total, np.maximum(items, 0), axis=1), -np.inf)
        places = -np.sort(-held, axis=1)  # the blend's scores of the candidates, best first
        order = np.lexsort((-held, -merit))  # by merit; among equals as the blend would
        owner, column = np.nonzero(places > -np.inf)
        total[owner, items[owner, order[owner, column]]] = places[owner, column]
        return total

    def score_one(self, history: Histories) -> OnDemand | npt.NDArray[np.float32]:
        """Trees look at the best of all products, so all are worked out."""
        scores: npt.NDArray[np.float32] = self.score(history)[0]
        return scores

    def save(self, folder: Path) -> None:
        """As the blend, and the trees as text."""
        super().save(folder)
        (folder / "trees.txt").write_text(self.trees, encoding="utf-8")
        np.save(folder / "facts.npy", self.facts.values, allow_pickle=False)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """See `Recommender.load`. Without lightgbm the weighted sum answers, and a warning says so."""
        blend = Blend.load(folder)
        try:
            trees = (folder / "trees.txt").read_text(encoding="utf-8")
            facts = ItemFacts(np.load(folder / "facts.npy", allow_pickle=False))
        except (OSError, ValueError) as error:
            raise BundleError(f"{folder}: the trees of the blend cannot be read ({error}); train again") from error
        try:
            return cls(blend, facts, trees)
        except RankerMissingError as error:
            log.warning("the weighted blend answers without its trees: %s", error)
            return blend  # type: ignore[return-value]
        except Exception as error:
            raise BundleError(f"{folder}: lightgbm cannot read the trees ({error}); train again") from error
