from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from shoplens.domain.proposals import Proposal, ProposalKind
from shoplens.http.app import create_app
from shoplens.service.runtime import Runtime
from shoplens.testing.described_shop import LACKS_COLOUR, SAYS_OTHERWISE, SHOES, described_shop


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    folder = tmp_path_factory.mktemp("described")
    (folder / "shoplens.toml").write_text('[encoders]\ntext = "hashed-ngrams"\n', encoding="utf-8")
    with Runtime.open(folder) as opened:
        opened.put_products(described_shop())
        opened.attributes.complete(progress=lambda _what, _done, _total: None)
        yield opened


@pytest.fixture(scope="module")
def client(shop: Runtime) -> Iterator[TestClient]:
    with TestClient(create_app(shop)) as client:
        yield client


def test_a_text_and_a_product_are_read(client: TestClient) -> None:
    body = {"title": "Kestrel 红色 suede sneaker", "category": list(SHOES)}
    answer = client.post("/v1/attributes/extract", json=body).json()
    found = {one["attribute"]: one for one in reversed(answer["values"])}
    assert (found["colour"]["value"], found["colour"]["said"]) == ("red", "红色")
    assert answer["current"] == {}
    product = client.post("/v1/attributes/extract", json={"item_id": "s001"}).json()
    assert product["current"]["colour"] == ["navy blue"]
    assert {one["attribute"] for one in product["values"]} == {"brand", "colour", "material"}
    families = {one["attribute"]: (one["value"], one["family"]) for one in reversed(product["values"])}
    assert families["colour"] == ("navy blue", "blue")
    assert families["material"][1] is None


def test_a_product_is_read_with_its_photo(client: TestClient, shop: Runtime) -> None:
    photo = Image.new("RGB", (100, 50), "white")
    photo.paste((200, 24, 32), (50, 10, 90, 40))
    photo.save(shop.workspace.root / "red.png")
    bare = replace(described_shop()[0], item_id="shown", title="Kestrel sneaker", attributes={}, images=("red.png",))
    shop.store.catalogue.upsert([bare])
    values = client.post("/v1/attributes/extract", json={"item_id": "shown"}).json()["values"]
    (colour,) = [one for one in values if one["attribute"] == "colour"]
    assert (colour["value"], colour["source"], colour["photo"], colour["family"]) == ("red", "photo", "red.png", "red")
    assert colour["box"] == pytest.approx([0.5, 0.2, 0.9, 0.8], abs=0.06)
    assert colour["measured"] == colour["confidence"], "nobody decided anything yet"
    shop.store.catalogue.delete("shown")


