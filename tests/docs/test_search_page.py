"""docs/search.md runs as it stands, on the page's own catalogue, with encoders that need no weights."""

from __future__ import annotations

import io
import pkgutil
import re
import shlex
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import orjson
import pytest
from fastapi.testclient import TestClient
from PIL import Image
from typer.testing import CliRunner

import shoplens.cli
from shoplens.cli.app import app
from shoplens.http.app import create_app
from shoplens.recommend.asking import Ask
from shoplens.recommend.filters import parse_filter
from shoplens.service.runtime import Runtime
from shoplens.service.workspace import Workspace
from shoplens.testing.sample_media import sample_tone, sample_video, sample_wav
from shoplens.testing.tiny_encoders import TINY, tiny_parts

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "search.md").read_text(encoding="utf-8")
PARTS = {part.split("\n")[0]: part for part in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]}

for command in pkgutil.walk_packages(shoplens.cli.__path__, "shoplens.cli."):  # each adds itself to `app`
    import_module(command.name)


def blocks(heading: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PARTS[heading], re.DOTALL)


def commands(heading: str, name: str) -> list[list[str]]:
    """Words of every command of a section that begins so."""
    lines = [line for block in blocks(heading, "sh") for line in block.splitlines()]
    return [words for line in lines if (words := shlex.split(line, comments=True)) and words[0] == name]


