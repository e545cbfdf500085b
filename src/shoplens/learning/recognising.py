"""Does a recogniser of products help the search by photo? Judged by photos that it did not see, in the very search.

Every product hides one photo. What is hidden is searched for twice: by the nearest photos alone, and with the
recogniser beside them. Some products the recogniser never learns at all, as those that come to the shop tomorrow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from shoplens.features.inputs import FIRST_PHOTO_WEIGHT
from shoplens.features.recognise_open import OpenRecogniser
from shoplens.retrieval.asked import Asked, Given
from shoplens.retrieval.hybrid import HybridIndex
from shoplens.retrieval.semantic import VectorSignal

Floats = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]

IMAGE, RECOGNISED = "image", "recognised"  # signals of search
WEIGHTS = (0.25, 0.5, 1.0, 2.0, 4.0)  # of the recogniser that are tried, against 1 of the nearest photos
UNLEARNT = 5  # one product of so many is kept from the recogniser
MOST_ASKED = 300  # hidden photos that are searched for
PLACES = 10  # that are looked at


@dataclass(frozen=True, slots=True, eq=False)
class PhotoRows:
    """Photos whose products are known, as encoders see them."""

    product: npt.NDArray[np.intp]  # [photos]
    own: Flags  # [photos]: of the catalogue, not of a customer
    first: Flags  # [photos]: the one that the shop shows first
    views: Floats  # [cuts, photos, size], see `PhotoReader`
    plain: Floats  # [photos, size]: the same numbers of the whole photo, as `embed` reads it

    def __len__(self) -> int:
        return len(self.product)


@dataclass(frozen=True, slots=True)
class RecognitionReport:
    """Shares of hidden photos whose product comes first (recall@1), and mean reciprocal ranks."""

    asked: int  # hidden photos
    products: int  # that have enough photos
    nearest: float  # recall@1 by the nearest photos alone
    recognised: float  # recall@1 with the recogniser, at weights chosen on other photos
    nearest_mrr: float
    recognised_mrr: float
    unlearnt_nearest: float  # recall@1 of products that the recogniser did not learn
    unlearnt_recognised: float
    weight: float  # of the recogniser in search; 0 = not used
    gained: bool  # more than chance, on photos that the weight was not chosen on

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """How photos are put together and compared in this shop."""

    weights: Floats  # [size], see `PhotoReader`
    pool: Callable[[Floats, Sequence[float]], Floats]  # photos of one product [n, size] → [size]
    joined: Callable[[Floats], Floats]  # [n, size] → as search compares photos [n, numbers]


def fit_recogniser(
    shown: Shown, item_ids: Sequence[str], photos: PhotoRows, inside: Flags, *, seed: int = 0
) -> OpenRecogniser:
    """From the photos that are `inside` [photos]. The first one of a product is what the catalogue shows."""
    labelled = np.flatnonzero(inside & ~photos.first)
    pictures = _pictures(shown, photos, inside | photos.first, len(item_ids))
    return OpenRecogniser.fit(
        photos.views[:, labelled], photos.product[labelled], list(item_ids), pictures, shown.weights, seed=seed
    )


def judge_recogniser(shown: Shown, photos: PhotoRows, others: Floats, *, seed: int = 0) -> RecognitionReport:
    """Hide a photo of every product and look for it. `others` [m, size]: what `embed` made of all other products."""
    random = np.random.default_rng(seed)
    count = int(photos.product.max()) + 1
    hidden = _hidden(photos, random)
    known = np.ones(len(photos), np.bool_)
    known[hidden] = False
    unlearnt = random.permutation(count) % UNLEARNT == 0
    ids = [str(row) for row in range(count + len(others))]
    recogniser = fit_recogniser(shown, ids[:count], photos, known & ~unlearnt[photos.product], seed=seed)
    pictures = np.concatenate([_pictures(shown, photos, known, count), others])
    signals = (VectorSignal(IMAGE, shown.joined(pictures[:1]).shape[1]), VectorSignal(RECOGNISED, recogniser.size))
    for signal, vectors in zip(
        signals, (shown.joined(pictures), recogniser.product_vectors(ids, pictures)), strict=True
    ):
        signal.put(np.arange(len(ids)), vectors)
    asked = random.permutation(hidden)[:MOST_ASKED]
    index = HybridIndex(
        None, signals, row_of=lambda names: np.array([int(one) for one in names]), id_of=lambda rows: rows.tolist()
    )
    questions, plain = recogniser.questions(photos.views[:, asked]), shown.joined(photos.plain[asked])
    ranks = np.array([
        [
            _reciprocal(index, photo, question, weight, int(product))
            for photo, question, product in zip(plain, questions, photos.product[asked], strict=True)
        ]
        for weight in (0.0, *WEIGHTS)
    ])  # fmt: skip
    return _report(ranks, unlearnt[photos.product[asked]], count)


def _pictures(shown: Shown, photos: PhotoRows, known: Flags, count: int) -> Floats:
    """What `embed` would have made of the products' own photos that are `known`. [count, size]"""
    pictures = np.zeros((count, photos.plain.shape[1]), np.float32)
    for product in range(count):
        places = np.flatnonzero((photos.product == product) & photos.own & known)
        places = places[np.argsort(~photos.first[places], kind="stable")]
        weights = [FIRST_PHOTO_WEIGHT if photos.first[place] else 1.0 for place in places]
        pictures[product] = shown.pool(photos.plain[places], weights)
    return pictures


