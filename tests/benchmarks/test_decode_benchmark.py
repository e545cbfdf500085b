"""The benchmark of decoding, small."""

from __future__ import annotations

import json
import sys

import pytest
from benchmarks.speed import decode


def test_photos_video_and_sound(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["decode", "--repetitions", "2", "--seconds", "3"])
    monkeypatch.setattr(decode, "SIZES", ((80, 60), (400, 400)))
    decode.main()
    result = json.loads(capsys.readouterr().out)
    assert set(result["photos"]) == {"80x60", "400x400"}
    assert result["photos"]["80x60"]["extra_ms"]["runs"] == 2
    assert result["video"]["times_real_time"] > 0
    assert result["sound"]["samples"] == 48_000
