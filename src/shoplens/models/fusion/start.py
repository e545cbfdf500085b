"""What the network starts from: id vectors, and the fields of people as numbers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from scipy import sparse

from shoplens.domain.dataset import Profiles
from shoplens.models.fusion.config import FusionConfig
from shoplens.models.fusion.content import leading_directions
from shoplens.models.fusion.network import FusionNetwork, ProfileShape
from shoplens.models.fusion.timeline import Timeline


def read_profiles(profiles: Profiles | None, n_users: int) -> tuple[ProfileShape, torch.Tensor, torch.Tensor]:
    """Codes and standardised numbers of all people, with one more row of "unknown" at the end."""
    codes = list(profiles.categorical.items()) if profiles else []
    numbers = list(profiles.numeric.values()) if profiles else []
    categorical = np.zeros((n_users + 1, len(codes)), np.int64)
    numeric = np.full((n_users + 1, len(numbers)), np.nan, np.float32)
    sizes = []
    for place, (name, column) in enumerate(codes):
        categorical[: len(column), place] = column[:n_users]
        sizes.append(max(len(profiles.categories[name]) if profiles else 0, int(column.max(initial=0)) + 1))
    for place, values in enumerate(numbers):
        known = values[np.isfinite(values)]
        mean, spread = (float(known.mean()), float(known.std())) if len(known) else (0.0, 1.0)
        scaled = (np.where(np.isfinite(values), values, np.nan) - mean) / (spread or 1.0)
        numeric[: len(values), place] = np.clip(scaled, -5, 5)[:n_users]
    return ProfileShape(tuple(sizes), len(numbers)), torch.from_numpy(categorical), torch.from_numpy(numeric)


@torch.no_grad()
def start_ids(network: FusionNetwork, timeline: Timeline, known: npt.NDArray[np.bool_], config: FusionConfig) -> None:
    """Give id vectors a length of about one, and a direction: random, or that of who-bought-what.

    The latter are the right singular vectors of the matrix of people and products, both sides divided by the square
    root of their degree, weighed by their singular values: what a spectral graph filter would score with. Learning
    starts from a good model instead of from noise, which matters where most products were bought a few times.
    """
    weight = network.items.ids.weight[:, :-1]
    torch.nn.init.normal_(weight, std=config.start_length * config.embedding_size**-0.5)
    user, item = timeline.pairs()
    if len(item) == 0:
        return
    column = np.cumsum(known)[item] - 1
    users, items = np.bincount(user, minlength=timeline.n_users), np.bincount(column)
    kept = 1.0 if config.popularity_kept is None else config.popularity_kept
    appeal = kept * np.log(items / items.mean())
    network.items.ids.weight[:, -1] = torch.from_numpy(appeal.astype(np.float32))
    network.items.fresh.fill_(kept * float(np.log(0.5 / items.mean())))  # half a purchase
    rank = min(config.embedding_size, len(items) - 1, timeline.n_users - 1)
    if config.id_start == "random" or rank < 1:
        return
    entries = (1 / np.sqrt(users[user] * items[column])).astype(np.float32)
    matrix = sparse.csr_array((entries, (user, column)), shape=(timeline.n_users, int(known.sum())))
    directions, values = leading_directions(matrix, rank, config.seed)
    start = torch.from_numpy(directions * (values / max(float(values[0]), 1e-9)) ** config.id_power)
    weight.mul_(0.1)  # what is left of the random start tells products apart that nobody has in common
    weight[:, :rank] += start / start.norm(dim=1).mean().clamp(min=1e-6)
