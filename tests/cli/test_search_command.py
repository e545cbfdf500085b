"""`shoplens search`, `suggest`, `interact` and `searches` on a small shop."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from shoplens.cli import interact as _interact  # noqa: F401 - each registers its command
from shoplens.cli import search as _search  # noqa: F401
from shoplens.cli import searches as _searches  # noqa: F401
from shoplens.cli import suggest as _suggest  # noqa: F401
from shoplens.cli.app import app
from shoplens.encoders.speech import Segment, Transcript
from shoplens.errors import InputError
from shoplens.service.workspace import Workspace
from shoplens.store.sql import open_store
from shoplens.testing.sample_media import sample_tone, sample_wav
from shoplens.testing.tiny_encoders import TINY, TinySpeech, tiny_parts
from shoplens.testing.tiny_shop import tiny_shop


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("shop")
    workspace = Workspace.create(folder, encoders=TINY)
    store = open_store(workspace.database_url)
    tiny_shop().fill(store)
    store.close()
    Image.new("RGB", (60, 60), (200, 30, 30)).save(folder / "photo.png")
    (folder / "voice.wav").write_bytes(sample_wav(sample_tone(1.0)))
    with tiny_parts():
        yield folder


@pytest.fixture(autouse=True)
def _inside(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)


def call(*words: str, code: int = 0, typed: str | None = None) -> Result:
    result = CliRunner().invoke(app, list(words), catch_exceptions=False, input=typed, env={"COLUMNS": "140"})
    assert result.exit_code == code, result.output
    return result


def told(*words: str) -> dict[str, Any]:
    lines = call(*words, "--json").stdout.strip().splitlines()
    assert len(lines) == 1, "exactly one JSON object"
    return json.loads(lines[0])  # type: ignore[no-any-return]


def ids(found: dict[str, Any]) -> list[str]:
    return [one["item_id"] for one in found["items"]]


def test_words_filters_facets_order_pages() -> None:
    brand = json.dumps({"field": "brand", "eq": "Brand 3"})
    found = told("search", "tea", "--filter", brand, "--facet", "brand", "--sort", "price:desc", "-n", "3", "--plain")
    assert found["items"]
    assert all(int(one[1:]) % 7 == 3 for one in ids(found))
    assert found["facets"][0]["field"] == "brand"
    whole = told("search", "tea", "-n", "6", "--plain")
    first, second = (told("search", "tea", "-n", "3", "--page", page, "--plain") for page in "12")
    assert ids(first) + ids(second) == ids(whole)
    assert ids(told("search", "tea", "-n", "3", "--cursor", first["cursor"], "--plain")) == ids(second)
    everything = told("search", "-n", "100")
    assert len(everything["items"]) == 76  # of 80, four cannot be ordered
    assert len(told("search", "-n", "100", "--unavailable")["items"]) == 80


def test_a_place_of_the_shop_is_named() -> None:
    assert ids(told("search", "tea", "--scenario", "home")) == ids(told("search", "tea"))
    with pytest.raises(InputError, match="there is no scenario 'hom'"):
        call("search", "tea", "--scenario", "hom")


def test_people_read_a_table() -> None:
    shown = call(
        "search", "gren tea under 20", "--facet", "brand", "--facet", "price", "--user", "u001", "--explain"
    ).stdout
    for part in ("understood", "price<20", "green tea", "EUR", "brand", "█", "products by"):
        assert part in shown, part
    assert "nothing found" in call("search", "zzqqxx", "--plain", "--exact").stdout


def test_photos_and_speech() -> None:
    assert told("search", "--image", "photo.png", "--crop", "0,0,0.5,1")["heard"] is None
    assert told("search", "--audio", "voice.wav")["heard"] == "about 1 seconds"
    turns = told("interact", "--image", "photo.png", "--say", "tea", "--say", "cheaper", "-n", "2")["turns"]
    assert [one["turn"] for one in turns] == [1, 2]
    assert turns[0]["session_id"] == turns[1]["session_id"]


def test_long_speech_is_searched_for_by_its_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    said = "a cup of green tea please " * 58

    def transcribe(*_: Any, **__: Any) -> Transcript:
        return Transcript(said, "en", (Segment(said, 0.0, 1.0, 0.8),))

    monkeypatch.setattr(TinySpeech, "transcribe", transcribe)
    assert told("search", "cheap", "--audio", "voice.wav", "--plain")["heard"] == said.strip()


def test_what_the_api_takes_the_command_takes() -> None:
    (facet,) = told("search", "tea", "--facet", "brand", "--facet-values", "2", "--plain")["facets"]
    assert len(facet["values"]) == 2
    assert told("search", "hamm", "--exact", "--plain")["total"] == 0
    assert told("search", "hamm", "--exact", "--plain", "--prefix")["total"] > 0
    assert told("search", "zzqqxx", "--plain", "--exact", "--language", "zh")["note"]
    assert "没有" in told("search", "", "--filter", '{"field": "brand", "eq": "none"}', "--language", "zh")["note"]
    told("search", "watering can", "--session", "window-1")
    own = told("suggest", "wate", "--session", "window-1")["suggestions"]
    assert own[0]["kind"] == "query"
    assert all(one["kind"] != "query" for one in told("suggest", "wate", "--language", "en")["suggestions"])


def test_a_conversation_goes_on_in_another_process() -> None:
    brand = json.dumps({"field": "brand", "eq": "Brand 3"})
    (first,) = told("interact", "--say", "tea under 20", "--filter", brand, "--language", "zh", "-n", "3")["turns"]
    assert first["language"] == "zh"
    assert all(int(one[1:]) % 7 == 3 for one in ids(first))
    (price,) = (one["id"] for one in first["understood"] if one["field"] == "price")
    session = ["--session", first["session_id"]]
    (second,) = told("interact", *session, "--drop", price)["turns"]
    assert (second["session_id"], second["turn"]) == (first["session_id"], 2)
    assert price not in {one["id"] for one in second["understood"]}
    assert all(int(one[1:]) % 7 == 3 for one in ids(second)), "the filter holds"
    (third,) = told("interact", *session, "--reset", "--say", "hammer")["turns"]
    assert third["turn"] == 3
    assert third["understood"] != second["understood"]
    assert f"go on with --session {first['session_id']}" in call("interact", *session, "--say", "cheaper").stdout
    assert call("interact", *session, typed="cheaper").stdout


def test_a_part_of_a_photo_begins_a_conversation() -> None:
    whole = told("interact", "--image", "photo.png", "--crop", "0,0,0.5,0.5")["turns"]
    assert whole[0]["turn"] == 1


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["search", "tea", "--filter", "{"], "not JSON"),
        (["search", "--image", "none.png"], "none.png"),
        (["search", "tea", "--crop", "0,0,1,1"], "no photo"),
        (["search", "tea", "-n", "0"], "greater than or equal to 1"),
        (["search", "tea", "--personal", "2"], "less than or equal to 1"),
        (["interact", "--json"], "--say"),
        (["interact", "--say", "tea", "--crop", "0,0,1,1"], "no photo"),
        (["interact", "--say", "tea", "--filter", "{"], "not JSON"),
        (["search", "tea", "--language", "fr"], "'fr' is not one of"),
        (["search", "tea", "--facet-values", "0"], "greater than or equal to 1"),
        (["suggest", "x", "-n", "51"], "less than or equal to 50"),
    ],
)
def test_wrong_usage(words: list[str], reason: str) -> None:
    assert reason in call(*words, code=2).output


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["search", "tea", "--sort", "colour"], "sort: 'colour'"),
        (["search", "tea", "--filter", '{"field": "colour", "eq": "red"}'], "filter"),
        (["search", "tea", "--page", "1", "--cursor", "x"], "page and cursor"),
        (["search", "tea", "--cursor", "x"], "cursor"),
        (["search", "x" * 1_001], "at most 1000"),
        (["search", "--image", "voice.wav"], "voice.wav"),
        (["search", "--image", "photo.png", "--crop", "1,2"], "crop"),
        (["interact", "--image", "photo.png", "--crop", "0,0,2,2"], "crop"),
        (["interact", "--say", "tea", "--session", "x" * 201], "session_id"),
        (["interact", "--image", "photo.png", "--say", "x" * 1_001], "at most 1000"),
    ],
)
def test_refused(words: list[str], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        call(*words)


def test_a_conversation_in_the_terminal() -> None:
    lines = [
        "tea under 20",
        "",
        "/image none.png",
        "/image photo.png",
        "cheaper",
        "/what",
        "/reset hammer",
        "/quit",
        "late",
    ]
    result = call("interact", "-n", "3", typed="\n".join(lines))
    assert result.stdout.count(" by search") == 3
    assert "--cursor" not in result.stdout
    assert "attributes." not in result.stdout, "no facets"
    assert "none.png: there is no such file" in result.stderr
    assert "/what: not known here" in result.stderr
    call("interact", typed="tea")  # ends with its input


def test_a_turn_says_once_what_it_found() -> None:
    shown = call("interact", "--say", "hammer", "--say", "the first one", "--say", "show more").stdout
    assert "8 products by search" in shown
    assert "1 product by search" in shown
    assert "That is all" in shown
    for part in ("1 products", "nothing found", "othing was found"):
        assert part not in shown, part


@pytest.mark.parametrize("words", [["search", "tea"], ["search"], ["suggest", "te"], ["interact", "--say", "tea"]])
def test_a_shop_without_products_says_what_to_run(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "70")  # a command to copy is not broken, however narrow it is
    Workspace.create(tmp_path / "new shop", encoders=TINY)
    shown = call(*words, "--workspace", str(tmp_path / "new shop")).stdout
    assert shown.startswith("no products yet; take some in: shoplens ingest products FILE --workspace '")
    assert "othing" not in shown
    monkeypatch.chdir(tmp_path / "new shop")
    assert call(*words).stdout == "no products yet; take some in: shoplens ingest products FILE\n"


def test_suggestions_and_figures() -> None:
    assert any("hammer" in one["text"] for one in told("suggest", "hamm")["suggestions"])
    assert "hammer" in call("suggest", "hamm", "-n", "3").stdout
    told("search", "hammer", "--user", "u001")
    figures = told("searches", "--days", "1")
    assert figures["days"] == 1
    assert any(one["query"] == "hammer" for one in figures["top"])
    shown = call("searches").stdout
    assert "searched for most" in shown
    assert "hammer" in shown
