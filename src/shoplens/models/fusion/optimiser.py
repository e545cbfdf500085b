"""How weights move: the optimiser, the schedule of its rate, and the precision of the products."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import nn

from shoplens.models.fusion.config import GRAPH, FusionConfig


def make_optimiser(parameters: Iterable[nn.Parameter], config: FusionConfig) -> torch.optim.Optimizer:
    """AdamW (decoupled decay), Adam or SGD with momentum (L2 penalty); vectors and scalars are not decayed.

    But over the purchase graph they are: there decay is what keeps learning from remembering single purchases, and the
    factor of all scores would grow to undo it.
    """
    every = list(parameters)
    least = 0 if config.history == GRAPH else 2  # dimensions
    groups = [
        {"params": [one for one in every if one.ndim >= least], "weight_decay": config.weight_decay},
        {"params": [one for one in every if one.ndim < least], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    if config.optimiser == "sgd":
        return torch.optim.SGD(groups, lr=config.learning_rate, momentum=config.momentum, nesterov=config.momentum > 0)
    kind = torch.optim.AdamW if config.optimiser == "adamw" else torch.optim.Adam
    return kind(groups, lr=config.learning_rate, betas=(config.momentum, config.beta2), fused=True)


def rate(config: FusionConfig, step: int, steps: int) -> float:
    """Share of the learning rate at a step: linear warm-up, then half a cosine (Loshchilov and Hutter, 2017), a line
    to zero, or no change."""
    warm = max(1.0, config.warmup * steps)
    if step < warm:
        return (step + 1) / warm
    done = min(1.0, (step - warm) / max(1.0, steps - warm))
    if config.schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * done))
    return 1 - done if config.schedule == "linear" else 1.0


def low_precision(config: FusionConfig) -> bool:
    """Whether matrix products run in bfloat16. Only where it is asked for.

    Not on a processor by itself, even if it has it: packed batches hardly ever have the same shape twice, so that
    kernels are made anew for every step, which costs what the products gain, and are kept, which costs memory. Nor on
    a GPU, where networks of this size wait for kernels to start and casting adds some: `benchmarks.speed.cuda`.
    """
    return config.precision == "bfloat16"
