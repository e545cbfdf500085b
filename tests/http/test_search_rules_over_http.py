"""Curation, synonyms and words that are told while the shop is open: through every door, for every worker."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from shoplens.cli import rules as _rules  # noqa: F401 - registers its commands
from shoplens.cli.app import app
from shoplens.domain.catalogue import Product
from shoplens.domain.search_rules import RuleKind
from shoplens.errors import ConfigurationError, StoreError
from shoplens.http.app import create_app
from shoplens.recommend.asking import Ask
from shoplens.service.runtime import Runtime
from shoplens.service.search_rules import SearchRules
from shoplens.store.sql import open_store
from shoplens.testing.served_shop import open_tiny_shop

TEXTS_ALONE = {"text": "hashed-ngrams"} | dict.fromkeys(("image", "colour", "video", "audio", "speech", "ocr"), "off")
HAMMERS = {"p001", "p021", "p041", "p061"}  # by that word; "hammer" itself also finds 锤子
FRESH = 2.0  # seconds within which another worker follows


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    folder = tmp_path_factory.mktemp("shop") / "shop"
    with open_tiny_shop(folder, trained=False, settings={"encoders": TEXTS_ALONE}) as shop:
        shop.put_products([Product(item_id="uq", title="优衣库 衬衫"), Product(item_id="no", title="优质 衣架")])
        shop.search.sync()
        shop.watch()
        yield shop


@pytest.fixture(scope="module")
def client(shop: Runtime) -> Iterator[TestClient]:
    with TestClient(create_app(shop)) as client:
        yield client


@pytest.fixture(autouse=True)
def _nothing_told(shop: Runtime) -> Iterator[None]:
    yield
    shop.search.take_away([one.rule_id for one in shop.search.rules.list()])


def tell(client: TestClient, **body: Any) -> list[dict[str, Any]]:
    answer = client.post("/v1/search/rules", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()["rules"]  # type: ignore[no-any-return]


def ids(client: TestClient, text: str) -> list[str]:
    found = client.post("/v1/search", json={"text": text, "n": 20}).json()
    return [one["item_id"] for one in found["items"]]


def command(shop: Runtime, *words: str, code: int = 0) -> dict[str, Any]:
    told = CliRunner().invoke(app, ["rules", *words, "-w", str(shop.workspace.root), "--json"])
    assert told.exit_code == code, told.output
    return json.loads(told.stdout) if code == 0 else {}


def seen(shop: Runtime, text: str) -> Sequence[str]:
    return [hit.item_id for hit in shop.search.look(Ask(text=text, n=20)).items]


def test_rules_hold_at_once_and_are_taken_back(client: TestClient) -> None:
    before = ids(client, "hammer")
    first, last = before[0], before[-1]
    (pinned,) = tell(client, curation=[{"query": "hammers", "pin": [last], "hide": [first]}])
    assert ids(client, "hammer")[0] == last
    assert first not in ids(client, "hammer")
    assert client.get("/v1/search/rules").json()["rules"] == [pinned]
    gone = client.delete(f"/v1/search/rules/{pinned['id']}").json()["rules"]
    assert [one["id"] for one in gone] == [pinned["id"]]
    assert ids(client, "hammer") == before
    kept = client.get("/v1/search/rules", params={"kind": "curation", "removed": True}).json()["rules"]
    assert kept[-1]["removed"] is not None
    back = client.post(f"/v1/search/rules/{pinned['id']}/restore").json()["rules"]
    assert back == [pinned]
    assert ids(client, "hammer")[0] == last
    assert client.post(f"/v1/search/rules/{pinned['id']}/restore").json()["rules"] == [pinned], "sent again"
    for method, path in (("DELETE", "999999"), ("POST", "999999/restore")):
        assert client.request(method, f"/v1/search/rules/{path}").status_code == 404


def test_synonyms_and_words_change_how_queries_are_read(client: TestClient) -> None:
    assert ids(client, "beater") == []
    tell(client, synonyms=["beater => hammer"], words=["优衣库"])
    assert set(ids(client, "beater")) == HAMMERS
    assert ids(client, "优衣库") == ["uq"]
    assert tell(client, synonyms=["beater => hammer"]) == [], "it holds already"
    tell(client, synonyms=["knocker, hammer"], replace=True)
    assert ids(client, "beater") == []
    assert set(ids(client, "knocker")) == HAMMERS
    assert [one["rule"] for one in client.get("/v1/search/rules?kind=words").json()["rules"]] == ["优衣库"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"synonyms": ["good, fine", "alone"]}, "synonyms, rule 2: write"),
        ({"synonyms": ["# nothing"]}, "synonyms, rule 1: it says nothing"),
        ({"synonyms": ["a, b\nc, d"]}, "synonyms, rule 1: it has several lines"),
        ({"words": ["优衣库", "brand"]}, "words, rule 2: 'brand' is no word"),
        ({"curation": [{"query": "a"}]}, "curation, rule 1: query: the rule does nothing"),
        ({"curation": [{"query": "a", "hide": ["x"], "from": "2026-02-31"}]}, "curation, rule 1: from: expected a day"),
        (
            {"curation": [{"query": "a", "hide": ["x"], "from": "2026-06-02", "until": "2026-06-01"}]},
            "curation, rule 1: until: it is before from",
        ),
        ({"curation": [{"query": "a", "hid": ["x"]}]}, "hid"),
        ({"curation": [{"query": "a", "boost": [{"filter": {"field": "colour", "eq": "red"}}]}]}, "colour"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_place_and_nothing_is_taken(
    client: TestClient, body: dict[str, Any], reason: str
) -> None:
    answer = client.post("/v1/search/rules", json={"words": ["膳魔师"], **body})
    assert answer.status_code == 422
    assert reason in answer.text
    assert client.get("/v1/search/rules").json()["rules"] == []


def test_another_process_follows_files_and_what_was_told(shop: Runtime, client: TestClient) -> None:
    with Runtime.open(shop.workspace.root, settings=shop.settings) as other:
        other.search.tell({RuleKind.SYNONYMS: ["basher => hammer"]})
        assert set(seen(other, "basher")) == HAMMERS
        _until(lambda: set(ids(client, "basher")) == HAMMERS)
    (shop.workspace.root / "synonyms.txt").write_text("thumper => hammer\n", encoding="utf-8")
    _until(lambda: set(ids(client, "thumper")) == HAMMERS)
    assert set(ids(client, "basher")) == HAMMERS, "both hold"
    (shop.workspace.root / "synonyms.txt").write_text("thumper => hammer\nalone\n", encoding="utf-8")
    _until(lambda: "line 2" in client.get("/v1/search/rules").text)
    assert set(ids(client, "thumper")) == HAMMERS, "what the file said before holds on"
    (shop.workspace.root / "synonyms.txt").unlink()
    _until(lambda: ids(client, "thumper") == [])


def test_what_was_told_again_is_not_restored_beside_it(client: TestClient) -> None:
    (first,) = tell(client, synonyms=["basher => hammer"])
    client.delete(f"/v1/search/rules/{first['id']}")
    (again,) = tell(client, synonyms=["basher => hammer"])
    client.post(f"/v1/search/rules/{first['id']}/restore")
    holding = client.get("/v1/search/rules").json()["rules"]
    assert [one["id"] for one in holding if one["kind"] == "synonyms" and "basher" in str(one)] == [again["id"]]
    (last,) = tell(client, synonyms=["thumper => hammer"], replace=True)
    assert client.get("/v1/search/rules").json()["rules"] == [last]


def test_a_file_that_turns_wrong_is_listed_by_the_command_and_hinders_no_change(
    shop: Runtime, client: TestClient
) -> None:
    (told,) = tell(client, synonyms=["basher => hammer"])
    file = shop.workspace.root / "synonyms.txt"
    file.write_text("alone\n", encoding="utf-8")
    try:
        listed = command(shop, "list")
        assert [one["id"] for one in listed["rules"]] == [told["id"]]
        assert any("line 1" in (one["problem"] or "") for one in listed["files"])
        assert command(shop, "remove", str(told["id"]))["rules"][0]["removed"]
    finally:
        file.unlink()


def test_words_that_need_no_rule_are_counted_and_a_file_is_tried_until_it_can_be_read(
    shop: Runtime, client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = tmp_path / "told.txt"
    told.write_text("膳魔师\nIKEA\nSony 100 nz\n", encoding="utf-8")
    made = command(shop, "import", str(told), "--kind", "words")
    assert ([one["rule"] for one in made["rules"]], made["left_out"]) == (["膳魔师"], ["IKEA", "Sony"])
    file = shop.workspace.root / "words.txt"
    file.write_text("水桶包\nIKEA\n", encoding="utf-8")
    try:
        with contextlib.closing(open_store(shop.workspace.database_url)) as store:
            with monkeypatch.context() as patched:
                patched.setattr("shoplens.service.search_rules.read_words", refuse)
                rules = SearchRules(shop.workspace, store, strict=False)
                assert not rules.follow()
                assert [one.problem for one in rules.files() if one.kind is RuleKind.WORDS] == ["it is busy"]
            assert rules.follow(), "the file is the same, and can be read now"
            assert "水桶包" in rules.analyser.words
            (words,) = (one for one in rules.files() if one.kind is RuleKind.WORDS)
            assert (words.problem, words.rules, words.left_out) == (None, 1, 1)
        listed = command(shop, "list")["files"]
        assert {one["kind"]: one["left_out"] for one in listed} == {"curation": 0, "synonyms": 0, "words": 1}
    finally:
        file.unlink()


def refuse(path: Path) -> tuple[str, ...]:
    raise ConfigurationError("it is busy")


def test_what_a_file_says_anew_is_not_lost_while_the_store_fails(
    shop: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing() -> int:
        raise StoreError("the database is locked")

    with contextlib.closing(open_store(shop.workspace.database_url)) as store:
        rules = SearchRules(shop.workspace, store)
        file = shop.workspace.root / "words.txt"
        file.write_text("膳魔师\n", encoding="utf-8")
        try:
            with monkeypatch.context() as patched:
                patched.setattr(store.search_rules, "revision", failing)
                with pytest.raises(StoreError):
                    rules.follow()
            assert rules.follow()
            assert "膳魔师" in rules.analyser.words
        finally:
            file.unlink()


def test_of_two_pins_the_one_told_last_counts_and_any_before_the_file(shop: Runtime, client: TestClient) -> None:
    one, two, three = ids(client, "hammer")[-3:]
    path = shop.workspace.root / "curation.toml"
    path.write_text(f'[[rule]]\nquery = "hammer"\npin = ["{one}"]\n', encoding="utf-8")
    _until(lambda: ids(client, "hammer")[0] == one)
    tell(client, curation=[{"query": "hammer", "pin": [{"item": one, "place": 3}, {"item": two, "place": 1}]}])
    assert [ids(client, "hammer")[place] for place in (0, 2)] == [two, one]
    tell(client, curation=[{"query": "hammer", "pin": [{"item": two, "place": 2}, {"item": three, "place": 1}]}])
    assert ids(client, "hammer")[:3] == [three, two, one]
    path.unlink()


def test_the_same_from_the_command_line(shop: Runtime, client: TestClient, tmp_path: Path) -> None:
    before = ids(client, "hammer")
    (made,) = command(
        shop, "curate", "hammer", "*hammers", "--pin", f"{before[-1]}@2", "--hide", before[0],
        "--boost", '{"filter": {"field": "price", "range": {"lt": 20}}}', "--from", "2026-01-01",
    )["rules"]  # fmt: skip
    _until(lambda: ids(client, "hammer")[1] == before[-1])
    assert command(shop, "list", "curation")["rules"] == [made]
    assert command(shop, "synonyms", "beater => hammer", "a, b")["rules"][0]["rule"] == "beater => hammer"
    assert command(shop, "words", "膳魔师")["rules"][0]["rule"] == "膳魔师"
    assert command(shop, "remove", str(made["id"]))["rules"] == [
        {**made, "removed": command(shop, "list", "curation", "--removed")["rules"][-1]["removed"]}
    ]
    assert command(shop, "list", "curation", "--removed")["rules"][-1]["id"] == made["id"]
    assert command(shop, "restore", str(made["id"]))["rules"] == [made]
    command(shop, "words", "brand", code=1)
    command(shop, "remove", "999999", code=1)
    command(shop, "curate", "hammer", "--boost", "{", code=2)
    for kind, text in (
        ("synonyms", "# ours\ncouch, sofa\na, b\n"),
        ("words", "优衣库 1000 nz\nbrand\n"),
        ("curation", '[[rule]]\nquery = "tea"\nhide = ["p000"]\nuntil = 2026-08-31\n'),
    ):
        file = tmp_path / kind
        file.write_text(text, encoding="utf-8")
        assert len(command(shop, "import", str(file), "--kind", kind)["rules"]) == 1
        file.write_text("[[\n", encoding="utf-8")
        if kind != "words":
            command(shop, "import", str(file), "--kind", kind, code=1)


def _until(holds: Any) -> None:
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < 10 * FRESH
        time.sleep(0.05)