def _hidden(photos: PhotoRows, random: np.random.Generator) -> npt.NDArray[np.intp]:
    """A photo of each product that is not its first: a customer's, where there is one."""
    order = np.lexsort((random.random(len(photos)), photos.own, photos.first, photos.product))
    _, starts = np.unique(photos.product[order], return_index=True)
    chosen: npt.NDArray[np.intp] = order[starts]
    return chosen[~photos.first[chosen]]


def _reciprocal(index: HybridIndex, photo: Floats, question: Floats, weight: float, product: int) -> float:
    given = [Given(IMAGE, photo)] + ([Given(RECOGNISED, question, weight)] if weight else [])
    found = np.flatnonzero(index.search(Asked(given=tuple(given)), PLACES).rows == product)
    return 1.0 / (int(found[0]) + 1) if len(found) else 0.0


def _report(ranks: npt.NDArray[np.float64], unlearnt: Flags, products: int) -> RecognitionReport:
    """From reciprocal ranks [weights and none, asked]: the weight is chosen on one half and judged on the other."""
    half = np.arange(ranks.shape[1]) % 2 == 0
    crossed = np.where(half, ranks[_best(ranks[:, ~half])], ranks[_best(ranks[:, half])])
    nearest = ranks[0]
    gain = (crossed == 1).astype(float) - (nearest == 1)
    error = float(gain.std(ddof=1) / np.sqrt(len(gain))) if len(gain) > 1 else np.inf
    gained = bool(gain.mean() > error)
    best = _best(ranks)

    def first(values: npt.NDArray[np.float64], where: Flags) -> float:
        return float((values[where] == 1).mean()) if where.any() else 0.0

    every = np.ones(len(unlearnt), np.bool_)
    return RecognitionReport(
        asked=ranks.shape[1],
        products=products,
        nearest=first(nearest, every),
        recognised=first(crossed, every),
        nearest_mrr=float(nearest.mean()),
        recognised_mrr=float(crossed.mean()),
        unlearnt_nearest=first(nearest, unlearnt),
        unlearnt_recognised=first(crossed, unlearnt),
        weight=(0.0, *WEIGHTS)[best] if gained else 0.0,
        gained=gained and best > 0,
    )


def _best(ranks: npt.NDArray[np.float64]) -> int:
    """Of weights, the one that finds most at once, and then soonest; of equals the smallest."""
    if not ranks.shape[1]:
        return 0
    return int(np.argmax((ranks == 1).mean(1) + 1e-3 * ranks.mean(1)))
