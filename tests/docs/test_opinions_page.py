"""docs/opinions.md runs as it stands: its stream, its commands, its request, its check of a signature."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from fastapi.testclient import TestClient
from pages import ROOT, blocks, lines, page, ran, run_json
from typer.testing import CliRunner

from shoplens.apps.opinions.aspects import ASPECTS
from shoplens.apps.opinions.examples_of_tone import EXAMPLES
from shoplens.cli.app import app
from shoplens.http.app import create_app
from shoplens.service.runtime import Runtime
from shoplens.service.webhook import signature

PAGE = page("opinions.md")


def run(*words: str) -> str:
    result = CliRunner().invoke(app, words, catch_exceptions=False)
    assert result.exit_code == 0, result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    where = tmp_path_factory.mktemp("page")
    with ran(where, blocks(PAGE, "python")[0]):
        yield where


def test_commands_run(folder: Path) -> None:
    first, again, report, series, alerts = (run_json(words) for words in lines(PAGE, "shoplens"))
    assert (first["posts"], again["posts"]) == (1_400, 0)
    assert first["alerts"] == alerts["alerts"]
    (alert,) = [one for one in alerts["alerts"] if one["kind"] == "tone"]
    assert "battery" in alert["words"]
    assert alert["before"]["high"] < alert["during"]["low"]
    assert {one["series"] for one in report["series"]["product"]} == {f"product:p{k}" for k in range(5)}
    assert series["series"] == "entity:Acme"
    assert series["total"]["negative"] == series["total"]["posts"]
    shown = run("opinions", "alerts", "-w", "myshop", "--acknowledge", alert["alert_id"], "--by", "ann")
    assert "seen by ann" in shown
    assert "What people say" in shown
    assert "topic:" in run("opinions", "report", "-w", "myshop")
    assert "weekday" in run("opinions", "report", "-w", "myshop", "--series", "all")


def test_labels_are_learnt_from(folder: Path) -> None:
    rows = [
        f'"{"lovely and great" if k % 2 else "awful and broken"} {k}",{"pos" if k % 2 else "neg"}' for k in range(40)
    ]
    (folder / "labels.csv").write_text("text,label\n" + "\n".join(rows) + "\n", encoding="utf-8")
    told = run_json(["shoplens", "opinions", "train", "labels.csv", "-w", "myshop"])
    assert (told["model"], told["examples"], told["labels"]) == ("opinions-tone", 40, ["neg", "pos"])
    with Runtime.open(folder / "myshop") as shop:
        assert shop.opinions.reader().how()["tone"] == "trained"


def test_requests_are_answered(folder: Path) -> None:
    (words,) = lines(PAGE, "curl")
    body = orjson.loads(words[words.index("-d") + 1])
    with Runtime.open(folder / "myshop") as shop:
        client = TestClient(create_app(shop))
        assert shop.opinions.blame() == {}, "complaints of one day are not more than chance would give over four weeks"
        answer = client.post("/v1/opinions", json=body).json()
        assert answer["posts"][0]["item_id"] == "p1"
        again = client.post("/v1/opinions", json=body).json()
        assert (again["accepted"], again["duplicates"]) == (0, 1), "what is sent again changes nothing"
        body["posts"][0]["timestamp"] = "2190-01-01T00:00:00Z"
        assert client.post("/v1/opinions", json=body).status_code == 422
        assert client.get("/v1/opinions/series", params={"kind": "topic"}).json()["series"]
        trend = client.get("/v1/opinions/trends", params={"series": "product:p1", "step": "hour"}).json()
        assert (len(trend["hours"]), len(trend["weekdays"])) == (24, 7)
        assert client.get("/v1/opinions/trends", params={"series": "topic:none"}).status_code == 404
        alerts = client.get("/v1/opinions/alerts", params={"limit": 1}).json()["alerts"]
        seen = client.post(f"/v1/opinions/alerts/{alerts[0]['alert_id']}/acknowledge", json={"by": "bob"})
        assert seen.json()["acknowledged"]
        assert client.post("/v1/opinions/alerts/none/acknowledge").status_code == 404
        client.put("/v1/products/p1", json={"title": "Kettle"})
        page = client.get("/v1/products/p1").json()
        assert page["opinions"]["posts"] > 0
        assert client.put("/v1/products/p1", json=page).status_code == 200, "what was got may be sent back"
        places = [shop.opinions._places.acquire() for _ in range(shop.settings.opinions.requests)]
        assert client.post("/v1/opinions", json={"posts": [{"text": "more"}]}).status_code == 503
        for _ in places:
            shop.opinions._places.release()


def test_the_check_of_a_signature_works() -> None:
    block = blocks(PAGE, "python")[1]
    names: dict[str, Any] = {}
    exec(compile(block, "docs/opinions.md", "exec"), names)
    header = signature(b"s3cret", b"{}", 1_700_000_000)
    assert names["genuine"]("s3cret", header, b"{}")
    assert not names["genuine"]("s3cret", header, b"{ }")


def test_the_page_counts_right() -> None:
    assert f"{len(EXAMPLES)} example sentences" in PAGE
    assert f"words of {len(ASPECTS)} aspects" in PAGE
    for target in re.findall(r"\]\(([^)#]+)\)", PAGE):
        assert (ROOT / "docs" / target).exists(), target
