"""How the cart's parts are fitted and added up. All chosen on validation weeks of a year of grocery baskets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeAlias

from shoplens.errors import BundleError

HISTORY = 500  # latest events of a person that habits are read from: months of a weekly shop, in about 2 ms

#: What is known when a cart asks: only its products, these and the person's purchases, or only the purchases.
Situation: TypeAlias = Literal["cart", "cart and person", "person"]
SITUATIONS: tuple[Situation, ...] = ("cart", "cart and person", "person")

#: Every single signal → the source that a reader is told of.
SOURCE_OF: dict[str, str] = {
    "confidence": "together",  # how likely the partner is when the cart's product is bought
    "cosine": "together",  # how alike both are bought, which does not favour what everybody buys
    "nearest": "baskets",
    "kinds": "kinds",
    "same_kind": "kinds",
    "often": "habit",
    "kept": "habit",  # often, where people who tried the product bought it again
    "times": "habit",
    "due": "habit",
    "often_with": "habit",  # often, and bought together with what is in the cart
    "often_log": "habit",  # often, lately and ever by their logarithms: the tenth purchase adds less than the second
    "lately": "habit",  # in these weeks
    "ever": "habit",  # over the whole history, hardly fading
    "portion": "habit",  # each basket shared out among what it held: what the person comes for alone says most
    "hour": "habit",  # at about this time of day …
    "weekday": "habit",  # … on this day of the week …
    "pause": "habit",  # … after as many days without a basket
    "returns": "habit",  # how surely people come back for it after as many days
    "taste": "taste",  # partners of what the person often buys
    "kind_often": "taste",  # how often the person buys this kind of product
    "kind_lately": "taste",  # how lately: speaks against what there is enough of at home
    "popular": "popular",
    "popular_log": "popular",
    "selling": "popular",  # what sells in these days
    "lasting": "popular",  # what has sold for months
    "staple": "popular",  # what people who tried it bought again
    "alone": "popular",  # what is bought in small baskets
}
POPULAR = (
    "popular",
    "popular_log",
    "selling",
    "lasting",
    "staple",
    "alone",
)  # the signals that speak for every product, whoever asks
SOURCES = tuple(dict.fromkeys(SOURCE_OF.values()))

Weights: TypeAlias = Mapping[str, Mapping[str, float]]  # situation → signal → weight

#: Until a shop's own baskets say better. From the same year of grocery baskets.
USUAL: Weights = {
    "cart": {"confidence": 0.7, "cosine": 0.4, "nearest": 2.5, "kinds": 0.1, "same_kind": 0.1, "popular": 0.01},
    "cart and person": {
        "confidence": 0.7,
        "cosine": 0.3,
        "nearest": 0.7,
        "kinds": 0.2,
        "same_kind": 0.1,
        "often": 1.0,
        "kept": 0.5,
        "due": 0.25,
        "often_with": 0.2,
        "popular": 0.01,
    },
    "person": {"often": 1.0, "kept": 2.0, "due": 0.5, "times": 1.0, "taste": 0.01, "popular": 0.4},
}


@dataclass(frozen=True, slots=True)
class CartSettings:
    """Settings of the fit, and the weights."""

    half_life_days: float = 120.0  # of a basket's say about what goes together
    popular_half_life_days: float = 21.0  # of its say about what sells …
    selling_half_life_days: float = 5.0  # … in these days …
    lasting_half_life_days: float = 90.0  # … and for months
    habit_half_life_days: float = 60.0  # of a purchase's say about a habit …
    habit_half_life_baskets: float = 20.0  # … and in later baskets of the same person
    shrinkage: float = 5.0  # baskets: pulls pairs that few speak for towards 0
    partners: int = 100  # kept of each product
    event: str = "purchase"  # what baskets were made of: purchases, or, where there are none, "cart" events
    weights: Weights = field(default_factory=lambda: USUAL)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> CartSettings:
        """From `as_dict`; BundleError for anything else."""
        try:
            result = cls(**given)
            weights = {
                situation: {name: float(result.weights[situation].get(name, 0.0)) for name in SOURCE_OF}
                for situation in SITUATIONS
            }
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise BundleError(f"settings of the cart cannot be read ({error}); train again") from error
        return cls(**{**given, "weights": weights})
