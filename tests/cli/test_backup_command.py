"""`shoplens backup` and `shoplens restore` at the terminal."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from shoplens.cli import backup as _backup  # noqa: F401 - adds the commands
from shoplens.cli.app import app
from shoplens.errors import ConfigurationError, ConflictError, InputError
from shoplens.testing.served_shop import open_tiny_shop


def run(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, [*arguments], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result.stdout if code == 0 else result.output


def test_there_and_back(tmp_path: Path) -> None:
    open_tiny_shop(tmp_path / "shop", trained=False).close()
    file, again = str(tmp_path / "shop.tar"), str(tmp_path / "again")
    made = orjson.loads(run("backup", file, "-w", str(tmp_path / "shop"), "--without", "media", "--json"))
    assert made["products"] >= 80
    assert made["bytes"] == Path(file).stat().st_size
    assert orjson.loads(run("restore", file, "--check", "--json"))["events"] == made["events"]
    assert not Path(again).exists()
    restored = orjson.loads(run("restore", file, again, "--json"))
    assert restored["workspace"] == again
    assert (Path(again) / "shop.sqlite").exists()
    assert "events" in run("restore", file, "--check")
    with pytest.raises(ConflictError, match="already"):
        run("backup", file, "-w", str(tmp_path / "shop"))
    with pytest.raises(ConfigurationError, match="is a folder"):
        run("backup", str(tmp_path), "-w", str(tmp_path / "shop"))
    with pytest.raises(ConfigurationError, match="there is no folder"):
        run("backup", str(tmp_path / "away" / "shop.tar"), "-w", str(tmp_path / "shop"))
    with pytest.raises(InputError, match="is a folder"):
        run("restore", str(tmp_path), "--check")
    with pytest.raises(ConfigurationError, match="is a file; a workspace is a folder"):
        run("backup", str(tmp_path / "x.tar"), "-w", file)


def test_restoring_needs_a_place(tmp_path: Path) -> None:
    assert "--check" in run("restore", str(tmp_path / "shop.tar"), code=2)
