"""The training loop: steps, inner validation, best weights, and going on after a kill."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from shoplens.models.checkpoint import keep_fit, take_up_fit
from shoplens.models.fusion.batches import Ragged
from shoplens.models.fusion.config import GRAPH, FusionConfig
from shoplens.models.fusion.content import Content
from shoplens.models.fusion.holdout import Holdout
from shoplens.models.fusion.losses import LOSSES, Candidates
from shoplens.models.fusion.network import FusionNetwork
from shoplens.models.fusion.optimiser import low_precision, make_optimiser, rate
from shoplens.models.fusion.packed import Packed
from shoplens.models.fusion.samples import Batch, epoch_batches
from shoplens.models.fusion.sequences import sequence_batches
from shoplens.models.fusion.timeline import Timeline

Progress = Callable[[int, int, dict[str, float]], None]  # epoch from 1, epochs, {"loss", "valid_ndcg", "seconds"}

CHUNK = 8_192  # products encoded at a time outside training
SMOOTHED = 3  # epochs
KEPT = ("best", "best_ndcg", "history", "step")  # by a checkpoint, beside weights and optimiser
DEPTH = 20  # the inner validation looks at the first twenty


@dataclass(frozen=True, slots=True)
class ShopInputs:
    """Everything frozen that the towers read, on one device."""

    id_place: Tensor  # int64 [n_items], row of the id table, -1 for products that nobody touched
    contents: Sequence[Content]
    categorical: Tensor  # int64 [n_users + 1, fields]; the last row is "nothing known"
    numeric: Tensor  # float32 [n_users + 1, fields]

    def to(self, device: torch.device) -> ShopInputs:
        """The same on another device."""
        return ShopInputs(
            self.id_place.to(device),
            [content.to(device) for content in self.contents],
            self.categorical.to(device),
            self.numeric.to(device),
        )


class Trainer:
    """Fits a network to a timeline. The same seed, data and number of threads give the same weights."""

    def __init__(
        self,
        network: FusionNetwork,
        inputs: ShopInputs,
        timeline: Timeline,
        holdout: Holdout | None,
        config: FusionConfig,
        device: torch.device,
    ) -> None:
        self.network = network.to(device)
        self.inputs = inputs.to(device)
        self.config = config
        self.device = device
        self.timeline, self.holdout = timeline, holdout
        user, item = timeline.pairs()
        self.candidates = Candidates(
            user,
            item,
            timeline.n_users,
            timeline.n_items,
            full=config.full_softmax,
            negatives=config.negatives,
            popularity_kept=1.0 if config.popularity_kept is None else config.popularity_kept,
            log_q=config.log_q,
        )
        self.lookup = np.full(timeline.n_items, -1, np.int64)
        self.history: list[dict[str, float]] = []
        self.best: dict[str, Tensor] = {}
        self.best_ndcg = -1.0
        self.optimiser = make_optimiser(network.parameters(), config)
        self.low = low_precision(config)
        self.step = 0
        self.steps = 1

    def run(self, progress: Progress | None = None, checkpoint: Path | None = None) -> None:
        """All epochs, or until the inner validation has not improved for `patience`; leaves the best weights."""
        epochs = self.config.epochs
        if len(self.candidates.known) == 0:  # nobody did anything yet: content alone cannot be learnt from
            self.network.eval()
            return
        self.steps = max(1, epochs * sum(1 for _ in self._epoch(0)))
        if checkpoint is not None:
            take_up_fit(checkpoint, self, KEPT)
        if not self.history:  # the start is a candidate too: where little was bought, learning can make it worse
            self._keep_if_best(self.validate())
        for epoch in range(len(self.history), epochs):
            if self._stale():
                break
            entry = self._run_epoch(epoch)
            self.history.append(entry)
            if checkpoint is not None:
                keep_fit(checkpoint, self, KEPT)
            if progress is not None:
                progress(epoch + 1, epochs, entry)
        if self.best:
            self.network.load_state_dict(self.best)
        self.network.eval()

    def _epoch(self, epoch: int) -> Iterator[Batch]:
        """Batches of one epoch; drawn from the seed and the epoch alone, so that a resumed fit sees the same."""
        random = np.random.default_rng([self.config.seed, 2, epoch])
        draw = sequence_batches if self.config.sequential else epoch_batches
        return draw(self.timeline, self.config, random)

    def _run_epoch(self, epoch: int) -> dict[str, float]:
        started = time.perf_counter()
        random = np.random.default_rng([self.config.seed, 3, epoch])
        self.network.train()
        with seeded(self.config.seed * 100_003 + epoch, self.device):
            losses = [self._step(batch, random) for batch in self._epoch(epoch)]
        entry = {"epoch": float(epoch + 1), "loss": float(np.mean(losses)) if losses else math.nan}
        entry["valid_ndcg"] = self.validate()
        entry["seconds"] = time.perf_counter() - started
        self._keep_if_best(self._smooth([*self.history, entry])[-1])
        return entry

    def _keep_if_best(self, ndcg: float) -> None:
        """Remember the weights of this moment if they rank best so far; without a validation, the latest."""
        if self.holdout is None or ndcg > self.best_ndcg:
            self.best_ndcg = ndcg
            self.best = {name: value.detach().clone() for name, value in self.network.state_dict().items()}

    def _step(self, batch: Batch, random: np.random.Generator) -> float:
        goal = self.candidates.draw(batch.owner, batch.target, random, batch.preference)
        read = batch.history.item[batch.history.item >= 0]
        rows = np.union1d(goal.candidate, read)
        self.lookup[rows] = np.arange(len(rows))
        history = batch.history.pointing(np.where(batch.history.item >= 0, self.lookup[batch.history.item], -1))
        place = torch.from_numpy(self.lookup[goal.candidate]).to(self.device)
        user = torch.from_numpy(batch.user).to(self.device)
        for group in self.optimiser.param_groups:
            group["lr"] = self.config.learning_rate * rate(self.config, self.step, self.steps)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.low):
            vectors = self.item_vectors(torch.from_numpy(rows).to(self.device))
            people = self.person_vectors(vectors, history, user, every=True)
            logits = (people * self.network.scale()) @ vectors.index_select(0, place).T
        loss = LOSSES[self.config.loss](logits, goal)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.config.clip)
        self.optimiser.step()
        self.step += 1
        return float(loss.detach())

    def item_vectors(self, rows: Tensor) -> Tensor:
        """Fused vectors of item rows [n] → [n, size]; with modality dropout while training."""
        tower = self.network.items
        parts, mask = tower.parts(rows, self.inputs.id_place, self.inputs.contents)
        return tower.combine(parts, tower.drop(mask) if tower.training else mask)

    def person_vectors(self, vectors: Tensor, history: Ragged | Packed, user: Tensor, *, every: bool = False) -> Tensor:
        """Vectors of people [n, size]; `history.item` are rows of `vectors`. `every`: of each token of sequences."""
        return read_people(
            self.network, vectors, history, self.inputs.categorical[user], self.inputs.numeric[user], every=every
        )

    def spread(self, fused: Tensor) -> Tensor | None:
        """What a purchase graph adds to the vectors of all products [n_items, size]; None: there is no graph."""
        del fused
        return None

    def read_all(self, timeline: Timeline) -> None:
        """Answers may read what was kept aside too, after learning."""

    @torch.inference_mode()
    def all_item_vectors(self) -> Tensor:
        """Fused vectors of the whole catalogue. [n_items, size]."""
        n = self.timeline.n_items
        spans = [torch.arange(start, min(start + CHUNK, n), device=self.device) for start in range(0, n, CHUNK)]
        return torch.cat([self.item_vectors(rows).float() for rows in spans])

    @torch.inference_mode()
    def validate(self) -> float:
        """NDCG@20 over the whole catalogue for the people kept aside; NaN when there are none."""
        if self.holdout is None:
            return math.nan
        self.network.eval()
        vectors = self.all_item_vectors()
        held, known = self.holdout, torch.from_numpy(self.candidates.known).to(self.device)
        scores = []
        for start in range(0, len(held.user), 256):
            part = held.take(np.arange(start, min(start + 256, len(held.user))))
            people = self.person_vectors(vectors, part.history, torch.from_numpy(part.user).to(self.device))
            score = torch.full((len(part.user), len(vectors)), -torch.inf, device=self.device)
            score[:, known] = people @ vectors[known].T
            row, item = self.candidates.known_to(part.user)
            score[torch.from_numpy(row), torch.from_numpy(item)] = -torch.inf
            top = score.topk(min(DEPTH, score.shape[1])).indices.cpu().numpy()
            scores.append(_ndcg(top, part.target))
        return float(np.concatenate(scores).mean())

    def _stale(self) -> bool:
        """Whether the last `patience` epochs brought nothing better."""
        if self.holdout is None or not self.history:
            return False
        smooth = self._smooth(self.history)
        return len(smooth) - 1 - int(np.argmax(smooth)) >= self.config.patience

    @property
    def best_epochs(self) -> int:
        """After how many epochs the inner validation was best; 0: the start was."""
        smooth = self._smooth(self.history)
        return int(np.argmax(smooth)) + 1 if smooth and max(smooth) >= self.best_ndcg else 0

    def _smooth(self, history: list[dict[str, float]]) -> list[float]:
        """What epochs are compared by: of sequences, each of whose people is judged on one product, and of the graph,
        whose epochs are few steps, the mean with the epochs just before, or luck would choose."""
        span = SMOOTHED if self.config.sequential or self.config.history == GRAPH else 1
        ndcg = [entry["valid_ndcg"] for entry in history]
        return [float(np.mean(ndcg[max(0, place + 1 - span) : place + 1])) for place in range(len(ndcg))]

    def fingerprint(self) -> str:
        """Identity of this fit: settings, data and shapes. A checkpoint of another fit is not used."""
        digest = blake2b(json.dumps(self.config.to_dict(), sort_keys=True).encode(), digest_size=16)
        for array in (self.timeline.user, self.timeline.item, self.timeline.time, self.timeline.weight):
            digest.update(array.tobytes())
        for name, value in self.network.state_dict().items():
            digest.update(f"{name}{tuple(value.shape)}".encode())
        for content in self.inputs.contents:
            digest.update(f"{content.name}{float(content.values.double().sum())}".encode())
        return digest.hexdigest()


def read_people(
    network: FusionNetwork,
    vectors: Tensor,
    history: Ragged | Packed,
    categorical: Tensor,
    numeric: Tensor,
    *,
    every: bool = False,
) -> Tensor:
    """Person vectors [n, size + 1], each kind of history by the tower that reads it.

    `history.item`: rows of `vectors` [rows, size + 1]; profiles: one row a person. `every`: of each token of sequences.
    """
    tower = network.people
    if isinstance(history, Packed):
        return tower(vectors, history, categorical, numeric, every=every)  # type: ignore[no-any-return]
    padded = history.pad().to(vectors.device)
    read = torch.nn.functional.embedding(padded.item, vectors)
    return tower(read, padded, categorical, numeric)  # type: ignore[no-any-return]


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """torch's randomness from a seed inside, untouched outside."""
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield


def _ndcg(top: np.ndarray[Any, np.dtype[np.int64]], target: np.ndarray[Any, np.dtype[np.int64]]) -> Any:
    """NDCG of each row: binary gain, logarithmic discount, ideal cut at the number of targets. [n]."""
    discount = 1 / np.log2(np.arange(2, top.shape[1] + 2))
    hit = (top[:, :, None] == target[:, None, :]).any(2)
    ideal = np.cumsum(discount)[np.minimum((target >= 0).sum(1), top.shape[1]) - 1]
    return (hit * discount).sum(1) / ideal
