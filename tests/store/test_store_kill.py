"""`kill -9` at a random moment of an import: nothing confirmed is lost, nothing half is kept, and it can go on."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from shoplens.store.records import Checkpoint
from shoplens.store.sql import open_store
from shoplens.testing.store_events import scanned

SCRIPT = Path(__file__).with_name("append_until_killed.py")
SOURCE = "a made-up log"
SIZE = 400


def run_and_kill(url: str, batches: int, seconds: float) -> list[int]:
    """Batches confirmed by a process that is killed `seconds` after its first confirmation."""
    with subprocess.Popen(
        [sys.executable, str(SCRIPT), url, str(SIZE), str(batches)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        first = process.stdout.readline()
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read().splitlines()
    assert process.returncode == -signal.SIGKILL, "it must have been killed in the middle"
    return [int(line) for line in (first, *rest)]


@pytest.mark.parametrize("seed", [1, 2])
def test_killing_loses_nothing_confirmed_and_keeps_nothing_half(url: str, seed: int) -> None:
    random.seed(seed)
    confirmed = [-1]
    for _ in range(3):
        confirmed += run_and_kill(url, 1_000_000, random.uniform(0.0, 0.15))
        store = open_store(url)
        whole, sizes = np.unique(scanned(store).value, return_counts=True)
        point = store.checkpoint(SOURCE)
        assert set(sizes) == {SIZE}, "half a batch"
        assert whole.tolist() == list(range(len(whole))), "a batch is missing"
        assert len(whole) - 1 - confirmed[-1] in (0, 1), "at most the batch in flight may be there unconfirmed"
        assert point == Checkpoint(SOURCE, len(whole) * SIZE)
        assert store.events.count() == len(whole) * SIZE
        assert store.catalogue.count() == 89 + len(whole) - 1, "products come with their batch"
        store.close()
        assert confirmed == list(range(-1, len(whole) - 1)) or confirmed == list(range(-1, len(whole)))
        confirmed = list(range(-1, len(whole)))

    total = len(whole) + 3
    finish = [sys.executable, str(SCRIPT), url, str(SIZE), str(total)]
    subprocess.run(finish, check=True, stdout=subprocess.DEVNULL)
    store = open_store(url)
    assert store.events.count() == total * SIZE
    assert store.checkpoint(SOURCE) == Checkpoint(SOURCE, total * SIZE, finished=True)
    assert len(store.events.history(user_id="u0", limit=10**9)) == len(range(0, total * SIZE, 97))
    store.close()
