"""`shoplens backup` and `shoplens restore` at the terminal."""

from __future__ import annotations

from pathlib import Path

import orjson
import psycopg
import pytest
from typer.testing import CliRunner

from shoplens.cli import backup as _backup  # noqa: F401 - adds the commands
from shoplens.cli.app import app
from shoplens.errors import ConfigurationError, ConflictError, InputError
from shoplens.service.workspace import Workspace
from shoplens.store.faults import without_password
from shoplens.store.sql import open_store
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


def test_the_database_that_was_named_is_the_one_that_is_opened(tmp_path: Path, postgres: str) -> None:
    """Without a word in the settings the shop would be served from an empty SQLite file."""
    open_tiny_shop(tmp_path / "shop", trained=False).close()
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("CREATE DATABASE restored")
    file, url = str(tmp_path / "shop.tar"), postgres.replace("/postgres?", "/restored?")
    made = orjson.loads(run("backup", file, "-w", str(tmp_path / "shop"), "--json"))
    restored = orjson.loads(run("restore", file, str(tmp_path / "again"), "--database-url", url, "--json"))
    assert "next" not in restored, "there is no password"
    store = open_store(Workspace.open(tmp_path / "again").database_url)
    assert store.events.count() == made["events"]
    store.close()


@pytest.mark.parametrize(
    ("url", "bare"),
    [
        ("postgresql://ann:secret@db/shop?sslmode=require", "postgresql://ann@db/shop?sslmode=require"),
        ("postgresql://ann@/shop?host=/run&password=secret", "postgresql://ann@/shop?host=%2Frun"),
        ("postgresql://ann@db/shop", "postgresql://ann@db/shop"),
        ("sqlite:///shop.sqlite", "sqlite:///shop.sqlite"),
    ],
)
def test_addresses_lose_their_password(url: str, bare: str) -> None:
    assert without_password(url) == bare
