"""Fine-tuning: each step ranks for many people, and reads a few hundred texts anew; the others stand as last read.

Reading is what costs: a step that read every product of every history would take seconds. What the encoder says of
texts that are not read in a step comes from a table of how they were last read (a cross-batch memory, Wang et al., CVPR
2020), so that a step still ranks against thousands of products. The encoder changes slowly enough for that; the
projection does not, so it is applied to the table anew in every step.

Two stages: first only what lies above the encoder learns, which is quick, then the encoder's upper layers with it. So
the layers are not pulled about by a projection that knows nothing yet (Kumar et al., ICLR 2022).
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from hashlib import blake2b
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from shoplens.models.checkpoint import keep_fit, take_up_fit
from shoplens.models.content_ranker.config import ContentRankerConfig
from shoplens.models.content_ranker.network import ABSENT, RankerNetwork
from shoplens.models.content_ranker.reading import Ints, TokenStates
from shoplens.models.content_ranker.samples import Lives, pointing_at_texts, ranking_quality, sampling
from shoplens.models.content_ranker.teacher import Opinions
from shoplens.models.fusion.batches import Ragged
from shoplens.models.fusion.holdout import Holdout
from shoplens.models.fusion.losses import Candidates, Goal
from shoplens.models.fusion.samples import Batch, epoch_batches
from shoplens.models.fusion.training import seeded

#: epoch from 1, epochs, {"reading", "loss", "valid_ndcg", "new_ndcg", "quality", "seconds"}
Progress = Callable[[int, int, dict[str, float]], None]

ABOVE, LAYERS = 0, 1  # the stages
SHARE_ABOVE = 0.3  # of the time, for the first stage
KEPT = (
    "best", "best_quality", "stage", "step", "began", "started_from", "done", "chosen", "spent", "history",
)  # by a checkpoint, beside weights and optimiser  # fmt: skip
SLOWER_ABOVE = 0.3  # in the second stage, what has learnt already goes on at this share of its rate
CPU = torch.device("cpu")


class Trainer:
    """Fits a network to lives. The same seed, data and threads give the same weights, unless the time ran out."""

    def __init__(
        self,
        network: RankerNetwork,
        states: TokenStates,
        text_row: Ints,
        lives: Lives,
        config: ContentRankerConfig,
        precision: torch.dtype,
    ) -> None:
        """`text_row`: row in `states` of each product, -1 for none."""
        self.network, self.states, self.text_row = network, states, text_row
        self.lives, self.config, self.precision = lives, config, precision
        self.opinions: Opinions | None = None  # of a teacher
        self.spent = 0.0  # seconds of the budget that are gone
        user, item = lives.timeline.pairs()
        self.candidates = Candidates(
            user,
            item,
            lives.timeline.n_users,
            lives.timeline.n_items,
            full=config.candidates,
            negatives=config.candidates,
            popularity_kept=config.popularity_kept,
        )
        self.learnt_texts = np.unique(text_row[self.candidates.known])
        self.history: list[dict[str, float]] = []
        self.best: dict[str, Tensor] = {}
        self.best_quality = -1.0
        self.done = [0, 0]  # epochs of each stage
        self.chosen = [0, 0]  # those after which the best weights were found
        self._enter(ABOVE)

    def _enter(self, stage: int) -> None:
        """Begin a stage: its schedule and the optimiser start anew."""
        slower = SLOWER_ABOVE if stage == LAYERS else 1.0
        self.stage, self.step, self.began = stage, 0, self.spent
        self.started_from = self.chosen[ABOVE]
        groups = _groups(self.network, self.config, slower)
        self.optimiser = torch.optim.AdamW(groups)
        self.rates = [float(group["lr"]) for group in groups]

    def run(self, progress: Progress | None = None, checkpoint: Path | None = None) -> None:
        """Both stages, until time is up or the inner validation has not improved; leaves the best weights."""
        if not len(self.candidates.known):  # nobody did anything yet: the frozen encoder's opinion has to do
            self.network.eval()
            return
        config = self.config
        if checkpoint is not None:
            take_up_fit(checkpoint, self, KEPT, prepare=lambda state: self._enter(state["stage"]))
        self.table = self.read_all()
        if not self.history:
            self.began = self.spent
            # The start is a candidate too: where little was bought, learning can make it worse.
            self._keep_if_best(*self.validate())
        planned = config.stop_after or (config.head_epochs, config.epochs if config.trained_layers else 0)
        for stage in (ABOVE, LAYERS):
            if stage > self.stage:
                self.network.load_state_dict(self.best)
                self._enter(stage)
            while stage == self.stage and self.done[stage] < planned[stage]:
                if self._stale() or self._fraction() >= 1:
                    break
                self.history.append(self._run_epoch())
                if checkpoint is not None:
                    keep_fit(checkpoint, self, KEPT)
                if progress is not None:
                    progress(len(self.history), sum(planned), self.history[-1])
        self.network.load_state_dict(self.best)
        self.network.eval()

    def batches(self, epoch: int, *, teaching: bool = False) -> Iterator[Batch]:
        """Batches of one epoch, which visits lives again until it has its steps.

        Drawn from the seed and the epoch alone, so that a resumed fit sees the same.
        """
        random = np.random.default_rng([self.config.seed, 6 if teaching else 2, epoch])
        steps = self.config.steps_an_epoch
        visits = (epoch_batches(self.lives.timeline, sampling(self.config), random) for _ in range(steps))
        return islice(chain.from_iterable(visits), steps)

    def _run_epoch(self) -> dict[str, float]:
        started, epoch = time.perf_counter(), len(self.history)
        random = np.random.default_rng([self.config.seed, 3, epoch])
        self.network.train()
        losses = []
        with seeded(self.config.seed * 100_003 + epoch, CPU):
            before = started
            for batch in self.batches(epoch):
                losses.append(self._step(batch, random))
                now = time.perf_counter()
                self.spent, before = self.spent + now - before, now
                if self._fraction() >= 1:
                    break
        self.done[self.stage] += 1
        if self.stage == LAYERS:
            self.table = self.read_all()
        entry = {"epoch": float(epoch + 1), "reading": float(self.stage), "loss": float(np.mean(losses))}
        entry["valid_ndcg"], entry["new_ndcg"] = self.validate()
        entry["quality"] = self._keep_if_best(entry["valid_ndcg"], entry["new_ndcg"])
        self.spent += time.perf_counter() - before
        entry["seconds"] = time.perf_counter() - started
        return entry

    def _step(self, batch: Batch, random: np.random.Generator) -> float:
        goal = self.candidates.draw(batch.owner, batch.target, random, batch.preference)
        history = pointing_at_texts(batch.history, self.text_row)
        offered = self.text_row[goal.candidate]
        fresh = self._texts_to_read(random) if self.stage == LAYERS else np.zeros(0, np.int64)
        asked = self.opinions.draw(random) if self.opinions is not None else None
        for group, rate in zip(self.optimiser.param_groups, self.rates, strict=True):
            group["lr"] = rate * self._rate()
        parts = [offered, history.item, fresh]
        if asked is not None:
            parts += [asked.history.item, asked.text.numpy().ravel()]
        used = np.unique(np.concatenate(parts))
        place = np.zeros(len(self.states), np.int64)
        place[used] = np.arange(len(used))
        said = self.table[torch.from_numpy(used)]
        if len(fresh):
            read = self._pooled(fresh)
            said = said.index_copy(0, torch.from_numpy(place[fresh]), read)
            self.table[torch.from_numpy(fresh)] = read.detach()
        vectors = self.network.texts.finish(said)
        people = self.people_of(vectors, history.pointing(place[history.item]))
        products = vectors[torch.from_numpy(place[offered])]
        loss = weighted_softmax(self.network.scale() * people @ products.T, goal)
        if asked is not None and self.opinions is not None:
            person = self.people_of(vectors, asked.history.pointing(place[asked.history.item]))
            listed = vectors[torch.from_numpy(place[asked.text.numpy()])]
            ours = torch.einsum("ns,ncs->nc", person, listed) * self.network.scale()
            loss = loss + self.config.distillation * self.opinions.disagreement(ours, asked)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.config.clip)
        self.optimiser.step()
        self.step += 1
        return float(loss.detach())

    def _texts_to_read(self, random: np.random.Generator) -> Ints:
        """Texts of this step, ascending, each as likely as any other.

        Preferring those that are wanted would teach the encoder to lift whatever it reads: what is read would be wanted
        more often than what stands in the table, and the table cannot be pushed down.
        """
        count = min(self.config.texts_a_step, len(self.learnt_texts))
        return np.sort(random.choice(self.learnt_texts, count, replace=False))

    @torch.no_grad()
    def read_all(self) -> Tensor:
        """What the encoder says of all texts as it is now, without dropout. [texts, hidden]."""
        training = self.network.training
        self.network.eval()
        said = self._pooled(np.arange(len(self.states)))
        self.network.train(training)
        return said

    @torch.no_grad()
    def vectors(self, said: Tensor) -> Tensor:
        """The vectors that serve, from what the encoder says of texts. [texts, size]."""
        self.network.eval()
        return self.network.texts.finish(said)

    def _pooled(self, rows: Ints) -> Tensor:
        parts, places = [], []
        for positions, states, present in self.states.batches(rows):
            parts.append(self.network.texts.pooled(states, present, self.precision))
            places.append(positions)
        return torch.cat(parts)[torch.from_numpy(np.argsort(np.concatenate(places)))]

    def people_of(self, vectors: Tensor, history: Ragged) -> Tensor:
        """Vectors of people [n, size]; `history.item` are rows of `vectors`."""
        padded = history.pad()
        people: Tensor = self.network.people(torch.nn.functional.embedding(padded.item, vectors), padded)
        return people

    @torch.no_grad()
    def validate(self) -> tuple[float, float]:
        """NDCG@20 of later products in the catalogue, and of hidden products among the hidden; NaN without any."""
        vectors = self.vectors(self.table)
        return (
            self._rank(vectors, self.lives.later, self.candidates.known, masked=True),
            self._rank(vectors, self.lives.new, self.lives.hidden, masked=False),
        )

    def _rank(self, vectors: Tensor, held: Holdout | None, rows: Ints, *, masked: bool) -> float:
        rows = rows[self.text_row[rows] >= 0]
        if held is None or not len(rows):
            return math.nan
        people = self.people_of(vectors, pointing_at_texts(held.history, self.text_row))
        products = vectors[torch.from_numpy(self.text_row[rows])]
        return ranking_quality(people, products, rows, held, masked=masked)

    def _keep_if_best(self, later: float, new: float) -> float:
        """Remember the weights if they are the best so far: geometric mean of both; without validation, the latest."""
        known = [value for value in (later, new) if not math.isnan(value)]
        quality = math.prod(known) ** (1 / len(known)) if known else math.nan
        if not known or quality > self.best_quality:
            self.best_quality, self.chosen = quality, list(self.done)
            if self.stage == LAYERS:
                self.chosen[ABOVE] = self.started_from
            self.best = {name: value.detach().clone() for name, value in self.network.state_dict().items()}
        return quality

    def _stale(self) -> bool:
        """Whether the last `patience` epochs of this stage brought nothing better."""
        found = self.chosen[self.stage]
        return not math.isnan(self.best_quality) and self.done[self.stage] - found >= self.config.patience

    def _fraction(self) -> float:
        """How far the stage is, from 0 to 1: by steps or by time, whichever is further."""
        config = self.config
        steps = config.steps_an_epoch * (config.epochs if self.stage == LAYERS else config.head_epochs)
        share = 1.0 if self.stage == LAYERS or not config.trained_layers else SHARE_ABOVE
        seconds = max(share * (60 * config.minutes - self.began), 1e-3)
        return max(self.step / max(steps, 1), (self.spent - self.began) / seconds)

    def _rate(self) -> float:
        """Share of the learning rate: linear warm-up, then half a cosine (Loshchilov and Hutter, 2017)."""
        done = max(self._fraction(), 1e-3)
        if done < self.config.warmup:
            return done / self.config.warmup
        return 0.5 * (1 + math.cos(math.pi * min(1.0, (done - self.config.warmup) / (1 - self.config.warmup))))

    def fingerprint(self) -> str:
        """Identity of this fit: settings, data and shapes. A checkpoint of another fit is not used."""
        digest = blake2b(json.dumps(self.config.to_dict(), sort_keys=True).encode(), digest_size=16)
        timeline = self.lives.timeline
        for array in (timeline.user, timeline.item, timeline.time, timeline.weight, self.text_row, self.states.indptr):
            digest.update(np.ascontiguousarray(array).tobytes())
        digest.update(str(float(self.states.states.double().sum())).encode())
        return digest.hexdigest()


def weighted_softmax(logits: Tensor, goal: Goal) -> Tensor:
    """-log softmax of each target against the candidates its person is not known to want; `logits` [n, candidates].

    Targets count by the weight of their event: a purchase teaches more than a view.
    """
    logits = logits + torch.from_numpy(goal.correction)
    known = torch.from_numpy(goal.known_row), torch.from_numpy(goal.known_place)
    against = logits.index_put(known, logits.new_tensor(ABSENT)).logsumexp(1, keepdim=True)
    wanted = logits.gather(1, torch.from_numpy(goal.target).clamp(min=0))
    weight = torch.from_numpy(np.where(goal.target >= 0, goal.preference, 0).astype(np.float32))
    weight = weight / torch.from_numpy((goal.target >= 0).sum(1, keepdims=True)).clamp(min=1)
    return (torch.nn.functional.softplus(against - wanted) * weight).sum() / weight.sum().clamp(min=1e-6)


def _groups(network: RankerNetwork, config: ContentRankerConfig, slower: float) -> list[dict[str, Any]]:
    """The encoder's layers learn slowly, the rest quickly; only matrices decay."""
    encoder = {id(one) for one in network.texts.layers.parameters()}
    groups: dict[tuple[bool, bool], list[Tensor]] = {}
    for one in network.parameters():
        groups.setdefault((id(one) in encoder, one.ndim > 1), []).append(one)
    return [
        {
            "params": parameters,
            "lr": config.encoder_learning_rate if slow else slower * config.learning_rate,
            "weight_decay": config.weight_decay if decays else 0.0,
        }
        for (slow, decays), parameters in groups.items()
    ]
