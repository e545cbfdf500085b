"""docs/experiments.md runs as it stands, and says what there is."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from shoplens.cli import experiments  # noqa: F401 - adds the commands
from shoplens.cli.app import app
from shoplens.service.experiment_report import FIGURES
from shoplens.service.settings import Settings
from shoplens.testing.served_shop import open_tiny_shop

PAGE = (Path(__file__).parents[2] / "docs" / "experiments.md").read_text(encoding="utf-8")


def test_the_commands_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_tiny_shop(tmp_path) as shop:
        version = shop.shelf.version
    assert version is not None
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r"```bash\n(.*?)```", PAGE, flags=re.DOTALL)
    for line in block.replace("20260101-120000", version).splitlines():
        answer = CliRunner().invoke(app, shlex.split(line)[1:])
        assert answer.exit_code == 0, (line, answer.output, answer.exception)


def test_figures_and_settings_are_those_there_are() -> None:
    for name, meaning in FIGURES.items():
        assert f"| {name.replace('_', ' ')} | {meaning}" in PAGE
    assert f"`impressions.window_days` ({Settings.read(None).impressions.window_days:g})" in PAGE
