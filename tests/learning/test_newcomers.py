"""How far products without sales are raised: as far as they are wanted, no further than it is worth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from learning_cases import GivenScores
from ranking_cases import ITEMS, one_sale_each, two_views

from shoplens.learning.choice import blend_of
from shoplens.learning.evaluate import evaluate
from shoplens.learning.holdout import Holdout
from shoplens.learning.newcomers import LEAST, choose_offset
from shoplens.learning.weights import Pool, gather_pool
from shoplens.models.base import Recommender
from shoplens.models.blend import unsold_products

NEW = np.arange(ITEMS - 40, ITEMS)
WEIGHTS = {"sales": 0.7, "looks": 0.3}


class Sales(GivenScores):
    """Knows what sells."""

    @property
    def scorable(self) -> npt.NDArray[np.bool_]:
        return np.arange(ITEMS) < int(NEW[0])


def shop(signal: float) -> tuple[dict[str, Recommender], Holdout, npt.NDArray[np.bool_]]:
    """What sells is seen by both models, some of it sells to everybody; what is new is seen by "looks" alone, with
    this strength."""
    _, holdout = two_views(600, depends=True)
    random = np.random.default_rng(1)
    owner, taken = np.arange(600), holdout.truth_item
    sales, looks = random.gamma(0.2, size=(600, ITEMS)), random.normal(size=(600, ITEMS))
    sales[:, :30] += 6
    sales[owner, taken] += 3
    looks[owner, taken] += np.where(taken >= NEW[0], signal, 1.0)
    events = np.ones(ITEMS, np.int64)
    events[NEW] = 0
    models: dict[str, Recommender] = {
        "sales": Sales(sales.astype(np.float32)),
        "looks": GivenScores(looks.astype(np.float32)),
    }
    return models, replace(holdout, item_events=events), unsold_products(one_sale_each(but=NEW))


def judged(models: dict[str, Recommender], holdout: Holdout, offset: float | None, k: int = 20) -> dict[str, float]:
    blend = blend_of(models, WEIGHTS, offset=offset, unsold=unsold_products(one_sale_each(but=NEW)))
    found = evaluate(blend, holdout, (k,))
    return {**found.products["cold"], "all": (found.means[f"recall@{k}"] + found.means[f"ndcg@{k}"]) / 2}


def test_products_without_sales_are_found_where_content_knows() -> None:
    models, holdout, unsold = shop(signal=1.5)
    offset = choose_offset(gather_pool(models, holdout, unsold=unsold), WEIGHTS)
    before, after = judged(models, holdout, None), judged(models, holdout, offset)
    assert after["recall"] > before["recall"] + 0.1
    assert after["all"] > before["all"]


def test_nothing_is_given_that_costs_too_much() -> None:
    models, holdout, unsold = shop(signal=0.0)
    pool = gather_pool(models, holdout, unsold=unsold)
    nobody_wants = replace(pool, new_taken=np.ones(600, np.int64))  # a fair share would be all places
    offset = choose_offset(nobody_wants, WEIGHTS)
    loss = (
        judged(models, holdout, choose_offset(pool, WEIGHTS, share=0.0))["all"] - judged(models, holdout, offset)["all"]
    )
    assert loss < 0.01


@pytest.mark.parametrize("share", [0.0, 0.05, 0.25, 1.0])
def test_a_share_that_is_asked_for_is_given(share: float) -> None:
    models, holdout, unsold = shop(signal=1.0)
    offset = choose_offset(gather_pool(models, holdout, unsold=unsold), WEIGHTS, share=share)
    assert judged(models, holdout, offset)["shown"] == pytest.approx(share, abs=0.01)


@settings(max_examples=15, deadline=None)
@given(st.floats(0.01, 0.9), st.floats(0.01, 0.9))
def test_a_larger_share_is_a_larger_offset(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert choose_offset(POOL, WEIGHTS, share=low) <= choose_offset(POOL, WEIGHTS, share=high)


def test_what_nobody_takes_is_shown_a_little() -> None:
    models, holdout, unsold = shop(signal=0.0)
    kept = np.flatnonzero(holdout.truth_item < NEW[0])
    calm = holdout.take(kept)
    offset = choose_offset(gather_pool(models, calm, unsold=unsold), WEIGHTS)
    blend = blend_of(models, WEIGHTS, offset=offset, unsold=unsold)
    top = evaluate(blend, calm, (20,)).top
    assert 0 < (top >= NEW[0]).mean() <= LEAST + 0.005


def test_without_a_judge_or_people_there_is_no_offset() -> None:
    models, holdout, unsold = shop(signal=1.0)
    assert choose_offset(gather_pool(models, holdout, unsold=unsold), {"sales": 1.0, "looks": 0.0}) == 0.0
    assert choose_offset(gather_pool(models, holdout), WEIGHTS) == 0.0
    nobody = holdout.take(np.zeros(0, np.int64))
    assert choose_offset(gather_pool(models, nobody, unsold=unsold), WEIGHTS) == 0.0


def _pool() -> Pool:
    models, holdout, unsold = shop(signal=1.0)
    return gather_pool(models, holdout.take(np.arange(80)), unsold=unsold)


POOL = _pool()
