"""Which events a training learns from, validates on and tests on."""

from __future__ import annotations

import warnings
from hashlib import sha256

import numpy as np

from shoplens.domain.dataset import Interactions
from shoplens.domain.events import MICROSECONDS_PER_DAY
from shoplens.errors import InputError
from shoplens.learning.split import LeakageWarning, Split, leave_last_out, temporal_split
from shoplens.service.settings import TrainSettings

LEAST_SHARE = 0.005  # of the events that validation, and test, must each hold to say anything
LARGEST_SHARE = 0.2  # of the log that validation, and test, may each take: a short log keeps 60 % to learn from


def cut(interactions: Interactions, settings: TrainSettings) -> tuple[Split, str]:
    """The split that the log allows, and a sentence about it.

    In time, by the days in the settings, or fewer when the log is short. Where so few events lie in those days that
    they say nothing (a log that paused and was taken up again), by the days that hold the last fifth of the events. A
    log without times is cut by position.
    """
    if interactions.timed:
        days = float(interactions.timestamp.max() - interactions.timestamp.min()) / MICROSECONDS_PER_DAY
        most = np.floor(days * LARGEST_SHARE)
        if most >= 1:
            valid, test = min(settings.valid_days, most), min(settings.test_days, most)
            split = temporal_split(interactions, valid, test)
            if min(len(split.valid), len(split.test)) < LEAST_SHARE * len(interactions):
                valid, test = _days_of_last_fifth(interactions)
                split = temporal_split(interactions, valid, test)
            if len(split.train) and len(split.valid) and len(split.test):
                return split, f"split in time: {valid:g} + {test:g} of {days:.0f} days"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LeakageWarning)  # said in the sentence, which every report shows
        split = leave_last_out(interactions)
    if not len(split.test):
        raise InputError(
            "there is too little to validate on: no person has three events. "
            "Take in a longer log, or answer from popularity until there is one."
        )
    return split, (
        "split by position: the log covers too little time for whole days. Each person's last event is the test; "
        "figures are better than they will be in the shop"
    )


def _days_of_last_fifth(interactions: Interactions) -> tuple[float, float]:
    """Days for validation and test that hold about a tenth of the events each."""
    moments = np.quantile(interactions.timestamp, (0.8, 0.9))
    end = int(interactions.timestamp.max()) // MICROSECONDS_PER_DAY + 1
    first, second = (float(end - moment // MICROSECONDS_PER_DAY) for moment in moments)
    return max(first - second, 1.0), second


def known_only(interactions: Interactions, at_least: int) -> Interactions:
    """Without the events of products that have fewer than `at_least`: those are learnt about from their content."""
    if at_least <= 1:
        return interactions
    counts = np.bincount(interactions.item, minlength=len(interactions.items))
    return interactions.take(counts[interactions.item] >= at_least)


def fingerprint(interactions: Interactions) -> str:
    """SHA-256 of everything that was learnt from: two bundles with the same one saw the same events."""
    digest = sha256()
    for part in (interactions.user, interactions.item, interactions.weight, interactions.timestamp):
        digest.update(np.ascontiguousarray(part).data)
    return digest.hexdigest()
