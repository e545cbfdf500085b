"""Fusion: how much newcomers appeal, beside what sells."""

import numpy as np
import pytest
import torch

from shoplens.models.fusion.batches import Ints
from shoplens.models.fusion.config import FusionConfig
from shoplens.models.fusion.content import Content
from shoplens.models.fusion.items import ItemTower
from shoplens.models.fusion.newcomers import settle_newcomers
from shoplens.models.fusion.training import ShopInputs


def tower_of(counts: Ints) -> tuple[ItemTower, ShopInputs]:
    """Learnt appeal 2 log(purchases) + 1; every product has content, which guesses at random."""
    torch.manual_seed(0)
    config = FusionConfig(embedding_size=4, hidden_size=4).settled("mlp")
    known = counts > 0
    tower = ItemTower(config, int(known.sum()), [3]).eval()
    torch.nn.init.normal_(tower.guesses[0].weight)  # type: ignore[arg-type]
    with torch.no_grad():
        tower.ids.weight[: int(known.sum()), -1] = torch.from_numpy(2 * np.log(counts[known]) + 1)
    place = torch.arange(len(counts), dtype=torch.int32)
    content = Content("text", place, torch.randn(len(counts), 3).half())
    nothing = torch.zeros(1, 0)
    inputs = ShopInputs(torch.from_numpy(np.where(known, np.cumsum(known) - 1, -1)), [content], nothing.long(), nothing)
    return tower, inputs


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([0, 0, 1, 1, 1, 1, 2, 5, 9], 1.0),  # four sold once to two never sold: 2, but the median is 1
        ([0, 0, 0, 0, 1, 1, 1, 8, 8, 8, 9, 20], 0.75),
        ([0, 0, 0, 0, 0, 0, 1, 2, 4, 8], 0.5),  # never less than half a purchase
        ([1, 2, 4, 8, 8], 1.0),  # nothing new yet: as if there were one
    ],
)
def test_newcomers_appeal_as_much_as_the_purchases_to_expect_of_them(counts: list[int], expected: float) -> None:
    number = np.array(counts)
    tower, inputs = tower_of(number)
    settle_newcomers(tower, inputs, number)
    with torch.no_grad():
        parts, mask = tower.parts(torch.from_numpy(np.flatnonzero(number)), inputs.id_place, inputs.contents)
        newcomer = tower.fresh + tower.guess(parts, mask).mean()
    assert newcomer.item() == pytest.approx(2 * np.log(expected) + 1, abs=1e-3)


def test_without_purchases_nothing_is_settled() -> None:
    tower, inputs = tower_of(np.zeros(3, np.int64))
    settle_newcomers(tower, inputs, np.zeros(3, np.int64))
    assert tower.fresh.item() == 0
