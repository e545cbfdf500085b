"""What is said about products is felt in rankings, where the shop turns the dial."""

from __future__ import annotations

from pathlib import Path

from shoplens.domain.catalogue import Product
from shoplens.domain.opinions import Post
from shoplens.service.runtime import Runtime
from shoplens.service.workspace import Workspace

TIME = 1_700_000_000_000_000


def test_products_that_are_blamed_are_lowered(tmp_path: Path) -> None:
    Workspace.create(tmp_path, opinions={"vectors": False, "ranking": 1.0})
    with Runtime.open(tmp_path) as shop:
        shop.put_products([Product(item_id="good", title="Good kettle"), Product(item_id="bad", title="Bad kettle")])
        said = [("good", "I love it, great"), ("bad", "terrible, it broke")] * 40
        posts = [
            Post(text=f"{text} {number}", timestamp=TIME + number, item_id=item, post_id=str(number))
            for number, (item, text) in enumerate(said)
        ]
        shop.opinions.push(posts)
        blame = shop.opinions.blame()
        assert set(blame) == {"bad"}
        assert 0.7 < blame["bad"] <= 1.0
        shop.opinions._felt = 0.0  # looked a moment ago, when nothing had been said
        shop.opinions.follow()
        lifts = shop.facts.review_tone.lifts(len(shop.facts))
        assert lifts is not None
        assert lifts[shop.facts.row("bad")] < -0.7
        assert lifts[shop.facts.row("good")] == 0.0
        assert shop.opinions.of_product("bad").count.share == 1.0
        assert shop.opinions.of_product("new").count.posts == 0
