"""docs/attributes.md runs as it stands, in the shop that its first block makes; its tables name what there is."""

from __future__ import annotations

import pkgutil
import re
import shlex
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import orjson
import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

import shoplens.cli
from shoplens.apps.attributes.found import Source
from shoplens.cli.app import app
from shoplens.domain.proposals import ProposalKind
from shoplens.http.app import create_app
from shoplens.service.runtime import Runtime

PAGE = (Path(__file__).parents[2] / "docs" / "attributes.md").read_text(encoding="utf-8")

for command in pkgutil.walk_packages(shoplens.cli.__path__, "shoplens.cli."):  # each adds itself to `app`
    import_module(command.name)


def lines(name: str) -> list[list[str]]:
    blocks = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    words = [shlex.split(line, comments=True) for block in blocks for line in block.splitlines()]
    return [one for one in words if one and one[0] == name]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the page's Python block made its shop."""
    where = tmp_path_factory.mktemp("page")
    (block,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(where)
        exec(compile(block, "docs/attributes.md", "exec"), {})
        yield where


def test_commands_run(folder: Path) -> None:
    shown = []
    for words in lines("shoplens"):
        result = CliRunner().invoke(app, [*words[1:], "--json"], catch_exceptions=False)
        assert result.exit_code == 0, result.stderr
        shown.append(orjson.loads(result.stdout))
    completed, checked, listed, text, product, alike, _ = shown
    assert completed["found"]["value"] >= 2
    assert all(checked["found"].values())
    assert listed["proposals"][0]["item_id"] == "says-otherwise"
    assert text["values"][0]["value"] == "500 ml"
    assert "black" in {one["value"] for one in product["values"]}
    assert len(alike["items"]) == 10


def test_requests_are_answered(folder: Path) -> None:
    with Runtime.open(folder / "myshop") as shop, TestClient(create_app(shop)) as client:
        for words in lines("curl"):
            address = words[1].removeprefix("localhost:8000")
            if "-d" in words:
                body = orjson.loads(words[words.index("-d") + 1])
                answer = client.post(address, json=body)
            else:
                answer = client.get(address)
            assert answer.status_code == 200, answer.text


def test_tables_name_what_there_is() -> None:
    told = set(re.findall(r"^\| `([a-z]+)` \|", PAGE, re.MULTILINE))
    assert told == {*(one.value for one in Source), *(one.value for one in ProposalKind)}
