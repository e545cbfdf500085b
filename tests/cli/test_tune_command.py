"""`shoplens tune`: on a workspace and on a benchmark folder, one JSON object, refusals with a reason."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import shoplens.cli.train  # with a single command typer would leave its name out
import shoplens.cli.tune  # noqa: F401 - registers the command
from shoplens.cli.app import app
from shoplens.errors import ConfigurationError
from shoplens.service.workspace import Workspace
from shoplens.store.sql import open_store
from shoplens.testing.tiny_shop import tiny_shop


def test_on_a_workspace(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path, train={"models": ["item-knn"]})
    store = open_store(workspace.database_url)
    tiny_shop().fill(store)
    store.close()
    ran = CliRunner().invoke(app, ["tune", "-w", str(tmp_path), "--trials", "3", "--json"])
    assert ran.exit_code == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert told["trials"] == 3
    assert told["value"] >= told["default"]
    assert told["applied"] is False
    assert "in force" in ran.stderr
    assert (tmp_path / "runs" / "tune-shop" / "best.toml").exists()
    shown = CliRunner().invoke(app, ["tune", "-w", str(tmp_path), "--trials", "3"])
    assert "Best of 3 trials" in shown.stdout


def test_on_a_benchmark_folder(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    data = tmp_path / "made"
    data.mkdir()
    for name, rows in (("train", 600), ("valid", 80)):
        pairs = {(int(random.integers(30)), int(random.zipf(1.5)) % 40) for _ in range(rows)}
        text = "\n".join(f"u{user},i{item}" for user, item in sorted(pairs))
        (data / f"{name}.csv").write_text(f"user_id,item_id\n{text}\n")
    arguments = ["tune", "--data", str(data), "-w", str(tmp_path), "--model", "item-knn", "--trials", "2", "--json"]
    ran = CliRunner().invoke(app, arguments)
    assert ran.exit_code == 0, ran.stderr
    assert json.loads(ran.stdout)["people"] > 0
    assert (tmp_path / "runs" / "tune-made" / "trials.csv").exists()
    assert not (data / "runs").exists()


def test_apply_is_for_a_workspace(tmp_path: Path) -> None:
    ran = CliRunner().invoke(app, ["tune", "--data", str(tmp_path), "--apply"])
    assert isinstance(ran.exception, ConfigurationError)


@pytest.mark.parametrize("word", ["--trials", "--minutes", "--jobs", "--storage", "--apply", "--search"])
def test_help_teaches(word: str) -> None:
    assert word in CliRunner().invoke(app, ["tune", "--help"], terminal_width=200).stdout
