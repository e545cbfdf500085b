"""Checks that every recommender passes: call `check_recommender(make, folder)` with a function that makes a new one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from shoplens.domain.dataset import Histories, Interactions, Modality, TrainingData
from shoplens.domain.events import MICROSECONDS_PER_DAY
from shoplens.domain.vocabulary import Vocabulary
from shoplens.models.base import Recommender, Scores
from shoplens.models.on_demand import score_one

GROUPS = 4  # tastes in the planted data
NEW = 8  # products at the end of the catalogue that nobody touched


def planted_data(people: int = 80, items: int = 60, *, seed: int = 0, timed: bool = True) -> TrainingData:
    """A catalogue in four groups and people who mostly stay in one; content shows the group, also of new products.

    The last `NEW` products have content and no events; product 0 has events and no content. Product j is of group
    j % 4, person u prefers group u % 4.
    """
    rng = np.random.default_rng(seed)
    user, item = [], []
    bought = items - NEW
    for person in range(people):
        number = int(rng.integers(6, 16))
        group = np.where(rng.random(number) < 0.9, person % GROUPS, rng.integers(0, GROUPS, number))
        rank = np.minimum(rng.zipf(1.6, number) - 1, bought // GROUPS - 1)
        item.extend((rank * GROUPS + group).tolist())
        user.extend([person] * number)
    moment = rng.integers(0, 90 * 86_400, len(user)) * 1_000_000 + 20_000 * MICROSECONDS_PER_DAY
    weight = rng.choice(np.array([0.3, 0.7, 1.0], np.float32), len(user))
    interactions = Interactions(
        Vocabulary(f"u{row}" for row in range(people)),
        Vocabulary(f"p{row}" for row in range(items)),
        np.array(user, np.int32),
        np.array(item, np.int32),
        weight,
        moment.astype(np.int64),
        timed,
    )
    centre = rng.normal(size=(GROUPS, 12))
    values = (centre[np.arange(items) % GROUPS] + 0.3 * rng.normal(size=(items, 12))).astype(np.float32)
    present = np.ones(items, np.bool_)
    present[0] = False
    values[0] = 0
    return TrainingData(interactions, (Modality("text", values, present),))


def check_recommender(make: Callable[[], Recommender], folder: Path, *, tolerance: float = 1e-4) -> None:
    """Run all checks; an AssertionError names what is wrong. `folder` must exist and be empty.

    `make` returns a new, unfitted model that is quick to fit; `tolerance` is relative to the spread of the scores.
    """
    data = planted_data()
    histories = data.interactions.histories()
    before = _fingerprint(data)
    model = make().fit(data)
    assert _fingerprint(data) == before, "fit must not change what it learns from"
    check_shape(model, histories, len(data.interactions.items))
    check_repeatable(make, data, histories, tolerance)
    check_one_by_one(model, histories, tolerance)
    check_score_one(model, histories, tolerance)
    check_reacts(model, histories)
    check_personal(model, data)
    check_without_history(model, histories, tolerance)
    check_only_new_products(model, len(data.interactions.items))
    check_inputs_unchanged(model, histories)
    check_saves(model, histories, folder)
    check_sparse_data(make)


def check_shape(model: Recommender, histories: Histories, n_items: int) -> None:
    """Scores are finite float32 [people, items]; no people, no rows. The model has a name."""
    scores = model.score(histories)
    assert model.name, "a recommender has a name"
    assert scores.shape == (len(histories), n_items), f"scores have shape {scores.shape}, not [people, items]"
    assert scores.dtype == np.float32, f"scores are {scores.dtype}, not float32"
    assert np.isfinite(scores).all(), "scores must be finite, also of products nobody touched"
    assert model.score(histories.take(0, 0)).shape == (0, n_items), "no people give no rows"


def check_repeatable(
    make: Callable[[], Recommender], data: TrainingData, histories: Histories, tolerance: float
) -> None:
    """The same data give the same scores again, from a new model and from the same one."""
    first, second = make().fit(data), make().fit(data)
    scores = first.score(histories)
    assert np.array_equal(scores, first.score(histories)), "scoring twice gives the same scores"
    assert _near(scores, second.score(histories), tolerance), "fitting twice gives the same model: seed what is random"


def check_one_by_one(model: Recommender, histories: Histories, tolerance: float) -> None:
    """A person's scores do not depend on who else is in the batch."""
    together = model.score(histories)
    for row in (0, 1, len(histories) - 1):
        alone = model.score(histories.take(row, row + 1))
        assert _near(together[row : row + 1], alone, tolerance), "one by one must equal a batch"


def check_score_one(model: Recommender, histories: Histories, tolerance: float) -> None:
    """A model's own `score_one`, if it has one, says the same as `score`."""
    for row in (0, len(histories) - 1):
        one = histories.take(row, row + 1)
        said = score_one(model, one)
        alone = said if isinstance(said, np.ndarray) else said.all()
        assert _near(model.score(one), alone[None], tolerance), "score_one must say what score says"


