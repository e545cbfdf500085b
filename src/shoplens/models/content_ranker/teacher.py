"""The teacher reads a history and a candidate together; the vectors that serve are taught its opinions.

In the encoder's uppermost layers the candidate's tokens attend to their own and to the history's, so that "refill" may
mean one thing after a pen and another after a bottle. That takes a pass for every pair: too slow to serve, right to
learn from (Hofstätter et al. 2020, arXiv:2010.02666; Hinton et al. 2015, arXiv:1503.02531).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its customary name

from shoplens.encoders.e5_torch import TransformerLayer, attend, mean_of_tokens
from shoplens.models.content_ranker.config import ContentRankerConfig
from shoplens.models.content_ranker.reading import Ints, TokenStates
from shoplens.models.content_ranker.samples import pointing_at_texts
from shoplens.models.fusion.batches import Ragged
from shoplens.models.fusion.losses import Candidates
from shoplens.models.fusion.samples import Batch

SAMPLES_A_STEP = 16  # lists of a teacher's step
HARDNESS = 15.0  # by how much likeness to the person raises the chance to be a hard negative
ABSENT = -1e9
FIELDS = ("item", "strength", "rank", "age_days")  # of histories, an entry an event


@dataclass(frozen=True, slots=True)
class Lists:
    """Short lists to rank for n samples: column 0 came next, the others did not and are not known to be wanted."""

    history: Ragged  # rows of texts
    text: Ints  # [n, candidates]; -1 pads


@dataclass(frozen=True, slots=True)
class Opinions:
    """Lists that the teacher has ranked."""

    history: Ragged  # rows of texts
    text: Tensor  # int64 [n, candidates], padding points at row 0
    score: Tensor  # float32 [n, candidates], the teacher's logits, ABSENT for padding

    def draw(self, random: np.random.Generator, count: int = 64) -> Opinions:
        """Some of them."""
        rows = np.sort(random.choice(len(self.text), min(count, len(self.text)), replace=False))
        place = torch.from_numpy(rows)
        return Opinions(self.history.take(rows), self.text[place], self.score[place])

    @staticmethod
    def disagreement(ours: Tensor, asked: Opinions) -> Tensor:
        """Kullback-Leibler divergence from the teacher's shares to ours, over each list. `ours`: logits [n, c]."""
        ours = ours.masked_fill(asked.score <= ABSENT, ABSENT)
        return F.kl_div(ours.log_softmax(1), asked.score.log_softmax(1), reduction="batchmean", log_target=True)


class Teacher(nn.Module):
    """The uppermost layers with the history in view of the candidate; starts at frozen similarity."""

    def __init__(self, layers: nn.ModuleList, hidden: int, history: int) -> None:
        super().__init__()
        self.layers = layers
        self.place = nn.Embedding(history + 1, hidden)  # 0: the candidate; 1: the latest product, 2: the one before …
        self.head = nn.Linear(hidden, 1)
        self.likeness = nn.Parameter(torch.tensor(10.0))
        nn.init.zeros_(self.place.weight)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, past: tuple[Tensor, Tensor], offered: tuple[Tensor, Tensor]) -> Tensor:
        """Logits [n, c]. `past`: states and presence of the history [n, h, tokens, …]; `offered`: [n, c, …]."""
        (story, told), (goods, there) = past, offered
        n, products, length, hidden = story.shape
        c = goods.shape[1]
        story = (story + self.place.weight[1 : products + 1, None]).reshape(n, products * length, hidden)
        told = told.reshape(n, products * length)
        goods, there = (goods + self.place.weight[0]).flatten(0, 1), there.flatten(0, 1)
        seen = torch.cat([there, told.repeat_interleave(c, 0)], 1)
        for module in self.layers:
            layer = cast(TransformerLayer, module)
            asks, keys, values = layer.heads_of(story)
            own_asks, own_keys, own_values = layer.heads_of(goods)
            read_keys = torch.cat([own_keys, keys.repeat_interleave(c, 0)], 2)
            read_values = torch.cat([own_values, values.repeat_interleave(c, 0)], 2)
            goods = layer.finish(goods, attend(own_asks, read_keys, read_values, seen))
            story = layer.finish(story, attend(asks, keys, values, told))
        candidate = mean_of_tokens(goods.float(), there).view(n, c, hidden)
        taste = F.normalize(mean_of_tokens(story.float(), told), dim=1)
        alike = torch.einsum("nch,nh->nc", F.normalize(candidate, dim=2), taste)
        return self.head(candidate).squeeze(2) + self.likeness * alike  # type: ignore[no-any-return]


