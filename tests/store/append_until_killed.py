"""Appends batches for ever and says which are confirmed; run by test_store_kill, which kills it.

Arguments: URL of the store, rows of a batch, number of batches. Goes on where the last checkpoint is.
"""

from __future__ import annotations

import sys

from shoplens.domain.events import EVENT_CODES, EventBatch, EventType
from shoplens.store.records import Checkpoint
from shoplens.store.sql import open_store

SOURCE = "a made-up log"


def batch_of(number: int, size: int) -> EventBatch:
    """Batch `number`; every row of it says so in its value, and every key is different."""
    rows = range(number * size, (number + 1) * size)
    none = [None] * size
    return EventBatch(
        key=[row * 7_919 + 1 for row in rows],
        event_type=[EVENT_CODES[EventType.RATING]] * size,
        timestamp=[1_700_000_000_000_000 + row for row in rows],
        user_id=[f"u{row % 97}" for row in rows],
        session_id=[*none],
        item_id=[f"i{row % 89 + number}" for row in rows],  # each batch knows a new product
        value=[float(number)] * size,
        quantity=[*none],
        price=[*none],
        currency=[*none],
        impression_id=[*none],
        position=[*none],
        query=[*none],
        context=[*none],
    )


def main() -> None:
    url, size, batches = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    store = open_store(url)
    point = store.checkpoint(SOURCE)
    print("ready", flush=True)
    for number in range(point.rows // size if point else 0, batches):
        done = (number + 1) * size
        store.events.append(batch_of(number, size), Checkpoint(SOURCE, done, finished=number + 1 == batches))
        print(number, flush=True)
    store.close()


if __name__ == "__main__":
    main()
