from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from shoplens.cli import runs as runs_commands
from shoplens.cli.app import app
from shoplens.domain.dataset import Histories
from shoplens.errors import NotFoundError
from shoplens.learning.evaluate import summarise
from shoplens.learning.holdout import Holdout
from shoplens.learning.runs.record import write_run
from shoplens.service.workspace import Workspace

assert runs_commands.runs_app is not None  # registers the commands


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("shop")
    workspace = Workspace.create(root)
    people, items = 30, 40
    empty, pointers = np.zeros(0, np.int32), np.zeros(people + 1, np.int64)
    none = np.zeros(0, np.float32)
    rows = np.arange(people, dtype=np.int32)
    holdout = Holdout(
        rows,
        Histories(pointers, empty, none, none, rows),
        np.arange(people + 1),
        rows,
        pointers,
        empty,
        np.ones(items, np.int64),
    )
    for name, seed in (("20250101T000000", 1), ("20250102T000000", 2)):
        random = np.random.default_rng(seed)
        evaluations = {
            model: summarise(
                model,
                holdout,
                np.argsort(random.random((people, items)), axis=1)[:, :20].astype(np.int32),
                random.random(people),
                (10, 20),
                seconds=1.0,
                resamples=100,
            )
            for model in ("popularity", "blend")
        }
        config = {"seed": seed}
        write_run(
            workspace.runs / name, evaluations, config=config, data_fingerprint="f", seed=seed, title="t", best="blend"
        )
    (workspace.runs / "20241231T000000").mkdir()
    return root


def call(shop: Path, *arguments: str) -> dict[str, Any]:
    done = CliRunner().invoke(app, ["runs", *arguments, "--workspace", str(shop), "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_list_has_every_run_and_what_is_wrong_with_one(shop: Path) -> None:
    found = call(shop, "list")["runs"]
    assert [one["run"] for one in found] == ["20250102T000000", "20250101T000000", "20241231T000000"]
    assert found[0]["best"] == "blend"
    assert found[0]["ndcg@20"] > 0
    assert "stopped" in found[2]["problem"]
    plain = CliRunner().invoke(app, ["runs", "list", "-w", str(shop)], catch_exceptions=False)
    assert "20250102T000000" in plain.stdout


def test_show_says_everything(shop: Path) -> None:
    found = call(shop, "show", "latest")
    assert found["seed"] == 2
    assert set(found["models"]) == {"popularity", "blend"}
    assert "blend" in found["differences"]["popularity"]
    plain = CliRunner().invoke(app, ["runs", "show", "-w", str(shop)], catch_exceptions=False)
    assert "popularity" in plain.stdout


def test_compare_writes_a_page(shop: Path, tmp_path: Path) -> None:
    found = call(shop, "compare", "20250101", "20250102")
    assert {"setting": "config.seed", "first": 1, "second": 2} in found["changes"]
    assert all(one["paired"] for one in found["metrics"] if one["metric"].startswith("ndcg"))
    assert all(Path(one).exists() for one in found["files"])
    assert call(shop, "list")["runs"][0]["run"] == "20250102T000000"  # the comparison is no run
    elsewhere = call(shop, "compare", "20250101", "20250102", "--out", str(tmp_path / "c"))
    assert elsewhere["files"][-1] == str(tmp_path / "c" / "comparison.html")
    plain = CliRunner().invoke(app, ["runs", "compare", "20250101", "latest", "-w", str(shop)], catch_exceptions=False)
    assert "blend" in plain.stdout
    assert "…" not in plain.stdout  # 80 columns are enough
    assert "first: 20250101" in plain.stdout


def test_unknown_runs_are_refused(shop: Path) -> None:
    with pytest.raises(NotFoundError, match="newest are"):
        call(shop, "show", "2019")
