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
from shoplens.models.linear.relations import Parts, build_parts, choose_head, filter_affordable, spread
from shoplens.models.linear.settings import LinearSettings

PEOPLE = 3_000  # sampled at most; the standard error of NDCG is then below .004
SCORE_BUDGET = 2e10  # multiply-adds that scoring the sample may cost; fewer people beyond it
HIDDEN_SHARE = 0.2  # of each sampled person's events, at least one
DEPTH = 20  # of NDCG
LEAST_PEOPLE = 30  # with fewer the defaults are better than a choice
BATCH = 64  # people scored at a time

STEPS = ((0.0, 1.0, 5.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0))
SHARES = (0.3, 0.0, 1.0)
EASE_ALONE = ((0.0, 0.0, 0.0), 1.0)
HALF_LIVES: tuple[tuple[float | None, float | None], ...] = ((None, None), (180.0, None), (60.0, None), (None, 10.0))
REPEAT_WEIGHTS = (0.0, 3.0, 10.0, 30.0)


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
    """NDCG@20 of each row against its relevant products; `seen` ones are left out of both. float64 [n], NaN: nothing."""
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

    def __init__(self, hidden: Hidden, parts: Parts, scale: tuple[float, float], n_people: int) -> None:
        self.parts, self.scale, self.n_people = parts, scale, n_people
        self.histories, self.n_items = hidden.histories, hidden.relevant.shape[1]
        # People are compared on the head alone: the tail is the same under every candidate.
        self.relevant = hidden.relevant[:, parts.head].tocsr()

    def rows(self, folding: Folding) -> Matrix:
        return folding.rows(self.histories, self.n_items)[:, self.parts.head].tocsr()

    def value(self, settings: LinearSettings, *, repeats: bool = False) -> float:
        """Mean NDCG@20, of new products only unless `repeats`."""
        folding = Folding(settings.half_life_days, settings.half_life_events)
        preferences, known = self.rows(folding), self.rows(Folding())
        again = self.rows(Folding(settings.repeat_half_life_days, repeats="log")) if settings.repeat_weight else None
        found = []
        for start in range(0, self.n_people, BATCH):
            people = slice(start, min(start + BATCH, self.n_people))
            scores = self.parts.score(preferences[people], settings, self.scale)
            if again is not None:
                deviation = scores.std(axis=1, keepdims=True)
                scores += again[people].toarray() * deviation * np.float32(settings.repeat_weight)
            found.append(ndcg(scores, self.relevant[people], None if repeats else known[people]))
        every = np.concatenate(found)
        return float(np.nanmean(every)) if np.isfinite(every).any() else 0.0


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
    trial = _Trial(hidden, parts, (1.0, 1.0), int(min(len(hidden.histories), max(LEAST_PEOPLE, affordable))))
    trial.scale = _scales(trial)
    shapes = [(steps, share) for steps in STEPS for share in SHARES] if with_filter else []
    best = _best(
        trial, [replace(settings, filter_steps=steps, ease_share=share) for steps, share in [*shapes, EASE_ALONE]]
    )
    if interactions.timed:
        best = _best(trial, [replace(best, half_life_days=days, half_life_events=events) for days, events in HALF_LIVES])
    repeated = trial.relevant.multiply(trial.rows(Folding()) != 0).nnz
    if repeated > 0.02 * max(1, trial.relevant.nnz):
        best = _best(trial, [replace(best, repeat_weight=weight) for weight in REPEAT_WEIGHTS], repeats=True)
    return best


def _best(trial: _Trial, candidates: list[LinearSettings], *, repeats: bool = False) -> LinearSettings:
    """The candidate with the highest NDCG; the earlier one on a tie."""
    values = [trial.value(candidate, repeats=repeats) for candidate in candidates]
    return candidates[int(np.argmax(values))]


def _scales(trial: _Trial) -> tuple[float, float]:
    """As relations.common_scale, on the sampled people."""
    some = trial.rows(Folding())[:256]
    graph, ease = trial.parts.graph, trial.parts.ease
    return (
        spread(graph.score(some, STEPS[0]) if graph else None),
        spread(ease.score(some) if ease else None),
    )
