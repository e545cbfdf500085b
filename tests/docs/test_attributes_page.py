"""docs/attributes.md runs as it stands, in the shop that its first block makes; its tables name what there is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from fastapi.testclient import TestClient
from pages import blocks, lines, page, ran, run_json

from shoplens.apps.attributes.found import Source
from shoplens.domain.proposals import ProposalKind
from shoplens.http.app import create_app
from shoplens.service.runtime import Runtime

PAGE = page("attributes.md")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the page's Python block made its shop."""
    where = tmp_path_factory.mktemp("page")
    with ran(where, *blocks(PAGE, "python")):
        yield where


def test_commands_run(folder: Path) -> None:
    shown = [run_json(words) for words in lines(PAGE, "shoplens")]
    completed, checked, listed, text, product, alike, _, accepted, rejected = shown
    assert completed["found"]["value"] >= 2
    assert all(checked["found"].values())
    assert listed["proposals"][0]["item_id"] == "says-otherwise"
    assert text["values"][0]["value"] == "500 ml"
    assert "black" in {one["value"] for one in product["values"]}
    assert len(alike["items"]) == 10
    assert [one["item_id"] for one in accepted["proposals"]] == ["lacks-colour"]
    assert [one["item_id"] for one in rejected["proposals"]] == ["dear"]


def test_requests_are_answered(folder: Path) -> None:
    with Runtime.open(folder / "myshop") as shop, TestClient(create_app(shop)) as client:
        for words in lines(PAGE, "curl"):
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
