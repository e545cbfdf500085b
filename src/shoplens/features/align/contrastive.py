"""A space for what facets do not say: linear projections of photos and texts, trained to find each other.

InfoNCE (van den Oord et al. 2018, arXiv:1807.03748) in both directions, several right answers allowed (equal titles,
captions that several photos fulfil), temperature learnt as in CLIP (Radford et al. 2021, arXiv:2103.00020).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from shoplens.features.align.facets import Codes
from shoplens.features.align.head_training import Tell
from shoplens.features.align.networks import Floats, unit_rows

SIZE = 128
BATCH = 256
TEXTS_AN_EPOCH = 16_384  # drawn anew for each
EPOCHS = 12
PATIENCE = 2  # epochs without a better validation before learning ends
HARD = 0.5  # share of batches whose photos resemble one another: their texts are the hard negatives
RIDGE = 0.3  # of the start, in units of the mean square of an input


@dataclass(frozen=True, slots=True)
class Space:
    """Projections; unit vectors of photos and texts are compared by their dot product."""

    photo: Floats  # [inputs of photos, SIZE]
    text: Floats  # [inputs of texts, SIZE]

    @property
    def inputs(self) -> int:
        """Numbers that a photo comes in."""
        return len(self.photo)

    def photos(self, inputs: Floats) -> Floats:
        """[n, inputs] → unit vectors [n, SIZE]."""
        return unit_rows(inputs @ self.photo)

    def texts(self, inputs: Floats) -> Floats:
        """[n, inputs] → unit vectors [n, SIZE]."""
        return unit_rows(inputs @ self.text)


@dataclass(frozen=True, slots=True)
class Pairs:
    """Texts and the photos they belong to."""

    texts: Floats  # [m, inputs of texts]
    photos: Floats  # [n, inputs of photos]
    rows: Codes  # [m]: photo of each text
    keys: Codes  # [m]: equal texts have equal keys
    asks: Codes  # [m, facets]: values that a caption asks for, -1 = any; a title asks for none
    has: Codes  # [n, facets]: values of each photo's product, -1 = unknown


def start(photos: Floats, texts: Floats, targets: Floats, size: int = SIZE) -> Space:
    """Where learning starts: texts by their principal directions, photos by ridge regression onto `targets` there.

    `photos` [n, …] and `targets` [n, inputs of texts]: where the untrained bridge (or, without one, the photos' titles)
    places them; `texts` [m, inputs of texts] tell the directions.
    """
    different = texts - texts.mean(0)
    _, directions = np.linalg.eigh(different.T @ different)  # ascending
    project = directions[:, ::-1][:, :size]
    gram = photos.T @ photos
    gram[np.diag_indices_from(gram)] += RIDGE * np.trace(gram) / len(gram) + 1e-6
    photo = np.linalg.solve(gram, photos.T @ (targets @ project))
    return Space(photo.astype(np.float32), project.astype(np.float32))


def fit_space(
    begin: Space, learn: Pairs, check: Pairs | None, *, epochs: int = EPOCHS, seed: int, tell: Tell | None = None
) -> tuple[Space, int]:
    """Train from `begin`; returns the space and the epochs it learnt (the best on `check`, 0 = none helped)."""
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    photo, text = (torch.nn.Parameter(torch.from_numpy(one.copy())) for one in (begin.photo, begin.text))
    warmth = torch.nn.Parameter(torch.tensor(np.log(10.0), dtype=torch.float32))
    steps = max(min(len(learn.rows), TEXTS_AN_EPOCH) // BATCH, 1)
    optimiser = torch.optim.AdamW([photo, text, warmth], 1e-3, weight_decay=0.02, fused=True)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, total_steps=epochs * steps + 1)
    best, best_loss, best_epoch = begin, np.inf if check is None else _check(begin, check, 10.0), 0
    for epoch in range(epochs):
        for chosen in _batches(learn, random):
            inside = torch.from_numpy(learn.photos[learn.rows[chosen]])
            photos = functional.normalize(functional.dropout(inside, 0.4) @ photo, dim=1)
            texts = functional.normalize(functional.dropout(torch.from_numpy(learn.texts[chosen]), 0.1) @ text, dim=1)
            loss = contrastive_loss(texts @ photos.T * warmth.exp().clamp(max=100.0), _right(learn, chosen))
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            cycle.step()
        if tell is not None:
            tell(epoch + 1, epochs)
        now = Space(photo.detach().numpy().copy(), text.detach().numpy().copy())
        if check is None:
            best, best_epoch = now, epoch + 1
            continue
        value = _check(now, check, float(warmth.detach().exp()))
        if value < best_loss:
            best, best_loss, best_epoch = now, value, epoch + 1
        elif epoch + 1 - best_epoch >= PATIENCE:
            break
    return best, best_epoch


def _batches(learn: Pairs, random: np.random.Generator) -> Sequence[Codes]:
    """Rows of texts, a batch each; in some batches the photos lie close together in a random direction."""
    size = min(BATCH, len(learn.rows))
    order = random.permutation(len(learn.rows))[:TEXTS_AN_EPOCH]
    hard = order[: int(HARD * len(order)) // size * size]
    if len(hard):
        direction = random.standard_normal(learn.photos.shape[1], np.float32)
        hard = hard[np.argsort(learn.photos[learn.rows[hard]] @ direction, kind="stable")]
    mixed = np.concatenate([hard, order[len(hard) :]])
    cuts = [mixed[begin : begin + size] for begin in range(0, len(mixed) - size + 1, size)]
    return [cuts[place] for place in random.permutation(len(cuts))]


def _right(pairs: Pairs, chosen: Codes) -> torch.Tensor:
    """Which of the batch's photos answer which of its texts: same text, or the product is what a caption asks for."""
    asks, has = pairs.asks[chosen], pairs.has[pairs.rows[chosen]]
    fulfils: npt.NDArray[np.bool_] = np.all((asks[:, None] < 0) | np.equal(asks[:, None], has[None]), axis=2)
    right = fulfils & (asks >= 0).any(1, keepdims=True)
    right |= np.equal(pairs.keys[chosen][:, None], pairs.keys[chosen][None])
    return torch.from_numpy(right)


def contrastive_loss(scores: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """InfoNCE both ways of scores [texts, photos]; the probability is shared equally among the right answers."""
    wanted = right.float()
    forth = -(wanted / wanted.sum(1, keepdim=True) * scores.log_softmax(1)).sum(1).mean()
    back = -(wanted / wanted.sum(0, keepdim=True) * scores.log_softmax(0)).sum(0).mean()
    return (forth + back) / 2


def _check(space: Space, pairs: Pairs, warmth: float) -> float:
    """Loss on held-out pairs, in blocks as large as a batch."""
    losses = []
    photos, texts = space.photos(pairs.photos), space.texts(pairs.texts)
    for begin in range(0, len(pairs.rows), BATCH):
        chosen = np.arange(begin, min(begin + BATCH, len(pairs.rows)))
        scores = torch.from_numpy(texts[chosen] @ photos[pairs.rows[chosen]].T * np.float32(warmth))
        losses.append(float(contrastive_loss(scores, _right(pairs, chosen))) * len(chosen))
    return sum(losses) / max(len(pairs.rows), 1)
