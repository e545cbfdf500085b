"""Products come, change and go while others search: none is lost, none is found that is gone."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from fastapi.testclient import TestClient

from shoplens.http.app import create_app
from shoplens.testing.served_shop import open_tiny_shop

SECONDS = 6.0
FRESH = 1.0  # seconds within which a change has to be found
WRITERS, SEARCHERS, EACH = 2, 3, 20  # threads; products of one writer


@pytest.fixture
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    settings = {"encoders": {"text": "off", "image": "off", "ocr": "off", "speech": "off"}}
    with open_tiny_shop(tmp_path_factory.mktemp("shop"), trained=False, settings=settings) as shop:
        shop.watch()
        with TestClient(create_app(shop)) as client:
            client.post("/v1/search", json={"text": "tea"})  # everything is indexed
            yield client


class Diary:
    """When what was said about each product was confirmed; seconds of time.monotonic()."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.there: dict[str, float] = {}  # item_id → since when
        self.gone: dict[str, float] = {}


def word_of(writer: int, number: int) -> str:
    """A word that one product has in its title, unlike all others; no typo away from another."""
    letters = "bcdfghjklm"
    return "zz" + "".join(letters[int(digit)] * 2 for digit in f"{writer}{number:02}") + "qx"


def test_no_product_is_lost_and_none_is_a_ghost(client: TestClient) -> None:
    diary, stop, problems = Diary(), time.monotonic() + SECONDS, list[str]()

    def write(writer: int) -> None:
        random = np.random.default_rng(writer)
        while time.monotonic() < stop:
            number = int(random.integers(EACH))
            item = f"w{writer}-{number}"
            if item in diary.there and random.random() < 0.4:
                with diary.lock:
                    del diary.there[item]  # from here on, nobody knows
                assert client.delete(f"/v1/products/{item}").status_code == 204
                with diary.lock:
                    diary.gone[item] = time.monotonic()
            else:
                with diary.lock:
                    diary.gone.pop(item, None)
                body = {"title": f"{word_of(writer, number)} thing", "price": str(int(random.integers(1, 99)))}
                assert client.put(f"/v1/products/{item}", json=body).status_code == 200
                with diary.lock:
                    diary.there.setdefault(item, time.monotonic())
            time.sleep(0.01)

    def look(seed: int) -> int:
        random = np.random.default_rng(100 + seed)
        searches = 0
        while time.monotonic() < stop:
            writer, number = int(random.integers(WRITERS)), int(random.integers(EACH))
            item = f"w{writer}-{number}"
            began = time.monotonic()
            with diary.lock:
                there, gone = diary.there.get(item), diary.gone.get(item)
            text = {"text": word_of(writer, number), "typos": False}
            found = {one["item_id"] for one in client.post("/v1/search", json=text).json()["items"]}
            with diary.lock:  # what changed meanwhile may be found or not
                still, away = diary.there.get(item) == there, diary.gone.get(item) == gone
            if there is not None and still and began - there > FRESH and item not in found:
                problems.append(f"{item} is lost: there for {began - there:.2f} s")
            if gone is not None and away and item in found:
                problems.append(f"{item} is a ghost: gone for {began - gone:.2f} s")
            searches += 1
        return searches

    with ThreadPoolExecutor(WRITERS + SEARCHERS) as threads:
        writing = [threads.submit(write, writer) for writer in range(WRITERS)]
        looking = [threads.submit(look, seed) for seed in range(SEARCHERS)]
        for one in writing:
            one.result()
        assert sum(one.result() for one in looking) > 50
    assert not problems, problems[:5]
    time.sleep(FRESH)
    for writer in range(WRITERS):
        for number in range(EACH):
            item, text = f"w{writer}-{number}", {"text": word_of(writer, number), "typos": False}
            found = {one["item_id"] for one in client.post("/v1/search", json=text).json()["items"]}
            assert (item in found) == (item in diary.there), item
    assert diary.gone
    assert diary.there
