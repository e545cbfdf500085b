"""Blend: weights, products that a member cannot judge, conformance."""

from pathlib import Path
from typing import Self

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shoplens.domain.dataset import Histories, TrainingData
from shoplens.errors import BundleError, ConfigurationError
from shoplens.models.base import Recommender
from shoplens.models.blend import Blend
from shoplens.models.item_knn import ItemKNN
from shoplens.models.linear import Linear
from shoplens.models.neighbours import one_history
from shoplens.models.popularity import Popularity
from shoplens.testing.recommenders import NEW, check_recommender, planted_data


class Fixed:
    """Answers the same row to everybody."""

    name = "fixed"

    def __init__(self, row: list[float], scorable: list[bool] | None = None) -> None:
        self.row = np.array(row, np.float32)
        if scorable is not None:
            self.scorable = np.array(scorable)

    def fit(self, data: TrainingData) -> Self:
        return self

    def score(self, histories: Histories) -> np.ndarray:
        return np.tile(self.row, (len(histories), 1))

    def save(self, folder: Path) -> None:
        np.save(folder / "row.npy", self.row)

    @classmethod
    def load(cls, folder: Path) -> Self:
        return cls(np.load(folder / "row.npy").tolist())


def make() -> Blend:
    members: dict[str, Recommender] = {
        "popularity": Popularity(),
        "item-knn": ItemKNN(k=20),
        "linear": Linear(select=False),
    }
    return Blend(members, {"popularity": 0.2, "item-knn": 0.5, "linear": 1.0})


def test_conformance(tmp_path: Path) -> None:
    check_recommender(make, tmp_path)


def test_it_is_the_weighted_sum_of_z_scores() -> None:
    one, two = Fixed([1, 2, 3, 6]), Fixed([50, 10, 20, 40])
    found = Blend({"a": one, "b": two}, {"a": 1, "b": 0.5}).score(one_history([0]))[0]

    def z(row: np.ndarray) -> np.ndarray:
        standard: np.ndarray = (row - row.mean()) / row.std()
        return standard

    assert found == pytest.approx(z(one.row) + 0.5 * z(two.row), abs=1e-5)


def test_the_scale_of_a_member_does_not_matter() -> None:
    rows = [1.0, 2, 3, 6]
    small = Blend({"a": Fixed(rows), "b": Fixed([4, 3, 2, 9])}, {"a": 1, "b": 1}).score(one_history([0]))
    large = Blend({"a": Fixed([1e4 * x - 5e3 for x in rows]), "b": Fixed([4, 3, 2, 9])}, {"a": 1, "b": 1}).score(
        one_history([0])
    )
    assert small == pytest.approx(large, abs=1e-3)


def test_a_member_without_an_opinion_adds_nothing() -> None:
    row = np.array([1.0, 2, 4])
    beside = Blend({"a": Fixed([1, 2, 4]), "flat": Fixed([7, 7, 7])}, {"a": 1, "flat": 3}).score(one_history([0]))
    assert beside[0] == pytest.approx((row - row.mean()) / row.std(), abs=1e-5)


@settings(deadline=None, max_examples=80)
@given(st.integers(0, 2**31), st.integers(1, 4), st.integers(2, 30), st.booleans(), st.booleans())
def test_one_person_gets_what_many_get(seed: int, members: int, products: int, raised: bool, partly: bool) -> None:
    random = np.random.default_rng(seed)
    models: dict[str, Fixed] = {}
    for number in range(members):
        scorable = (random.random(products) < 0.7).tolist() if partly and random.random() < 0.6 else None
        models[str(number)] = Fixed((random.normal(size=products) * 10).tolist(), scorable)
        models[str(number)].same_for_all = bool(random.random() < 0.4)  # type: ignore[attr-defined]
    blend = Blend(
        models, {name: float(random.random()) + 0.1 for name in models},
        offset=2.5 if raised else None, unsold=random.random(products) < 0.4 if raised else None,
    )  # fmt: skip
    many = blend.combine({name: model.score(one_history([0])) for name, model in models.items()})
    for _ in range(2):  # the second time some of it is known
        assert np.allclose(blend.score(one_history([0])), many, rtol=1e-4, atol=1e-4)


def test_a_single_member_is_passed_on_as_it_is() -> None:
    alone = Blend({"a": Fixed([1, 2, 4])}, {"a": 0.5})
    assert alone.score(one_history([0])).tolist() == [[1, 2, 4]]


