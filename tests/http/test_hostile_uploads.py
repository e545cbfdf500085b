"""Whatever is uploaded, the answer is 2xx or a problem that says why, and the service goes on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from shoplens.http.app import create_app
from shoplens.service.uploads import LINK
from shoplens.testing.hostile_media import (
    REFUSED,
    HostileFile,
    hostile_photos,
    hostile_sounds,
    hostile_videos,
    mutations,
)
from shoplens.testing.sample_media import sample_photo
from shoplens.testing.served_shop import open_tiny_shop
from shoplens.testing.tiny_encoders import TINY, tiny_parts

SENT = [
    *(("image", file) for file in hostile_photos()),
    *(("video", file) for file in hostile_videos()),
    *(("audio", file) for file in hostile_sounds()),
]
CORPUS = [file for _, file in SENT]
SEARCHED = 4  # every so many files are searched with in the normal run
LIMITS = {"max_bytes": 10_000_000, "decode_seconds": 10.0, "memory_mb": 512, "max_upload_mb": 64.0}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    settings = {"encoders": TINY, "media": LIMITS, "images": {"max_pixels": 10_000_000}}
    with (
        tiny_parts(),
        open_tiny_shop(tmp_path_factory.mktemp("shop"), settings=settings) as shop,
        TestClient(create_app(shop)) as client,
    ):
        yield client
        kept = [file for file in shop.workspace.media.rglob("*") if file.is_file() and file.name != ".change.lock"]
        assert all(LINK.match(file.relative_to(shop.workspace.root).as_posix()) for file in kept)


@pytest.mark.parametrize("file", CORPUS, ids=lambda file: file.name)
def test_every_file_is_kept_or_refused_with_a_reason(client: TestClient, file: HostileFile) -> None:
    for path in ("/v1/products/p001/media", "/v1/embeddings"):
        answer = client.post(path, files={"file": (file.name, file.content)})
        if answer.status_code in (200, 201):
            continue
        assert answer.status_code in (413, 422), answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert file.name[:20] in answer.json()["detail"]
    assert client.get("/health/live").status_code == 200
    client.put("/v1/products/p001", json={"title": "hammer"})


def complaints(client: TestClient, field: str, file: HostileFile) -> list[str]:
    """What is wrong with how a file is searched with and talked about."""
    found = []
    for path in ("/v1/search", "/v1/interact"):
        answer = client.post(path, files={field: (file.name, file.content)})
        if answer.status_code == 200:
            items = answer.json()["items"]
            right = file.expected != REFUSED and all(one["item_id"].startswith("p") for one in items)
        else:
            right = (
                answer.status_code in (413, 422)
                and answer.headers["content-type"] == "application/problem+json"
                and file.name[:20] in answer.json()["detail"]
                and "shoplens-parts-" not in answer.json()["detail"]  # folders of the server are nobody's business
            )
        if not right:
            found.append(f"{path} {file.name}: {answer.status_code} {answer.text[:300]}")
    if client.get("/health/live").status_code != 200:
        found.append(f"{file.name}: the server is gone")
    return found


@pytest.mark.parametrize(("field", "file"), SENT[::SEARCHED], ids=lambda sent: getattr(sent, "name", sent))
def test_some_are_searched_with(client: TestClient, field: str, file: HostileFile) -> None:
    assert complaints(client, field, file) == []


@pytest.mark.slow
@pytest.mark.timeout(1_800)
def test_all_are_searched_with(client: TestClient) -> None:
    assert [one for field, file in SENT for one in complaints(client, field, file)] == []


def test_a_photo_with_any_byte_changed(client: TestClient) -> None:
    for content in mutations(sample_photo("PNG"), 40):
        assert client.post("/v1/products/p002/media", files={"image": ("x", content)}).status_code in (201, 422)
        client.put("/v1/products/p002", json={"title": "hammer"})
