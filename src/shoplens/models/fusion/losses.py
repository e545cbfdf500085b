"""What learning minimises: rank the products that came next above the ones that did not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - its customary name

from shoplens.models.fusion.batches import Ints
from shoplens.models.fusion.network import ABSENT

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Goal:
    """Candidates of one step and which of them each sample wants, or must not be told to avoid."""

    candidate: Ints  # [c], item rows, ascending
    target: Ints  # [n, targets], positions in `candidate`; -1 pads
    known_row: Ints  # [k], sample …
    known_place: Ints  # [k], … and position of each candidate that its person is known to want
    correction: Floats  # [c], added to the logits in training only


class Candidates:
    """Draws the candidates of each step: the whole catalogue if small, else in-batch targets and uniform negatives.

    The correction for how often a product turns up as a candidate is that of Bengio and Senécal (2008) and of Yi et al.
    (RecSys 2019); on top, 1 - `popularity_kept` of log-popularity is taken out of what the scores must explain.
    """

    def __init__(
        self, user: Ints, item: Ints, n_users: int, n_items: int, *, full: int, negatives: int, popularity_kept: float
    ) -> None:
        """`user`, `item`: all distinct known pairs, by user. Products that nobody touched are never negatives."""
        self.item = item
        self.indptr = np.searchsorted(user, np.arange(n_users + 1))
        count = np.bincount(item, minlength=n_items)
        self.share = count / max(count.sum(), 1)
        self.known = np.flatnonzero(count)
        self.negatives = negatives
        self.whole = len(self.known) <= full
        # Of products that nobody touched the logarithm is never read; they are no candidates.
        self.removed = (1 - popularity_kept) * np.log(np.maximum(self.share, 1e-12))
        self.place = np.full(n_items, -1, np.int64)

    def draw(self, user: Ints, target: Ints, random: np.random.Generator) -> Goal:
        """The goal of samples of `user` [n] that want `target` [n, targets] (item rows, -1 pads)."""
        if self.whole:
            candidate = self.known
            correction = self.removed[candidate]
        else:
            drawn = random.choice(self.known, min(self.negatives, len(self.known)), replace=False)
            wanted = target[target >= 0]
            candidate = np.union1d(wanted, drawn)
            by_batch = -np.expm1(len(wanted) * np.log1p(-self.share[candidate]))
            by_chance = len(drawn) / len(self.known)
            correction = self.removed[candidate] - np.log(by_batch + by_chance - by_batch * by_chance)
        self.place[candidate] = np.arange(len(candidate))
        count = self.indptr[user + 1] - self.indptr[user]
        row = np.repeat(np.arange(len(user)), count)
        start = np.repeat(self.indptr[user] - (np.cumsum(count) - count), count)
        known = self.place[self.item[start + np.arange(len(row))]]
        inside = known >= 0
        goal = Goal(
            candidate,
            np.where(target >= 0, self.place[target], -1),
            row[inside],
            known[inside],
            correction.astype(np.float32),
        )
        self.place[candidate] = -1
        return goal


def sampled_softmax(logits: Tensor, goal: Goal) -> Tensor:
    """Mean over samples of the mean over targets of -log softmax, each target against the negatives alone.

    `logits`: [n, c]. Decoupling a sample's targets keeps them from pushing each other down.
    """
    device = logits.device
    logits = logits.float() + torch.from_numpy(goal.correction).to(device)
    wanted, present = _targets(logits, goal)
    known = torch.from_numpy(goal.known_row).to(device), torch.from_numpy(goal.known_place).to(device)
    against = logits.index_put(known, logits.new_tensor(ABSENT)).logsumexp(1, keepdim=True)
    return _mean(F.softplus(against - wanted), present)


def binary_cross_entropy(logits: Tensor, goal: Goal) -> Tensor:
    """BCE with logits: targets are ones, candidates not known to be wanted zeros; both sides weigh the same."""
    device = logits.device
    logits = logits.float()
    wanted, present = _targets(logits, goal)
    avoided = F.softplus(logits)
    negative = torch.ones_like(logits)
    negative[torch.from_numpy(goal.known_row).to(device), torch.from_numpy(goal.known_place).to(device)] = 0
    against = (avoided * negative).sum(1).mean() / negative.sum(1).mean().clamp(min=1)
    return _mean(F.softplus(-wanted), present) + against


def _targets(logits: Tensor, goal: Goal) -> tuple[Tensor, Tensor]:
    """Logits of the targets and which of them are real. Both [n, targets]."""
    target = torch.from_numpy(goal.target).to(logits.device)
    return logits.gather(1, target.clamp(min=0)), target >= 0


def _mean(loss: Tensor, present: Tensor) -> Tensor:
    """Mean over samples of the mean over their targets."""
    weight = present / present.sum(1, keepdim=True).clamp(min=1)
    return (loss * weight).sum() / present.any(1).sum().clamp(min=1)
