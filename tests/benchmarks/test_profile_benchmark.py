"""The benchmark of profiles, whole, on a shop of 160 people."""

import json
import sys
import time
from pathlib import Path

import pytest
from benchmarks.quality import profile

from shoplens.testing.profile_shop import PEOPLE, open_profile_shop


def test_a_whole_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    open_profile_shop(tmp_path / "shop", now=int(time.time() * 1e6), trained=False).close()
    plot = tmp_path / "out" / "calibration.png"
    monkeypatch.setattr(sys, "argv", ["profile", str(tmp_path / "shop"), "--horizon", "14", "--plot", str(plot)])
    profile.main()
    found = json.loads(capsys.readouterr().out)
    assert found["people"] == PEOPLE
    assert set(found["fields"]) == {"club"}
    assert found["stability"]["another seed, recognised: same id"] > 0.8
    assert {"profile", "base rate"} <= set(found["churn"]["test"])
    assert plot.stat().st_size > 5_000
