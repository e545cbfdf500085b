"""POST /v1/embeddings in OpenAI's shape, and with photos."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from shoplens.compute.local import LocalExecutor
from shoplens.features.align.alignment import Photos
from shoplens.http.app import create_app
from shoplens.service.embedding import embed_shop
from shoplens.service.runtime import Runtime
from shoplens.service.shared_space import SharedSpace
from shoplens.testing.sample_media import sample_tone, sample_video, sample_wav
from shoplens.testing.served_shop import open_tiny_shop
from shoplens.testing.tiny_encoders import TINY, tiny_parts

#: Encoders without weights.
ENCODERS = {"text": "hashed-ngrams", "image": "off", "ocr": "off", "speech": "off"}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    settings = {"encoders": ENCODERS, "server": {"api_keys": {"reads": "read"}}}
    with open_tiny_shop(tmp_path_factory.mktemp("shop"), settings=settings) as shop:
        embed_shop(shop.workspace, shop.store, executor=LocalExecutor(1), modalities=("text",))
        yield shop


@pytest.fixture(scope="module")
def client(shop: Runtime) -> Iterator[TestClient]:
    with TestClient(create_app(shop), headers={"authorization": "Bearer reads"}) as client:
        yield client


def photo(colour: tuple[int, int, int] = (200, 30, 30)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (30, 20), colour).save(out, "PNG")
    return out.getvalue()


def ask(client: TestClient, **body: Any) -> dict[str, Any]:
    answer = client.post("/v1/embeddings", json=body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_one_text_and_a_list_have_the_shape_of_openai(client: TestClient, shop: Runtime) -> None:
    one = ask(client, input="green tea", model="text")
    encoder = shop.loose_media.encoder("text")
    assert set(one) == {"object", "data", "model", "usage"}
    assert (one["object"], one["model"], set(one["usage"])) == ("list", encoder.name, {"prompt_tokens", "total_tokens"})
    assert [set(found) for found in one["data"]] == [{"object", "index", "embedding"}]
    assert np.allclose(one["data"][0]["embedding"], encoder.encode(["green tea"])[0], atol=1e-6)
    several = ask(client, input=["hammer", "green tea", "锤子"], encoding_format="base64", user="somebody")
    assert [found["index"] for found in several["data"]] == [0, 1, 2]
    vectors = [np.frombuffer(base64.b64decode(found["embedding"]), "<f4") for found in several["data"]]
    assert np.allclose(vectors[1], one["data"][0]["embedding"], atol=1e-6)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_queries_and_the_space_of_the_shop(client: TestClient) -> None:
    plain = ask(client, input="green tea")["data"][0]["embedding"]
    shop = ask(client, input="green tea", space="shop", input_type="query")["data"][0]["embedding"]
    assert len(shop) == len(plain)
    assert not np.allclose(shop, plain)
    assert np.isclose(np.linalg.norm(shop), 1, atol=1e-5)


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({}, "input"), ({"input": ""}, "input"), ({"input": []}, "input"), ({"input": [1, 2, 3]}, "input"),
        ({"input": ["x"] * 2049}, "input"), ({"input": "x", "model": "gpt-4"}, "model"),
        ({"input": "x", "dimensions": 7}, "dimensions"), ({"input": "x", "encoding_format": "hex"}, "encoding_format"),
        ({"input": "x", "space": "outer"}, "space"), ({"input": "a\x00b"}, "input"),
        ({"input": "x", "more": 1}, "more"),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_a_problem(client: TestClient, body: dict[str, Any], word: str) -> None:
    answer = client.post("/v1/embeddings", json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert word in answer.json()["detail"]


def test_a_form_of_texts_and_photos(client: TestClient) -> None:
    files: Any = [("image", ("a.png", photo())), ("text", (None, "red kettle")), ("file", ("b", photo((0, 0, 200))))]
    answer = client.post("/v1/embeddings", files=[*files, ("model", (None, "colour"))])
    assert answer.status_code == 200, answer.text
    data = answer.json()["data"]
    assert [(one["index"], one["modality"], one["model"]) for one in data] == [
        (0, "colour", "colour"), (1, "text", "hashed-ngrams"), (2, "colour", "colour"),
    ]  # fmt: skip
    red, _, blue = (np.array(one["embedding"]) for one in data)
    assert np.isclose(red @ red, 1, atol=1e-4)
    assert red @ blue < 0.9
    assert [(one["en"], one["zh"]) for one in data[0]["colours"]] == [("red", "红色")]
    assert data[0]["colours"][0]["share"] == pytest.approx(1)
    assert data[2]["colours"][0]["en"].endswith("blue")
    assert "colours" not in data[1]


def test_forms_that_cannot_be_answered(client: TestClient) -> None:
    def refused(files: list[tuple[str, Any]], status: int = 422) -> str:
        answer = client.post("/v1/embeddings", files=files)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        return str(answer.json()["detail"])

    assert "no part" in refused([("model", (None, "colour"))])
    assert "no field" in refused([("picture", ("a.png", photo()))])
    assert "sent as video, but it is image" in refused([("video", ("a.mp4", photo()))])
    assert "bad.png" in refused([("image", ("bad.png", b"\x89PNG\r\n\x1a\n nothing"))])
    assert "off" in refused([("image", ("a.png", photo()))])
    assert "does not read" in refused([("image", ("a.png", photo())), ("model", (None, "audio"))])
    assert "send it once" in refused([("text", (None, "x")), ("space", (None, "outer"))])
    refused([("image", (f"{k}.png", photo())) for k in range(21)], 400)


def test_keys_and_openapi(client: TestClient) -> None:
    assert client.post("/v1/embeddings", json={"input": "x"}, headers={"authorization": ""}).status_code == 401
    described = client.get("/openapi.json").json()["paths"]["/v1/embeddings"]["post"]
    assert set(described["requestBody"]["content"]) == {"application/json", "multipart/form-data"}
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    assert "EmbeddingsIn" in schemas


@pytest.fixture(scope="module")
def media_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with (
        tiny_parts(),
        open_tiny_shop(tmp_path_factory.mktemp("media"), settings={"encoders": TINY}) as shop,
        TestClient(create_app(shop)) as client,
    ):
        yield client


def test_a_form_of_video_sound_and_a_written_photo(media_client: TestClient) -> None:
    film, talk = sample_video(sound=sample_tone(2.0, rate=48_000)), sample_wav(sample_tone(3.0))
    large = io.BytesIO()
    Image.new("RGB", (200, 200), (9, 200, 9)).save(large, "JPEG")
    files: Any = [("video", ("a.mp4", film)), ("file", ("b", talk)), ("image", ("c.jpg", large.getvalue()))]
    answer = media_client.post("/v1/embeddings", files=[*files, ("words", (None, "true"))])
    assert answer.status_code == 200, answer.text
    video, sound, image = answer.json()["data"]
    assert [one["modality"] for one in (video, sound, image)] == ["video", "audio", "image"]
    assert [round(shot["start"]) for shot in video["shots"]] == [0, 1]
    assert len(video["shots"][0]["embedding"]) == len(video["embedding"])
    assert [(one["text"], one["start"]) for one in sound["transcript"]] == [("about 3 seconds", 0.0)]
    assert video["transcript"][0]["text"] == "about 2 seconds"
    assert image["found_text"][0]["text"] == "organic 1"
    assert answer.json()["model"] == "frames, tiny-sounds, tiny-photos"
    plain = media_client.post("/v1/embeddings", files=files).json()["data"]
    assert "transcript" not in plain[0]
    assert plain[0]["embedding"] == video["embedding"]


def test_a_product_gets_video_and_sound(media_client: TestClient) -> None:
    film, talk = sample_video(), sample_wav(sample_tone(1.5))
    answer = media_client.post("/v1/products/p001/media", files=[("video", ("a", film)), ("audio", ("b", talk))])
    assert answer.status_code == 201, answer.text
    video, sound = answer.json()["media"]
    assert (video["media_type"], video["width"], video["height"], round(video["seconds"])) == ("video/mp4", 160, 90, 2)
    assert (sound["media_type"], round(sound["seconds"], 1)) == ("audio/wav", 1.5)
    product = media_client.get("/v1/products/p001").json()
    assert (product["videos"], product["audio"]) == ([video["link"]], [sound["link"]])
    assert media_client.get(video["path"]).headers["content-type"] == "video/mp4"
    cut = media_client.post("/v1/products/p001/media", files=[("video", ("cut.mp4", film[: len(film) // 3]))])
    assert cut.status_code == 422
    assert "cut.mp4" in cut.json()["detail"]


class Alignment:
    """Words and photos as two numbers."""

    def text_vectors(self, texts: Sequence[str]) -> Any:
        return np.array([[len(text), 1.0] for text in texts], np.float32)

    def photo_vectors(self, photos: Photos) -> Any:
        colour = 0.0 if photos.colour is None else 1.0
        return np.array([[row[0], colour] for row in photos.image], np.float32)


def test_one_space_of_words_photos_and_videos(media_client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    files: Any = [("image", ("a.png", photo())), ("text", (None, "tea")), ("video", ("b.mp4", sample_video()))]
    form = [*files, ("space", (None, "shared"))]
    answer = media_client.post("/v1/embeddings", files=form)
    assert answer.status_code == 422
    assert "shoplens train" in answer.json()["detail"]
    monkeypatch.setattr(SharedSpace, "alignment", lambda self: Alignment())
    monkeypatch.setattr(SharedSpace, "_folder", lambda self: Path("v1"))
    image, text, video = media_client.post("/v1/embeddings", files=form).json()["data"]
    assert text["embedding"] == [3.0, 1.0]
    assert image["embedding"][1] == 1.0, "colours were read too"
    assert video["embedding"][1] == video["shots"][0]["embedding"][1] == 0.0
    assert {one["model"] for one in (image, text, video)} == {"shared-v1"}
    alone = media_client.post("/v1/embeddings", json={"input": "tea", "space": "shared"}).json()
    assert (alone["model"], alone["data"][0]["embedding"]) == ("shared-v1", [3.0, 1.0])
    sound: Any = [("audio", ("c", sample_wav(sample_tone()))), ("space", (None, "shared"))]
    assert "no place" in media_client.post("/v1/embeddings", files=sound).json()["detail"]


def test_what_cannot_be_encoded_is_said_in_words(media_client: TestClient) -> None:
    for wrong, reason in (
        ([1, 2, 3], "input: numbers of tokens are not read here; send texts"),
        ([[1, 2], [3]], "input: numbers of tokens are not read here; send texts"),
        (["tea", ""], "input[1]: should have at least 1 character"),
        ({"a": 1}, "input: should be a valid string"),
    ):
        answer = media_client.post("/v1/embeddings", json={"input": wrong})
        assert (answer.status_code, answer.json()["detail"]) == (422, reason)
    drawing: Any = [("image", ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'></svg>"))]
    assert "not a picture" in media_client.post("/v1/embeddings", files=drawing).json()["detail"]


@pytest.mark.parametrize(
    ("field", "model", "encoder"),
    [("image", "ocr", "hashed-ngrams"), ("video", "audio", "tiny-sounds"), ("video", "speech", "hashed-ngrams"),
     ("audio", "speech", "hashed-ngrams")],
)  # fmt: skip
def test_words_in_media_and_the_sound_of_videos_have_vectors(
    media_client: TestClient, field: str, model: str, encoder: str
) -> None:
    large = io.BytesIO()
    Image.new("RGB", (200, 200), (9, 200, 9)).save(large, "PNG")  # a smaller one holds no writing
    content = {
        "image": large.getvalue(),
        "audio": sample_wav(sample_tone(1.0)),
        "video": sample_video(sound=sample_tone(2.0, rate=48_000)),
    }  # fmt: skip
    answer = media_client.post("/v1/embeddings", files=[(field, ("a", content[field])), ("model", (None, model))])
    assert answer.status_code == 200, answer.text
    (one,) = answer.json()["data"]
    assert (one["modality"], one["model"]) == (model, encoder)
    assert np.isclose(np.linalg.norm(one["embedding"]), 1, atol=1e-5)


def test_a_video_without_sound_has_no_vector_of_it(media_client: TestClient) -> None:
    for model, why in (("audio", "no sound"), ("speech", "nothing is said")):
        answer = media_client.post("/v1/embeddings", files=[("video", ("a", sample_video())), ("model", (None, model))])
        assert answer.status_code == 422
        assert why in answer.json()["detail"]


def test_a_form_knows_the_same_models_for_texts_as_json(client: TestClient) -> None:
    def form(model: str) -> Any:
        return client.post("/v1/embeddings", files=[("text", (None, "green tea")), ("model", (None, model))])

    assert "there is no 'text-embedding-3-small' here" in form("text-embedding-3-small").json()["detail"]
    for known in ("text", "hashed-ngrams", "colour"):  # the last one is for photos beside the texts
        assert form(known).status_code == 200
