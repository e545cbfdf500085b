"""docs/operations.md: its settings can be read, its commands exist, its metrics and statuses are real."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import typer
from pages import blocks, page
from prometheus_client import generate_latest

from shoplens.cli.app import app
from shoplens.http.envelope import Meters
from shoplens.http.wire.fields import PROBLEMS
from shoplens.service.settings import Settings

PAGE = page("operations.md")


def test_settings_can_be_read(tmp_path: Path) -> None:
    file = tmp_path / "shoplens.toml"
    read = []
    for example in blocks(PAGE, "toml"):
        file.write_text(example, encoding="utf-8")
        read.append(Settings.read(file).model_dump(exclude_unset=True))
    assert read
    assert all(read), "an example sets nothing"


def test_commands_exist() -> None:
    pairs = re.findall(r"^shoplens ([a-z]+)|`shoplens ([a-z]+)", PAGE, re.MULTILINE)
    commands = {one for pair in pairs for one in pair if one}
    assert {"backup", "restore", "serve", "doctor", "keys"} <= commands
    for name in commands:
        import_module(f"shoplens.cli.{name}" if name != "restore" else "shoplens.cli.backup")
    known = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    assert commands <= set(known)
    assert {"--check", "--database-url"} <= {o for p in known["restore"].params for o in p.opts}


def test_metrics_are_real() -> None:
    named = set(re.findall(r"`(shoplens_[a-z_]+)`", PAGE))
    text = generate_latest(Meters().registry).decode()
    assert len(named) >= 8
    for name in named:
        assert f"# HELP {name} " in text, name


def test_statuses_are_documented_in_the_openapi_too() -> None:
    section = PAGE.split("## What it says when it cannot")[1].split("\n## ")[0]
    assert {int(one) for one in re.findall(r"\| (\d{3}) \|", section)} <= set(PROBLEMS)
