"""`shoplens train --csv` and `shoplens predict` speak as all commands do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import orjson
import polars as pl
import pytest
from typer.testing import CliRunner

from shoplens.cli.app import app
from shoplens.cli.predict import predict
from shoplens.cli.train import train
from shoplens.errors import ConfigurationError, FormatError


@pytest.fixture
def data(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    user, item = random.integers(0, 20, 300), random.integers(0, 10, 300)
    label = (random.random(300) < np.where(user % 2 == item % 2, 0.9, 0.1)).astype(int)
    columns = {"user_id": user, "item_id": item, "label": label, "kind": item % 2}
    pl.DataFrame(columns).write_csv(tmp_path / "data.csv")
    return tmp_path / "data.csv"


def test_one_json_object_on_stdout(data: Path) -> None:
    assert callable(train)
    assert callable(predict)
    runner, out = CliRunner(), data.with_name("m.pt")
    words = ["train", "--csv", str(data), "--out", str(out), "--epochs", "2", "--batch-size", "64", "--json"]
    result = runner.invoke(app, words, catch_exceptions=False)
    said = orjson.loads(result.stdout)
    assert said["model"] == str(out)
    assert len(said["epochs"]) == 2
    assert {"model", "base rate"} <= set(said["test"])
    assert "WARNING" in result.stderr  # there is no timestamp
    assert Path(said["report"]).is_file()
    asked = runner.invoke(app, ["predict", "--csv", str(data), "--model", str(out), "--json"], catch_exceptions=False)
    predictions = orjson.loads(asked.stdout)["predictions"]
    assert len(predictions) == 300
    assert all(0 <= one["probability"] <= 1 for one in predictions)
    assert predictions[0]["line"] == 2


def test_refusals_reach_the_person(data: Path, tmp_path: Path) -> None:
    pl.read_csv(data).drop("label").write_csv(tmp_path / "bare.csv")
    runner = CliRunner()
    with pytest.raises(FormatError, match="no column 'label'"):
        runner.invoke(app, ["train", "--csv", str(tmp_path / "bare.csv")], catch_exceptions=False)
    words = ["train", "--csv", str(data), "--optimizer", "magic", "--out", str(tmp_path / "x.pt")]
    with pytest.raises(ConfigurationError, match="optimiser"):
        runner.invoke(app, words, catch_exceptions=False)
    with pytest.raises(ConfigurationError, match="is a folder"):
        runner.invoke(app, ["train", "--csv", str(data), "--out", str(tmp_path)], catch_exceptions=False)
