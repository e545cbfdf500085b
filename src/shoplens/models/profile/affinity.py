"""How much more of something a person chooses than the shop's people do, and how sure that is.

A person's share of a value (of what they chose, how much was tea?) is judged beside the mean share of all people. Few
deeds say little: shares are pulled towards the shop's by a beta prior whose strength is what people really differ by,
field by field (empirical Bayes by moments; Kleinman, Proportions with extraneous variance, JASA 1973). Deeds fade with
time; what faded deeds are worth is Kish's effective sample size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.special import betaincc, betaincinv

from shoplens.domain.events import MICROSECONDS_PER_DAY
from shoplens.models.profile.deeds import Deeds, local_hours
from shoplens.models.profile.traits import DEED_FIELDS, OFFER, PART_OF_DAY, PART_OF_WEEK, TraitColumns

HALF_LIFE_DAYS = 120.0  # as the cart's
LONGEST_PAUSE = 3.0  # half-lives that an absence counts at most: tastes fade while somebody is away, but not to nothing
LEAST_EVIDENCE = 5.0  # effective deeds in a field before anything is said of it
LEAST_DEEDS = 3  # with a value before it is said to be liked
LEAST_LIFT = 1.2
SURE = 0.9  # probability that the true share is above the shop's
STRENGTH = (2.0, 50.0)  # bounds of the prior, in deeds: who is quite unlike everybody is seen for it

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Tally:
    """What people chose, faded: [n_people, …] each; `liked` and `deeds` are sparse."""

    liked: sp.csr_matrix  # weight of each column [n_people, n_columns]
    deeds: sp.csr_matrix  # how many deeds those were, not faded
    total: Floats  # weight of deeds with any value of the field [n_people, n_fields]
    effective: Floats  # what they are worth, in deeds [n_people, n_fields]

    def counts(self, columns: TraitColumns) -> sp.csr_matrix:
        """`liked` in effective deeds."""
        with np.errstate(invalid="ignore", divide="ignore"):
            scale = np.where(self.total > 0, self.effective / self.total, 0.0)
        scaled = self.liked.tocoo()
        values = scaled.data * scale[scaled.row, columns.field[scaled.col]]
        return sp.csr_matrix((values, (scaled.row, scaled.col)), scaled.shape)


def tally(
    deeds: Deeds,
    rows: sp.csr_matrix,
    columns: TraitColumns,
    *,
    now: int,
    zone: str = "UTC",
    half_life_days: float = HALF_LIFE_DAYS,
) -> Tally:
    """Count what was chosen before `now`. `rows`: traits of products by the numbers in `deeds.item`.

    What was given back or disliked counts nothing; a product counts once a day, a time of day or week once a visit.
    """
    past = deeds.before(now)
    liked = past.weight > 0
    _, given_back = past.returns()
    liked[given_back[given_back >= 0]] = False
    told = past.keep(liked)
    told = told.keep(told.strongest(told.item, zone))
    half_life = half_life_days * MICROSECONDS_PER_DAY
    weight = told.weight * 0.5 ** (told.ages(now, round(LONGEST_PAUSE * half_life)) / half_life)
    own, of_field = _of_deeds(told, columns, zone), _field_of(columns)
    has = ((rows @ of_field) > 0).astype(np.float64)  # a product with two colours is one deed of the field
    sums = {}
    for name, values in (("weight", weight), ("square", weight**2), ("deeds", np.ones(len(weight)))):
        by_product = sp.csr_matrix((values, (told.person, told.item)), (len(told), rows.shape[0]))
        by_deed = sp.csr_matrix((values, np.arange(len(values)), told.indptr), (len(told), len(values)))
        sums[name] = by_product, (by_deed @ own).tocsr()
    liked, deeds_of = (sums[name][0] @ rows + sums[name][1] for name in ("weight", "deeds"))
    total, square = ((sums[name][0] @ has + sums[name][1] @ of_field).toarray() for name in ("weight", "square"))
    effective = np.divide(total**2, square, out=np.zeros_like(total), where=square > 0)
    return Tally(liked.tocsr(), deeds_of.tocsr(), total, effective)


@dataclass(frozen=True, slots=True)
class ShopAverage:
    """Mean share of each column over people, and how many deeds the prior of each field is worth."""

    share: Floats  # [n_columns]
    strength: Floats  # [n_fields]

    @classmethod
    def fit(cls, counted: Tally, columns: TraitColumns) -> ShopAverage:
        """From a tally of all people; those with less than LEAST_EVIDENCE in a field have no say in it."""
        counts = counted.counts(columns).tocsc()
        share, strength = np.zeros(len(columns)), np.full(len(columns.fields), STRENGTH[0])
        for place, name in enumerate(columns.fields):
            deeds = counted.effective[:, place]
            known = deeds >= LEAST_EVIDENCE
            mine = columns.of_field(name)
            if not known.any():
                continue
            n = deeds[known]
            found = counts[:, mine].tocsr()[np.flatnonzero(known)]
            found = sp.diags(1 / n) @ found
            mean = np.asarray(found.mean(axis=0)).ravel()
            share[mine] = mean
            between = float(found.multiply(found).sum() - len(n) * (mean**2).sum())  # Σ (x - p)²
            chance = float((mean * (1 - mean)).sum())
            rho = (between - chance * (1 / n).sum()) / max(chance * (1 - 1 / n).sum(), 1e-12)
            strength[place] = np.clip(1 / max(rho, 1e-9) - 1, *STRENGTH)
        return cls(share, strength)

    def shares(self, counted: Tally, columns: TraitColumns, chosen: npt.NDArray[np.int64]) -> Floats:
        """Shares as far as the deeds allow to tell, of some columns. [n_people, len(chosen)]"""
        prior = self.strength[columns.field[chosen]]
        seen = counted.counts(columns)[:, chosen].toarray()
        deeds = counted.effective[:, columns.field[chosen]]
        return np.asarray((seen + prior * self.share[chosen]) / (deeds + prior))


@dataclass(frozen=True, slots=True)
class Affinities:
    """What people clearly choose more than others: one entry each, of person `person`."""

    person: npt.NDArray[np.int64]
    column: npt.NDArray[np.int64]
    share: Floats  # posterior mean
    low: Floats  # 90 % interval of the share
    high: Floats
    lift: Floats  # share / the shop's
    confidence: Floats  # that the true share lies above the shop's
    deeds: npt.NDArray[np.int64]


def affinities(counted: Tally, average: ShopAverage, columns: TraitColumns) -> Affinities:
    """All that is sure and large enough; person by person, that which surely tells most about them first.

    How much a value tells is its part of the Kullback-Leibler divergence between person and shop, by the lower end of
    the share: a tenth of the basket at three times the shop's share before a hundredth at five times.
    """
    counts = counted.counts(columns).tocoo()
    person, column, seen = counts.row.astype(np.int64), counts.col.astype(np.int64), counts.data
    place = columns.field[column]
    deeds = counted.effective[person, place]
    shop, prior = average.share[column], average.strength[place]
    a = seen + prior * shop
    b = np.maximum(deeds - seen, 0) + prior * (1 - shop)
    share = a / np.maximum(a + b, 1e-12)
    kept = np.flatnonzero((deeds >= LEAST_EVIDENCE) & (shop > 0) & (share >= LEAST_LIFT * shop))
    raw = np.asarray(counted.deeds[person[kept], column[kept]]).ravel() if len(kept) else np.zeros(0)
    kept, raw = kept[raw >= LEAST_DEEDS], raw[raw >= LEAST_DEEDS]
    sure = betaincc(a[kept], b[kept], shop[kept])
    kept, raw, sure = kept[sure >= SURE], raw[sure >= SURE], sure[sure >= SURE]
    low, high = (betaincinv(a[kept], b[kept], q) for q in (0.05, 0.95))
    lift = share[kept] / shop[kept]
    telling = low * np.log(np.maximum(low / shop[kept], 1e-9))
    order = np.lexsort((-telling, person[kept]))
    kept, low, high, lift, sure = kept[order], low[order], high[order], lift[order], sure[order]
    return Affinities(person[kept], column[kept], share[kept], low, high, lift, sure, raw[order].astype(np.int64))


def _field_of(columns: TraitColumns) -> sp.csr_matrix:
    """1 where a column is of a field. [n_columns, n_fields]"""
    ones = np.ones(len(columns), np.float64)
    return sp.csr_matrix((ones, (np.arange(len(columns)), columns.field)), (len(columns), len(columns.fields)))


def _of_deeds(deeds: Deeds, columns: TraitColumns, zone: str) -> sp.csr_matrix:
    """Traits of the deeds themselves. [n_deeds, n_columns]"""
    hours = local_hours(deeds.time, zone)
    weekend = ((hours // 24 + 3) % 7 >= 5).astype(np.int64)  # day 0 of 1970 was a Thursday
    parts = {PART_OF_DAY: hours % 24 // 6, PART_OF_WEEK: weekend}
    codes = {name: np.where(deeds.strongest(part, zone), part, -1) for name, part in parts.items()}
    codes[OFFER] = deeds.offers().astype(np.int64)
    row, column = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for name, values in DEED_FIELDS.items():
        place = np.array([columns.number.get((name, value), -1) for value in values], np.int64)
        known = np.flatnonzero(codes[name] >= 0)
        number = place[codes[name][known]]
        row.append(known[number >= 0])
        column.append(number[number >= 0])
    rows, found = np.concatenate(row), np.concatenate(column)
    return sp.csr_matrix((np.ones(len(rows), np.float32), (rows, found)), (len(deeds.item), len(columns)))
