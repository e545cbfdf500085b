"""`kill -9` in the middle of a stream: nothing is lost, nothing counts twice, and the alerts are those of an
undisturbed run."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import orjson
import pytest

from shoplens.ingest.report import IngestReport
from shoplens.service.opinion_sources import SourceOptions
from shoplens.service.opinion_watch import watch
from shoplens.service.runtime import Runtime
from shoplens.service.workspace import Workspace

SCRIPT = Path(__file__).with_name("watch_opinions_until_killed.py")
DAY = 86_400
START = 1_700_006_400
POSTS, KILLS = 1_000, 2
END = 2**62


def write_posts(file: Path) -> None:
    """Posts over eight days; on the seventh most of them complain of one thing."""
    chance = np.random.default_rng(1)
    with file.open("wb") as lines:
        for number, time_ in enumerate(np.sort(chance.uniform(0, 8 * DAY, POSTS)).astype(int).tolist()):
            within = 6 * DAY <= time_ < 7 * DAY
            bad = chance.random() < (0.8 if within else 0.2)
            text = "the battery died, terrible" if bad and within else "awful smell" if bad else "great, love it"
            row = {"text": f"{text} {chance.integers(10**12):x}", "timestamp": START + time_, "sku": f"p{number % 3}"}
            lines.write(orjson.dumps(row) + b"\n")


def shop_at(folder: Path) -> Path:
    Workspace.create(folder, opinions={"vectors": False, "window_minutes": 60})
    return folder


def run_and_kill(folder: Path, file: Path, seconds: float) -> int:
    """Posts confirmed by a process that is killed `seconds` after its first confirmation."""
    arguments = [sys.executable, str(SCRIPT), str(folder), str(file), "follow"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.stdout.readline()
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        process.stdout.read()
    assert process.returncode == -signal.SIGKILL
    with Runtime.open(folder) as shop:
        return shop.store.opinions.count()


def finish(folder: Path, file: Path) -> Runtime:
    """The rest, undisturbed; the shop stays open."""
    shop = Runtime.open(folder)
    quiet = iter([False] * 60 + [True] * 9_999)
    watch(
        shop.opinions,
        [str(file)],
        options=SourceOptions("made up"),
        report=IngestReport(),
        follow=True,
        stop=lambda: shop.store.opinions.count() >= POSTS or next(quiet),
    )
    return shop


@pytest.mark.parametrize("seed", [1])
def test_killing_loses_nothing_and_doubles_nothing(tmp_path: Path, seed: int) -> None:
    random.seed(seed)
    file = tmp_path / "posts.ndjson"
    write_posts(file)
    killed, whole = shop_at(tmp_path / "killed"), shop_at(tmp_path / "whole")
    counts = [run_and_kill(killed, file, random.uniform(0.0, 0.25)) for _ in range(KILLS)]
    assert 0 < counts[0] <= counts[-1] < POSTS, "it must have been killed in the middle, and have gone on"
    with finish(killed, file) as one, finish(whole, file) as other:
        stores = [shop.store.opinions for shop in (one, other)]
        assert [store.count() for store in stores] == [POSTS, POSTS]
        for kind in (None, "topic", "product", "aspect"):
            first, second = (store.totals(kind=kind, since=0, before=END) for store in stores)
            assert first == second
        assert stores[0].totals(kind=None, since=0, before=END)[0][1].reach == POSTS
        assert stores[0].alerts() == stores[1].alerts()
        assert stores[0].alerts(), "there was a surge"
        assert [one.text for one in stores[0].posts(limit=9)] == [one.text for one in stores[1].posts(limit=9)]
