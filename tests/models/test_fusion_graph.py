"""Fusion over the purchase graph: what it walks over, what it hides, that it learns and answers as the others do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from shoplens.domain.dataset import Histories, Interactions, Modality, TrainingData
from shoplens.domain.events import MICROSECONDS_PER_DAY
from shoplens.domain.vocabulary import Vocabulary
from shoplens.models.fusion import Fusion, FusionConfig
from shoplens.models.fusion.config import CHOICES
from shoplens.models.fusion.graph_samples import make_holes
from shoplens.models.fusion.purchases import PurchaseGraph
from shoplens.models.fusion.timeline import Timeline
from shoplens.testing.recommenders import GROUPS, NEW, check_recommender, planted_data

CPU = torch.device("cpu")
SMALL = FusionConfig(
    history="graph",
    embedding_size=16,
    hidden_size=16,
    content_rank=8,
    epochs=25,
    patience=25,
    batch_size=64,
    learning_rate=2e-2,
    weight_decay=0.1,
    validation_people=20,
    device="cpu",
)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Networks this small lose time to a second thread."""
    torch.set_num_threads(1)


def log(people: int, items: int, events: int, seed: int, *, timed: bool) -> Interactions:
    random = np.random.default_rng(seed)
    return Interactions(
        Vocabulary(map(str, range(people))),
        Vocabulary(map(str, range(items))),
        random.integers(0, people, events).astype(np.int32),
        random.integers(0, items, events).astype(np.int32),
        np.ones(events, np.float32),
        random.integers(0, 30, events) * MICROSECONDS_PER_DAY,
        timed,
    )


def own_group(model: Fusion, data: TrainingData, items: slice) -> float:
    """Mean score of products of each person's own group less that of the others, in deviations."""
    scores = model.score(data.interactions.histories())[:, items]
    group = np.arange(len(data.interactions.items))[items] % GROUPS
    own = group[None, :] == (np.arange(len(scores)) % GROUPS)[:, None]
    return float((scores[own].mean() - scores[~own].mean()) / scores.std())


def test_walks_are_those_of_the_normalised_matrix() -> None:
    user, item = np.array([0, 0, 1, 2]), np.array([0, 1, 1, 2])
    start = torch.randn(4, 3, generator=torch.Generator().manual_seed(0), requires_grad=True)
    spread = PurchaseGraph.of(user, item, 3, 4, CPU).spread(start, 2)
    dense = np.zeros((3, 4))
    dense[user, item] = 1
    matrix = dense / np.sqrt(np.outer(dense.sum(1), np.maximum(dense.sum(0), 1)))
    walk = torch.tensor(matrix.T @ matrix, dtype=torch.float32)
    once, twice = walk @ start, walk @ walk @ start
    wanted = torch.nn.functional.normalize(once, dim=1) + torch.nn.functional.normalize(twice, dim=1)
    torch.testing.assert_close(spread, wanted)
    assert not spread[3].any()  # nobody bought it
    ours = torch.autograd.grad(spread.square().sum() + spread[0, 0], start, retain_graph=True)[0]
    torch.testing.assert_close(ours, torch.autograd.grad(wanted.square().sum() + wanted[0, 0], start)[0])


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 12), st.integers(1, 9), st.integers(1, 60), st.booleans(), st.integers(0, 5))
def test_nothing_that_is_asked_for_is_in_the_graph_or_the_history(
    people: int, items: int, events: int, timed: bool, seed: int
) -> None:
    timeline = Timeline(log(people, items, events, seed, timed=timed), ordered=timed, timed=timed, seed=0)
    config = replace(SMALL, batch_size=3, targets=4).settled("graph")
    holes = make_holes(timeline, config, np.random.default_rng(seed))
    graph = set(zip(holes.user.tolist(), holes.item.tolist(), strict=True))
    every = set(zip(timeline.user.tolist(), timeline.item.tolist(), strict=True))
    assert graph <= every
    for batch in holes.batches:
        assert isinstance(batch.history.indptr, np.ndarray)
        for row, user in enumerate(batch.user.tolist()):
            wanted = {(user, item) for item in batch.target[row].tolist() if item >= 0}
            span = slice(int(batch.history.indptr[row]), int(batch.history.indptr[row + 1]))
            read = {(user, item) for item in batch.history.item[span].tolist()}
            assert wanted
            assert wanted <= every - graph
            assert read <= graph


@pytest.mark.parametrize("timed", [True, False])
def test_conforms(timed: bool, tmp_path: Path) -> None:
    order = "auto" if timed else "none"
    check_recommender(lambda: Fusion(SMALL, order=order, epochs=8), tmp_path)


@pytest.mark.parametrize("fusion", CHOICES["fusion"])
def test_learns_groups_also_of_products_that_nobody_bought(fusion: str, tmp_path: Path) -> None:
    data = planted_data(timed=False)
    model = Fusion(SMALL, fusion=fusion, order="none").fit(data)
    items = len(data.interactions.items)
    assert own_group(model, data, slice(1, items - NEW)) > 0.5
    assert own_group(model, data, slice(items - NEW, items)) > 0.5
    histories = data.interactions.histories()
    scores = model.score(histories)
    np.testing.assert_allclose(model.vector_for(histories) @ model.item_vectors.T, scores, atol=1e-4)
    text = data.modalities[0]
    new = Modality("text", text.values[-NEW:], text.present[-NEW:])
    np.testing.assert_allclose(model.encode_items((new,)), model.item_vectors[-NEW:], atol=1e-3)
    parts = model.contributions(histories.take(3, 4), np.arange(items))
    np.testing.assert_allclose(np.sum([np.abs(part) for part in parts.values()], axis=0), 1, atol=1e-4)
    model.save(tmp_path)
    again = Fusion.load(tmp_path)
    np.testing.assert_array_equal(again.score(histories), scores)
    np.testing.assert_array_equal(again.encode_items((new,)), model.encode_items((new,)))
    guest = Histories.of_one(np.array([3], np.int32), np.ones(1, np.float32), np.zeros(1, np.float32))
    assert again.score(guest)[0, 7] > again.score(guest)[0, 8]  # of its group, and not


def test_is_chosen_where_there_is_no_order() -> None:
    data = planted_data(timed=False)
    assert Fusion(SMALL, history="auto", order="none", epochs=1).fit(data).used.history == "graph"


class KilledError(Exception):
    """Stands for the end of the process."""


@pytest.mark.parametrize("when", ["choosing", "again"])
def test_a_killed_fit_goes_on_to_the_same_weights(when: str, tmp_path: Path) -> None:
    """The second fit, on what was kept aside too, has a checkpoint of its own."""
    data = planted_data(timed=False)
    config = replace(SMALL, order="none", epochs=6)
    whole = Fusion(config).fit(data)
    told: list[int] = []

    def kill(epoch: int, epochs: int, info: dict[str, float]) -> None:
        told.append(epoch)
        if len(told) == (3 if when == "choosing" else 8):
            raise KilledError

    with pytest.raises(KilledError):
        Fusion(config, progress=kill, checkpoint=tmp_path / "fusion.ckpt").fit(data)
    epochs: list[int] = []
    resumed = Fusion(
        config, progress=lambda epoch, n, info: epochs.append(epoch), checkpoint=tmp_path / "fusion.ckpt"
    ).fit(data)
    assert epochs[0] == (4 if when == "choosing" else 3)
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[name]), name
    assert not list(tmp_path.iterdir())
