"""Uploads: what can be decoded is kept by its content and nothing else, whatever its sender calls it."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from shoplens.http.app import create_app
from shoplens.service.runtime import Runtime
from shoplens.service.uploads import LINK, prune_media
from shoplens.testing.served_shop import open_tiny_shop

KEYS = {"reads": "read", "writes": "write"}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    limits = {"media": {"max_files": 3, "max_upload_mb": 1.0}, "images": {"max_pixels": 1_000_000}}
    folder = tmp_path_factory.mktemp("shop")
    with open_tiny_shop(folder, settings={**limits, "server": {"max_body_mb": 0.1, "api_keys": KEYS}}) as shop:
        yield shop


@pytest.fixture(scope="module")
def client(shop: Runtime) -> Iterator[TestClient]:
    with TestClient(create_app(shop), headers={"x-api-key": "writes"}) as client:
        yield client


def photo(colour: tuple[int, int, int] = (200, 30, 30), form: str = "PNG", size: tuple[int, int] = (30, 20)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, form)
    return out.getvalue()


def send(client: TestClient, item_id: str, *files: tuple[str, bytes], field: str = "file") -> Any:
    return client.post(f"/v1/products/{item_id}/media", files=[(field, (name, content)) for name, content in files])


def kept(shop: Runtime) -> set[str]:
    return {file.name for file in shop.workspace.media.glob("??/*")}


def test_a_photo_is_kept_listed_given_back_and_taken_away(client: TestClient, shop: Runtime) -> None:
    content = photo()
    answer = send(client, "p001", ("my kettle.jpeg", content))
    assert answer.status_code == 201, answer.text
    (one,) = answer.json()["media"]
    digest = hashlib.sha256(content).hexdigest()
    assert one["name"] == f"{digest}.png"
    assert (one["kind"], one["width"], one["height"], one["bytes"]) == ("image", 30, 20, len(content))
    assert LINK.match(one["link"])
    assert client.get("/v1/products/p001").json()["images"] == [one["link"]]
    listed = client.get("/v1/products/p001/media").json()["media"]
    assert [(found["name"], found["bytes"]) for found in listed] == [(one["name"], len(content))]
    back = client.get(one["path"])
    assert (back.content, back.headers["content-type"]) == (content, "image/png")
    assert back.headers["x-content-type-options"] == "nosniff"
    again = send(client, "p001", ("other name.png", content))
    assert again.status_code == 201
    assert client.get("/v1/products/p001").json()["images"] == [one["link"]], "the same content is there once"
    assert client.delete(one["path"]).status_code == 204
    assert client.get("/v1/products/p001").json()["images"] == []
    assert client.get(one["path"]).status_code == client.delete(one["path"]).status_code == 404
    assert one["name"] in kept(shop), "another product may name it"


def test_several_are_appended_in_order_and_what_comes_out_goes_in(client: TestClient) -> None:
    red, blue = photo(form="JPEG"), photo((0, 0, 200), "WEBP")
    out = client.get("/v1/products/p002").json()
    client.put("/v1/products/p002", json={**out, "images": ["https://shop.example/first.jpg"]})
    answer = send(client, "p002", ("a", red), ("b", blue), field="image")
    assert answer.status_code == 201
    links = [one["link"] for one in answer.json()["media"]]
    assert [link.rpartition(".")[2] for link in links] == ["jpg", "webp"]
    out = client.get("/v1/products/p002").json()
    assert out["images"] == ["https://shop.example/first.jpg", *links]
    assert client.put("/v1/products/p002", json=out).json() == out
    assert client.put("/v1/products/p002", json={**out, "images": ["../../etc/passwd"]}).status_code == 422
    assert client.put("/v1/products/p002", json={**out, "images": ["media/../shop.sqlite"]}).status_code == 422


def bomb() -> bytes:
    """A PNG of a few bytes that says it has 40,000 × 40,000 pixels."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    head = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0)
    data = chunk(b"IDAT", zlib.compress(b"\0" * 1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + data + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"just text", "text"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "SVG"),
        (photo()[:40], ""),
        (bomb(), "pixels"),
        (b"%PDF-1.7 not a picture at all", "PDF"),
        (b"#EXTM3U\nfile:///etc/passwd\n", "playlist"),
        (b"PK\x03\x04" + b"\0" * 100, ""),
    ],
    ids=["empty", "text", "svg", "cut", "bomb", "pdf", "playlist", "zip"],
)
def test_what_cannot_be_used_is_refused_with_its_name(
    client: TestClient, shop: Runtime, content: bytes, reason: str
) -> None:
    before = kept(shop)
    answer = send(client, "p003", ("good.png", photo((1, 2, 3))), ("evil.png", content))
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert "evil.png" in answer.json()["detail"]
    assert reason in answer.json()["detail"]
    assert client.get("/v1/products/p003").json()["images"] == [], "all or nothing"
    assert not list(shop.workspace.media.glob(".coming-*"))
    assert len(kept(shop) - before) <= 1  # the good one, which no product names: pruned later


