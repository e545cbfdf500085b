"""What can be set about the linear model, and why the defaults are what they are."""

from __future__ import annotations

from dataclasses import dataclass

from shoplens.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class LinearSettings:
    """All settings of `Linear`. Those marked (chosen) are only starting points when `select` is on."""

    select: bool = True  # choose the marked settings on purchases hidden inside the training data

    # graph filter, see filter.py
    user_power: float = 0.5  # a: damps people with long histories
    item_power: float = 0.4  # b: damps popular products on the way in and out
    popularity_power: float = 0.2  # c: gives some of that back to the scored product; also used by EASE
    filter_steps: tuple[float, float, float] = (
        0.0,
        1.0,
        5.0,
    )  # (chosen) weights of walks of length 1, 2 and 3; 0: none

    # EASE, see ease.py
    ease_share: float = 0.3  # (chosen) weight of EASE beside the filter, both brought to one scale
    ease_penalty: float = 30.0  # lambda; 20 to 60 were best on four shops, the optimum is flat
    ease_user_power: float = 0.25  # alpha

    # size, see head.py
    exact_items: int = 12_500  # EASE solves a dense system of this many products: 12,500² float32 is 625 MB
    exact_people: int = 6_000  # up to this many people it solves a system of people instead
    row_budget: float = 2e10  # multiply-adds for forming item-to-item rows; some 10 to 20 s on two cores
    neighbours: int = 200  # relations kept of each product; 100 to 400 cost nothing measurable in NDCG

    # content, see content.py
    content_neighbours: int = 20  # products that a new product borrows from; 5 ranked new groceries worse
    # How much borrowed evidence counts beside a product's own. At 1 the ranking of known groceries did not suffer; at 2
    # new ones came four times as often into the best hundred, and NDCG@20 of all fell by a fifth.
    content_discount: float = 1.0
    rare_people: float = 1.0  # up to this many buyers a product borrows; with so many, half as much as a new one

    # fold-in, see folding.py
    half_life_days: float | None = None  # (chosen) recency of a person's history
    half_life_events: float | None = None  # (chosen)
    repeat_weight: float = 0.0  # (chosen) how strongly to offer again what a person buys again and again
    repeat_half_life_days: float = 90.0

    seed: int = 0

    def __post_init__(self) -> None:
        if self.ease_penalty <= 0:
            raise ConfigurationError("ease_penalty must be above 0")
        if self.content_discount < 0 or self.rare_people <= 0 or self.content_neighbours < 1:
            raise ConfigurationError(
                "content_discount must be at least 0, rare_people above 0, content_neighbours at least 1"
            )
        if self.neighbours < 1:
            raise ConfigurationError("neighbours must be at least 1")
        if self.ease_share < 0:
            raise ConfigurationError("ease_share must be at least 0 (0: the graph filter alone)")
        if self.ease_share == 0 and not any(self.filter_steps):
            raise ConfigurationError("with ease_share 0, filter_steps needs a weight other than 0")
        if len(self.filter_steps) != 3:
            raise ConfigurationError("filter_steps are three weights, for walks of length 1, 2 and 3")
