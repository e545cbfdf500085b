"""Where slow work runs is an argument, not a code path."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

Input = TypeVar("Input")
Output = TypeVar("Output")


class Executor(Protocol):
    """Maps a function over pieces of work, in order, on however many workers it has."""

    workers: int

    def map(self, function: Callable[[Input], Output], pieces: Iterable[Input]) -> Iterator[Output]:
        """Results in the order of `pieces`; the first error is raised and the rest is dropped."""
        ...
