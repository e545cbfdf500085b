"""`shoplens profile`: readable, one JSON object, exports, and names that are also commands."""

import json
import time
from datetime import date, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from shoplens.cli import profile as _profile  # noqa: F401 - registers its commands
from shoplens.cli import profile_look_alikes as _look_alikes  # noqa: F401
from shoplens.cli.app import app
from shoplens.testing.profile_shop import GUEST, PEOPLE, STEADY, open_profile_shop


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("shop")
    open_profile_shop(where, now=int(time.time() * 1e6)).close()
    return where


def run(folder: Path, *words: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["profile", *words, "-w", str(folder)])
    assert result.exit_code == code, result.output
    return result.stdout


def test_a_profile_in_words_and_as_json(folder: Path) -> None:
    told = run(folder, STEADY)
    assert "Comes about every 7 days" in told
    assert "大约每7天" in run(folder, STEADY, "--language", "zh")
    found = json.loads(run(folder, STEADY, "--json"))
    assert found["user_id"] == STEADY
    assert found["summary"][0]["facts"] == ["activity"]
    assert json.loads(run(folder, "show", "--session", GUEST, "--json"))["session_id"] == GUEST
    assert run(folder, "show", STEADY)
    run(folder, "show", code=2)
    run(folder, STEADY, "--language", "fr", code=2)


def test_segments_exports_and_figures(folder: Path, tmp_path: Path) -> None:
    found = json.loads(run(folder, "segments", "--json"))["segments"]
    assert found[0]["names"]["en"] in run(folder, "segments")
    out = tmp_path / "all.csv"
    assert json.loads(run(folder, "export", "-o", str(out), "--json"))["people"] == PEOPLE
    assert len(out.read_text(encoding="utf-8").splitlines()) == PEOPLE + 1
    assert run(folder, "export", "--segment", found[0]["id"]).startswith("user_id,")
    assert len(json.loads(run(folder, "look-alikes", STEADY, "-n", "3", "--json"))["people"]) == 3
    figures = json.loads(run(folder, "evaluate", "--json"))
    assert figures["churn"]["test"]["base rate"]["auc"] == 0.5
    assert "own median gap" in run(folder, "evaluate")


def test_all_profiles_as_lines(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "profiles.jsonl"
    assert json.loads(run(folder, "all", "-o", str(out), "--json"))["people"] == PEOPLE
    lines = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert {one["user_id"] for one in lines} >= {STEADY}
    last = lines[PEOPLE - 3]["user_id"]
    rest = run(folder, "all", "--after", last, "--language", "zh").splitlines()
    assert [json.loads(line)["user_id"] for line in rest] == [one["user_id"] for one in lines[PEOPLE - 2 :]]
    run(folder, "all", "--after", "nobody", code=1)


def test_a_profile_as_it_was(folder: Path) -> None:
    then = json.loads(run(folder, STEADY, "--as-of", str(date.today() - timedelta(days=60)), "--json"))
    now = json.loads(run(folder, STEADY, "--json"))
    assert 0 < then["activity"]["visits"] < now["activity"]["visits"]
    run(folder, STEADY, "--as-of", "x", code=1)
    run(folder, STEADY, "--as-of", "2199-01-01", code=1)


def test_look_alikes_of_a_list(folder: Path, tmp_path: Path) -> None:
    seeds, out = tmp_path / "buyers.csv", tmp_path / "reach.csv"
    seeds.write_text("\ufeffname,user_id\nAnn,u004\nBo,u008\nCy,ghost\n", encoding="utf-8")
    found = json.loads(run(folder, "look-alikes", "--file", str(seeds), "-n", "3", "-o", str(out), "--json"))
    assert found["unknown"] == ["ghost"]
    assert out.read_text(encoding="utf-8").splitlines()[1].split(",")[0] == found["people"][0]["user_id"]
    assert json.loads(run(folder, "look-alikes", "u004", "u008", "-n", "3", "--json"))["people"] == found["people"]
    assert "1 unknown (ghost)" in run(folder, "look-alikes", "--file", str(seeds))
    seeds.write_bytes("名字".encode("gb18030"))
    run(folder, "look-alikes", "--file", str(seeds), code=1)
    run(folder, "look-alikes", "--file", str(seeds), "--segment", "s1", code=1)
    run(folder, "look-alikes", STEADY, "-o", str(out), code=2)
    run(folder, "look-alikes", "u004", "u008", "--segment", "s1", code=2)
