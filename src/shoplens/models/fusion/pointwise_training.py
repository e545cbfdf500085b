"""Learning from judged rows: lean steps, validation after each epoch, the best weights, going on after a kill."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np
import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its customary name

from shoplens.domain.dataset import Histories
from shoplens.models.checkpoint import keep_fit, take_up_fit
from shoplens.models.fusion.batches import Floats, Ints, read_histories
from shoplens.models.fusion.content import Content
from shoplens.models.fusion.heads import HEADS
from shoplens.models.fusion.network import FusionNetwork, ProfileShape, SequenceTower
from shoplens.models.fusion.optimiser import make_optimiser, rate
from shoplens.models.fusion.packed import START, read_sequences
from shoplens.models.fusion.pointwise_config import PointwiseConfig
from shoplens.models.fusion.pointwise_rows import FACTS, Past, Rows
from shoplens.models.fusion.training import CHUNK, read_people, seeded

#: epoch from 1, epochs, {"loss", "valid_loss", "seconds", and "accuracy" or "rmse" with their "valid_…"}
Progress = Callable[[int, int, dict[str, float]], None]
Steps = Callable[[int, int], None]  # steps done, steps of all epochs

ANSWERED = 4_096  # rows judged at a time outside training
MANY = 512  # rows of a batch from which on several threads help
KEPT = ("best", "best_loss", "history", "step")  # by a checkpoint, beside weights and optimiser
TOLD = 50  # steps between two words about how far an epoch is
SURE = 1e-6  # probabilities are kept this far from 0 and 1 where a logarithm is taken


class PointwiseNetwork(nn.Module):
    """Both towers and one head."""

    def __init__(self, body: FusionNetwork, config: PointwiseConfig, context: ProfileShape) -> None:
        super().__init__()
        self.body = body
        whole = ProfileShape(context.categories, context.numeric + FACTS)
        self.head = HEADS[config.head](
            config.body.embedding_size, whole, hidden_size=config.hidden_size, dropout=config.dropout
        )


@dataclass(slots=True)
class Judge:
    """The network with the frozen inputs that it reads, on one device."""

    network: PointwiseNetwork
    id_place: Tensor  # int64 [n_items], row of the id table, -1 for products without a judgement
    contents: Sequence[Content]
    config: PointwiseConfig
    device: torch.device

    def item_vectors(self, items: Tensor) -> Tensor:
        """Fused vectors of item rows [n] → [n, size + 1]; with modality dropout while training."""
        tower = self.network.body.items
        parts, mask = tower.parts(items, self.id_place, self.contents)
        return tower.combine(parts, tower.drop(mask) if tower.training else mask)

    @torch.inference_mode()
    def all_item_vectors(self) -> Tensor:
        """Vectors of all products, without dropout. [n_items, size + 1]."""
        self.network.eval()
        n = len(self.id_place)
        spans = [torch.arange(start, min(start + CHUNK, n), device=self.device) for start in range(0, n, CHUNK)]
        empty = torch.zeros(0, self.config.body.embedding_size + 1, device=self.device)
        return torch.cat([self.item_vectors(rows).float() for rows in spans]) if spans else empty

    def people(self, vectors: Tensor, places: Ints | None, rows: Rows, histories: Histories) -> Tensor:
        """Vectors of the people of `rows` [n, size + 1]; `places`: item row → row of `vectors` (None: the same)."""
        body, limit = self.network.body, self.config.history
        codes, numbers = _tensors(rows.profile.codes, rows.profile.numbers, len(rows), self.device)
        n_items, timed = len(self.id_place), len(histories.now) > 0
        if isinstance(body.people, SequenceTower):
            packed = read_sequences(histories, n_items, limit, timed=timed)
            order = packed.by_length()
            packed = packed.take(order)
            if places is not None:
                packed = packed.pointing(np.where(packed.item >= 0, places[packed.item], START))
            chosen = torch.from_numpy(order).to(self.device)
            person = read_people(body, vectors, packed, codes[chosen], numbers[chosen])
            return person[torch.from_numpy(np.argsort(order)).to(self.device)]
        ragged = read_histories(histories, n_items, limit, ordered=timed, timed=timed)
        if places is not None:
            ragged = ragged.pointing(places[ragged.item])
        return read_people(body, vectors, ragged, codes, numbers)

    def logits(self, person: Tensor, product: Tensor, rows: Rows, facts: Floats) -> Tensor:
        """What the head says. [n]."""
        codes, numbers = _tensors(rows.context.codes, rows.context.numbers, len(rows), self.device)
        numbers = torch.cat([numbers, torch.from_numpy(facts).to(self.device)], 1)
        answer: Tensor = self.network.head(person, product, self.network.body.scale(), codes, numbers)
        return answer

    @torch.inference_mode()
    def answer(self, vectors: Tensor, rows: Rows, past: Past) -> Floats:
        """Logits of any number of rows; `vectors`: of all products, then of newcomers. [n]."""
        self.network.eval()
        nobody = vectors.new_zeros(1, vectors.shape[1])
        table = torch.cat([vectors, nobody])  # a product of which nothing is known: row -1
        out = np.empty(len(rows), np.float32)
        for start in range(0, len(rows), ANSWERED):
            part = rows.take(slice(start, start + ANSWERED))
            person = self.people(table, None, part, past.histories(part, self.config.history, training=False))
            product = table[torch.from_numpy(np.where(part.item < 0, len(vectors), part.item)).to(self.device)]
            facts = past.facts(part, training=False)
            out[start : start + len(part)] = self.logits(person, product, part, facts).float().cpu().numpy()
        return out


class PointwiseTrainer:
    """Fits a judge to rows. The same seed, data and number of threads give the same weights."""

    def __init__(self, judge: Judge, rows: Rows, valid: Rows | None, past: Past, *, rating: bool) -> None:
        self.judge, self.rows, self.valid, self.past, self.rating = judge, rows, valid, past, rating
        self.config, self.network = judge.config, judge.network
        judge.network.to(judge.device)
        judge.id_place = judge.id_place.to(judge.device)
        judge.contents = [content.to(judge.device) for content in judge.contents]
        self.facts = past.facts(rows, training=True)
        self.lookup = np.full(past.n_items, -1, np.int64)
        self.history: list[dict[str, float]] = []
        self.best: dict[str, Tensor] = {}
        self.best_loss = math.inf
        self.recipe = self.config.recipe
        self.weights = list(self.network.parameters())
        self.optimiser = make_optimiser(self.weights, self.recipe)
        self.step = 0
        self.rivals = _Rivals(rows, past.n_items) if self.config.loss == "bpr" else None
        trained = np.arange(len(rows)) if self.rivals is None else np.flatnonzero(rows.label > 0.5)
        self.trained: Ints = trained
        self.steps = self.config.epochs * max(1, -(-len(trained) // self.config.batch_size))

    def run(self, progress: Progress | None = None, checkpoint: Path | None = None, steps: Steps | None = None) -> None:
        """All epochs, or until validation has not improved for `patience`; leaves the best weights."""
        if checkpoint is not None:
            take_up_fit(checkpoint, self, KEPT)
        with _threads_for(self.config.batch_size):
            for epoch in range(len(self.history), self.config.epochs):
                if self._stale():
                    break
                entry = self._run_epoch(epoch, steps)
                self.history.append(entry)
                if checkpoint is not None:
                    keep_fit(checkpoint, self, KEPT)
                if progress is not None:
                    progress(epoch + 1, self.config.epochs, entry)
        if self.best:
            self.network.load_state_dict(self.best)
        self.network.eval()

    def _run_epoch(self, epoch: int, tell: Steps | None) -> dict[str, float]:
        began = time.perf_counter()
        random = np.random.default_rng([self.config.seed, 5, epoch])
        order = self.trained[random.permutation(len(self.trained))]
        loss = good = 0.0
        self.network.train()
        with seeded(self.config.seed * 100_003 + epoch, self.judge.device):
            for start in range(0, len(order), self.config.batch_size):
                index = order[start : start + self.config.batch_size]
                one, right = self._step(index, random)
                loss, good = loss + one * len(index), good + right
                if tell is not None and (self.step % TOLD == 0 or self.step == self.steps):
                    tell(self.step, self.steps)
        share = good / max(len(order), 1)
        entry = {"epoch": float(epoch + 1), "loss": loss / max(len(order), 1)}
        entry["rmse" if self.rating else "accuracy"] = math.sqrt(share) if self.rating else share
        entry |= self.validate()
        entry["seconds"] = time.perf_counter() - began
        if not entry["valid_loss"] >= self.best_loss:  # without a validation (NaN) the latest is kept
            self.best_loss = entry["valid_loss"]
            self.best = {name: value.detach().clone() for name, value in self.network.state_dict().items()}
        return entry

    def _step(self, index: Ints, random: np.random.Generator) -> tuple[float, float]:
        """One step. Loss, and how many rows were right (ratings: sum of squared errors), seen before the step."""
        rows, judge = self.rows.take(index), self.judge
        rival = None if self.rivals is None else self.rivals.draw(rows, random)
        wanted = rows.item if rival is None else np.concatenate([rows.item, rival])
        histories = self.past.histories(rows, self.config.history, training=True)
        used = np.union1d(wanted, histories.item)
        self.lookup[used] = np.arange(len(used))
        vectors = judge.item_vectors(torch.from_numpy(used).to(judge.device))
        person = judge.people(vectors, self.lookup, rows, histories)
        product = vectors[torch.from_numpy(self.lookup[rows.item]).to(judge.device)]
        logit = judge.logits(person, product, rows, self.facts[index])
        label = torch.from_numpy(rows.label).to(judge.device)
        if rival is None:
            loss = self._loss(logit, label)
            error = (logit.detach().sigmoid() - label).square().sum() if self.rating else None
            right = ((logit.detach() > 0) == (label > 0.5)).sum() if error is None else error
        else:
            other = Rows(rows.user, rival, rows.label, rows.time, rows.profile, rows.context)
            facts = self.past.facts(other, training=True)
            facts[:, :2] = self.facts[index, :2]  # what is known of the person is the same for both of a pair
            against = judge.logits(person, vectors[torch.from_numpy(self.lookup[rival]).to(judge.device)], other, facts)
            loss = F.softplus(against - logit).mean()  # BPR (Rendle et al., UAI 2009)
            right = (logit.detach() > against.detach()).sum()
        self.lookup[used] = -1
        for group in self.optimiser.param_groups:
            group["lr"] = self.config.rate * rate(self.recipe, self.step, self.steps)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.weights, self.config.clip)
        self.optimiser.step()
        self.step += 1
        return float(loss.detach()), float(right)

    def _loss(self, logit: Tensor, label: Tensor) -> Tensor:
        """BCE takes the logit as it is; the sigmoid that keeps a rating in its range belongs to the mean square."""
        if self.config.loss == "mse":
            return F.mse_loss(logit.sigmoid(), label)
        return F.binary_cross_entropy_with_logits(logit, label)

    def validate(self) -> dict[str, float]:
        """Loss and accuracy (ratings: RMSE on the scale of 0 to 1) of the rows kept aside; NaN when there are none."""
        name = "valid_rmse" if self.rating else "valid_accuracy"
        if self.valid is None or not len(self.valid):
            return {"valid_loss": math.nan, name: math.nan}
        logit = torch.from_numpy(self.judge.answer(self.judge.all_item_vectors(), self.valid, self.past))
        label = torch.from_numpy(self.valid.label)
        if self.config.loss == "bpr":
            both = bool((label > 0.5).any() and (label < 0.5).any())
            # Logits of BPR have an order and no level: what is judged is the share of pairs in the wrong order.
            loss = 1 - float(roc_auc_score(self.valid.label > 0.5, logit.numpy())) if both else math.nan
            cut = logit.sort(descending=True).values[max(int((label > 0.5).sum()) - 1, 0)]
            return {"valid_loss": loss, name: float(((logit >= cut) == (label > 0.5)).float().mean())}
        if self.rating:
            error = float((logit.sigmoid() - label).square().mean().sqrt())
            return {"valid_loss": float(self._loss(logit, label)), name: error}
        return {
            "valid_loss": float(self._loss(logit, label)),
            name: float(((logit > 0) == (label > 0.5)).float().mean()),
        }

    def _stale(self) -> bool:
        """Whether the last `patience` epochs brought nothing better."""
        if not self.config.patience or self.valid is None or not self.history:
            return False
        best = min(range(len(self.history)), key=lambda place: self.history[place]["valid_loss"])
        return len(self.history) - 1 - best >= self.config.patience

    def fingerprint(self) -> str:
        """Identity of this fit: settings, data and shapes. A checkpoint of another fit is not used."""
        digest = blake2b(json.dumps(self.config.to_dict(), sort_keys=True).encode(), digest_size=16)
        for rows in (self.rows, self.valid):
            if rows is not None:
                for array in (rows.user, rows.item, rows.label, rows.time, rows.profile.codes, rows.context.codes):
                    digest.update(np.ascontiguousarray(array).data)
        for name, value in self.network.state_dict().items():
            digest.update(f"{name}{tuple(value.shape)}".encode())
        return digest.hexdigest()


class _Rivals:
    """Negatives of BPR: a product the person refused, where one is known, else any that they did not choose."""

    def __init__(self, rows: Rows, n_items: int) -> None:
        self.n_items = n_items
        negative = np.flatnonzero(rows.label <= 0.5)
        negative = negative[np.argsort(rows.user[negative], kind="stable")]
        self.user, self.item = rows.user[negative], rows.item[negative]
        chosen = rows.label > 0.5
        self.chosen = np.unique(rows.user[chosen] * np.int64(n_items) + rows.item[chosen])

    def draw(self, rows: Rows, random: np.random.Generator) -> Ints:
        """One product for each row. [n]."""
        low, high = np.searchsorted(self.user, rows.user), np.searchsorted(self.user, rows.user, "right")
        item = random.integers(0, self.n_items, len(rows))
        for _ in range(3):  # draw again what the person did choose; what is left after that is too little to matter
            key = rows.user * np.int64(self.n_items) + item
            known = self.chosen[np.minimum(np.searchsorted(self.chosen, key), len(self.chosen) - 1)] == key
            item = np.where(known, random.integers(0, self.n_items, len(rows)), item)
        place = low + (random.random(len(rows)) * (high - low)).astype(np.int64)
        has = high > low
        refused = self.item[np.minimum(place, max(len(self.item) - 1, 0))] if len(self.item) else item
        return np.where(has, refused, item).astype(np.int64)


@contextmanager
def _threads_for(batch_size: int) -> Iterator[None]:
    """One thread for small batches: sharing out a step of 32 rows takes longer than the step."""
    before = torch.get_num_threads()
    if batch_size < MANY:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _tensors(codes: Ints, numbers: Floats, n: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Fields as tensors; none given: n rows of none."""
    if not len(codes):
        codes, numbers = np.zeros((n, 0), np.int64), np.zeros((n, 0), np.float32)
    return torch.from_numpy(codes).to(device), torch.from_numpy(numbers).to(device)