def run(words: list[str]) -> Any:
    result = CliRunner().invoke(app, [*words[1:], "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.stderr
    shown = CliRunner().invoke(app, words[1:], catch_exceptions=False, env={"COLUMNS": "120"})
    assert shown.exit_code == 0
    return orjson.loads(result.stdout)


def ids(found: dict[str, Any]) -> list[str]:
    return [one["item_id"] for one in found["items"]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A workspace with the page's products and the files that it speaks of."""
    folder = tmp_path_factory.mktemp("page")
    Workspace.create(folder, encoders=TINY)
    Image.new("RGB", (80, 80), (200, 30, 30)).save(folder / "photo.png")
    (folder / "clip.mp4").write_bytes(sample_video())
    (folder / "voice.wav").write_bytes(sample_wav(sample_tone(1.0)))
    (folder / "products.csv").write_text(blocks("Try it", "csv")[0], encoding="utf-8")
    with tiny_parts(), pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        (ingest,) = (words for words in commands("Try it", "shoplens") if words[1] == "ingest")
        run(ingest)
        yield folder


@pytest.fixture(autouse=True)
def _inside(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[TestClient]:
    with Runtime.open(folder) as shop, TestClient(create_app(shop)) as client:
        yield client


def curl(client: TestClient, words: list[str]) -> Any:
    """What curl would send: -H, -d and -F."""
    url = words[1].removeprefix("localhost:8000")
    pairs = list(zip(words[2::2], words[3::2], strict=True))
    assert {option for option, _ in pairs} <= {"-H", "-d", "-F"}
    body = [value for option, value in pairs if option == "-d"]
    form: list[Any] = []
    for name, _, value in (value.partition("=") for option, value in pairs if option == "-F"):
        file = Path(value[1:])
        part = (file.name, io.BytesIO(file.read_bytes())) if value.startswith("@") else (None, value)
        form.append((name, part))
    if body:
        answer = client.post(url, content=body[0].encode(), headers={"content-type": "application/json"})
    else:
        answer = client.post(url, files=form) if form else client.get(url)
    assert answer.is_success, answer.text
    return answer.json()


def printed(heading: str, capsys: pytest.CaptureFixture[str]) -> str:
    """What the Python of a section prints."""
    (code,) = blocks(heading, "python")
    capsys.readouterr()
    exec(compile(code, "search.md", "exec"), {})
    return capsys.readouterr().out


def test_the_first_searches() -> None:
    under, dropped, traditional, typo = (run(words) for words in commands("Try it", "shoplens") if words[1] == "search")
    assert ids(under)[0] in ("d1", "d2")
    assert set(ids(under)) <= {"d1", "d2", "s1"}
    assert under["items"][0]["variants"]
    assert {one["field"] for one in under["understood"]} >= {"price", "attributes.color"}
    assert {one["field"] for one in under["facets"]} == {"brand", "attributes.color"}
    assert "attributes.color=red" not in {one["id"] for one in dropped["understood"]}
    assert ids(dropped)[0] == "d3", "the dearest first"
    assert "t2" in ids(traditional)
    assert ids(typo)[0] == "t1"


def test_the_same_over_http_and_from_python(client: TestClient, capsys: pytest.CaptureFixture[str]) -> None:
    (call,) = commands("Try it", "curl")
    found = curl(client, call)
    assert ids(found)[0] in ("d1", "d2")
    assert re.match(r"\['d[12]'", printed("Try it", capsys))


@pytest.mark.parametrize(
    ("text", "item"),
    [
        ("red dress", "d3"), ("gren tea", "t1"), ("dreses", "d3"), ("綠茶", "t2"), ("绿茶", "t2"), ("lvcha", "t2"),
        ("0.5 l tea", "t1"), ("500ml", "t1"), ("100 g", "t2"), ('"summer dress"', "d1"), ("d1", "d1"),
    ],
)  # fmt: skip
def test_what_words_find(client: TestClient, text: str, item: str) -> None:
    body = {"text": text, "group": False}
    assert item in ids(client.post("/v1/search", json=body).json()), text


def test_without_a_word(client: TestClient) -> None:
    found = client.post("/v1/search", json={"text": "dress -red"}).json()
    assert ids(found) == ["d4"]


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("red dress under 50", "price"), ("50元以下的红色连衣裙", "price"), ("not red dress", "attributes.color"),
        ("不要红色", "attributes.color"), ("between 20 and 40 euro", "price"), ("dress in stock", "in_stock"),
        ("茶 有货", "in_stock"), ("dress size M", "attributes.size"),
    ],
)  # fmt: skip
def test_words_become_filters(client: TestClient, text: str, field: str) -> None:
    found = client.post("/v1/search", json={"text": text}).json()
    assert field in {one["field"] for one in found["understood"]}, found["understood"]
    plain = client.post("/v1/search", json={"text": text, "understand": False}).json()
    assert plain["understood"] == []


def test_the_filter(client: TestClient) -> None:
    (example,) = blocks("Filters, facets, order, pages", "json")
    wanted = orjson.loads(example)
    parse_filter(wanted)
    assert set(ids(client.post("/v1/search", json={"filter": wanted, "group": False}).json())) == {"d1", "d2", "d4"}


def test_photos_speech_videos(client: TestClient) -> None:
    for words in commands("Photos, speech, videos", "shoplens"):
        run(words)
    answers = [curl(client, words) for words in commands("Photos, speech, videos", "curl")]
    assert [bool(one["heard"]) for one in answers][:2] == [False, True]


def test_a_conversation(client: TestClient) -> None:
    talk = [words for words in commands("A conversation", "shoplens") if "--say" in words]
    for words in talk:
        turns = run(words)["turns"]
        assert [one["turn"] for one in turns] == [1, 2, 3]
        assert all(one["said"] for one in turns)
    (call,) = commands("A conversation", "curl")
    reply = curl(client, call)
    assert reply["session_id"]
    for text in re.findall(
        r"`([^`]+)`", PARTS["A conversation"].split("with the next turn:")[1].split("Conversations")[0]
    ):
        body = {"session_id": reply["session_id"], "text": text.replace("\n", " ")}
        reply = client.post("/v1/interact", json=body).json()
        assert reply["said"], text


def test_media_and_a_conversation_from_python(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed("Photos, speech, videos", capsys).startswith("about 1 seconds [")
    first, second = printed("A conversation", capsys).splitlines()
    assert (first[:2], second[:2]) == ("1 ", "2 ")
    assert first.endswith("']"), "products were found"


def test_suggestions_and_figures_from_python(capsys: pytest.CaptureFixture[str]) -> None:
    assert "dress" in printed("While somebody types", capsys).lower()
    with Runtime.open(Path()) as shop:
        for asker in range(4):  # a query of one person is not told to others
            shop.search.search(Ask(text="red dress", user_id=f"asker-{asker}"))
    trends, figures = printed("What people search for", capsys).splitlines()
    assert "red dress" in trends
    assert int(figures.split()[0]) > 0


def test_suggestions(client: TestClient) -> None:
    (call,) = commands("While somebody types", "curl")
    assert any("dress" in one["text"].lower() for one in curl(client, call)["suggestions"])
    (words,) = commands("While somebody types", "shoplens")
    assert any("绿茶" in one["text"] for one in run(words)["suggestions"])


def test_the_shops_own_rules(client: TestClient, capsys: pytest.CaptureFixture[str]) -> None:
    heading = "The shop's own rules"
    told = [run(words) for words in commands(heading, "shoplens")]
    assert [len(one["rules"]) for one in told] == [1, 1, 2, 1, 5, 1, 1, 1]
    asked, listed = (curl(client, words) for words in commands(heading, "curl"))
    assert [one["kind"] for one in asked["rules"]] == ["curation", "synonyms"]
    assert len(listed["rules"]) == 7
    assert ids(client.post("/v1/search", json={"text": "summer dresses"}).json())[0] == "d3"
    assert ids(client.post("/v1/search", json={"text": "trainers"}).json())
    assert "kettle, teapot" in printed(heading, capsys)
    for kind, language in (("curation", "toml"), ("synonyms", "text")):
        Path(kind).write_text(blocks(heading, language)[0], encoding="utf-8")
        run(["shoplens", "rules", "import", kind, "--kind", kind])
    with Runtime.open(Path()) as shop:
        shop.search.take_away([one.rule_id for one in shop.search.rules.list()])


def test_options_exist() -> None:
    for name in ("search", "interact", "suggest"):
        usage = CliRunner().invoke(app, [name, "--help"], env={"COLUMNS": "200"}).stdout
        for words in (one for heading in PARTS for one in commands(heading, "shoplens") if one[1] == name):
            assert all(word in usage for word in words if word.startswith("--"))


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)", PAGE):
        assert (ROOT / "docs" / target).exists(), target
