"""A shop's own judgements decide how much words and meaning count, where that is better on queries left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from shoplens.compute.local import LocalExecutor
from shoplens.errors import FormatError
from shoplens.recommend.asking import Ask
from shoplens.service.embedding import embed_shop
from shoplens.service.search_weights import read_judgements, read_weights
from shoplens.testing.served_shop import open_tiny_shop

TEXTS_ALONE = {"text": "hashed-ngrams"} | dict.fromkeys(("image", "colour", "video", "audio", "speech", "ocr"), "off")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("query,item\nred,p1\n", "needs a column item_id"),
        ("query,item_id,gain\nred,p1,much\n", "line 2: gain 'much' is not a number"),
        ("query,item_id,gain\nred,p1,1\nred,p2,-1\n", "line 3: expected"),
        ("query,item_id\n,p1\n", "line 2: expected"),
    ],
)
def test_a_bad_file_says_what_is_wrong(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "judgements.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(FormatError, match=said):
        read_judgements(file)


def test_gains_are_one_unless_said(tmp_path: Path) -> None:
    file = tmp_path / "judgements.csv"
    file.write_text("query,item_id,gain\nred tea,p1,\nred tea,p2,0.5\n茶,p1,2\n", encoding="utf-8")
    assert read_judgements(file) == {"red tea": {"p1": 1.0, "p2": 0.5}, "茶": {"p1": 2.0}}


def test_what_was_learnt_answers_and_is_never_worse_than_words_alone(tmp_path: Path) -> None:
    with open_tiny_shop(tmp_path / "shop", settings={"encoders": TEXTS_ALONE}) as shop:
        embed_shop(shop.workspace, shop.store, executor=LocalExecutor(1))
        lines = [f"{product.title},{product.item_id}" for chunk in shop.store.catalogue.scan() for product in chunk]
        file = shop.workspace.root / "judgements.csv"
        file.write_text("\n".join(["query,item_id", *lines]), encoding="utf-8")
        assert read_weights(shop.workspace) is None
        learnt = shop.search.learn_weights(file)
        assert "NDCG@10" in learnt.told
        for report in learnt.reports.values():
            assert not report.taken or report.blend > report.words
        assert read_weights(shop.workspace) == learnt.blend
        assert shop.search.look(Ask(text=lines[0].partition(",")[0])).items[0].item_id == lines[0].partition(",")[2]
        assert shop.search.index.vectors.blend == learnt.blend


def test_damaged_weights_are_said_and_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with open_tiny_shop(tmp_path / "shop", settings={"encoders": TEXTS_ALONE}) as shop:
        shop.workspace.search.mkdir(parents=True)
        (shop.workspace.search / "weights.json").write_text("{", encoding="utf-8")
        shop.search.look(Ask(text="hammer"))
        assert "weights.json cannot be read" in caplog.text
