"""Taggers of a workspace: at the terminal, over HTTP, and killed in between."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from shoplens.cli import entities as _entities  # noqa: F401 - each registers its command
from shoplens.cli.app import app
from shoplens.cli.bench import tag as _bench  # noqa: F401
from shoplens.errors import FormatError, InputError, NotFoundError
from shoplens.http.app import create_app
from shoplens.http.wire.entities import EntitiesAnswer, TaggersAnswer
from shoplens.service.runtime import Runtime
from shoplens.service.taggers import Taggers
from shoplens.testing.cart_shop import open_cart_shop
from shoplens.testing.marked_sentences import QUICK, marked_sentences, tiny_body, write_marked

SETTINGS = type(QUICK)(**(QUICK.to_dict() | {"epochs": 6}))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    """A shop with a tagger named brands."""
    folder = tmp_path_factory.mktemp("shop")
    with open_cart_shop(folder, now=1_700_000_000_000_000) as opened:
        marked = folder / "marked"
        marked.mkdir()
        write_marked(marked / "train.txt", marked_sentences(150))
        write_marked(marked / "dev.txt", marked_sentences(30, seed=1))
        done = opened.taggers.train("brands", marked, SETTINGS, body=tiny_body())
        assert done.judged.entities["micro"]["f1"] > 0.8
        assert done.saved.details["device"] == done.chosen.trained.fitted.device
        yield opened


@pytest.fixture(scope="module")
def client(shop: Runtime) -> TestClient:
    return TestClient(create_app(shop), raise_server_exceptions=False)


def run(*arguments: str, said: str | None = None) -> str:
    result = CliRunner().invoke(app, list(arguments), input=said, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_entities_over_http(client: TestClient) -> None:
    body = client.post("/v1/entities", json={"text": ["new Acme lamp", ""], "model": "brands"}).json()
    EntitiesAnswer.model_validate(body, strict=True)
    assert [one["text"] for one in body["results"][0]["entities"]] == ["Acme", "lamp"]
    assert body["results"][1] == {"entities": []}
    listed = client.get("/v1/entities").json()
    TaggersAnswer.model_validate(listed, strict=True)
    assert listed["taggers"][0]["kinds"] == ["BRAND", "THING"]


@pytest.mark.parametrize("body", [{}, {"text": []}, {"text": 3}, {"text": "x", "n": 1}, {"text": "x", "model": ""}, []])
def test_what_makes_no_sense_is_refused(client: TestClient, body: object) -> None:
    answer = client.post("/v1/entities", json=body)
    assert 400 <= answer.status_code < 500
    assert answer.headers["content-type"].startswith("application/problem+json")


def test_an_unknown_tagger_is_answered_with_those_there_are(client: TestClient) -> None:
    answer = client.post("/v1/entities", json={"text": "x", "model": "people"})
    assert answer.status_code == 404
    assert "there are: brands" in answer.json()["detail"]


def test_at_the_terminal(shop: Runtime, tmp_path: Path) -> None:
    where = ("-w", str(shop.workspace.root))
    (line,) = run("entities", "tag", "a cheap Zeta cup", "--json", *where).splitlines()
    assert [(one["text"], one["kind"]) for one in json.loads(line)["entities"]] == [("Zeta", "BRAND"), ("cup", "THING")]
    piped = run("entities", "tag", "--stdin", *where, said="Acme lamp\n\nnew\n").splitlines()
    assert [len(json.loads(one)["entities"]) for one in piped] == [2, 0, 0]
    (tmp_path / "ask.txt").write_text("Acme lamp\n", encoding="utf-8")
    assert "Acme" in run("entities", "tag", "--file", str(tmp_path / "ask.txt"), *where)
    (known,) = json.loads(run("entities", "list", "--json", *where))["taggers"]
    assert known["name"] == "brands"
    assert CliRunner().invoke(app, ["entities", "tag", *where]).exit_code == 2
    assert "shoplens entities train" in run("entities", "train", "--help")
    (tmp_path / "bad.txt").write_text("lamp\n", encoding="utf-8")
    with pytest.raises(FormatError, match="line 1"):
        run("entities", "train", str(tmp_path / "bad.txt"), "--name", "x", *where)
    assert "bench tag conll2003" in run("bench", "tag", "--help")


def test_a_saved_tagger_is_judged_without_learning(shop: Runtime, tmp_path: Path) -> None:
    (before,) = shop.taggers.all()
    newest = tmp_path / "newest.txt"
    write_marked(newest, marked_sentences(40, seed=9))
    with newest.open("a", encoding="utf-8") as file:
        file.write("\n\nParis B-PLACE\n")  # a kind that it never learnt
    found = shop.taggers.evaluate(newest, "brands")
    assert found.judged.sentences == 41
    assert found.judged.entities["BRAND"]["f1"] > 0.8
    assert found.judged.entities["PLACE"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 1}
    assert found.judged.tokens["B-PLACE"] == found.judged.tokens_without_o["B-PLACE"]
    assert (found.model.version, shop.taggers.all()) == (before.version, [before])
    assert not found.learnt_from

    where = ("-w", str(shop.workspace.root))
    out = tmp_path / "report"
    words = ("entities", "evaluate", str(newest), "--model", "brands", "--report", str(out), *where)
    told = json.loads(run(*words, "--json"))
    assert told["figures"]["report"]["entities"] == found.judged.entities
    assert told["figures"]["entity_f1"] == found.judged.entities["micro"]["f1"]
    assert Path(told["report"]) == out / "report.html"
    assert json.loads((out / "metrics.json").read_text(encoding="utf-8"))["figures"]["entity_f1"] > 0.7
    table = run("entities", "evaluate", str(newest), *where)
    for row in (
        "BRAND",
        "unit B-BRAND",
        "unit I-THING",
        "unit O",
        "units without O, micro",
        "units, O counted, weighted",
    ):
        assert row in table
    assert "units, always O, micro" in table
    assert "most often taken: B-PLACE for " in " ".join(table.split())
    with pytest.raises(NotFoundError, match="there are: brands"):
        run("entities", "evaluate", str(newest), "-m", "people", *where)


def test_json_lines_are_judged_and_learnt_and_refused_rows_are_told(shop: Runtime, tmp_path: Path) -> None:
    where = ("-w", str(shop.workspace.root))
    rows = [{"tokens": one.units, "ner_tags": one.labels} for one in marked_sentences(60, seed=9)]
    spans = {"text": "a Zeta cup", "entities": [{"start": 2, "end": 5, "label": "BRAND"}]}
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, [*rows, spans, {"text": "x"}])), encoding="utf-8")
    result = CliRunner().invoke(
        app, ["entities", "evaluate", str(tmp_path / "a.jsonl"), "-m", "brands", "--json", *where]
    )
    told = json.loads(result.stdout)
    assert told["figures"]["entity_f1"] > 0.8
    assert (told["rows"]["accepted"], told["rows"]["refused"]) == (61, 1)
    assert "changed: 1 × entity widened to whole words" in result.stderr
    assert "line 62: no list of entities" in result.stderr
    settings = type(QUICK)(**(QUICK.to_dict() | {"epochs": 1}))
    refused = tmp_path / "refused.jsonl"
    done = shop.taggers.train("rows", tmp_path / "a.jsonl", settings, body=tiny_body(), refused=refused)
    shop.taggers.saved.remove("rows")
    assert (done.rows["refused"], json.loads(refused.read_bytes())["line"]) == (1, 62)


def test_sentences_that_were_learnt_are_known_again(shop: Runtime, tmp_path: Path) -> None:
    (tmp_path / "none.txt").write_text("lamp O\n\n", encoding="utf-8")
    with pytest.raises(InputError, match="no entity"):
        shop.taggers.evaluate(tmp_path / "none.txt", "brands")
    write_marked(tmp_path / "all.txt", marked_sentences(100, seed=7))
    settings = type(QUICK)(**(QUICK.to_dict() | {"epochs": 1}))
    shop.taggers.train("again", tmp_path / "all.txt", settings, body=tiny_body())
    assert shop.taggers.evaluate(tmp_path / "all.txt", "again").learnt_from
    told = CliRunner().invoke(
        app, ["entities", "evaluate", str(tmp_path / "all.txt"), "-m", "again", "-w", str(shop.workspace.root)]
    )
    assert "they flatter it" in " ".join(told.stderr.split())
    shop.taggers.saved.remove("again")


def test_without_a_tagger_it_says_how_to_train_one(tmp_path: Path) -> None:
    from shoplens.service.workspace import Workspace

    Workspace.create(tmp_path)
    with pytest.raises(NotFoundError, match="shoplens entities train"):
        Taggers(Workspace.open(tmp_path)).tag(["x"])


def test_a_killed_training_goes_on(shop: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shoplens.models.text_body.fitting.SAVED_EVERY", 0.0)
    write_marked(tmp_path / "more.txt", marked_sentences(100, seed=5))
    settings = type(QUICK)(**(QUICK.to_dict() | {"epochs": 2}))

    def kill(what: str, done: int, most: int, figures: dict[str, float]) -> None:
        if what == "learning" and done > most // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        shop.taggers.train("other", tmp_path / "more.txt", settings, body=tiny_body(), progress=kill)
    first: list[int] = []

    def watch(what: str, done: int, most: int, figures: dict[str, float]) -> None:
        if what == "learning":
            first.append(done)

    shop.taggers.train("other", tmp_path / "more.txt", settings, body=tiny_body(), progress=watch)
    assert first[0] > 1
    with pytest.raises(NotFoundError, match="several taggers"):
        shop.taggers.tag(["x"])
    shop.taggers.saved.remove("other")
