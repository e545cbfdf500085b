"""docs/live.md runs as it stands; its tables name what there is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import orjson
import pytest
from fastapi.testclient import TestClient
from pages import ROOT, blocks, lines, page, run_json

from shoplens.http.app import create_app
from shoplens.http.wire.ranking import RankingAnswer
from shoplens.learning.metrics.off_policy import OffPolicy
from shoplens.recommend.scenarios import BUILT_IN
from shoplens.service.bundle_pointer import promote
from shoplens.service.runtime import Runtime
from shoplens.service.settings import FILE_NAME, Settings
from shoplens.testing.served_shop import open_tiny_shop, train_tiny_shop

PAGE = page("live.md")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop with two bundles and the page's settings."""
    where = tmp_path_factory.mktemp("page")
    with open_tiny_shop(where) as shop:
        second = train_tiny_shop(shop.store, shop.workspace.bundles, seed=1)
        promote(shop.workspace.bundles, second)
    (where / FILE_NAME).write_text("\n".join(blocks(PAGE, "toml")), encoding="utf-8")
    return where


def test_commands_run(folder: Path) -> None:
    version = sorted(one.name for one in (folder / "bundles").glob("2*"))[0]
    for words in lines(PAGE, "shoplens"):
        said = [version if word == "20260101-120000" else word for word in words[1:]]
        told = run_json(["shoplens", *said, "-w", str(folder)])
        if "--explain" in words:
            assert told["model"] == "mixed"
            assert told["candidates"]["similar"] > 0


def test_requests_are_answered(folder: Path) -> None:
    with Runtime.open(folder) as shop, TestClient(create_app(shop)) as client:
        for words in lines(PAGE, "curl"):
            path = words[-1].removeprefix("localhost:8000")
            answer = client.post(path, json=orjson.loads(words[words.index("-d") + 1]))
            assert answer.status_code == 200, answer.text
        assert "summer" in {one["name"] for one in client.get("/v1/scenarios").json()["scenarios"]}


def test_the_figures_of_a_replay_are_those_there_are() -> None:
    told = PAGE.split("| figure | is |")[1].split("\n\n")[0]
    fields = set(OffPolicy.__dataclass_fields__) - {"answers", "people", "refused"}
    assert set(re.findall(r"^\| `(\w+)` \|", told, re.MULTILINE)) == fields


def test_settings_are_those_there_are() -> None:
    kept = Settings.read(None).schedule
    assert set(re.findall(r"`schedule\.(\w+)`", PAGE)) <= set(type(kept).model_fields)


def test_tables_name_all_that_there_is() -> None:
    scenarios = re.findall(r"^\| `(\w+)` \| .* \| .* \|$", PAGE, re.MULTILINE)
    assert scenarios == list(BUILT_IN)
    fallbacks = set(get_args(get_args(RankingAnswer.model_fields["fallback"].annotation)[0]))
    told = PAGE.split("| fallback | says |")[1].split("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", told, re.MULTILINE)) == fallbacks


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", PAGE):
        assert target.startswith("https://") or (ROOT / "docs" / target).exists(), target


def test_the_replay_runs(folder: Path) -> None:
    (block,) = blocks(PAGE, "python")
    (folder / FILE_NAME).write_text("[schedule]\nsettle_minutes = 1e-6\n", encoding="utf-8")
    with Runtime.open(folder) as shop:
        for number in range(200):
            shop.answers.recommend(shop.wish(n=2, exploration=0.5), f"u{number % 60:03}")
        names: dict[str, Any] = {"shop": shop, "version": shop.shelf.version}
        exec(compile(block, "docs/live.md", "exec"), names)
    found = names["found"]
    assert isinstance(found, OffPolicy)
    assert found.answers == 200
