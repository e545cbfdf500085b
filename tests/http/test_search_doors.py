"""One shop, three doors: the command line, HTTP and Python find the same, whatever is asked with."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest
from fastapi.testclient import TestClient
from PIL import Image
from typer.testing import CliRunner

from shoplens.apps.interaction import PhotoAsk, Turn
from shoplens.cli import interact as _interact  # noqa: F401 - registers its command
from shoplens.cli import search as _search  # noqa: F401
from shoplens.cli.app import app
from shoplens.compute.local import LocalExecutor
from shoplens.domain.catalogue import Product
from shoplens.http.app import create_app
from shoplens.http.wire.interact import reply_json
from shoplens.http.wire.search import found_json
from shoplens.recommend.asking import Ask, parse_sort
from shoplens.recommend.filters import parse_filter
from shoplens.service.embedding import embed_shop
from shoplens.service.loose_media import Part
from shoplens.service.runtime import Runtime
from shoplens.service.workspace import Workspace
from shoplens.store.sql import open_store
from shoplens.testing.sample_media import sample_tone, sample_video, sample_wav
from shoplens.testing.tiny_encoders import TINY, tiny_parts

PAINT = {"red": (200, 30, 40), "blue": (30, 60, 190), "green": (30, 140, 60)}
NAMES = {"red": "红色", "blue": "蓝色", "green": "绿色"}
CHEAP = {"field": "price", "range": {"lt": 26}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Four caps of each colour, two of them variants; a timer that speech asks for; what people search with."""
    folder = tmp_path_factory.mktemp("doors")
    workspace = Workspace.create(folder, encoders={**TINY, "ocr": "off"})
    for colour, paint in PAINT.items():
        Image.new("RGB", (40, 40), paint).save(folder / f"{colour}.png")
    halves = Image.new("RGB", (80, 40), PAINT["blue"])
    halves.paste(Image.new("RGB", (40, 40), PAINT["green"]), (40, 0))
    halves.save(folder / "halves.png")
    (folder / "red.mp4").write_bytes(sample_video([Image.new("RGB", (160, 90), PAINT["red"])]))
    (folder / "voice.wav").write_bytes(sample_wav(sample_tone(1.0)))  # heard as "about 1 seconds"
    goods = [
        Product(
            item_id=f"{colour}-{number}",
            title=f"{colour.title()} cap" if number % 2 else f"{NAMES[colour]}帽子",
            brand=("Acme", "Orion")[number % 2],
            category=("Clothes", "Caps"),
            price=Decimal(20 + number * 3),
            currency="EUR",
            attributes={"color": (colour,)},
            images=(f"{colour}.png",),
            group_id=f"{colour}-cap" if number > 1 else None,
        )
        for colour in PAINT
        for number in range(4)
    ]
    goods.append(Product(item_id="timer", title="Kitchen timer, about 60 seconds", price=Decimal(5), currency="EUR"))
    store = open_store(workspace.database_url)
    store.catalogue.upsert(goods)
    with tiny_parts():
        embed_shop(workspace, store, executor=LocalExecutor(1), modalities=("text", "image", "colour"))
        store.close()
        yield folder


@pytest.fixture(scope="module")
def shop(folder: Path) -> Iterator[Runtime]:
    with Runtime.open(folder) as shop:
        yield shop


@pytest.fixture(scope="module")
def client(shop: Runtime) -> Iterator[TestClient]:
    with TestClient(create_app(shop)) as client:
        yield client


@pytest.fixture(autouse=True)
def _inside(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)


Media = Sequence[tuple[str, str]]  # kind, file


def by_command(body: dict[str, Any], media: Media) -> dict[str, Any]:
    words = ["search", body.get("text", ""), "--json"]
    for name, value in body.items():
        if name == "group":
            words += ["--variants"]
        elif name == "filter":
            words += ["--filter", orjson.dumps(value).decode()]
        elif name in ("facets", "sort"):
            words += [part for one in value for part in (f"--{name.removesuffix('s')}", one)]
        elif name != "text":
            words += [f"--{name}", str(value)]
    return told([*words, *(part for kind, file in media for part in (f"--{kind}", file))])


def told(words: Sequence[str]) -> dict[str, Any]:
    result = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return orjson.loads(result.stdout)  # type: ignore[no-any-return]


def by_http(client: TestClient, path: str, body: dict[str, Any], media: Media) -> dict[str, Any]:
    if not media:
        answer = client.post(path, json=body)
    else:
        fields = {name: orjson.dumps(value).decode() if name == "filter" else value for name, value in body.items()}
        files = [(kind, (file, io.BytesIO(Path(file).read_bytes()))) for kind, file in media]
        answer = client.post(path, data=fields, files=files)
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]


