"""Networks that know nothing of one another learn side by side, each on one core.

Their matrices are small: two cores at one network are hardly faster than one, two networks on two cores are.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import torch

from shoplens.encoders.session import available_cores
from shoplens.features.align.head_training import Fitted, Tell

Job = Callable[[Tell], Fitted]


def fit_side_by_side(jobs: Sequence[Job], epochs: Sequence[int], tell: Tell) -> list[Fitted]:
    """What each job gives, in their order; `epochs` [jobs]: how many it does at most. `tell` hears of all together.

    A job that fails lets those under way end and no other begin.
    """
    counter = _Counter(epochs, tell)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    pool = ThreadPoolExecutor(min(len(jobs), available_cores()), "shoplens-align")
    try:
        return list(pool.map(lambda place: jobs[place](counter.of(place)), range(len(jobs))))
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(before)


class _Counter:
    """Adds up the epochs of all jobs; one that ends early counts as done."""

    def __init__(self, epochs: Sequence[int], tell: Tell) -> None:
        self._done = [0] * len(epochs)
        self._total = sum(epochs)
        self._tell = tell
        self._lock = threading.Lock()

    def of(self, place: int) -> Tell:
        """What one job tells."""

        def told(done: int, _most: int) -> None:
            with self._lock:
                self._done[place] = done
                self._tell(sum(self._done), self._total)

        return told