@pytest.mark.parametrize("body", [{}, {"item_id": "s001", "title": "x"}, {"title": "x", "colour": "red"}])
def test_bodies_that_make_no_sense_are_refused(client: TestClient, body: dict[str, object]) -> None:
    answer = client.post("/v1/attributes/extract", json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


def test_proposals_are_listed_decided_and_written(client: TestClient) -> None:
    listed = client.get("/v1/attributes/proposals", params={"kind": "value", "item_id": LACKS_COLOUR}).json()
    (one,) = listed["proposals"]
    assert (one["attribute"], one["value"], one["status"]) == ("colour", "green", "open")
    assert listed["cursor"] is None
    assert listed["counts"]["value"]["open"] >= 1
    decided = client.post("/v1/attributes/proposals/accept", json={"proposal_ids": [one["proposal_id"]]})
    assert decided.json()["proposals"][0]["status"] == "accepted"
    assert client.get(f"/v1/products/{LACKS_COLOUR}").json()["attributes"]["colour"] == ["green"]
    again = client.post("/v1/attributes/proposals/reject", json={"proposal_ids": [one["proposal_id"]]})
    assert again.status_code == 409
    assert client.post("/v1/attributes/proposals/reject", json={"proposal_ids": ["0" * 32]}).status_code == 404


def test_a_selection_is_decided_about_and_taken_back(shop: Runtime, client: TestClient) -> None:
    lids = [
        Proposal(kind=ProposalKind.VALUE, item_id=item_id, attribute="lid", value="red", confidence=0.9)
        for item_id in ("d000", "d001", "gone")
    ]
    shop.store.proposals.offer(lids)
    done = client.post("/v1/attributes/proposals/accept", json={"kind": "value", "attribute": "lid"}).json()
    assert {one["item_id"] for one in done["proposals"]} == {"d000", "d001"}
    assert [one["proposal_id"] for one in done["skipped"]] == [lids[2].proposal_id]
    assert done["cursor"] is None
    assert client.get("/v1/products/d000").json()["attributes"]["lid"] == ["red"]
    ids = {"proposal_ids": [one.proposal_id for one in lids[:2]]}
    reopened = client.post("/v1/attributes/proposals/reopen", json=ids).json()
    assert {(one["status"], one["decided"]) for one in reopened["proposals"]} == {("open", None)}
    assert "lid" not in client.get("/v1/products/d000").json()["attributes"]
    assert client.post("/v1/attributes/proposals/reopen", json=ids).status_code == 409
    rejected = client.post("/v1/attributes/proposals/reject", json={"attribute": "lid", "least": 0.5}).json()
    assert len(rejected["proposals"]) == 3


def test_a_large_selection_is_decided_about_page_by_page(shop: Runtime, client: TestClient) -> None:
    shop.store.proposals.offer(
        Proposal(kind=ProposalKind.PRICE, item_id="d000", attribute="price", value=str(row)) for row in range(1_001)
    )
    body: dict[str, object] = {"kind": "price"}
    first = client.post("/v1/attributes/proposals/reject", json=body).json()
    second = client.post("/v1/attributes/proposals/reject", json={**body, "cursor": first["cursor"]}).json()
    assert (len(first["proposals"]), len(second["proposals"]), second["cursor"]) == (1_000, 1, None)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"proposal_ids": None},
        {"proposal_ids": ["0" * 32], "kind": "value"},
        {"proposal_ids": ["0" * 32], "cursor": "x"},
        {"cursor": "x"},
        {"least": 2},
        {"kind": "unknown"},
    ],
)
def test_decisions_about_nothing_in_particular_are_refused(client: TestClient, body: dict[str, object]) -> None:
    assert client.post("/v1/attributes/proposals/reject", json=body).status_code == 422


def test_pages_follow_one_another(client: TestClient) -> None:
    first = client.get("/v1/attributes/proposals", params={"limit": 1}).json()
    second = client.get("/v1/attributes/proposals", params={"limit": 1, "cursor": first["cursor"]}).json()
    both = client.get("/v1/attributes/proposals", params={"limit": 2}).json()
    assert first["proposals"] + second["proposals"] == both["proposals"]
    many = client.get("/v1/attributes/proposals", params={"limit": 1_000}).json()
    assert many["cursor"] is None
    refused = client.get("/v1/attributes/proposals", params={"cursor": first["proposals"][0]["proposal_id"]})
    assert "start again without a cursor" in refused.json()["detail"]


def test_some_products_are_checked(client: TestClient) -> None:
    found = client.post("/v1/attributes/check", json={"item_ids": [SAYS_OTHERWISE, "s001"]}).json()["proposals"]
    assert [(one["item_id"], one["value"]) for one in found] == [(SAYS_OTHERWISE, "black")]
    assert client.post("/v1/attributes/check", json={"item_ids": ["unknown"]}).status_code == 404


def test_products_alike_and_insights(client: TestClient) -> None:
    answer = client.get("/v1/attributes/alike/s000", params={"by": ["colour", "material"], "n": 3}).json()
    assert len(answer["items"]) == 3
    assert answer["items"][0]["shared"]["colour"] == ["red"]
    assert client.get("/v1/attributes/alike/s000", params={"by": "package_size"}).status_code in (400, 422)
    assert client.get("/v1/attributes/insights").json() == {"drives": [], "gaps": []}
