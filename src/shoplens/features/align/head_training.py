"""Fits a network with heads: cross-entropy on every facet that an example has a value of.

Words may be learnt beside the facets; what they teach stays in the hidden layer, their own outputs are thrown away.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from shoplens.features.align.facets import Codes
from shoplens.features.align.networks import Floats, Network
from shoplens.features.align.title_words import TitleWords

SLACK = 1.02  # how much worse than the best a loss may be: late epochs are less sure of themselves yet rank better
PATIENCE = 3  # epochs that are worse before learning ends
WORDS = 0.3  # of the sum over words of their binary cross-entropy, beside that of the facets

Tell = Callable[[int, int], None]  # epochs done, of how many

_STARTING = (
    threading.Lock()
)  # torch has one source of random numbers for all threads, and only the first weights use it


@dataclass(frozen=True, slots=True)
class HeadSettings:
    """How a network with heads learns."""

    units: int = 512
    input_dropout: float = 0.25
    dropout: float = 0.5
    noise: float = 0.0  # standard deviation added to inputs in training
    smoothing: float = 0.05  # of labels: shops file some products wrongly
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    batch: int = 128
    epochs: int = 20


class _Heads(nn.Module):
    def __init__(self, inputs: int, outputs: int, settings: HeadSettings, random: np.random.Generator) -> None:
        super().__init__()
        self.hidden = nn.Linear(inputs, settings.units)
        self.heads = nn.Linear(settings.units, outputs)
        self.settings = settings
        self.random = random

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        settings = self.settings
        if self.training and settings.noise:
            noise = self.random.standard_normal(tuple(inputs.shape), np.float32)
            inputs = inputs + torch.from_numpy(noise) * settings.noise
        inside = functional.gelu(self.hidden(self._dropped(inputs, settings.input_dropout)))
        said: torch.Tensor = self.heads(self._dropped(inside, settings.dropout))
        return said

    def _dropped(self, values: torch.Tensor, share: float) -> torch.Tensor:
        """Dropout in steps of 1/256. Bytes from numpy: torch's dropout takes longer than the product behind it."""
        least = round(256 * share)
        if not self.training or not least:
            return values
        kept = self.random.integers(0, 256, tuple(values.shape), np.uint8) >= least
        return values * torch.from_numpy(kept * np.float32(256 / (256 - least)))


@dataclass(frozen=True, slots=True)
class Fitted:
    """A network, and how its training went."""

    network: Network
    epochs: int  # whose weights were kept; all of them without validation
    losses: tuple[float, ...]  # on validation, after each epoch


def fit_heads(
    inputs: Floats,
    rows: Codes,
    codes: Codes,
    parts: Sequence[slice],
    settings: HeadSettings,
    *,
    seed: int,
    words: TitleWords | None = None,
    check: tuple[Floats, Codes] | None = None,
    tell: Tell | None = None,
) -> Fitted:
    """Fit on examples: inputs [m, size], the product each belongs to [n] → rows of `codes` are the products' values.

    `rows` [m]: product of each input; `codes` [products, facets], -1 unknown; `parts`: where each facet's values lie
    among the heads. One cycle of the learning rate (Smith 2018, arXiv:1803.09820). With `check` (inputs, codes) the
    weights of the last epoch that was about as good as the best one there are kept, and learning ends when PATIENCE
    epochs in a row are worse.
    """
    random = np.random.default_rng(seed)
    values = parts[-1].stop
    said_words = None if words is None or not words.shape[1] else torch.from_numpy(words[rows])
    outputs = values + (0 if said_words is None else said_words.shape[1])
    with _STARTING:
        torch.manual_seed(seed)
        model = _Heads(inputs.shape[1], outputs, settings, random)
    every = torch.from_numpy(inputs)
    batch = min(settings.batch, len(inputs))
    batches = max(len(inputs) // batch, 1)
    optimiser = torch.optim.AdamW(
        model.parameters(), settings.learning_rate, weight_decay=settings.weight_decay, fused=True
    )
    cycle = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, settings.learning_rate, total_steps=settings.epochs * batches + 1
    )
    losses: list[float] = []
    epochs = settings.epochs if check is None else 0
    best: dict[str, torch.Tensor] = {}
    for epoch in range(settings.epochs):
        model.train()
        order = random.permutation(len(inputs))
        for start in range(0, batches * batch, batch):
            chosen = order[start : start + batch]
            said = model(every.index_select(0, torch.from_numpy(chosen)))
            loss = _loss(said, codes[rows[chosen]], parts, settings.smoothing)
            if said_words is not None:
                loss = loss + WORDS * _loss_of_words(said[:, values:], said_words[chosen].float())
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            cycle.step()
        if tell is not None:
            tell(epoch + 1, settings.epochs)
        if check is not None:
            losses.append(_check(model, check, parts))
            if losses[-1] <= min(losses) * SLACK:
                epochs, best = epoch + 1, {name: values.clone() for name, values in model.state_dict().items()}
            elif epoch + 1 - epochs >= PATIENCE:
                break
    if best:
        model.load_state_dict(best)
    return Fitted(_plain(model, values), epochs, tuple(losses))


def _loss(said: torch.Tensor, codes: Codes, parts: Sequence[slice], smoothing: float) -> torch.Tensor:
    """Sum over facets of the mean cross-entropy of those examples that have a value."""
    total = said.sum() * 0.0
    wanted = torch.from_numpy(codes)
    for facet, part in enumerate(parts):
        if (codes[:, facet] >= 0).any():  # else a mean of nothing
            right = wanted[:, facet]
            total = total + functional.cross_entropy(said[:, part], right, ignore_index=-1, label_smoothing=smoothing)
    return total


def _loss_of_words(said: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Sum over words, mean over examples."""
    return functional.binary_cross_entropy_with_logits(said, wanted, reduction="sum") / len(said)


def _check(model: _Heads, check: tuple[Floats, Codes], parts: Sequence[slice]) -> float:
    model.eval()
    with torch.inference_mode():
        return float(_loss(model(torch.from_numpy(check[0])), check[1], parts, 0.0))


def _plain(model: _Heads, values: int) -> Network:
    """As numbers for numpy, with the heads of `values` only."""

    def numbers(values: torch.Tensor) -> Floats:
        return np.ascontiguousarray(values.detach().numpy())

    return Network(
        numbers(model.hidden.weight.T),
        numbers(model.hidden.bias),
        numbers(model.heads.weight[:values].T),
        numbers(model.heads.bias[:values]),
    )
