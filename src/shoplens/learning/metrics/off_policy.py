"""What another way of answering would have earned, from answers of which a part was left to chance.

A list is chosen place by place, and how likely each product was where it stands, given those above, is logged. What is
clicked at a place is taken to depend on the products down to it (the cascade of a reader), not on those below. Then
place k counts with the product of the ratios new / logged of the places 1 … k:

ips     mean of weighted rewards (McInerney et al., KDD 2020: reward interaction IPS): unbiased, of the largest variance
snips   the same, divided by the mean weight of each place (Swaminathan and Joachims, NeurIPS 2015): hardly biased
dr      a guess of each product's rewards, put right by weighted errors (Kiyohara et al., WSDM 2022: cascade-DR)

All say nothing about what the logged way could never have shown. The mean weight of a place is 1 where everything could
have been; what is missing from 1 is the share of the new lists that the log cannot speak of (`covered`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shoplens.learning.metrics.bootstrap import resampled_means

LEAST_EFFECTIVE = 100.0  # answers that all weighted ones must be worth
LEAST_COVERED = 0.95  # of the new lists that the log must be able to speak of
SMOOTHING = 5.0  # expected rewards of a product before its own count more than the average's

Matrix = npt.NDArray[np.float64]  # [answers, places]; places that an answer does not have are 0
People = npt.NDArray[np.int64]  # [answers], from 0


@dataclass(frozen=True, slots=True)
class Estimate:
    """Rewards an answer, with a 95 % interval by resampling people."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class OffPolicy:
    """What the log says. `refused`: why none of the estimates should be believed, None when they may be."""

    answers: int
    people: int
    logged: Estimate  # what was really earned
    ips: Estimate
    snips: Estimate
    dr: Estimate
    gain: Estimate  # dr − logged, on the same people
    effective: float  # answers that the weighted ones are worth at the last place: (Σ w)² / Σ w²
    covered: float  # mean weight of the place where it is least
    refused: str | None


def estimate(
    ratio: Matrix, reward: Matrix, there: npt.NDArray[np.bool_], guess: Matrix, expected: Matrix, people: People
) -> OffPolicy:
    """`ratio`: new / logged chance of what stands at each place; `there`: places an answer has; `guess`: reward guessed
    of what was shown; `expected`: reward guessed of what the new way would show there, given what stands above."""
    weight = np.cumprod(np.where(there, ratio, 1.0), axis=1) * there
    above = np.concatenate([np.ones((len(weight), 1)), weight[:, :-1]], axis=1) * there
    robust = (above * expected + weight * (reward - guess)).sum(axis=1)
    columns = [reward.sum(axis=1), (weight * reward).sum(axis=1), robust, np.ones(len(reward))]
    by_place = [weight * reward, weight, there.astype(np.float64)]
    sums = _by_person(np.column_stack([*columns, *by_place]), people)
    means = np.vstack([sums.mean(axis=0), resampled_means(sums)])
    places = reward.shape[1]
    answers = means[:, 3]
    logged, ips, dr = (means[:, k] / answers for k in range(3))
    told, mean_weight, shown = (means[:, 4 + k * places : 4 + (k + 1) * places] for k in range(3))
    snips = (told / np.maximum(mean_weight, 1e-12) * shown).sum(axis=1) / answers
    covering = (mean_weight / np.maximum(shown, 1e-12)).min(axis=1)
    last = weight[:, int(np.flatnonzero(there.any(axis=0))[-1])]
    effective = float(last.sum() ** 2 / max((last**2).sum(), 1e-12))
    return OffPolicy(
        len(reward),
        len(sums),
        _interval(logged),
        _interval(ips),
        _interval(snips),
        _interval(dr),
        _interval(dr - logged),
        effective,
        float(covering[0]),
        _refusal(effective, covering),
    )


def guesses(
    item: npt.NDArray[np.int64], reward: Matrix, there: npt.NDArray[np.bool_], people: People, n_items: int
) -> tuple[Matrix, Matrix]:
    """Factors of products and of places, whose product guesses a reward: [2, n_items] and [2, places]. Row f is learnt
    from the people whose number is odd or even as f is not, so that nobody's clicks guess themselves."""
    of_item, of_place = np.ones((2, n_items)), np.zeros((2, reward.shape[1]))
    for fold in range(2):
        other = people % 2 != fold
        seen = there & other[:, None]
        of_place[fold] = (reward * seen).sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
        expected = np.bincount(item[seen], np.broadcast_to(of_place[fold], seen.shape)[seen], n_items)
        earned = np.bincount(item[seen], reward[seen], n_items)
        of_item[fold] = (earned + SMOOTHING) / (expected + SMOOTHING)
    return of_item, of_place


def _by_person(values: Matrix, people: People) -> Matrix:
    """Summed over each person's answers."""
    result = np.zeros((int(people.max()) + 1, values.shape[1]))
    np.add.at(result, people, values)
    return result


def _interval(draws: npt.NDArray[np.float64]) -> Estimate:
    """The value itself comes first, then the resamples."""
    low, high = np.quantile(draws[1:], [0.025, 0.975])
    return Estimate(float(draws[0]), float(low), float(high))


def _refusal(effective: float, covering: npt.NDArray[np.float64]) -> str | None:
    if effective < LEAST_EFFECTIVE:
        return (
            f"the answers that the new way could have given are worth {effective:.0f}, fewer than "
            f"{LEAST_EFFECTIVE:.0f}: log longer, leave more places to chance, or look at fewer places"
        )
    if float(np.quantile(covering[1:], 0.975)) < LEAST_COVERED:
        return (
            f"the log can speak of {covering[0]:.0%} of what the new way would show; the rest could never have been "
            "shown, not being among the candidates that chance chose from: log longer answers (a larger n), or compare "
            "in an experiment"
        )
    return None
