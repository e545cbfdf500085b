"""docs/text-models.md runs as it stands, in the shop that its first block makes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from fastapi.testclient import TestClient
from pages import blocks, lines, page, ran, run_json

from shoplens.http.app import create_app
from shoplens.http.wire.classify import MOST_TEXTS
from shoplens.learning.text_classes.choosing import ENOUGH, FEWEST
from shoplens.models.classifier.finetuned import SETTINGS
from shoplens.service.runtime import Runtime
from shoplens.service.text_models import KEPT

TEXT = page("text-models.md")
PAGE = TEXT[TEXT.index("## Classes") : TEXT.index("### `shoplens bench classify")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the page's Python block made its shop."""
    where = tmp_path_factory.mktemp("page")
    with ran(where, *blocks(PAGE, "python")):
        other = (where / "reviews.csv").read_text(encoding="utf-8").replace("cup", "tray")
        (where / "other-reviews.csv").write_text(other, encoding="utf-8")
        yield where


def test_commands_run_and_the_request_is_answered(folder: Path) -> None:
    fast = ["--encoder", "none"]
    shown = [run_json([*words, *fast] if words[1] == "bench" else words) for words in lines(PAGE, "shoplens")]
    trained, two, table, judged, listed, benched = shown
    assert trained["path"] == "fast"
    assert [one["label"] for one in two["results"]] == ["good", "bad"]
    assert len(table["results"]) == 48
    assert judged["figures"]["accuracy"] > judged["figures"]["baseline"]["accuracy"]
    assert not judged["learnt_from"]
    assert [one["name"] for one in listed["classifiers"]] == ["mood", "tone"]
    assert benched["accuracy"] > benched["baselines"]["majority"]["accuracy"]
    (words,) = lines(PAGE, "curl")
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
