"""The pointwise estimator and fine-tuning on a CUDA device."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.slope import Slope, run

from shoplens.domain.dataset import Modality
from shoplens.encoders.hub_device import choose_hardware
from shoplens.learning.finetune.fitting import Fitted
from shoplens.models.checkpoint import write_state
from shoplens.models.fusion.network import ProfileShape
from shoplens.models.fusion.pointwise import Pointwise
from shoplens.models.fusion.pointwise_config import PointwiseConfig, small_body
from shoplens.models.fusion.pointwise_rows import Fields, Rows

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA device")

USERS, ITEMS, N = 60, 30, 1_500


class KilledError(Exception):
    pass


def judged(seed: int = 0) -> tuple[Rows, Modality]:
    """People and products with tastes and looks; what fits is liked more often."""
    random = np.random.default_rng(seed)
    taste, looks = random.standard_normal((USERS, 3)), random.standard_normal((ITEMS, 3))
    user, item = random.integers(0, USERS, N), random.integers(0, ITEMS, N)
    chance = 1 / (1 + np.exp(-2 * (taste[user] * looks[item]).sum(1)))
    time = np.sort(random.integers(0, 400, N)) * 86_400_000_000
    profile = Fields(np.zeros((N, 0), np.int64), taste[user].astype(np.float32))
    rows = Rows(user, item, (random.random(N) < chance).astype(np.float32), time, profile)
    return rows, Modality("attributes", looks.astype(np.float32), np.ones(ITEMS, np.bool_))


def learn(device: str, history: str, loss: str, dropout: float = 0.0, **more: Any) -> Pointwise:
    rows, modality = judged()
    still: dict[str, Any] = dict.fromkeys(("dropout", "history_dropout", "modality_dropout", "id_dropout"), dropout)
    body = replace(small_body(), embedding_size=16, history=history, **still)
    config = PointwiseConfig(
        body=body, loss=loss, dropout=dropout, epochs=4, batch_size=64, learning_rate=0.01, device=device
    )
    return Pointwise(config, **more).fit(
        rows.take(slice(0, 1_000)),
        rows.take(slice(1_000, 1_250)),
        n_users=USERS,
        n_items=ITEMS,
        modalities=(modality,),
        profile=ProfileShape((), 3),
    )


@pytest.mark.parametrize("loss", ["bce", "mse", "bpr"])
@pytest.mark.parametrize("history", ["mlp", "gru", "transformer"])
def test_judgements_are_learnt_as_on_a_cpu(history: str, loss: str, tmp_path: Path) -> None:
    """Sequences do not always say their moment, by chance: they are the same up to that."""
    rows, _ = judged()
    test = rows.take(slice(1_250, N))
    cpu, cuda = (learn(device, history, loss) for device in ("cpu", "cuda"))
    for name in ("loss", "valid_loss"):
        here, there = (np.array([entry[name] for entry in model.history]) for model in (cpu, cuda))
        np.testing.assert_allclose(there, here, rtol=0.2, atol=0.02)
    write_state(tmp_path / "model.pt", cuda.state())
    state = torch.load(tmp_path / "model.pt", weights_only=True)
    assert {value.device.type for value in state["weights"].values()} == {"cpu"}
    np.testing.assert_allclose(Pointwise.from_state(state).predict(test), cuda.predict(test), atol=1e-6)


@pytest.mark.parametrize("history", ["mlp", "transformer"])
def test_a_killed_estimator_goes_on_exactly(history: str, tmp_path: Path) -> None:
    rows, _ = judged()
    test = rows.take(slice(1_250, N))
    whole = learn("cuda", history, "bce", 0.2)
    checkpoint = tmp_path / "fit.checkpoint"

    def kill(epoch: int, _epochs: int, _entry: dict[str, float]) -> None:
        if epoch == 2:
            raise KilledError

    with pytest.raises(KilledError):
        learn("cuda", history, "bce", 0.2, progress=kill, checkpoint=checkpoint)
    resumed = learn("cuda", history, "bce", 0.2, checkpoint=checkpoint)
    np.testing.assert_array_equal(resumed.predict(test), whole.predict(test))


@pytest.mark.parametrize("precision", ["fp32", "fast"])
def test_fine_tuning_goes_on_exactly(precision: str, tmp_path: Path) -> None:
    hardware = choose_hardware("cuda", precision)

    def tune(**more: Any) -> tuple[Fitted, list[float]]:
        return run(Slope(device=hardware.device), hardware, **more)

    expected, numbers = tune()
    assert expected.learnt
    state = tmp_path / "fit.checkpoint"

    def kill(done: int, _total: int) -> None:
        if done == 2:
            raise KilledError

    with pytest.raises(KilledError):
        tune(state=state, fingerprint="a", tell=kill)
    fitted, resumed = tune(state=state, fingerprint="a")
    assert fitted.losses == expected.losses
    assert resumed == numbers
