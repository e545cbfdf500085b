"""How much products that nobody bought yet should appeal to everybody, beside those that sell."""

from __future__ import annotations

import numpy as np
import torch

from shoplens.models.fusion.batches import Ints
from shoplens.models.fusion.items import ItemTower
from shoplens.models.fusion.training import CHUNK, ShopInputs


@torch.no_grad()
def settle_newcomers(tower: ItemTower, inputs: ShopInputs, counts: Ints) -> None:
    """Give newcomers the appeal of products that sell as little as newcomers can be expected to.

    Products without a purchase are never candidates while learning, so nothing says where they stand: when an id is
    dropped for a step, content and `fresh` learn the appeal of what sells. The purchases to expect of one of them are
    estimated as by Good and Turing (Biometrika 1953): products with one purchase over products with none, at most the
    median. What the network makes of that many purchases is read off the line of learnt appeal over log-purchases.
    What content adds stays.

    `counts`: purchases of each product, [n_items].
    """
    bought = np.flatnonzero(counts)
    if len(bought) == 0:
        return
    device = tower.fresh.device
    appeal = tower.ids.weight[:, -1].float().cpu().numpy()[: len(bought)]
    here = torch.zeros(len(counts), dtype=torch.bool, device=device)
    for content in inputs.contents:
        here |= content.place >= 0
    new = int((here.cpu().numpy() & (counts == 0)).sum())
    once = int((counts == 1).sum())
    expected = np.clip(once / max(new, 1), 0.5, max(float(np.median(counts[bought])), 0.5))
    sold = np.log(counts[bought])
    slope = float(np.cov(sold, appeal)[0, 1] / sold.var(ddof=1)) if np.ptp(sold) > 0 else 0.0
    wanted = float(appeal.mean()) + slope * float(np.log(expected) - sold.mean())
    guesses = []
    for start in range(0, len(bought), CHUNK):
        rows = torch.from_numpy(bought[start : start + CHUNK]).to(device)
        parts, mask = tower.parts(rows, inputs.id_place, inputs.contents)
        guesses.append(tower.guess(parts, mask).float()[mask[:, 1:].any(1)])
    said = torch.cat(guesses)
    tower.fresh.fill_(wanted - (float(said.mean()) if len(said) else 0.0))
