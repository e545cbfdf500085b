"""Fusion: conformance, cold products through content, explanations, saving, resuming."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from shoplens.domain.dataset import Histories, Interactions, Modality, Profiles, TrainingData
from shoplens.domain.vocabulary import Vocabulary
from shoplens.errors import BundleError, ConfigurationError, InputError
from shoplens.models.base import Recommender
from shoplens.models.fusion import Fusion, FusionConfig
from shoplens.models.fusion.optimiser import low_precision
from shoplens.registry import find
from shoplens.testing.recommenders import GROUPS, NEW, check_recommender, planted_data

SMALL = FusionConfig(
    embedding_size=16, hidden_size=16, content_rank=8, epochs=6, batch_size=32, learning_rate=1e-2, device="cpu"
)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Networks this small lose time to a second thread."""
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def data() -> TrainingData:
    return planted_data(seed=3)


@pytest.fixture(scope="module")
def fitted(data: TrainingData) -> Fusion:
    torch.set_num_threads(1)
    return Fusion(SMALL, epochs=20).fit(data)


def nobody(n: int = 1) -> Histories:
    empty = np.zeros(0, np.float32)
    return Histories(np.zeros(n + 1, np.int64), np.zeros(0, np.int32), empty, empty)


def cold_rank(model: Fusion, data: TrainingData) -> float:
    """How often a new product of a person's own group stands above one of another group; chance is one half."""
    scores = model.score(data.interactions.histories())
    new = np.arange(len(data.interactions.items) - NEW, len(data.interactions.items))
    own = (new[None, :] % GROUPS) == (np.arange(len(scores))[:, None] % GROUPS)
    wins = []
    for row in range(len(scores)):
        good, bad = scores[row, new[own[row]]], scores[row, new[~own[row]]]
        wins.append((good[:, None] > bad[None, :]).mean() + 0.5 * (good[:, None] == bad[None, :]).mean())
    return float(np.mean(wins))


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"similarity": "cosine", "temperature": 0.1, "fusion": "sigmoid"},
        {"loss": "bce", "fusion": "concat", "order": "none"},
        {"full_softmax": 1, "negatives": 16, "id_start": "random", "heads": 1},
    ],
)
def test_conforms(settings: dict[str, Any], tmp_path: Path) -> None:
    check_recommender(lambda: Fusion(SMALL, **settings), tmp_path)


def test_is_registered_and_a_recommender() -> None:
    assert find("models", "fusion") is Fusion
    assert isinstance(Fusion(SMALL), Recommender)


def test_new_products_are_reached_through_content_and_only_through_it(fitted: Fusion, data: TrainingData) -> None:
    assert cold_rank(fitted, data) > 0.85
    without = Fusion(SMALL, epochs=20).fit(data.without("text"))
    assert cold_rank(without, data) == pytest.approx(0.5)
    scores = without.score(data.interactions.histories())
    assert not without.scorable[-NEW:].any()
    assert (scores[:, ~without.scorable].max(axis=1) < scores[:, without.scorable].min(axis=1)).all()
    assert fitted.scorable[-NEW:].all()


def test_products_after_training_get_the_vector_that_training_would_have_given(
    fitted: Fusion, data: TrainingData
) -> None:
    text = data.modalities[0]
    new = Modality("text", text.values[-NEW:], text.present[-NEW:])
    np.testing.assert_allclose(fitted.encode_items((new,)), fitted.item_vectors[-NEW:], atol=1e-3)
    unknown = Modality("smell", np.ones((2, 3), np.float32), np.ones(2, np.bool_))
    assert not fitted.encode_items((unknown,))[:, :-1].any()
    wrong = Modality("text", np.ones((2, 3), np.float32), np.ones(2, np.bool_))
    with pytest.raises(InputError, match="same encoder"):
        fitted.encode_items((wrong,))


def test_vectors_give_the_scores(fitted: Fusion, data: TrainingData) -> None:
    histories = data.interactions.histories()
    product = fitted.vector_for(histories) @ fitted.item_vectors.T
    np.testing.assert_allclose(product, fitted.score(histories), atol=1e-4)


def test_shares_say_what_a_product_consists_of(fitted: Fusion, data: TrainingData) -> None:
    shares = fitted.modality_shares([0, 1, len(data.interactions.items) - 1])
    assert list(shares) == ["id", "text"]
    np.testing.assert_allclose(shares["id"] + shares["text"], 1, atol=1e-6)
    assert shares["text"][0] == 0  # product 0 has no text
    assert 0 < shares["text"][1] < 1
    assert shares["id"][2] == 0  # nobody bought the last one


def test_contributions_name_what_speaks_for_a_product(fitted: Fusion, data: TrainingData) -> None:
    one = data.interactions.histories().take(1, 2)
    parts = fitted.contributions(one, np.arange(20))
    total = np.abs(parts["id"]) + np.abs(parts["text"])
    np.testing.assert_allclose(total, 1, atol=1e-5)
    assert parts["text"][0] == 0
    with pytest.raises(InputError, match="one person"):
        fitted.contributions(data.interactions.histories(), [0])


