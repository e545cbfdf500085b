"""Tables of model settings: what they may hold is read off the models, and refusals say where and what is allowed."""

from __future__ import annotations

from typing import Any

import pytest

from shoplens.errors import ConfigurationError
from shoplens.learning.model_settings import default_settings, make_factories
from shoplens.models.fusion.config import FusionConfig
from shoplens.models.item_knn import ItemKNN
from shoplens.models.linear import Linear


def made(name: str, **table: Any) -> Any:
    return make_factories({name: table}, seed=7)[name]()


def test_values_reach_the_model_and_the_rest_keeps_its_default() -> None:
    config = made("fusion", dropout=0.1, embedding_size=32).config
    assert (config.dropout, config.embedding_size, config.seed) == (0.1, 32, 7)
    assert config.clip == FusionConfig().clip
    linear: Linear = made("linear", filter_steps=[0.0, 1.0, 2.0], select=False)
    assert linear.settings.filter_steps == (0.0, 1.0, 2.0)
    assert linear.settings.seed == 7
    knn: ItemKNN = made("item-knn", k=9)
    assert knn.k == 9


def test_a_table_may_name_its_own_seed() -> None:
    assert made("fusion", seed=3).config.seed == 3


def test_numbers_may_come_as_text_from_the_environment() -> None:
    assert made("item-knn", k="9").k == 9
    assert made("linear", select="false").settings.select is False


def test_models_without_a_table_are_made_too() -> None:
    assert set(make_factories({}, 0, ("popularity", "linear"))) == {"popularity", "linear"}


@pytest.mark.parametrize(
    ("name", "table", "said"),
    [
        ("fusion", {"drop": 0.1}, r"\[train.fusion\] has no setting 'drop'; it has: .*dropout"),
        ("fusion", {"loss": "hinge"}, r"\[train.fusion\].*loss is 'hinge'; write one of softmax"),
        ("fusion", {"embedding_size": "wide"}, r"\[train.fusion\] embedding_size is 'wide'.*write int"),
        ("fusion", {"embedding_size": 0}, r"\[train.fusion\].*embedding_size is 0; write 1 or more"),
        ("linear", {"penalty": 3}, r"\[train.linear\] has no setting 'penalty'; it has: .*ease_penalty"),
        ("linear", {"ease_penalty": -1}, r"\[train.linear\].*ease_penalty must be above 0"),
        ("item-knn", {"k": 0}, r"\[train.item-knn\].*k of at least 1"),
        ("popularity", {"half_life_days": "x"}, r"\[train.popularity\] half_life_days.*float \(or leave it out\)"),
        ("nobody", {}, "no models named 'nobody'"),
    ],
)
def test_refusals_name_the_table_the_field_and_what_is_allowed(name: str, table: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        made(name, **table)


def test_default_settings_are_what_the_model_would_use() -> None:
    assert default_settings("item-knn", {"k": 9}) == {"k": 9, "shrinkage": 10.0, "half_life_days": None}
    assert default_settings("linear", {})["ease_penalty"] == 30.0
    assert default_settings("fusion", {"dropout": 0.4})["dropout"] == 0.4
