"""docs/cart.md runs as it stands, in the shop that its first block makes; its tables name what there is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import orjson
import pytest
from fastapi.testclient import TestClient
from pages import ROOT, blocks, lines, page, ran, run_json

from shoplens.http.app import create_app
from shoplens.http.wire.cart import CartAnswer, CartIn
from shoplens.models.cart.settings import SOURCES
from shoplens.service.runtime import Runtime

PAGE = page("cart.md")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the page's Python block made its shop."""
    where = tmp_path_factory.mktemp("page")
    with ran(where, *blocks(PAGE, "python")):
        yield where


def test_commands_run(folder: Path) -> None:
    shown = [run_json(words) for words in lines(PAGE, "shoplens")]
    guest, known, following, last = shown
    assert guest["items"][0]["item_id"] == "butter"
    assert "habit" in known["sources"]
    assert following["items"][0]["item_id"] == "milk"
    assert "jam" not in {one["item_id"] for one in last["items"]}
    assert len(last["bundles"]) == 1


def test_the_request_is_answered(folder: Path) -> None:
    (words,) = lines(PAGE, "curl")
    with Runtime.open(folder / "myshop") as shop:
        answer = TestClient(create_app(shop)).post("/v1/cart", json=orjson.loads(words[words.index("-d") + 1])).json()
    reasons = {reason for one in answer["items"] for reason in one["reasons"]}
    assert {"often bought with Bread", "you buy this about every 9 days"} <= reasons


def test_tables_name_all_that_there_is() -> None:
    table = re.findall(r"^\| `(\w+)` \| .* \| .* \|$", PAGE, re.MULTILINE)
    assert tuple(table) == SOURCES
    fallbacks = set(get_args(get_args(CartAnswer.model_fields["fallback"].annotation)[0]))
    assert set(re.findall(r"^\|.*\| `(\w+)` \|$", PAGE, re.MULTILINE)) - {"fallback"} == fallbacks
    asked = PAGE.split("## What is asked and answered")[1].split("The answer is")[0]
    assert set(re.findall(r"`(\w+)`", asked)) - {"POST"} == set(CartIn.model_fields)


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", PAGE):
        assert (ROOT / "docs" / target).exists(), target
