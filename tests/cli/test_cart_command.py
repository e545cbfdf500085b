"""`shoplens cart`: the same answer as over HTTP, and a table for people."""

import json
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from shoplens.cli import cart as _cart  # noqa: F401 - each registers its command
from shoplens.cli import similar as _similar  # noqa: F401
from shoplens.cli.app import app
from shoplens.testing.cart_shop import open_cart_shop


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("shop")
    open_cart_shop(where, now=int(time.time() * 1e6)).close()
    return where


def run(folder: Path, *arguments: str) -> str:
    result = CliRunner().invoke(app, ["cart", "-w", str(folder), *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_json_is_one_object_with_the_stable_keys(folder: Path) -> None:
    answer = json.loads(run(folder, "bread", "--user", "ann", "--n", "3", "--explain", "--json"))
    assert set(answer) == {"cart", "items", "model", "bundle", "fallback", "note", "sources", "bundles"}
    assert answer["cart"] == ["bread"]
    assert len(answer["items"]) == 3
    assert answer["items"][0]["reasons"]
    assert answer["bundles"][0]["item_ids"][0] == "bread"
    assert json.loads(run(folder, "--json"))["fallback"] == "cold_start"
    new = json.loads(run(folder, "--user", "ann", "--new-only", "--json"))
    assert "milk" not in {one["item_id"] for one in new["items"]}


def test_people_read_a_table_and_help_teaches(folder: Path) -> None:
    shown = run(folder, "bread", "--explain", "--exclude", "jam")
    assert "Butter" in shown
    assert "Bought together" in shown
    assert "shoplens cart p001 --user u007" in run(folder, "--help")
    assert CliRunner().invoke(app, ["cart", "-w", str(folder), "--user", " "]).exit_code == 2
