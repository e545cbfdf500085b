"""Fusion on a CUDA device learns what it learns on a CPU, goes on where it was killed, and serves from a CPU."""

from __future__ import annotations

import subprocess
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.gpu.shop import SMALL, shop

from shoplens.domain.dataset import Histories, TrainingData
from shoplens.models.base import Scores
from shoplens.models.checkpoint import read_state
from shoplens.models.fusion import Fusion
from shoplens.models.fusion.config import CHOICES
from shoplens.models.fusion.content import Content
from shoplens.models.fusion.packed import read_sequences
from shoplens.models.fusion.training import read_people
from shoplens.testing.recommenders import planted_data

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA device")

HISTORIES = ("mlp", "gru", "cnn", "transformer", "graph")
#: Sums over the purchase graph, and those of cuDNN's recurrent layers, may take another order each time.
REPEATABLE = ("mlp", "cnn", "transformer")
#: Without chance inside the layers, both devices walk the same path, and only rounding tells them apart.
STILL: dict[str, Any] = {
    "dropout": 0.0, "history_dropout": 0.0, "modality_dropout": 0.0, "id_dropout": 0.0, "order": "time",
    "learning_rate": 1e-2, "epochs": 5,
}  # fmt: skip


class KilledError(Exception):
    pass


def fit(data: TrainingData, history: str, device: str, **settings: Any) -> Fusion:
    return Fusion(SMALL, **{"history": history, "device": device, **settings}).fit(data)


def killed_after_two(checkpoint: Path, data: TrainingData, **settings: Any) -> None:
    def kill(epoch: int, _epochs: int, _entry: dict[str, float]) -> None:
        if epoch == 2:
            raise KilledError

    with pytest.raises(KilledError):
        Fusion(SMALL, progress=kill, checkpoint=checkpoint, **settings).fit(data)


