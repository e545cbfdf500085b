"""docs/text-models.md runs as it stands, in the shop that its first block makes."""

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
from shoplens.cli.app import app
from shoplens.http.app import create_app
from shoplens.http.wire.classify import MOST_TEXTS
from shoplens.learning.text_classes.choosing import ENOUGH, FEWEST
from shoplens.models.classifier.finetuned import SETTINGS
from shoplens.service.runtime import Runtime
from shoplens.service.text_models import KEPT

TEXT = (Path(__file__).parents[2] / "docs" / "text-models.md").read_text(encoding="utf-8")
PAGE = TEXT[TEXT.index("## Classes") : TEXT.index("### `shoplens bench classify")]

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
        exec(compile(block, "docs/text-models.md", "exec"), {})
        other = (where / "reviews.csv").read_text(encoding="utf-8").replace("cup", "tray")
        (where / "other-reviews.csv").write_text(other, encoding="utf-8")
        yield where


def test_commands_run_and_the_request_is_answered(folder: Path) -> None:
    shown = []
    for words in lines("shoplens"):
        fast = ["--encoder", "none"] if words[1] == "bench" else []
        result = CliRunner().invoke(app, [*words[1:], *fast, "--json"], catch_exceptions=False)
        assert result.exit_code == 0, result.stderr
        shown.append(orjson.loads(result.stdout))
    trained, two, table, listed, benched = shown
    assert trained["path"] == "fast"
    assert [one["label"] for one in two["texts"]] == ["good", "bad"]
    assert len(table["texts"]) == 48
    assert [one["name"] for one in listed["classifiers"]] == ["mood", "tone"]
    assert benched["accuracy"] > benched["baselines"]["majority"]["accuracy"]
    (words,) = lines("curl")
    with Runtime.open(folder / "myshop") as shop:
        client = TestClient(create_app(shop))
        answer = client.post("/v1/classify", json=orjson.loads(words[words.index("-d") + 1])).json()
    assert [one["label"] for one in answer["results"]] == ["good", "bad"]


def test_numbers_are_those_of_the_code() -> None:
    assert f"up to {MOST_TEXTS} in a list" in PAGE
    assert f"below {FEWEST} examples" in PAGE
    assert f"{ENOUGH:.1%}".replace("%", " %") in PAGE.replace("\n", " ")
    assert SETTINGS.minutes == 10
    assert "at most ten minutes" in PAGE
    assert SETTINGS.trained_layers == 6
    assert "six upper layers" in PAGE
    assert KEPT == 3
    assert "the three latest versions" in PAGE
