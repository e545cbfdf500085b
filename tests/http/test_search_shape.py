"""What the doors of search take and give, before a search and a conversation that only note what they are asked."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from shoplens.apps.interaction.turns import Appearance, Option, Question, Reply, Turn
from shoplens.errors import InputError
from shoplens.http.app import create_app
from shoplens.recommend.asking import Ask, Constraint, Facet, FacetValue, Found, Hit, Moment, Sort
from shoplens.recommend.filters import parse_filter
from shoplens.retrieval.asked import Given
from shoplens.service.asked_media import AskedMedia
from shoplens.service.loose_media import Part
from shoplens.service.runtime import Runtime
from shoplens.testing.sample_media import sample_tone, sample_video, sample_wav
from shoplens.testing.served_shop import open_tiny_shop
from shoplens.testing.tiny_encoders import TINY, tiny_parts

CHEAP = {"field": "price", "range": {"lte": 50.0}}
FOUND = Found(
    impression_id="i1",
    items=(
        Hit(
            "p1",
            0.9,
            {"title": "<em>tea</em> &amp; more"},
            ("bought by you",),
            {"words": 0.5, "looks": float("nan")},
        ),
        Hit("p2", np.float32(0.5), variants=("p3",), moments=(Moment("image[0]", 0.0, 1.5, 0.8),)),  # type: ignore[arg-type]
    ),
    total=12,
    facets=(
        Facet("brand", "values", (FacetValue("acme", "Acme", 7, True),)),
        Facet("price", "numbers", low=1.0, high=9.0, bins=(3, 4)),
    ),
    understood=(Constraint("price<=50", "price", parse_filter(CHEAP), "under 50", "price up to 50", True),),
    did_you_mean="green tea",
    cursor="next",
    model="words+personal",
    pinned=("p1",),
)


class NotedSearch:
    """Notes what it is asked."""

    def __init__(self) -> None:
        self.asked: list[Ask] = []
        self.shown: list[tuple[str, bool, Any]] = []

    def search(self, ask: Ask) -> Found:
        self.asked.append(ask)
        return FOUND

    def scenario(self, name: str | None) -> None:
        assert name is None

    def see(self, parts: Sequence[Part]) -> AskedMedia:
        self.shown += [(part.kind, Path(part.content).is_file(), part.crop) for part in parts]
        spoken = "绿茶" if any(part.kind == "audio" for part in parts) else ""
        photos = tuple(Given("image", np.ones(3, np.float32)) for part in parts if part.kind == "image")
        return AskedMedia(photos, spoken)


class NotedTalk:
    """Notes its turns."""

    def __init__(self) -> None:
        self.turns: list[Turn] = []

    def turn(self, turn: Turn) -> Reply:
        self.turns.append(turn)
        if turn.text == "break":
            raise InputError(f"{turn.photos[0].source}: nothing to be seen")
        question = Question("Which?", (Option("Tea", "tea", parse_filter({"field": "category", "eq": "tea"})),))
        seen = tuple({"colour": "Red"} for _ in turn.photos)
        moments = tuple(Appearance("p1", Moment(str(source), 0.0, 1.0, 0.5)) for source in turn.videos)
        first = replace(FOUND.items[0], moments=tuple(one.moment for one in moments))
        found = replace(FOUND, items=(first, *FOUND.items[1:]))
        return Reply(
            session_id="s1", turn=2, found=found, understood=FOUND.understood, said="Here.", language="en", seen=seen,
            moments=moments, question=question, about=("p2",), heard="cheaper" if turn.sounds else None,
        )  # fmt: skip


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    settings = {"encoders": TINY, "server": {"api_keys": {"reads": "read"}}}
    with tiny_parts(), open_tiny_shop(tmp_path_factory.mktemp("shop"), trained=False, settings=settings) as shop:
        yield shop


@pytest.fixture
def noted(monkeypatch: pytest.MonkeyPatch) -> NotedSearch:
    noted = NotedSearch()
    monkeypatch.setattr(Runtime, "search", noted)
    return noted


@pytest.fixture
def talk(monkeypatch: pytest.MonkeyPatch) -> NotedTalk:
    talk = NotedTalk()
    monkeypatch.setattr(Runtime, "interaction", talk)
    return talk


@pytest.fixture(scope="module")
def client(shop: Runtime) -> Iterator[TestClient]:
    with TestClient(create_app(shop), headers={"x-api-key": "reads"}) as client:
        yield client


def photo() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (30, 20), (200, 30, 30)).save(out, "PNG")
    return out.getvalue()


def test_the_answer_says_what_there_is_to_say(client: TestClient, noted: NotedSearch) -> None:
    answer = client.post("/v1/search", json={"text": "tea under 50"})
    assert answer.status_code == 200, answer.text
    first, second = answer.json()["items"]
    assert first == {"item_id": "p1", "score": 0.9, "highlights": {"title": "<em>tea</em> &amp; more"}}
    assert second == {
        "item_id": "p2",
        "score": 0.5,
        "variants": ["p3"],
        "moments": [{"video": "image[0]", "start": 0.0, "end": 1.5, "score": 0.8}],
    }
    rest = {key: value for key, value in answer.json().items() if key not in ("items", "facets")}
    assert rest == {
        "impression_id": "i1",
        "total": 12,
        "understood": [
            {"id": "price<=50", "field": "price", "said": "under 50", "label": "price up to 50", "filter": CHEAP,
             "strict": True},
        ],
        "did_you_mean": "green tea",
        "corrected_from": None,
        "rescued": None,
        "pinned": ["p1"],
        "cursor": "next",
        "heard": None,
        "model": "words+personal",
        "note": None,
    }  # fmt: skip
    brand, price = answer.json()["facets"]
    assert brand["values"] == [{"value": "acme", "label": "Acme", "count": 7, "selected": True}]
    assert (price["kind"], price["low"], price["high"], price["bins"]) == ("numbers", 1.0, 9.0, [3, 4])
    explained = client.post("/v1/search", json={"text": "tea", "explain": True}).json()["items"]
    assert explained[0]["reasons"] == ["bought by you"]
    assert explained[0]["modalities"] == {"words": 0.5}
    assert explained[1]["reasons"] == []


def test_everything_that_is_asked_arrives(client: TestClient, noted: NotedSearch) -> None:
    body = {
        "text": " tea ", "user_id": "u1", "session_id": "s1", "n": 5, "page": 2, "filter": CHEAP,
        "facets": ["brand", "*"], "facet_values": 3, "sort": ["price:desc", "popularity"], "group": False,
        "understand": False, "drop": ["price<=50"], "personal": 0.5, "prefix": True, "typos": False,
        "unavailable": True, "explain": True, "highlight": False, "language": "zh",
    }  # fmt: skip
    assert client.post("/v1/search", json=body).status_code == 200
    expected = Ask(
        text="tea", user_id="u1", session_id="s1", n=5, page=2, filter=parse_filter(CHEAP), facets=("brand", "*"),
        facet_values=3, sort=(Sort("price", True), Sort("popularity", True)), group=False, understand=False,
        drop=("price<=50",), personal=0.5, prefix=True, typos=False, unavailable=True, explain=True, highlight=False,
        language="zh",
    )  # fmt: skip
    assert noted.asked == [expected]
    fields = [(key, value) for key, value in body.items() if not isinstance(value, list)]
    fields += [(key, one) for key, value in body.items() if isinstance(value, list) for one in value]
    form: Any = [(key, (None, value if isinstance(value, str) else orjson.dumps(value))) for key, value in fields]
    assert client.post("/v1/search", files=[*form, ("cursor", (None, ""))]).status_code == 200
    assert noted.asked[1] == expected, "a form says the same; what is empty is absent"
    assert client.post("/v1/search", json={}).status_code == 200
    assert noted.asked[2] == Ask(), "the defaults are those of the search"


def test_media_are_seen_and_heard(client: TestClient, noted: NotedSearch) -> None:
    form: Any = [
        ("text", (None, "cheap")),
        ("image", ("a.png", photo())),
        ("file", ("b", photo())),
        ("audio", ("c.wav", sample_wav(sample_tone()))),
        ("video", ("d.mp4", sample_video())),
        ("crop", (None, "0.25, 0, 0.75, 1")),
    ]
    answer = client.post("/v1/search", files=form)
    assert answer.status_code == 200, answer.text
    assert noted.shown == [
        ("image", True, (0.25, 0.0, 0.75, 1.0)), ("image", True, None), ("audio", True, None), ("video", True, None),
    ]  # fmt: skip
    assert answer.json()["heard"] == "绿茶"
    (asked,) = noted.asked
    assert asked.text == "cheap 绿茶"
    assert [one.signal for one in asked.given] == ["image", "image"]


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"text": "x" * 1_001}, "text"), ({"text": "a\x00b"}, "text"), ({"text": 5}, "text"), ({"n": 0}, "n"),
        ({"n": 10**30}, "n"), ({"page": 0}, "page"), ({"page": 1, "cursor": "x"}, "page"),
        ({"sort": ["colour"]}, "sort"),
        ({"sort": ["price"] * 5}, "sort"), ({"facets": ["a"] * 21}, "facets"), ({"facet_values": 0}, "facet_values"),
        ({"personal": 1.5}, "personal"), ({"filter": {"field": "colour", "eq": "red"}}, "filter"),
        ({"language": "fr"}, "language"), ({"drop": "all"}, "drop"), ({"query": "tea"}, "query"), ([], "body"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked(client: TestClient, noted: NotedSearch, body: Any, word: str) -> None:
    answer = client.post("/v1/search", json=body)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert word in answer.json()["detail"]
    assert noted.asked == []


@pytest.mark.parametrize(
    ("fields", "status", "reason"),
    [
        ([("text", (None, "a")), ("text", (None, "b"))], 422, "text: send it once"),
        ([("filter", (None, "{"))], 422, "filter: it is not JSON"),
        ([("filter", (None, "[" * 5_000))], 422, "filter: it is not JSON"),
        ([("n", (None, "many"))], 422, "n: should be a valid integer"),
        ([("colour", (None, "red"))], 422, "no field 'colour'"),
        ([("image", (None, "red"))], 422, "image: a file is expected"),
        ([("image", ("a.png", b"nothing"))], 422, "a.png"),
        ([("video", ("a.mp4", photo()))], 422, "sent as video, but it is image"),
        ([("image", ("a.png", photo())), ("crop", (None, "1,2"))], 422, "crop: write left,top"),
        ([("crop", (None, "0,0,1,1"))], 422, "more boxes than photos"),
        ([("image", (f"{k}.png", photo())) for k in range(21)], 400, "Too many files"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/search", "/v1/interact"])
def test_forms_that_cannot_be_answered(
    client: TestClient, noted: NotedSearch, talk: NotedTalk, path: str, fields: Any, status: int, reason: str
) -> None:
    answer = client.post(path, files=fields)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert reason in answer.json()["detail"]
    assert not noted.asked
    assert not talk.turns


def test_a_turn_and_its_reply(client: TestClient, talk: NotedTalk) -> None:
    body = {"session_id": "s1", "user_id": "u1", "text": "cheaper", "n": 3, "filter": CHEAP, "language": "zh",
            "reset": True, "drop": ["x"]}  # fmt: skip
    answer = client.post("/v1/interact", json=body)
    assert answer.status_code == 200, answer.text
    assert talk.turns == [
        Turn(session_id="s1", user_id="u1", text="cheaper", n=3, filter=parse_filter(CHEAP), language="zh", reset=True,
             drop=("x",))
    ]  # fmt: skip
    reply = answer.json()
    assert (reply["session_id"], reply["turn"], reply["said"], reply["language"]) == ("s1", 2, "Here.", "en")
    option = {"label": "Tea", "text": "tea", "filter": {"field": "category", "eq": "tea"}}
    assert reply["question"] == {"text": "Which?", "options": [option]}
    assert [one["item_id"] for one in reply["items"]] == ["p1", "p2"]
    assert reply["understood"][0]["id"] == "price<=50"
    assert (reply["about"], reply["heard"], reply["read"], reply["moments"]) == (["p2"], None, None, [])
    assert set(client.get("/openapi.json").json()["components"]["schemas"]["InteractAnswer"]["properties"]) == set(
        reply
    )


def test_a_turn_with_media(client: TestClient, talk: NotedTalk) -> None:
    form: Any = [
        ("text", (None, "like this but red")),
        ("image", ("a.png", photo())),
        ("video", ("clip.mp4", sample_video())),
        ("audio", ("c.wav", sample_wav(sample_tone()))),
        ("crop", (None, "0,0,0.5,1")),
    ]
    reply = client.post("/v1/interact", files=form).json()
    (turn,) = talk.turns
    assert (len(turn.photos), turn.photos[0].crop, len(turn.videos), len(turn.sounds)) == (1, (0, 0, 0.5, 1), 1, 1)
    assert reply["seen"] == [{"colour": "Red"}]
    assert reply["moments"] == [
        {"item_id": "p1", "video": "video[1] clip.mp4", "start": 0.0, "end": 1.0, "score": 0.5},
    ]
    assert reply["items"][0]["moments"] == [{"video": "video[1] clip.mp4", "start": 0.0, "end": 1.0, "score": 0.5}]
    assert reply["heard"] == "cheaper"
    refused = client.post("/v1/interact", files=[("text", (None, "break")), ("image", ("a.png", photo()))])
    assert refused.status_code == 422
    assert refused.json()["detail"] == "image[0] a.png: nothing to be seen", (
        "files are called what the sender calls them"
    )
    many: Any = [("image", (f"{k}.png", photo())) for k in range(9)]
    assert "photos: 9 are too many" in client.post("/v1/interact", files=many).json()["detail"]


@pytest.mark.parametrize("path", ["/v1/search", "/v1/interact"])
def test_keys_and_openapi(client: TestClient, noted: NotedSearch, talk: NotedTalk, path: str) -> None:
    assert client.post(path, json={"text": "x"}, headers={"x-api-key": "wrong"}).status_code == 401
    schema = client.get("/openapi.json").json()
    content = schema["paths"][path]["post"]["requestBody"]["content"]
    asked = schema["components"]["schemas"][content["application/json"]["schema"]["$ref"].rpartition("/")[2]]
    form = content["multipart/form-data"]["schema"]["properties"]
    assert set(form) == {*asked["properties"], "image", "audio", "video", "file", "crop"}
    references = {part.split('"')[0] for part in orjson.dumps(schema).decode().split("#/components/schemas/")[1:]}
    assert references <= set(schema["components"]["schemas"])


def test_the_answer_is_what_openapi_says(client: TestClient, noted: NotedSearch) -> None:
    from shoplens.http.wire.search import SearchAnswer

    body = client.post("/v1/search", json={"text": "tea", "explain": True}).json()
    assert SearchAnswer.model_validate(body).model_dump(exclude_unset=True) == body
    assert set(SearchAnswer.model_fields) == set(body)
