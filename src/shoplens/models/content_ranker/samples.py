"""What the ranker learns from, and is chosen on: some people's latest products, and some products hidden from all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from shoplens.domain.dataset import Interactions
from shoplens.models.content_ranker.config import ContentRankerConfig
from shoplens.models.content_ranker.reading import Ints
from shoplens.models.fusion.batches import Ragged
from shoplens.models.fusion.config import FusionConfig
from shoplens.models.fusion.holdout import MOST_HELD, Holdout, hold_out
from shoplens.models.fusion.packed import Packed
from shoplens.models.fusion.timeline import Timeline, is_ordered

DEPTH = 20  # the inner validation looks at the first twenty


@dataclass(frozen=True, slots=True)
class Lives:
    """Events of products that have a text, by person and time, and what was kept aside of them."""

    timeline: Timeline  # what is learnt from
    later: Holdout | None  # people whose latest products were kept aside
    new: Holdout | None  # people who took a hidden product: as if it had come after training
    hidden: Ints  # the hidden products' rows


def gather_lives(interactions: Interactions, text_row: Ints, config: ContentRankerConfig) -> Lives:
    """Cut the log into what is learnt from and what chooses the epoch. `text_row`: see `reading.Texts`."""
    readable = interactions.take(text_row[interactions.item] >= 0)
    ordered = {"time": True, "none": False}.get(config.order, is_ordered(readable))
    whole = Timeline(readable, ordered=ordered, timed=readable.timed and ordered, seed=config.seed)
    hidden, new = np.zeros(0, np.int64), None
    if config.hidden_products and config.validation_people:
        hidden, new = _hide_products(whole, text_row, config)
        whole = whole.keep(~np.isin(whole.item, hidden))
    timeline, later = hold_out(whole, sampling(config))
    return Lives(timeline, later, new, hidden)


def sampling(config: ContentRankerConfig) -> FusionConfig:
    """The settings of how moments of lives are drawn, as `fusion.timeline` reads them."""
    return FusionConfig(
        history="mlp",  # histories as sets of products with ages, not as packed sequences
        max_history=config.max_history,
        train_history=config.train_history,
        targets=config.targets,
        samples_per_person=config.samples_per_person,
        batch_size=config.batch_size,
        validation_people=config.validation_people,
        seed=config.seed,
    )


def _hide_products(whole: Timeline, text_row: Ints, config: ContentRankerConfig) -> tuple[Ints, Holdout | None]:
    """Some touched products, whole texts at a time, and the people to whom they came after something else."""
    random = np.random.default_rng([config.seed, 4])
    texts = np.unique(text_row[np.unique(whole.item)])
    chosen = random.choice(texts, int(config.hidden_products * len(texts)), replace=False)
    is_hidden = np.isin(text_row, chosen)
    places = np.flatnonzero(is_hidden[whole.item])
    people, first = np.unique(whole.user[places], return_index=True)
    cut = whole.moment[places[first]]
    able = np.flatnonzero(cut > whole.indptr[people])  # something was known of them before
    if not len(able):
        return np.zeros(0, np.int64), None
    able = np.sort(random.permutation(able)[: config.validation_people])
    people, cut = people[able], cut[able]
    target = np.full((len(people), MOST_HELD), -1, np.int64)
    for row, (person, start) in enumerate(zip(people, cut, strict=True)):
        items = whole.item[start : whole.indptr[person + 1]]
        found = np.unique(items[is_hidden[items]])[:MOST_HELD]
        target[row, : len(found)] = found
    history = whole.before(cut, config.max_history, config.max_history, None)
    return np.flatnonzero(is_hidden), Holdout(people, history, target)


def ranking_quality(people: Tensor, products: Tensor, rows: Ints, held: Holdout, *, masked: bool) -> float:
    """Mean NDCG@20 of people [n, size] over `products` [m, size], whose catalogue rows are `rows` (ascending).

    `masked`: products of the history are not ranked.
    """
    assert isinstance(held.history, Ragged)  # see `sampling`
    place = np.full(int(max(rows.max(initial=0), held.history.item.max(initial=0), held.target.max(initial=0))) + 1, -1)
    place[rows] = np.arange(len(rows))
    discount = 1 / np.log2(np.arange(2, DEPTH + 2))
    found = []
    for start in range(0, len(people), 256):
        score = people[start : start + 256] @ products.T
        stop = start + len(score)
        if masked:
            low, high = int(held.history.indptr[start]), int(held.history.indptr[stop])
            person = np.repeat(np.arange(stop - start), np.diff(held.history.indptr[start : stop + 1]))
            known = place[held.history.item[low:high]]
            score[torch.from_numpy(person[known >= 0]), torch.from_numpy(known[known >= 0])] = -torch.inf
        top = rows[score.topk(min(DEPTH, score.shape[1])).indices.numpy()]
        target = held.target[start:stop]
        hit = (top[:, :, None] == target[:, None, :]).any(2)
        ideal = np.cumsum(discount)[np.clip((target >= 0).sum(1), 1, DEPTH) - 1]
        found.append((hit * discount[: top.shape[1]]).sum(1) / ideal)
    return float(np.concatenate(found).mean()) if found else 0.0


def pointing_at_texts(history: Ragged | Packed, text_row: Ints) -> Ragged:
    """The same histories with rows of texts in place of products; those without a row are left out."""
    assert isinstance(history, Ragged)  # see `sampling`
    row = text_row[history.item]
    kept = row >= 0
    if kept.all():
        return history.pointing(row)
    indptr = np.concatenate([[0], np.cumsum(kept)])[history.indptr].astype(np.int64)
    return Ragged(indptr, row[kept], history.strength[kept], history.rank[kept], history.age_days[kept], history.now)
