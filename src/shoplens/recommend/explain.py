"""Why a product is in an answer, in a sentence a shopper can read, and which kind of content spoke for it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from shoplens.domain.dataset import Histories
from shoplens.domain.events import EventType
from shoplens.recommend.learned import Learned
from shoplens.recommend.messages import BECAUSE, say
from shoplens.recommend.past import Deed, Past
from shoplens.recommend.shelf import Shelf

EVIDENCE = 0.25  # standard deviations over the catalogue by which a deed must speak for a product to be its reason
LATEST = 16  # deeds that a reason may name
NEW_DAYS = 30.0
POPULAR_SHARE = 0.01  # the most wanted hundredth of the catalogue is "popular now"


def reasons(shelf: Shelf, past: Past, item_ids: Sequence[str], language: str) -> list[tuple[str, ...]]:
    """Sentences for each product, the strongest first; an empty tuple when nothing honest can be said."""
    liked = _liked(past)
    because = _because(shelf, past, liked, item_ids)
    brands = _brands(shelf, liked)
    popular, new = _popular(shelf), _new(shelf, item_ids)
    result = []
    for position, item_id in enumerate(item_ids):
        said: list[str] = []
        deed = because[position]
        if deed is not None:
            said.append(say(language, BECAUSE[deed.event_type], title=_title(shelf, deed.item_id)))
        row = shelf.facts.row(item_id)
        owner = brands.get(int(shelf.facts.columns.brand[row])) if row else None
        if owner is not None and owner != item_id and (deed is None or owner != deed.item_id):
            said.append(say(language, "brand", title=_title(shelf, owner)))
        if row in popular:
            said.append(say(language, "popular"))
        if new[position]:
            said.append(say(language, "new"))
        result.append(tuple(said))
    return result


def modality_shares(shelf: Shelf, histories: Histories, item_ids: Sequence[str]) -> list[Mapping[str, float]]:
    """How much text, image, behaviour … spoke for each product, from the first model that can say; shares sum to 1."""
    nothing: list[Mapping[str, float]] = [{} for _ in item_ids]
    learned = shelf.learned
    if learned is None:
        return nothing
    rows = learned.items.rows(list(item_ids))
    trained = np.flatnonzero(rows >= 0)
    if not len(trained):
        return nothing
    for model in (learned.model, *learned.models.values()):
        offer: Any = getattr(model, "contributions", None)
        if offer is None:
            continue
        spoken = {name: np.maximum(values, 0.0) for name, values in offer(histories, rows[trained]).items()}
        total = np.sum(list(spoken.values()), axis=0)
        for position, k in enumerate(trained):
            if total[position] > 0:
                nothing[k] = {name: round(float(one[position] / total[position]), 4) for name, one in spoken.items()}
        break
    return nothing


def _liked(past: Past) -> list[Deed]:
    """The latest deed with each product that speaks for it, oldest first."""
    latest = {deed.item_id: deed for deed in past.deeds if deed.weight > 0 and deed.event_type in BECAUSE}
    return list(latest.values())[-LATEST:]


def _because(shelf: Shelf, past: Past, liked: list[Deed], item_ids: Sequence[str]) -> list[Deed | None]:
    """For each product the deed that speaks loudest for it.

    A model that can tell is asked. Otherwise each deed is given to the model as if it were the whole history: the
    product's score above that history's average product is how loud the deed speaks. Exact for additive models, and the
    model's own view for all others.
    """
    nobody: list[Deed | None] = [None for _ in item_ids]
    learned = shelf.learned
    if learned is None or not liked:
        return nobody
    told = _told_by_model(learned, past, liked, item_ids)
    if told is not None:
        return told
    profile = past.profile
    singles = [Past((deed,), profile).histories(learned.items, shelf.stand_ins) for deed in liked]
    spoken = [position for position, one in enumerate(singles) if len(one.item)]
    if not spoken:
        return nobody
    scores = learned.model.score(_stack([singles[position] for position in spoken]))  # [spoken, n_items]
    nothing = np.zeros(0, np.float32)
    silent = learned.model.score(Histories.of_one(np.zeros(0, np.int32), nothing, nothing, profile))[0]
    rows = learned.items.rows(list(item_ids))
    newcomers = shelf.place_of_newcomer
    spread = np.maximum(scores.std(axis=1), 1e-9)
    for position, item_id in enumerate(item_ids):
        if rows[position] >= 0:
            voice = (scores[:, rows[position]] - scores.mean(axis=1)) / spread
            baseline = float((silent[rows[position]] - silent.mean()) / max(float(silent.std()), 1e-9))
        elif item_id in newcomers:
            near, share = (part[newcomers[item_id]] for part in (shelf.newcomers.near, shelf.newcomers.share))
            voice = ((scores[:, near] - scores.mean(axis=1, keepdims=True)) * share).sum(axis=1) / spread
            baseline = 0.0
        else:
            continue
        loudest = int(np.argmax(voice))
        if voice[loudest] > max(baseline, 0.0) + EVIDENCE:  # else it is not there because of any one deed
            nobody[position] = liked[spoken[loudest]]
    return nobody


def _told_by_model(
    learned: Learned, past: Past, liked: list[Deed], item_ids: Sequence[str]
) -> list[Deed | None] | None:
    """The same from the model's own `explain(history, row)`; None when it has none or a product came after training."""
    explain: Any = getattr(learned.model, "explain", None)
    rows = learned.items.rows(list(item_ids))
    if explain is None or (rows < 0).any():
        return None
    histories = past.histories(learned.items, {})
    by_item = {deed.item_id: deed for deed in liked}
    found: list[Deed | None] = []
    for row in rows.tolist():
        spoken = (by_item.get(learned.items.ids[place]) for place, part in explain(histories, row) if part > 0)
        found.append(next((deed for deed in spoken if deed is not None), None))
    return found


