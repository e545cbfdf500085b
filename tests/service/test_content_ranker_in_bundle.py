"""The content ranker asked for in shoplens.toml: trained with the built-in encoder, shipped in a bundle, answering."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from shoplens.models.content_ranker import ContentRanker
from shoplens.recommend.rules import Wish
from shoplens.service.bundle import open_bundle
from shoplens.service.embedding import shop_texts
from shoplens.service.runtime import Runtime
from shoplens.service.training import train_shop
from shoplens.service.workspace import Workspace
from shoplens.store.sql import open_store
from shoplens.testing.tiny_shop import tiny_shop

QUICK = {
    "head_epochs": 1,
    "epochs": 1,
    "steps_an_epoch": 4,
    "max_tokens": 12,
    "trained_layers": 1,
    "states_mb": 64,
}


@pytest.mark.slow
def test_a_shop_asks_for_it_and_gets_answers(tmp_path: Path) -> None:
    shop = tiny_shop()
    models = ("popularity", "content-ranker")
    workspace = Workspace.create(
        tmp_path, encoders={"text": "hashed-ngrams"}, train={"models": models, "content-ranker": QUICK}
    )
    store = open_store(workspace.database_url)
    shop.fill(store)
    known = shop.products[0]
    assert shop_texts(store, [known.item_id, "unknown"]) == (known.text, "")
    training = train_shop(workspace, store)
    assert set(training.test) == {*models, "blend"}
    learned = open_bundle(workspace.bundles / training.version)
    ranker = learned.models["content-ranker"]
    assert isinstance(ranker, ContentRanker)
    assert ranker.config.stop_after is not None  # fitted again for as many epochs as validation chose
    assert ranker.config.max_tokens == QUICK["max_tokens"]
    again = ranker.encode_texts([known.text])[0]
    np.testing.assert_allclose(again, ranker.item_vectors[learned.items.rows([known.item_id])[0]], atol=0.02)
    store.close()
    with Runtime.open(workspace.root) as runtime:
        user_id = next(iter(shop.favourite))
        assert len(runtime.home.recommend(runtime.shelf, Wish(n=3), user_id).answer.items) == 3
