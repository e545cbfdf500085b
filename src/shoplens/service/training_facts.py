"""What a reader of a training's report must know to believe its figures: the data, what counts, and how often the test
was looked at."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from shoplens.domain.dataset import TrainingData
from shoplens.domain.events import EventType, EventWeights
from shoplens.learning.evaluate import Evaluation
from shoplens.learning.runs.record import list_runs
from shoplens.learning.split import Split

AS_TODAY = (
    "as they are told today, for validation and test too: one that counts what happened later (units sold, last "
    "purchase) makes figures better than they will be"
)


def what_counts(kinds: Mapping[EventType, int], weights: EventWeights) -> str:
    """Which events make a product relevant in figures and probabilities, and how many of each the log holds."""
    wanted = {kind: n for kind, n in kinds.items() if weights.get(kind, 0) > 0 or kind is EventType.RATING}
    told = ", ".join(f"{n:,} × {kind}" for kind, n in sorted(wanted.items(), key=lambda pair: -pair[1]))
    return f"all events of a person with it weigh more than 0 in sum; in the whole log {told or 'none'}"


def looks_before(runs: Path, test: Mapping[str, Evaluation]) -> int:
    """How many finished runs of a folder were scored on the same people and products."""
    holdouts = {one.holdout for one in test.values()}
    return sum(
        any(figures.get("holdout") in holdouts for figures in one.run.models.values())
        for one in list_runs(runs)
        if one.run is not None
    )


def told_looks(number: int) -> str:
    """A sentence about `looks_before`."""
    if not number:
        return "never: no run in this workspace was scored on it"
    times = "once" if number == 1 else f"{number} times"
    return f"{times}: settings that were changed after looking at it make its figures better than they will be"


def facts_of(data: TrainingData, split: Split, note: str) -> dict[str, Any]:
    """What a reader of the report wants to know about the data."""
    interactions, modalities, profiles = data.interactions, data.modalities, data.profiles
    people = len(np.unique(split.test.user))
    period = "each person's last event"
    if split.test_cut is not None:
        first, last = (
            datetime.fromtimestamp(time / 1e6, UTC) for time in (split.test_cut, interactions.timestamp.max())
        )
        period = f"{first:%d %B %Y} to {last:%d %B %Y}"
    facts: dict[str, Any] = {
        "test": f"{period}, {people:,} people",
        "split": note,
        "events": len(interactions),
        "people": len(np.unique(interactions.user)),
        "products": len(interactions.items),
        "products with an event": len(np.unique(interactions.item)),
        **{f"products with {one.name}": int(one.present.sum()) for one in modalities},
        "fields of people": 0 if profiles is None else len(profiles.categorical) + len(profiles.numeric),
    }
    if facts["fields of people"] or any(one.name == "attributes" for one in modalities):
        facts["fields and attributes"] = AS_TODAY
    return facts
