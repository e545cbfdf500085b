"""Choose the few settings that differ from shop to shop, on purchases hidden inside the training data.

The last fifth of what a sample of people did is hidden (a random fifth when there are no times), everything is fitted
on the rest, and NDCG@20 decides, one question after the other: how long are the walks and how much does EASE count; how
fast does a history age; how often do people buy the same again. Few and principled candidates: more of them fit noise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from shoplens.domain.dataset import Histories, Interactions
from shoplens.models.folding import Folding, Matrix, positives
from shoplens.models.linear.relations import SCALE_SAMPLE, Parts, build_parts, choose_head, filter_affordable, spread
from shoplens.models.linear.settings import LinearSettings

PEOPLE = 2_000  # sampled at most; the standard error of NDCG is then below .005
SCORE_BUDGET = 4e9  # multiply-adds that scoring the sample may cost; fewer people beyond it
HIDDEN_SHARE = 0.2  # of each sampled person's events, at least one
DEPTH = 20  # of NDCG
LEAST_PEOPLE = 30  # with fewer the defaults are better than a choice
BATCH = 64  # people scored at a time

STEPS = ((0.0, 1.0, 5.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0))
SHARES = (0.3, 0.0, 1.0)
EASE_ALONE = ((0.0, 0.0, 0.0), 1.0)
HALF_LIVES: tuple[tuple[float | None, float | None], ...] = ((None, None), (180.0, None), (60.0, None), (None, 10.0))
REPEAT_WEIGHTS = (0.0, 3.0, 10.0, 30.0)
LEAST_REPEATS = 0.02  # share of hidden purchases that were repeats from which on repeating is worth a question


@dataclass(frozen=True, slots=True)
class Hidden:
    """An inner validation: what stays, and what has to be found."""

    kept: Interactions
    histories: Histories  # of the sampled people, from `kept`
    relevant: Matrix  # [n_sampled, n_items], what was hidden


def hide_last(interactions: Interactions, people: int, seed: int) -> Hidden:
    """Hide the last events of at most `people` sampled people with two events or more."""
    random = np.random.default_rng(seed)
    clock = interactions.timestamp if interactions.timed else random.permutation(len(interactions))
    order = np.lexsort((clock, interactions.user))
    number = np.bincount(interactions.user, minlength=len(interactions.users))
    end = np.cumsum(number)
    chosen = np.flatnonzero(number >= 2)
    if len(chosen) > people:
        chosen = np.sort(random.choice(chosen, people, replace=False))
    hide = np.zeros(len(number), np.int64)
    hide[chosen] = np.maximum(1, (number[chosen] * HIDDEN_SHARE).astype(np.int64))
    user = interactions.user[order]
    hidden = np.zeros(len(interactions), np.bool_)
    hidden[order] = np.arange(len(order)) >= (end - hide)[user]
    kept = interactions.take(~hidden)
    liked = interactions.take(hidden & (interactions.weight > 0))
    row = np.searchsorted(chosen, liked.user)
    shape = (len(chosen), len(interactions.items))
    relevant = sp.csr_matrix((np.ones(len(row), np.float32), (row, liked.item)), shape=shape)
    relevant.sum_duplicates()
    relevant.data[:] = 1
    return Hidden(kept, kept.histories(chosen.astype(np.int32)), relevant)


def ndcg(scores: npt.NDArray[np.float32], relevant: Matrix, seen: Matrix | None) -> npt.NDArray[np.float64]:
    """NDCG@20 of each row against its relevant products; `seen` ones are left out of both. [n], NaN: nothing."""
    scores = scores.copy()
    if seen is not None:
        relevant = relevant - relevant.multiply(seen != 0)
        relevant.eliminate_zeros()
        scores[np.repeat(np.arange(len(scores)), np.diff(seen.indptr)), seen.indices] = -np.inf
    depth = min(DEPTH, scores.shape[1])
    top = np.argpartition(scores, scores.shape[1] - depth, axis=1)[:, scores.shape[1] - depth :]
    order = np.argsort(-np.take_along_axis(scores, top, axis=1), axis=1, kind="stable")
    top = np.take_along_axis(top, order, axis=1)
    rows = np.repeat(np.arange(len(scores)), depth)
    hit = np.asarray(relevant.tocsr()[rows, top.ravel()]).reshape(top.shape) > 0
    discount = 1 / np.log2(np.arange(2, depth + 2))
    ideal = np.concatenate([[np.nan], np.cumsum(discount)])
    result: npt.NDArray[np.float64] = (hit * discount).sum(axis=1) / ideal[np.minimum(np.diff(relevant.indptr), depth)]
    return result


class _Trial:
    """The sampled people's scores under any settings, batch by batch."""

    def __init__(self, hidden: Hidden, parts: Parts, n_people: int) -> None:
        self.parts, self.n_people = parts, n_people
        self.histories, self.n_items = hidden.histories, hidden.relevant.shape[1]
        # People are compared on the head alone: the tail is the same under every candidate.
        self.relevant = hidden.relevant[:, parts.head].tocsr()
        self.known = self.rows(Folding())
        some = self.known[:SCALE_SAMPLE]
        self.scale = (
            spread(parts.graph.score(some, STEPS[0]) if parts.graph else None),
            spread(parts.ease.score(some) if parts.ease else None),
        )

    def _own(self, settings: LinearSettings) -> Matrix | None:
        """What the filter lets products say for themselves, diagonal; the item-to-item matrix leaves it out."""
        if self.parts.graph is None or not any(settings.filter_steps):
            return None
        return sp.diags(self.parts.graph.own(settings.filter_steps) * np.float32(self.scale[0]))

    def rows(self, folding: Folding) -> Matrix:
        return folding.rows(self.histories, self.n_items)[:, self.parts.head].tocsr()

    def best(self, candidates: list[LinearSettings], *, repeats: bool = False) -> LinearSettings:
        """The candidate with the highest mean NDCG@20 (of new products unless `repeats`); the earlier on a tie."""
        found = np.zeros(len(candidates))
        again = self.rows(Folding(candidates[0].repeat_half_life_days, repeats="log")) if repeats else None
        own = self._own(candidates[0]) if repeats else None
        for place, same in _by_folding(candidates).items():
            preferences = self.rows(place)
            for start in range(0, self.n_people, BATCH):
                people = slice(start, min(start + BATCH, self.n_people))
                parts = _Components(self.parts, preferences[people], [candidates[one] for one in same])
                for one in same:
                    scores = parts.mix(candidates[one], self.scale)
                    if own is not None:
                        scores -= (preferences[people] @ own).toarray()
                    if again is not None and candidates[one].repeat_weight:
                        strength = np.float32(candidates[one].repeat_weight) * scores.std(axis=1, keepdims=True)
                        scores += again[people].toarray() * strength
                    found[one] += np.nansum(
                        ndcg(scores, self.relevant[people], None if repeats else self.known[people])
                    )
        return candidates[int(np.argmax(found))]