class Lesson:
    """Trains a teacher within a budget of seconds and asks its opinion about lists."""

    def __init__(
        self,
        teacher: Teacher,
        states: TokenStates,
        text_row: Ints,
        candidates: Candidates,
        config: ContentRankerConfig,
        precision: torch.dtype,
        likeness: Callable[[Ragged], Tensor],
    ) -> None:
        """`likeness`: histories (rows of texts) → likeness of every text to the person, [n, texts]; finds hard ones."""
        self.teacher, self.states, self.text_row = teacher, states, text_row
        self.candidates, self.config, self.precision, self.likeness = candidates, config, precision, likeness
        self.losses: list[float] = []

    def learn(self, batches: Iterator[Batch], seconds: float) -> Opinions | None:
        """Train for two thirds of the steps (or the time), then rank lists. None when nobody has a history."""
        random = np.random.default_rng([self.config.seed, 5])
        slow = [*self.teacher.layers.parameters()]
        quick = [one for name, one in self.teacher.named_parameters() if not name.startswith("layers.")]
        optimiser = torch.optim.AdamW(
            [
                {"params": slow, "lr": self.config.encoder_learning_rate},
                {"params": quick, "lr": self.config.learning_rate},
            ],
            weight_decay=self.config.weight_decay,
        )
        began = time.perf_counter()
        ranked: list[tuple[Lists, Tensor]] = []
        self.teacher.train()
        for step, lists in enumerate(self.lists(batches, random)):
            spent = max((time.perf_counter() - began) / seconds, step / self.config.teacher_steps)
            if spent >= 1:
                break
            if spent < 2 / 3:
                logits = self.scores(lists)
                loss = F.cross_entropy(logits, torch.zeros(len(logits), dtype=torch.int64))
                optimiser.zero_grad(set_to_none=True)
                loss.backward()  # type: ignore[no-untyped-call]
                torch.nn.utils.clip_grad_norm_(self.teacher.parameters(), self.config.clip)
                optimiser.step()
                self.losses.append(float(loss.detach()))
            else:
                self.teacher.eval()
                with torch.no_grad():
                    ranked.append((lists, self.scores(lists)))
        self.teacher.eval()
        return _joined(ranked) if ranked else None

    def lists(self, batches: Iterator[Batch], random: np.random.Generator) -> Iterator[Lists]:
        """Short lists out of batches of moments: half of the negatives hard, the others drawn at random."""
        in_vain = 0
        for batch in batches:
            history = pointing_at_texts(batch.history, self.text_row)
            able = np.flatnonzero((np.diff(history.indptr) > 0) & (batch.target[:, 0] >= 0))
            in_vain = 0 if len(able) else in_vain + 1
            if in_vain > 64:  # nobody has done two things
                return
            for start in range(0, len(able), SAMPLES_A_STEP):
                rows = able[start : start + SAMPLES_A_STEP]
                yield self._list(batch.user[rows], history.take(rows), batch.target[rows, :1], random)

    @torch.no_grad()
    def _list(self, user: Ints, history: Ragged, target: Ints, random: np.random.Generator) -> Lists:
        goal = self.candidates.draw(user, target, random)
        offered = self.text_row[goal.candidate]
        free = np.ones((len(user), len(offered)), np.bool_)
        free[goal.known_row, goal.known_place] = False
        free &= offered != self.text_row[target]  # another product of the same text cannot be told apart
        alike = self.likeness(history).numpy()[:, offered]
        wanted = self.config.teacher_candidates - 1
        noise = random.gumbel(size=(2, *free.shape))
        hard = _top(np.where(free, HARDNESS * alike + noise[0], -np.inf), wanted // 2)
        np.put_along_axis(free, hard, False, axis=1)
        others = _top(np.where(free, noise[1], -np.inf), wanted - hard.shape[1])
        chosen = np.concatenate([hard, others], 1)
        usable = np.ones((len(user), len(offered)), np.bool_)
        usable[goal.known_row, goal.known_place] = False
        usable &= offered != self.text_row[target]
        negative = np.where(np.take_along_axis(usable, chosen, 1), offered[chosen], -1)
        return Lists(history, np.concatenate([self.text_row[target], negative], 1))

    def scores(self, lists: Lists) -> Tensor:
        """The teacher's logits [n, candidates]; ABSENT for padding."""
        n, c = lists.text.shape
        latest = latest_products(lists.history, self.config.teacher_history)
        story, told = self.states.rectangle(latest.ravel())
        goods, there = self.states.rectangle(lists.text.ravel())
        with torch.autocast("cpu", torch.bfloat16, enabled=self.precision == torch.bfloat16):
            logits = self.teacher(
                (story.view(n, -1, *story.shape[1:]), told.view(n, -1, told.shape[1])),
                (goods.view(n, c, *goods.shape[1:]), there.view(n, c, there.shape[1])),
            )
        return logits.float().masked_fill(torch.from_numpy(lists.text < 0), ABSENT)  # type: ignore[no-any-return]


def latest_products(history: Ragged, count: int) -> Ints:
    """The latest texts of each history, the latest first. [n, count], -1 pads."""
    place = history.indptr[1:, None] - 1 - np.arange(count)
    inside = place >= history.indptr[:-1, None]
    return np.where(inside, history.item[np.where(inside, place, 0)], -1)


def _top(key: Any, count: int) -> Ints:
    """Columns of the `count` largest of each row (fewer when there are fewer). [n, count]."""
    count = min(count, key.shape[1])
    return np.argpartition(-key, max(count - 1, 0), axis=1)[:, :count].astype(np.int64)


def _joined(ranked: list[tuple[Lists, Tensor]]) -> Opinions:
    histories = [lists.history for lists, _ in ranked]
    length = np.concatenate([np.diff(one.indptr) for one in histories])
    whole = Ragged(
        np.concatenate([[0], np.cumsum(length)]).astype(np.int64),
        *(np.concatenate([getattr(one, name) for one in histories]) for name in FIELDS),
    )
    wide = max(lists.text.shape[1] for lists, _ in ranked)
    text = np.concatenate(
        [np.pad(lists.text, ((0, 0), (0, wide - lists.text.shape[1])), constant_values=-1) for lists, _ in ranked]
    )
    score = torch.cat([F.pad(one, (0, wide - one.shape[1]), value=ABSENT) for _, one in ranked])
    return Opinions(whole, torch.from_numpy(np.maximum(text, 0)), score)
