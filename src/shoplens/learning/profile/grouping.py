"""Segments: k-means over people's tastes, named by what tells each from the shop, and the same again next time.

Vectors longer than the median are shortened to it: else a few people of very odd tastes are a group in one training and
none in the next (k-means gives them a centre of their own when it happens to start there).

How many is chosen by the silhouette (Rousseeuw 1987). New groups are matched with those of the training before, by
what their people choose, one to one (Kuhn, The Hungarian method, 1955): a group that is recognised keeps its id, and
its name while it is much the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score

from shoplens.models.profile.model import ProfileModel
from shoplens.models.profile.segments import Segment, Segments, shortened
from shoplens.models.profile.space import TasteSpace
from shoplens.models.profile.traits import DEED_FIELDS, OFFER, TraitColumns
from shoplens.models.profile.wording import JOINED, TYPICAL, trait_text

FEWEST, MOST = 5, 9  # groups; fewer where the people make no five
LEAST_PEOPLE = 40  # in the shop before there are segments
LEAST_GROUP = 5  # people: a smaller group would tell of them; nor is one smaller than an eighth of its fair share
JUDGED = 2_000  # people whose silhouettes are looked at
SAME = 0.5  # cosine from which a group is the one of before
SAME_NAME = 0.8
LOYALTY = 0.02  # of silhouette that another number of groups must be better
TOLD = 5  # traits of a segment
LEAST_LIFT = 1.15

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Crowd:
    """People of whom enough is known."""

    vectors: Floats  # [n_people, size]
    shares: Floats  # of the columns of the space [n_people, m]
    money: Floats  # mean money of a visit, NaN unknown


def find_segments(
    crowd: Crowd,
    space: TasteSpace,
    columns: TraitColumns,
    shop: Floats,
    before: ProfileModel | None,
    *,
    seed: int = 0,
) -> tuple[Segments, dict[str, float]]:
    """`shop`: the shop's shares of the columns of the space. With figures."""
    size = crowd.vectors.shape[1]
    if len(crowd.vectors) < LEAST_PEOPLE or not size:
        return Segments((), np.zeros((0, size)), np.zeros((0, len(space.columns)))), {}
    start = None if before is None else _earlier_centres(before, space, columns, shop)
    longest = float(np.median(np.linalg.norm(crowd.vectors, axis=1)))
    found = _cluster(shortened(crowd.vectors, longest), start, seed)
    if found is None:
        return Segments((), np.zeros((0, size)), np.zeros((0, len(space.columns)))), {}
    centres, label, quality = found
    count = np.bincount(label, minlength=len(centres))
    shares = np.stack([crowd.shares[label == k].mean(axis=0) for k in range(len(centres))])
    overall = float(np.nanmean(crowd.money)) if np.isfinite(crowd.money).any() else np.nan
    groups = []
    for k in range(len(centres)):
        money = crowd.money[label == k]
        relative = float(np.nanmean(money)) / overall if np.isfinite(money).any() and overall > 0 else None
        traits = _telling(shares[k], shop, space, columns)
        groups.append(Segment("", {}, int(count[k]), traits, None if relative is None else round(relative, 3)))
    named = _named(groups, shares, space, columns, shop, before)
    order = np.argsort(-count, kind="stable")
    ordered = Segments(tuple(named[k] for k in order.tolist()), centres[order], shares[order], longest)
    return ordered, {"segments": len(centres), "silhouette": round(quality, 4)}


def _cluster(vectors: Floats, start: Floats | None, seed: int) -> tuple[Floats, npt.NDArray[np.int64], float] | None:
    """Centres, the group of each person, and the silhouette; None where no number of groups makes them large enough."""
    best: tuple[float, Floats, npt.NDArray[np.int64]] | None = None
    for k in (*range(FEWEST, MOST + 1), *range(FEWEST - 1, 1, -1)):
        if k < FEWEST and best is not None:
            break
        again = start is not None and len(start) == k
        run = _means(vectors, k, start if again else None, seed)
        label = run.labels_.astype(np.int64)
        if np.bincount(label, minlength=k).min() < max(LEAST_GROUP, len(vectors) / k / 8):
            continue
        quality = _silhouette(vectors, label, seed) + (LOYALTY if again else 0.0)
        if best is None or quality > best[0]:
            best = quality, np.asarray(run.cluster_centers_, np.float64), label
    return None if best is None else (best[1], best[2], _silhouette(vectors, best[2], seed))


def _means(vectors: Floats, k: int, start: Floats | None, seed: int) -> KMeans:
    """From the groups of before where that is as good as from anywhere: then they stay what they were."""
    fresh = KMeans(k, n_init=10, random_state=seed).fit(vectors)
    if start is None:
        return fresh
    again = KMeans(k, init=start, n_init=1, random_state=seed).fit(vectors)
    return again if again.inertia_ <= 1.02 * fresh.inertia_ else fresh


