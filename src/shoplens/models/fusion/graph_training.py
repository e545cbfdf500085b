"""Learning over the purchase graph: every epoch takes other purchases out of it and asks for them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from shoplens.models.fusion.graph_samples import make_holes
from shoplens.models.fusion.purchases import PurchaseGraph
from shoplens.models.fusion.samples import Batch
from shoplens.models.fusion.timeline import Timeline
from shoplens.models.fusion.training import CHUNK, Progress, Trainer


class GraphTrainer(Trainer):
    """A trainer whose product vectors have been spread over the graph of purchases.

    While learning it is the graph with this epoch's holes, afterwards the whole one. Appeal is no matter of learning:
    it stays the log-popularity that it starts from, and how much it counts is learnt by the tower of people.
    """

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.whole = self._graph(*self.timeline.pairs())
        self.holed = self.whole
        self.appeal = self.network.items.ids.weight[:, -1].detach().clone()

    def run(self, progress: Progress | None = None, checkpoint: Path | None = None) -> None:
        """See `Trainer.run`."""
        super().run(progress, checkpoint)
        with torch.no_grad():
            self.network.items.ids.weight[:, -1] = self.appeal

    def read_all(self, timeline: Timeline) -> None:
        """Answers walk over all purchases."""
        self.whole = self._graph(*timeline.pairs())

    def _graph(self, user: np.ndarray[Any, Any], item: np.ndarray[Any, Any]) -> PurchaseGraph:
        return PurchaseGraph.of(user, item, self.timeline.n_users, self.timeline.n_items, self.device)

    def _epoch(self, epoch: int) -> Iterator[Batch]:
        holes = make_holes(self.timeline, self.config, np.random.default_rng([self.config.seed, 2, epoch]))
        self.holed = self._graph(holes.user, holes.item)
        return holes.batches

    def item_vectors(self, rows: Tensor) -> Tensor:
        """Spread vectors of item rows [n] → [n, size + 1]."""
        fused = self.fused()
        vectors = self.network.finish(fused, self.spread(fused))
        return vectors.index_select(0, rows)

    def all_item_vectors(self) -> Tensor:
        """Spread vectors of the whole catalogue. [n_items, size + 1]."""
        fused = self.fused()
        return self.network.finish(fused, self.spread(fused)).float()

    def fused(self) -> Tensor:
        """Vectors of all products before they are spread, with their fixed appeal. [n_items, size + 1]."""
        tower, place = self.network.items, self.inputs.id_place
        n, found = self.timeline.n_items, []
        for start in range(0, n, CHUNK):
            rows = torch.arange(start, min(start + CHUNK, n), device=self.device)
            parts, mask = tower.parts(rows, place, self.inputs.contents)
            found.append(tower.combine(parts, tower.drop(mask) if tower.training else mask)[:, :-1])
        appeal = torch.where(place >= 0, self.appeal[place.clamp(min=0)], tower.fresh.detach())
        fused = torch.cat(found)
        return torch.cat([fused, appeal.unsqueeze(1).to(fused.dtype)], 1)

    def spread(self, fused: Tensor) -> Tensor:
        """What the graph adds to the vectors of all products. [n_items, size]."""
        graph = self.holed if self.network.training else self.whole
        return graph.spread(fused[:, :-1], self.config.layers)
