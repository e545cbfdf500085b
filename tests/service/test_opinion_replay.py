"""A day is played again at a chosen speed, with ticks, and gives the alerts that reading it at once gives."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from shoplens.errors import InputError
from shoplens.ingest.report import IngestReport
from shoplens.service.opinion_replay import Stretch, replay
from shoplens.service.opinion_sources import SourceOptions
from shoplens.service.opinion_watch import Watched, watch
from shoplens.service.runtime import Runtime
from shoplens.service.workspace import Workspace
from shoplens.store.opinions import AlertRecord

DAY, START = 86_400, 1_700_006_400  # seconds
SAID = {True: "the battery died, terrible", False: "great camera, very happy"}


@pytest.fixture(scope="module")
def posts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven days, and a surge on the last one."""
    file, random = tmp_path_factory.mktemp("posts") / "posts.csv", np.random.default_rng(3)
    with file.open("w", newline="") as out:
        rows = csv.writer(out)
        rows.writerow(["text", "timestamp"])
        for second in np.sort(random.uniform(0, 7 * DAY, 420)).astype(int).tolist():
            bad = random.random() < (0.9 if second > 6.2 * DAY else 0.2)
            moment = datetime.fromtimestamp(START + second, UTC).isoformat()
            rows.writerow([f"{SAID[bad]} {random.integers(10**12):x}", moment])
    return file


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Runtime]:
    one = open_shop(tmp_path / "shop")
    yield one
    one.close()


def open_shop(folder: Path) -> Runtime:
    Workspace.create(
        folder,
        encoders={"text": "off", "image": "off", "colour": "off", "video": "off", "audio": "off"},
        opinions={"vectors": False, "window_minutes": 60},
    )
    return Runtime.open(folder)


class Time:
    """Passes only while it is waited for."""

    def __init__(self) -> None:
        self.now, self.waits = 0.0, 0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.waits += 1


def test_alerts_rise_while_it_is_played_and_are_those_of_the_file(shop: Runtime, posts: Path, tmp_path: Path) -> None:
    time, risen = Time(), list[tuple[float, AlertRecord]]()
    done = replay(
        shop.opinions,
        [str(posts)],
        speed=20_000.0,
        options=SourceOptions(),
        report=IngestReport(),
        on_alert=lambda alert: risen.append((time.now, alert)),
        clock=time,
        pause=time.sleep,
    )
    assert (done.posts, done.late) == (420, 0)
    assert time.now == pytest.approx(7 * DAY / 20_000, rel=0.05)
    assert time.waits > 100
    whole = open_shop(tmp_path / "whole")
    at_once = watch(whole.opinions, [str(posts)], options=SourceOptions(), report=IngestReport())
    assert [one.opened for one in done.alerts] == [one.opened for one in at_once.alerts]
    assert shop.store.opinions.alerts() == whole.store.opinions.alerts()
    whole.close()
    assert risen, "there was a surge"
    for moment, alert in risen:
        assert 0 <= moment * 20_000 - (alert.opened / 1e6 - START) < 3 * 3_600, "it rose soon after its window"


def test_a_day_of_it(shop: Runtime, posts: Path) -> None:
    def play(stretch: Stretch) -> Watched:
        return replay(
            shop.opinions, [str(posts)], speed=0.0, options=SourceOptions(), report=IngestReport(), stretch=stretch
        )

    done = play(Stretch(since=(START + DAY) * 1_000_000, days=1.0))
    assert 40 < done.posts < 80
    assert play(Stretch(since=(START + DAY) * 1_000_000, days=1.0)).duplicates == done.posts
    with pytest.raises(InputError, match="nothing was said"):
        play(Stretch(since=(START + 9 * DAY) * 1_000_000))


def test_a_day_after_all_that_came_before(shop: Runtime, posts: Path, tmp_path: Path) -> None:
    """Seen alone, the last day is all there is; after the six before it, it is a surge, as it was."""
    whole = open_shop(tmp_path / "whole")
    watch(whole.opinions, [str(posts)], options=SourceOptions(), report=IngestReport())
    stretch = Stretch(since=(START + 6 * DAY) * 1_000_000, days=1.0, after_all=True)
    done = replay(
        shop.opinions, [str(posts)], speed=0.0, options=SourceOptions(), report=IngestReport(), stretch=stretch
    )
    assert done.posts == 420
    assert done.alerts
    assert shop.store.opinions.alerts() == whole.store.opinions.alerts()
    whole.close()
