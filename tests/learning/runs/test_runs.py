from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from learning_cases import GivenScores, Tally, random_log
from PIL import Image

import shoplens
from shoplens.domain.dataset import TrainingData
from shoplens.errors import InputError, NotFoundError
from shoplens.learning.evaluate import Evaluation, evaluate
from shoplens.learning.runs.code_version import checkout, code_version
from shoplens.learning.runs.compare import compare_runs, leaves, write_comparison
from shoplens.learning.runs.record import find_run, list_runs, read_run, write_run
from shoplens.learning.split import temporal_split

CURVE = [{"epoch": n, "loss": 1 / n, "valid_ndcg": n / 10} for n in (1, 2, 3)]


def judged(seed: int, days: int = 20) -> dict[str, Evaluation]:
    split = temporal_split(random_log(), days, 10)
    holdout = split.valid_holdout(repeat=True)
    noise = np.random.default_rng(seed).random((40, 60)).astype(np.float32)
    random = GivenScores(noise)
    return {
        "popularity": evaluate(Tally().fit(TrainingData(split.train)), holdout),
        "random": evaluate(random, holdout),
    }


def write(folder: Path, seed: int, *, days: int = 20, **changes: Any) -> Path:
    config: Mapping[str, Any] = {"seed": seed, "fusion": {"epochs": 3}, **changes}
    write_run(
        folder,
        judged(seed, days),
        config=config,
        data_fingerprint="abc",
        seed=seed,
        title=f"Test {seed}",
        best="popularity",
        curves={"fusion": CURVE},
        notes={"events": 1500},
        weights={"popularity": 1.0},
    )
    return folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("workspace") / "runs"
    write(folder / "20250101T000000", 1)
    write(folder / "20250102T000000", 2, learning_rate=0.1)
    write(folder / "20250203T000000", 1, days=15)
    return folder


def test_a_run_comes_back_as_it_was_written(runs: Path) -> None:
    run = find_run(runs, "20250102")
    assert run.finished
    assert run.seed == 2
    assert run.config["fusion"] == {"epochs": 3}
    assert run.data_fingerprint == "abc"
    assert run.code["shoplens"] == shoplens.__version__
    assert run.curves["fusion"][2]["loss"] == pytest.approx(1 / 3)
    expected = judged(2)["random"].per_person["ndcg@20"]
    assert run.per_person()["random"]["ndcg@20"] == pytest.approx(expected, abs=1e-6)
    assert {"run.json", "metrics.json", "per_person.npz", "report.html", "metrics.png"} <= set(run.files())
    json.dumps(run.as_dict(), allow_nan=False)


def test_found_by_name_beginning_or_latest(runs: Path, tmp_path: Path) -> None:
    assert find_run(runs, "latest").name == "20250203T000000"
    assert find_run(runs, "202502").name == "20250203T000000"
    with pytest.raises(NotFoundError, match="beginning of 2"):
        find_run(runs, "202501")
    for name in ("..", "nothing", "", "../runs"):
        with pytest.raises(NotFoundError, match="no run"):
            find_run(runs, name)
    with pytest.raises(NotFoundError, match="train first"):
        find_run(tmp_path, "latest")
    with pytest.raises(NotFoundError, match="no run"):
        read_run(tmp_path / "gone")


def test_damaged_and_older_runs_hide_no_other(tmp_path: Path) -> None:
    whole = write(tmp_path / "c", 1)
    (tmp_path / ".unfinished").mkdir()
    (tmp_path / "compared").mkdir()
    (tmp_path / "tune-shop").mkdir()
    (tmp_path / "note.txt").write_text("not a run")
    (tmp_path / "a").mkdir()
    for name, content in (("b", "{"), ("d", "[]"), ("e", '{"models": 3}')):
        (tmp_path / name).mkdir()
        (tmp_path / name / "metrics.json").write_text(content)
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "metrics.json").write_bytes((whole / "metrics.json").read_bytes())
    listed = {one.name: one for one in list_runs(tmp_path)}
    assert list(listed) == ["f", "e", "d", "c", "b", "a"]
    assert "stopped before" in (listed["a"].problem or "")
    assert all(listed[name].run is None and listed[name].problem for name in "abde")
    older = listed["f"].run
    assert older is not None
    assert not older.finished
    assert find_run(tmp_path, "latest").name == "f"
    (tmp_path / "z").mkdir()
    assert find_run(tmp_path, "latest").name == "f"
    assert older.per_person() == {}
    with pytest.raises(InputError, match="cannot be read"):
        read_run(tmp_path / "b")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut", b"no archive at all"])
