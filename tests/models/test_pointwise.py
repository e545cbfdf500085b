"""The pointwise head on the fusion body: it learns, its heads are exchangeable, no row sees its own label."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from shoplens.domain.dataset import Interactions, Modality, TrainingData
from shoplens.domain.vocabulary import Vocabulary
from shoplens.errors import BundleError, ConfigurationError, InputError
from shoplens.models.fusion import Fusion
from shoplens.models.fusion.config import FusionConfig
from shoplens.models.fusion.heads import HEADS
from shoplens.models.fusion.network import ProfileShape
from shoplens.models.fusion.pointwise import Pointwise
from shoplens.models.fusion.pointwise_config import PointwiseConfig, small_body
from shoplens.models.fusion.pointwise_rows import Fields, Past, Rows

USERS, ITEMS, N = 60, 30, 1_500
DAY = 86_400_000_000
QUICK: dict[str, Any] = {"epochs": 4, "batch_size": 64, "learning_rate": 0.01}


def _made(*, timed: bool, seed: int = 0) -> tuple[Rows, Modality]:
    random = np.random.default_rng(seed)
    taste, looks = random.standard_normal((USERS, 3)), random.standard_normal((ITEMS, 3))
    user, item = random.integers(0, USERS, N), random.integers(0, ITEMS, N)
    chance = 1 / (1 + np.exp(-2 * (taste[user] * looks[item]).sum(1)))
    time = np.sort(random.integers(0, 400, N)) * DAY
    profile = Fields(np.zeros((N, 0), np.int64), taste[user].astype(np.float32))
    label = (random.random(N) < chance).astype(np.float32)
    rows = Rows(user, item, label, time if timed else time[:0], profile)
    return rows, Modality("attributes", looks.astype(np.float32), np.ones(ITEMS, np.bool_))


def _fit(rows: Rows, modality: Modality, **settings: Any) -> Pointwise:
    history = settings.pop("history_encoder", "mlp")
    model = Pointwise(PointwiseConfig(body=replace(small_body(), embedding_size=16, history=history)), **settings)
    shape = ProfileShape((), 3)
    valid = rows.take(slice(1_000, 1_250))
    known = {"n_users": USERS, "n_items": ITEMS, "modalities": (modality,), "profile": shape}
    return model.fit(rows.take(slice(0, 1_000)), valid, **known)  # type: ignore[arg-type]


@pytest.mark.parametrize(("loss", "timed"), [("bce", True), ("bce", False), ("mse", False), ("bpr", True)])
def test_it_learns_probabilities(loss: str, timed: bool) -> None:
    rows, modality = _made(timed=timed)
    model = _fit(rows, modality, loss=loss, **QUICK)
    test = rows.take(slice(1_250, N))
    answer = model.predict(test)
    assert answer.dtype == np.float32
    assert ((answer >= 0) & (answer <= 1)).all()
    assert roc_auc_score(test.label > 0.5, answer) > 0.75
    assert abs(float(answer.mean()) - float(test.label.mean())) < 0.12  # also BPR: it is calibrated


@pytest.mark.parametrize("encoder", ["gru", "cnn", "transformer"])
def test_every_history_encoder_carries_the_head(encoder: str) -> None:
    rows, modality = _made(timed=True)
    model = _fit(rows, modality, history_encoder=encoder, epochs=1, batch_size=128, history=6)
    assert np.isfinite(model.predict(rows)).all()


@pytest.mark.parametrize("optimiser", ["adam", "adamw", "sgd"])
def test_every_optimiser_lowers_the_loss(optimiser: str) -> None:
    rows, modality = _made(timed=False)
    model = _fit(rows, modality, optimiser=optimiser, epochs=3, batch_size=64)
    assert model.history[-1]["loss"] < model.history[0]["loss"]


def test_both_heads_sit_on_the_same_body() -> None:
    rows, modality = _made(timed=False)
    one, other = (_fit(rows, modality, head=head, epochs=1, batch_size=256) for head in HEADS)
    weights = one.judge.network.body.state_dict()
    other.judge.network.body.load_state_dict(weights)  # same names, same shapes
    assert (other.judge.all_item_vectors() == one.judge.all_item_vectors()).all()


def test_a_body_trained_for_retrieval_goes_on_under_the_pointwise_head() -> None:
    rows, modality = _made(timed=False)
    train = rows.take(slice(0, 1_000))
    liked = train.label > 0.5
    interactions = Interactions(
        Vocabulary(map(str, range(USERS))),
        Vocabulary(map(str, range(ITEMS))),
        train.user[liked].astype(np.int32),
        train.item[liked].astype(np.int32),
        train.label[liked],
        np.arange(int(liked.sum())),
        timed=False,
    )
    settings = {"embedding_size": 16, "hidden_size": 16, "epochs": 1, "validation_people": 0, "history": "mlp"}
    fusion = Fusion(FusionConfig(**settings)).fit(TrainingData(interactions, (modality,)))  # type: ignore[arg-type]
    start = {name: value.clone() for name, value in fusion.network.state_dict().items()}
    model = Pointwise(**QUICK).fit(train, n_users=USERS, n_items=ITEMS, modalities=(modality,), body=fusion)
    learnt = model.judge.network.body.state_dict()
    assert set(learnt) == set(start)
    assert any(not torch.equal(learnt[name], start[name]) for name in start)
    fusion.network.load_state_dict(learnt)  # and back again
    kept = {name: value.clone() for name, value in fusion.network.state_dict().items()}
    again = Pointwise(head="dot", epochs=1, batch_size=256, learning_rate=1e-12, weight_decay=0.0)
    again.fit(train, n_users=USERS, n_items=ITEMS, modalities=(modality,), body=fusion)
    for name, value in again.judge.network.body.state_dict().items():
        assert torch.allclose(value, kept[name], atol=1e-6)
    with pytest.raises(InputError, match="other modalities"):
        Pointwise().fit(train, n_users=USERS, n_items=ITEMS, body=fusion)


def test_the_pointwise_head_starts_as_the_dot_product() -> None:
    random = torch.Generator().manual_seed(0)
    person, product = (torch.randn(5, 9, generator=random) for _ in range(2))
    heads = [one(8, ProfileShape(), hidden_size=8, dropout=0.0) for one in HEADS.values()]
    nothing = torch.zeros(5, 0)
    first, second = (one(person, product, torch.tensor(2.0), nothing.long(), nothing) for one in heads)
    assert torch.allclose(first, second)


def test_a_killed_fit_goes_on_exactly(tmp_path: Path) -> None:
    rows, modality = _made(timed=True)
    whole = _fit(rows, modality, epochs=3, batch_size=128)

    def stop(epoch: int, _epochs: int, _entry: dict[str, float]) -> None:
        if epoch == 2:
            raise KeyboardInterrupt

    file = tmp_path / "fit.checkpoint"
    with pytest.raises(KeyboardInterrupt):
        _fit(rows, modality, epochs=3, batch_size=128, checkpoint=file, progress=stop)
    assert file.exists()
    resumed = _fit(rows, modality, epochs=3, batch_size=128, checkpoint=file)
    assert not file.exists()
    assert (whole.predict(rows) == resumed.predict(rows)).all()
    assert [one["loss"] for one in whole.history] == [one["loss"] for one in resumed.history]


def test_early_stopping_stops() -> None:
    rows, modality = _made(timed=False)
    model = _fit(rows, modality, epochs=40, batch_size=64, learning_rate=0.03, patience=2)
    losses = [entry["valid_loss"] for entry in model.history]
    assert len(losses) < 40
    assert losses.index(min(losses)) == len(losses) - 3


def test_a_kept_model_answers_the_same(tmp_path: Path) -> None:
    rows, modality = _made(timed=True)
    model = _fit(rows, modality, epochs=1, batch_size=256)
    torch.save(model.state(), tmp_path / "model.pt")
    again = Pointwise.from_state(torch.load(tmp_path / "model.pt", weights_only=True))
    assert (again.predict(rows) == model.predict(rows)).all()
    newcomer = Modality("attributes", modality.values[:2], np.ones(2, np.bool_))
    vectors = again.encode_items((newcomer,), 2)
    asked = Rows(np.array([-1, 3]), np.array([ITEMS, ITEMS + 1]), np.zeros(0, np.float32))
    assert np.isfinite(again.predict(asked, vectors)).all()
    with pytest.raises(BundleError):
        Pointwise.from_state({"format": 1})


def test_remembered_rows_change_the_answer() -> None:
    rows, modality = _made(timed=True)
    model = _fit(rows, modality, **QUICK)
    asked = rows.take(np.array([1_400]))
    before = model.predict(asked)
    liked = Rows(np.repeat(asked.user, 5), np.arange(5), np.ones(5, np.float32), np.repeat(asked.time - DAY, 5))
    model.remember(liked)
    assert model.predict(asked) != before


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.booleans())
def test_no_row_sees_its_own_label(seed: int, timed: bool) -> None:
    """Turning the label of one row around changes nothing of what that row reads."""
    random = np.random.default_rng(seed)
    n = 40
    user, item = random.integers(0, 4, n), random.integers(0, 6, n)
    label = (random.random(n) < 0.5).astype(np.float32)
    time = random.integers(0, 10, n) * DAY if timed else np.zeros(0, np.int64)
    place = int(random.integers(0, n))
    turned = label.copy()
    turned[place] = 1 - turned[place]
    read = []
    for labels in (label, turned):
        rows = Rows(user, item, labels, time)
        past = Past(rows, n_users=4, n_items=6, liked_above=0.5, seed=seed)
        past.prior = 0.5  # the average over all rows is the one number that every label is part of
        one = rows.take(np.array([place]))
        history = past.histories(one, 50, training=True)
        read.append((np.sort(history.item).tolist(), past.facts(one, training=True).tolist()))
        if timed:
            known = {(int(u), int(i)) for u, i, t in zip(user, item, time, strict=True) if t < time[place]}
            assert all((int(one.user[0]), int(liked)) in known for liked in history.item)
    assert read[0] == read[1]


def test_what_cannot_be_learnt_from_is_refused() -> None:
    rows, _ = _made(timed=False)
    sizes: dict[str, Any] = {"n_users": USERS, "n_items": ITEMS}
    with pytest.raises(InputError, match="all labels are the same"):
        Pointwise().fit(rows.take(rows.label > 0.5), **sizes)
    with pytest.raises(InputError, match="no row"):
        Pointwise().fit(rows.take(slice(0, 0)), **sizes)
    with pytest.raises(ConfigurationError, match="ratings"):
        Pointwise(loss="bce").fit(rows, **sizes, rating=True)
    with pytest.raises(ConfigurationError, match="loss"):
        PointwiseConfig(loss="hinge")
    with pytest.raises(ConfigurationError, match="not been fitted"):
        Pointwise().predict(rows)
