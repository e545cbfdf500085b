"""What learning minimises: rank the products that came next above the ones that did not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - its customary name

from shoplens.models.fusion.batches import Ints
from shoplens.models.fusion.layers import ABSENT

Floats = npt.NDArray[np.float32]
RIVALS = 32  # candidates that BPR compares the targets of a sample with


@dataclass(frozen=True, slots=True)
class Goal:
    """Candidates of one step and which of them each sample wants, or must not be told to avoid."""

    candidate: Ints  # [c], item rows, ascending
    target: Ints  # [n, targets], positions in `candidate`; -1 pads
    preference: Floats  # [n, targets], what squared error wants the probability of a target to be
    known_row: Ints  # [k], sample …
    known_place: Ints  # [k], … and position of each candidate that its person is known to want
    correction: Floats  # [c], added to the logits in training only


class Candidates:
    """Draws the candidates of each step: the whole catalogue if small, else in-batch targets and uniform negatives.

    The correction for how often a product turns up as a candidate is that of Bengio and Senécal (2008) and of Yi et al.
    (RecSys 2019), times `log_q`: below 1, popular products are pushed down more often than they are made up for. On
    top, 1 - `popularity_kept` of log-popularity is taken out of what the scores must explain.
    """

    def __init__(
        self,
        user: Ints,
        item: Ints,
        n_users: int,
        n_items: int,
        *,
        full: int,
        negatives: int,
        popularity_kept: float,
        log_q: float = 1.0,
    ) -> None:
        """`user`, `item`: all distinct known pairs, by user. Products that nobody touched are never negatives."""
        self.item = item
        self.indptr = np.searchsorted(user, np.arange(n_users + 1))
        count = np.bincount(item, minlength=n_items)
        self.share = count / max(count.sum(), 1)
        self.known = np.flatnonzero(count)
        self.negatives, self.log_q = negatives, log_q
        self.whole = len(self.known) <= full
        # Of products that nobody touched the logarithm is never read; they are no candidates.
        self.removed = (1 - popularity_kept) * np.log(np.maximum(self.share, 1e-12))
        self.place = np.full(n_items, -1, np.int64)

    def draw(self, user: Ints, target: Ints, random: np.random.Generator, preference: Floats | None = None) -> Goal:
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
            correction = self.removed[candidate] - self.log_q * np.log(by_batch + by_chance - by_batch * by_chance)
        self.place[candidate] = np.arange(len(candidate))
        row, item = self.known_to(user)
        known = self.place[item]
        inside = known >= 0
        goal = Goal(
            candidate,
            np.where(target >= 0, self.place[target], -1),
            np.ones(target.shape, np.float32) if preference is None else preference,
            row[inside],
            known[inside],
            correction.astype(np.float32),
        )
        self.place[candidate] = -1
        return goal

    def known_to(self, user: Ints) -> tuple[Ints, Ints]:
        """All products that people [n] are known to want: number of the person in `user`, item row."""
        count = self.indptr[user + 1] - self.indptr[user]
        row = np.repeat(np.arange(len(user)), count)
        start = np.repeat(self.indptr[user] - (np.cumsum(count) - count), count)
        return row, self.item[start + np.arange(len(row))]


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
    logits = logits.float()
    wanted, present = _targets(logits, goal)
    avoided = F.softplus(logits)
    negative = _negative(logits, goal)
    against = (avoided * negative).sum(1).mean() / negative.sum(1).mean().clamp(min=1)
    return _mean(F.softplus(-wanted), present) + against


def squared_error(logits: Tensor, goal: Goal) -> Tensor:
    """Squared error of sigmoids: targets should be as probable as they were preferred, other candidates not at all."""
    probability = logits.float().sigmoid()
    wanted, present = _targets(probability, goal)
    negative = _negative(probability, goal)
    against = (probability.square() * negative).sum(1).mean() / negative.sum(1).mean().clamp(min=1)
    return _mean((wanted - torch.from_numpy(goal.preference).to(logits.device)).square(), present) + against


def pairwise(logits: Tensor, goal: Goal) -> Tensor:
    """BPR (Rendle et al., UAI 2009): each target against candidates drawn at random, a few a sample."""
    logits = logits.float()
    wanted, present = _targets(logits, goal)
    drawn = torch.randint(logits.shape[1], (len(logits), RIVALS), device=logits.device)
    valid = _negative(logits, goal).gather(1, drawn).unsqueeze(1)
    against = F.softplus(logits.gather(1, drawn).unsqueeze(1) - wanted.unsqueeze(2)) * valid
    return _mean(against.sum(2) / valid.sum(2).clamp(min=1), present)


LOSSES: dict[str, Callable[[Tensor, Goal], Tensor]] = {
    "softmax": sampled_softmax,
    "bce": binary_cross_entropy,
    "bpr": pairwise,
    "mse": squared_error,
}


def _negative(logits: Tensor, goal: Goal) -> Tensor:
    """One where a candidate may be pushed down, zero where the person is known to want it. [n, c]."""
    negative = torch.ones_like(logits)
    device = logits.device
    negative[torch.from_numpy(goal.known_row).to(device), torch.from_numpy(goal.known_place).to(device)] = 0
    return negative


def _targets(logits: Tensor, goal: Goal) -> tuple[Tensor, Tensor]:
    """Logits of the targets and which of them are real. Both [n, targets]."""
    target = torch.from_numpy(goal.target).to(logits.device)
    return logits.gather(1, target.clamp(min=0)), target >= 0


def _mean(loss: Tensor, present: Tensor) -> Tensor:
    """Mean over samples of the mean over their targets."""
    weight = present / present.sum(1, keepdim=True).clamp(min=1)
    return (loss * weight).sum() / present.any(1).sum().clamp(min=1)
