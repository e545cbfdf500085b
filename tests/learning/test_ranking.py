"""Trees win where the right model depends on the person, and do not ship where it does not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from ranking_cases import ITEMS, one_sale_each, two_views

from shoplens.domain.dataset import TrainingData
from shoplens.errors import ConfigurationError
from shoplens.learning.choice import Chosen, Shop, choose_blend
from shoplens.learning.evaluate import evaluate
from shoplens.learning.ranking import grow_trees, quality
from shoplens.learning.train import train
from shoplens.models.blend import Blend
from shoplens.models.ranker import ItemFacts, RankedBlend, RankerMissingError


def choose(*, depends: bool, ranker: str = "auto", said: list[str] | None = None) -> Chosen:
    models, holdout = two_views(700, depends=depends)
    heard = said if said is not None else []
    return choose_blend(
        Shop.of(models, one_sale_each(), seed=0),
        holdout,
        (10, 20),
        ranker=ranker,
        report=lambda what, done, total: heard.append(what),
    )


def test_trees_learn_whom_to_believe_for_whom() -> None:
    ranked, weighted = choose(depends=True), choose(depends=True, ranker="off")
    assert ranked.trees is not None
    assert isinstance(ranked.blend, RankedBlend)
    assert ranked.weights == weighted.weights
    assert ranked.figures.means["ndcg@20"] > weighted.figures.means["ndcg@20"] + 0.02
    assert weighted.trees is None


def test_trees_that_are_not_better_do_not_ship() -> None:
    chosen = choose(depends=False)
    assert chosen.trees is None
    assert type(chosen.blend) is Blend
    assert chosen.figures.means == choose(depends=False, ranker="off").figures.means


def test_what_was_in_fashion_is_not_enough() -> None:
    """One product in fashion, among those that sell: other people of the same period make trees look good, of what
    such products are worth they learnt nothing."""
    models, holdout = two_views(700, depends=False)
    hot = np.random.default_rng(2).random(700) < 0.3
    fashion = replace(holdout, truth_item=np.where(hot, 31, holdout.truth_item).astype(np.int32))
    log = one_sale_each()
    log = log.take(np.repeat(np.arange(ITEMS), np.where(np.arange(ITEMS) % 10 == 1, 50, 1)))  # 31 is in the best tenth
    shop = Shop.of(models, log, seed=0)
    half, other = np.arange(350), fashion.take(np.arange(350, 700))
    weights, everything = {"early": 0.5, "late": 0.5}, np.ones(ITEMS, np.bool_)
    trees = grow_trees(shop.whole(weights, 0.0), shop.facts, fashion.take(half))
    with_trees, without = (
        quality(other, evaluate(shop.blend(weights, 0.0, one), other, (20,)).top, everything) for one in (trees, None)
    )
    gain = with_trees - without
    assert gain.mean() > gain.std() / np.sqrt(len(gain))  # people alone are fooled
    assert choose_blend(shop, fashion, (20,), report=lambda what, done, total: None).trees is None


def test_trees_can_be_asked_for() -> None:
    assert choose(depends=False, ranker="on").trees is not None


def test_the_same_seed_grows_the_same_trees() -> None:
    models, holdout = two_views(250, depends=True)
    blend, facts = Blend(models, {"early": 1, "late": 1}), ItemFacts.of(one_sale_each())
    first, second = (grow_trees(blend, facts, holdout, seed=3) for _ in range(2))
    assert first is not None
    assert first == second


def test_few_people_grow_no_trees() -> None:
    models, holdout = two_views(60, depends=True)
    facts = ItemFacts.of(one_sale_each())
    assert grow_trees(Blend(models, {"early": 1, "late": 1}), facts, holdout) is None


def test_without_lightgbm_the_weights_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> Any:
        raise RankerMissingError("libgomp.so.1 is missing")

    monkeypatch.setattr("shoplens.learning.ranking.lightgbm", missing)
    said: list[str] = []
    chosen = choose(depends=True, said=said)
    assert chosen.trees is None
    assert any("no ranker" in line and "libgomp" in line for line in said)


def test_nothing_tells_products_apart() -> None:
    """A hundred products of different sales share ten values."""
    log = one_sale_each(100)
    many = log.take(np.repeat(np.arange(100), np.arange(1, 101)))
    facts = ItemFacts.of(many).values
    assert len(np.unique(facts, axis=0)) <= 10
    assert (np.diff(facts[:, 0]) >= 0).all()


@pytest.mark.parametrize("wrong", [{"ranker": "maybe"}, {"newcomers": 1.5}, {"newcomers": -0.1}])
def test_senseless_choices_are_refused(wrong: dict[str, Any]) -> None:
    models, holdout = two_views(20, depends=True)
    factories = {name: (lambda model=model: model) for name, model in models.items()}
    with pytest.raises(ConfigurationError):
        train(TrainingData(one_sale_each(ITEMS)), holdout, models=tuple(models), factories=factories, **wrong)
