"""What a conversation remembers from turn to turn: little, bounded, and kept in the store: any process goes on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self

import orjson

MOST_SAID = 8  # questions and answers
LONGEST = 400  # characters of each
MOST_ITEMS = 20
MOST_SLOTS = 20
FORMAT = 1


@dataclass(slots=True)
class Memory:
    """See the top of this file."""

    items: tuple[str, ...] = ()  # products spoken of last
    slots: dict[str, str] = field(default_factory=dict)  # what the customer named
    pending: str = ""  # intent that waits for a slot
    wanted: str = ""  # that slot
    options: tuple[str, ...] = ()  # intents that were offered
    misses: int = 0  # turns in a row without an answer
    upset: int = 0  # turns that sounded upset
    intents: tuple[str, ...] = ()  # of earlier turns, latest last
    said: list[tuple[str, str]] = field(default_factory=list)  # question, answer; latest last
    offered: bool = False  # whether the last turn asked if a person should take over
    shopping: bool = False  # whether the last turn searched for products

    def remember(self, asked: str, answered: str, intent: str | None) -> None:
        """After a turn."""
        self.said = [*self.said, (asked[:LONGEST], answered[:LONGEST])][-MOST_SAID:]
        if intent:
            self.intents = (*self.intents, intent)[-MOST_SAID:]
        self.items = self.items[:MOST_ITEMS]
        self.slots = dict(list(self.slots.items())[-MOST_SLOTS:])

    def told(self) -> str:
        """As JSON."""
        return orjson.dumps(
            {
                "format": FORMAT,
                "items": self.items,
                "slots": self.slots,
                "pending": self.pending,
                "wanted": self.wanted,
                "options": self.options,
                "misses": self.misses,
                "upset": self.upset,
                "intents": self.intents,
                "said": self.said,
                "offered": self.offered,
                "shopping": self.shopping,
            }
        ).decode()

    @classmethod
    def of(cls, told: str) -> Self:
        """What `told` gave; an empty one for anything else."""
        try:
            values: dict[str, Any] = orjson.loads(told)
            if values.pop("format") != FORMAT:
                return cls()
            return cls(
                **values
                | {name: tuple(values[name]) for name in ("items", "options", "intents")}
                | {"said": [(asked, answered) for asked, answered in values["said"]]}
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            return cls()
