"""A linear-chain conditional random field over labels (Lafferty, McCallum and Pereira, 2001), with what BIO forbids.

An entity may only go on (I-KIND) after a label of its kind; other steps have learnt weights.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from shoplens.domain.tagging import GOES_ON

NEVER = -1e4  # added to what is forbidden; no learnt weight comes near
FEW = 16  # labels up to which their cube is small


class LabelChain(nn.Module):
    """Scores sequences of labels: `emissions` float32 [n, units, labels], `lengths` int64 [n], all at least 1."""

    def __init__(self, labels: Sequence[str]) -> None:
        super().__init__()
        count = len(labels)
        self.steps = nn.Parameter(torch.zeros(count, count))  # from, to
        self.first = nn.Parameter(torch.zeros(count))
        forbidden = torch.zeros(count, count)
        start = torch.zeros(count)
        for to, label in enumerate(labels):
            if label.startswith(GOES_ON):
                start[to] = NEVER
                for origin, before in enumerate(labels):
                    if before[2:] != label[2:]:
                        forbidden[origin, to] = NEVER
        self.register_buffer("forbidden", forbidden, persistent=False)
        self.register_buffer("never_first", start, persistent=False)

    def _weights(self) -> tuple[Tensor, Tensor]:
        return self.steps + self.forbidden, self.first + self.never_first  # type: ignore[operator]

    def log_partition(self, emissions: Tensor, lengths: Tensor) -> Tensor:
        """Logarithm of the summed weight of all sequences. [n]"""
        if emissions.is_cuda and emissions.shape[2] <= FEW:
            return self.log_partition_by_halves(emissions, lengths)
        steps, first = self._weights()
        lengths = lengths.to(emissions.device)
        sums = first + emissions[:, 0]
        for at in range(1, emissions.shape[1]):
            following = torch.logsumexp(sums.unsqueeze(2) + steps, 1) + emissions[:, at]
            sums = torch.where((at < lengths).unsqueeze(1), following, sums)
        return torch.logsumexp(sums, 1)

    def log_partition_by_halves(self, emissions: Tensor, lengths: Tensor) -> Tensor:
        """The same from pairs of neighbouring steps, then pairs of pairs: as many operations as the length has digits
        in base two, for a GPU, to which each costs alike. Each holds labels³ numbers a pair. [n]"""
        steps, first = self._weights()
        alone = torch.full_like(steps, NEVER).fill_diagonal_(0)  # the step that changes nothing
        at = torch.arange(1, emissions.shape[1], device=emissions.device)
        there = (at < lengths.to(emissions.device).unsqueeze(1))[:, :, None, None]
        chain = torch.where(there, steps + emissions[:, 1:].unsqueeze(2), alone)  # [n, units - 1, from, to]
        while chain.shape[1] > 1:
            if chain.shape[1] % 2:
                chain = torch.cat([chain, alone.expand(len(chain), 1, -1, -1)], 1)
            chain = torch.logsumexp(chain[:, 0::2].unsqueeze(4) + chain[:, 1::2].unsqueeze(2), 3)
        sums = first + emissions[:, 0]
        if chain.shape[1]:
            sums = torch.logsumexp(sums.unsqueeze(2) + chain[:, 0], 1)
        return torch.logsumexp(sums, 1)

    def log_likelihood(self, emissions: Tensor, labels: Tensor, lengths: Tensor) -> Tensor:
        """Of each sequence of `labels` int64 [n, units]; what lies beyond a length does not count. [n]"""
        steps, first = self._weights()
        lengths = lengths.to(emissions.device)
        there = torch.arange(emissions.shape[1], device=emissions.device) < lengths.unsqueeze(1)
        score = (emissions.gather(2, labels.unsqueeze(2)).squeeze(2) * there).sum(1) + first[labels[:, 0]]
        score = score + (steps[labels[:, :-1], labels[:, 1:]] * there[:, 1:]).sum(1)
        return score - self.log_partition(emissions, lengths)

    @torch.no_grad()
    def best(self, emissions: Tensor, lengths: Tensor) -> Tensor:
        """The most likely labels (Viterbi). int64 [n, units]; beyond a length, anything."""
        steps, first = self._weights()
        lengths = lengths.to(emissions.device)
        sums, pointers = first + emissions[:, 0], []
        stay = torch.arange(emissions.shape[2], device=emissions.device).expand_as(sums)
        for at in range(1, emissions.shape[1]):
            most, origin = (sums.unsqueeze(2) + steps).max(1)
            going = (at < lengths).unsqueeze(1)
            sums = torch.where(going, most + emissions[:, at], sums)
            pointers.append(torch.where(going, origin, stay))
        path = [sums.argmax(1)]
        for origin in reversed(pointers):
            path.append(origin.gather(1, path[-1].unsqueeze(1)).squeeze(1))
        return torch.stack(path[::-1], 1)

    def marginals(self, emissions: Tensor, lengths: Tensor) -> Tensor:
        """Probability of each label at each unit: the gradient of the log partition. [n, units, labels]"""
        with torch.enable_grad():
            given = emissions.detach().requires_grad_()
            (found,) = torch.autograd.grad(self.log_partition(given, lengths).sum(), given)
        return found.detach()
