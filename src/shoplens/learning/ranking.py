"""Learning to rank: whether trees should order what the blend puts first, and the trees. See `models.ranker`.

The trees learn from validation people, who are few, about products that all those people saw in one and the same
period. So they are small; more liking by a member never counts against a product (monotone); and nothing they see
tells one product from another (see `ItemFacts`). Without the last two they learn which products were in fashion in the
validation period: on a shop of 3,000 people NDCG@20 of other people of the same period rose by half. Some of that
remains all the same; therefore they are judged on products, too, that they did not learn from (`learning.choice`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from shoplens.learning.evaluate import Progress, batch_size, hits_of
from shoplens.learning.holdout import Holdout
from shoplens.learning.metrics.ranking import discounts
from shoplens.models.blend import Blend
from shoplens.models.ranker import ItemFacts, feature_names, lightgbm, shortlist

CHOICES = ("auto", "on", "off")
LEAST_PEOPLE = 100  # with something relevant among their candidates; with fewer, trees find luck
MOST_PEOPLE = 4_000  # that trees learn from; bounds memory (about 60 kB each) and time
TREES = 100
SETTINGS: dict[str, Any] = {
    "objective": "lambdarank",
    "num_leaves": 7,
    "learning_rate": 0.05,
    "min_data_in_leaf": 50,
    "feature_fraction": 0.7,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 1.0,
    "lambdarank_truncation_level": 30,  # a little more than the 20 places that count
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,  # so that the sums, and with them the trees, are the same on every machine
    "verbose": -1,
}
RISING = {"z": 1, "nearness": 1, "place": -1}  # how the order may depend on what a member says


def grow_trees(
    blend: Blend,
    facts: ItemFacts,
    holdout: Holdout,
    *,
    among: npt.NDArray[np.bool_] | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> str | None:
    """Trees in lightgbm's text form, learnt from these people; None when too few of them can be served.

    `among`: products that are learnt from, bool [n_items]; default: all. RankerMissingError without lightgbm.
    """
    package = lightgbm()
    among = np.ones(holdout.n_items, np.bool_) if among is None else among
    table, taken, sizes = _gather(blend, facts, holdout, among, seed, progress)
    if len(sizes) < LEAST_PEOPLE:
        return None
    names = feature_names(tuple(blend.models))
    monotone = [RISING.get(name.rpartition(".")[2], 0) if "." in name else 0 for name in names]
    data = package.Dataset(
        table, taken.astype(np.int32), group=sizes, feature_name=[f"f{n}" for n in range(len(names))]
    )
    settings = {**SETTINGS, "monotone_constraints": monotone, "seed": seed}
    return str(package.train(settings, data, TREES).model_to_string())


def quality(holdout: Holdout, top: npt.NDArray[np.int32], counted: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """What the products that are `counted` [n_items] add to each person's mean of recall and NDCG, by lists `top`
    [n_people, K]. [n_people]"""
    hit = hits_of(holdout, top) & counted[np.maximum(top, 0)]
    gain = discounts(top.shape[1])
    ideal = np.cumsum(gain)[np.minimum(holdout.relevant, top.shape[1]) - 1]
    return np.asarray((hit.sum(axis=1) / holdout.relevant + hit @ gain / ideal) / 2, np.float64)


def _gather(
    blend: Blend,
    facts: ItemFacts,
    holdout: Holdout,
    among: npt.NDArray[np.bool_],
    seed: int,
    progress: Progress | None,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_], list[int]]:
    """Candidates of people who took one of them: features [n, …], whether taken [n], candidates of each person."""
    order = np.random.default_rng([seed, 6]).permutation(len(holdout))
    size = max(16, batch_size(holdout.n_items) // (len(blend.models) + 1))
    tables: list[npt.NDArray[np.float32]] = []
    labels: list[npt.NDArray[np.bool_]] = []
    sizes: list[int] = []
    for start in range(0, len(order), size):
        part = holdout.take(np.sort(order[start : start + size]))
        found = shortlist(blend, part.histories, facts)
        allowed = (found.items >= 0) & among[np.maximum(found.items, 0)]
        allowed &= ~_of_people(found.items, part.mask_indptr, part.mask_item, part.n_items)
        taken = allowed & _of_people(found.items, part.truth_indptr, part.truth_item, part.n_items)
        served = np.flatnonzero(taken.any(axis=1))
        kept = allowed[served]
        tables.append(found.table[served][kept])
        labels.append(taken[served][kept])
        sizes += kept.sum(axis=1).tolist()
        if progress is not None:
            progress(min(start + size, len(order)), len(order))
        if len(sizes) >= MOST_PEOPLE:
            break
    if not sizes:
        return np.zeros((0, 0), np.float32), np.zeros(0, np.bool_), []
    return np.concatenate(tables), np.concatenate(labels), sizes


def _of_people(
    items: npt.NDArray[np.int32], indptr: npt.NDArray[np.int64], item: npt.NDArray[np.int32], n_items: int
) -> npt.NDArray[np.bool_]:
    """Whether each of `items` [n_people, width] is in its person's compressed row."""
    wide = max(n_items, int(item.max(initial=-1)) + 1)
    owned = np.repeat(np.arange(len(items)), np.diff(indptr)) * wide + item
    return np.isin(np.arange(len(items))[:, None] * wide + items, owned)