HOSTILE_NAMES = ["../../../etc/cron.d/evil", "..\\..\\evil.exe", "a\x00b.png", "CON", "x" * 5000, "😀.png", ""]


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_names_of_senders_reach_no_file(client: TestClient, shop: Runtime, name: str) -> None:
    answer = send(client, "p004", (name, photo((9, 9, 9))))
    assert answer.status_code in (201, 400, 422), answer.text
    root = shop.workspace.root.resolve()
    assert not (root.parent / "evil").exists()
    assert {file.name.partition(".")[2] for file in shop.workspace.media.glob("??/*")} <= {"png", "jpg", "webp"}


def test_too_many_and_too_large(client: TestClient) -> None:
    answer = send(client, "p005", *((f"{k}.png", photo((k, 0, 0))) for k in range(4)))
    assert answer.status_code == 400
    assert "Too many files" in answer.json()["detail"]
    answer = send(client, "p005", ("large.png", b"\x89PNG" + b"\0" * 1_200_000))
    assert answer.status_code == 413
    answer = client.put("/v1/products/p005", json={"title": "x" * 150_000})
    assert answer.status_code == 413, "the larger limit is for forms alone"


def test_wrong_forms(client: TestClient) -> None:
    assert client.post("/v1/products/p005/media", json={"file": "x"}).status_code == 415
    assert client.post("/v1/products/p005/media", data={"file": "text"}, files={"image": photo()}).status_code == 422
    assert client.post("/v1/products/p005/media", files={"other": photo()}).status_code == 422
    answer = send(client, "p005", ("a.mp4", photo()), field="video")
    assert answer.status_code == 422
    assert "sent as video, but it is image" in answer.json()["detail"]
    broken = client.post(
        "/v1/products/p005/media",
        content=b"--x\r\nnonsense",
        headers={"content-type": "multipart/form-data; boundary=x"},
    )
    assert broken.status_code in (400, 422)
    assert send(client, "nobody", ("a.png", photo())).status_code == 404
    assert client.get("/v1/products/nobody/media").status_code == 404


def test_reading_is_not_writing(client: TestClient) -> None:
    reader = {"x-api-key": "reads"}
    assert client.get("/v1/products/p001/media", headers=reader).status_code == 200
    files = {"file": ("a.png", photo())}
    assert client.post("/v1/products/p001/media", files=files, headers=reader).status_code == 403
    assert client.delete("/v1/products/p001/media/x.png", headers=reader).status_code == 403
    assert client.post("/v1/products/p001/media", files=files, headers={"x-api-key": "no"}).status_code == 401


def test_what_no_product_names_is_pruned_when_it_is_old(client: TestClient, shop: Runtime) -> None:
    import os

    link = send(client, "p006", ("used.png", photo((5, 6, 7)))).json()["media"][0]["link"]
    send(client, "p007", ("x.png", photo((7, 6, 5))))
    name = client.get("/v1/products/p007/media").json()["media"][0]["name"]
    client.delete(f"/v1/products/p007/media/{name}")
    assert prune_media(shop.workspace, shop.store.catalogue.scan()) == 0, "its request may still be on its way"
    killed = shop.workspace.media / ".coming-x"
    killed.touch()
    for file in [*shop.workspace.media.glob("??/*"), killed]:
        os.utime(file, (0, 0))
    assert prune_media(shop.workspace, shop.store.catalogue.scan()) >= 1
    assert (shop.workspace.root / link).exists()
    assert name not in kept(shop)
    assert not killed.exists()


def test_openapi_describes_the_form(client: TestClient) -> None:
    described = client.get("/openapi.json").json()["paths"]["/v1/products/{item_id}/media"]
    fields = described["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]
    assert set(fields) == {"image", "video", "audio", "file"}


def test_media_folder_holds_nothing_else(shop: Runtime) -> None:
    root = shop.workspace.root
    assert all(LINK.match(file.relative_to(root).as_posix()) for file in shop.workspace.media.glob("??/*"))
