"""The cart's benchmark: TIFU-KNN as in its paper, and a whole run on a shop of ten products."""

import json
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from benchmarks.quality import cart
from benchmarks.quality.tifu_knn import Settings, TifuKnn, person_vector
from benchmarks.speed import cart_answers

from shoplens.testing.cart_shop import open_cart_shop


def basket(*items: int) -> np.ndarray:
    return np.array(items, np.int32)


def test_a_vector_fades_within_groups_and_between_them() -> None:
    settings = Settings(groups=2, within=0.9, between=0.7)
    vector = person_vector([basket(0), basket(1), basket(0), basket(2)], 3, settings).toarray()[0]
    first = 0.9 / 2 * 0.7 / 2 + 0.9 / 2 / 2  # oldest of the older group, oldest of the newer group
    assert vector == pytest.approx([first, 1 / 2 * 0.7 / 2, 1 / 2 / 2])
    assert person_vector([], 3, settings).nnz == 0


def test_the_nearest_people_have_a_say() -> None:
    settings = Settings(groups=1, within=1.0, neighbours=1, own=0.5)
    people = sp.vstack([person_vector([basket(0, 1)], 4, settings), person_vector([basket(3)], 4, settings)]).tocsr()
    assert TifuKnn(people, settings).scores([basket(0)]).tolist() == [1.0, 0.5, 0.0, 0.0]


def test_a_whole_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    open_cart_shop(tmp_path / "shop", now=int(time.time() * 1e6), trained=False).close()
    monkeypatch.setattr(sys, "argv", ["cart", str(tmp_path / "shop"), "--days", "10"])
    monkeypatch.setattr(cart, "K", 3)
    cart.main()
    found = json.loads(capsys.readouterr().out)
    for task in ("leave one out, person known", "leave one out, guest", "next basket"):
        methods = found[task]["methods"]
        assert {"cart", "top popular", "item-knn"} <= set(methods)
        for one in methods.values():
            assert one["ndcg@10_95"][0] <= one["ndcg@10"] <= one["ndcg@10_95"][1]
    guest = found["leave one out, guest"]["methods"]
    assert guest["cart"]["recall@10"] > guest["top popular"]["recall@10"]


def test_whole_answers_are_timed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    open_cart_shop(tmp_path / "shop", now=int(time.time() * 1e6)).close()
    monkeypatch.setattr(sys, "argv", ["cart_answers", str(tmp_path / "shop"), "--answers", "2"])
    cart_answers.main()
    found = json.loads(capsys.readouterr().out)["cpu_ms"]
    assert set(found) == {name for name, _, _ in cart_answers.QUESTIONS} | {"reading"}
    assert all(0 <= one["p50"] <= one["p99"] for one in found.values())
