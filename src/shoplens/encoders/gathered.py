"""Texts of several threads encoded together: who comes while the encoder is busy waits, and goes into the next batch.

A network reads eight short texts in less than half of the time that it takes for them one by one. Nobody waits for
others to come: a thread that finds the encoder free goes alone.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence

import numpy as np

from shoplens.encoders.base import Vectors

Encode = Callable[[Sequence[str]], Vectors]
MOST_TEXTS = 16  # of a batch: more would save nothing, and let the first of them wait


class _Waiting:
    """One call: its texts, and what became of them once `told` is set; with neither, it is to encode the next batch."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = texts
        self.told = threading.Event()
        self.vectors: Vectors | None = None
        self.error: BaseException | None = None


class Gathered:
    """See the top of this file. Calls are served in the order in which they came; safe to share between threads."""

    def __init__(self, encode: Encode) -> None:
        self._encode = encode
        self._lock = threading.Lock()
        self._queue: deque[_Waiting] = deque()
        self._busy = False

    def __call__(self, texts: Sequence[str]) -> Vectors:
        """What `encode` gives for these texts. [len(texts), size]"""
        own = _Waiting(texts)
        with self._lock:
            self._queue.append(own)
            leads, self._busy = not self._busy, True
        if not leads:
            own.told.wait()
        if own.vectors is None and own.error is None:
            self._lead()
        if own.error is not None:
            raise own.error
        assert own.vectors is not None
        return own.vectors

    def _alone(self, one: _Waiting) -> None:
        """What one of the others cannot be read for is not its fault."""
        try:
            one.vectors = self._encode(one.texts)
        except Exception as error:
            one.error = error

    def _lead(self) -> None:
        """Encode what waits longest, the caller's own among it, and let the next in the queue lead."""
        with self._lock:
            batch = [self._queue.popleft()]
            count = len(batch[0].texts)
            while self._queue and count + len(self._queue[0].texts) <= MOST_TEXTS:
                batch.append(self._queue.popleft())
                count += len(batch[-1].texts)
        try:
            vectors = self._encode([text for one in batch for text in one.texts])
            ends = np.cumsum([len(one.texts) for one in batch])[:-1]
            for one, part in zip(batch, np.split(vectors, ends), strict=True):
                one.vectors = part
        except BaseException as error:  # each of those who wait is told
            for one in batch:
                if len(batch) > 1 and isinstance(error, Exception):
                    self._alone(one)
                else:
                    one.error = error
        with self._lock:
            following = self._queue[0] if self._queue else None
            self._busy = following is not None
        for one in batch:
            one.told.set()
        if following is not None:
            following.told.set()