def test_learning_is_recorded_and_reported(data: TrainingData) -> None:
    seen: list[tuple[int, int, dict[str, float]]] = []
    model = Fusion(SMALL, progress=lambda epoch, epochs, info: seen.append((epoch, epochs, info))).fit(data)
    assert [epoch for epoch, _, _ in seen] == list(range(1, len(model.history) + 1))
    assert [info for _, _, info in seen] == model.history
    assert set(model.history[0]) == {"epoch", "loss", "valid_ndcg", "seconds"}
    assert model.history[-1]["loss"] < model.history[0]["loss"]


def test_learning_stops_when_nothing_gets_better(data: TrainingData) -> None:
    model = Fusion(SMALL, history="mlp", epochs=60, patience=2, learning_rate=0.05).fit(data)
    assert len(model.history) < 60
    best = int(np.argmax([entry["valid_ndcg"] for entry in model.history]))
    assert len(model.history) == best + 3


class KilledError(Exception):
    """Stands for a kill between two epochs."""


def test_a_killed_fit_goes_on_to_the_same_weights(data: TrainingData, tmp_path: Path) -> None:
    checkpoint = tmp_path / "runs" / "fusion.ckpt"

    def kill(epoch: int, epochs: int, info: dict[str, float]) -> None:
        if epoch == 3:
            raise KilledError

    whole = Fusion(SMALL).fit(data)
    with pytest.raises(KilledError):
        Fusion(SMALL, progress=kill, checkpoint=checkpoint).fit(data)
    assert checkpoint.exists()
    epochs: list[int] = []
    resumed = Fusion(SMALL, progress=lambda epoch, n, info: epochs.append(epoch), checkpoint=checkpoint).fit(data)
    assert epochs[0] == 4
    assert [entry["loss"] for entry in resumed.history] == [entry["loss"] for entry in whole.history]
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[name]), name
    assert not checkpoint.exists()  # the next fit starts afresh


def test_a_checkpoint_of_other_data_is_not_used(data: TrainingData, tmp_path: Path) -> None:
    checkpoint = tmp_path / "fusion.ckpt"

    def kill(epoch: int, epochs: int, info: dict[str, float]) -> None:
        raise KilledError

    with pytest.raises(KilledError):
        Fusion(SMALL, progress=kill, checkpoint=checkpoint).fit(planted_data(seed=9))
    epochs: list[int] = []
    Fusion(SMALL, progress=lambda epoch, n, info: epochs.append(epoch), checkpoint=checkpoint).fit(data)
    assert epochs[0] == 1


def test_saved_files_hold_the_same_weights(fitted: Fusion, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    fitted.save(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        "config.json",
        "model.pt",
        "model.safetensors",
        "served.safetensors",
    }
    pickled = torch.load(tmp_path / "model.pt", weights_only=True)
    safe = load_file(tmp_path / "model.safetensors")
    assert pickled.keys() == safe.keys()
    assert all(torch.equal(pickled[name], safe[name]) for name in safe)
    again = Fusion.load(tmp_path)
    assert again.config == fitted.config
    assert again.history == fitted.history
    np.testing.assert_array_equal(again.item_vectors, fitted.item_vectors)


@pytest.mark.parametrize("file", ["config.json", "model.safetensors", "served.safetensors"])
def test_a_damaged_folder_is_refused(fitted: Fusion, tmp_path: Path, file: str) -> None:
    fitted.save(tmp_path)
    content = (tmp_path / file).read_bytes()
    (tmp_path / file).write_bytes(content[: len(content) // 2])
    with pytest.raises(BundleError, match="whole fusion network"):
        Fusion.load(tmp_path)
    (tmp_path / file).unlink()
    with pytest.raises(BundleError):
        Fusion.load(tmp_path)


def test_another_format_is_refused(fitted: Fusion, tmp_path: Path) -> None:
    fitted.save(tmp_path)
    described = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**described, "format": 99}))
    with pytest.raises(BundleError, match="format 99"):
        Fusion.load(tmp_path)


def profiled(data: TrainingData) -> TrainingData:
    """People's profiles name the group they like."""
    people = len(data.interactions.users)
    group = (np.arange(people) % GROUPS + 1).astype(np.int32)
    age = np.where(np.arange(people) % 3 == 0, np.nan, 30.0 + np.arange(people)).astype(np.float32)
    profiles = Profiles({"club": group}, {"club": ["", "a", "b", "c", "d"]}, {"age": age})
    return TrainingData(data.interactions, data.modalities, profiles)


