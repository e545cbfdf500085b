"""Bundles whose answers fail give way, whoever they answer and whatever is asked."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any

import pytest

from shoplens.apps.cart import CartQuestion
from shoplens.domain.experiments import Arm, Experiment
from shoplens.errors import BundleError, NotFoundError
from shoplens.service import answers as asked
from shoplens.service.runtime import Runtime
from shoplens.testing.cart_shop import open_cart_shop
from shoplens.testing.served_shop import open_tiny_shop, train_tiny_shop


def broken(*_: object, **__: object) -> Any:
    raise ValueError("this model is broken")


def people_of(shop: Runtime, name: str) -> dict[str, list[str]]:
    """Arm → some people in it."""
    found: dict[str, list[str]] = {}
    for number in range(40):
        arm = shop.experiments.running[name].arm_of(f"u{number:03}")
        assert arm is not None
        found.setdefault(arm.name, []).append(f"u{number:03}")
    return found


def with_two_bundles(folder: Path) -> tuple[Runtime, str, str]:
    """A shop, the bundle that answers, and a newer one that answers half of all people."""
    shop = open_tiny_shop(folder)
    old = shop.shelf.version
    assert old is not None
    newer = train_tiny_shop(shop.store, shop.workspace.bundles)
    shop.swap.follow()
    shop.bundles.rollback()
    shop.start_experiment(Experiment("newer", (Arm("now", 0.5), Arm("newer", 0.5, bundle=newer))))
    return shop, old, newer


def test_an_arm_that_fails_ends_its_experiment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    shop, old, newer = with_two_bundles(tmp_path)
    with shop:
        people = people_of(shop, "newer")
        learned = shop.swap.beside[newer].learned
        assert learned is not None
        monkeypatch.setattr(learned.model, "score", broken)
        for well, failing in zip(people["now"][:5], people["newer"], strict=False):  # by turns
            assert shop.answers.recommend(shop.wish(), failing).answer.fallback == "model_failed"
            assert shop.answers.recommend(shop.wish(), well).answer.bundle == old
        assert shop.answers.errors.failing() == (newer,)
        with caplog.at_level(logging.ERROR, logger="shoplens"):
            shop.watching.look()
        assert "experiment newer ended" in caplog.text
        assert not shop.experiments.running
        assert newer in shop.experiments.get("newer").note
        assert shop.answers.recommend(shop.wish(), people["newer"][0]).answer.bundle == old == shop.shelf.version


def test_the_bundle_that_answers_gives_way_during_an_experiment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, old, _ = with_two_bundles(tmp_path)
    with shop:
        newest = train_tiny_shop(shop.store, shop.workspace.bundles)
        shop.swap.follow()
        people = people_of(shop, "newer")
        learned = shop.shelf.learned
        assert learned is not None
        monkeypatch.setattr(learned.model, "score", broken)
        for failing, well in zip(people["now"][:5], people["newer"], strict=False):
            shop.answers.recommend(shop.wish(), failing)
            shop.answers.recommend(shop.wish(), well)
        assert shop.shelf.version == newest
        shop.watching.look()
        assert shop.shelf.version == old
        assert shop.experiments.running.keys() == {"newer"}


def test_likeness_that_fails_costs_its_answer_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_tiny_shop(tmp_path) as shop:
        monkeypatch.setattr(asked, "similar", broken)
        for _ in range(4):
            shown = shop.answers.similar("p001", shop.wish(), "u001")
            assert shown.answer.fallback == "model_failed"
            assert "p001" not in {one.item_id for one in shown.answer.items}
        assert shop.answers.errors.failing() == (shop.shelf.version,)
        monkeypatch.undo()
        with pytest.raises(NotFoundError):
            shop.answers.similar("nothing", shop.wish())


def test_a_cart_model_that_fails_costs_its_answer_and_is_no_bundle_to_begin_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_cart_shop(tmp_path, now=int(time.time() * 1e6)) as shop:
        learned = shop.shelf.learned
        assert learned is not None
        monkeypatch.setattr(type(learned.cart), "score", broken)
        for _ in range(4):
            completed = shop.answers.complete(shop.wish(repeat=True), CartQuestion(items=("bread",)))
            assert completed.answer.fallback == "model_failed"
            assert completed.answer.items
            assert "bread" not in {one.item_id for one in completed.answer.items}
        assert shop.answers.errors.failing() == (shop.shelf.version,)
        with pytest.raises(BundleError, match="this model is broken"):
            shop.swap._shelf_of(shop.shelf.version)