def figures(model: Fusion, name: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array([entry[name] for entry in model.history])


def scores_on_cuda(model: Fusion, histories: Histories) -> Scores:
    """What a network of a sequential encoder that served strangers from the GPU would answer."""
    device = torch.device("cuda")
    packed = read_sequences(histories, len(model.item_vectors), model.used.max_events, timed=model.timed)
    order = packed.by_length()
    network, vectors = deepcopy(model.network).to(device), torch.from_numpy(model.item_vectors).to(device)
    last = torch.full((len(order),), len(model._categorical) - 1)
    known = (one[last].to(device) for one in (model._categorical, model._numeric))
    with torch.inference_mode():
        people = read_people(network, vectors, packed.take(order), *known)
        scores: Scores = (people @ vectors.T).cpu().numpy()[np.argsort(order)]
    return scores


@pytest.mark.parametrize("history", HISTORIES)
@pytest.mark.parametrize("fusion", CHOICES["fusion"])
def test_every_encoder_with_every_fusion_learns_as_on_a_cpu(history: str, fusion: str) -> None:
    data = shop(timed=False)
    cpu = fit(data, history, "cpu", fusion=fusion, **STILL)
    cuda = fit(data, history, "cuda", fusion=fusion, precision="float32", **STILL)
    np.testing.assert_allclose(figures(cuda, "loss"), figures(cpu, "loss"), rtol=0.01)
    np.testing.assert_allclose(figures(cuda, "valid_ndcg"), figures(cpu, "valid_ndcg"), atol=0.05)


@pytest.mark.parametrize("history", HISTORIES)
def test_bfloat16_learns_as_well(history: str) -> None:
    """By itself on this device; with dropout, as it is used."""
    data = planted_data(people=400, items=100, seed=5)
    settings: dict[str, Any] = {"validation_people": 200, "epochs": 6}
    cpu, cuda = (fit(data, history, device, **settings) for device in ("cpu", "cuda"))
    assert figures(cuda, "loss")[-1] == pytest.approx(figures(cpu, "loss")[-1], rel=0.1)
    assert figures(cuda, "valid_ndcg").max() > figures(cpu, "valid_ndcg").max() - 0.06


@pytest.mark.parametrize("loss", CHOICES["loss"])
@pytest.mark.parametrize("optimiser", CHOICES["optimiser"])
def test_every_loss_and_optimiser_learns(loss: str, optimiser: str) -> None:
    data = shop()
    rate = 0.2 if optimiser == "sgd" else 2e-2
    model = fit(data, "transformer", "cuda", loss=loss, optimiser=optimiser, learning_rate=rate, full_softmax=1)
    assert figures(model, "loss")[-1] < figures(model, "loss")[0]
    assert np.isfinite(model.score(data.interactions.histories())).all()


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("history", HISTORIES)
def test_the_same_again_and_after_a_kill(history: str, precision: str, tmp_path: Path) -> None:
    data = shop()
    settings: dict[str, Any] = {"history": history, "device": "cuda", "precision": precision, "epochs": 5}
    whole, again = (Fusion(SMALL, **settings).fit(data) for _ in range(2))
    checkpoint = tmp_path / "fusion.checkpoint"
    killed_after_two(checkpoint, data, **settings)
    epochs: list[int] = []
    resumed = Fusion(
        SMALL, progress=lambda epoch, _epochs, _entry: epochs.append(epoch), checkpoint=checkpoint, **settings
    ).fit(data)
    assert epochs[:3] == [3, 4, 5]
    assert not checkpoint.exists()
    for model in (again, resumed):
        if history in REPEATABLE:
            np.testing.assert_array_equal(figures(model, "loss"), figures(whole, "loss"))
            np.testing.assert_array_equal(model.item_vectors, whole.item_vectors)
        else:
            np.testing.assert_allclose(figures(model, "loss"), figures(whole, "loss"), rtol=0.02)
            np.testing.assert_allclose(figures(model, "valid_ndcg"), figures(whole, "valid_ndcg"), atol=0.05)


@pytest.mark.parametrize("history", HISTORIES)
def test_what_was_begun_on_a_gpu_ends_on_a_machine_without_one(
    history: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = shop()
    checkpoint = tmp_path / "fusion.checkpoint"
    killed_after_two(checkpoint, data, history=history, device="auto")
    raw = torch.load(checkpoint, weights_only=True)
    assert {value.device.type for value in raw["weights"].values()} == {"cuda"}
    state = read_state(checkpoint, raw["fingerprint"])
    assert state is not None
    assert {value.device.type for value in (*state["weights"].values(), *state["best"].values())} == {"cpu"}
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    epochs: list[int] = []
    model = Fusion(
        SMALL,
        progress=lambda epoch, _epochs, _entry: epochs.append(epoch),
        checkpoint=checkpoint,
        history=history,
        device="auto",
    ).fit(data)
    assert epochs[0] == 3
    assert np.isfinite(figures(model, "loss")).all()


@pytest.mark.parametrize("history", HISTORIES)
def test_a_cpu_serves_what_a_gpu_learnt(history: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = shop()
    model = fit(data, history, "cuda")
    scores = model.score(data.interactions.histories())
    for name, value in model.network.state_dict().items():
        assert value.device.type == "cpu", name
    if history != "graph":  # whose product vectors also hold what the graph adds
        known = model._mask[:, 0].numpy()
        place = torch.from_numpy(np.where(known, np.cumsum(known) - 1, -1))
        contents = [Content.read(one, axes) for one, axes in zip(data.modalities, model.axes, strict=True)]
        with torch.inference_mode():
            tower = model.network.items
            here = tower.combine(*tower.parts(torch.arange(len(known)), place, contents)).numpy()
        np.testing.assert_allclose(here, model.item_vectors, atol=1e-4)
    if model.used.sequential:
        said = data.interactions.histories()
        strangers = Histories(said.indptr, said.item, said.weight, said.age_days)
        here, there = model.score(strangers), scores_on_cuda(model, strangers)
        something = model.scorable
        np.testing.assert_allclose(there[:, something], here[:, something], atol=0.02 * float(here.std()))
    model.save(tmp_path)
    np.save(tmp_path / "scores.npy", scores)
    code = (
        "import sys, numpy as np, torch\n"
        "from pathlib import Path\n"
        "from tests.gpu.shop import shop\n"
        "from shoplens.models.fusion import Fusion\n"
        "assert not torch.cuda.is_available()\n"
        "folder = Path(sys.argv[1])\n"
        "torch.load(folder / 'model.pt', weights_only=True)\n"
        "scores = Fusion.load(folder).score(shop().interactions.histories())\n"
        "np.testing.assert_allclose(scores, np.load(folder / 'scores.npy'), atol=1e-5)\n"
    )
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)


def test_randomness_outside_a_fit_is_left_as_it_was() -> None:
    torch.cuda.manual_seed_all(7)
    expected = torch.rand(3, device="cuda")
    torch.cuda.manual_seed_all(7)
    fit(shop(), "transformer", "cuda", epochs=1)
    assert torch.equal(torch.rand(3, device="cuda"), expected)
