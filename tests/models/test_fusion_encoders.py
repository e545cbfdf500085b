"""Fusion: every history encoder with every way to fuse, every loss and optimiser, on lives that follow a chain."""

import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from shoplens.domain.dataset import Histories, Interactions, Modality, Profiles, TrainingData
from shoplens.domain.events import MICROSECONDS_PER_DAY
from shoplens.domain.vocabulary import Vocabulary
from shoplens.errors import ConfigurationError
from shoplens.models.base import Scores
from shoplens.models.fusion import Fusion, FusionConfig
from shoplens.models.fusion.config import CHOICES, RECIPES
from shoplens.models.fusion.optimiser import make_optimiser, rate
from shoplens.models.fusion.packed import Packed
from shoplens.models.fusion.people.recurrent import RecurrentBody
from shoplens.testing.recommenders import GROUPS, check_recommender, planted_data

PEOPLE, ITEMS, NEW, LENGTH = 120, 20, 4, 6
SMALL = FusionConfig(
    embedding_size=16,
    hidden_size=16,
    content_rank=8,
    layers=1,
    epochs=8,
    patience=8,
    batch_size=64,
    batch_tokens=160,
    samples_per_person=2,
    targets=1,
    learning_rate=2e-2,
    dropout=0.1,
    history_dropout=0.1,
    validation_people=20,
    device="cpu",
)
ENCODERS = ("mlp", "gru", "cnn", "transformer")


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Networks this small lose time to a second thread."""
    torch.set_num_threads(1)


@cache
def chain(*, timed: bool = True) -> tuple[TrainingData, np.ndarray[Any, np.dtype[np.int32]]]:
    """Product k is followed by k + 1 (of those that sell), now and then by any; and what each person bought last.

    Two modalities say where in the chain a product stands; the second is known of half the products. The last `NEW`
    have content and no buyers.
    """
    random = np.random.default_rng(0)
    sold = ITEMS - NEW
    item = (random.integers(0, sold, (PEOPLE, 1)) + np.arange(LENGTH)) % sold
    item = np.where(random.random(item.shape) < 0.1, random.integers(0, sold, item.shape), item)
    day = np.cumsum(random.integers(1, 5, item.shape), axis=1)
    interactions = Interactions(
        Vocabulary(map(str, range(PEOPLE))),
        Vocabulary(map(str, range(ITEMS))),
        np.repeat(np.arange(PEOPLE, dtype=np.int32), LENGTH - 1),
        item[:, :-1].ravel().astype(np.int32),
        np.ones(PEOPLE * (LENGTH - 1), np.float32),
        (20_000 + day[:, :-1].ravel()).astype(np.int64) * MICROSECONDS_PER_DAY,
        timed,
    )
    angle = 2 * np.pi * np.arange(ITEMS) / sold
    circle = np.stack([np.cos(angle), np.sin(angle), np.cos(2 * angle), np.sin(2 * angle)], 1).astype(np.float32)
    few = np.arange(ITEMS) % 2 == 1
    modalities = (
        Modality("text", circle, np.ones(ITEMS, np.bool_)),
        Modality("image", circle[:, ::-1] * few[:, None], few),
    )
    people = np.arange(PEOPLE)
    profiles = Profiles(
        {"club": (people % 3).astype(np.int32)},
        {"club": ["", "a", "b"]},
        {"age": np.where(people % 4 == 0, np.nan, people).astype(np.float32)},
    )
    return TrainingData(interactions, modalities, profiles), item[:, -1].astype(np.int32)


def hits(scores: Scores, wanted: np.ndarray[Any, np.dtype[np.int32]]) -> float:
    """Share of people whose next product is among the first three of all that they do not have."""
    scores = scores.copy()
    data = chain()[0].interactions
    bought = data.item != np.repeat(wanted, LENGTH - 1)
    scores[data.user[bought], data.item[bought]] = -np.inf
    top = np.argsort(-scores, axis=1)[:, :3]
    return float((top == wanted[:, None]).any(1).mean())


def popularity() -> float:
    data, wanted = chain()
    count = np.bincount(data.interactions.item, minlength=ITEMS).astype(np.float32)
    return hits(np.tile(count, (PEOPLE, 1)), wanted)


@pytest.mark.parametrize("history", ENCODERS)
@pytest.mark.parametrize("fusion", CHOICES["fusion"])
def test_every_encoder_with_every_fusion(history: str, fusion: str, tmp_path: Path) -> None:
    data, wanted = chain()
    model = Fusion(SMALL, history=history, fusion=fusion).fit(data)
    histories = data.interactions.histories()
    scores = model.score(histories)
    assert model.used.history == history
    assert hits(scores, wanted) > popularity() + 0.3
    np.testing.assert_allclose(model.vector_for(histories) @ model.item_vectors.T, scores, atol=1e-4)
    shares = model.modality_shares(np.arange(ITEMS))
    assert list(shares) == ["id", "text", "image"]
    np.testing.assert_allclose(np.sum(list(shares.values()), axis=0), 1, atol=1e-5)
    assert not shares["image"][::2].any()
    assert not shares["id"][-NEW:].any()
    parts = model.contributions(histories.take(3, 4), np.arange(ITEMS))
    np.testing.assert_allclose(np.sum([np.abs(part) for part in parts.values()], axis=0), 1, atol=1e-4)
    text, image = data.modalities
    new = (
        Modality("text", text.values[-NEW:], text.present[-NEW:]),
        Modality("image", image.values[-NEW:], image.present[-NEW:]),
    )
    np.testing.assert_allclose(model.encode_items(new), model.item_vectors[-NEW:], atol=1e-3)
    model.save(tmp_path)
    again = Fusion.load(tmp_path)
    np.testing.assert_array_equal(again.score(histories), scores)
    np.testing.assert_array_equal(again.encode_items(new), model.encode_items(new))


@pytest.mark.parametrize("history", ["mlp", "transformer"])
@pytest.mark.parametrize("loss", ["bce", "bpr", "mse"])
def test_every_loss_learns(history: str, loss: str) -> None:
    data, wanted = chain()
    model = Fusion(SMALL, history=history, loss=loss, epochs=12).fit(data)
    assert hits(model.score(data.interactions.histories()), wanted) > popularity() + 0.2


@pytest.mark.parametrize(
    "settings",
    [
        {"optimiser": "adam", "schedule": "linear"},
        {"optimiser": "sgd", "schedule": "constant", "learning_rate": 0.5, "weight_decay": 1e-4, "epochs": 15},
        {"full_softmax": 1, "negatives": 8, "similarity": "cosine", "temperature": 0.1},
        {"precision": "bfloat16"},
        {"precision": "bfloat16", "history": "gru"},
        {"precision": "bfloat16", "history": "graph", "epochs": 40, "patience": 40},
        {"precision": "bfloat16", "history": "cnn", "fusion": "attention"},
        {"max_events": 3},
    ],
)
def test_other_settings_learn_too(settings: dict[str, Any]) -> None:
    data, wanted = chain()
    model = Fusion(SMALL, **{"history": "transformer", **settings}).fit(data)
    assert hits(model.score(data.interactions.histories()), wanted) > popularity() + 0.2


@pytest.mark.parametrize("history", ["gru", "cnn", "transformer"])
def test_conforms(history: str, tmp_path: Path) -> None:
    check_recommender(lambda: Fusion(SMALL, history=history, epochs=5, validation_people=8), tmp_path)


@pytest.mark.parametrize("history", ENCODERS[1:])  # of mlp, test_fusion tells
def test_the_last_event_turns_the_answer(history: str) -> None:
    data, _ = chain()
    model = Fusion(SMALL, history=history).fit(data)
    first = []
    for last in (3, 7, 11):
        item = np.array([1, 14, last], np.int32)
        scores = model.score(Histories.of_one(item, np.ones(3, np.float32), np.array([9, 6, 2], np.float32)))[0]
        scores[item] = -np.inf
        first.append(int(scores[: ITEMS - NEW].argmax()))
    assert sum(one == last + 1 for one, last in zip(first, (3, 7, 11), strict=True)) >= 2


@pytest.mark.parametrize("history", ["mlp", "cnn", "transformer"])
def test_the_profile_and_the_moment_are_read(history: str) -> None:
    """Clubs like different groups, and what is wanted depends on the hour; both hold without any history."""
    planted = planted_data(seed=3)
    log = planted.interactions
    people = len(log.users)
    profiles = Profiles(
        {"club": (np.arange(people) % GROUPS + 1).astype(np.int32)}, {"club": ["", "a", "b", "c", "d"]}, {}
    )
    night = (log.item // GROUPS) % 2  # odd products are bought at 22 o'clock, even ones at 9
    moment = log.timestamp // MICROSECONDS_PER_DAY * MICROSECONDS_PER_DAY
    hour = np.where(night == 1, 22, 9) * (MICROSECONDS_PER_DAY // 24) + log.timestamp % 1_000_000
    data = TrainingData(replace(log, timestamp=moment + hour), planted.modalities, profiles)
    model = Fusion(SMALL, history=history, epochs=14, patience=14, samples_per_person=8).fit(data)

    def ask(club: int, at: int) -> Scores:
        now = 20_050 * MICROSECONDS_PER_DAY + at * (MICROSECONDS_PER_DAY // 24)
        empty = np.zeros(0, np.float32)
        scores: Scores = model.score(Histories.of_one(np.zeros(0, np.int32), empty, empty, club, now))[0]
        return scores

    items = np.arange(1, len(log.items) - 8)
    own = [ask(club, 9)[items[items % GROUPS == club]].mean() - ask(club, 9)[items].mean() for club in range(GROUPS)]
    assert min(own) > 0
    change = (ask(0, 22) - ask(0, 9))[items]
    assert change[(items // GROUPS) % 2 == 1].mean() > change[(items // GROUPS) % 2 == 0].mean()


class KilledError(Exception):
    """Stands for a kill between two epochs."""


@pytest.mark.parametrize("history", ["gru", "transformer"])
def test_a_killed_fit_goes_on_to_the_same_weights(history: str, tmp_path: Path) -> None:
    data, _ = chain()
    checkpoint = tmp_path / "fusion.ckpt"

    def kill(epoch: int, epochs: int, info: dict[str, float]) -> None:
        if epoch == 2:
            raise KilledError

    config = replace(SMALL, history=history, epochs=5)
    whole = Fusion(config).fit(data)
    with pytest.raises(KilledError):
        Fusion(config, progress=kill, checkpoint=checkpoint).fit(data)
    epochs: list[int] = []
    resumed = Fusion(config, progress=lambda epoch, n, info: epochs.append(epoch), checkpoint=checkpoint).fit(data)
    assert epochs[0] == 3
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[name]), name


def test_sequences_are_not_stopped_by_one_lucky_epoch() -> None:
    data, _ = chain()
    model = Fusion(SMALL, history="transformer", epochs=40, patience=3, learning_rate=0.05).fit(data)
    ndcg = [entry["valid_ndcg"] for entry in model.history]
    smooth = [float(np.mean(ndcg[max(0, place - 2) : place + 1])) for place in range(len(ndcg))]
    assert len(ndcg) < 40
    assert len(ndcg) - 1 - int(np.argmax(smooth)) == 3


def test_auto_reads_sequences_where_order_means_something() -> None:
    data, _ = chain()
    quick = replace(SMALL, epochs=1)
    assert Fusion(quick).fit(data).used.history == "transformer"
    assert Fusion(quick).fit(chain(timed=False)[0]).used.history == "transformer"
    assert Fusion(quick, order="none").fit(data).used.history == "graph"
    log = data.interactions
    week = 7 * MICROSECONDS_PER_DAY
    baskets = replace(log, timestamp=log.timestamp // (8 * week) * (8 * week))
    assert Fusion(quick).fit(replace(data, interactions=baskets)).used.history == "mlp"


def test_settings_left_open_follow_the_encoder() -> None:
    assert len({tuple(sorted(recipe)) for recipe in RECIPES.values()}) == 1  # none leaves a setting open
    pooled, sequential = FusionConfig().settled("mlp"), FusionConfig().settled("transformer")
    assert pooled.epochs < sequential.epochs
    assert FusionConfig(epochs=3).settled("transformer").epochs == 3
    assert -1 not in pooled.to_dict().values()
    assert -1 not in sequential.to_dict().values()
    assert FusionConfig(history="transformer").settled("transformer") == sequential
    with pytest.raises(ConfigurationError, match="heads"):
        FusionConfig(history="transformer", embedding_size=15)


@pytest.mark.parametrize("schedule", CHOICES["schedule"])
def test_the_rate_rises_and_falls(schedule: str) -> None:
    config = replace(SMALL, schedule=schedule, warmup=0.2).settled("mlp")
    rates = [rate(config, step, 100) for step in range(100)]
    assert max(rates) == 1
    assert (np.diff(rates[:20]) > 0).all()
    assert (rates[-1] == 1) if schedule == "constant" else (rates[-1] < 0.02 and (np.diff(rates[21:]) < 0).all())


def test_only_matrices_are_decayed() -> None:
    layer = torch.nn.Linear(3, 2)
    for kind in CHOICES["optimiser"]:
        groups = make_optimiser(layer.parameters(), replace(SMALL, optimiser=kind).settled("mlp")).param_groups
        assert [group["weight_decay"] for group in groups] == [0.01, 0.0]
        assert [one.ndim for group in groups for one in group["params"]] == [2, 1]


def test_a_gru_keeps_to_float32_under_autocast() -> None:
    """A GPU would make float16 of it, whatever autocast was told, and its small gradients vanish there."""
    body = RecurrentBody(SMALL.settled("gru"))
    kinds = []
    body.memory[0].register_forward_hook(lambda _module, given, made: kinds.append((given[0].dtype, made[0].dtype)))
    packed = Packed(np.array([0, 3]), *(np.zeros(3, np.int64) for _ in range(5)))  # type: ignore[arg-type]
    with torch.autocast("cpu", torch.bfloat16):
        body(torch.zeros(3, SMALL.settled("gru").embedding_size, dtype=torch.bfloat16), packed)
    assert kinds == [(torch.float32, torch.float32)]


def test_a_gru_of_before_can_be_read(tmp_path: Path) -> None:
    """Its layers were one module, with other names for the same weights."""
    data, _ = chain()
    model = Fusion(SMALL, history="gru", layers=2, epochs=1).fit(data)
    model.save(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    old = {re.sub(r"memory\.(\d)\.(\w+)_l0$", r"memory.\2_l\1", name): value for name, value in weights.items()}
    assert "people.body.memory.weight_ih_l1" in old
    save_file(old, tmp_path / "model.safetensors")
    histories = data.interactions.histories()
    np.testing.assert_array_equal(Fusion.load(tmp_path).score(histories), model.score(histories))
