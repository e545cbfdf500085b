"""The search: starts from the settings in force, goes on after a stop, shares a study, says what a gain is worth."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from learning_cases import random_log

from shoplens.domain.dataset import Interactions, TrainingData
from shoplens.domain.events import EVENT_WEIGHTS, EventType, EventWeights
from shoplens.errors import ConfigurationError, InputError
from shoplens.learning.holdout import Holdout
from shoplens.learning.split import Split, temporal_split
from shoplens.learning.tune import Setup, Standing, Tuned, tune
from shoplens.learning.tune.findings import fresh_half
from shoplens.learning.tune.setup import ask
from shoplens.models.search_space import SPACES

SMALL = {"fusion": {"epochs": 2, "embedding_size": 8, "hidden_size": 8, "batch_size": 64}}


@pytest.fixture(scope="module")
def split() -> Split:
    return temporal_split(random_log(), 20, 10)


def search(split: Split, folder: Path, **changes: Any) -> Tuned:
    given: dict[str, Any] = {"models": ("item-knn",), "trials": 4, "folder": folder, **changes}
    return tune(TrainingData(split.train), split.valid_holdout(repeat=True), **given)


def test_the_best_is_never_worse_than_what_is_in_force_and_everything_is_written(split: Split, tmp_path: Path) -> None:
    told: list[Standing] = []
    found = search(split, tmp_path / "tune-a", trials=10, progress=told.append)
    assert found.value >= found.default
    assert found.trials == 10 == told[-1].finished
    assert told[-1].best == found.value
    assert told[-1].default == found.default
    assert found.fresh is not None
    assert found.gain.mean >= 0
    assert sum(found.importance.values()) == pytest.approx(1)
    for name in ("history.png", "importance.png"):
        assert (found.folder / name).stat().st_size > 5_000
    trials = json.loads((found.folder / "trials.json").read_text())
    assert trials[0]["in force"]
    assert trials[0]["ndcg@20"] == found.default
    assert max(one["ndcg@20"] for one in trials) == found.value
    assert len((found.folder / "trials.csv").read_text().splitlines()) == 11
    written = tomllib.loads((found.folder / "best.toml").read_text())["train"]
    assert written == {name: one for name, one in found.setup.as_train_table().items() if one is not None}
    assert json.loads((found.folder / "tune.json").read_text())["value"] == found.value


def test_a_search_that_was_stopped_goes_on_and_does_not_repeat_itself(split: Split, tmp_path: Path) -> None:
    def stop(standing: Standing) -> None:
        if standing.finished == 3:
            raise KeyboardInterrupt

    first = search(split, tmp_path / "tune-a", trials=6, progress=stop)
    assert first.interrupted
    assert first.trials == 3
    second = search(split, tmp_path / "tune-a", trials=6)
    assert not second.interrupted
    assert second.trials == 6
    assert second.study == first.study
    assert second.default == first.default
    again = search(split, tmp_path / "tune-a", trials=6)  # enough already
    assert again.trials == 6
    assert again.value == second.value


def test_a_search_that_was_killed_goes_on(split: Split, tmp_path: Path) -> None:
    script = Path(__file__).parent / "tune_until_killed.py"
    ended = subprocess.run([sys.executable, script, tmp_path / "tune-a"], check=False, timeout=120)
    assert ended.returncode == -signal.SIGKILL
    assert not (tmp_path / "tune-a" / "best.toml").exists()
    found = search(split, tmp_path / "tune-a", trials=4)
    assert found.trials == 4
    rows = json.loads((found.folder / "trials.json").read_text())
    assert [one["trial"] for one in rows] == [0, 1, 3, 4]  # the third was under way; it does not count
    assert rows[0]["ndcg@20"] == found.default


def test_same_seed_same_search(split: Split, tmp_path: Path) -> None:
    one, other = (search(split, tmp_path / name / "tune-a", seed=3) for name in ("one", "other"))
    assert one.value == other.value
    assert one.setup == other.setup


def test_other_settings_in_force_make_another_study(split: Split, tmp_path: Path) -> None:
    one = search(split, tmp_path / "tune-a", trials=1)
    other = search(split, tmp_path / "tune-a", trials=1, setup=Setup({"item-knn": {"k": 7}}))
    assert one.study != other.study
    assert other.setup.tables == {"item-knn": {"k": 7}}


@pytest.mark.slow
def test_workers_share_one_study(split: Split, tmp_path: Path) -> None:
    found = search(split, tmp_path / "tune-a", trials=6, jobs=2)
    assert found.trials == 6
    assert [one["trial"] for one in json.loads((found.folder / "trials.json").read_text())] == list(range(6))
    assert found.value >= found.default


@dataclass(frozen=True)
class Refusing:
    """A weighing that refuses whatever differs from the defaults, as a failing trial does."""

    split: Split

    def __call__(self, weights: EventWeights) -> tuple[Interactions, Holdout]:
        raise InputError("not today")

    def kinds(self) -> Mapping[EventType, int]:
        return {EventType.VIEW: 50, EventType.PURCHASE: 50}


def test_a_refusal_in_a_worker_is_raised_here(split: Split, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not today"):
        search(split, tmp_path / "tune-a", trials=9, jobs=2, weigh=Refusing(split), search=("event_weights",))


@pytest.mark.slow
def test_curves_below_the_median_are_stopped(split: Split, tmp_path: Path) -> None:
    tables = {"fusion": {**SMALL["fusion"], "epochs": 6, "patience": 6}}
    found = search(split, tmp_path / "t", models=("fusion",), setup=Setup(tables), trials=10, search=("fusion",))
    assert found.trials == 10
    assert 0 < found.pruned < 10


def test_the_blend_is_what_several_models_are_judged_by(split: Split, tmp_path: Path) -> None:
    found = search(split, tmp_path / "t", models=("popularity", "item-knn"), trials=2)
    assert found.trials == 2
    names = set(json.loads((found.folder / "trials.json").read_text())[0])
    assert {"popularity.half_life_days", "item-knn.k", "half_life_days"} <= names


def test_minutes_end_a_search(split: Split, tmp_path: Path) -> None:
    found = search(split, tmp_path / "t", trials=None, minutes=0.02)
    assert found.trials >= 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"trials": None}, "say when to stop"),
        ({"jobs": 0}, "at least 1"),
        ({"search": ("linear",)}, "'linear' cannot be searched here; what can: item-knn, half_life_days"),
        ({"setup": Setup({"item-knn": {"q": 1}})}, r"\[train.item-knn\] has no setting 'q'"),
        ({"storage": "mysql://x/y"}, "mysql"),
        ({"storage": "rubbish"}, "no database URL"),
    ],
)
def test_refusals_say_what_to_do(split: Split, tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        search(split, tmp_path / "t", **changes)


def test_an_empty_validation_is_refused(split: Split, tmp_path: Path) -> None:
    nobody = split.valid_holdout().take(np.zeros(0, np.int64))
    with pytest.raises(InputError, match="nobody"):
        tune(TrainingData(split.train), nobody, folder=tmp_path)


def test_half_lives_are_asked_only_where_there_is_time(split: Split) -> None:
    timeless = replace(split.train, timed=False)
    assert not [one for one in ask(Setup(), ("item-knn",), timeless, None) if one.name == "half_life_days"]
    asked = {one.name: one.values for one in ask(Setup(half_life_days=7.0), ("item-knn",), split.train, None)}
    assert asked["half_life_days"][0] == 7.0


def test_weights_keep_their_sign_and_the_unit_is_not_asked(split: Split) -> None:
    questions = ask(Setup(), ("item-knn",), split.train, Refusing(split), ("event_weights",))
    assert [one.name for one in questions] == ["event_weights.view"]
    assert questions[0].values[0] == EVENT_WEIGHTS[EventType.VIEW]
    assert all(float(value or 0) > 0 for value in questions[0].values)


def test_answers_become_tables_and_defaults_are_not_written() -> None:
    base = Setup({"linear": {"item_power": 0.6}})
    answered = base.with_answers({"linear.item_power": 0.4, "linear.user_power": 0.5, "half_life_days": 90.0})
    assert answered.tables == {"linear": {"item_power": 0.4}}  # 0.4 is the default, but the file says otherwise
    assert answered.as_train_table() == {"half_life_days": 90.0, "linear": {"item_power": 0.4}}


def test_the_spaces_name_settings_that_exist() -> None:
    for model, space in SPACES.items():
        for name, values in space.items():
            for value in values:
                assert Setup().with_answers({f"{model}.{name}": value}) is not None


@settings(deadline=None, max_examples=25)
@given(st.integers(2, 40), st.integers(1, 8), st.integers(0, 2**20))
def test_a_choice_among_equals_gains_nothing_on_fresh_people(people: int, trials: int, seed: int) -> None:
    default = np.random.default_rng(seed).random(people)
    found = fresh_half([default] * trials, default, seed=seed)
    assert found is not None
    assert found.mean == found.low == found.high == 0


def test_luck_is_seen_through_on_fresh_people() -> None:
    random = np.random.default_rng(0)
    default = np.full(400, 0.5)
    trials = [default, *(random.random(400) for _ in range(60))]
    found = fresh_half(trials, default, seed=0)
    best = max(float((one - default).mean()) for one in trials)
    assert found is not None
    assert best > 0.02  # what choosing and reporting on the same people would claim
    assert found.mean < best / 2