def _silhouette(vectors: Floats, label: npt.NDArray[np.int64], seed: int) -> float:
    """Of at most JUDGED people."""
    some = np.random.default_rng(seed).choice(len(vectors), min(JUDGED, len(vectors)), replace=False)
    return float(silhouette_score(vectors[some], label[some])) if len(np.unique(label[some])) > 1 else -1.0


def _earlier_centres(before: ProfileModel, space: TasteSpace, columns: TraitColumns, shop: Floats) -> Floats | None:
    """The groups of the training before, in the directions of this one."""
    if not len(before.segments.groups):
        return None
    shares = _in_columns(before, space, columns, shop)
    return np.asarray(((shares - shop) * space.weight) @ space.directions)


def _in_columns(before: ProfileModel, space: TasteSpace, columns: TraitColumns, shop: Floats) -> Floats:
    """Shares of the earlier groups in the columns of this space; the shop's where a column is new."""
    known = {
        (before.columns.fields[before.columns.field[column]], before.columns.shown[column].casefold()): place
        for place, column in enumerate(before.space.columns.tolist())
    }
    shares = np.tile(shop, (len(before.segments.groups), 1))
    for place, column in enumerate(space.columns.tolist()):
        old = known.get((columns.fields[columns.field[column]], columns.shown[column].casefold()))
        if old is not None:
            shares[:, place] = before.segments.shares[:, old]
    return shares


def _named(
    groups: list[Segment],
    shares: Floats,
    space: TasteSpace,
    columns: TraitColumns,
    shop: Floats,
    before: ProfileModel | None,
) -> list[Segment]:
    """With ids and names; those recognised keep theirs."""
    kept: dict[int, tuple[Segment, float]] = {}
    latest = 0
    if before is not None and before.segments.groups:
        latest = max(int(one.id[1:]) for one in before.segments.groups)
        likeness = _cosines(
            (shares - shop) * space.weight, (_in_columns(before, space, columns, shop) - shop) * space.weight
        )
        for new, old in zip(*linear_sum_assignment(-likeness), strict=True):
            if likeness[new, old] >= SAME:
                kept[int(new)] = before.segments.groups[old], float(likeness[new, old])
    named: list[Segment] = []
    taken = {name for one, alike in kept.values() if alike >= SAME_NAME for name in one.names.values()}
    for place, group in enumerate(groups):
        known = kept.get(place)
        if known is not None and known[1] >= SAME_NAME:
            named.append(replace(group, id=known[0].id, names=known[0].names))
            continue
        latest += known is None
        names = {language: _name(group, language, taken) for language in JOINED}
        taken |= set(names.values())
        named.append(replace(group, id=known[0].id if known else f"s{latest}", names=names))
    return named


def _name(group: Segment, language: str, taken: set[str]) -> str:
    """What tells the group from others, in two or, where another has that name, three words."""
    words: list[str] = []
    for field, value, _ in group.traits:
        word = trait_text(field, value, language)
        if any(letter.isalpha() for letter in value) and word not in words:
            words.append(word)
    for length in (2, 3, 4):
        name = JOINED[language].join(words[:length]) or TYPICAL[language]
        if name not in taken:
            return name
    return f"{name} {len(taken)}"


def _telling(
    shares: Floats, shop: Floats, space: TasteSpace, columns: TraitColumns
) -> tuple[tuple[str, str, float], ...]:
    """Traits that the group chooses clearly more, by correspondence residual; of nested categories only one."""
    strength = (shares - shop) * space.weight
    found: list[tuple[str, str, float]] = []
    for place in np.argsort(-strength, kind="stable").tolist():
        column = int(space.columns[place])
        field, value = columns.fields[columns.field[column]], columns.shown[column]
        lift = float(shares[place] / max(shop[place], 1e-12))
        if strength[place] <= 0 or len(found) == TOLD:
            break
        if lift < LEAST_LIFT or (field, value) == (OFFER, DEED_FIELDS[OFFER][0]):
            continue  # to pay the usual price is nothing to be known for
        if any(_nested(value, other) for other_field, other, _ in found if other_field.startswith("category")):
            continue
        found.append((field, value, round(lift, 3)))
    return tuple(found)


def _nested(one: str, other: str) -> bool:
    return one == other or one.startswith(f"{other} > ") or other.startswith(f"{one} > ")


def _cosines(a: Floats, b: Floats) -> Floats:
    lengths = np.linalg.norm(a, axis=1)[:, None] * np.linalg.norm(b, axis=1)[None]
    return np.asarray(a @ b.T / np.maximum(lengths, 1e-12))
