"""Batches worked on side by side, their results in the order of the batches."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Given = TypeVar("Given")
Made = TypeVar("Made")


def in_order(work: Callable[[Given], Made], batches: Sequence[Given], threads: int) -> Iterator[Made]:
    """`work` of each batch, on so many threads; no more results are in memory than are worked on and waited for."""
    if threads == 1 or len(batches) < 2:
        yield from map(work, batches)
        return
    with ThreadPoolExecutor(threads, "shoplens-text") as pool:
        coming = iter(batches)
        waiting: deque[Future[Made]] = deque(pool.submit(work, one) for one in itertools.islice(coming, 2 * threads))
        while waiting:
            made = waiting.popleft().result()
            waiting.extend(pool.submit(work, one) for one in itertools.islice(coming, 1))
            yield made
