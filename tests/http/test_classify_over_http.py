"""POST /v1/classify: texts into classes, limits, and models that are not there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from shoplens.http.app import create_app
from shoplens.http.wire.classify import MOST_TEXTS, ClassifiersAnswer, ClassifyAnswer
from shoplens.learning.text_classes.examples import TextExamples
from shoplens.service.runtime import Runtime
from shoplens.service.workspace import Workspace
from shoplens.testing.cart_shop import open_cart_shop

THINGS = ("cup", "lamp", "shoe", "box", "phone", "jacket")
TEXTS = tuple(f"{word} {thing}" for word in ("a lovely", "an awful", "很好的", "很差的") for thing in THINGS)
LABELS = tuple(label for label in ("good", "bad", "good", "bad") for _ in THINGS)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    with open_cart_shop(tmp_path_factory.mktemp("shop"), now=1_700_000_000_000_000) as opened:
        yield opened


@pytest.fixture(scope="module")
def client(shop: Runtime) -> TestClient:
    shop.classifiers.train("tone", TextExamples("r.csv", TEXTS, LABELS, {}), effort="fast", words_only=True)
    return TestClient(create_app(shop), raise_server_exceptions=False)


def test_one_text_or_several(client: TestClient) -> None:
    answer = client.post("/v1/classify", json={"text": "an awful desk"})
    assert answer.status_code == 200
    body = answer.json()
    ClassifyAnswer.model_validate(body, strict=True)
    assert body["model"] == "tone"
    assert body["results"][0]["label"] == "bad"
    several = client.post(
        "/v1/classify", json={"text": ["很好的灯", "", "x" * 200_000], "model": "tone", "top": 1}
    ).json()
    assert several["results"][0]["label"] == "good"
    assert [len(one["classes"]) for one in several["results"]] == [1, 1, 1]
    listed = client.get("/v1/classify").json()
    ClassifiersAnswer.model_validate(listed, strict=True)
    assert listed["classifiers"][0]["classes"] == ["bad", "good"]


def test_a_model_that_is_not_there_is_answered_with_those_that_are(client: TestClient) -> None:
    for name in ("mood", "../tone"):
        answer = client.post("/v1/classify", json={"text": "x", "model": name})
        assert answer.status_code == 404
        assert answer.headers["content-type"].startswith("application/problem+json")
        assert "there are: tone" in answer.json()["detail"]


@pytest.mark.parametrize(
    "body",
    [
        {}, {"text": []}, {"text": 3}, {"text": [3]}, {"text": "a\x00b"}, {"text": "x" * 200_001}, {"text": None},
        {"text": ["x"] * (MOST_TEXTS + 1)}, {"text": "x", "top": 0}, {"text": "x", "model": ""}, {"text": "x", "n": 1},
        [], "x", None,
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_with_a_reason(client: TestClient, body: object) -> None:
    answer = client.post("/v1/classify", json=body)
    assert 400 <= answer.status_code < 500
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert answer.json()["detail"]


def test_a_new_version_answers_at_once_and_a_second_must_be_named(shop: Runtime, client: TestClient) -> None:
    before = client.post("/v1/classify", json={"text": "a lovely desk", "model": "tone"}).json()
    turned = tuple("bad" if one == "good" else "good" for one in LABELS)
    shop.classifiers.train("tone", TextExamples("r.csv", TEXTS, turned, {}), effort="fast", words_only=True)
    after = client.post("/v1/classify", json={"text": "a lovely desk", "model": "tone"}).json()
    assert before["version"] != after["version"]
    assert (before["results"][0]["label"], after["results"][0]["label"]) == ("good", "bad")
    shop.classifiers.train("mood", TextExamples("r.csv", TEXTS, LABELS, {}), effort="fast", words_only=True)
    unnamed = client.post("/v1/classify", json={"text": "x"})
    assert unnamed.status_code == 404
    assert "name one of: mood, tone" in unnamed.json()["detail"]


def test_without_any_classifier_it_says_how_to_train_one(tmp_path: Path) -> None:
    Workspace.create(tmp_path, encoders={"text": "hashed-ngrams"})
    with Runtime.open(tmp_path) as empty:
        answer = TestClient(create_app(empty), raise_server_exceptions=False).post("/v1/classify", json={"text": "x"})
    assert answer.status_code == 404
    assert "shoplens classify train" in answer.json()["detail"]