class _Components:
    """What the candidates of one folding share for one batch of people: each walk and EASE, computed once."""

    def __init__(self, parts: Parts, preferences: Matrix, candidates: list[LinearSettings]) -> None:
        wanted = [any(one.filter_steps[step] for one in candidates) for step in range(3)]
        self.walks: list[npt.NDArray[np.float32] | None] = [None, None, None]
        if parts.graph is not None and any(wanted):
            length = int(np.max(np.flatnonzero(wanted))) + 1
            for step, walk in enumerate(parts.graph.walks(preferences, length)):
                self.walks[step] = parts.graph.arrive(walk) if wanted[step] else None
        needs_ease = parts.ease is not None and any(one.ease_share for one in candidates)
        self.ease = parts.ease.score(preferences) if parts.ease is not None and needs_ease else None
        self.shape = preferences.shape

    def mix(self, settings: LinearSettings, scale: tuple[float, float]) -> npt.NDArray[np.float32]:
        """As Parts.score, in a new array."""
        total: npt.NDArray[np.float32] = np.zeros(self.shape, np.float32)
        for weight, walk in zip(settings.filter_steps, self.walks, strict=True):
            if weight and walk is not None:
                total += np.float32(weight * scale[0]) * walk
        if settings.ease_share and self.ease is not None:
            total += np.float32(settings.ease_share * scale[1]) * self.ease
        return total


def _by_folding(candidates: list[LinearSettings]) -> dict[Folding, list[int]]:
    """Places of the candidates that read a history alike."""
    groups: dict[Folding, list[int]] = {}
    for place, one in enumerate(candidates):
        groups.setdefault(Folding(one.half_life_days, one.half_life_events), []).append(place)
    return groups


def select(interactions: Interactions, settings: LinearSettings) -> LinearSettings:
    """The settings with the (chosen) ones replaced by what suits these interactions best."""
    hidden = hide_last(interactions, PEOPLE, settings.seed)
    matrix = positives(hidden.kept)
    if len(hidden.histories) < LEAST_PEOPLE or not matrix.nnz:
        return settings
    head = choose_head(matrix, settings)
    columns = matrix[:, head].tocsr()
    with_filter = filter_affordable(columns, settings)
    parts = build_parts(matrix, head, replace(settings, filter_steps=STEPS[0], ease_share=1.0))
    affordable = SCORE_BUDGET / max(1, columns.nnz * 6)
    trial = _Trial(hidden, parts, int(min(len(hidden.histories), max(LEAST_PEOPLE, affordable))))
    shapes = [(steps, share) for steps in STEPS for share in SHARES] if with_filter else []
    best = trial.best(
        [replace(settings, filter_steps=steps, ease_share=share) for steps, share in [*shapes, EASE_ALONE]]
    )
    if interactions.timed:
        best = trial.best([replace(best, half_life_days=days, half_life_events=count) for days, count in HALF_LIVES])
    repeated = trial.relevant.multiply(trial.known != 0).nnz
    if repeated > LEAST_REPEATS * max(1, trial.relevant.nnz):
        best = trial.best([replace(best, repeat_weight=weight) for weight in REPEAT_WEIGHTS], repeats=True)
    return best
