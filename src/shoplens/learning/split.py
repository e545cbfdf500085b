"""Cutting a log into what is learnt from, what is chosen on and what is judged on.

The default is one cut in time for everybody, as in a real shop: the model knows nothing of what anybody does later.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from shoplens.domain.dataset import Interactions
from shoplens.domain.events import MICROSECONDS_PER_DAY
from shoplens.errors import InputError
from shoplens.learning.holdout import Holdout, build_holdout


class LeakageWarning(UserWarning):
    """The split lets a model see things that happened after what it is asked to predict."""


@dataclass(frozen=True, slots=True)
class Split:
    """Three parts of one log; together they are the log, and no event is in two of them.

    The cuts are the first microseconds of valid and of test; None when every person has a cut of their own.
    """

    train: Interactions
    valid: Interactions
    test: Interactions
    valid_cut: int | None = None
    test_cut: int | None = None

    @property
    def before_test(self) -> Interactions:
        """Train and valid: what the final model may learn from."""
        return join(self.train, self.valid)

    def valid_holdout(self, *, repeat: bool = False, mask_from: float = -np.inf) -> Holdout:
        """Validation: histories and masks from train. `repeat`: products a person had before may be recommended again.

        `mask_from`: lowest weight of a single event that counts as having had the product (1 = bought).
        """
        return build_holdout(
            self.valid,
            history=self.train,
            trained_on=self.train,
            mask=None if repeat else self.train.take(self.train.weight >= mask_from),
            now=self.valid_cut,
        )

    def test_holdout(
        self, *, repeat: bool = False, mask_from: float = -np.inf, trained_on: Interactions | None = None
    ) -> Holdout:
        """Test: histories and masks from train and valid.

        `trained_on` says what the judged model has learnt from (default: train and valid); it decides which products
        count as cold.
        """
        before = self.before_test
        return build_holdout(
            self.test,
            history=before,
            trained_on=before if trained_on is None else trained_on,
            mask=None if repeat else before.take(before.weight >= mask_from),
            now=self.test_cut,
        )


def temporal_split(interactions: Interactions, valid_days: float = 28, test_days: float = 28) -> Split:
    """Cut at two moments for everybody: the last `test_days` are test, the `valid_days` before them valid.

    Cuts fall on midnight UTC, so that both parts hold whole days; days are rounded up. InputError when the log has no
    time or is too short to leave anything to learn from.
    """
    if valid_days < 0 or test_days < 0:
        raise InputError("valid_days and test_days cannot be negative")
    if not interactions.timed:
        raise InputError(
            "these events have no time, so they cannot be cut in time; give train and valid files instead, "
            "or split by position with leave_last_out"
        )
    if not len(interactions):
        raise InputError("there are no events to split; ingest an event log first")
    last_day = int(interactions.timestamp.max()) // MICROSECONDS_PER_DAY
    test_day = last_day + 1 - int(np.ceil(test_days))
    test_cut = test_day * MICROSECONDS_PER_DAY
    valid_cut = (test_day - int(np.ceil(valid_days))) * MICROSECONDS_PER_DAY
    first = int(interactions.timestamp.min())
    if first >= valid_cut:
        days = last_day - first // MICROSECONDS_PER_DAY + 1
        raise InputError(
            f"the log covers {days} days, which leaves nothing to learn from before {valid_days:g} days of validation "
            f"and {test_days:g} of test; choose fewer days"
        )
    time = interactions.timestamp
    return Split(
        interactions.take(time < valid_cut),
        interactions.take((time >= valid_cut) & (time < test_cut)),
        interactions.take(time >= test_cut),
        valid_cut,
        test_cut,
    )


def rolling_splits(
    interactions: Interactions, windows: int = 3, valid_days: float = 28, test_days: float = 28
) -> list[Split]:
    """`windows` temporal splits, the last of which is `temporal_split`'s; each one before it ends `test_days` earlier.

    The earliest comes first. Every split sees only the log up to the end of its own test, and a later one learns from
    all that an earlier one learnt from, so that figures of several periods can be put side by side. Their tests do not
    overlap. InputError when the log is too short for that many.
    """
    if windows < 1:
        raise InputError("rolling splits need at least one window")
    if windows > 1 and test_days <= 0:
        raise InputError("rolling splits move by test_days, which must be above 0")
    splits = [temporal_split(interactions, valid_days, test_days)]
    step = int(np.ceil(test_days)) * MICROSECONDS_PER_DAY
    width = int(np.ceil(valid_days)) * MICROSECONDS_PER_DAY
    for number in range(1, windows):
        end, first = splits[0].test_cut, int(interactions.timestamp.min())
        assert end is not None
        if first >= end - step - width:
            raise InputError(
                f"the log is too short for {windows} windows: {number} of {valid_days:g} days of validation and "
                f"{test_days:g} of test leave something to learn from; choose fewer windows or fewer days"
            )
        time = interactions.timestamp
        valid_cut, test_cut = end - step - width, end - step
        before = Split(
            interactions.take(time < valid_cut),
            interactions.take((time >= valid_cut) & (time < test_cut)),
            interactions.take((time >= test_cut) & (time < end)),
            valid_cut,
            test_cut,
        )
        splits.insert(0, before)
    return splits


def leave_last_out(interactions: Interactions) -> Split:
    """Each person's last event is test, the one before it valid, when the person has at least three events.

    Issues a LeakageWarning: people's last events lie at different times, so the model learns from what others did
    after the moment it is asked about (trends, products that did not exist yet), and looks better than it will be.
    """
    warnings.warn(
        "leave-last-out lets the model learn from events that happened after those it is asked to predict; "
        "figures come out better than the shop will see. Prefer a temporal split.",
        LeakageWarning,
        stacklevel=2,
    )
    order = np.lexsort((np.arange(len(interactions)), interactions.timestamp, interactions.user))
    user = interactions.user[order]
    end = np.searchsorted(user, user, "right")  # one past the person's last event
    from_end = end - np.arange(len(order))  # 1 = last
    enough = end - np.searchsorted(user, user, "left") >= 3
    part = np.zeros(len(order), np.int8)
    part[order] = np.where(enough & (from_end == 1), 2, np.where(enough & (from_end == 2), 1, 0))
    return Split(interactions.take(part == 0), interactions.take(part == 1), interactions.take(part == 2))


def given_files(train: Interactions, valid: Interactions, test: Interactions | None = None) -> Split:
    """A split that somebody else made. All parts must share their vocabularies (InputError otherwise)."""
    test = test if test is not None else valid.take(np.zeros(len(valid), np.bool_))
    for name, part in (("valid", valid), ("test", test)):
        if part.users != train.users or part.items != train.items:
            raise InputError(f"train and {name} must be read with the same vocabularies of users and items")
    return Split(train, valid, test)


def join(first: Interactions, second: Interactions) -> Interactions:
    """Both parts as one, `first` first. Vocabularies must be equal."""
    return Interactions(
        first.users,
        first.items,
        np.concatenate([first.user, second.user]),
        np.concatenate([first.item, second.item]),
        np.concatenate([first.weight, second.weight]),
        np.concatenate([first.timestamp, second.timestamp]),
        first.timed,
    )
