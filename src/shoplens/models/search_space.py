"""What `tune` tries: a few values of the few settings that matter most, of each model and of the events.

Few on purpose: the best of hundreds of variants on one validation period is mostly luck, and does not last. The value
in force is always tried too, also when it is not listed here. Values are steps of about a factor of two, or thirds of a
range: finer ones cannot be told apart by the people of one validation period.
"""

from __future__ import annotations

from collections.abc import Mapping

from shoplens.domain.events import EventType

Value = str | int | float | bool | None

#: Model → setting → values. What is left out is a matter of size (batches, threads), or chosen by the model itself.
SPACES: Mapping[str, Mapping[str, tuple[Value, ...]]] = {
    "fusion": {
        "history": ("auto", "mlp", "transformer", "graph"),  # habits, the order of the last deeds, or who else buys
        "embedding_size": (64, 128, 256),
        "learning_rate": (1e-3, 2e-3, 4e-3),
        "dropout": (0.1, 0.3, 0.5),
        "history_dropout": (0.0, 0.2, 0.4),
        "id_dropout": (0.0, 0.2, 0.4),  # more: content carries more, which new products live on
        "weight_decay": (0.001, 0.01, 0.1, 2.0),  # the last: over the graph it is the main regulariser
        "popularity_kept": (0.5, 0.8, 1.0),
    },
    "linear": {
        "user_power": (0.3, 0.5, 0.7),
        "item_power": (0.2, 0.4, 0.6),
        "popularity_power": (0.0, 0.2, 0.4),
        "ease_penalty": (15.0, 30.0, 60.0, 120.0),
        "content_discount": (0.5, 1.0),
    },
    "item-knn": {
        "k": (50, 100, 200, 400),
        "shrinkage": (0.0, 10.0, 50.0),
        "half_life_days": (None, 30.0, 90.0, 180.0),
    },
    "popularity": {"half_life_days": (14.0, 30.0, 60.0, 120.0)},
}

#: Days after which a training event counts half; None: all count alike.
HALF_LIVES: tuple[float | None, ...] = (None, 30.0, 90.0, 180.0, 365.0)

#: Factors on the weight of each kind of event, beside 1. None is zero: an event that says nothing would change what
#: counts as a deed, and so what the fit's own inner validation looks at.
WEIGHT_FACTORS = (1 / 3, 2.0)

#: The unit that the others are measured in.
UNIT_EVENTS = frozenset({EventType.PURCHASE, EventType.RATING})

#: Kinds of events that are rarer than this share of the log are left as they are.
LEAST_SHARE = 0.01
