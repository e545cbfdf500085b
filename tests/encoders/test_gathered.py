"""Calls of several threads, encoded together."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from shoplens.encoders.base import Vectors
from shoplens.encoders.gathered import MOST_TEXTS, Gathered


class Slow:
    """Encodes a text as its length; the first batch ends when it is let go."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.begun, self.go = threading.Event(), threading.Event()

    def __call__(self, texts: Sequence[str]) -> Vectors:
        """Waits once."""
        self.batches.append(list(texts))
        self.begun.set()
        self.go.wait(10)
        if "bad" in texts:
            raise ValueError("no such text")
        return np.array([[len(text)] for text in texts], np.float32)


def test_who_comes_meanwhile_is_read_in_one_batch_and_gets_its_own() -> None:
    encoder = Slow()
    gathered = Gathered(encoder)
    with ThreadPoolExecutor(40) as threads:
        first = threads.submit(gathered, ["a"])
        encoder.begun.wait(10)
        others = [threads.submit(gathered, ["x" * size, "y"]) for size in range(2, 22)]
        while len(gathered._queue) < len(others):
            time.sleep(0.001)
        encoder.go.set()
        assert first.result(10).tolist() == [[1.0]]
        assert [one.result(10).tolist() for one in others] == [[[float(size)], [1.0]] for size in range(2, 22)]
    assert [len(one) for one in encoder.batches] == [1, MOST_TEXTS, MOST_TEXTS, 40 - 2 * MOST_TEXTS]
    assert not gathered._busy


def test_an_error_reaches_those_of_its_batch_and_the_next_goes_on() -> None:
    encoder = Slow()
    gathered = Gathered(encoder)
    with ThreadPoolExecutor(3) as threads:
        bad = threads.submit(gathered, ["bad"])
        encoder.begun.wait(10)
        good = threads.submit(gathered, ["good"])
        while not gathered._queue:
            time.sleep(0.001)
        encoder.go.set()
        with pytest.raises(ValueError, match="no such text"):
            bad.result(10)
        assert good.result(10).tolist() == [[4.0]]
    assert gathered(["free again"]).tolist() == [[10.0]]


def test_what_one_cannot_be_read_for_is_not_the_fault_of_its_batch() -> None:
    encoder = Slow()
    gathered = Gathered(encoder)
    with ThreadPoolExecutor(3) as threads:
        first = threads.submit(gathered, ["a"])
        encoder.begun.wait(10)
        bad, good = threads.submit(gathered, ["bad"]), threads.submit(gathered, ["good"])
        while len(gathered._queue) < 2:
            time.sleep(0.001)
        encoder.go.set()
        assert first.result(10).tolist() == [[1.0]]
        assert good.result(10).tolist() == [[4.0]]
        with pytest.raises(ValueError, match="no such text"):
            bad.result(10)


def test_more_texts_than_a_batch_go_alone() -> None:
    encoder = Slow()
    encoder.go.set()
    assert len(Gathered(encoder)([str(one) for one in range(3 * MOST_TEXTS)])) == 3 * MOST_TEXTS
    assert len(encoder.batches) == 1