def _stack(parts: list[Histories]) -> Histories:
    """Several histories of one person each, as one."""
    lengths = [len(one.item) for one in parts]
    return Histories(
        np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        np.concatenate([one.item for one in parts]),
        np.concatenate([one.weight for one in parts]),
        np.concatenate([one.age_days for one in parts]),
        np.concatenate([one.profile for one in parts]),
        np.concatenate([one.now for one in parts]) if all(len(one.now) for one in parts) else np.zeros(0, np.int64),
    )


def _brands(shelf: Shelf, liked: list[Deed]) -> dict[int, str]:
    """Brand code → the latest product of it that the person bought or liked."""
    brands = {}
    for deed in liked:
        if deed.weight >= 0.5 or deed.event_type is EventType.PURCHASE:
            row = shelf.facts.row(deed.item_id)
            code = int(shelf.facts.columns.brand[row])
            if row and code:
                brands[code] = deed.item_id
    return brands


def _popular(shelf: Shelf) -> set[int]:
    """Facts rows that are among the most wanted."""
    popular = shelf.popularity()
    count = max(1, int(len(popular) * POPULAR_SHARE))
    top: npt.NDArray[np.int64] = np.argpartition(popular, len(popular) - count)[len(popular) - count :]
    return {int(row) for row in top if popular[row] > 0}


def _new(shelf: Shelf, item_ids: Sequence[str]) -> list[bool]:
    """Came after training, or lately."""
    border = (time.time() - NEW_DAYS * 86_400) * 1e6
    created = shelf.facts.columns.created
    learned = shelf.learned
    result = []
    for item_id in item_ids:
        row = shelf.facts.row(item_id)
        came_later = learned is not None and item_id not in learned.items
        result.append(came_later or bool(row and created[row] > border))
    return result


def _title(shelf: Shelf, item_id: str) -> str:
    return shelf.facts.titles[shelf.facts.row(item_id)] or item_id
