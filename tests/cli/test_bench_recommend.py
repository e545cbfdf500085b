"""`shoplens bench recommend`. Public data are used when the environment variable SHOPLENS_BENCH names their folder."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from shoplens.cli.app import app
from shoplens.cli.bench import recommend as _command  # noqa: F401 - registers the command
from shoplens.errors import InputError

KEYS = {"recall@10", "recall@20", "ndcg@10", "ndcg@20", "mrr", "coverage", "cold_recall@20", "train_seconds"}
KEYS |= {"users_per_second"}
FAST = ["--model", "popularity", "--model", "item-knn", "--model", "linear"]


def write_folder(folder: Path, *, timestamped: bool = False, seed: int = 0) -> Path:
    """60 people who mostly buy from one of four departments; the last event of each is test, the one before valid."""
    random = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    parts: dict[str, list[str]] = {"train": [], "valid": [], "test": []}
    for user in range(60):
        own = random.permutation(np.arange(user % 4, 40, 4))[:7].tolist()
        for position, item in enumerate(own):
            part = {6: "test", 5: "valid"}.get(position, "train")
            parts[part].append(f"{user},{item}" + (f",{position}" if timestamped else ""))
    header = "user_id,item_id" + (",timestamp" if timestamped else "")
    for name, rows in parts.items():
        (folder / f"{name}.csv").write_text("\n".join([header, *rows]) + "\n")
    (folder / "features").mkdir()
    np.save(folder / "features" / "image.npy", np.eye(4, dtype=np.float32)[np.arange(40) % 4])
    return folder


def call(*arguments: str | Path) -> dict[str, Any]:
    result = CliRunner().invoke(app, ["bench", "recommend", *map(str, arguments), "--json"], catch_exceptions=False)
    assert result.exit_code == 0
    lines = result.stdout.strip().splitlines()
    assert len(lines) == 1
    return dict(json.loads(lines[0]))


def test_prints_every_promised_key(tmp_path: Path) -> None:
    found = call(write_folder(tmp_path / "shop"), *FAST)
    assert found["task"] == "recommend"
    assert found["data"] == "shop"
    assert found["split"] == "valid"
    assert found["seed"] == 0
    assert found["peak_rss_mb"] > 10
    assert list(found["models"]) == ["popularity", "item-knn", "linear"]
    assert found["best"] in {*found["models"], "blend"}
    for row in found["models"].values():
        assert set(row) >= KEYS
        assert row["cold_recall@20"] is None
    assert found["models"]["item-knn"]["ndcg@20"] > found["models"]["popularity"]["ndcg@20"]


def test_popularity_is_always_a_row(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "shop")
    assert list(call(folder, "--model", "linear")["models"]) == ["popularity", "linear"]
    assert call(folder, "--model", "linear", "--without", "image", "--seed", "5")["seed"] == 5


def test_test_file_is_scored_only_when_named(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "shop", timestamped=True)
    before = call(folder, *FAST)
    found = call(folder, *FAST, "--test", folder / "test.csv")
    assert found["split"] == "test"
    assert found["best"] == before["best"]  # chosen on valid, whatever test says
    assert found["models"]["linear"]["ndcg@20"] != before["models"]["linear"]["ndcg@20"]
    (folder / "test.csv").unlink()
    again = call(folder, *FAST)
    for name, row in before["models"].items():
        timings = {"train_seconds", "users_per_second"}
        assert {key: value for key, value in row.items() if key not in timings} == {
            key: value for key, value in again["models"][name].items() if key not in timings
        }


def test_readable_table_and_report(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "shop")
    result = CliRunner().invoke(
        app, ["bench", "recommend", str(folder), *FAST, "--report", str(tmp_path / "report")], env={"COLUMNS": "250"}
    )
    assert result.exit_code == 0, result.output
    assert "popularity" in result.stdout
    assert "best on validation" in result.stdout
    assert (tmp_path / "report" / "report.html").exists()


def test_refusals_reach_the_caller(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "shop")
    for arguments, message in [
        ([str(tmp_path / "nowhere")], "not a folder"),
        ([str(folder), "--model", "magic"], "no model named 'magic'"),
        ([str(folder), "--without", "text"], "no modality 'text'"),
        ([str(folder), "--test", str(folder / "none.csv")], r"none\.csv is missing"),
    ]:
        result = CliRunner().invoke(app, ["bench", "recommend", *arguments, "--json"])
        assert isinstance(result.exception, InputError)
        with pytest.raises(InputError, match=message):
            raise result.exception


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", ["tiktok", "baby-mmrec", "beauty"])
def test_blend_beats_the_baselines_on_public_data(name: str) -> None:
    root = os.environ.get("SHOPLENS_BENCH")  # noqa: TID251 - tests may say where a developer keeps data
    if root is None or not (Path(root) / "recommend" / name / "train.csv").exists():
        pytest.skip(f"set SHOPLENS_BENCH to the folder that holds recommend/{name}/train.csv")
    models = call(Path(root) / "recommend" / name)["models"]
    for metric in ("recall@20", "ndcg@20"):
        assert models["blend"][metric] > max(models["popularity"][metric], models["item-knn"][metric])
