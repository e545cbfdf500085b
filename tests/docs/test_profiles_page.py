"""docs/profiles.md runs as it stands, in the shop that its first block makes; its table names what there is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from pages import ROOT, blocks, lines, page, ran
from typer.testing import CliRunner

from shoplens.cli.app import app
from shoplens.http.app import create_app
from shoplens.http.wire.profiles import ProfileOut
from shoplens.service.profiles import COLUMNS
from shoplens.service.runtime import Runtime

PAGE = page("profiles.md")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the page's Python blocks were run."""
    where = tmp_path_factory.mktemp("page")
    with ran(where, *blocks(PAGE, "python")):
        yield where


def test_requests_are_answered(folder: Path) -> None:
    with Runtime.open(folder / "myshop") as shop:
        client = TestClient(create_app(shop))
        for words in lines(PAGE, "curl"):
            assert client.get(words[1].removeprefix("localhost:8000")).status_code == 200, words


def test_commands_run(folder: Path) -> None:
    told = []
    for words in lines(PAGE, "shoplens"):
        result = CliRunner().invoke(app, words[1:], catch_exceptions=False)
        assert result.exit_code == 0, (words, result.stderr)
        told.append(result.stdout)
    assert "Comes about every 7 days" in told[0]
    assert "u007" in told[-1], "the record is about them"


def test_tables_name_all_that_there_is() -> None:
    parts = set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE))
    assert parts == set(ProfileOut.model_fields) - {"user_id", "session_id", "as_of", "bundle"}
    said = PAGE.split("write CSV (")[1].split(")")[0]
    assert set(re.findall(r"`(\w+)`", said)) == set(COLUMNS)


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", PAGE):
        assert target.startswith("http") or (ROOT / "docs" / target).exists(), target
