"""docs/assistant.md runs as it stands, in the shop that its first block makes; its table names what there is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import orjson
import pytest
from fastapi.testclient import TestClient
from pages import ROOT, blocks, lines, page, ran, run_json

from shoplens.apps.assistant.turns import Outcome
from shoplens.cli import assistant_evaluate as _assistant  # noqa: F401 - registers all its commands
from shoplens.http.app import create_app
from shoplens.service.settings import Settings
from shoplens.testing.assisted_shop import API_KEY, open_assisted_shop

pytestmark = pytest.mark.slow  # a shop with dialogues and documents is made: minutes on a busy machine
PAGE = page("assistant.md")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the page's Python block made its shop."""
    where = tmp_path_factory.mktemp("page")
    with ran(where, *blocks(PAGE, "python")):
        yield where


def test_commands_run(folder: Path) -> None:
    shown = [run_json(words) for words in lines(PAGE, "shoplens")]
    cost, own, chinese, documents = shown
    assert "9.90 EUR" in cost["turns"][0]["text"]
    assert "7000123" in own["turns"][0]["text"]
    assert [one["turn"] for one in chinese["turns"]] == [1, 2]
    assert documents["passages"] > 50


def test_the_request_is_answered(folder: Path) -> None:
    (words,) = lines(PAGE, "curl")
    with open_assisted_shop(folder / "another") as shop:
        client = TestClient(create_app(shop), headers={"x-api-key": API_KEY})
        answer = client.post("/v1/assistant", json=orjson.loads(words[words.index("-d") + 1])).json()
    assert "24.90 EUR" in answer["text"]


def test_the_table_names_all_outcomes_and_settings_are_valid(tmp_path: Path) -> None:
    assert set(re.findall(r"^\| `(\w+)` \| [^|]+ \|$", PAGE, re.MULTILINE)) - {"outcome"} == set(get_args(Outcome))
    (example,) = blocks(PAGE, "toml")
    (tmp_path / "shoplens.toml").write_text(example, encoding="utf-8")
    assert Settings.read(tmp_path / "shoplens.toml").assistant.endpoint.model == "some-model"


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", PAGE):
        assert (ROOT / "docs" / target).exists(), target
    for file in re.findall(r"`(src/[\w/.]+)`", PAGE):
        assert (ROOT / file).exists(), file