def check_reacts(model: Recommender, histories: Histories) -> None:
    """An event more in the history changes the scores, unless the model is the same for everybody."""
    if not _is_personal(model, histories):
        return
    one = histories.take(0, 1)
    other = int(np.setdiff1d(histories.item[len(one.item) :], one.item)[0])
    more = Histories.of_one(
        np.append(one.item, np.int32(other)).astype(np.int32),
        np.append(one.weight, np.float32(1)),
        np.append(one.age_days, np.float32(0)),
        int(one.profile[0]) if len(one.profile) else -1,
    )
    assert not np.array_equal(model.score(one), model.score(more)), "an added event must change the scores"


def check_personal(model: Recommender, data: TrainingData) -> None:
    """The planted taste is found: a person's group scores above the others. Skipped when the model is not personal."""
    histories = data.interactions.histories()
    if not _is_personal(model, histories):
        return
    scores = model.score(histories)
    items = np.arange(len(data.interactions.items) - NEW)
    favourite = (items[None, :] % GROUPS) == (np.arange(len(histories))[:, None] % GROUPS)
    known = scores[:, : len(items)]
    inside = (known * favourite).sum(axis=1) / favourite.sum(axis=1)
    outside = (known * ~favourite).sum(axis=1) / (~favourite).sum(axis=1)
    share = float((inside > outside).mean())
    assert share >= 0.8, f"only {share:.0%} of the people get their own taste scored above the rest"


def check_without_history(model: Recommender, histories: Histories, tolerance: float) -> None:
    """People without a history get a ranking, and all the same one."""
    nobody = Histories(
        np.zeros(3, np.int64),
        np.zeros(0, np.int32),
        np.zeros(0, np.float32),
        np.zeros(0, np.float32),
        -np.ones(2, np.int32),
    )
    scores = model.score(nobody)
    assert np.isfinite(scores).all(), "an empty history must be scored"
    assert _near(scores[:1], scores[1:], tolerance), "people of whom nothing is known get the same ranking"
    assert np.ptp(scores[0]) > 0, "an empty history still gets a ranking, not one value for all"
    mixed = Histories(
        np.array([0, 0, histories.indptr[1]], np.int64),
        histories.item[: histories.indptr[1]],
        histories.weight[: histories.indptr[1]],
        histories.age_days[: histories.indptr[1]],
        -np.ones(2, np.int32),
    )
    assert _near(model.score(mixed)[:1], scores[:1], tolerance), "an empty history is scored the same beside full ones"


def check_only_new_products(model: Recommender, n_items: int) -> None:
    """A history of products that nobody else touched, or of refunds only, is scored without trouble."""
    new = np.arange(n_items - 3, n_items, dtype=np.int32)
    for weight in (1.0, -1.0):
        one = Histories.of_one(new, np.full(3, weight, np.float32), np.zeros(3, np.float32))
        assert np.isfinite(model.score(one)).all(), "unknown products in a history must not break the scores"


def check_inputs_unchanged(model: Recommender, histories: Histories) -> None:
    """Scoring does not write into the history it is given, and hands out its own memory."""
    arrays: list[npt.NDArray[np.generic]] = [histories.indptr, histories.item, histories.weight, histories.age_days]
    copies = [array.copy() for array in arrays]
    first = model.score(histories)
    assert all(np.array_equal(array, copy) for array, copy in zip(arrays, copies, strict=True)), (
        "score must not change the histories"
    )
    kept = first.copy()
    first[:] = 0
    assert np.array_equal(model.score(histories), kept), "writing into the scores must not change the model"


def check_saves(model: Recommender, histories: Histories, folder: Path) -> None:
    """Loading what was saved gives the same scores, and no file is a pickle."""
    model.save(folder)
    again = type(model).load(folder)
    assert np.array_equal(model.score(histories), again.score(histories)), "a loaded model scores as the saved one did"
    for path in folder.rglob("*"):
        assert path.suffix not in {".pkl", ".pickle", ".joblib"}, f"{path.name}: never pickle"


def check_sparse_data(make: Callable[[], Recommender]) -> None:
    """Hardly any data, or none at all, can be learnt from and scored."""
    data = planted_data(people=3, items=20)
    for interactions in (data.interactions, data.interactions.take(np.zeros(len(data.interactions), np.bool_))):
        for modalities in (data.modalities, ()):
            model = make().fit(TrainingData(interactions, modalities))
            scores = model.score(interactions.histories())
            assert np.isfinite(scores).all(), f"{len(interactions)} events must be enough to score without trouble"


def _is_personal(model: Recommender, histories: Histories) -> bool:
    scores = model.score(histories)
    return not bool((scores == scores[:1]).all())


def _near(one: Scores, other: Scores, tolerance: float) -> bool:
    spread = float(max(one.std(), other.std(), 1e-12)) if one.size else 1.0
    return bool(np.allclose(one, other, rtol=0, atol=tolerance * spread))


def _fingerprint(data: TrainingData) -> tuple[bytes, ...]:
    interactions = data.interactions
    arrays: list[npt.NDArray[np.generic]] = [
        interactions.user,
        interactions.item,
        interactions.weight,
        interactions.timestamp,
    ]
    arrays += [array for one in data.modalities for array in (one.values, one.present)]
    return tuple(array.tobytes() for array in arrays)
