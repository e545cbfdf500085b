"""Scenarios: the places of a shop that show products, and what each of them is for.

A scenario is what a request wishes where it says nothing itself. Which sources propose what in the built-in ones is the
shop's common sense, not fitted to any data: measure yours with an experiment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from shoplens.errors import InputError, did_you_mean
from shoplens.recommend.filters import Every, Filter, Known, Never, Range, Some
from shoplens.recommend.rules import MODEL_ALONE, Boost, Cap, Margin, Wish

MOST_SCENARIOS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Defaults of a request, and rules that no request can lift: `filter`, `hide`, `min_stock`."""

    name: str
    about: str = ""
    sources: tuple[tuple[str, float], ...] = MODEL_ALONE
    n: int = 10
    filter: Filter | None = None
    boost: tuple[Boost, ...] = ()
    diversity: float = 0.0
    exploration: float = 0.0
    freshness: float = 0.0
    repeat: bool | None = None  # None: as the shop's settings say
    pin: tuple[str, ...] = ()
    hide: Filter | None = None
    min_stock: float | None = None  # units on hand; products whose stock is not known stay
    price_band: tuple[float, float] | None = None
    margin: Margin | None = None
    per_brand: int | None = None
    per_category: int | None = None
    cap: Cap | None = None

    def wish(self, given: Mapping[str, Any], *, repeat: bool = False, language: str = "en") -> Wish:
        """What a request that says `given` (fields of `Wish`, None: not said) wishes here; filters of both hold, boosts
        add up. `repeat`: where neither says whether what the person knows may come back."""
        own = {name: getattr(self, name) for name in _SHARED}
        said = {name: value for name, value in given.items() if value is not None}
        wanted = own | said
        wanted["filter"] = self.keeps(said.get("filter"))
        wanted["boost"] = (*self.boost, *said.get("boost", ()))
        wanted.setdefault("repeat", repeat if self.repeat is None else self.repeat)
        return Wish(scenario=self.name, language=language, said=frozenset(said), **wanted)

    def keeps(self, asked: Filter | None = None) -> Filter | None:
        """What products must fit here: what is asked, and what no request can lift. None: any may be shown."""
        parts = [one for one in (asked, self.filter) if one is not None]
        if self.hide is not None:
            parts.append(Never(self.hide))
        if self.min_stock is not None:
            enough = Range(self.min_stock, True, None, True, "stock")
            parts.append(Some((enough, Known("stock", False))))
        return None if not parts else parts[0] if len(parts) == 1 else Every(tuple(parts))


_SHARED = tuple(
    one.name for one in fields(Scenario) if one.name in {field.name for field in fields(Wish)} - {"repeat", "filter"}
)

BUILT_IN: Mapping[str, Scenario] = {
    one.name: one
    for one in (
        Scenario(name="home", about="the front page: the trained model on everything a person did"),
        Scenario(
            name="product",
            about="beside one product: alike, and what its visitors want next",
            sources=(("similar", 1.0), ("last_seen", 1.0), ("cart", 0.5), ("model", 0.5)),
        ),
        Scenario(
            name="cart",
            about="beside the cart: what completes it",
            sources=(("cart", 1.0), ("model", 0.3), ("repurchase", 0.3)),
            repeat=True,
        ),
        Scenario(
            name="checkout",
            about="the last page: small things that go with the cart, and what is due again",
            sources=(("cart", 1.0), ("repurchase", 0.7), ("popular", 0.2)),
            repeat=True,
            price_band=(0.0, 1.0),
            per_category=1,
        ),
        Scenario(
            name="email",
            about="a letter: nothing twice within a week, what is due, what is new",
            sources=(("model", 1.0), ("repurchase", 0.5), ("favourites", 0.5), ("new", 0.25)),
            per_category=3,
            cap=Cap(1, 7.0),
        ),
        Scenario(name="assistant", about="what the assistant recommends: the trained model, as on the front page"),
    )
}


def find_scenario(scenarios: Mapping[str, Scenario], name: str) -> Scenario:
    """The scenario of this name; InputError names those there are."""
    found = scenarios.get(name)
    if found is None:
        raise InputError(
            f"there is no scenario {name!r}; {did_you_mean(name, list(scenarios))}there are {', '.join(scenarios)}. "
            f"Make one: [scenario.{name}] in shoplens.toml, see docs/live.md"
        )
    return found
