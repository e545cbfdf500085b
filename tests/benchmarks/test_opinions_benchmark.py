"""The benchmark of the opinion monitor: replays are as they are said to be, and a whole run, much smaller."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from benchmarks.quality import opinions
from benchmarks.quality.opinion_replays import HOUR, Chart, Planted, Said, build, judged

from shoplens.apps.opinions.surges import DAY

SAID = Said(np.array([False] * 19 + [True]), np.array([True] * 9 + [False]))  # a model that is wrong now and then
PLANTED = Planted(25 * DAY, DAY, 0.9, 2.0)


def test_a_replay_holds_what_was_planted() -> None:
    replay = build(SAID, 1, days=30, per_day=200.0, planted=PLANTED)
    inside = (replay.time >= PLANTED.start) & (replay.time < PLANTED.start + PLANTED.length) & replay.topic
    assert 75 < inside.sum() < 135
    assert replay.negative[inside].mean() > 0.7
    assert replay.negative[~inside].mean() < 0.3
    again = build(SAID, 1, days=30, per_day=200.0, planted=PLANTED)
    assert np.array_equal(replay.time, again.time)
    assert np.array_equal(replay.negative, again.negative)
    counts = replay.windows(HOUR)
    assert sum(one["all"].posts for one in counts if one) == len(replay.time)


def test_alarms_are_judged_by_what_was_planted() -> None:
    replay = build(SAID, 1, days=30, per_day=20.0, planted=PLANTED)
    start = PLANTED.start
    assert judged(replay, [start + 2 * HOUR, start + 3 * HOUR]) == (2.0, 0)
    assert judged(replay, [DAY, DAY + HOUR, 3 * DAY]) == (None, 2)
    found = Chart(0.1, 3.0).alarms(build(SAID, 1, days=30, per_day=400.0, planted=PLANTED))
    assert judged(replay, found)[0] is not None


@pytest.mark.slow
def test_a_whole_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "classify" / "made"
    folder.mkdir(parents=True)
    said = [("awful and broken", "negative"), ("rude and late", "negative"), ("lovely and great", "positive")] * 50
    rows = [f"{text} {number},{label}" for number, (text, label) in enumerate(said)]
    (folder / "train.csv").write_text("text,label\n" + "\n".join(rows) + "\n", encoding="utf-8")
    monkeypatch.setenv("SHOPLENS_BENCH", str(tmp_path))
    monkeypatch.setattr(opinions, "DATASETS", ("made",))
    monkeypatch.setattr(opinions, "SIZES", {"share .2 to .6": (0.6, 1.0)})
    monkeypatch.setattr(opinions, "CALM_DAYS", 18)
    monkeypatch.setattr(sys, "argv", ["opinions", "--replays", "1", "--years", "1", "--plot", str(tmp_path / "a.png")])
    opinions.main()
    told = json.loads(capsys.readouterr().out)["made"]
    assert told["tone"]["trained"]["accuracy"] == 1.0
    assert set(told["detectors"]) >= {"monitor", "EWMA chart, calibrated"}
    assert (tmp_path / "a.png").exists()
