"""docs/first-model.md runs as it stands."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

from shoplens.cli.app import app
from shoplens.cli.predict import predict
from shoplens.cli.train import train

TEXT = (Path(__file__).parents[2] / "docs" / "first-model.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)[0].splitlines()
(PYTHON,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


def test_the_first_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert callable(train)
    assert callable(predict)
    monkeypatch.chdir(tmp_path)
    make, learn, ask = COMMANDS
    words = shlex.split(make)
    assert (words[0], words[1], words[3]) == ("python", "-c", ">")
    made = subprocess.run([sys.executable, "-c", words[2]], capture_output=True, check=True)
    Path(words[4]).write_bytes(made.stdout)
    runner = CliRunner()
    # The page runs ten epochs; two show that it works.
    result = runner.invoke(app, [*shlex.split(learn)[1:], "--epochs", "2"], catch_exceptions=False)
    assert result.exit_code == 0
    assert "epoch 2/2" in result.stderr
    assert "base rate" in result.stdout
    for name in re.findall(r"`(recommendation_model[.\w]*)`", TEXT):
        assert name.endswith("refused.jsonl") or Path(name).is_file(), name
    result = runner.invoke(app, shlex.split(ask)[1:], catch_exceptions=False)
    assert result.exit_code == 0
    assert pl.read_csv("answers.csv").height == 3_000
    scope: dict[str, Any] = {}
    exec(compile(PYTHON, "first-model.md", "exec"), scope)
    likes, does_not, stranger = scope["answers"]
    assert likes > 0.5 > does_not
    assert stranger > 0.5


def test_every_option_named_exists() -> None:
    usage = CliRunner().invoke(app, ["train", "--help"], env={"COLUMNS": "200"}).stdout
    for option in re.findall(r"--[a-z-]+", TEXT.split("Options:")[1]):
        assert option in usage