def from_python(shop: Runtime, body: dict[str, Any], media: Media) -> dict[str, Any]:
    asked = {**body, "facets": tuple(body.get("facets", ())), "sort": tuple(map(parse_sort, body.get("sort", ())))}
    crop = asked.pop("crop", None)
    box = None if crop is None else tuple(map(float, crop.split(",")))
    if "filter" in asked:
        asked["filter"] = parse_filter(asked["filter"])
    parts = [Part(kind, file, file, box if at == 0 else None) for at, (kind, file) in enumerate(media)]  # type: ignore[arg-type]
    seen = shop.search.see(parts)
    found = shop.search.search(seen.join(Ask(**asked)))
    return orjson.loads(orjson.dumps(found_json(found, explain=False, heard=seen.heard)))  # type: ignore[no-any-return]


def common(found: dict[str, Any]) -> dict[str, Any]:
    """What two answers to one question have in common."""
    items = [{name: one[name] for name in sorted(one) if name not in ("score", "moments")} for one in found["items"]]
    names = ("total", "facets", "understood", "did_you_mean", "rescued", "cursor", "heard", "note")
    return {"items": items, **{name: found[name] for name in names}}


@pytest.mark.parametrize(
    ("body", "media", "first"),
    [
        pytest.param({"text": "red cap under 25"}, [], "red", id="words"),
        pytest.param({"text": "紅色帽子"}, [], "red", id="Chinese words"),
        pytest.param({}, [("image", "green.png")], "green", id="a photo"),
        pytest.param({"crop": "0,0,0.5,1"}, [("image", "halves.png")], "blue", id="a part of a photo"),
        pytest.param({}, [("image", "red.png"), ("image", "red.png")], "red", id="several photos"),
        pytest.param({}, [("audio", "voice.wav")], "timer", id="speech"),
        pytest.param({}, [("video", "red.mp4")], "red", id="a short video"),
        pytest.param({"text": "under 26 euro"}, [("image", "blue.png")], "blue", id="a photo and words"),
        pytest.param({"text": "帽子"}, [("image", "green.png"), ("video", "red.mp4")], None, id="a mix"),
        pytest.param(
            {"text": "cap", "filter": CHEAP, "facets": ["brand", "attributes.color"], "sort": ["price:desc"], "n": 3},
            [],
            None,
            id="filter, facets, order",
        ),
        pytest.param({"text": "cap", "group": False, "n": 20}, [], None, id="every variant"),
    ],
)
def test_the_same_is_found(
    client: TestClient, shop: Runtime, body: dict[str, Any], media: Media, first: str | None
) -> None:
    http = common(by_http(client, "/v1/search", body, media))
    assert common(from_python(shop, body, media)) == http
    assert common(by_command(body, media)) == http
    found = [one["item_id"] for one in http["items"]]
    assert found
    assert first is None or found[0].split("-")[0] == first
    variants = [one for one in http["items"] if one.get("variants")]
    assert not variants or body.get("group", True)
    if "filter" in body:
        assert [one["field"] for one in http["facets"]] == body["facets"]
        beyond = {**body, "cursor": http["cursor"]}
        pages = [by_http(client, "/v1/search", beyond, []), from_python(shop, beyond, []), by_command(beyond, [])]
        assert common(pages[0]) == common(pages[1]) == common(pages[2])
        assert not {one["item_id"] for one in pages[0]["items"]} & set(found)


TALKS = [
    pytest.param(["red cap", "cheaper", "in blue"], [], id="English"),
    pytest.param(["红色帽子", "不要Acme", "重新开始"], [], id="Chinese"),
    pytest.param(["like this", "the second one in green"], [("image", "blue.png")], id="with a photo"),
]


@pytest.mark.parametrize(("says", "media"), TALKS)
def test_the_same_is_answered_in_a_conversation(
    client: TestClient, shop: Runtime, says: list[str], media: Media
) -> None:
    def kept(reply: dict[str, Any]) -> dict[str, Any]:
        items = [one["item_id"] for one in reply["items"]]
        return {"items": items, **{name: reply[name] for name in ("turn", "said", "total", "understood", "question")}}

    words = [part for text in says for part in ("--say", text)]
    files = [part for kind, file in media for part in (f"--{kind}", file)]
    command = [kept(one) for one in told(["interact", *words, *files, "-n", "4", "--json"])["turns"]]
    http, python = [], []
    held: dict[str, str] = {}
    session = None
    for number, text in enumerate(says):
        answer = by_http(client, "/v1/interact", {"text": text, "n": 4, **held}, media if number == 0 else [])
        held = {"session_id": answer["session_id"]}
        http.append(kept(answer))
        photos = tuple(PhotoAsk(Path(file)) for _, file in media) if number == 0 else ()
        reply = shop.interaction.turn(Turn(session_id=session, text=text, n=4, photos=photos))
        session = reply.session_id
        python.append(kept(orjson.loads(orjson.dumps(reply_json(reply)))))
    assert command == http == python
    assert all(one["said"] for one in http)
    assert http[0]["items"]