def test_a_profile_speaks_for_people_without_history(data: TrainingData, tmp_path: Path) -> None:
    model = Fusion(SMALL, epochs=30, patience=30, learning_rate=0.02).fit(profiled(data))
    empty = np.zeros(0, np.float32)
    four = Histories(np.zeros(6, np.int64), np.zeros(0, np.int32), empty, empty, np.array([0, 1, 2, 3, -1], np.int32))
    scores = model.score(four)
    items = np.arange(1, len(data.interactions.items) - NEW)
    for group in range(GROUPS):
        own = scores[group, items[items % GROUPS == group]].mean()
        assert own > scores[group, items[items % GROUPS != group]].mean()
    np.testing.assert_allclose(scores[4], model.score(nobody())[0], atol=1e-5)  # nothing known
    model.save(tmp_path)
    np.testing.assert_array_equal(Fusion.load(tmp_path).score(four), scores)


def test_people_beyond_the_trained_profiles_count_as_unknown(data: TrainingData) -> None:
    model = Fusion(SMALL, epochs=1).fit(profiled(data))
    one = Histories.of_one(np.array([3], np.int32), np.ones(1, np.float32), np.zeros(1, np.float32), 10_000)
    other = Histories.of_one(np.array([3], np.int32), np.ones(1, np.float32), np.zeros(1, np.float32), -1)
    np.testing.assert_array_equal(model.score(one), model.score(other))


def test_a_modality_of_few_products_and_one_of_none(data: TrainingData) -> None:
    n = len(data.interactions.items)
    random = np.random.default_rng(0)
    few = np.zeros(n, np.bool_)
    few[[5, 9]] = True
    image = Modality("image", random.normal(size=(n, 40)).astype(np.float32), few)
    sound = Modality("audio", np.zeros((n, 4), np.float32), np.zeros(n, np.bool_))
    model = Fusion(SMALL, epochs=2).fit(TrainingData(data.interactions, (*data.modalities, image, sound)))
    assert model.modality_names == ("id", "text", "image")
    shares = model.modality_shares(np.arange(n))
    assert (shares["image"] > 0).tolist() == few.tolist()
    assert np.isfinite(model.score(data.interactions.histories())).all()


def test_recency_is_learnt() -> None:
    """Everybody's next product follows from the last one only: product k is followed by k + 1."""
    start = np.random.default_rng(0).integers(0, 20, (400, 3))
    item = np.stack([start, (start + 1) % 20], axis=2).reshape(400, 6).astype(np.int32)
    interactions = Interactions(
        Vocabulary(map(str, range(400))),
        Vocabulary(map(str, range(20))),
        np.repeat(np.arange(400, dtype=np.int32), 6),
        item.ravel(),
        np.ones(2400, np.float32),
        np.tile(np.arange(6, dtype=np.int64), 400),
        timed=False,
    )
    model = Fusion(SMALL, epochs=30, targets=1, patience=30, batch_size=128).fit(TrainingData(interactions))
    assert model.ordered
    asked = [np.array([first, 3, last], np.int32) for first in (8, 14) for last in (10, 16)]
    for one in asked:
        scores = model.score(Histories.of_one(one, np.ones(3, np.float32), np.zeros(3, np.float32)))[0]
        scores[one] = -np.inf
        assert int(scores.argmax()) == (one[-1] + 1) % 20


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"fusion": "mean"}, "softmax, sigmoid, concat"),
        ({"dropout": 1.0}, "dropout"),
        ({"epochs": 0}, "epochs"),
        ({"temperature": 0.0}, "temperature"),
        ({"hidden_share": 1.5}, "hidden_share"),
        ({"colour": 1}, "no setting 'colour'"),
    ],
)
def test_wrong_settings_are_named(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Fusion(**settings)


def test_a_missing_gpu_is_said(data: TrainingData) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(ConfigurationError, match="auto or cpu"):
        Fusion(SMALL, device="cuda").fit(data)


@pytest.mark.parametrize("device", ["cuda:99", "gpu", "tpu9"])
def test_a_device_that_is_not_there_is_said(device: str, data: TrainingData) -> None:
    with pytest.raises(ConfigurationError, match=f"'{device}'.* write auto"):
        Fusion(SMALL, device=device).fit(data)


def test_bfloat16_is_for_those_who_ask() -> None:
    assert not low_precision(SMALL)
    assert low_precision(replace(SMALL, precision="bfloat16"))


def test_asking_before_fitting_is_said() -> None:
    with pytest.raises(ConfigurationError, match="call fit first"):
        Fusion(SMALL).score(nobody())


def test_values_that_are_not_finite_are_refused(data: TrainingData) -> None:
    values: npt.NDArray[np.float32] = data.modalities[0].values.copy()
    values[5, 0] = np.nan
    broken = TrainingData(data.interactions, (Modality("text", values, data.modalities[0].present),))
    with pytest.raises(InputError, match="not finite"):
        Fusion(SMALL).fit(broken)
