"""Threads of this process. The heavy calls (ONNX Runtime, NumPy, Pillow) release the interpreter lock."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Input = TypeVar("Input")
Output = TypeVar("Output")


class LocalExecutor:
    """A bounded thread pool: at most two pieces a worker are in flight, so a lazy iterable stays lazy."""

    def __init__(self, workers: int | None = None) -> None:
        self.workers = (
            workers or len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        )

    def map(self, function: Callable[[Input], Output], pieces: Iterable[Input]) -> Iterator[Output]:
        """See `Executor.map`."""
        with ThreadPoolExecutor(self.workers) as pool:
            waiting: deque[Future[Output]] = deque()
            try:
                for piece in pieces:
                    waiting.append(pool.submit(function, piece))
                    if len(waiting) >= 2 * self.workers:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()
