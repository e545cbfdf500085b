"""Ctrl-C ends a command whenever it arrives."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from shoplens.cli import keep_interrupts


class Tidying:
    """Raises while it goes away."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __del__(self) -> None:
        raise self.error


@pytest.fixture
def _hearing() -> Iterator[None]:
    """What a shell starts in the background ignores Ctrl-C, and so would this test."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_hearing")
def test_an_interrupt_while_tidying_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    others: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", keep_interrupts(lambda one: others.append(one.exc_type)))
    Tidying(ValueError())
    assert others == [ValueError]
    Tidying(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        time.sleep(5)
    assert others == [ValueError]
