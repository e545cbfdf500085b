"""Two towers: products from whatever modalities they have, people from what they did and who they are."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from shoplens.models.fusion.config import GRAPH, FusionConfig
from shoplens.models.fusion.items import ID, ItemTower
from shoplens.models.fusion.layers import silent, unit
from shoplens.models.fusion.people.averaged import AveragedTower
from shoplens.models.fusion.people.pooled import PersonTower
from shoplens.models.fusion.people.profile import ProfileShape
from shoplens.models.fusion.people.sequential import SequenceTower

__all__ = ["ID", "FusionNetwork", "ItemTower", "PersonTower", "ProfileShape", "SequenceTower", "silent"]


class FusionNetwork(nn.Module):
    """Both towers and the factor between their product and a logit.

    `config.history` names the tower of people, "auto" meaning mlp here: `people.choice` decides before. `timed`:
    whether people's histories say when things happened.
    """

    def __init__(
        self,
        config: FusionConfig,
        n_ids: int,
        ranks: Sequence[int],
        profile: ProfileShape,
        *,
        timed: bool = False,
    ) -> None:
        super().__init__()
        config = config.settled("mlp" if config.history == "auto" else config.history)
        self.items = ItemTower(config, n_ids, ranks)
        self.log_scale = nn.Parameter(torch.tensor(1 / config.temperature).log())
        self.people: AveragedTower | PersonTower | SequenceTower
        if config.history == GRAPH:
            self.people = AveragedTower(config, profile, log_scale=self.log_scale, timed=timed)
        else:
            self.people = (SequenceTower if config.sequential else PersonTower)(config, profile, timed=timed)

    def scale(self) -> Tensor:
        """What products of vectors are multiplied with in the loss; at most 100, as in CLIP (Radford et al., 2021)."""
        return self.log_scale.exp().clamp(max=100.0)

    @staticmethod
    def finish(fused: Tensor, spread: Tensor | None) -> Tensor:
        """Product vectors [n, size + 1] from fused ones and from what the purchase graph adds [n, size], if it does."""
        if spread is None:
            return fused
        return torch.cat([unit(unit(fused[:, :-1]) + spread), fused[:, -1:]], 1)
