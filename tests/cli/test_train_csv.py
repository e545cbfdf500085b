"""`shoplens train --csv` and `shoplens predict` speak as all commands do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import orjson
import polars as pl
import pytest
from typer.testing import CliRunner

from shoplens.cli import main, train_csv
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
    with pytest.raises(ConfigurationError, match="is a folder"):
        runner.invoke(app, ["train", "--csv", str(data), "--out", str(tmp_path)], catch_exceptions=False)
    (tmp_path / "file").write_text("no folder")
    for words in (["train"], ["predict"]):
        words += ["--csv", str(data), "--out", str(tmp_path / "file" / "x.pt")]
        with pytest.raises(ConfigurationError, match="nothing can be written there"):
            runner.invoke(app, words, catch_exceptions=False)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--csv", "data.csv", "--optimizer", "magic"], "adamw"),
        (["--csv", "data.csv", "--model", "fusion"], "no meaning with --csv"),
        (["--epochs", "3"], "needs --csv"),
    ],
)
def test_wrong_usage_is_told_before_any_work(words: list[str], said: str) -> None:
    result = CliRunner().invoke(app, ["train", *words])
    assert result.exit_code == 2
    assert said in result.stderr


def test_predict_counts_what_it_refuses_and_keeps_it(data: Path) -> None:
    runner, out = CliRunner(), data.with_name("m.pt")
    words = ["train", "--csv", str(data), "--out", str(out), "--epochs", "1", "--batch-size", "64"]
    assert runner.invoke(app, words, catch_exceptions=False).exit_code == 0
    ask = data.with_name("ask.csv")
    ask.write_text("user_id,item_id,timestamp\n1,1,yesterday\n,2,\n,3,\n新人,4,\n", encoding="utf-8")
    words = ["predict", "--csv", str(ask), "--model", str(out), "--out", str(data.with_name("a.csv")), "--json"]
    result = runner.invoke(app, words, catch_exceptions=False)
    said = orjson.loads(result.stdout)
    assert (said["rows"], said["refused"], said["unknown_people"]) == (2, 2, 1)  # it learnt no times: none are read
    assert "refused: 2 × user_id" in result.stderr
    lines = Path(said["refused_rows"]).read_text(encoding="utf-8").splitlines()
    assert [orjson.loads(line)["line"] for line in lines] == [3, 4]


@pytest.mark.slow
def test_a_run_that_goes_on_says_so(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["train", "--csv", str(data), "--out", str(data.with_name("m.pt")), "--epochs", "3", "--batch-size", "64"]
    said = train_csv._say

    def stop(epoch: int, epochs: int, entry: dict[str, float]) -> None:
        if epoch == 2:
            raise KeyboardInterrupt
        said(epoch, epochs, entry)

    monkeypatch.setattr("sys.argv", ["shoplens", *words])
    monkeypatch.setattr(train_csv, "_say", stop)
    with pytest.raises(SystemExit, match="130"):
        main()
    assert "the same command goes on" in capsys.readouterr().err
    monkeypatch.setattr(train_csv, "_say", said)
    with pytest.raises(SystemExit, match="0"):
        main()
    err = capsys.readouterr().err
    assert "goes on after epoch 2" in err
    assert "epoch 3/3" in err