def test_products_without_sales_are_ranked_by_the_plain_mean_and_raised() -> None:
    n = 30
    sells = np.arange(n) < n - 3
    sales = Fixed(list(np.where(sells, np.linspace(1, 9, n), 0)), list(sells))
    taste = Fixed([*np.linspace(1, 2, n - 3), 1.0, 1.5, 1.2])
    looks = Fixed([*np.linspace(2, 1, n - 3), 1.0, 1.1, 1.9])
    members: dict[str, Recommender] = {"sales": sales, "taste": taste, "looks": looks}
    weights = {"sales": 0.5, "taste": 0.4, "looks": 0.1}
    found = {
        offset: Blend(members, weights, offset=offset, unsold=~sells).score(one_history([0]))[0]
        for offset in (0.0, 2.0)
    }
    assert found[2.0][~sells] == pytest.approx(found[0.0][~sells] + 2, abs=1e-5)
    assert (found[2.0][sells] == found[0.0][sells]).all()
    z = [(one.row - one.row.mean()) / one.row.std() for one in (taste, looks)]
    assert found[0.0][~sells] == pytest.approx(
        np.mean(z, axis=0)[~sells], abs=1e-4
    )  # sales has no say, weights no part


def test_the_offset_follows_what_sells(tmp_path: Path) -> None:
    data = planted_data()
    members: dict[str, Recommender] = {"popularity": Popularity(), "linear": Linear(select=False)}
    weights = {"popularity": 0.5, "linear": 0.5}
    plain = Blend(members, weights, offset=0.0).fit(data)
    assert plain.unsold is not None
    assert (plain.unsold == (np.bincount(data.interactions.item, minlength=60) == 0)).all()
    raised = Blend(members, weights, offset=3.0, unsold=plain.unsold)
    raised.save(tmp_path)
    again = Blend.load(tmp_path)
    histories = data.interactions.histories()
    assert np.array_equal(again.score(histories), raised.score(histories))
    top = np.argsort(-again.score(histories), axis=1)[:, :10]
    assert (top >= 60 - NEW).mean() > (np.argsort(-plain.score(histories), axis=1)[:, :10] >= 60 - NEW).mean()


def test_a_new_product_is_not_buried_by_a_member_that_cannot_judge_it() -> None:
    n = 50
    knows = np.arange(n) < n - 1
    sales = Fixed(list(np.where(knows, np.linspace(1, 5, n), 0)), list(knows))
    blind = Fixed(list(sales.row))  # the same scores, but it claims to know
    taste = Fixed(list(np.where(knows, np.linspace(1, 2, n), 2.5)))  # the last, new product fits best
    fair = Blend({"sales": sales, "taste": taste}, {"sales": 1, "taste": 1}).score(one_history([0]))[0]
    unfair = Blend({"sales": blind, "taste": taste}, {"sales": 1, "taste": 1}).score(one_history([0]))[0]
    assert fair.argmax() == n - 1
    assert (unfair > unfair[-1]).sum() > 10


def test_new_products_stay_reachable_through_content() -> None:
    data = planted_data()
    model = make().fit(data)
    assert model.scorable.all()
    scores = model.score(data.interactions.histories())
    n = scores.shape[1]
    right = [scores[person, n - NEW :].argmax() % 4 == (person - (n - NEW)) % 4 for person in range(len(scores))]
    assert np.mean(right) > 0.6


def test_a_member_of_weight_zero_is_kept_but_not_asked(tmp_path: Path) -> None:
    data = planted_data()
    model = Blend({"popularity": Popularity(), "item-knn": ItemKNN()}, {"item-knn": 1}).fit(data)
    assert model.weights == {"popularity": 0.0, "item-knn": 1.0}
    model.save(tmp_path)
    again = Blend.load(tmp_path)
    assert again.weights == model.weights
    assert set(again.models) == {"popularity", "item-knn"}


@pytest.mark.parametrize("weights", [{"a": -1.0}, {"a": float("nan")}, {"a": 0.0}, {"b": 1.0}])
def test_senseless_weights_are_refused(weights: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError):
        Blend({"a": Fixed([1, 2])}, weights)


def test_a_member_outside_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"models": {"../x": "popularity"}, "weights": {"../x": 1}}')
    with pytest.raises(BundleError, match="outside"):
        Blend.load(tmp_path)