def test_figures_by_person_that_cannot_be_read_are_left_out(tmp_path: Path, content: bytes) -> None:
    folder = write(tmp_path / "x", 1)
    (folder / "per_person.npz").write_bytes(content)
    run = read_run(folder)
    assert run.per_person() == {}
    assert compare_runs(run, run).lines[0].paired is None


def test_comparison_names_what_was_different_and_how_surely_it_is_better(runs: Path, tmp_path: Path) -> None:
    first, second = find_run(runs, "20250101"), find_run(runs, "20250102")
    found = compare_runs(first, second)
    changes = {name: (old, new) for name, old, new in found.changes}
    assert changes["config.learning_rate"] == (None, 0.1)
    assert changes["seed"] == (1, 2)
    assert "config.fusion.epochs" not in changes
    same = next(one for one in found.lines if (one.model, one.metric) == ("popularity", "ndcg@20"))
    assert same.difference == 0
    assert same.paired is not None
    assert not same.paired.clear
    other = next(one for one in found.lines if (one.model, one.metric) == ("random", "recall@20"))
    assert other.paired is not None
    assert other.paired.low <= other.difference <= other.paired.high
    assert other.paired.mean == pytest.approx(other.difference, abs=1e-5)
    files = write_comparison(tmp_path / "c", found)
    assert [path.name for path in files] == ["differences.png", "curves.png", "comparison.html"]
    with Image.open(files[0]) as image:
        assert min(image.size) > 300
    page = files[2].read_text()
    assert page.count("data:image/png;base64,") == 2
    assert "learning_rate" in page
    header, rows = found.rows()
    assert all(len(row) == len(header) for row in rows)
    json.dumps(found.as_dict(), allow_nan=False)


def test_other_people_give_no_interval_and_a_note(runs: Path) -> None:
    found = compare_runs(find_run(runs, "20250101"), find_run(runs, "20250203"))
    assert found.lines
    assert all(one.paired is None for one in found.lines)
    assert "different people" in found.notes[0]


@settings(max_examples=30, deadline=None)
@given(st.recursive(st.integers(), lambda inner: st.dictionaries(st.text("ab", min_size=1), inner, min_size=1)))
def test_every_setting_has_one_name(value: Any) -> None:
    tree = value if isinstance(value, dict) else {"x": value}

    def count(one: Any) -> int:
        return sum(map(count, one.values())) if isinstance(one, dict) else 1

    assert len(leaves(tree)) == count(tree)


def test_revision_of_a_checkout_only(tmp_path: Path) -> None:
    def git(*arguments: str) -> str:
        who = ["-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "commit.gpgsign=false"]
        return subprocess.run(
            ["git", *who, *arguments], cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout

    assert checkout(tmp_path) == {"revision": None, "changed": None}
    git("init", "-q")
    code = tmp_path / "code"
    code.mkdir()
    (code / "__init__.py").write_text("")
    assert checkout(code)["revision"] is None  # a checkout, but not of this code
    git("add", "code")
    git("commit", "-qm", "first")
    assert checkout(code) == {"revision": git("rev-parse", "HEAD").strip(), "changed": False}
    (code / "__init__.py").write_text("1")
    assert checkout(code)["changed"] is True
    assert code_version()["shoplens"] == shoplens.__version__
