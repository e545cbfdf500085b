"""What an experiment showed so far: figures of each arm, differences that hold at all times, a check of shares."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from shoplens.domain.events import EventType
from shoplens.domain.experiments import Experiment
from shoplens.learning.metrics.sequential import MISMATCH, ArmSample, Interval, difference, mismatch
from shoplens.store.logs import ImpressionLog
from shoplens.store.records import ImpressionRecord, ImpressionResponse

DAY = 86_400 * 1_000_000  # microseconds
WINDOW_DAYS = 7.0  # after an impression, in which an event that quotes it counts

#: Figure → what it is.
FIGURES = {
    "click_through": "impressions that somebody clicked on, of all impressions",
    "add_to_cart": "people who put something shown into the cart, of all people",
    "conversion": "people who bought something shown, of all people",
    "revenue": "money spent on what was shown, a person",
}
_CLICKS = frozenset({EventType.CLICK, EventType.VIEW})


@dataclass(frozen=True, slots=True)
class ArmFigures:
    """One arm. `figures` and `against_control` (None: too few people, or nobody did it) by the names in `FIGURES`."""

    name: str
    share: float
    people: int
    impressions: int
    figures: dict[str, float | None]
    against_control: dict[str, Interval | None]


@dataclass(frozen=True, slots=True)
class ExperimentReport:
    """`shares_p`: always valid p-value of the shares; below `MISMATCH` no figure should be believed."""

    experiment: Experiment
    arms: tuple[ArmFigures, ...]
    shares_p: float
    window_days: float

    @property
    def mismatch(self) -> bool:
        """Whether people fell into the arms as they should not."""
        return self.shares_p < MISMATCH


@dataclass(slots=True)
class _Person:
    impressions: int = 0
    clicked: int = 0
    carted: bool = False
    bought: bool = False
    spent: float = 0.0


def report(log: ImpressionLog, experiment: Experiment, *, window_days: float = WINDOW_DAYS) -> ExperimentReport:
    """Read the log of impressions from the experiment's beginning, and the events that quote them. Where all that
    differs lies in some scenarios, only what they showed counts: the rest is the same in all arms."""
    people: dict[str, dict[str, _Person]] = {arm.name: defaultdict(_Person) for arm in experiment.arms}
    window = int(window_days * DAY)
    before = None if experiment.stopped is None else experiment.stopped + 1
    for chunk in log.scan(since=experiment.started, before=before):
        _count(log, experiment, (record for _, record in chunk), people, window)
    samples = {name: _samples(list(those.values())) for name, those in people.items()}
    control = samples[experiment.control.name]
    arms = tuple(
        ArmFigures(
            arm.name,
            arm.share,
            len(people[arm.name]),
            sum(one.impressions for one in people[arm.name].values()),
            {name: _finite(sample.value) for name, sample in samples[arm.name].items()},
            {}
            if arm is experiment.control
            else {name: difference(sample, control[name]) for name, sample in samples[arm.name].items()},
        )
        for arm in experiment.arms
    )
    p = mismatch([one.people for one in arms], [arm.share for arm in experiment.arms])
    return ExperimentReport(experiment, arms, p, window_days)


def _count(
    log: ImpressionLog,
    experiment: Experiment,
    records: Iterable[ImpressionRecord],
    people: dict[str, dict[str, _Person]],
    window: int,
) -> None:
    seen: dict[str, tuple[_Person, ImpressionRecord]] = {}
    places = experiment.places
    for record in records:
        if places is not None and record.scenario not in places:
            continue
        arm, who = record.arms.get(experiment.name), record.user_id or record.session_id
        if arm in people and who is not None:
            person = people[arm][who]
            person.impressions += 1
            seen[record.impression_id] = person, record
    clicked = set()
    for event in log.responses(list(seen)):
        person, shown = seen[event.impression_id]
        if not shown.timestamp <= event.timestamp <= shown.timestamp + window:
            continue
        if event.item_id not in shown.shown:  # a shop may quote the answer with whatever else is in the basket
            continue
        if event.event_type in _CLICKS and event.impression_id not in clicked:
            clicked.add(event.impression_id)
            person.clicked += 1
        elif event.event_type is EventType.CART:
            person.carted = True
        elif event.event_type is EventType.PURCHASE:
            person.bought = True
            person.spent += _paid(event)


def _paid(event: ImpressionResponse) -> float:
    """What a purchase was worth: as it says, else its price times the units."""
    if event.value is not None:
        return event.value
    return (event.price or 0.0) * (1.0 if event.quantity is None else event.quantity)


def _samples(people: list[_Person]) -> dict[str, ArmSample]:
    """By the names in `FIGURES`."""
    one = np.ones(len(people))

    def column(values: Iterable[float]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return np.fromiter(values, np.float64, len(people))

    return {
        "click_through": ArmSample(column(p.clicked for p in people), column(p.impressions for p in people)),
        "add_to_cart": ArmSample(column(p.carted for p in people), one),
        "conversion": ArmSample(column(p.bought for p in people), one),
        "revenue": ArmSample(column(p.spent for p in people), one),
    }


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
