"""Topics are found in vectors, named by words, the same whatever the order, and keep their names when found again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import orjson
import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st
from opinion_cases import START
from typer.testing import CliRunner

from shoplens.apps.opinions.discovery import FEWEST, Discovery, discover
from shoplens.cli import opinion_topics as _topics  # noqa: F401 - registers its commands
from shoplens.cli.app import app
from shoplens.domain.opinions import Post
from shoplens.encoders.base import Vectors
from shoplens.errors import ConfigurationError, InputError, NotFoundError
from shoplens.http.app import create_app
from shoplens.service.opinions import OpinionService
from shoplens.service.runtime import Runtime
from shoplens.service.workspace import Workspace

TALK = {
    "battery": ("battery empty after an hour", "the battery dies", "电池续航太差", "battery does not charge"),
    "delivery": ("parcel came late", "the courier lost my parcel", "快递送得太慢", "parcel left in the rain"),
    "taste": ("stale biscuits, awful taste", "the taste of soap", "饼干味道很怪", "taste was fresh"),
}
SIGNS = [{"battery", "电池"}, {"parcel", "快递"}, {"taste", "味道"}]


class Meanings:
    """An encoder that knows three things."""

    name, version, size, modality = "meanings", "1", 8, "text"

    def encode(self, inputs: Sequence[str]) -> Vectors:
        made = np.zeros((len(inputs), self.size), np.float32)
        for row, text in enumerate(inputs):
            made[row, 3:] = np.random.default_rng(sum(text.encode())).normal(0, 0.15, 5)
            for place, some in enumerate(SIGNS):
                made[row, place] += any(sign in text for sign in some)
        unit: Vectors = made / np.linalg.norm(made, axis=1, keepdims=True)
        return unit

    encode_queries = encode


def posts(count: int, kinds: Sequence[str] = tuple(TALK), seed: int = 0) -> tuple[list[str], list[str]]:
    random = np.random.default_rng(seed)
    labels = [str(random.choice(kinds)) for _ in range(count)]
    return [f"{random.choice(TALK[one])} {random.integers(10**6)}" for one in labels], labels


def found(texts: Sequence[str], **more: object) -> Discovery:
    return discover(texts, Meanings().encode(texts), **more)  # type: ignore[arg-type]


def test_three_topics_are_found_and_named_in_both_languages() -> None:
    texts, labels = posts(200)
    told = found(texts)
    assert len(told.topics) == 3
    assert told.silhouette > 0.5
    for place, topic in enumerate(told.topics):
        (label,) = {labels[row] for row in np.flatnonzero(told.of == place)}
        assert {"battery": "battery", "delivery": "parcel", "taste": "taste"}[label] in topic.name
        assert set(topic.words) == {"en", "zh"}
        assert {labels[row] for row in topic.typical} == {label}
        assert topic.posts == labels.count(label)
    assert [one.posts for one in told.topics] == sorted((one.posts for one in told.topics), reverse=True)


@given(st.permutations(range(60)))
@settings(max_examples=10, deadline=None)
def test_the_order_of_posts_changes_nothing(order: list[int]) -> None:
    texts, _ = posts(60)
    first, second = found(texts), found([texts[row] for row in order])
    assert [(one.name, one.posts) for one in first.topics] == [(one.name, one.posts) for one in second.topics]
    assert first.of[order].tolist() == second.of.tolist()


def test_topics_that_persist_keep_their_names_and_new_ones_get_their_own() -> None:
    old = found(posts(100, ("battery", "taste"))[0])
    named = [(f"ours {place}", one.middle) for place, one in enumerate(old.topics)]
    again = found(posts(150, seed=1)[0], before=named)
    names = [one.name for one in again.topics]
    assert {"ours 0", "ours 1"} < set(names)
    (fresh,) = set(names) - {"ours 0", "ours 1"}
    assert "parcel" in fresh


def test_few_posts_are_refused_and_posts_all_alike_are_one_topic() -> None:
    with pytest.raises(InputError, match=str(FEWEST)):
        found(["a"] * (FEWEST - 1))
    told = found(["the battery dies"] * FEWEST)
    assert [one.posts for one in told.topics] == [FEWEST]


def test_a_shop_discovers_lists_and_adopts(tmp_path: Path) -> None:
    Workspace.create(tmp_path / "shop", opinions={"vectors": False})
    texts, _ = posts(120)
    told = [Post(text=text, timestamp=START + k * 10**9, post_id=str(k)) for k, text in enumerate(texts)]
    with Runtime.open(tmp_path / "shop") as shop:
        shop.opinions.take(told)
        assert TestClient(create_app(shop)).get("/v1/opinions/topics").json()["found"] is None
        with pytest.raises(ConfigurationError, match="vectors"):
            shop.opinions.topics.discover()
        service = OpinionService(shop.workspace, shop.store, shop.facts, encoder=Meanings())
        topics = service.topics.discover().topics
        assert len(topics) == 3
        with pytest.raises(NotFoundError, match=topics[0].name):
            service.topics.adopt(["nothing of the kind"])
        (battery,) = [one.name for one in topics if "battery" in one.name]
        names = service.topics.adopt([battery], rename="battery", only=True)
        assert names == ["battery"]
        assert [one.topic for one in service.read([Post(text="battery dead", timestamp=START)])] == ["battery"]
        assert [one.name for one in service.topics.discover().topics] == [one.name for one in topics]
        answer = TestClient(create_app(shop)).get("/v1/opinions/topics").json()
    assert 100 < answer["posts"] <= 120  # without copies
    assert {one["name"]: one["adopted"] for one in answer["topics"]}[battery] == "battery"
    assert all(one["examples"] for one in answer["topics"])
    result = CliRunner().invoke(app, ["opinions", "topics", "list", "-w", str(tmp_path / "shop"), "--json"])
    assert orjson.loads(result.stdout) == answer
    others = [one["name"] for one in answer["topics"] if one["name"] != battery]
    result = CliRunner().invoke(
        app, ["opinions", "topics", "adopt", *others, "--as", "rest", "-w", str(tmp_path / "shop"), "--json"]
    )
    assert orjson.loads(result.stdout)["topics"] == ["battery", "rest"]
    assert set(Workspace.open(tmp_path / "shop").settings.opinions.topics) == {"battery", "rest"}
