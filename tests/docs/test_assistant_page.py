"""docs/assistant.md runs as it stands, in the shop that its first block makes; its table names what there is."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import orjson
import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from shoplens.apps.assistant.turns import Outcome
from shoplens.cli import assistant as _assistant  # noqa: F401 - registers its commands
from shoplens.cli.app import app
from shoplens.http.app import create_app
from shoplens.service.settings import Settings
from shoplens.testing.assisted_shop import API_KEY, open_assisted_shop

pytestmark = pytest.mark.slow  # a shop with dialogues and documents is made: minutes on a busy machine
PAGE = (Path(__file__).parents[2] / "docs" / "assistant.md").read_text(encoding="utf-8")


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
        exec(compile(block, "docs/assistant.md", "exec"), {})
        yield where


def test_commands_run(folder: Path) -> None:
    shown = []
    for words in lines("shoplens"):
        result = CliRunner().invoke(app, [*words[1:], "--json"], catch_exceptions=False)
        assert result.exit_code == 0, result.stderr
        shown.append(orjson.loads(result.stdout))
    cost, own, chinese, documents = shown
    assert "9.90 EUR" in cost["turns"][0]["text"]
    assert "7000123" in own["turns"][0]["text"]
    assert [one["turn"] for one in chinese["turns"]] == [1, 2]
    assert documents["passages"] > 50


def test_the_request_is_answered(folder: Path) -> None:
    (words,) = lines("curl")
    with open_assisted_shop(folder / "another") as shop:
        client = TestClient(create_app(shop), headers={"x-api-key": API_KEY})
        answer = client.post("/v1/assistant", json=orjson.loads(words[words.index("-d") + 1])).json()
    assert "24.90 EUR" in answer["text"]


def test_the_table_names_all_outcomes_and_settings_are_valid(tmp_path: Path) -> None:
    assert set(re.findall(r"^\| `(\w+)` \| [^|]+ \|$", PAGE, re.MULTILINE)) - {"outcome"} == set(get_args(Outcome))
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "shoplens.toml").write_text(example, encoding="utf-8")
    assert Settings.read(tmp_path / "shoplens.toml").assistant.endpoint.model == "some-model"


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", PAGE):
        assert (Path(__file__).parents[2] / "docs" / target).exists(), target
    for file in re.findall(r"`(src/[\w/.]+)`", PAGE):
        assert (Path(__file__).parents[2] / file).exists(), file
